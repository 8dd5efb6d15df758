// SPDX-License-Identifier: Apache-2.0
// Prints JSON values: compact, ASCII only, doubles in the fewest digits that read back the same.
#pragma once

#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "attendseg/io/json_value.hpp"
#include "attendseg/io/utf8.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace json {

/// Appends `text` as a JSON string. Everything outside printable ASCII is escaped, in small hexadecimal digits as
/// Python's json.dumps does; bytes that are not UTF-8 become U+FFFD.
inline void write_string(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  const auto escape = [&out, hex](std::uint32_t unit) {
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) out += hex[(unit >> shift) & 15];
  };
  out += '"';
  while (!text.empty()) {
    std::uint32_t code = 0xFFFD;
    std::size_t length = decode_utf8(text, code);
    if (length == 0) {
      code = 0xFFFD;
      length = 1;
    }
    text.remove_prefix(length);
    constexpr std::string_view special = "\"\\\b\f\n\r\t";
    constexpr std::string_view letters = "\"\\bfnrt";
    const std::size_t i = code < 0x80 ? special.find(static_cast<char>(code)) : special.npos;
    if (i != special.npos) {
      out += '\\';
      out += letters[i];
    } else if (code >= 0x20 && code < 0x7F) {
      out += static_cast<char>(code);
    } else if (code < 0x10000) {
      escape(code);
    } else {
      escape(0xD800 + ((code - 0x10000) >> 10));
      escape(0xDC00 + ((code - 0x10000) & 0x3FF));
    }
  }
  out += '"';
}

/// Appends a double: the shortest digits that round trip, with ".0" where it would otherwise read back as an integer.
/// JSON has no infinities and no NaN: they become null.
inline void write_number(std::string& out, double value) {
  // By bits: -ffast-math would let the compiler assume the answer.
  if ((std::bit_cast<std::uint64_t>(value) << 1) >= std::uint64_t{0x7FF} << 53) {
    out += "null";
    return;
  }
  char text[32];  // the longest is "-2.2250738585072014e-308", 24 characters
  const char* end = std::to_chars(text, text + sizeof text, value).ptr;
  const std::string_view digits(text, static_cast<std::size_t>(end - text));
  out += digits;
  if (digits.find_first_of(".e") == digits.npos) out += ".0";
}

/// Appends `value` as compact JSON. Recursive: as deep as the value. @throws std::bad_alloc
inline void write(std::string& out, const Value& value) {
  if (const bool* b = value.boolean()) {
    out += *b ? "true" : "false";
  } else if (const std::int64_t* i = value.integer()) {
    out += std::to_string(*i);
  } else if (const auto d = value.number()) {
    write_number(out, *d);
  } else if (const std::string* s = value.string()) {
    write_string(out, *s);
  } else if (const Array* array = value.array()) {
    char before = '[';
    for (const Value& v : *array) {
      out += before;
      write(out, v);
      before = ',';
    }
    out += array->empty() ? "[]" : "]";
  } else if (const Object* object = value.object()) {
    char before = '{';
    for (const Member& m : *object) {
      out += before;
      write_string(out, m.key);
      out += ':';
      write(out, m.value);
      before = ',';
    }
    out += object->empty() ? "{}" : "}";
  } else {
    out += "null";
  }
}

/// `value` as compact JSON. json::read gives back an equal value (infinities and NaN apart).
inline std::string write(const Value& value) {
  std::string out;
  write(out, value);
  return out;
}

/// A name or value from a file as an error message may show it: words and dotted names as they are, anything else
/// quoted and escaped, long ones cut. Nothing of a hostile file reaches a terminal or a log unescaped.
inline std::string shown(std::string_view text) {
  constexpr std::size_t most = 80;
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/";
  const std::string_view head = text.substr(0, most);
  std::string out;
  if (!head.empty() && head.find_first_not_of(plain) == head.npos)
    out = head;
  else
    write_string(out, head);
  return text.size() > most ? out + "..." : out;
}

/// The same for a value: numbers and words as they are, strings quoted, arrays and objects by their kind.
inline std::string described(const Value& value) {
  if (value.array() != nullptr) return "an array of " + std::to_string(value.array()->size());
  if (value.object() != nullptr) return "an object";
  const std::string* s = value.string();
  if (s == nullptr) return write(value);
  std::string out;
  write_string(out, std::string_view(*s).substr(0, 80));
  return s->size() > 80 ? out + "..." : out;
}

}  // namespace json
ATTENDSEG_NAMESPACE_END
