// SPDX-License-Identifier: Apache-2.0
// The portable backend: four lanes in plain C++. What the primitives mean is documented here, for all backends.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "attendseg/simd/common.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace simd {

/// A backend is a struct of these few primitives; a new one is one more file, and a line in backend.hpp.
struct Scalar {
  /// int32 in one vector. A vector of bytes holds four for each of them: products are summed by fours.
  static constexpr int lanes = 4;
  /// Bytes in one vector.
  static constexpr int width = 4 * lanes;
  /// What activations are xor-ed with before they meet weights: 0x80 where the dot product wants unsigned ones.
  static constexpr std::uint8_t flip = 0;
  /// Register tile of a matrix product: at most max_vectors vectors of channels, and so many pixels for each number
  /// of vectors; divides 24.
  static constexpr int max_vectors = 2;
  static constexpr int pixels(int /*vectors*/) noexcept { return 2; }

  struct I32 {
    std::int32_t v[lanes];
  };
  struct Bytes {
    std::int8_t v[width];
  };

  static Bytes load(const std::int8_t* p) noexcept {
    Bytes r;
    std::memcpy(r.v, p, width);
    return r;
  }
  static void store(std::int8_t* p, const Bytes& b) noexcept { std::memcpy(p, b.v, width); }
  static I32 load(const std::int32_t* p) noexcept {
    I32 r;
    std::memcpy(r.v, p, sizeof r.v);
    return r;
  }
  static I32 splat(std::int32_t x) noexcept { return {{x, x, x, x}}; }
  static Bytes splat_byte(std::int8_t x) noexcept {
    Bytes r;
    std::memset(r.v, x, width);
    return r;
  }
  /// The four bytes at p, in every lane.
  static Bytes broadcast4(const std::int8_t* p) noexcept {
    Bytes r;
    for (int lane = 0; lane < lanes; ++lane) std::memcpy(r.v + 4 * lane, p, 4);
    return r;
  }
  /// sum + the dot product of the four activations and four weights of each lane. Exact; weights in [-127, 127].
  static I32 dot4(const I32& sum, const Bytes& activations, const Bytes& weights) noexcept {
    I32 r = sum;
    for (int lane = 0; lane < lanes; ++lane)
      for (int k = 4 * lane; k < 4 * lane + 4; ++k) r.v[lane] += activations.v[k] * weights.v[k];
    return r;
  }
  /// zero_point + round to nearest even(float(sum) * multiplier): reference::requantise before it clamps.
  static I32 requantise(const I32& sum, const float* multiplier, const I32& zero_point) noexcept {
    I32 r;
    for (int i = 0; i < lanes; ++i) {
      const float product = static_cast<float>(sum.v[i]) * multiplier[i];
      r.v[i] = zero_point.v[i] + static_cast<std::int32_t>(std::lrintf(product));
    }
    return r;
  }
  /// Stores the first `count` of N vectors as int8, clamped to [low, 127]; channels lie as channel_of() says.
  template <int N>
  static void store_clamped(std::int8_t* out, const I32 (&r)[N], std::int8_t low, int count) noexcept {
    for (int vector = 0; vector < N; ++vector)
      for (int lane = 0; lane < lanes; ++lane) {
        const int channel = channel_of(lanes, N, vector, lane);
        if (channel >= count) continue;
        const std::int32_t x = r[vector].v[lane];
        out[channel] = static_cast<std::int8_t>(x < low ? low : x > 127 ? 127 : x);
      }
  }
  /// Four rows of `width` channels into lanes of four bytes (one a row): out[vector] lane l is channel_of(lanes, 4,
  /// vector, l).
  static void interleave4(const Bytes (&rows)[4], Bytes (&out)[4]) noexcept {
    for (int vector = 0; vector < 4; ++vector)
      for (int lane = 0; lane < lanes; ++lane)
        for (int row = 0; row < 4; ++row)
          out[vector].v[4 * lane + row] = rows[row].v[channel_of(lanes, 4, vector, lane)];
  }
  /// Copies n > 0 bytes, xor-ed with `flip`. May read and write up to width - 1 bytes more.
  static void copy(std::int8_t* to, const std::int8_t* from, std::int64_t n) noexcept {
    std::memcpy(to, from, static_cast<std::size_t>(n));
  }
  /// Activations for dot4 from four bytes of the picture each.
  static Bytes flipped(const Bytes& b) noexcept { return b; }
};

}  // namespace simd
ATTENDSEG_NAMESPACE_END
