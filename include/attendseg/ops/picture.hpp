// SPDX-License-Identifier: Apache-2.0
// How a picture enters the network: colours in order, then one subtraction.
#pragma once

#include <cstdint>
#include <cstring>

#include "attendseg/core/picture.hpp"
#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {

using attendseg::Picture;
using attendseg::PixelFormat;

/// Rows of red, green, blue; alpha is dropped, grey repeated; equal to reference::to_rgb.
/// @param out [picture.height, picture.width, 3]
inline void to_rgb(const Picture& picture, View<std::uint8_t> out, Rows rows) noexcept {
  const PixelFormat f = picture.format;
  const bool reversed = f == PixelFormat::bgr || f == PixelFormat::bgra, grey = f == PixelFormat::grey;
  const int step = bytes_per_pixel(f), red = reversed ? 2 : 0, green = grey ? 0 : 1, blue = grey || reversed ? 0 : 2;
  for (int y = rows.begin; y < rows.end; ++y) {
    const std::uint8_t* ATTENDSEG_RESTRICT from = picture.data + y * picture.row_bytes;
    std::uint8_t* ATTENDSEG_RESTRICT to = out.row(y);
    if (f == PixelFormat::rgb) {
      std::memcpy(to, from, static_cast<std::size_t>(picture.width) * 3);
      continue;
    }
    for (int x = 0; x < picture.width; ++x, from += step, to += 3) {
      to[0] = from[red];
      to[1] = from[green];
      to[2] = from[blue];
    }
  }
}

/// Rows of the network's input; where it is larger than the picture, the last row and column are repeated.
/// int8: pixel - 128 (zero point 0); equal to reference::to_input. float: (pixel - 128) / 64, exact.
/// @param rgb [H, W, C], H and W >= 1  @param out [H', W', C]
template <class T>
void to_input(View<const std::uint8_t> rgb, View<T> out, Rows rows) noexcept {
  const int channels = rgb.shape.channels;
  const int width = rgb.shape.width < out.shape.width ? rgb.shape.width : out.shape.width;
  for (int y = rows.begin; y < rows.end; ++y) {
    const std::uint8_t* ATTENDSEG_RESTRICT from = rgb.row(y < rgb.shape.height ? y : rgb.shape.height - 1);
    T* ATTENDSEG_RESTRICT to = out.row(y);
    const auto value = [](int pixel) {
      if constexpr (sizeof(T) == 1)
        return static_cast<T>(pixel - 128);
      else
        return static_cast<T>(pixel - 128) * static_cast<T>(0.015625);
    };
    const int size = width * channels, whole = out.shape.width * channels;
    for (int i = 0; i < size; ++i) to[i] = value(from[i]);
    for (int i = size; i < whole; ++i) to[i] = to[i - channels];
  }
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
