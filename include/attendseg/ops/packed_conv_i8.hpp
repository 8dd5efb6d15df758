// SPDX-License-Identifier: Apache-2.0
// An int8 convolution made ready to run: everything checked, weights in the order that the kernels read them.
#pragma once

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <utility>

#include "attendseg/core/result.hpp"
#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/simd/backend.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {
namespace detail {

/// The first thing wrong with a convolution's parameters; the message starts with the field's name.
inline Status check_conv(const ConvSpec& s, std::span<const std::int8_t> weight, std::span<const std::int32_t> bias,
                         std::span<const float> multiplier, int in_zero_point, int out_zero_point) {
  const auto text = [](auto n) { return std::to_string(n); };
  const auto wrong = [&](std::string field, auto met, const std::string& wanted) {
    return Error{field.append(": ").append(text(met)).append(", expected ").append(wanted)};
  };
  const auto element = [&](const char* name, std::size_t index) {
    return std::string(name).append("[").append(text(index)).append("]");
  };
  const struct {
    const char* name;
    int value, least, most;
  } limits[] = {{"in_channels", s.in_channels, 1, 65536}, {"out_channels", s.out_channels, 1, 65536},
                {"kernel", s.kernel, 1, 31},              {"stride", s.stride, 1, 64},
                {"dilation", s.dilation, 1, 256},         {"padding", s.padding, 0, 8192},
                {"groups", s.groups, 1, s.in_channels},   {"in_zero_point", in_zero_point, -128, 127},
                {"out_zero_point", out_zero_point, -128, 127}};
  for (const auto& l : limits)
    if (l.value < l.least || l.value > l.most) return wrong(l.name, l.value, text(l.least) + " to " + text(l.most));
  if (s.in_channels % s.groups != 0 || s.out_channels % s.groups != 0)
    return wrong("groups", s.groups,
                 std::string("a divisor of ")
                     .append(text(s.in_channels))
                     .append(" in_channels and ")
                     .append(text(s.out_channels))
                     .append(" out_channels"));
  const auto size_is = [](std::size_t size, std::int64_t n) { return std::cmp_equal(size, n); };
  if (!size_is(weight.size(), s.weights())) return wrong("weight", weight.size(), text(s.weights()) + " values");
  if (!size_is(bias.size(), s.out_channels)) return wrong("bias", bias.size(), text(s.out_channels) + " values");
  if (!size_is(multiplier.size(), s.out_channels))
    return wrong("multiplier", multiplier.size(), text(s.out_channels) + " values");

  const std::size_t depth = static_cast<std::size_t>(s.depth());
  for (std::size_t o = 0; o < bias.size(); ++o) {
    std::int64_t magnitude = 0;
    for (std::size_t i = o * depth; i < (o + 1) * depth; ++i) {
      if (weight[i] == -128) return wrong(element("weight", i), -128, "-127 to 127");
      magnitude += std::abs(static_cast<int>(weight[i]));
    }
    // Bits, as -ffast-math lets compilers assume that no float is infinite or not a number.
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(multiplier[o]);
    if (bits < 0x00800000U || bits >= 0x7F800000U)
      return wrong(element("multiplier", o), multiplier[o], "a positive, finite, normal number");
    const std::int64_t bound = 255 * magnitude + std::abs(std::int64_t{bias[o]});
    if (bound >= std::int64_t{1} << 31)
      return wrong(element("bias", o), bias[o],
                   std::string("with the weights (sum of absolute values ")
                       .append(text(magnitude))
                       .append(") to fit a 32-bit sum"));
    if (static_cast<double>(bound) * static_cast<double>(multiplier[o]) >= 1073741824.0)
      return wrong(element("multiplier", o), multiplier[o],
                   std::string("less than 2^30 divided by the largest sum, ").append(text(bound)));
  }
  return {};
}

}  // namespace detail

/// Weights, biases and multipliers of one int8 convolution, packed for one backend. Move-only; immutable.
///
/// Channels come in chunks of 1 to Backend::max_vectors vectors (depthwise: 4), in the order simd::channel_of():
///   dense      weight [groups][vectors in chunks][steps = ceil(depth / 4)][chunk][lanes][4]
///   depthwise  weight [blocks][ceil(kernel / 4)][kernel][4][lanes][4], the last axis running down the rows
/// Both are padded with zeros. Biases take back in_zero_point and the backend's sign flip.
template <class Backend>
class BasicPackedConvI8 {
 public:
  /// @param weight      [out_channels, kernel, kernel, in_channels / groups], in [-127, 127]
  /// @param bias        [out_channels], in units of one product
  /// @param multiplier  [out_channels], positive, normal: units of the output grid for one unit of the sum
  /// @return an Error naming the field (`bias[3]: ...`) where sizes disagree, values are out of range or sums could
  ///   leave 32 bits: 255 * sum of abs(weight) + abs(bias) < 2^31, and that times the multiplier < 2^30
  /// @throws std::bad_alloc
  static Result<BasicPackedConvI8> create(const ConvSpec& spec, std::span<const std::int8_t> weight,
                                          std::span<const std::int32_t> bias, std::span<const float> multiplier,
                                          int in_zero_point, int out_zero_point) {
    Status checked = detail::check_conv(spec, weight, bias, multiplier, in_zero_point, out_zero_point);
    if (!checked) return checked.error();
    BasicPackedConvI8 packed(spec, in_zero_point, out_zero_point);
    packed.pack(weight.data(), bias.data(), multiplier.data());
    return packed;
  }

  const ConvSpec& spec() const noexcept { return spec_; }
  int in_zero_point() const noexcept { return in_zero_point_; }
  int out_zero_point() const noexcept { return out_zero_point_; }
  /// The smallest output: the zero point where a ReLU is fused.
  int low() const noexcept { return spec_.activation == Activation::none ? -128 : out_zero_point_; }
  /// What one call of conv() needs, whatever the picture's size; alignment 64 is best, none is required.
  std::size_t scratch_bytes() const noexcept {
    const std::size_t tile = spec_.depthwise() ? std::size_t{1} * tile_columns() * row_groups() * 4 * Backend::width
                                               : std::size_t{tile_pixels} * 4 * static_cast<std::size_t>(steps());
    return tile + 2 * Backend::width;
  }
  /// Bytes of packed parameters.
  std::size_t bytes() const noexcept { return weight_.size() + bias_.size() + multiplier_.size(); }

  // How the kernels see it.
  static constexpr int tile_pixels = 24;  ///< dense: patches gathered at a time; a multiple of every pixels(n)
  static constexpr int tile_width = 24;   ///< depthwise: output columns at a time
  int steps() const noexcept { return (spec_.depth() + 3) / 4; }
  int group_outputs() const noexcept { return spec_.out_channels / spec_.groups; }
  /// Dense: vectors in a group's output; chunk i covers vectors [first_vector(i), first_vector(i + 1)).
  int vectors() const noexcept { return (group_outputs() + Backend::lanes - 1) / Backend::lanes; }
  int chunks() const noexcept { return (vectors() + Backend::max_vectors - 1) / Backend::max_vectors; }
  int first_vector(int chunk) const noexcept { return vectors() * chunk / chunks(); }
  /// Depthwise: blocks of Backend::width channels, groups of four kernel rows, input columns of a tile.
  int blocks() const noexcept { return (spec_.out_channels + Backend::width - 1) / Backend::width; }
  int row_groups() const noexcept { return (spec_.kernel + 3) / 4; }
  int tile_columns() const noexcept {
    return (tile_width - 1) * spec_.stride + (spec_.kernel - 1) * spec_.dilation + 1;
  }
  const std::int8_t* weight() const noexcept { return reinterpret_cast<const std::int8_t*>(weight_.data()); }
  const std::int32_t* bias() const noexcept { return reinterpret_cast<const std::int32_t*>(bias_.data()); }
  const float* multiplier() const noexcept { return reinterpret_cast<const float*>(multiplier_.data()); }

 private:
  BasicPackedConvI8(const ConvSpec& spec, int in_zero_point, int out_zero_point)
      : spec_(spec), in_zero_point_(in_zero_point), out_zero_point_(out_zero_point) {
    const bool depthwise = spec.depthwise();
    const std::size_t all = static_cast<std::size_t>(depthwise ? blocks() * 4 : spec.groups * vectors());
    const std::size_t depth = static_cast<std::size_t>(depthwise ? row_groups() * spec.kernel : steps());
    weight_ = Buffer(all * depth * Backend::width);
    bias_ = Buffer(all * Backend::lanes * sizeof(std::int32_t));
    multiplier_ = Buffer(all * Backend::lanes * sizeof(float));
  }

  /// Calls f(channel, first weight of its lane, bytes from one step to the next, index of its bias) for each channel.
  template <class F>
  void each_channel(F&& f) const {
    constexpr int lanes = Backend::lanes, width = Backend::width;
    const bool depthwise = spec_.depthwise();
    const int groups = depthwise ? 1 : spec_.groups, outputs = spec_.out_channels / groups;
    const int total = depthwise ? 4 * blocks() : vectors();
    const int depth = depthwise ? row_groups() * spec_.kernel : steps();
    for (int g = 0; g < groups; ++g)
      for (int chunk = 0; chunk < (depthwise ? blocks() : chunks()); ++chunk) {
        const int first = depthwise ? 4 * chunk : first_vector(chunk);
        const int count = (depthwise ? first + 4 : first_vector(chunk + 1)) - first;
        const std::int64_t base = std::int64_t{g} * total + first;
        for (int v = 0; v < count; ++v)
          for (int lane = 0; lane < lanes; ++lane) {
            const int channel = first * lanes + simd::channel_of(lanes, count, v, lane);
            if (channel < outputs)
              f(g * outputs + channel, base * depth * width + v * width + lane * 4, count * width,
                (base + v) * lanes + lane);
          }
      }
  }

  void pack(const std::int8_t* weight, const std::int32_t* bias, const float* multiplier) {
    auto* packed_weight = reinterpret_cast<std::int8_t*>(weight_.data());
    auto* packed_bias = reinterpret_cast<std::int32_t*>(bias_.data());
    auto* packed_multiplier = reinterpret_cast<float*>(multiplier_.data());
    const int depth = spec_.depth(), kernel = spec_.kernel;
    each_channel([&](int channel, std::int64_t at, int step, std::int64_t index) {
      const std::int8_t* w = weight + std::int64_t{channel} * depth;
      std::int64_t sum = 0;
      for (int k = 0; k < depth; ++k) {
        sum += w[k];
        const int ky = k / kernel, kx = k % kernel;  // depthwise only
        const int position = spec_.depthwise() ? ky / 4 * kernel + kx : k / 4;
        packed_weight[at + std::int64_t{position} * step + (spec_.depthwise() ? ky : k) % 4] = w[k];
      }
      // Fits: abs(in_zero_point + flip) <= 255, and create() has checked 255 * sum of abs(weight) + abs(bias).
      packed_bias[index] = static_cast<std::int32_t>(bias[channel] - sum * (in_zero_point_ + Backend::flip));
      packed_multiplier[index] = multiplier[channel];
    });
  }

  ConvSpec spec_;
  int in_zero_point_ = 0, out_zero_point_ = 0;
  Buffer weight_, bias_, multiplier_;
};

}  // namespace ops
ATTENDSEG_NAMESPACE_END
