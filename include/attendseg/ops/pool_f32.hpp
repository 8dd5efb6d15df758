// SPDX-License-Identifier: Apache-2.0
// Float max and average pooling over windows that do not overlap.
#pragma once

#include <algorithm>
#include <cstddef>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/simd/lanes_f32.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {

namespace detail_f32 {
struct Largest {
  template <class B>
  static B join(const B& a, const B& b) noexcept {
    return simd::f32::maximum(a, b);
  }
};
struct Sum {
  template <class B>
  static B join(const B& a, const B& b) noexcept {
    return a + b;
  }
};

/// Joins each factor x factor window row by row and multiplies by `scale`.
template <class Join>
inline void pool(View<const float> in, View<float> out, int factor, float scale, Rows rows) noexcept {
  const int channels = in.shape.channels;
  for (int y = rows.begin; y < rows.end; ++y)
    for (int x = 0; x < out.shape.width; ++x) {
      float* const to = out.pixel(y, x);
      simd::f32::for_lanes(channels, [&]<class B>(int c) {
        const auto tap = [&](int i, int j) {
          return simd::f32::load<B>(in.pixel(y * factor + i, x * factor + j) + c);
        };
        B value = tap(0, 0);
        for (int k = 1; k < factor * factor; ++k) value = Join::join(value, tap(k / factor, k % factor));
        simd::f32::store(to + c, value * B(scale));
      });
    }
}
}  // namespace detail_f32

/// Largest value of each window: output rows [rows.begin, rows.end); exact.
/// @param in  [H, W, C], any row stride
/// @param out [H / factor, W / factor, C], any row stride; must not overlap `in`
/// @param factor side and stride of the windows, at least 1
inline void max_pool(View<const float> in, View<float> out, int factor, Rows rows) noexcept {
  detail_f32::pool<detail_f32::Largest>(in, out, factor, 1.0F, rows);
}

/// Mean of each window: output rows [rows.begin, rows.end). Shapes as max_pool.
/// Error against reference::average_pool: |difference| <= eps * sum |a| (factor^2 additions, then the mean).
inline void average_pool(View<const float> in, View<float> out, int factor, Rows rows) noexcept {
  detail_f32::pool<detail_f32::Sum>(in, out, factor, 1.0F / static_cast<float>(factor * factor), rows);
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
