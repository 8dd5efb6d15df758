// SPDX-License-Identifier: Apache-2.0
// The law of the last step: from int8 class scores to a mask and a confidence.
#pragma once

#include <bit>
#include <cstdint>

#include "attendseg/reference/upsample_i8.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace reference {

/// mask = the class whose enlarged score (bilinear, not rounded) is the largest, the lowest of equals;
/// confidence = table[min(255, (best - second best) >> log2(4 factor^2))], the table being the identity if null.
/// @param scores  [h, w, classes], classes >= 2     @param factor      1, 2, 4 or 8
/// @param mask    [H, W, 1], H <= h * factor, W <= w * factor: the rest is cropped
/// @param confidence  as mask, or with null data: not wanted
inline void classify(View<const std::int8_t> scores, int factor, const std::uint8_t* confidence_table,
                     View<std::uint8_t> mask, View<std::uint8_t> confidence) noexcept {
  const int shift = factor == 1 ? 0 : std::countr_zero(static_cast<unsigned>(4 * factor * factor));
  for (int y = 0; y < mask.shape.height; ++y)
    for (int x = 0; x < mask.shape.width; ++x) {
      const auto score = [&](int c) {
        return factor == 1 ? static_cast<int>(scores(y, x, c)) : bilinear_sum(scores, y, x, c, factor);
      };
      int best = 0;
      for (int c = 1; c < scores.shape.channels; ++c)
        if (score(c) > score(best)) best = c;
      mask(y, x, 0) = static_cast<std::uint8_t>(best);
      if (!confidence.data) continue;
      int second = best == 0 ? 1 : 0;
      for (int c = 0; c < scores.shape.channels; ++c)
        if (c != best && score(c) > score(second)) second = c;
      const int margin = (score(best) - score(second)) >> shift;
      const int index = margin > 255 ? 255 : margin;
      confidence(y, x, 0) = confidence_table ? confidence_table[index] : static_cast<std::uint8_t>(index);
    }
}

}  // namespace reference
ATTENDSEG_NAMESPACE_END
