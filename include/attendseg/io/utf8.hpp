// SPDX-License-Identifier: Apache-2.0
// UTF-8, strictly: no overlong forms, no surrogates, nothing above U+10FFFF (RFC 3629).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "attendseg/core/config.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// The character that `text` starts with. @return its length in bytes, 1 to 4, with `code` set; 0 where `text` is empty
/// or does not start with well-formed UTF-8
constexpr std::size_t decode_utf8(std::string_view text, std::uint32_t& code) noexcept {
  if (text.empty()) return 0;
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) {
    code = first;
    return 1;
  }
  const std::size_t length = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
  if (length == 0 || text.size() < length) return 0;
  code = first & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c & 0xC0) != 0x80) return 0;
    code = code << 6 | (c & 0x3FU);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = code >= 0xD800 && code < 0xE000;
  return overlong || surrogate || code > 0x10FFFF ? 0 : length;
}

/// Appends one character. @pre code is a Unicode scalar value
inline void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  const auto tail = [&](std::uint32_t shift) { put(0x80U | ((code >> shift) & 0x3FU)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0U | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    put(0xE0U | code >> 12);
    tail(6);
    tail(0);
  } else {
    put(0xF0U | code >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

ATTENDSEG_NAMESPACE_END
