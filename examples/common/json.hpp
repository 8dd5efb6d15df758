// SPDX-License-Identifier: Apache-2.0
// What the programs print with --json: one object a line.
#pragma once

#include <cstdio>
#include <string>
#include <utility>

#include "attendseg/io/json_write.hpp"

namespace app {

namespace json = attendseg::json;

/// A name and its value, to be listed in an object.
template <class T>
json::Member member(std::string name, T value) {
  return {std::move(name), json::Value(std::move(value))};
}

inline void print_line(json::Object object) {
  std::puts(json::write(json::Value(std::move(object))).c_str());
}

}  // namespace app
