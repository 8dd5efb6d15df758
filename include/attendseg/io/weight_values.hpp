// SPDX-License-Identifier: Apache-2.0
// What stored values may be: the ranges that the integer arithmetic is proved for. By bits, so that -ffast-math, which
// lets a compiler assume that nothing is infinite or NaN, cannot remove the checks.
#pragma once

#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "attendseg/core/result.hpp"
#include "attendseg/io/half.hpp"
#include "attendseg/io/json_write.hpp"
#include "attendseg/io/safetensors.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// What the values of a tensor are held to.
enum class ValueRule : std::uint8_t {
  any,           ///< the type's whole range
  weight,        ///< I8: -127 to 127
  positive,      ///< F32: finite, normal, above 0
  finite,        ///< F32, F16: neither infinite nor NaN
  not_negative,  ///< I16: 0 to 32767
  shift,         ///< I8: 1 to 24
};

/// Whether a float with these bits is neither infinite nor NaN.
constexpr bool is_finite_f32(std::uint32_t bits) noexcept { return (bits & 0x7F800000U) != 0x7F800000U; }
/// Whether a float with these bits is finite, normal and above 0.
constexpr bool is_positive_normal_f32(std::uint32_t bits) noexcept {
  return bits >= 0x00800000U && bits < 0x7F800000U;
}

namespace detail {

/// Bits as a person reads them; NaN and infinities, which JSON lacks, by name.
inline std::string float_text(std::uint32_t bits) {
  if (!is_finite_f32(bits)) return (bits & 0x7FFFFFU) != 0 ? "nan" : (bits >> 31) != 0 ? "-inf" : "inf";
  char text[32];
  const float value = std::bit_cast<float>(bits);
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

inline Error value_error(const StoredTensor& t, std::size_t index, const std::string& met, const char* wanted) {
  return {t.name + "[" + std::to_string(index) + "]: " + met + ", expected " + wanted};
}

/// The element `i` of the tensor's bytes, whatever their alignment.
template <class T>
T element(std::span<const std::byte> bytes, std::size_t i) noexcept {
  T value;
  std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
  return value;
}

}  // namespace detail

/// Holds a tensor's values to a rule. Errors give the flat index: `stem.weight[17]: -128, expected -127 to 127`.
/// @pre the tensor's dtype is one that the rule is for
inline Status check_values(const StoredTensor& t, ValueRule rule) {
  const std::size_t count = t.bytes.size() / static_cast<std::size_t>(dtype_bytes(t.dtype));
  for (std::size_t i = 0; i < count; ++i) {
    switch (rule) {
      case ValueRule::any: return {};
      case ValueRule::weight:
        if (detail::element<std::int8_t>(t.bytes, i) == -128)
          return detail::value_error(t, i, "-128", "-127 to 127");
        break;
      case ValueRule::shift:
        if (const int s = detail::element<std::int8_t>(t.bytes, i); s < 1 || s > 24)
          return detail::value_error(t, i, std::to_string(s), "1 to 24");
        break;
      case ValueRule::not_negative:
        if (const int v = detail::element<std::int16_t>(t.bytes, i); v < 0)
          return detail::value_error(t, i, std::to_string(v), "0 to 32767");
        break;
      case ValueRule::positive:
        if (const auto bits = detail::element<std::uint32_t>(t.bytes, i); !is_positive_normal_f32(bits))
          return detail::value_error(t, i, detail::float_text(bits), "a finite, normal number above 0");
        break;
      case ValueRule::finite: {
        const std::uint32_t bits = t.dtype == DType::f16
                                       ? half_to_float_bits(detail::element<std::uint16_t>(t.bytes, i))
                                       : detail::element<std::uint32_t>(t.bytes, i);
        if (!is_finite_f32(bits)) return detail::value_error(t, i, detail::float_text(bits), "a finite number");
        break;
      }
    }
  }
  return {};
}

ATTENDSEG_NAMESPACE_END
