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
  /// of vectors; divides 48.
  static constexpr int max_vectors = 2;
  static constexpr int pixels(int /*vectors*/) noexcept { return 2; }
  /// Pixels of so many vectors of channels that share a store; divides half of pixels(vectors). A backend where it is more
  /// than 1 has store_clamped_pixels(out, r[group][vectors], low): store_clamped() of all channels of each, adjacent.
  static constexpr int group(int /*vectors*/) noexcept { return 1; }
  /// Vectors of channels at a time in depthwise convolution, which keeps three columns of them and their sums.
  static constexpr int depthwise_vectors = 2;

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
  /// The first `count` bytes (or all).
  static void store_first(std::int8_t* p, const Bytes& b, int count) noexcept {
    std::memcpy(p, b.v, static_cast<std::size_t>(count < width ? count : width));
  }
  static Bytes maximum_bytes(const Bytes& a, const Bytes& b) noexcept {
    Bytes r;
    for (int i = 0; i < width; ++i) r.v[i] = a.v[i] > b.v[i] ? a.v[i] : b.v[i];
    return r;
  }
  /// to[i] = from[i] - 128 for `width` bytes.
  static void centre(const std::uint8_t* from, std::int8_t* to) noexcept {
    for (int i = 0; i < width; ++i) to[i] = static_cast<std::int8_t>(from[i] - 128);
  }
  /// to[i] = from[order[i]] - 128 for 16 bytes. @pre order[i] < 16
  static void centre_ordered(const std::uint8_t* from, const std::uint8_t (&order)[16], std::int8_t* to) noexcept {
    for (int i = 0; i < 16; ++i) to[i] = static_cast<std::int8_t>(from[order[i]] - 128);
  }
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
  /// Rows of N * lanes activations into lanes of four bytes, one a row, as dot4 wants them: out[vector] lane l is
  /// channel_of(lanes, N, vector, l). Rows: 4, or 3 where the fourth byte may be anything. N: 1, 2, 4.
  /// @pre readable: `width` bytes of each row
  template <int Rows, int N>
  static void interleave(const std::int8_t* const (&rows)[4], Bytes (&out)[N]) noexcept {
    static_assert(Rows == 3 || Rows == 4);
    for (int vector = 0; vector < N; ++vector)
      for (int lane = 0; lane < lanes; ++lane)
        for (int row = 0; row < 4; ++row)
          out[vector].v[4 * lane + row] = row < Rows ? rows[row][channel_of(lanes, N, vector, lane)] : std::int8_t{0};
  }
  /// Copies n > 0 bytes, xor-ed with `flip`. May read and write up to width - 1 bytes more.
  static void copy(std::int8_t* to, const std::int8_t* from, std::int64_t n) noexcept {
    std::memcpy(to, from, static_cast<std::size_t>(n));
  }
  /// Activations as dot4 wants them.
  static Bytes flipped(const Bytes& b) noexcept { return b; }

  /// int16 in one vector: elementwise operators, where sums and products are known to fit.
  static constexpr int words = 2 * lanes;
  struct I16 {
    std::int16_t v[words];
  };
  /// `words` int8, widened. @pre readable: words bytes
  static I16 widen(const std::int8_t* p) noexcept {
    return each([&](int i) { return p[i]; });
  }
  static I16 load_words(const std::int16_t* p) noexcept {
    I16 r;
    std::memcpy(r.v, p, sizeof r.v);
    return r;
  }
  static void store_words(std::int16_t* p, const I16& x) noexcept { std::memcpy(p, x.v, sizeof x.v); }
  static I16 splat_words(int x) noexcept {
    return each([&](int) { return x; });
  }
  /// Saturates.
  static I16 add(const I16& a, const I16& b) noexcept {
    return each([&](int i) { return saturated(a.v[i] + b.v[i]); });
  }
  /// Modulo 2^16.
  static I16 subtract(const I16& a, const I16& b) noexcept {
    return each([&](int i) { return a.v[i] - b.v[i]; });
  }
  /// The low half of the product.
  static I16 multiply(const I16& a, const I16& b) noexcept {
    return each([&](int i) { return a.v[i] * b.v[i]; });
  }
  /// (a * b + 2^14) >> 15. @pre not both -32768
  static I16 multiply_q15(const I16& a, const I16& b) noexcept {
    return each([&](int i) { return (a.v[i] * b.v[i] + (1 << 14)) >> 15; });
  }
  static I16 shift_right(const I16& a, int shift) noexcept {
    return each([&](int i) { return a.v[i] >> shift; });
  }
  static I16 maximum(const I16& a, const I16& b) noexcept {
    return each([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
  }
  /// a > b ? x : y.
  static I16 if_greater(const I16& a, const I16& b, const I16& x, const I16& y) noexcept {
    return each([&](int i) { return a.v[i] > b.v[i] ? x.v[i] : y.v[i]; });
  }
  /// (a * ma + b * mb + offset) >> shift in int32, saturated to int16.
  static I16 weighted_sum(const I16& a, const I16& b, std::int16_t ma, std::int16_t mb, std::int32_t offset,
                          int shift) noexcept {
    return each([&](int i) { return saturated((a.v[i] * ma + b.v[i] * mb + offset) >> shift); });
  }
  /// The low byte of a below the low byte of b.
  static I16 join_bytes(const I16& a, const I16& b) noexcept {
    return each([&](int i) { return (a.v[i] & 255) | b.v[i] * 256; });
  }
  /// Stores a and b in turns: p[2i] = a[i], p[2i + 1] = b[i].
  static void store_zipped(std::int16_t* p, const I16& a, const I16& b) noexcept {
    for (int i = 0; i < words; ++i) p[2 * i] = a.v[i], p[2 * i + 1] = b.v[i];
  }
  /// to[i] = table[index[i] + 128] for i < n. @param table [256]  @pre readable and writable: n + width values
  static void look_up(const std::int16_t* table, const std::int8_t* index, std::int16_t* to, int n) noexcept {
    for (int i = 0; i < n; ++i) to[i] = table[index[i] + 128];
  }
  /// Stores the first `count` values (or all), saturated to int8.
  static void narrow(std::int8_t* out, const I16& x, int count) noexcept {
    for (int i = 0; i < (count < words ? count : words); ++i)
      out[i] = static_cast<std::int8_t>(x.v[i] < -128 ? -128 : x.v[i] > 127 ? 127 : x.v[i]);
  }

  /// Four uint32, the sums of one pixel's channels; modulo 2^32.
  struct Four {
    std::uint32_t v[4];
  };
  static Four load_four(const std::uint32_t* p) noexcept { return {{p[0], p[1], p[2], p[3]}}; }
  static void store_four(std::uint32_t* p, const Four& x) noexcept { std::memcpy(p, x.v, sizeof x.v); }
  static Four add(const Four& a, const Four& b) noexcept {
    return {{a.v[0] + b.v[0], a.v[1] + b.v[1], a.v[2] + b.v[2], a.v[3] + b.v[3]}};
  }
  static Four multiply(const Four& a, std::uint32_t by) noexcept {
    return {{a.v[0] * by, a.v[1] * by, a.v[2] * by, a.v[3] * by}};
  }

 private:
  static int saturated(int x) noexcept { return x < -32768 ? -32768 : x > 32767 ? 32767 : x; }
  template <class F>
  static I16 each(F&& f) noexcept {
    I16 r;
    for (int i = 0; i < words; ++i) r.v[i] = static_cast<std::int16_t>(f(i));
    return r;
  }
};

}  // namespace simd
ATTENDSEG_NAMESPACE_END
