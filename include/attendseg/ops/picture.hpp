// SPDX-License-Identifier: Apache-2.0
// How a picture enters the network: colours in order, less 128, edges repeated, in one pass.
#pragma once

#include <cstdint>

#include "attendseg/core/picture.hpp"
#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/simd/backend.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {

using attendseg::Picture;
using attendseg::PixelFormat;

namespace detail {

/// Which bytes of a pixel are red, green and blue, and the same for as many pixels as 16 bytes hold.
struct ColourOrder {
  int step;             ///< bytes of a pixel
  int colour[3];        ///< red, green, blue
  int pixels;           ///< at a time: of 16 bytes in, or 16 out
  std::uint8_t at[16];  ///< byte i of the result is byte at[i]

  constexpr explicit ColourOrder(PixelFormat f) noexcept
      : step(bytes_per_pixel(f)), colour{0, 0, 0}, pixels(step == 4 ? 4 : 5), at{} {
    if (f != PixelFormat::grey) colour[1] = 1, colour[2] = 2;
    if (f == PixelFormat::bgr || f == PixelFormat::bgra) colour[0] = 2, colour[2] = 0;
    for (int i = 0; i < 3 * pixels; ++i) at[i] = static_cast<std::uint8_t>(i / 3 * step + colour[i % 3]);
  }
};

/// `count` pixels: red, green, blue, less 128. Nothing beyond them is read or written.
template <class Backend>
void centre_pixels(const std::uint8_t* from, PixelFormat format, int count, std::int8_t* to) noexcept {
  if (format == PixelFormat::rgb) {
    const int size = 3 * count;
    int i = 0;
    for (; i + Backend::width <= size; i += Backend::width) Backend::centre(from + i, to + i);
    if (i < size && i > 0) return Backend::centre(from + size - Backend::width, to + size - Backend::width);
    for (; i < size; ++i) to[i] = static_cast<std::int8_t>(from[i] - 128);
    return;
  }
  const ColourOrder order(format);
  const int whole = order.step < 3 ? 16 / order.step : 6;  // pixels within which 16 bytes lie, in and out
  int x = 0;
  for (; x + whole <= count; x += order.pixels)
    Backend::centre_ordered(from + std::ptrdiff_t{x} * order.step, order.at, to + std::ptrdiff_t{x} * 3);
  for (; x < count; ++x)
    for (int c = 0; c < 3; ++c)
      to[3 * x + c] = static_cast<std::int8_t>(from[std::ptrdiff_t{x} * order.step + order.colour[c]] - 128);
}

/// to[i] = from[i] / 64, exact.
template <class T>
void scale_pixels(const std::int8_t* ATTENDSEG_RESTRICT from, int n, T* ATTENDSEG_RESTRICT to) noexcept {
  constexpr int block = 16;  // a known number of values: compilers then take them at once
  const auto scaled = [](std::int8_t q) { return static_cast<T>(q) * static_cast<T>(0.015625); };
  int i = 0;
  for (; i + block <= n; i += block)
    for (int k = 0; k < block; ++k) to[i + k] = scaled(from[i + k]);
  for (; i < n; ++i) to[i] = scaled(from[i]);
}

}  // namespace detail

/// Rows of the network's input: red, green, blue of every pixel (alpha is dropped, grey repeated), less 128; where the
/// input is larger than the picture, its last row and column are repeated. Equal to reference::to_input of
/// reference::to_rgb; float: divided by 64 besides, which is exact.
/// @param picture  at least one pixel; nothing outside its rows is read
/// @param out      [H, W, 3], H and W not below the picture's
template <class T, class Backend = simd::native>
void picture_to_input(const Picture& picture, View<T> out, Rows rows) noexcept {
  for (int y = rows.begin; y < rows.end; ++y) {
    const int line = y < picture.height ? y : picture.height - 1;
    const std::uint8_t* const from = picture.data + line * picture.row_bytes;
    T* const to = out.row(y);
    if constexpr (sizeof(T) == 1) {
      detail::centre_pixels<Backend>(from, picture.format, picture.width, to);
    } else {
      constexpr int tile = 64;  // pixels at a time
      std::int8_t centred[3 * tile];
      for (int x = 0; x < picture.width; x += tile) {
        const int count = picture.width - x < tile ? picture.width - x : tile;
        detail::centre_pixels<Backend>(from + std::ptrdiff_t{x} * bytes_per_pixel(picture.format), picture.format,
                                       count, centred);
        detail::scale_pixels(centred, 3 * count, to + std::ptrdiff_t{x} * 3);
      }
    }
    for (int i = 3 * picture.width; i < 3 * out.shape.width; ++i) to[i] = to[i - 3];
  }
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
