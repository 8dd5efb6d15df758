// SPDX-License-Identifier: Apache-2.0
// What an operator computes, apart from its weights: the parameters that graph, kernels and references share.
#pragma once

#include <cstdint>

#include "attendseg/core/config.hpp"
#include "attendseg/core/tensor.hpp"

ATTENDSEG_NAMESPACE_BEGIN

enum class Activation : std::uint8_t { none, relu, relu6 };
enum class Interpolation : std::uint8_t { nearest, bilinear };

/// A two-dimensional convolution with a square kernel; depthwise when groups == in_channels == out_channels,
/// pointwise when kernel == 1. Weights are [out_channels, kernel, kernel, in_channels / groups] (OHWI).
struct ConvSpec {
  int in_channels = 0;
  int out_channels = 0;
  int kernel = 1;
  int stride = 1;
  int dilation = 1;
  int groups = 1;
  int padding = 0;  ///< on each side; same() fills in the one that keeps the size at stride 1
  Activation activation = Activation::none;

  constexpr ConvSpec same() const noexcept {
    ConvSpec s = *this;
    s.padding = dilation * (kernel / 2);
    return s;
  }
  constexpr int group_inputs() const noexcept { return in_channels / groups; }
  /// Products per output value, and so the longest dot product.
  constexpr int depth() const noexcept { return kernel * kernel * group_inputs(); }
  constexpr bool depthwise() const noexcept { return groups > 1 && groups == in_channels && groups == out_channels; }
  constexpr std::int64_t weights() const noexcept { return std::int64_t{out_channels} * depth(); }
  /// floor((n + 2 padding - dilation (kernel - 1) - 1) / stride) + 1; below 1 where the kernel does not fit.
  constexpr int out_size(int n) const noexcept {
    const int room = n + 2 * padding - dilation * (kernel - 1) - 1;
    return room < 0 ? 0 : room / stride + 1;
  }
  constexpr Shape out_shape(const Shape& in) const noexcept {
    return {out_size(in.height), out_size(in.width), out_channels};
  }
  friend constexpr bool operator==(const ConvSpec&, const ConvSpec&) = default;
};

/// Rows [begin, end) of an operator's output: what one call computes, so that callers can share work out.
struct Rows {
  int begin = 0;
  int end = 0;
};

/// Affine int8 grid: real = scale * (q - zero_point).
struct Quantisation {
  float scale = 1.0F;
  int zero_point = 0;
};

ATTENDSEG_NAMESPACE_END
