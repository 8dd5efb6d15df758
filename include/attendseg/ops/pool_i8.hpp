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

/// Folds every window into one value, in lanes of channels. Factor: its value, or 0 where it is not known.
/// @param fold    (values so far, where the next ones lie) -> values
/// @param finish  (where the results go, values, how many of them)
template <int Width, int Factor, class Start, class Fold, class Finish>
void pool(View<const std::int8_t> in, View<std::int8_t> out, int any_factor, Rows rows, const Start& start, Fold&& fold,
          Finish&& finish) noexcept {
  const int factor = Factor ? Factor : any_factor, width = out.shape.width, channels = out.shape.channels;
  const std::ptrdiff_t next = std::ptrdiff_t{factor} * channels;
  for (int y = rows.begin; y < rows.end; ++y) {
    const auto row = [&](int v) { return in.row(y * factor + v); };
    if constexpr (Factor == 2) {
      const std::int8_t *const upper = row(0), *const lower = row(1);
      std::int8_t* const to = out.row(y);
      for (int c = 0; c < channels; c += Width)
        for (int x = 0; x < width; ++x) {
          const std::int8_t *const p = upper + x * next + c, *const q = lower + x * next + c;
          finish(to + std::ptrdiff_t{x} * channels + c, fold(fold(fold(fold(start, p), p + channels), q), q + channels),
                 channels - c);
        }
    } else {
      for (int x = 0; x < width; ++x)
        for (int c = 0; c < channels; c += Width) {
          auto value = start;
          for (int v = 0; v < factor; ++v) {
            const std::int8_t* p = row(v) + x * next + c;
            for (int u = 0; u < factor; ++u, p += channels) value = fold(value, p);
          }
          finish(out.pixel(y, x) + c, value, channels - c);
        }
    }
  }
}

}  // namespace detail

/// Rows of max pooling; equal to reference::max_pool.
/// @param in [H, W, C], `slack` bytes readable behind it  @param out [H / factor, W / factor, C], not aliased
/// @param factor >= 1
template <class Backend = simd::native>
void max_pool(View<const std::int8_t> in, View<std::int8_t> out, int factor, Rows rows) noexcept {
  using Bytes = typename Backend::Bytes;
  const Bytes start = Backend::splat_byte(-128);
  const auto fold = [](const Bytes& a, const std::int8_t* p)
                        ATTENDSEG_LAMBDA { return Backend::maximum_bytes(a, Backend::load(p)); };
  const auto finish = [](std::int8_t* to, const Bytes& value, int count)
                          ATTENDSEG_LAMBDA { Backend::store_first(to, value, count); };
  if (factor == 2)
    detail::pool<Backend::width, 2>(in, out, factor, rows, start, fold, finish);
  else
    detail::pool<Backend::width, 0>(in, out, factor, rows, start, fold, finish);
}

/// Rows of average pooling, rounded half up on raw int8; equal to reference::average_pool.
/// @param in [H, W, C], `slack` bytes readable behind it  @param out [H / factor, W / factor, C], not aliased
/// @param factor 2, 4 or 8: sums fit int16
template <class Backend = simd::native>
void average_pool(View<const std::int8_t> in, View<std::int8_t> out, int factor, Rows rows) noexcept {
  using I16 = typename Backend::I16;
  const int count = factor * factor, shift = std::countr_zero(static_cast<unsigned>(count));
  const I16 start = Backend::splat_words(count / 2);
  const auto fold = [](const I16& a, const std::int8_t* p)
                        ATTENDSEG_LAMBDA { return Backend::add(a, Backend::widen(p)); };
  const auto finish = [shift](std::int8_t* to, const I16& value, int stored)
                          ATTENDSEG_LAMBDA { Backend::narrow(to, Backend::shift_right(value, shift), stored); };
  if (factor == 2)
    detail::pool<Backend::words, 2>(in, out, factor, rows, start, fold, finish);
  else
    detail::pool<Backend::words, 0>(in, out, factor, rows, start, fold, finish);
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
