// SPDX-License-Identifier: Apache-2.0
// The law of int8 enlargement, nearest and bilinear.
#pragma once

#include <bit>
#include <cstdint>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace reference {

/// Where an output position lies between two input positions: half-pixel centres, edges repeated.
struct Tap {
  int first, second;                ///< input positions, clamped
  int weight_first, weight_second;  ///< in units of 1 / (2 factor)
};
constexpr Tap bilinear_tap(int out, int factor, int in_size) noexcept {
  const int t = 2 * out + 1 - factor;  // position in units of 1 / (2 factor), from the centre of input 0
  const int floor = t < 0 ? -1 : t / (2 * factor);
  const int fraction = t - floor * 2 * factor;
  const auto clamped = [&](int i) { return i < 0 ? 0 : i >= in_size ? in_size - 1 : i; };
  return {clamped(floor), clamped(floor + 1), 2 * factor - fraction, fraction};
}

/// The bilinear sum before it is rounded: the value times 4 factor^2, in [-128 * 4 factor^2, 127 * 4 factor^2].
inline int bilinear_sum(View<const std::int8_t> in, int y, int x, int c, int factor) noexcept {
  const Tap v = bilinear_tap(y, factor, in.shape.height), h = bilinear_tap(x, factor, in.shape.width);
  return v.weight_first * (h.weight_first * in(v.first, h.first, c) + h.weight_second * in(v.first, h.second, c)) +
         v.weight_second * (h.weight_first * in(v.second, h.first, c) + h.weight_second * in(v.second, h.second, c));
}

/// One value of the enlarged picture; bilinear: (sum + 2 factor^2) >> log2(4 factor^2).
inline std::int8_t upsampled(View<const std::int8_t> in, int y, int x, int c, int factor, Interpolation how) noexcept {
  if (how == Interpolation::nearest) return in(y / factor, x / factor, c);
  const int n = 4 * factor * factor, shift = std::countr_zero(static_cast<unsigned>(n));
  return static_cast<std::int8_t>((bilinear_sum(in, y, x, c, factor) + n / 2) >> shift);
}

/// @param in [H, W, C]  @param out [H * factor, W * factor, C]  @param factor 2, 4 or 8
inline void upsample(View<const std::int8_t> in, View<std::int8_t> out, int factor, Interpolation how) noexcept {
  for (int y = 0; y < out.shape.height; ++y)
    for (int x = 0; x < out.shape.width; ++x)
      for (int c = 0; c < out.shape.channels; ++c) out(y, x, c) = upsampled(in, y, x, c, factor, how);
}

}  // namespace reference
ATTENDSEG_NAMESPACE_END
