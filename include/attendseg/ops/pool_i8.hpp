// SPDX-License-Identifier: Apache-2.0
// Int8 max and average pooling over windows that do not overlap, in lanes of channels.
#pragma once

#include <bit>
#include <cstdint>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/simd/common.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {
namespace detail {

/// Calls f(window, out, integral_constant n) for each output pixel and run of n channels.
template <class F>
void each_window(View<const std::int8_t> in, View<std::int8_t> out, int factor, Rows rows, F&& f) noexcept {
  for (int y = rows.begin; y < rows.end; ++y)
    for (int x = 0; x < out.shape.width; ++x) {
      const std::int8_t* const window = in.pixel(y * factor, x * factor);
      std::int8_t* const to = out.pixel(y, x);
      simd::in_blocks(out.shape.channels, [&](auto n, int c) { f(window + c, to + c, n); });
    }
}

}  // namespace detail

/// Rows of max pooling; equal to reference::max_pool.
/// @param in [H, W, C]  @param out [H / factor, W / factor, C], not aliased  @param factor >= 1
inline void max_pool(View<const std::int8_t> in, View<std::int8_t> out, int factor, Rows rows) noexcept {
  const int channels = in.shape.channels;
  detail::each_window(in, out, factor, rows, [&](const std::int8_t* window, std::int8_t* to, auto n) {
    std::int8_t largest[n];
    for (int c = 0; c < n; ++c) largest[c] = window[c];
    for (int v = 0; v < factor; ++v)
      for (int u = 0; u < factor; ++u) {
        const std::int8_t* ATTENDSEG_RESTRICT from = window + v * in.row_stride + std::ptrdiff_t{u} * channels;
        for (int c = 0; c < n; ++c) largest[c] = from[c] > largest[c] ? from[c] : largest[c];
      }
    for (int c = 0; c < n; ++c) to[c] = largest[c];
  });
}

/// Rows of average pooling, rounded half up on raw int8; equal to reference::average_pool.
/// @param in [H, W, C]  @param out [H / factor, W / factor, C], not aliased  @param factor 2, 4 or 8
inline void average_pool(View<const std::int8_t> in, View<std::int8_t> out, int factor, Rows rows) noexcept {
  const int channels = in.shape.channels, count = factor * factor;
  const int shift = std::countr_zero(static_cast<unsigned>(count));
  detail::each_window(in, out, factor, rows, [&](const std::int8_t* window, std::int8_t* to, auto n) {
    std::int16_t sum[n];  // at most 64 * 128 + 32
    for (int c = 0; c < n; ++c) sum[c] = static_cast<std::int16_t>(count / 2);
    for (int v = 0; v < factor; ++v)
      for (int u = 0; u < factor; ++u) {
        const std::int8_t* ATTENDSEG_RESTRICT from = window + v * in.row_stride + std::ptrdiff_t{u} * channels;
        for (int c = 0; c < n; ++c) sum[c] = static_cast<std::int16_t>(sum[c] + from[c]);
      }
    for (int c = 0; c < n; ++c) to[c] = static_cast<std::int8_t>(sum[c] >> shift);
  });
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
