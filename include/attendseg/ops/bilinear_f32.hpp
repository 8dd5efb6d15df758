// SPDX-License-Identifier: Apache-2.0
// Geometry of enlargement by a whole factor with half-pixel centres, shared by upsample, gate and classify.
#pragma once

#include <algorithm>

#include "attendseg/core/config.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops::detail_f32 {

// Between the centres of source pixels i and i + 1 lie `factor` output pixels, from i * factor + factor / 2 on
// (i = -1 and i = size - 1 reach over the edge, where the edge pixel counts twice). The j-th lies at
// i + (2 j + 1) / (2 factor) for an even factor, at i + j / factor for an odd one.

/// Weight of the later of the two source pixels; exact when factor is a power of two.
constexpr float later_weight(int factor, int j) noexcept {
  return static_cast<float>(2 * (factor / 2 + j) + 1 - factor) / static_cast<float>(2 * factor);
}

/// The two source pixels that an output coordinate lies between.
struct Between {
  int before;
  int after;
  float weight;  ///< of `after`
};
constexpr Between between(int position, int factor, int size) noexcept {
  const int i = (position + factor - factor / 2) / factor - 1;  // rounded down, from -1 on
  const int j = position - i * factor - factor / 2;
  return {std::max(i, 0), std::min(i + 1, size - 1), later_weight(factor, j)};
}

}  // namespace ops::detail_f32
ATTENDSEG_NAMESPACE_END
