// SPDX-License-Identifier: Apache-2.0
// Float tests: random tensors, views of awkward alignment and stride with guards around them, comparison with a bound.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"

namespace test {

inline constexpr double eps = std::numeric_limits<float>::epsilon();

/// n floats, uniform in [low, high).
inline std::vector<float> random_floats(std::size_t n, std::uint32_t seed, float low = -2.0F, float high = 2.0F) {
  std::mt19937 bits(seed);
  std::vector<float> values(n);
  for (float& v : values) v = low + (high - low) * static_cast<float>(bits() >> 8) * 0x1p-24F;
  return values;
}

/// Tells NaN by its bits: also where -ffast-math says there are none.
inline bool is_nan(float x) { return (std::bit_cast<std::uint32_t>(x) & 0x7fffffffU) > 0x7f800000U; }

/// A view that starts `offset` elements past an aligned address and whose rows are `gap` elements apart. What lies
/// between and around the rows is a guard: NaN, so that a value read from there shows, and a value written as well.
class Guarded {
 public:
  explicit Guarded(attendseg::Shape shape, int offset = 0, int gap = 0)
      : shape_(shape),
        stride_(std::ptrdiff_t{shape.width} * shape.channels + gap),
        offset_(guard + offset),
        values_(static_cast<std::size_t>(stride_ * shape.height + offset_ + guard),
                std::numeric_limits<float>::quiet_NaN()) {}

  Guarded& fill(std::uint32_t seed, float low = -2.0F, float high = 2.0F) {
    const auto values = random_floats(static_cast<std::size_t>(shape_.size()), seed, low, high);
    std::size_t i = 0;
    for (int y = 0; y < shape_.height; ++y)
      for (int x = 0; x < shape_.width * shape_.channels; ++x) view().row(y)[x] = values[i++];
    return *this;
  }
  attendseg::View<float> view() { return {values_.data() + offset_, shape_, stride_}; }
  attendseg::View<const float> view() const { return {values_.data() + offset_, shape_, stride_}; }

  /// True when no guard was written and, within the rows, no value is NaN.
  bool intact() const {
    for (std::size_t i = 0; i < values_.size(); ++i) {
      const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(i) - offset_;
      const bool inside = at >= 0 && at < stride_ * shape_.height &&
                          at % stride_ < std::ptrdiff_t{shape_.width} * shape_.channels;
      if (inside == is_nan(values_[i])) return false;
    }
    return true;
  }

 private:
  static constexpr int guard = 64;
  attendseg::Shape shape_;
  std::ptrdiff_t stride_;
  std::ptrdiff_t offset_;
  std::vector<float> values_;
};

/// The largest |a - b| / bound over all elements; at most 1 where the bound holds. Where the bound is 0: equality.
template <class Bound>
double worst(attendseg::View<const float> a, attendseg::View<const float> b, Bound bound) {
  double largest = 0.0;
  for (int y = 0; y < a.shape.height; ++y)
    for (int x = 0; x < a.shape.width; ++x)
      for (int c = 0; c < a.shape.channels; ++c) {
        const double difference = std::fabs(double{a(y, x, c)} - double{b(y, x, c)});
        const double allowed = bound(y, x, c);
        if (difference == 0.0) continue;
        largest = std::fmax(largest, allowed > 0.0 ? difference / allowed : 1e30);
      }
  return largest;
}

/// True when both hold the same bits.
inline bool same(attendseg::View<const float> a, attendseg::View<const float> b) {
  for (int y = 0; y < a.shape.height; ++y)
    for (int x = 0; x < a.shape.width * a.shape.channels; ++x)
      if (std::bit_cast<std::uint32_t>(a.row(y)[x]) != std::bit_cast<std::uint32_t>(b.row(y)[x])) return false;
  return true;
}

/// A ring of `rows` rows over a picture: what a caller that streams rows hands to an operator. A row that is written
/// over is lost; rows not yet loaded are NaN.
class Ring {
 public:
  Ring(attendseg::Shape shape, int rows)
      : shape_(shape),
        rows_(rows),
        values_(static_cast<std::size_t>(rows) * shape.width * shape.channels,
                std::numeric_limits<float>::quiet_NaN()) {}
  attendseg::View<float> view() {
    return {values_.data(), shape_, std::ptrdiff_t{shape_.width} * shape_.channels, rows_};
  }
  /// Takes the rows up to `end` that it does not have yet.
  void load(attendseg::View<const float> picture, int end) {
    for (; next_ < std::min(end, shape_.height); ++next_)
      std::copy_n(picture.row(next_), shape_.width * shape_.channels, view().row(next_));
  }

 private:
  attendseg::Shape shape_;
  int rows_;
  int next_ = 0;
  std::vector<float> values_;
};

/// Runs an operator row by row, from and into rings, and tells whether every row equals that of `whole`, to the bit.
/// @param held rows of the input's ring @param last(y) end of the input rows that output row y needs
/// @param run(in, out, rows)
template <class Last, class Run>
bool same_in_rings(attendseg::View<const float> picture, int held, attendseg::View<const float> whole, Last last,
                   Run run) {
  Ring in(picture.shape, held), out(whole.shape, 2);
  bool equal = true;
  for (int y = 0; y < whole.shape.height; ++y) {
    in.load(picture, last(y));
    run(attendseg::View<const float>(in.view()), out.view(), attendseg::Rows{y, y + 1});
    const attendseg::Shape row{1, whole.shape.width, whole.shape.channels};
    equal = equal && same({out.view().row(y), row}, {whole.row(y), row});
  }
  return equal;
}

/// Channels around every batch width, and those that networks use.
inline constexpr int awkward_channels[] = {1, 3, 5, 11, 16, 17, 24, 33, 48, 64, 288};

}  // namespace test
