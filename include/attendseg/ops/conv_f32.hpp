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
      packed.matrices_.emplace_back(weight.data() + static_cast<std::ptrdiff_t>(g) * columns * depth,
                                    bias.data() + static_cast<std::ptrdiff_t>(g) * columns, packed.runs(),
                                    depth / packed.runs(), columns);
    return packed;
  }

  const ConvSpec& spec() const noexcept { return spec_; }
  int group_outputs() const noexcept { return spec_.out_channels / spec_.groups; }
  /// Scratch that conv() needs, whatever the picture's size.
  std::size_t scratch_bytes() const noexcept {
    if (spec_.depthwise()) return 0;
    return alignment + sizeof(float) * (patches_floats() + simd::matmul_scratch(matrices_[0])) +
           sizeof(float*) * static_cast<std::size_t>(runs());
  }

  /// Depthwise: [channels].
  const float* bias() const noexcept { return bias_.data(); }
  /// Depthwise: weights as [kernel, kernel, channels].
  const float* taps() const noexcept { return taps_.data(); }
  /// Otherwise: weights and bias of a group.
  const simd::PackedMatrixF32& matrix(int group) const noexcept { return matrices_[static_cast<std::size_t>(group)]; }
  /// True when the input itself is the left operand, one run a pixel.
  bool direct() const noexcept { return spec_.kernel == 1 && spec_.padding == 0; }
  /// Pieces of memory that a window consists of. Taps side by side are adjacent unless a dilation or other groups'
  /// channels lie between them.
  int runs() const noexcept {
    return spec_.dilation == 1 && spec_.groups == 1 ? spec_.kernel : spec_.kernel * spec_.kernel;
  }
  /// Output pixels a matrix product at most: few enough that gathered windows stay in the L2 cache.
  int tile() const noexcept { return std::clamp(32768 / spec_.depth() / 16 * 16, 16, 128); }
  /// Floats of a tile of gathered windows, whole units of alignment.
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

/// Scratch of conv(), divided.
struct ConvScratch {
  ConvScratch(const PackedConvF32& packed, std::byte* scratch) noexcept {
    const std::uintptr_t past = reinterpret_cast<std::uintptr_t>(scratch) % alignment;
    patches = reinterpret_cast<float*>(scratch + (alignment - past) % alignment);
    product = patches + packed.patches_floats();
    // Behind the product's floats, an even number of them.
    runs = reinterpret_cast<const float**>(product + simd::matmul_scratch(packed.matrix(0)));
  }
  float* patches;
  float* product;
  const float** runs;
};

/// Output pixels [x, end) of row y and group g, whose windows are gathered: those at the picture's edges.
inline void conv_gathered(const PackedConvF32& packed, View<const float> in, View<float> out, int y, int x, int end,
                          int g, const ConvScratch& scratch) noexcept {
  const ConvSpec& s = packed.spec();
  const simd::PackedMatrixF32& weight = packed.matrix(g);
  for (; x < end; x += packed.tile()) {
    const int count = std::min(packed.tile(), end - x);
    for (int i = 0; i < count; ++i)
      gather_patch(s, in, y, x + i, g, scratch.patches + std::ptrdiff_t{i} * s.depth());
    for (int r = 0; r < packed.runs(); ++r)
      scratch.runs[r] = scratch.patches + std::ptrdiff_t{r} * weight.depth();
    simd::matmul(scratch.runs, s.depth(), count, weight, low(s.activation), high(s.activation),
                 out.pixel(y, x) + g * packed.group_outputs(), s.out_channels, scratch.product);
  }
}

/// Output row y of a convolution with windows: the windows inside the picture are read where they lie.
inline void conv_row(const PackedConvF32& packed, View<const float> in, View<float> out, int y,
                     const ConvScratch& scratch) noexcept {
  const ConvSpec& s = packed.spec();
  const int reach = (s.kernel - 1) * s.dilation, width = out.shape.width;
  const int top = y * s.stride - s.padding;
  // [first, last): windows inside the picture. At each edge a tile is gathered, not just the pixels that need it.
  constexpr int tile = 8;
  int first = 0, last = 0;
  if (top >= 0 && top + reach < in.shape.height && reach < in.shape.width) {
    first = (s.padding + s.stride - 1) / s.stride;
    last = std::min((in.shape.width - 1 - reach + s.padding) / s.stride + 1, width);
    if (first > 0) first = std::max(first, tile);
    if (last < width) last = std::min(last, width - tile);
  }
  if (last - first < tile) first = last = 0;
  const bool merged = packed.runs() == s.kernel;
  for (int g = 0; g < s.groups; ++g) {
    if (first < last) {
      const float** run = scratch.runs;
      for (int ky = 0; ky < s.kernel; ++ky) {
        const float* const from =
            in.pixel(top + ky * s.dilation, first * s.stride - s.padding) + g * s.group_inputs();
        for (int kx = 0; kx < (merged ? 1 : s.kernel); ++kx)
          *run++ = from + std::ptrdiff_t{kx} * s.dilation * s.in_channels;
      }
      simd::matmul(scratch.runs, std::ptrdiff_t{s.stride} * s.in_channels, last - first, packed.matrix(g),
                   low(s.activation), high(s.activation), out.pixel(y, first) + g * packed.group_outputs(),
                   s.out_channels, scratch.product);
    }
    conv_gathered(packed, in, out, y, 0, first, g, scratch);
    conv_gathered(packed, in, out, y, last, width, g, scratch);
  }
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
  const detail_f32::ConvScratch divided(packed, scratch);
  if (!packed.direct()) {
    for (int y = rows.begin; y < rows.end; ++y) detail_f32::conv_row(packed, in, out, y, divided);
    return;
  }
  // Rows that follow each other without a gap are one long row: narrow pictures then fill their tiles too.
  const bool one_run = out.dense() && in.dense() && s.stride == 1;
  const int step = one_run ? std::max(rows.end - rows.begin, 1) : 1;
  for (int y = rows.begin; y < rows.end; y += step)
    for (int g = 0; g < s.groups; ++g) {
      const float* const from = in.pixel(y * s.stride, 0) + g * s.group_inputs();
      simd::matmul(&from, std::ptrdiff_t{s.stride} * s.in_channels, step * out.shape.width, packed.matrix(g),
                   detail_f32::low(s.activation), detail_f32::high(s.activation),
                   out.pixel(y, 0) + g * packed.group_outputs(), s.out_channels, divided.product);
    }
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
