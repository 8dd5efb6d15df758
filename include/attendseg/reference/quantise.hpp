// SPDX-License-Identifier: Apache-2.0
// The law between float activations and their int8 grid.
#pragma once

#include <cmath>
#include <cstdint>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/reference/requantise.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace reference {

/// out = clamp(zero_point + round to nearest even(in / scale)). @param in, out [H, W, C], in finite
inline void quantise(View<const float> in, View<std::int8_t> out, Quantisation grid) noexcept {
  for (int y = 0; y < out.shape.height; ++y)
    for (int x = 0; x < out.shape.width; ++x)
      for (int c = 0; c < out.shape.channels; ++c) {
        float steps = in(y, x, c) / grid.scale;
        steps = steps < -512.0F ? -512.0F : steps > 512.0F ? 512.0F : steps;  // keeps the conversion in range
        out(y, x, c) = clamp_i8(grid.zero_point + std::lrintf(steps));
      }
}

/// out = scale * (in - zero_point). @param in, out [H, W, C]
inline void dequantise(View<const std::int8_t> in, View<float> out, Quantisation grid) noexcept {
  for (int y = 0; y < out.shape.height; ++y)
    for (int x = 0; x < out.shape.width; ++x)
      for (int c = 0; c < out.shape.channels; ++c)
        out(y, x, c) = grid.scale * static_cast<float>(in(y, x, c) - grid.zero_point);
}

}  // namespace reference
ATTENDSEG_NAMESPACE_END
