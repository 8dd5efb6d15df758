// SPDX-License-Identifier: Apache-2.0
// The law of concatenation: channels of one, then channels of the other.
#pragma once

#include "attendseg/core/tensor.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace reference {

/// @param a [H, W, A]  @param b [H, W, B]  @param out [H, W, A + B]
template <class T>
void concat(View<const T> a, View<const T> b, View<T> out) noexcept {
  for (int y = 0; y < out.shape.height; ++y)
    for (int x = 0; x < out.shape.width; ++x)
      for (int c = 0; c < out.shape.channels; ++c)
        out(y, x, c) = c < a.shape.channels ? a(y, x, c) : b(y, x, c - a.shape.channels);
}

}  // namespace reference
ATTENDSEG_NAMESPACE_END
