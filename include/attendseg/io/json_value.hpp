// SPDX-License-Identifier: Apache-2.0
// A JSON value: null, true or false, integer, double, string, array, object. Objects keep the order of their members.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "attendseg/core/config.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace json {

class Value;
/// A name and its value. A template, so that it is completed only after Value is.
template <class V>
struct BasicMember {
  std::string key;
  V value;
  friend bool operator==(const BasicMember&, const BasicMember&) = default;
};
using Member = BasicMember<Value>;
using Array = std::vector<Value>;
using Object = std::vector<Member>;

/// One JSON value. Numbers without fraction or exponent that fit int64 are integers; all others are doubles.
class Value {
 public:
  Value() = default;  ///< null
  explicit Value(bool v) : data_(v) {}
  explicit Value(int v) : data_(std::int64_t{v}) {}
  explicit Value(std::int64_t v) : data_(v) {}
  explicit Value(double v) : data_(v) {}
  explicit Value(const char* v) : data_(std::string(v)) {}  // which would become a bool
  explicit Value(std::string v) : data_(std::move(v)) {}
  explicit Value(Array v) : data_(std::move(v)) {}
  explicit Value(Object v) : data_(std::move(v)) {}

  bool is_null() const noexcept { return data_.index() == 0; }
  /// What the value holds, or null where it holds something else.
  const bool* boolean() const noexcept { return std::get_if<bool>(&data_); }
  const std::int64_t* integer() const noexcept { return std::get_if<std::int64_t>(&data_); }
  const std::string* string() const noexcept { return std::get_if<std::string>(&data_); }
  const Array* array() const noexcept { return std::get_if<Array>(&data_); }
  const Object* object() const noexcept { return std::get_if<Object>(&data_); }
  /// An integer (rounded beyond 2^53) or a double.
  std::optional<double> number() const noexcept {
    if (const auto* i = integer()) return static_cast<double>(*i);
    if (const auto* d = std::get_if<double>(&data_)) return *d;
    return std::nullopt;
  }
  /// The member called `key` of an object; null where this is no object or has none. Linear in the members.
  const Value* find(std::string_view key) const noexcept {
    if (const Object* members = object())
      for (const Member& m : *members)
        if (m.key == key) return &m.value;
    return nullptr;
  }

  friend bool operator==(const Value& a, const Value& b) { return a.data_ == b.data_; }

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> data_;
};

}  // namespace json
ATTENDSEG_NAMESPACE_END
