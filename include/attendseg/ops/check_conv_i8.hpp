// SPDX-License-Identifier: Apache-2.0
// What makes a set of int8 convolution parameters computable, and the first thing wrong with one that is not.
#pragma once

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <utility>

#include "attendseg/core/result.hpp"
#include "attendseg/core/spec.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops::detail {

inline constexpr int largest_kernel = 31;

/// The first thing wrong with a convolution's parameters; the message starts with the field's name.
inline Status check_conv(const ConvSpec& s, std::span<const std::int8_t> weight, std::span<const std::int32_t> bias,
                         std::span<const float> multiplier, int in_zero_point, int out_zero_point) {
  const auto text = [](auto n) { return std::to_string(n); };
  const auto wrong = [&](std::string field, auto met, const std::string& wanted) {
    return Error{field.append(": ").append(text(met)).append(", expected ").append(wanted)};
  };
  const auto element = [&](const char* name, std::size_t index) {
    return std::string(name).append("[").append(text(index)).append("]");
  };
  const struct {
    const char* name;
    int value, least, most;
  } limits[] = {{"in_channels", s.in_channels, 1, 65536}, {"out_channels", s.out_channels, 1, 65536},
                {"kernel", s.kernel, 1, largest_kernel},  {"stride", s.stride, 1, 64},
                {"dilation", s.dilation, 1, 256},         {"padding", s.padding, 0, 8192},
                {"groups", s.groups, 1, s.in_channels},   {"in_zero_point", in_zero_point, -128, 127},
                {"out_zero_point", out_zero_point, -128, 127}};
  for (const auto& l : limits)
    if (l.value < l.least || l.value > l.most) return wrong(l.name, l.value, text(l.least) + " to " + text(l.most));
  if (s.in_channels % s.groups != 0 || s.out_channels % s.groups != 0)
    return wrong("groups", s.groups,
                 std::string("a divisor of ")
                     .append(text(s.in_channels))
                     .append(" in_channels and ")
                     .append(text(s.out_channels))
                     .append(" out_channels"));
  const auto size_is = [](std::size_t size, std::int64_t n) { return std::cmp_equal(size, n); };
  if (!size_is(weight.size(), s.weights())) return wrong("weight", weight.size(), text(s.weights()) + " values");
  if (!size_is(bias.size(), s.out_channels)) return wrong("bias", bias.size(), text(s.out_channels) + " values");
  if (!size_is(multiplier.size(), s.out_channels))
    return wrong("multiplier", multiplier.size(), text(s.out_channels) + " values");

  const std::size_t depth = static_cast<std::size_t>(s.depth());
  for (std::size_t o = 0; o < bias.size(); ++o) {
    std::int64_t magnitude = 0;
    for (std::size_t i = o * depth; i < (o + 1) * depth; ++i) {
      if (weight[i] == -128) return wrong(element("weight", i), -128, "-127 to 127");
      magnitude += std::abs(static_cast<int>(weight[i]));
    }
    // Bits, as -ffast-math lets compilers assume that no float is infinite or not a number.
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(multiplier[o]);
    if (bits < 0x00800000U || bits >= 0x7F800000U)
      return wrong(element("multiplier", o), multiplier[o], "a positive, finite, normal number");
    const std::int64_t bound = 255 * magnitude + std::abs(std::int64_t{bias[o]});
    if (bound >= std::int64_t{1} << 31)
      return wrong(element("bias", o), bias[o],
                   std::string("with the weights (sum of absolute values ")
                       .append(text(magnitude))
                       .append(") to fit a 32-bit sum"));
    if (static_cast<double>(bound) * static_cast<double>(multiplier[o]) >= 1073741824.0)
      return wrong(element("multiplier", o), multiplier[o],
                   std::string("less than 2^30 divided by the largest sum, ").append(text(bound)));
  }
  return {};
}

}  // namespace ops::detail
ATTENDSEG_NAMESPACE_END
