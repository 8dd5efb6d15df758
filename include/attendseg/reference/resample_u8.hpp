// SPDX-License-Identifier: Apache-2.0
// The law of picture resampling in integers: exact area averages down, nearest up.
#pragma once

#include <cstdint>

#include "attendseg/core/tensor.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace reference {

/// Length of the intersection of [a, b) and [c, d).
constexpr std::int64_t overlap(std::int64_t a, std::int64_t b, std::int64_t c, std::int64_t d) noexcept {
  const std::int64_t begin = a > c ? a : c, end = b < d ? b : d;
  return end > begin ? end - begin : 0;
}

/// out(i, j) = (sum of wy * wx * in + T / 2) / T with T = Hin * Win, where both pictures cover one rectangle and
/// wy * wx is the area that an input pixel shares with the output pixel, in units that make it an integer.
/// @param in [Hin, Win, C]  @param out [Hout, Wout, C], Hout <= Hin, Wout <= Win
inline void resample(View<const std::uint8_t> in, View<std::uint8_t> out) noexcept {
  const std::int64_t hi = in.shape.height, wi = in.shape.width, ho = out.shape.height, wo = out.shape.width;
  const std::uint64_t total = static_cast<std::uint64_t>(hi * wi);
  for (int i = 0; i < ho; ++i)
    for (int j = 0; j < wo; ++j)
      for (int c = 0; c < out.shape.channels; ++c) {
        std::uint64_t sum = 0;
        for (int y = 0; y < hi; ++y) {
          const std::int64_t wy = overlap(y * ho, (y + 1) * ho, i * hi, (i + 1) * hi);
          if (wy == 0) continue;
          for (int x = 0; x < wi; ++x) {
            const std::int64_t wx = overlap(x * wo, (x + 1) * wo, j * wi, (j + 1) * wi);
            sum += static_cast<std::uint64_t>(wy * wx * in(y, x, c));
          }
        }
        out(i, j, c) = static_cast<std::uint8_t>((sum + total / 2) / total);
      }
}

/// out(y, x) = in at the pixel that out's pixel centre falls into. @param in [Hin, Win, C]  @param out [Hout, Wout, C]
inline void enlarge_nearest(View<const std::uint8_t> in, View<std::uint8_t> out) noexcept {
  for (int y = 0; y < out.shape.height; ++y)
    for (int x = 0; x < out.shape.width; ++x)
      for (int c = 0; c < out.shape.channels; ++c) {
        const std::int64_t sy = (2 * std::int64_t{y} + 1) * in.shape.height / (2 * std::int64_t{out.shape.height});
        const std::int64_t sx = (2 * std::int64_t{x} + 1) * in.shape.width / (2 * std::int64_t{out.shape.width});
        out(y, x, c) = in(static_cast<int>(sy), static_cast<int>(sx), c);
      }
}

}  // namespace reference
ATTENDSEG_NAMESPACE_END
