// SPDX-License-Identifier: Apache-2.0
// The law of the float activations.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace reference {

/// none, max(x, 0), min(max(x, 0), 6).
inline double activate(double x, Activation activation) noexcept {
  if (activation == Activation::none) return x;
  return activation == Activation::relu6 ? std::min(std::max(x, 0.0), 6.0) : std::max(x, 0.0);
}
/// 1 / (1 + exp(-x)).
inline double sigmoid(double x) noexcept { return 1.0 / (1.0 + std::exp(-x)); }

/// out = activation(in), element by element. @param in,out [H, W, C]
inline void activate(View<const float> in, Activation activation, View<float> out) noexcept {
  for (int y = 0; y < in.shape.height; ++y)
    for (int x = 0; x < in.shape.width; ++x)
      for (int c = 0; c < in.shape.channels; ++c)
        out(y, x, c) = static_cast<float>(activate(double{in(y, x, c)}, activation));
}

/// out = sigmoid(in), element by element, rounded once. @param in,out [H, W, C]
inline void sigmoid(View<const float> in, View<float> out) noexcept {
  for (int y = 0; y < in.shape.height; ++y)
    for (int x = 0; x < in.shape.width; ++x)
      for (int c = 0; c < in.shape.channels; ++c) out(y, x, c) = static_cast<float>(sigmoid(double{in(y, x, c)}));
}

}  // namespace reference
ATTENDSEG_NAMESPACE_END
