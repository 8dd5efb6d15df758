// SPDX-License-Identifier: Apache-2.0
// The law of how a picture enters the network: colours in order, then pixel - 128.
#pragma once

#include <cstdint>

#include "attendseg/core/picture.hpp"
#include "attendseg/core/tensor.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace reference {

/// Red, green, blue of every pixel; alpha is dropped, grey repeated. @param out [picture.height, picture.width, 3]
inline void to_rgb(const Picture& picture, View<std::uint8_t> out) noexcept {
  const PixelFormat f = picture.format;
  const bool reversed = f == PixelFormat::bgr || f == PixelFormat::bgra;
  for (int y = 0; y < picture.height; ++y)
    for (int x = 0; x < picture.width; ++x)
      for (int c = 0; c < 3; ++c) {
        const int channel = f == PixelFormat::grey ? 0 : reversed ? 2 - c : c;
        out(y, x, c) = picture.data[y * picture.row_bytes + x * bytes_per_pixel(f) + channel];
      }
}

/// q = pixel - 128; where out is larger, the last row and column are repeated. @param rgb [H, W, C]
inline void to_input(View<const std::uint8_t> rgb, View<std::int8_t> out) noexcept {
  for (int y = 0; y < out.shape.height; ++y)
    for (int x = 0; x < out.shape.width; ++x)
      for (int c = 0; c < out.shape.channels; ++c) {
        const int sy = y < rgb.shape.height ? y : rgb.shape.height - 1;
        const int sx = x < rgb.shape.width ? x : rgb.shape.width - 1;
        out(y, x, c) = static_cast<std::int8_t>(rgb(sy, sx, c) - 128);
      }
}

}  // namespace reference
ATTENDSEG_NAMESPACE_END
