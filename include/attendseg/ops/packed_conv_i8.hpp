// SPDX-License-Identifier: Apache-2.0
// An int8 convolution made ready to run: everything checked, weights in the order that the kernels read them.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "attendseg/core/result.hpp"
#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/ops/check_conv_i8.hpp"
#include "attendseg/simd/backend.hpp"
#include "attendseg/simd/products.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {

/// Weights, biases and multipliers of one int8 convolution, packed for one backend. Move-only; immutable.
///
/// Channels come in chunks of 1 to Backend::max_vectors vectors (depthwise: depthwise_vectors, and all channels are one
/// group), in the order simd::channel_of():
///   dense      weight [groups][vectors in chunks][runs()][run_steps()][chunk][lanes][step_bytes]
///   depthwise  weight [vectors in chunks][row_groups()][kernel][chunk][lanes][4], the last axis running down the rows
/// Both are padded with zeros. A dense run is a part of a patch that is adjacent in memory: a pixel's channels, or
/// where taps touch (no groups, no dilation) a whole kernel row. Biases take back in_zero_point and the backend's sign
/// flip.
template <class Backend>
class BasicPackedConvI8 {
 public:
  /// @param weight      [out_channels, kernel, kernel, in_channels / groups], in [-127, 127]
  /// @param bias        [out_channels], in units of one product
  /// @param multiplier  [out_channels], positive, normal: units of the output grid for one unit of the sum
  /// @return an Error naming the field (`bias[3]: ...`) where sizes disagree, values are out of range or sums could
  ///   leave 32 bits: 255 * sum of abs(weight) + abs(bias) < 2^31, and that times the multiplier < 2^30; or naming the
  ///   backend, where processor or kernel refuse its instructions
  /// @throws std::bad_alloc
  static Result<BasicPackedConvI8> create(const ConvSpec& spec, std::span<const std::int8_t> weight,
                                          std::span<const std::int32_t> bias, std::span<const float> multiplier,
                                          int in_zero_point, int out_zero_point) {
    Status checked = detail::check_conv(spec, weight, bias, multiplier, in_zero_point, out_zero_point);
    if (!checked) return checked.error();
    if (!Products::available())
      return Error{"backend " ATTENDSEG_BACKEND_NAME
                   ": its matrix products are refused by this processor or its kernel"};
    BasicPackedConvI8 packed(spec, in_zero_point, out_zero_point);
    packed.pack(weight.data(), bias.data(), multiplier.data());
    return packed;
  }

  const ConvSpec& spec() const noexcept { return spec_; }
  int in_zero_point() const noexcept { return in_zero_point_; }
  int out_zero_point() const noexcept { return out_zero_point_; }
  /// The smallest output: the zero point where a ReLU is fused.
  int low() const noexcept { return spec_.activation == Activation::none ? -128 : out_zero_point_; }
  /// What one call of conv() needs for an output of that shape; alignment 64 is best, none is required.
  std::size_t scratch_bytes(Shape out) const noexcept {
    std::int64_t bytes = 2 * Backend::width;
    if (spec_.depthwise())
      bytes += std::int64_t{spec_.kernel} * row_groups() * Backend::depthwise_vectors * Backend::width;
    else
      bytes += staging_bytes() + (pointwise() ? std::int64_t{tile_pixels()} * run_steps() * step_bytes
                                              : row_lead() + held_rows() * row_bytes(out.width));
    return static_cast<std::size_t>(bytes);
  }
  /// Bytes of packed parameters.
  std::size_t bytes() const noexcept { return weight_.size() + bias_.size() + multiplier_.size(); }

  // How the kernels see it.
  using Products = simd::Products<Backend>;
  static constexpr int most_pixels = Products::tile;  ///< dense: output pixels at a time, at most
  static constexpr int step_bytes = Products::depth;  ///< dense
  /// Dense: no more than a matrix product.
  bool pointwise() const noexcept { return spec_.kernel == 1 && spec_.padding == 0; }
  /// Dense: output pixels at a time: as many as leave room for others in the first cache.
  int tile_pixels() const noexcept {
    const std::int64_t gathered = pointwise() ? std::int64_t{most_pixels} * run_steps() * step_bytes : 0;
    return gathered > 16384 ? most_pixels / 2 : most_pixels;
  }
  /// Dense: a tile of results that wait for a residual.
  std::int64_t staging_bytes() const noexcept {
    return (std::int64_t{tile_pixels()} * spec_.out_channels + Backend::width + 63) / 64 * 64;
  }
  /// Dense: runs in a kernel row, and in a patch; bytes and steps of one.
  int across() const noexcept { return across_; }
  int runs() const noexcept { return spec_.kernel * across_; }
  int run_bytes() const noexcept { return run_bytes_; }
  int run_steps() const noexcept { return run_steps_; }
  /// Dense: pixels between the first and the last tap of a kernel row; input rows under an output row, and so held in
  /// scratch; bytes of one of them: padded, with room for a last tile that is full and a last run that is padded;
  /// bytes before the first padded row, so that pictures (not their padding) are aligned.
  int reach() const noexcept { return (spec_.kernel - 1) * spec_.dilation; }
  int held_rows() const noexcept { return reach() + 1; }
  std::int64_t row_bytes(int out_width) const noexcept {
    const std::int64_t columns = (std::int64_t{out_width} + most_pixels) * spec_.stride + reach();
    const std::int64_t bytes = columns * spec_.in_channels + run_steps() * step_bytes + Backend::width;
    return (bytes + 63) / 64 * 64;
  }
  std::int64_t row_lead() const noexcept { return 63 - (std::int64_t{spec_.padding} * spec_.in_channels + 63) % 64; }
  /// Channels and vectors in a group's output; chunk i covers vectors [first_vector(i), first_vector(i + 1)).
  int group_outputs() const noexcept { return group_outputs_; }
  int vectors() const noexcept { return vectors_; }
  int chunks() const noexcept { return chunks_; }
  int first_vector(int chunk) const noexcept {
    return std::min(chunk * chunk_vectors_ + std::min(chunk, longer_chunks_), vectors_);
  }
  /// Depthwise: groups of four kernel rows.
  int row_groups() const noexcept { return (spec_.kernel + 3) / 4; }
  const std::int8_t* weight() const noexcept { return reinterpret_cast<const std::int8_t*>(weight_.data()); }
  const std::int32_t* bias() const noexcept { return reinterpret_cast<const std::int32_t*>(bias_.data()); }
  const float* multiplier() const noexcept { return reinterpret_cast<const float*>(multiplier_.data()); }

 private:
  BasicPackedConvI8(const ConvSpec& spec, int in_zero_point, int out_zero_point)
      : spec_(spec),
        in_zero_point_(in_zero_point),
        out_zero_point_(out_zero_point),
        across_(spec.groups == 1 && spec.dilation == 1 ? 1 : spec.kernel),
        run_bytes_(spec.depth() / (spec.kernel * across_)),
        run_steps_(Products::padded((run_bytes_ + step_bytes - 1) / step_bytes)),
        group_outputs_(spec.out_channels / spec.groups),
        vectors_((group_outputs_ + Backend::lanes - 1) / Backend::lanes),
        chunks_((vectors_ + Backend::max_vectors - 1) / Backend::max_vectors),
        chunk_vectors_(vectors_ / chunks_),
        longer_chunks_(vectors_ % chunks_) {
    const bool depthwise = spec.depthwise();
    if (depthwise) {
      // Full chunks and a rest, all of a power of two, at which rows are interleaved fastest.
      constexpr int full = Backend::depthwise_vectors;
      group_outputs_ = spec.out_channels;
      vectors_ = (group_outputs_ + Backend::lanes - 1) / Backend::lanes;
      if (const int rest = vectors_ % full; rest != 0)
        vectors_ += static_cast<int>(std::bit_ceil(static_cast<unsigned>(rest))) - rest;
      chunks_ = (vectors_ + full - 1) / full, chunk_vectors_ = full, longer_chunks_ = 0;
    }
    const std::size_t all = static_cast<std::size_t>((depthwise ? 1 : spec.groups) * vectors());
    const std::size_t steps = static_cast<std::size_t>(depthwise ? row_groups() * spec.kernel : runs() * run_steps());
    weight_ = Buffer(all * steps * Backend::lanes * (depthwise ? 4 : step_bytes));
    bias_ = Buffer(all * Backend::lanes * sizeof(std::int32_t));
    multiplier_ = Buffer(all * Backend::lanes * sizeof(float));
  }

  /// Calls f(channel, first weight of its lane, bytes from one step to the next, index of its bias) for each channel.
  template <class F>
  void each_channel(F&& f) const {
    constexpr int lanes = Backend::lanes;
    const bool depthwise = spec_.depthwise();
    const int lane_bytes = depthwise ? 4 : step_bytes, width = lanes * lane_bytes;
    const int steps = depthwise ? row_groups() * spec_.kernel : runs() * run_steps();
    for (int g = 0; g < (depthwise ? 1 : spec_.groups); ++g)
      for (int chunk = 0; chunk < chunks(); ++chunk) {
        const int first = first_vector(chunk), count = first_vector(chunk + 1) - first;
        const std::int64_t base = std::int64_t{g} * vectors() + first;
        for (int v = 0; v < count; ++v)
          for (int lane = 0; lane < lanes; ++lane) {
            const int channel = first * lanes + simd::channel_of(lanes, count, v, lane);
            if (channel < group_outputs())
              f(g * group_outputs() + channel, base * steps * width + v * width + lane * lane_bytes, count * width,
                (base + v) * lanes + lane);
          }
      }
  }

  void pack(const std::int8_t* weight, const std::int32_t* bias, const float* multiplier) {
    auto* packed_weight = reinterpret_cast<std::int8_t*>(weight_.data());
    auto* packed_bias = reinterpret_cast<std::int32_t*>(bias_.data());
    auto* packed_multiplier = reinterpret_cast<float*>(multiplier_.data());
    const int depth = spec_.depth(), kernel = spec_.kernel;
    // Where the k-th of a channel's weights goes: which step, which byte of it.
    struct Place {
      std::int64_t step;
      int byte;
    };
    const auto place = [&](int k) -> Place {
      if (spec_.depthwise()) return {k / kernel / 4 * kernel + k % kernel, k / kernel % 4};
      const int within = k % run_bytes();
      return {std::int64_t{k / run_bytes()} * run_steps() + within / step_bytes, within % step_bytes};
    };
    each_channel([&](int channel, std::int64_t at, int step, std::int64_t index) {
      const std::int8_t* w = weight + std::int64_t{channel} * depth;
      std::int64_t sum = 0;
      for (int k = 0; k < depth; ++k) {
        sum += w[k];
        const Place to = place(k);
        packed_weight[at + to.step * step + to.byte] = w[k];
      }
      // Fits: abs(in_zero_point + flip) <= 255, and create() has checked 255 * sum of abs(weight) + abs(bias).
      packed_bias[index] = static_cast<std::int32_t>(bias[channel] - sum * (in_zero_point_ + Backend::flip));
      packed_multiplier[index] = multiplier[channel];
    });
  }

  ConvSpec spec_;
  int in_zero_point_ = 0, out_zero_point_ = 0;
  int across_, run_bytes_, run_steps_;
  int group_outputs_, vectors_, chunks_, chunk_vectors_, longer_chunks_;
  Buffer weight_, bias_, multiplier_;
};

}  // namespace ops
ATTENDSEG_NAMESPACE_END
