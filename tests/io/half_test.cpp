// SPDX-License-Identifier: Apache-2.0
// binary16: every pattern there, every pattern back, and the neighbourhood of every rounding boundary.
#include "attendseg/io/half.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>

using namespace attendseg;

namespace {

std::uint32_t bits(float f) { return std::bit_cast<std::uint32_t>(f); }

/// The law, by arithmetic: sign * mantissa * 2^exponent in double.
double value_of(std::uint16_t h) {
  const int exponent = (h >> 10) & 31;
  const int mantissa = h & 1023;
  const double magnitude =
      exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return (h & 0x8000) != 0 ? -magnitude : magnitude;
}

}  // namespace

TEST_CASE("every half is the float it says") {
  for (std::uint32_t i = 0; i < 0x10000; ++i) {
    const auto h = static_cast<std::uint16_t>(i);
    if ((h & 0x7C00) == 0x7C00) {
      REQUIRE(half_to_float_bits(h) == ((h & 0x8000U) << 16 | 0x7F800000U | (h & 0x3FFU) << 13));
    } else {
      REQUIRE(static_cast<double>(half_to_float(h)) == value_of(h));
      REQUIRE((half_to_float_bits(h) >> 31) == (i >> 15));
    }
  }
  static_assert(half_to_float(0x3C00) == 1.0F);
  static_assert(half_to_float(0x0001) == 0x1p-24F);
  static_assert(half_to_float(0x7BFF) == 65504.0F);
}

TEST_CASE("every half comes back from its float") {
  for (std::uint32_t i = 0; i < 0x10000; ++i) {
    const auto h = static_cast<std::uint16_t>(i);
    const bool nan = (h & 0x7C00) == 0x7C00 && (h & 0x3FF) != 0;
    // NaN comes back quiet.
    REQUIRE(float_to_half(half_to_float(h)) == (nan ? h | 0x0200 : h));
  }
}

TEST_CASE("floats round to the nearest half, ties to even") {
  for (std::uint16_t h = 0; h < 0x7C00; ++h) {
    // The middle between two halves is a float; 65520 stands for the middle to infinity.
    const double next = h == 0x7BFF ? 65536.0 : value_of(static_cast<std::uint16_t>(h + 1));
    const auto middle = static_cast<float>((value_of(h) + next) / 2);
    const auto even = static_cast<std::uint16_t>(h + (h & 1));
    REQUIRE(float_to_half(middle) == even);
    REQUIRE(float_to_half(std::bit_cast<float>(bits(middle) - 1)) == h);
    REQUIRE(float_to_half(std::bit_cast<float>(bits(middle) + 1)) == h + 1);
    REQUIRE(float_to_half(-middle) == (even | 0x8000));
  }
  CHECK(float_to_half(65519.996F) == 0x7BFF);
  CHECK(float_to_half(65520.0F) == 0x7C00);
  CHECK(float_to_half(3.4e38F) == 0x7C00);
  CHECK(float_to_half(std::bit_cast<float>(0xFF800000U)) == 0xFC00);
  CHECK(float_to_half(std::bit_cast<float>(0x7F800001U)) == 0x7E00);
  CHECK(float_to_half(std::bit_cast<float>(0xFFC02000U)) == 0xFE01);
  CHECK(float_to_half(std::bit_cast<float>(1U)) == 0);
  CHECK(float_to_half(0x1p-25F) == 0);
  CHECK(float_to_half(-0.0F) == 0x8000);
}
