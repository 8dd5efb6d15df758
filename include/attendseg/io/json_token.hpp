// SPDX-License-Identifier: Apache-2.0
// The tokens of JSON: strings, numbers and white space, read from untrusted text. json.hpp puts them together.
#pragma once

#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "attendseg/io/json_value.hpp"
#include "attendseg/io/utf8.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace json::detail {

/// A place in a text. What fails returns false and leaves its message in error().
class Cursor {
 public:
  explicit Cursor(std::string_view text) noexcept : text_(text) {}

  std::size_t at() const noexcept { return at_; }
  bool at_end() const noexcept { return at_ >= text_.size(); }
  const std::string& error() const noexcept { return error_; }

  /// Fails with a message about byte `at`. @return false
  bool fail(std::size_t at, const std::string& what) {
    error_ = "byte " + std::to_string(at) + ": " + what;
    return false;
  }
  /// Fails at this place: what is met here, and what was wanted. @return false
  bool expected(const std::string& wanted) {
    if (at_end()) return fail(at_, "the text ends, expected " + wanted);
    const auto c = static_cast<unsigned char>(text_[at_]);
    constexpr std::string_view hex = "0123456789abcdef";
    const std::string met = c > 0x20 && c < 0x7F ? std::string{'\'', static_cast<char>(c), '\''}
                                                 : std::string{'0', 'x', hex[c >> 4], hex[c & 15]};
    return fail(at_, met + ", expected " + wanted);
  }
  /// The character at this place; NUL at the end, which no token of JSON holds.
  char peek() const noexcept { return at_end() ? '\0' : text_[at_]; }
  /// Steps over `c` where it stands here.
  bool take(char c) noexcept {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  /// Steps over `word` where it stands here.
  bool take(std::string_view word) noexcept {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  void skip_space() noexcept {
    while (take(' ') || take('\n') || take('\r') || take('\t')) {
    }
  }

  /// A string. @pre peek() == '"'
  bool read_string(std::string& out) {
    ++at_;
    while (!take('"')) {
      if (at_end()) return expected("'\"' (the end of a string)");
      if (static_cast<unsigned char>(text_[at_]) < 0x20) return expected("a control character to be escaped");
      if (take('\\')) {
        if (!read_escape(out)) return false;
        continue;
      }
      std::uint32_t code = 0;
      const std::size_t length = decode_utf8(text_.substr(at_, 4), code);
      if (length == 0) return expected("UTF-8");
      out.append(text_.substr(at_, length));
      at_ += length;
    }
    return true;
  }

  /// A number: an integer where it has neither fraction nor exponent and fits int64 (-0 does not: it is a double).
  bool read_number(Value& out) {
    const std::size_t start = at_;
    if (!take('-') && !digit_here()) return expected("a value");
    if (take('0')) {
      if (digit_here()) return expected("no digit after a leading 0");
    } else if (!skip_digits()) {
      return false;
    }
    bool whole = true;
    if (take('.')) {
      whole = false;
      if (!skip_digits()) return false;
    }
    const std::string_view significand = text_.substr(start, at_ - start);
    if (take('e') || take('E')) {
      whole = false;
      if (!take('+')) take('-');
      if (!skip_digits()) return false;
    }
    const char* first = text_.data() + start;
    const char* last = text_.data() + at_;
    std::int64_t integer = 0;
    if (whole && significand != "-0" && std::from_chars(first, last, integer).ec == std::errc{}) {
      out = Value(integer);
      return true;
    }
    double number = 0;
    const std::errc ec = std::from_chars(first, last, number).ec;
    // Libraries differ in whether overflow and underflow are errors or infinity and zero: here both are errors. Looked
    // for in the bits, since -ffast-math lets a compiler forget that infinities exist.
    const std::uint64_t magnitude = std::bit_cast<std::uint64_t>(number) << 1;
    const bool zero = significand.find_first_of("123456789") == std::string_view::npos;
    if (ec != std::errc{} || magnitude >= std::uint64_t{0x7FF} << 53 || (magnitude == 0 && !zero))
      return fail(start, "a number beyond the range of a double");
    out = Value(number);
    return true;
  }

 private:
  bool digit_here() const noexcept { return peek() >= '0' && peek() <= '9'; }
  bool skip_digits() {
    if (!digit_here()) return expected("a digit");
    while (digit_here()) ++at_;
    return true;
  }
  // Behind the backslash.
  bool read_escape(std::string& out) {
    constexpr std::string_view letters = "\"\\/bfnrt";
    constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    const std::size_t start = at_ - 1;
    if (const std::size_t i = at_end() ? letters.npos : letters.find(text_[at_]); i != letters.npos) {
      ++at_;
      out.push_back(meanings[i]);
      return true;
    }
    if (!take('u')) return expected("one of \"\\/bfnrtu (an escape)");
    std::uint32_t code = 0;
    if (!read_hex4(code)) return false;
    if (code >= 0xDC00 && code < 0xE000) return fail(start, "a low surrogate, expected a high one before it");
    if (code >= 0xD800 && code < 0xDC00) {
      std::uint32_t low = 0;
      if (!take("\\u")) return expected("\\u and a low surrogate after a high one");
      if (!read_hex4(low)) return false;
      if (low < 0xDC00 || low >= 0xE000) return fail(start, "a high surrogate, expected a low one after it");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    append_utf8(out, code);
    return true;
  }
  bool read_hex4(std::uint32_t& out) {
    for (int i = 0; i < 4; ++i) {
      const char c = peek();
      const int digit = digit_here()           ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) return expected("a hexadecimal digit");
      out = out * 16 + static_cast<std::uint32_t>(digit);
      ++at_;
    }
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string error_;
};

}  // namespace json::detail
ATTENDSEG_NAMESPACE_END
