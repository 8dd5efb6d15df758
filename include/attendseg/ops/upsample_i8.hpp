// SPDX-License-Identifier: Apache-2.0
// Int8 enlargement, nearest and bilinear, a row at a time in lanes of channels.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/reference/upsample_i8.hpp"
#include "attendseg/simd/backend.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {
namespace detail {

/// One row of the picture enlarged bilinearly. Row first, then column; all sums fit int16 (factor 8: 255 * 128).
/// Reads up to a vector past the end of a row.
/// @param in [H, W, C]  @param y row of the result  @param to [W * factor, C]
template <class Backend = simd::native>
void bilinear_row(View<const std::int8_t> in, int y, int factor, std::int8_t* to) noexcept {
  using I16 = typename Backend::I16;
  constexpr int vectors = 2, block = vectors * Backend::words;  // channels at a time
  const int channels = in.shape.channels, width = in.shape.width;
  const reference::Tap tap = reference::bilinear_tap(y, factor, in.shape.height);
  const int n = 4 * factor * factor, shift = std::countr_zero(static_cast<unsigned>(n));
  const I16 w0 = Backend::splat_words(tap.weight_first), w1 = Backend::splat_words(tap.weight_second);
  const I16 half = Backend::splat_words(n / 2);
  for (int c0 = 0; c0 < channels; c0 += block) {
    const std::int8_t* const first = in.row(tap.first) + c0;
    const std::int8_t* const second = in.row(tap.second) + c0;
    // One column of the blended row; the second vector only where there are channels for it.
    const bool wide = channels - c0 > Backend::words;
    const auto load_column = [&](int x, I16(&column)[vectors]) ATTENDSEG_LAMBDA {
      const std::ptrdiff_t at = std::ptrdiff_t{x} * channels;
      simd::unroll<vectors>([&](auto v) ATTENDSEG_LAMBDA {
        const std::ptrdiff_t i = at + (v == 0 || wide ? v * Backend::words : 0);
        column[v] = Backend::add(Backend::multiply(Backend::widen(first + i), w0),
                                 Backend::multiply(Backend::widen(second + i), w1));
      });
    };
    I16 left[vectors], right[vectors];
    load_column(0, left);
    // Between the centres of columns x and x + 1 lie `factor` pixels; half as many before the first centre.
    for (int x = -1; x < width; ++x) {
      load_column(x + 1 < width ? x + 1 : width - 1, right);
      const int begin = x < 0 ? factor / 2 : 0, end = x == width - 1 ? factor - factor / 2 : factor;
      std::int8_t* out = to + std::ptrdiff_t{x * factor + factor / 2 + begin} * channels + c0;
      for (int j = begin; j < end; ++j, out += channels) {
        const I16 v1 = Backend::splat_words(2 * j + 1), v0 = Backend::splat_words(2 * factor - (2 * j + 1));
        simd::unroll<vectors>([&](auto v) ATTENDSEG_LAMBDA {
          if (v != 0 && !wide) return;
          const I16 sum = Backend::add(Backend::multiply(left[v], v0), Backend::multiply(right[v], v1));
          const I16 rounded = Backend::shift_right(Backend::add(sum, half), shift);
          Backend::narrow(out + v * Backend::words, rounded, channels - c0 - v * Backend::words);
        });
      }
      simd::unroll<vectors>([&](auto v) ATTENDSEG_LAMBDA { left[v] = right[v]; });
    }
  }
}

/// One row of the picture enlarged by repetition. @param y row of `in`  @param to [W * factor, C]
inline void nearest_row(View<const std::int8_t> in, int y, int factor, std::int8_t* to) noexcept {
  const std::size_t channels = static_cast<std::size_t>(in.shape.channels);
  const std::int8_t* from = in.row(y);
  for (int x = 0; x < in.shape.width; ++x, from += channels)
    for (int j = 0; j < factor; ++j, to += channels) simd::copy_run(to, from, channels);
}

}  // namespace detail

/// Rows of the enlarged picture; equal to reference::upsample. Bilinear: half-pixel centres, edges repeated, on raw
/// int8. @param in [H, W, C], `slack` bytes readable behind it  @param out [H * factor, W * factor, C], not aliased
/// @param factor 2, 4 or 8
inline void upsample(View<const std::int8_t> in, View<std::int8_t> out, int factor, Interpolation how,
                     Rows rows) noexcept {
  const std::size_t row_bytes = static_cast<std::size_t>(out.shape.width * out.shape.channels);
  for (int y = rows.begin; y < rows.end; ++y) {
    if (how == Interpolation::bilinear)
      detail::bilinear_row(in, y, factor, out.row(y));
    else if (y > rows.begin && y % factor != 0)
      std::memcpy(out.row(y), out.row(y - 1), row_bytes);
    else
      detail::nearest_row(in, y / factor, factor, out.row(y));
  }
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
