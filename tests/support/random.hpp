// SPDX-License-Identifier: Apache-2.0
// Integer tests: seeded random activations and weights, views of awkward alignment with guards around them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"

namespace test {

/// A small generator that gives the same numbers everywhere (splitmix64).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint32_t bits() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return static_cast<std::uint32_t>((z ^ (z >> 31)) >> 32);
  }
  /// Uniform in [low, high].
  int between(int low, int high) {
    return low + static_cast<int>(bits() % static_cast<std::uint32_t>(high - low + 1));
  }

 private:
  std::uint64_t state_;
};

/// What random numbers look like: uniform over [low, high], or only those two.
struct Range {
  int low = -128, high = 127;
  bool extremes = false;
};

inline int random_value(Random& random, Range range) {
  if (range.extremes) return random.bits() & 1U ? range.high : range.low;
  return random.between(range.low, range.high);
}

template <class T>
std::vector<T> random_values(std::int64_t n, std::uint64_t seed, Range range) {
  Random random(seed);
  std::vector<T> values(static_cast<std::size_t>(n));
  for (T& v : values) v = static_cast<T>(random_value(random, range));
  return values;
}

/// n weights in [-127, 127].
inline std::vector<std::int8_t> random_weights(std::int64_t n, std::uint64_t seed, bool extremes = false) {
  return random_values<std::int8_t>(n, seed, {-127, 127, extremes});
}

/// n multipliers around 1 / sqrt(depth) / 100, so that outputs fill int8 and overflow it now and then.
inline std::vector<float> random_multipliers(int n, int depth, std::uint64_t seed) {
  Random random(seed);
  std::vector<float> values(static_cast<std::size_t>(n));
  int root = 1;
  while (root * root < depth) ++root;
  for (float& v : values) v = static_cast<float>(random.between(1, 1 << 20)) * 0x1p-19F / static_cast<float>(root * 80);
  return values;
}

/// A tensor of bytes whose view starts `offset` bytes past an aligned address and whose rows are `gap` bytes apart;
/// what lies around and between the rows is a guard.
template <class T>
class GuardedBytes {
  static_assert(sizeof(T) == 1);

 public:
  explicit GuardedBytes(attendseg::Shape shape, int offset = 0, int gap = 0)
      : shape_(shape),
        stride_(std::ptrdiff_t{shape.width} * shape.channels + gap),
        offset_(margin + offset),
        buffer_(static_cast<std::size_t>(stride_ * shape.height + offset_ + margin)) {
    for (std::size_t i = 0; i < buffer_.size(); ++i) buffer_.data()[i] = guard;
  }
  GuardedBytes& fill(std::uint64_t seed, Range range = {}) {
    Random random(seed);
    for (int y = 0; y < shape_.height; ++y)
      for (int x = 0; x < shape_.width * shape_.channels; ++x)
        view().row(y)[x] = static_cast<T>(random_value(random, range));
    return *this;
  }
  attendseg::View<T> view() { return {reinterpret_cast<T*>(buffer_.data()) + offset_, shape_, stride_}; }
  attendseg::View<const T> view() const {
    return {reinterpret_cast<const T*>(buffer_.data()) + offset_, shape_, stride_};
  }
  /// True when nothing was written outside the rows.
  bool intact() const {
    for (std::size_t i = 0; i < buffer_.size(); ++i) {
      const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(i) - offset_;
      const bool inside = at >= 0 && at < stride_ * shape_.height &&
                          at % stride_ < std::ptrdiff_t{shape_.width} * shape_.channels;
      if (!inside && buffer_.data()[i] != guard) return false;
    }
    return true;
  }

 private:
  static constexpr int margin = 64;
  static constexpr std::byte guard{0x5A};
  attendseg::Shape shape_;
  std::ptrdiff_t stride_;
  std::ptrdiff_t offset_;
  attendseg::Buffer buffer_;
};

/// Empty when both hold the same values, otherwise the first place where they do not.
template <class T>
std::string difference(attendseg::View<T> met, attendseg::View<T> wanted) {
  if (met.shape != wanted.shape) return "shapes differ";
  for (int y = 0; y < met.shape.height; ++y)
    for (int x = 0; x < met.shape.width; ++x)
      for (int c = 0; c < met.shape.channels; ++c)
        if (met(y, x, c) != wanted(y, x, c)) {
          std::string text = std::to_string(y);
          text.append(",").append(std::to_string(x)).append(",").append(std::to_string(c)).append(": ");
          text.append(std::to_string(met(y, x, c)));
          return text.append(", expected ").append(std::to_string(wanted(y, x, c)));
        }
  return {};
}

/// Hash of the bytes of a view (FNV-1a), continued from `hash`: equal on every machine and backend.
template <class T>
std::uint64_t hash_of(attendseg::View<T> view, std::uint64_t hash = 0xCBF29CE484222325U) {
  static_assert(sizeof(T) == 1);
  for (int y = 0; y < view.shape.height; ++y)
    for (int i = 0; i < view.shape.width * view.shape.channels; ++i)
      hash = (hash ^ static_cast<std::uint8_t>(view.row(y)[i])) * 0x100000001B3U;
  return hash;
}

}  // namespace test
