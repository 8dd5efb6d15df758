// SPDX-License-Identifier: Apache-2.0
// Float convolution: dense and grouped ones as matrix products, depthwise ones over lanes of channels.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "attendseg/core/result.hpp"
#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/ops/activation_f32.hpp"
#include "attendseg/ops/check_f32.hpp"
#include "attendseg/ops/depthwise_f32.hpp"
#include "attendseg/simd/lanes_f32.hpp"
#include "attendseg/simd/matmul_f32.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {

/// A convolution's weights and bias, checked and in the order in which conv() reads them. Move-only, immutable.
class PackedConvF32 {
 public:
  PackedConvF32() = default;

  /// @param weight [out_channels, kernel, kernel, in_channels / groups] (OHWI)
  /// @param bias   [out_channels]
  /// @return an Error that names the field: "weight: 95 values, expected 96", "weight[7]: nan, expected finite",
  ///         "groups: 3, expected a divisor of in_channels 16"
  /// @throws std::bad_alloc
  static Result<PackedConvF32> create(const ConvSpec& spec, std::span<const float> weight,
                                      std::span<const float> bias) {
    if (Status s = check_spec_f32(spec); !s) return s.error();
    if (Status s = check_values("weight", weight, spec.weights()); !s) return s.error();
    if (Status s = check_values("bias", bias, spec.out_channels); !s) return s.error();
    PackedConvF32 packed;
    packed.spec_ = spec;
    packed.bias_.assign(bias.begin(), bias.end());
    const int depth = spec.depth();
    if (spec.depthwise()) {
      packed.taps_.resize(weight.size());
      for (int c = 0; c < spec.out_channels; ++c)
        for (int t = 0; t < depth; ++t)
          packed.taps_[static_cast<std::size_t>(t) * spec.out_channels + c] =
              weight[static_cast<std::size_t>(c) * depth + t];
      return packed;
    }
    const int columns = packed.group_outputs();
    for (int g = 0; g < spec.groups; ++g)
      packed.matrices_.emplace_back(weight.data() + static_cast<std::ptrdiff_t>(g) * columns * depth, depth, depth,
                                    columns);
    return packed;
  }

  const ConvSpec& spec() const noexcept { return spec_; }
  int group_outputs() const noexcept { return spec_.out_channels / spec_.groups; }
  /// Scratch that conv() needs, whatever the picture's size.
  std::size_t scratch_bytes() const noexcept {
    if (spec_.depthwise()) return 0;
    const std::size_t product = simd::matmul_scratch(tile(), spec_.depth(), group_outputs());
    return alignment + sizeof(float) * (patches_floats() + product);
  }

  const float* bias() const noexcept { return bias_.data(); }
  /// Depthwise: weights as [kernel, kernel, channels].
  const float* taps() const noexcept { return taps_.data(); }
  /// Otherwise: the weights of a group.
  const simd::PackedMatrixF32& matrix(int group) const noexcept { return matrices_[static_cast<std::size_t>(group)]; }
  /// Output pixels a matrix product: enough to pay for the call, few enough that patches stay in the L2 cache.
  int tile() const noexcept { return std::clamp(32768 / spec_.depth() / 16 * 16, 16, 128); }
  /// True when the input itself is the left operand: no patches need gathering.
  bool direct() const noexcept { return spec_.kernel == 1 && spec_.padding == 0; }
  /// Floats of a tile of patches, kept to whole units of alignment.
  std::size_t patches_floats() const noexcept {
    return direct() ? 0 : static_cast<std::size_t>(tile()) * static_cast<std::size_t>(spec_.depth());
  }

 private:
  ConvSpec spec_;
  std::vector<float> bias_;
  std::vector<float> taps_;
  std::vector<simd::PackedMatrixF32> matrices_;
};

namespace detail_f32 {
/// Gathers the inputs of output pixel (y, x) and group g as [kernel, kernel, in_channels / groups], zeros outside.
inline void gather_patch(const ConvSpec& s, View<const float> in, int y, int x, int g, float* to) noexcept {
  const int depth = s.group_inputs();
  const int left = x * s.stride - s.padding;
  // Taps side by side are adjacent in memory, so the inner part of a row of a patch is one run.
  const bool run = s.dilation == 1 && s.groups == 1;
  const int first = std::min(std::max(-left, 0), s.kernel);
  const int last = std::max(std::min(in.shape.width - left, s.kernel), first);
  const int top = y * s.stride - s.padding;
  if (run && last - first == s.kernel && top >= 0 && top + s.kernel <= in.shape.height) {  // the common case
    for (int ky = 0; ky < s.kernel; ++ky, to += s.kernel * depth)
      simd::f32::copy(in.pixel(top + ky, left), to, s.kernel * depth);
    return;
  }
  for (int ky = 0; ky < s.kernel; ++ky, to += s.kernel * depth) {
    const int iy = top + ky * s.dilation;
    if (iy < 0 || iy >= in.shape.height) {
      simd::f32::zero(to, s.kernel * depth);
    } else if (run) {
      simd::f32::zero(to, first * depth);
      if (last > first) simd::f32::copy(in.pixel(iy, left + first), to + first * depth, (last - first) * depth);
      simd::f32::zero(to + last * depth, (s.kernel - last) * depth);
    } else {
      for (int kx = 0; kx < s.kernel; ++kx) {
        const int ix = left + kx * s.dilation;
        if (ix < 0 || ix >= in.shape.width)
          simd::f32::zero(to + kx * depth, depth);
        else
          simd::f32::copy(in.pixel(iy, ix) + g * depth, to + kx * depth, depth);
      }
    }
  }
}

/// Output pixels [first, first + count) in row-major order, from row y0 on; they are adjacent in `out`.
/// @pre at most packed.tile() pixels; where packed.direct(), their inputs are evenly spaced in `in`
inline void conv_tile(const PackedConvF32& packed, View<const float> in, View<float> out, int y0, int first, int count,
                      float* scratch) noexcept {
  const ConvSpec& s = packed.spec();
  float* const patches = scratch;
  float* const product = scratch + packed.patches_floats();
  const int width = out.shape.width;
  const int y = y0 + first / width;
  const int x = first % width;
  float* const result = out.pixel(y, x);
  for (int g = 0; g < s.groups; ++g) {
    const float* a = patches;
    std::ptrdiff_t apart = s.depth();
    if (packed.direct()) {
      a = in.pixel(y * s.stride, x * s.stride) + g * s.group_inputs();
      apart = std::ptrdiff_t{s.stride} * s.in_channels;
    } else {
      float* to = patches;
      for (int i = 0, py = y, px = x; i < count; ++i, to += apart) {
        gather_patch(s, in, py, px, g, to);
        if (++px == width) {
          px = 0;
          ++py;
        }
      }
    }
    const int outputs = packed.group_outputs();
    simd::matmul(a, apart, count, packed.matrix(g), packed.bias() + g * outputs, result + g * outputs, s.out_channels,
                 product);
  }
  activate(s.activation, result, std::int64_t{count} * s.out_channels);
}
}  // namespace detail_f32

/// Convolution, bias and activation: output rows [rows.begin, rows.end).
/// @param in  [H, W, in_channels], any row stride
/// @param out spec.out_shape(in.shape), any row stride; must not overlap `in`
/// @param scratch packed.scratch_bytes() bytes, any alignment; one a thread
/// Error against reference::conv: |difference| <= (depth + 4) * eps * (sum |a w| + |bias|), eps = 2^-23. A value's
/// bits do not depend on how rows are shared out. Cannot fail, throw or allocate.
inline void conv(const PackedConvF32& packed, View<const float> in, View<float> out, Rows rows,
                 std::byte* scratch) noexcept {
  const ConvSpec& s = packed.spec();
  if (s.depthwise()) return depthwise(s, packed.taps(), packed.bias(), in, out, rows);
  auto* const aligned = reinterpret_cast<float*>(
      scratch + (alignment - reinterpret_cast<std::uintptr_t>(scratch) % alignment) % alignment);
  // Rows that follow each other without a gap are one long row: narrow pictures then fill their tiles too.
  const bool one_run = out.dense() && (!packed.direct() || (in.dense() && s.stride == 1));
  const int height = rows.end - rows.begin;
  const int pixels = one_run ? height * out.shape.width : out.shape.width;
  for (int y = rows.begin; y < rows.end; y += one_run ? height : 1)
    for (int first = 0; first < pixels; first += packed.tile())
      detail_f32::conv_tile(packed, in, out, y, first, std::min(packed.tile(), pixels - first), aligned);
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
