// SPDX-License-Identifier: Apache-2.0
// Float selective attention: V' = V * sigmoid(expand(A)) * S.
#pragma once

#include <cstddef>
#include <span>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/ops/bilinear_f32.hpp"
#include "attendseg/simd/common.hpp"
#include "attendseg/simd/lanes_f32.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {

/// Logits are clamped to the int8 grid of step 1/16 that the integer network keeps them on.
inline constexpr float gate_low = -8.0F;
inline constexpr float gate_high = 127.0F / 16.0F;

namespace detail_f32 {
template <class B>
ATTENDSEG_INLINE B clamp_logit(const B& a) noexcept {
  return simd::f32::minimum(simd::f32::maximum(a, B(gate_low)), B(gate_high));
}
/// S for the channels from c on: one a layer, or one a channel.
template <class B>
ATTENDSEG_INLINE B scale_at(std::span<const float> scale, int c) noexcept {
  return scale.size() > 1 ? simd::f32::load<B>(scale.data() + c) : B(scale[0]);
}

/// Rows [y, y + Count) of the output, under one row of logits: each logit's gate is computed once for all of them.
/// Factor: 2, or 0 when known at run time only.
template <int Factor, int Count>
inline void gate_nearest_rows(View<const float> v, View<const float> a, std::span<const float> scale, int factor,
                              View<float> out, int y) noexcept {
  const int f = Factor > 0 ? Factor : factor;
  const std::ptrdiff_t channels = v.shape.channels;
  const float* logits = a.row(y / f);
  const float* from[Count];
  float* to[Count];
  simd::unroll<Count>([&](auto i) ATTENDSEG_LAMBDA { from[i] = v.row(y + i), to[i] = out.row(y + i); });
  for (int x = 0; x < a.shape.width; ++x, logits += channels) {
    const std::ptrdiff_t first = x * f * channels;
    simd::f32::for_lanes(v.shape.channels, [&]<class B>(int c) ATTENDSEG_LAMBDA {
      const B gate = simd::f32::sigmoid(clamp_logit(simd::f32::load<B>(logits + c))) * scale_at<B>(scale, c);
      const auto open = [&](auto i, std::ptrdiff_t j) ATTENDSEG_LAMBDA {
        const std::ptrdiff_t at = first + j * channels + c;
        simd::f32::store(to[i] + at, simd::f32::load<B>(from[i] + at) * gate);
      };
      simd::unroll<Count>([&](auto i) ATTENDSEG_LAMBDA {
        if constexpr (Factor > 0)
          simd::unroll<Factor>([&](auto j) ATTENDSEG_LAMBDA { open(i, j); });
        else
          for (int j = 0; j < f; ++j) open(i, j);
      });
    });
  }
}

inline void gate_nearest(View<const float> v, View<const float> a, std::span<const float> scale, int factor,
                         View<float> out, Rows rows) noexcept {
  for (int y = rows.begin; y < rows.end;) {
    const bool pair = y + 2 <= rows.end && y / factor == (y + 1) / factor;
    if (pair && factor == 2)
      gate_nearest_rows<2, 2>(v, a, scale, factor, out, y);
    else if (pair)
      gate_nearest_rows<0, 2>(v, a, scale, factor, out, y);
    else
      gate_nearest_rows<0, 1>(v, a, scale, factor, out, y);
    y += pair ? 2 : 1;
  }
}

inline void gate_bilinear_row(View<const float> v, View<const float> a, std::span<const float> scale, int factor,
                              View<float> out, int y) noexcept {
  const float* const from = v.row(y);
  float* const to = out.row(y);
  enlarge_row(
      a, factor, out.shape.width, y, [](const auto& logit) ATTENDSEG_LAMBDA { return clamp_logit(logit); },
      [&]<class B>(std::ptrdiff_t x, int c, const B& logit) ATTENDSEG_LAMBDA {
        const B gate = simd::f32::sigmoid(logit) * scale_at<B>(scale, c);
        simd::f32::store(to + x + c, simd::f32::load<B>(from + x + c) * gate);
      });
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
