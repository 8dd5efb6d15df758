// SPDX-License-Identifier: Apache-2.0
// The law of turning float class scores into a mask.
#pragma once

#include <cmath>
#include <cstdint>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/reference/activation_f32.hpp"
#include "attendseg/reference/upsample_f32.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace reference {

/// mask = the class of the largest score enlarged bilinearly, the lowest id among equals;
/// confidence = round(255 * sigmoid(best - second best)).
/// @param scores [h, w, classes] @param mask [H', W', 1], H' <= h * factor, W' <= w * factor
/// @param confidence shaped as the mask, or data null
inline void classify(View<const float> scores, int factor, View<std::uint8_t> mask,
                     View<std::uint8_t> confidence) noexcept {
  for (int y = 0; y < mask.shape.height; ++y)
    for (int x = 0; x < mask.shape.width; ++x) {
      const auto score = [&](int c) { return expanded(scores, y, x, c, factor, Interpolation::bilinear); };
      int best = 0;
      for (int c = 1; c < scores.shape.channels; ++c)
        if (score(c) > score(best)) best = c;
      mask(y, x, 0) = static_cast<std::uint8_t>(best);
      if (confidence.data == nullptr) continue;
      int second = best == 0 ? 1 : 0;
      for (int c = 0; c < scores.shape.channels; ++c)
        if (c != best && score(c) > score(second)) second = c;
      confidence(y, x, 0) = static_cast<std::uint8_t>(std::floor(255.0 * sigmoid(score(best) - score(second)) + 0.5));
    }
}

}  // namespace reference
ATTENDSEG_NAMESPACE_END
