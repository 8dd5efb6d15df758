// SPDX-License-Identifier: Apache-2.0
// What a float operator's tensors and specification must satisfy before it may run; errors name the field.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "attendseg/core/result.hpp"
#include "attendseg/core/spec.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {

/// Neither infinite nor NaN, told by the bits: -ffast-math lets compilers assume the answer of std::isfinite.
constexpr bool is_finite(float x) noexcept {
  return (std::bit_cast<std::uint32_t>(x) & 0x7f800000U) != 0x7f800000U;
}

/// @return an Error like "weight: 95 values, expected 96" or "weight[7]: nan, expected finite"
inline Status check_values(std::string_view field, std::span<const float> values, std::int64_t expected) {
  const std::string name(field);
  if (static_cast<std::int64_t>(values.size()) != expected)
    return Error{name + ": " + std::to_string(values.size()) + " values, expected " + std::to_string(expected)};
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!is_finite(values[i])) {
      const std::uint32_t bits = std::bit_cast<std::uint32_t>(values[i]);
      const char* met = (bits & 0x007fffffU) != 0 ? "nan" : (bits >> 31) != 0 ? "-inf" : "inf";
      return Error{name + "[" + std::to_string(i) + "]: " + met + ", expected finite"};
    }
  return {};
}

/// Bounds that keep every index of a float convolution within int.
/// @return an Error like "groups: 3, expected a divisor of in_channels 16"
inline Status check_spec_f32(const ConvSpec& s) {
  const auto range = [](const char* field, int value, int low, int high) -> Status {
    if (value >= low && value <= high) return {};
    return Error{std::string(field) + ": " + std::to_string(value) + ", expected " + std::to_string(low) + " to " +
                 std::to_string(high)};
  };
  const auto divisor = [&](const char* field, int value) -> Status {
    if (value % s.groups == 0) return {};
    return Error{"groups: " + std::to_string(s.groups) + ", expected a divisor of " + field + " " +
                 std::to_string(value)};
  };
  if (Status r = range("in_channels", s.in_channels, 1, 65536); !r) return r;
  if (Status r = range("out_channels", s.out_channels, 1, 65536); !r) return r;
  if (Status r = range("kernel", s.kernel, 1, 31); !r) return r;
  if (Status r = range("stride", s.stride, 1, 1024); !r) return r;
  if (Status r = range("dilation", s.dilation, 1, 1024); !r) return r;
  if (Status r = range("padding", s.padding, 0, 32768); !r) return r;
  if (Status r = range("groups", s.groups, 1, 65536); !r) return r;
  if (Status r = divisor("in_channels", s.in_channels); !r) return r;
  if (Status r = divisor("out_channels", s.out_channels); !r) return r;
  if (const std::int64_t n = s.weights(); n > (std::int64_t{1} << 28))
    return Error{"weight: " + std::to_string(n) + " values by its shape, expected at most 2^28"};
  return {};
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
