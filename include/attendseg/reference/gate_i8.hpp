// SPDX-License-Identifier: Apache-2.0
// The law of the int8 gate: V * sigmoid(expand(A)), the sigmoid as a stored table.
#pragma once

#include <cstdint>

#include "attendseg/reference/requantise.hpp"
#include "attendseg/reference/upsample_i8.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace reference {

/// out = clamp(zp + (((v - zp) * table[expand(a) + 128] + 2^14) >> 15)).
/// @param v, out  [H, W, C], of one zero point  @param a  [H / factor, W / factor, C] attention logits
/// @param table   [256] the gate in Q15
inline void gate(View<const std::int8_t> v, View<const std::int8_t> a, const std::int16_t* table, int zero_point,
                 int factor, Interpolation how, View<std::int8_t> out) noexcept {
  for (int y = 0; y < out.shape.height; ++y)
    for (int x = 0; x < out.shape.width; ++x)
      for (int c = 0; c < out.shape.channels; ++c) {
        const int g = table[upsampled(a, y, x, c, factor, how) + 128];
        out(y, x, c) = clamp_i8(zero_point + (((v(y, x, c) - zero_point) * g + (1 << 14)) >> 15));
      }
}

}  // namespace reference
ATTENDSEG_NAMESPACE_END
