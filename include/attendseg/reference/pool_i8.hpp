// SPDX-License-Identifier: Apache-2.0
// The law of int8 pooling: windows of factor x factor that do not overlap.
#pragma once

#include <bit>
#include <cstdint>

#include "attendseg/core/tensor.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace reference {

/// out[y][x][c] = the largest value of in's window. @param in [H, W, C]  @param out [H / factor, W / factor, C]
inline void max_pool(View<const std::int8_t> in, View<std::int8_t> out, int factor) noexcept {
  for (int y = 0; y < out.shape.height; ++y)
    for (int x = 0; x < out.shape.width; ++x)
      for (int c = 0; c < out.shape.channels; ++c) {
        std::int8_t largest = -128;
        for (int v = 0; v < factor; ++v)
          for (int u = 0; u < factor; ++u) {
            const std::int8_t q = in(y * factor + v, x * factor + u, c);
            largest = q > largest ? q : largest;
          }
        out(y, x, c) = largest;
      }
}

/// out[y][x][c] = (sum + n / 2) >> log2 n over the n = factor^2 values of in's window, on raw int8 (so the zero
/// point passes through). @param in [H, W, C]  @param out [H / factor, W / factor, C]  @param factor 2, 4 or 8
inline void average_pool(View<const std::int8_t> in, View<std::int8_t> out, int factor) noexcept {
  const int n = factor * factor, shift = std::countr_zero(static_cast<unsigned>(n));
  for (int y = 0; y < out.shape.height; ++y)
    for (int x = 0; x < out.shape.width; ++x)
      for (int c = 0; c < out.shape.channels; ++c) {
        int sum = 0;
        for (int v = 0; v < factor; ++v)
          for (int u = 0; u < factor; ++u) sum += in(y * factor + v, x * factor + u, c);
        out(y, x, c) = static_cast<std::int8_t>((sum + n / 2) >> shift);
      }
}

}  // namespace reference
ATTENDSEG_NAMESPACE_END
