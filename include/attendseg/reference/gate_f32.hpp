// SPDX-License-Identifier: Apache-2.0
// The law of float selective attention.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/reference/activation_f32.hpp"
#include "attendseg/reference/upsample_f32.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace reference {

/// out = v * sigmoid(expand(clamp(a, -8, 127/16))) * scale.
/// @param v,out [H, W, C] @param a [H / factor, W / factor, C] @param scale one value, or C
inline void gate(View<const float> v, View<const float> a, std::span<const float> scale, int factor, Interpolation how,
                 View<float> out) noexcept {
  const auto clamp = [](double logit) { return std::min(std::max(logit, -8.0), 127.0 / 16.0); };
  for (int y = 0; y < out.shape.height; ++y)
    for (int x = 0; x < out.shape.width; ++x)
      for (int c = 0; c < out.shape.channels; ++c) {
        const double s = scale[scale.size() == 1 ? 0 : static_cast<std::size_t>(c)];
        out(y, x, c) = static_cast<float>(v(y, x, c) * sigmoid(expanded(a, y, x, c, factor, how, clamp)) * s);
      }
}

}  // namespace reference
ATTENDSEG_NAMESPACE_END
