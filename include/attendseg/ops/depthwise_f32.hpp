// SPDX-License-Identifier: Apache-2.0
// Float depthwise convolution over lanes of channels; conv_f32.hpp calls it.
#pragma once

#include <algorithm>
#include <cstddef>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/ops/activation_f32.hpp"
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

/// Pixels [x, x + Pixels) of one output row. All meet the same taps. K: the kernel, or 0 when known at run time only.
/// The order of summation (bias, then taps row by row) is that of every pixel, whatever block it falls into.
template <int K, int Pixels>
ATTENDSEG_INLINE void depthwise_block(const ConvSpec& s, const float* weight, const float* bias, View<const float> in,
                                      int top, int x, Taps ys, Taps xs, float* out) noexcept {
  const int channels = s.in_channels;
  const int kernel = K > 0 ? K : s.kernel;
  const int left = x * s.stride - s.padding;
  const std::ptrdiff_t apart = std::ptrdiff_t{s.stride} * channels;
  const float from = low(s.activation), to = high(s.activation);
  simd::f32::for_lanes(channels, [&]<class B>(int c) {
    B sum[Pixels];
    for (int p = 0; p < Pixels; ++p) sum[p] = simd::f32::load<B>(bias + c);
    for (int ky = ys.begin; ky < ys.end; ++ky) {
      const float* const w = weight + std::ptrdiff_t{ky} * kernel * channels + c;
      const float* const row = in.row(top + ky * s.dilation) + c;
      for (int kx = xs.begin; kx < xs.end; ++kx) {
        const B tap = simd::f32::load<B>(w + std::ptrdiff_t{kx} * channels);
        const float* const a = row + std::ptrdiff_t{left + kx * s.dilation} * channels;
        for (int p = 0; p < Pixels; ++p)
          sum[p] = simd::f32::multiply_add(simd::f32::load<B>(a + p * apart), tap, sum[p]);
      }
    }
    for (int p = 0; p < Pixels; ++p)
      simd::f32::store(out + std::ptrdiff_t{p} * channels + c,
                       simd::f32::minimum(simd::f32::maximum(sum[p], B(from)), B(to)));
  });
}

/// One output row: its edges tap by tap, its interior four pixels at a time without bounds checks.
template <int K>
inline void depthwise_row(const ConvSpec& s, const float* weight, const float* bias, View<const float> in, int y,
                          View<float> out) noexcept {
  const int kernel = K > 0 ? K : s.kernel;
  const int top = y * s.stride - s.padding;
  const Taps ys = taps_inside(top, kernel, s.dilation, in.shape.height);
  // Interior: the first pixel whose tap 0 is inside, to the last one whose last tap is.
  const int room = in.shape.width - 1 - (kernel - 1) * s.dilation + s.padding;
  const int first = std::min((s.padding + s.stride - 1) / s.stride, out.shape.width);
  const int last = std::max(first, std::min(room < 0 ? 0 : room / s.stride + 1, out.shape.width));
  const auto edge = [&](int x) {
    const Taps xs = taps_inside(x * s.stride - s.padding, kernel, s.dilation, in.shape.width);
    depthwise_block<0, 1>(s, weight, bias, in, top, x, ys, xs, out.pixel(y, x));
  };
  for (int x = 0; x < first; ++x) edge(x);
  const Taps all{0, kernel};
  int x = first;
  for (; x + 4 <= last; x += 4) depthwise_block<K, 4>(s, weight, bias, in, top, x, ys, all, out.pixel(y, x));
  for (; x < last; ++x) depthwise_block<K, 1>(s, weight, bias, in, top, x, ys, all, out.pixel(y, x));
  for (x = last; x < out.shape.width; ++x) edge(x);
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
  for (int y = rows.begin; y < rows.end; ++y) {
    if (s.kernel == 3)
      detail_f32::depthwise_row<3>(s, weight, bias, in, y, out);
    else
      detail_f32::depthwise_row<0>(s, weight, bias, in, y, out);
  }
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
