// SPDX-License-Identifier: Apache-2.0
// The law of float convolution: sums in double, rounded once.
#pragma once

#include <cstddef>
#include <span>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/reference/activation_f32.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace reference {

/// out[y, x, o] = activation(bias[o] + sum weight[o, ky, kx, i] * in[y s - p + ky d, x s - p + kx d, g I + i]) with
/// I = in_channels / groups, g the group of o; outside the picture `in` is 0.
/// @param weight [out_channels, kernel, kernel, in_channels / groups] @param bias [out_channels]
/// @param in [H, W, in_channels] @param out s.out_shape(in.shape)
inline void conv(const ConvSpec& s, std::span<const float> weight, std::span<const float> bias, View<const float> in,
                 View<float> out) noexcept {
  const int inputs = s.group_inputs();
  const int outputs = s.out_channels / s.groups;
  for (int y = 0; y < out.shape.height; ++y)
    for (int x = 0; x < out.shape.width; ++x)
      for (int o = 0; o < s.out_channels; ++o) {
        const float* w = weight.data() + std::ptrdiff_t{o} * s.depth();
        double sum = bias[static_cast<std::size_t>(o)];
        for (int ky = 0; ky < s.kernel; ++ky)
          for (int kx = 0; kx < s.kernel; ++kx)
            for (int i = 0; i < inputs; ++i, ++w) {
              const int iy = y * s.stride - s.padding + ky * s.dilation;
              const int ix = x * s.stride - s.padding + kx * s.dilation;
              if (iy < 0 || ix < 0 || iy >= in.shape.height || ix >= in.shape.width) continue;
              sum += double{*w} * in(iy, ix, o / outputs * inputs + i);
            }
        out(y, x, o) = static_cast<float>(activate(sum, s.activation));
      }
}

}  // namespace reference
ATTENDSEG_NAMESPACE_END
