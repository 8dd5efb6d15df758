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

/// Rows of the network's input straight from a picture: to_rgb and to_input in one pass.
/// @param out [H, W, 3], at least as large as the picture
template <class T>
void picture_to_input(const Picture& picture, View<T> out, Rows rows) noexcept {
  const PixelFormat f = picture.format;
  const bool reversed = f == PixelFormat::bgr || f == PixelFormat::bgra, grey = f == PixelFormat::grey;
  const int step = bytes_per_pixel(f), red = reversed ? 2 : 0, green = grey ? 0 : 1, blue = grey || reversed ? 0 : 2;
  const auto value = [](int pixel) {
    if constexpr (sizeof(T) == 1)
      return static_cast<T>(pixel - 128);
    else
      return static_cast<T>(pixel - 128) * static_cast<T>(0.015625);
  };
  for (int y = rows.begin; y < rows.end; ++y) {
    const int line = y < picture.height ? y : picture.height - 1;
    const std::uint8_t* ATTENDSEG_RESTRICT from = picture.data + line * picture.row_bytes;
    T* ATTENDSEG_RESTRICT to = out.row(y);
    if (f == PixelFormat::rgb) {
      for (int i = 0; i < 3 * picture.width; ++i) to[i] = value(from[i]);
    } else {
      for (int x = 0; x < picture.width; ++x, from += step) {
        to[3 * x] = value(from[red]);
        to[3 * x + 1] = value(from[green]);
        to[3 * x + 2] = value(from[blue]);
      }
    }
    for (int i = 3 * picture.width; i < 3 * out.shape.width; ++i) to[i] = to[i - 3];
  }
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
