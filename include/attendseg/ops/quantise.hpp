// SPDX-License-Identifier: Apache-2.0
// Between float activations and their int8 grid. Not part of the int8 network, which never leaves the integers.
#pragma once

#include <cmath>
#include <cstdint>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {

/// Rows of clamp(zero_point + round to nearest even(in / scale)); equal to reference::quantise.
/// @param in [H, W, C], finite  @param out [H, W, C]
inline void quantise(View<const float> in, View<std::int8_t> out, Quantisation grid, Rows rows) noexcept {
  const int size = out.shape.width * out.shape.channels, zero_point = grid.zero_point;
  const float scale = grid.scale;
  for (int y = rows.begin; y < rows.end; ++y) {
    const float* from = in.row(y);
    std::int8_t* to = out.row(y);
    for (int i = 0; i < size; ++i) {
      float steps = from[i] / scale;
      steps = steps < -512.0F ? -512.0F : steps > 512.0F ? 512.0F : steps;  // keeps the conversion in range
      const int q = zero_point + static_cast<int>(std::lrintf(steps));
      to[i] = static_cast<std::int8_t>(q < -128 ? -128 : q > 127 ? 127 : q);
    }
  }
}

/// Rows of scale * (in - zero_point); equal to reference::dequantise. @param in, out [H, W, C]
inline void dequantise(View<const std::int8_t> in, View<float> out, Quantisation grid, Rows rows) noexcept {
  const int size = out.shape.width * out.shape.channels, zero_point = grid.zero_point;
  const float scale = grid.scale;
  for (int y = rows.begin; y < rows.end; ++y) {
    const std::int8_t* from = in.row(y);
    float* to = out.row(y);
    for (int i = 0; i < size; ++i) to[i] = scale * static_cast<float>(from[i] - zero_point);
  }
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
