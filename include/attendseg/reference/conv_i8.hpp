// SPDX-License-Identifier: Apache-2.0
// The law of the int8 convolution: dense, grouped, depthwise, strided, dilated.
#pragma once

#include <cstdint>
#include <span>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/reference/requantise.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace reference {

/// out[y][x][o] = requantise(bias[o] + sum over ky, kx, i of (in - in_zero_point) * weight[o][ky][kx][i]);
/// what lies outside the picture counts as in_zero_point, that is, nothing.
/// @param in   [H, W, in_channels]        @param weight      [out_channels, kernel, kernel, in_channels / groups]
/// @param out  spec.out_shape(in.shape)   @param bias, multiplier  [out_channels]
inline void conv(const ConvSpec& spec, std::span<const std::int8_t> weight, std::span<const std::int32_t> bias,
                 std::span<const float> multiplier, int in_zero_point, int out_zero_point, View<const std::int8_t> in,
                 View<std::int8_t> out) noexcept {
  const int inputs = spec.group_inputs(), outputs = spec.out_channels / spec.groups;
  const int low = spec.activation == Activation::none ? -128 : out_zero_point;
  for (int y = 0; y < out.shape.height; ++y)
    for (int x = 0; x < out.shape.width; ++x)
      for (int o = 0; o < spec.out_channels; ++o) {
        std::int32_t sum = bias[static_cast<std::size_t>(o)];
        for (int ky = 0; ky < spec.kernel; ++ky)
          for (int kx = 0; kx < spec.kernel; ++kx) {
            const int iy = y * spec.stride - spec.padding + ky * spec.dilation;
            const int ix = x * spec.stride - spec.padding + kx * spec.dilation;
            if (iy < 0 || iy >= in.shape.height || ix < 0 || ix >= in.shape.width) continue;
            for (int i = 0; i < inputs; ++i) {
              const int w = weight[static_cast<std::size_t>(((o * spec.kernel + ky) * spec.kernel + kx) * inputs + i)];
              sum += (in(iy, ix, o / outputs * inputs + i) - in_zero_point) * w;
            }
          }
        out(y, x, o) = requantise(sum, multiplier[static_cast<std::size_t>(o)], out_zero_point, low);
      }
}

}  // namespace reference
ATTENDSEG_NAMESPACE_END
