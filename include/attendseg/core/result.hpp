// SPDX-License-Identifier: Apache-2.0
// Errors as values: a Result holds what was asked for, or a message that names the field, the value met and wanted.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "attendseg/core/config.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// What went wrong, in one line: `stage2.block1.expand.weight: shape [96,32], expected [128,32]`.
struct Error {
  std::string message;
};

/// A value of type T, or the Error that kept it from being made. Look before you dereference.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit by design
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit by design

  bool ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  /// @pre ok()
  T& operator*() & noexcept { return *std::get_if<0>(&state_); }
  const T& operator*() const& noexcept { return *std::get_if<0>(&state_); }
  T&& operator*() && noexcept { return std::move(*std::get_if<0>(&state_)); }
  T* operator->() noexcept { return std::get_if<0>(&state_); }
  const T* operator->() const noexcept { return std::get_if<0>(&state_); }

  /// @pre !ok()
  const Error& error() const noexcept { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Error> state_;
};

/// Success without a value, or an Error.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT: implicit by design
  bool ok() const noexcept { return ok_; }
  explicit operator bool() const noexcept { return ok_; }
  /// @pre !ok()
  const Error& error() const noexcept { return error_; }

 private:
  Error error_;
  bool ok_ = true;
};

ATTENDSEG_NAMESPACE_END
