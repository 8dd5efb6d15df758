// SPDX-License-Identifier: Apache-2.0
// The law of float residual addition.
#pragma once

#include "attendseg/core/tensor.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace reference {

/// out = a + b, element by element. @param a,b,out [H, W, C]
inline void add(View<const float> a, View<const float> b, View<float> out) noexcept {
  for (int y = 0; y < out.shape.height; ++y)
    for (int x = 0; x < out.shape.width; ++x)
      for (int c = 0; c < out.shape.channels; ++c) out(y, x, c) = a(y, x, c) + b(y, x, c);
}

}  // namespace reference
ATTENDSEG_NAMESPACE_END
