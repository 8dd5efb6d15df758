// SPDX-License-Identifier: Apache-2.0
// The law of batch normalisation, before it is folded into a convolution.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

#include "attendseg/core/tensor.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace reference {

/// out = gamma * (in - mean) / sqrt(variance + epsilon) + beta, a channel each.
/// @param in,out [H, W, C] @param gamma,beta,mean,variance [C]
inline void batch_norm(View<const float> in, std::span<const float> gamma, std::span<const float> beta,
                       std::span<const float> mean, std::span<const float> variance, float epsilon,
                       View<float> out) noexcept {
  for (int y = 0; y < in.shape.height; ++y)
    for (int x = 0; x < in.shape.width; ++x)
      for (int c = 0; c < in.shape.channels; ++c) {
        const auto k = static_cast<std::size_t>(c);
        const double centred = double{in(y, x, c)} - mean[k];
        out(y, x, c) =
            static_cast<float>(gamma[k] * centred / std::sqrt(double{variance[k]} + double{epsilon}) + beta[k]);
      }
}

}  // namespace reference
ATTENDSEG_NAMESPACE_END
