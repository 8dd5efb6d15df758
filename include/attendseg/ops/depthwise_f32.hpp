// SPDX-License-Identifier: Apache-2.0
// Float depthwise convolution over lanes of channels; conv_f32.hpp calls it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/ops/activation_f32.hpp"
#include "attendseg/simd/common.hpp"
#include "attendseg/simd/lanes_f32.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {

namespace detail_f32 {
/// The taps [begin, end) of one axis that meet the picture.
struct Taps {
  int begin;
  int end;
};
/// @param start where tap 0 lies (negative: in the padding) @param size of the picture along the axis
constexpr Taps taps_inside(int start, int kernel, int dilation, int size) noexcept {
  const int begin = start < 0 ? std::min((-start + dilation - 1) / dilation, kernel) : 0;
  const int end = start < size ? std::min((size - start + dilation - 1) / dilation, kernel) : 0;
  return {begin, std::max(begin, end)};
}

template <class B>
ATTENDSEG_INLINE void store_activated(Activation activation, float* to, const B& x) noexcept {
  simd::f32::store(to, simd::f32::minimum(simd::f32::maximum(x, B(low(activation))), B(high(activation))));
}

/// A kernel of any size on one batch of channels, by the taps that meet the picture.
/// @param weight, bias  from the batch's first channel on, which is `channel`
template <class B>
inline void depthwise_any(const ConvSpec& s, const float* weight, const float* bias, View<const float> in,
                          View<float> out, Rows rows, int channel) noexcept {
  for (int y = rows.begin; y < rows.end; ++y)
    for (int x = 0; x < out.shape.width; ++x) {
      const int top = y * s.stride - s.padding, left = x * s.stride - s.padding;
      const Taps ys = taps_inside(top, s.kernel, s.dilation, in.shape.height);
      const Taps xs = taps_inside(left, s.kernel, s.dilation, in.shape.width);
      B sum = simd::f32::load<B>(bias);
      for (int ky = ys.begin; ky < ys.end; ++ky)
        for (int kx = xs.begin; kx < xs.end; ++kx)
          sum = simd::f32::multiply_add(
              simd::f32::load<B>(in.pixel(top + ky * s.dilation, left + kx * s.dilation) + channel),
              simd::f32::load<B>(weight + (std::ptrdiff_t{ky} * s.kernel + kx) * s.in_channels), sum);
      store_activated(s.activation, out.pixel(y, x) + channel, sum);
    }
}

/// Four pixels of one output row by a kernel of 3 x 3: bias, then taps row by row, whatever block a pixel falls into.
/// Stride: that of a convolution without dilation, whose windows' shared columns are loaded once; 0: any.
/// Inside: all taps meet the picture. Else columns outside are 0, and rows outside are left out.
/// @param row  the rows of taps, at column 0; null: outside the picture
/// @param left column of the first tap @param count pixels to store
template <int Stride, bool Inside, class B>
ATTENDSEG_INLINE void depthwise_block(const ConvSpec& s, const float* const (&row)[3], int left, int width,
                                      const B (&weight)[9], const B& bias, float* to, int count) noexcept {
  using simd::unroll;
  constexpr int pixels = 4;
  const std::ptrdiff_t channels = s.in_channels;
  B sum[pixels];
  unroll<pixels>([&](auto p) ATTENDSEG_LAMBDA { sum[p] = bias; });
  unroll<3>([&](auto ky) ATTENDSEG_LAMBDA {
    if constexpr (!Inside)
      if (row[ky] == nullptr) return;
    const float* const first = row[ky] + left * channels;
    const auto load = [&](int offset, std::ptrdiff_t floats) ATTENDSEG_LAMBDA {
      if constexpr (!Inside)
        if (left + offset < 0 || left + offset >= width) return B(0.0F);
      return simd::f32::load<B>(first + floats);
    };
    constexpr int columns = Stride > 0 ? (pixels - 1) * Stride + 3 : 1;
    B shared[columns];
    if constexpr (Stride > 0)
      unroll<columns>([&](auto i) ATTENDSEG_LAMBDA { shared[i] = load(i, i * channels); });
    unroll<3>([&](auto kx) ATTENDSEG_LAMBDA {
      unroll<pixels>([&](auto p) ATTENDSEG_LAMBDA {
        B value;
        if constexpr (Stride > 0)
          value = shared[p * Stride + kx];
        else
          value = load(p * s.stride + kx * s.dilation, p * (s.stride * channels) + kx * (s.dilation * channels));
        sum[p] = simd::f32::multiply_add(value, weight[3 * ky + kx], sum[p]);
      });
    });
  });
  const B from(low(s.activation)), until(high(s.activation));
  unroll<pixels>([&](auto p) ATTENDSEG_LAMBDA {
    if (Inside || p < count)
      simd::f32::store(to + p * channels, simd::f32::minimum(simd::f32::maximum(sum[p], from), until));
  });
}

/// A kernel of 3 x 3 on one batch of channels, whose weights stay in registers. Stride as depthwise_block's.
template <class B, int Stride>
inline void depthwise_3x3(const ConvSpec& s, const float* weights, const float* biases, View<const float> in,
                          View<float> out, Rows rows, int channel) noexcept {
  constexpr int pixels = 4;
  const std::ptrdiff_t channels = s.in_channels;
  const int width = out.shape.width, reach = (pixels - 1) * s.stride + 2 * s.dilation;
  B weight[9];
  simd::unroll<9>([&](auto t) ATTENDSEG_LAMBDA { weight[t] = simd::f32::load<B>(weights + t * channels); });
  const B bias = simd::f32::load<B>(biases);
  for (int y = rows.begin; y < rows.end; ++y) {
    const int top = y * s.stride - s.padding;
    const float* row[3];
    simd::unroll<3>([&](auto ky) ATTENDSEG_LAMBDA {
      const int iy = top + ky * s.dilation;
      row[ky] = iy >= 0 && iy < in.shape.height ? in.row(iy) + channel : nullptr;
    });
    const bool inside = row[0] != nullptr && row[1] != nullptr && row[2] != nullptr;
    float* const to = out.row(y) + channel;
    for (int i = 0; i < width; i += pixels) {
      // Where a block would end behind the row, it begins earlier: pixels computed twice get the same bits twice.
      const int x = std::max(std::min(i, width - pixels), 0), left = x * s.stride - s.padding;
      if (inside && left >= 0 && left + reach < in.shape.width)
        depthwise_block<Stride, true>(s, row, left, in.shape.width, weight, bias, to + x * channels, pixels);
      else
        depthwise_block<Stride, false>(s, row, left, in.shape.width, weight, bias, to + x * channels, width - x);
    }
  }
}
}  // namespace detail_f32

/// Depthwise convolution, bias and activation: output rows [rows.begin, rows.end).
/// @param s      s.depthwise(); C = s.in_channels
/// @param weight [kernel, kernel, C], unlike a weight file's [C, kernel, kernel, 1]
/// @param bias   [C]
/// @param in     [H, W, C], any row stride
/// @param out    s.out_shape(in.shape), any row stride; must not overlap `in`
/// Error against reference::conv: |difference| <= (depth + 4) * eps * (sum |a w| + |bias|). Cannot fail or allocate.
inline void depthwise(const ConvSpec& s, const float* weight, const float* bias, View<const float> in, View<float> out,
                      Rows rows) noexcept {
  // Within a few rows channels are the outer loop: the rows that windows share stay in the L1 cache, which all channels
  // of them overflow, and the cache lines that two batches share in the L2 cache.
  const std::int64_t row_floats = std::int64_t{s.stride} * in.shape.width * s.in_channels;
  const int few = static_cast<int>(std::clamp<std::int64_t>(65536 / std::max<std::int64_t>(row_floats, 1), 1, 16));
  for (int y = rows.begin; y < rows.end; y += few) {
    const Rows band{y, std::min(y + few, rows.end)};
    simd::f32::for_lanes(s.in_channels, [&]<class B>(int c) {
      if (s.kernel == 3 && s.dilation == 1 && s.stride == 1)
        detail_f32::depthwise_3x3<B, 1>(s, weight + c, bias + c, in, out, band, c);
      else if (s.kernel == 3 && s.dilation == 1 && s.stride == 2)
        detail_f32::depthwise_3x3<B, 2>(s, weight + c, bias + c, in, out, band, c);
      else if (s.kernel == 3)
        detail_f32::depthwise_3x3<B, 0>(s, weight + c, bias + c, in, out, band, c);
      else
        detail_f32::depthwise_any<B>(s, weight + c, bias + c, in, out, band, c);
    });
  }
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
