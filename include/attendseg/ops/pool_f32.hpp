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

/// Joins each factor x factor window row by row and multiplies by `scale`. Factor: 2, or 0 when known at run time only.
template <class Join, int Factor>
inline void pool_row(View<const float> in, View<float> out, int factor, float scale, int y) noexcept {
  const int f = Factor > 0 ? Factor : factor;
  const std::ptrdiff_t channels = in.shape.channels;
  const float* const top = in.row(y * f);
  const float* const below = in.row(y * f + (Factor == 2 ? 1 : 0));
  float* to = out.row(y);
  for (int x = 0; x < out.shape.width; ++x, to += channels) {
    const std::ptrdiff_t first = x * f * channels;
    simd::f32::for_lanes(in.shape.channels, [&]<class B>(int c) ATTENDSEG_LAMBDA {
      const auto tap = [&](const float* row, std::ptrdiff_t j) ATTENDSEG_LAMBDA {
        return simd::f32::load<B>(row + first + j * channels + c);
      };
      B value = tap(top, 0);
      if constexpr (Factor == 2) {
        value = Join::join(Join::join(Join::join(value, tap(top, 1)), tap(below, 0)), tap(below, 1));
      } else {
        for (int i = 0; i < f; ++i)
          for (int j = i == 0 ? 1 : 0; j < f; ++j) value = Join::join(value, tap(in.row(y * f + i), j));
      }
      simd::f32::store(to + c, value * B(scale));
    });
  }
}
template <class Join>
inline void pool(View<const float> in, View<float> out, int factor, float scale, Rows rows) noexcept {
  for (int y = rows.begin; y < rows.end; ++y) {
    if (factor == 2)
      pool_row<Join, 2>(in, out, factor, scale, y);
    else
      pool_row<Join, 0>(in, out, factor, scale, y);
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
