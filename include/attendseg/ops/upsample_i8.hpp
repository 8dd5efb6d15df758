// SPDX-License-Identifier: Apache-2.0
// Int8 enlargement, nearest and bilinear, a row at a time in lanes of channels.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/reference/upsample_i8.hpp"
#include "attendseg/simd/common.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {
namespace detail {

/// One row of the picture enlarged bilinearly. Row first, then column; all sums fit int16 (factor 8: 255 * 128).
/// @param in [H, W, C]  @param y row of the result  @param to [W * factor, C]
inline void bilinear_row(View<const std::int8_t> in, int y, int factor, std::int8_t* to) noexcept {
  constexpr int block = 64;  // channels at a time
  const int channels = in.shape.channels, width = in.shape.width;
  const reference::Tap tap = reference::bilinear_tap(y, factor, in.shape.height);
  const std::int8_t* const first = in.row(tap.first);
  const std::int8_t* const second = in.row(tap.second);
  const int n = 4 * factor * factor, shift = std::countr_zero(static_cast<unsigned>(n));
  const std::int16_t w0 = static_cast<std::int16_t>(tap.weight_first);
  const std::int16_t w1 = static_cast<std::int16_t>(tap.weight_second);
  for (int c0 = 0; c0 < channels; c0 += block) {
    const int count = channels - c0 < block ? channels - c0 : block;
    std::int16_t columns[2][block];
    const auto load_column = [&](int x, std::int16_t* ATTENDSEG_RESTRICT column) {
      const std::int8_t* p = first + std::ptrdiff_t{x} * channels + c0;
      const std::int8_t* q = second + std::ptrdiff_t{x} * channels + c0;
      simd::in_blocks(count, [&](auto size, int i) {
        for (int c = i; c < i + size; ++c) column[c] = static_cast<std::int16_t>(p[c] * w0 + q[c] * w1);
      });
    };
    std::int16_t *left = columns[0], *right = columns[1];
    load_column(0, left);
    // Between the centres of columns x and x + 1 lie `factor` pixels; half as many before the first centre.
    for (int x = -1; x < width; ++x) {
      load_column(x + 1 < width ? x + 1 : width - 1, right);
      const int begin = x < 0 ? factor / 2 : 0, end = x == width - 1 ? factor - factor / 2 : factor;
      for (int j = begin; j < end; ++j) {
        std::int8_t* ATTENDSEG_RESTRICT out = to + std::ptrdiff_t{x * factor + factor / 2 + j} * channels + c0;
        const std::int16_t v1 = static_cast<std::int16_t>(2 * j + 1), v0 = static_cast<std::int16_t>(2 * factor - v1);
        const std::int16_t half = static_cast<std::int16_t>(n / 2);
        simd::in_blocks(count, [&](auto size, int i) {
          for (int c = i; c < i + size; ++c) {
            const std::int16_t sum = static_cast<std::int16_t>(left[c] * v0 + right[c] * v1 + half);
            out[c] = static_cast<std::int8_t>(sum >> shift);
          }
        });
      }
      std::int16_t* const swap = left;
      left = right, right = swap;
    }
  }
}

/// One row of the picture enlarged by repetition. @param y row of `in`  @param to [W * factor, C]
inline void nearest_row(View<const std::int8_t> in, int y, int factor, std::int8_t* to) noexcept {
  const std::size_t channels = static_cast<std::size_t>(in.shape.channels);
  const std::int8_t* from = in.row(y);
  for (int x = 0; x < in.shape.width; ++x, from += channels)
    for (int j = 0; j < factor; ++j, to += channels) std::memcpy(to, from, channels);
}

}  // namespace detail

/// Rows of the enlarged picture; equal to reference::upsample. Bilinear: half-pixel centres, edges repeated, on raw
/// int8. @param in [H, W, C]  @param out [H * factor, W * factor, C], not aliased  @param factor 2, 4 or 8
inline void upsample(View<const std::int8_t> in, View<std::int8_t> out, int factor, Interpolation how,
                     Rows rows) noexcept {
  const std::size_t row_bytes = static_cast<std::size_t>(out.shape.width) * static_cast<std::size_t>(out.shape.channels);
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
