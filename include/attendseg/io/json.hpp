// SPDX-License-Identifier: Apache-2.0
// A strict JSON reader (RFC 8259) for untrusted text: depth and size are capped, names are unique, UTF-8 is checked.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "attendseg/core/result.hpp"
#include "attendseg/io/json_token.hpp"
#include "attendseg/io/json_value.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace json {

/// The most that read() accepts. It bounds memory (below about a hundred times `bytes`) and stack.
struct Limits {
  std::size_t bytes = std::size_t{1} << 20;
  int depth = 32;  ///< arrays and objects around a value, itself included
};

namespace detail {

/// Recursive descent, never deeper than `depth`.
class Reader {
 public:
  Reader(std::string_view text, int depth) noexcept : cursor_(text), room_(depth) {}

  Result<Value> read() {
    Value value;
    cursor_.skip_space();
    if (!read_value(value)) return Error{cursor_.error()};
    cursor_.skip_space();
    if (!cursor_.at_end()) {
      cursor_.expected("the end of the text");
      return Error{cursor_.error()};
    }
    return value;
  }

 private:
  bool read_value(Value& out) {
    switch (cursor_.peek()) {
      case '{':
      case '[': {
        if (room_ == 0) return cursor_.fail(cursor_.at(), "arrays and objects nested too deeply");
        --room_;
        const bool ok = cursor_.take('{') ? read_object(out) : read_array(out);
        ++room_;
        return ok;
      }
      case '"': {
        std::string s;
        if (!cursor_.read_string(s)) return false;
        out = Value(std::move(s));
        return true;
      }
      case 't': return read_word("true", Value(true), out);
      case 'f': return read_word("false", Value(false), out);
      case 'n': return read_word("null", Value(), out);
      default: return cursor_.read_number(out);
    }
  }
  bool read_word(std::string_view word, Value value, Value& out) {
    if (!cursor_.take(word)) return cursor_.expected(std::string(word));
    out = std::move(value);
    return true;
  }
  bool read_array(Value& out) {
    cursor_.take('[');
    cursor_.skip_space();
    Array array;
    if (!cursor_.take(']')) {
      do {
        cursor_.skip_space();
        Value v;
        if (!read_value(v)) return false;
        array.push_back(std::move(v));
        cursor_.skip_space();
      } while (cursor_.take(','));
      if (!cursor_.take(']')) return cursor_.expected("',' or ']'");
    }
    out = Value(std::move(array));
    return true;
  }
  // Behind the brace.
  bool read_object(Value& out) {
    cursor_.skip_space();
    Object object;
    std::set<std::string> names;  // ordered: no input can make its look-ups slow, as it could those of a hash table
    if (!cursor_.take('}')) {
      do {
        cursor_.skip_space();
        const std::size_t start = cursor_.at();
        if (cursor_.peek() != '"') return cursor_.expected("'\"' (a name)");
        Member m;
        if (!cursor_.read_string(m.key)) return false;
        if (!names.insert(m.key).second) return cursor_.fail(start, "a name for the second time, expected it once");
        cursor_.skip_space();
        if (!cursor_.take(':')) return cursor_.expected("':'");
        cursor_.skip_space();
        if (!read_value(m.value)) return false;
        object.push_back(std::move(m));
        cursor_.skip_space();
      } while (cursor_.take(','));
      if (!cursor_.take('}')) return cursor_.expected("',' or '}'");
    }
    out = Value(std::move(object));
    return true;
  }

  Cursor cursor_;
  int room_;
};

}  // namespace detail

/// Reads a whole JSON text: one value, with nothing but white space around it. No byte order mark, no comments, no
/// trailing commas, no name twice in one object, no number beyond the range of a double. Errors give the offset of the
/// byte, what was met and what was expected: `byte 12: 'x', expected ',' or ']'`. @throws std::bad_alloc
inline Result<Value> read(std::string_view text, const Limits& limits = {}) {
  if (text.size() > limits.bytes)
    return Error{"a text of " + std::to_string(text.size()) + " bytes, expected at most " +
                 std::to_string(limits.bytes)};
  return detail::Reader(text, limits.depth).read();
}

}  // namespace json
ATTENDSEG_NAMESPACE_END
