// SPDX-License-Identifier: Apache-2.0
// Rings of rows for tests: operators must find every row that they need in as few rows as hold them.
#pragma once

#include <cstddef>
#include <cstring>

#include "attendseg/core/tensor.hpp"
#include "tests/support/random.hpp"

namespace test {

/// `rows` rows of a tensor of that shape, with guards between and around them.
template <class T>
class Ring {
 public:
  Ring(attendseg::Shape shape, int rows, int offset = 0)
      : shape_(shape), rows_(rows), held_({rows, shape.width, shape.channels}, offset, 3) {}

  attendseg::View<T> view() {
    const auto rows = held_.view();
    return {rows.data, shape_, rows.row_stride, rows_};
  }
  attendseg::View<const T> view() const {
    const auto rows = held_.view();
    return {rows.data, shape_, rows.row_stride, rows_};
  }
  /// Rows [first, end) of another tensor, those of them that exist.
  void hold(attendseg::View<const T> from, int first, int end) {
    for (int y = first < 0 ? 0 : first; y < end && y < shape_.height; ++y)
      std::memcpy(view().row(y), from.row(y), row_bytes());
  }
  bool holds(attendseg::View<const T> wanted, int y) const {
    return std::memcmp(view().row(y), wanted.row(y), row_bytes()) == 0;
  }
  bool intact() const { return held_.intact(); }

 private:
  std::size_t row_bytes() const { return static_cast<std::size_t>(shape_.width * shape_.channels) * sizeof(T); }

  attendseg::Shape shape_;
  int rows_;
  GuardedBytes<T> held_;
};

}  // namespace test
