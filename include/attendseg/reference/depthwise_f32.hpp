// SPDX-License-Identifier: Apache-2.0
// The law of float depthwise convolution, which is that of convolution with one channel a group.
#pragma once

#include <span>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/reference/conv_f32.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace reference {

/// As conv with groups == in_channels == out_channels == C.
/// @param weight [C, kernel, kernel, 1] @param bias [C] @param in [H, W, C] @param out s.out_shape(in.shape)
inline void depthwise(ConvSpec s, std::span<const float> weight, std::span<const float> bias, View<const float> in,
                      View<float> out) noexcept {
  s.groups = s.out_channels = s.in_channels;
  conv(s, weight, bias, in, out);
}

}  // namespace reference
ATTENDSEG_NAMESPACE_END
