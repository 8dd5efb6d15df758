// SPDX-License-Identifier: Apache-2.0
// Float selective attention: V' = V * sigmoid(expand(A)) * S.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/ops/bilinear_f32.hpp"
#include "attendseg/simd/lanes_f32.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {

/// Logits are clamped to the int8 grid of step 1/16 that the integer network keeps them on.
inline constexpr float gate_low = -8.0F;
inline constexpr float gate_high = 127.0F / 16.0F;

namespace detail_f32 {
template <class B>
ATTENDSEG_INLINE B logit(const float* a) noexcept {
  return simd::f32::minimum(simd::f32::maximum(simd::f32::load<B>(a), B(gate_low)), B(gate_high));
}
/// S for the channels from c on: one a layer, or one a channel.
template <class B>
ATTENDSEG_INLINE B scale_at(std::span<const float> scale, int c) noexcept {
  return scale.size() > 1 ? simd::f32::load<B>(scale.data() + c) : B(scale[0]);
}

/// Each condensed pixel's gate is computed once for the output pixels that share it.
inline void gate_nearest(View<const float> v, View<const float> a, std::span<const float> scale, int factor,
                         View<float> out, Rows rows) noexcept {
  const int channels = v.shape.channels;
  for (int ya = rows.begin / factor; ya * factor < rows.end; ++ya) {
    const int first = std::max(ya * factor, rows.begin), last = std::min((ya + 1) * factor, rows.end);
    for (int xa = 0; xa < a.shape.width; ++xa) {
      const float* const logits = a.pixel(ya, xa);
      simd::f32::for_lanes(channels, [&]<class B>(int c) {
        const B gate = simd::f32::sigmoid(logit<B>(logits + c)) * scale_at<B>(scale, c);
        for (int y = first; y < last; ++y) {
          const float* const from = v.pixel(y, xa * factor) + c;
          float* const to = out.pixel(y, xa * factor) + c;
          for (std::ptrdiff_t j = 0; j < factor; ++j)
            simd::f32::store(to + j * channels, simd::f32::load<B>(from + j * channels) * gate);
        }
      });
    }
  }
}

inline void gate_bilinear_row(View<const float> v, View<const float> a, std::span<const float> scale, int factor,
                              View<float> out, int y) noexcept {
  const int channels = v.shape.channels;
  const Between rows = between(y, factor, a.shape.height);
  for (int i = -1; i < a.shape.width; ++i) {
    const int x0 = std::max(i, 0), x1 = std::min(i + 1, a.shape.width - 1);
    const float* const top0 = a.pixel(rows.before, x0);
    const float* const top1 = a.pixel(rows.before, x1);
    const float* const bottom0 = a.pixel(rows.after, x0);
    const float* const bottom1 = a.pixel(rows.after, x1);
    const int start = i * factor + factor / 2;
    const int first = std::max(-start, 0), last = std::min(factor, out.shape.width - start);
    simd::f32::for_lanes(channels, [&]<class B>(int c) {
      const B t0 = logit<B>(top0 + c), t1 = logit<B>(top1 + c);
      const B left = simd::f32::multiply_add(logit<B>(bottom0 + c) - t0, B(rows.weight), t0);
      const B step = simd::f32::multiply_add(logit<B>(bottom1 + c) - t1, B(rows.weight), t1) - left;
      const B s = scale_at<B>(scale, c);
      for (int j = first; j < last; ++j) {
        const B gate = simd::f32::sigmoid(simd::f32::multiply_add(step, B(later_weight(factor, j)), left)) * s;
        simd::f32::store(out.pixel(y, start + j) + c, simd::f32::load<B>(v.pixel(y, start + j) + c) * gate);
      }
    });
  }
}
}  // namespace detail_f32

/// Selective attention: output rows [rows.begin, rows.end).
/// @param v     [H, W, C], any row stride
/// @param a     [H / factor, W / factor, C] logits, any row stride; clamped to [gate_low, gate_high], then expanded
/// @param scale S, one value for the layer or C
/// @param factor at least 1, divides H and W; the network uses 2, 4 and 8
/// @param out   [H, W, C], any row stride; may be v, must not overlap `a`
/// Error against reference::gate: |difference| <= 112 * eps * |v S gate| (the logits' error, 12 eps * 8, dominates).
inline void gate(View<const float> v, View<const float> a, std::span<const float> scale, int factor,
                 Interpolation how, View<float> out, Rows rows) noexcept {
  if (how == Interpolation::nearest) return detail_f32::gate_nearest(v, a, scale, factor, out, rows);
  for (int y = rows.begin; y < rows.end; ++y) detail_f32::gate_bilinear_row(v, a, scale, factor, out, y);
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
