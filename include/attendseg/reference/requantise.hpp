// SPDX-License-Identifier: Apache-2.0
// The law of requantisation: from a convolution's int32 sum to an int8 activation.
#pragma once

#include <cmath>
#include <cstdint>

#include "attendseg/core/config.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace reference {

/// x, kept within [low, 127].
constexpr std::int8_t clamp_i8(std::int64_t x, int low = -128) noexcept {
  return static_cast<std::int8_t>(x < low ? low : x > 127 ? 127 : x);
}

/// clamp(zero_point + round to nearest even(float(sum) * multiplier), low, 127).
/// Three operations that IEEE 754 rounds correctly, in this order; the zero point is added as an integer, because
/// a float sum after a product may become one fused operation and round differently.
/// @pre abs(sum) * multiplier < 2^30; the multiplier is positive and normal; rounding mode: to nearest even
inline std::int8_t requantise(std::int32_t sum, float multiplier, int zero_point, int low) noexcept {
  const float product = static_cast<float>(sum) * multiplier;
  return clamp_i8(std::int64_t{zero_point} + std::lrintf(product), low);
}

}  // namespace reference
ATTENDSEG_NAMESPACE_END
