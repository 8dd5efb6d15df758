// SPDX-License-Identifier: Apache-2.0
// Float activations over runs of values and over views: relu, relu6, sigmoid.
#pragma once

#include <cfloat>
#include <cstdint>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/simd/lanes_f32.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {

namespace detail_f32 {
/// What an activation clamps to; finite, since -ffast-math knows no infinity.
constexpr float low(Activation a) noexcept { return a == Activation::none ? -FLT_MAX : 0.0F; }
constexpr float high(Activation a) noexcept { return a == Activation::relu6 ? 6.0F : FLT_MAX; }

/// min(max(x, low), high) over n adjacent floats, in place.
inline void activate(Activation activation, float* x, std::int64_t n) noexcept {
  if (activation == Activation::none) return;
  const float from = low(activation), to = high(activation);
  constexpr std::int64_t chunk = 1 << 20;  // for_lanes counts in int
  for (std::int64_t i = 0; i < n; i += chunk)
    simd::f32::for_lanes(static_cast<int>(n - i < chunk ? n - i : chunk), [&]<class B>(int k) {
      const B v = simd::f32::load<B>(x + i + k);
      simd::f32::store(x + i + k, simd::f32::minimum(simd::f32::maximum(v, B(from)), B(to)));
    });
}
}  // namespace detail_f32

/// out = activation(in), rows [rows.begin, rows.end); exact.
/// @param in,out [H, W, C], any row stride; out may be in
inline void activate(View<const float> in, Activation activation, View<float> out, Rows rows) noexcept {
  const float from = detail_f32::low(activation), to = detail_f32::high(activation);
  for (int y = rows.begin; y < rows.end; ++y) {
    const float* a = in.row(y);
    float* o = out.row(y);
    simd::f32::for_lanes(in.shape.width * in.shape.channels, [&]<class B>(int i) {
      simd::f32::store(o + i, simd::f32::minimum(simd::f32::maximum(simd::f32::load<B>(a + i), B(from)), B(to)));
    });
  }
}

/// out = max(in, 0), rows [rows.begin, rows.end); exact. out may be in.
inline void relu(View<const float> in, View<float> out, Rows rows) noexcept {
  activate(in, Activation::relu, out, rows);
}
/// out = min(max(in, 0), 6), rows [rows.begin, rows.end); exact. out may be in.
inline void relu6(View<const float> in, View<float> out, Rows rows) noexcept {
  activate(in, Activation::relu6, out, rows);
}

/// out = 1 / (1 + exp(-in)), rows [rows.begin, rows.end).
/// @param in,out [H, W, C], any row stride; out may be in
/// Error against reference::sigmoid: relative, at most 8 eps for |in| <= 80.
inline void sigmoid(View<const float> in, View<float> out, Rows rows) noexcept {
  for (int y = rows.begin; y < rows.end; ++y) {
    const float* a = in.row(y);
    float* o = out.row(y);
    simd::f32::for_lanes(in.shape.width * in.shape.channels, [&]<class B>(int i) {
      simd::f32::store(o + i, simd::f32::sigmoid(simd::f32::load<B>(a + i)));
    });
  }
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
