// SPDX-License-Identifier: Apache-2.0
// The law of float pooling.
#pragma once

#include <algorithm>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace reference {

/// Largest value of each factor x factor window. @param in [H, W, C] @param out [H / factor, W / factor, C]
inline void max_pool(View<const float> in, View<float> out, int factor) noexcept {
  for (int y = 0; y < out.shape.height; ++y)
    for (int x = 0; x < out.shape.width; ++x)
      for (int c = 0; c < out.shape.channels; ++c) {
        float largest = in(y * factor, x * factor, c);
        for (int i = 0; i < factor; ++i)
          for (int j = 0; j < factor; ++j) largest = std::max(largest, in(y * factor + i, x * factor + j, c));
        out(y, x, c) = largest;
      }
}

/// Mean of each factor x factor window, summed in double. Shapes as max_pool.
inline void average_pool(View<const float> in, View<float> out, int factor) noexcept {
  for (int y = 0; y < out.shape.height; ++y)
    for (int x = 0; x < out.shape.width; ++x)
      for (int c = 0; c < out.shape.channels; ++c) {
        double sum = 0.0;
        for (int i = 0; i < factor; ++i)
          for (int j = 0; j < factor; ++j) sum += in(y * factor + i, x * factor + j, c);
        out(y, x, c) = static_cast<float>(sum / (factor * factor));
      }
}

}  // namespace reference
ATTENDSEG_NAMESPACE_END
