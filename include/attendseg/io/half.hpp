// SPDX-License-Identifier: Apache-2.0
// IEEE 754 binary16 to and from float, in integers: the same bits on every machine and under every compiler flag.
#pragma once

#include <bit>
#include <cstdint>

#include "attendseg/core/config.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// The bits of the float that a binary16 pattern stands for. Exact: every half is a float; NaN keeps sign and payload.
constexpr std::uint32_t half_to_float_bits(std::uint16_t half) noexcept {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
  std::uint32_t exponent = (half >> 10) & 0x1FU;
  std::uint32_t mantissa = half & 0x3FFU;
  if (exponent == 0x1F) return sign | 0x7F800000U | (mantissa << 13);
  if (exponent == 0) {
    if (mantissa == 0) return sign;
    // Subnormal, mantissa * 2^-24: a normal float once its leading one stands at bit 10.
    const auto shift = static_cast<std::uint32_t>(std::countl_zero(mantissa)) - 21U;
    mantissa = (mantissa << shift) & 0x3FFU;
    exponent = 1U - shift;  // may wrap; 112 is added below, modulo 2^32
  }
  return sign | ((exponent + 112U) << 23) | (mantissa << 13);
}

/// The same as a float.
constexpr float half_to_float(std::uint16_t half) noexcept { return std::bit_cast<float>(half_to_float_bits(half)); }

/// The binary16 nearest to `value`, ties to even; beyond 65504 (from 65520 on) infinity. NaN stays a (quiet) NaN with
/// the leading bits of its payload.
constexpr std::uint16_t float_to_half(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  const auto rounded = [](std::uint32_t v, std::uint32_t shift) {  // v / 2^shift, ties to even
    const std::uint32_t half_way = 1U << (shift - 1);
    return (v + half_way - 1U + ((v >> shift) & 1U)) >> shift;
  };
  std::uint32_t result = 0x7C00;
  if (magnitude > 0x7F800000U) {
    result = 0x7E00U | ((magnitude >> 13) & 0x3FFU);
  } else if (magnitude >= 0x47800000U) {  // 2^16 and more, infinity among them
    result = 0x7C00;
  } else if (magnitude >= 0x38800000U) {  // 2^-14 and more: normal; rounding may carry into the exponent, and should
    result = rounded(magnitude - (112U << 23), 13);
  } else if (magnitude >= 0x33000000U) {  // 2^-25 and more: a multiple of 2^-24
    result = rounded((magnitude & 0x7FFFFFU) | 0x800000U, 126U - (magnitude >> 23));
  } else {
    result = 0;
  }
  return static_cast<std::uint16_t>(sign | result);
}

ATTENDSEG_NAMESPACE_END
