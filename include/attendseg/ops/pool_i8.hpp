// SPDX-License-Identifier: Apache-2.0
// Int8 max and average pooling over windows that do not overlap, in lanes of channels.
#pragma once

#include <bit>
#include <cstdint>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/simd/backend.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {
namespace detail {

/// to = finish(fold over the window's values, from start), for every output pixel, in lanes of channels.
template <class Backend, class Fold, class Finish>
void pool(View<const std::int8_t> in, View<std::int8_t> out, int factor, Rows rows, int start, Fold&& fold,
          Finish&& finish) noexcept {
  const int channels = out.shape.channels;
  for (int y = rows.begin; y < rows.end; ++y)
    for (int x = 0; x < out.shape.width; ++x)
      for (int c = 0; c < channels; c += Backend::words) {
        auto value = Backend::splat_words(start);
        for (int v = 0; v < factor; ++v) {
          const std::int8_t* row = in.pixel(y * factor + v, x * factor) + c;
          for (int u = 0; u < factor; ++u)
            value = fold(value, Backend::widen(row + std::ptrdiff_t{u} * channels));
        }
        Backend::narrow(out.pixel(y, x) + c, finish(value), channels - c);
      }
}

}  // namespace detail

/// Rows of max pooling; equal to reference::max_pool.
/// @param in [H, W, C], `slack` bytes readable behind it  @param out [H / factor, W / factor, C], not aliased
/// @param factor >= 1
template <class Backend = simd::native>
void max_pool(View<const std::int8_t> in, View<std::int8_t> out, int factor, Rows rows) noexcept {
  detail::pool<Backend>(
      in, out, factor, rows, -128, [](auto a, auto b) { return Backend::maximum(a, b); }, [](auto a) { return a; });
}

/// Rows of average pooling, rounded half up on raw int8; equal to reference::average_pool.
/// @param in [H, W, C], `slack` bytes readable behind it  @param out [H / factor, W / factor, C], not aliased
/// @param factor 2, 4 or 8: sums fit int16
template <class Backend = simd::native>
void average_pool(View<const std::int8_t> in, View<std::int8_t> out, int factor, Rows rows) noexcept {
  const int count = factor * factor, shift = std::countr_zero(static_cast<unsigned>(count));
  detail::pool<Backend>(
      in, out, factor, rows, count / 2, [](auto a, auto b) { return Backend::add(a, b); },
      [&](auto a) { return Backend::shift_right(a, shift); });
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
