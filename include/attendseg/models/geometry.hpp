// SPDX-License-Identifier: Apache-2.0
// From a picture's size to the size that the network sees: reduced to the working size, padded to the total stride.
#pragma once

#include <algorithm>
#include <cstdint>

#include "attendseg/core/config.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// The side that a picture is reduced to: in proportion, the longest one being the working size, at least 1.
constexpr int reduced_side(int side, int longest, int working_size) noexcept {
  return std::max(1, static_cast<int>((std::int64_t{side} * working_size + longest / 2) / longest));
}

/// The sizes on a picture's way, in pixels.
struct Geometry {
  int height = 0, width = 0;              ///< of the picture
  int work_height = 0, work_width = 0;    ///< reduced, if it was larger than the working size
  int network_height = 0, network_width = 0;  ///< padded

  /// @param native do not reduce
  static constexpr Geometry of(int height, int width, int working_size, int total_stride, bool native) noexcept {
    const int longest = std::max(height, width);
    const auto work = [&](int side) {
      return native || longest <= working_size ? side : reduced_side(side, longest, working_size);
    };
    const auto padded = [&](int side) { return (side + total_stride - 1) / total_stride * total_stride; };
    const int h = work(height), w = work(width);
    return {height, width, h, w, padded(h), padded(w)};
  }
  constexpr bool reduced() const noexcept { return work_height != height || work_width != width; }
};

ATTENDSEG_NAMESPACE_END
