// SPDX-License-Identifier: Apache-2.0
// The law of the int8 residual sum: two grids joined with integer multipliers and one rounding.
#pragma once

#include <cstdint>

#include "attendseg/core/tensor.hpp"
#include "attendseg/reference/requantise.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// How the grids of a sum's inputs, a and b, relate to that of its result: multipliers scale_a / scale_out and
/// scale_b / scale_out, in units of 2^-shift.
struct AddI8 {
  std::int16_t ma = 0, mb = 0;       ///< >= 0
  int shift = 1;                     ///< 1 to 24
  int za = 0, zb = 0, zero_point = 0;  ///< zero points of a, b and the result
};

namespace reference {

/// out = clamp(zero_point + (((a - za) * ma + (b - zb) * mb + 2^(shift - 1)) >> shift)). @param a, b, out [H, W, C]
inline void add(View<const std::int8_t> a, View<const std::int8_t> b, const AddI8& p,
                View<std::int8_t> out) noexcept {
  for (int y = 0; y < out.shape.height; ++y)
    for (int x = 0; x < out.shape.width; ++x)
      for (int c = 0; c < out.shape.channels; ++c) {
        const int sum = (a(y, x, c) - p.za) * p.ma + (b(y, x, c) - p.zb) * p.mb;
        out(y, x, c) = clamp_i8(p.zero_point + ((sum + (1 << (p.shift - 1))) >> p.shift));
      }
}

}  // namespace reference
ATTENDSEG_NAMESPACE_END
