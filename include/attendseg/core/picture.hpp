// SPDX-License-Identifier: Apache-2.0
// A picture that the caller owns: pixels in memory, in the order they come from a decoder or a camera.
#pragma once

#include <cstddef>
#include <cstdint>

#include "attendseg/core/config.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// Order of the bytes of one pixel; alpha is ignored.
enum class PixelFormat : std::uint8_t { rgb, bgr, rgba, bgra, grey };

constexpr int bytes_per_pixel(PixelFormat format) noexcept {
  return format == PixelFormat::grey ? 1 : format == PixelFormat::rgb || format == PixelFormat::bgr ? 3 : 4;
}

/// Eight bits a channel, not owned.
struct Picture {
  const std::uint8_t* data = nullptr;  ///< the top left pixel
  int width = 0, height = 0;           ///< pixels
  std::ptrdiff_t row_bytes = 0;        ///< from one row to the next below; negative where rows are stored upwards
  PixelFormat format = PixelFormat::rgb;
};

ATTENDSEG_NAMESPACE_END
