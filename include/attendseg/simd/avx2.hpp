// SPDX-License-Identifier: Apache-2.0
// AVX2 without VNNI: exact dot products from vpmaddubsw on absolute activations and signed weights.
#pragma once

#include "attendseg/simd/quiet_intrinsics.hpp"

#include <cstdint>
#include <cstring>

#include "attendseg/simd/common.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace simd {

/// Primitives as documented in scalar.hpp.
struct Avx2 {
  using I32 = __m256i;
  using Bytes = __m256i;
  static constexpr int lanes = 8;
  static constexpr int width = 32;
  static constexpr std::uint8_t flip = 0;
  static constexpr int max_vectors = 2;  // 8 accumulators, 2 weights, activation, its absolute value, ones: 13 of 16
  static constexpr int pixels(int vectors) noexcept { return vectors == 1 ? 6 : 4; }
  static constexpr int group(int vectors) noexcept { return vectors == 2 ? 2 : 1; }
  static constexpr int depthwise_vectors = 2;

  static ATTENDSEG_INLINE Bytes load(const std::int8_t* p) noexcept {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static ATTENDSEG_INLINE void store(std::int8_t* p, Bytes b) noexcept {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), b);
  }
  static ATTENDSEG_INLINE void store_first(std::int8_t* p, Bytes b, int count) noexcept {
    if (count >= width) return store(p, b);
    alignas(32) std::int8_t tail[width];
    store(tail, b);
    copy_short(p, tail, count);
  }
  static ATTENDSEG_INLINE Bytes maximum_bytes(Bytes a, Bytes b) noexcept { return _mm256_max_epi8(a, b); }
  static ATTENDSEG_INLINE void centre(const std::uint8_t* from, std::int8_t* to) noexcept {
    store(to, _mm256_xor_si256(load(reinterpret_cast<const std::int8_t*>(from)), _mm256_set1_epi8(-128)));
  }
  static ATTENDSEG_INLINE void centre_ordered(const std::uint8_t* from, const std::uint8_t (&order)[16],
                                              std::int8_t* to) noexcept {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    const __m128i ordered = _mm_shuffle_epi8(x, _mm_loadu_si128(reinterpret_cast<const __m128i*>(order)));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_xor_si128(ordered, _mm_set1_epi8(-128)));
  }
  static ATTENDSEG_INLINE I32 load(const std::int32_t* p) noexcept {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static ATTENDSEG_INLINE I32 splat(std::int32_t x) noexcept { return _mm256_set1_epi32(x); }
  static ATTENDSEG_INLINE Bytes splat_byte(std::int8_t x) noexcept { return _mm256_set1_epi8(x); }
  static ATTENDSEG_INLINE Bytes broadcast4(const std::int8_t* p) noexcept { return _mm256_set1_epi32(load_word(p)); }
  static ATTENDSEG_INLINE I32 dot4(I32 sum, Bytes activations, Bytes weights) noexcept {
    // abs(-128) is 128 as an unsigned byte; 2 * 128 * 127 fits int16, so nothing saturates.
    const __m256i pairs =
        _mm256_maddubs_epi16(_mm256_abs_epi8(activations), _mm256_sign_epi8(weights, activations));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
  static ATTENDSEG_INLINE I32 requantise(I32 sum, const float* multiplier, I32 zero_point) noexcept {
    const __m256 product = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_loadu_ps(multiplier));
    return _mm256_add_epi32(zero_point, _mm256_cvtps_epi32(product));
  }
  template <int N>
  static ATTENDSEG_INLINE void store_clamped(std::int8_t* out, const I32 (&r)[N], std::int8_t low, int count) noexcept {
    static_assert(N == 1 || N == 2 || N == 4);
    // Saturating to int16 and then to int8 is one clamp.
    if constexpr (N == 4) {
      const __m256i bytes = _mm256_max_epi8(
          _mm256_packs_epi16(_mm256_packs_epi32(r[0], r[1]), _mm256_packs_epi32(r[2], r[3])), _mm256_set1_epi8(low));
      if (count >= width) return store(out, bytes);
      alignas(32) std::int8_t tail[width];
      store(tail, bytes);
      copy_short(out, tail, count);
    } else {
      __m128i bytes;
      if constexpr (N == 2) {
        const __m256i shorts = _mm256_packs_epi32(r[0], r[1]);
        bytes = _mm_packs_epi16(_mm256_castsi256_si128(shorts), _mm256_extracti128_si256(shorts, 1));
      } else {
        const __m128i shorts = _mm_packs_epi32(_mm256_castsi256_si128(r[0]), _mm256_extracti128_si256(r[0], 1));
        bytes = _mm_packs_epi16(shorts, shorts);
      }
      bytes = _mm_max_epi8(bytes, _mm_set1_epi8(low));
      if (N == 2 && count >= 16) return _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
      if (N == 1 && count >= 8) return _mm_storel_epi64(reinterpret_cast<__m128i*>(out), bytes);
      alignas(16) std::int8_t tail[16];
      _mm_store_si128(reinterpret_cast<__m128i*>(tail), bytes);
      copy_short(out, tail, count);
    }
  }
  template <int G, int N>
  static ATTENDSEG_INLINE void store_clamped_pixels(std::int8_t* out, const I32 (&r)[G][N], std::int8_t low) noexcept {
    static_assert(G == 2 && N == 2);
    const __m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(r[0][0], r[0][1]), _mm256_packs_epi32(r[1][0], r[1][1]));
    constexpr int by_pixels = 0b11'01'10'00;  // eight bytes of each in turn, before
    store(out, _mm256_max_epi8(_mm256_permute4x64_epi64(bytes, by_pixels), _mm256_set1_epi8(low)));
  }
  template <int Rows, int N>
  static ATTENDSEG_INLINE void interleave(const std::int8_t* const (&rows)[4], Bytes (&out)[N]) noexcept {
    static_assert((Rows == 3 || Rows == 4) && (N == 1 || N == 2));
    const auto row = [&](int i) ATTENDSEG_LAMBDA {
      return _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[i]));
    };
    if constexpr (N == 2) {
      const auto wide = [&](int i) ATTENDSEG_LAMBDA { return _mm256_cvtepu8_epi16(row(i)); };
      const __m256i row01 = _mm256_or_si256(wide(0), _mm256_slli_epi16(wide(1), 8));
      const __m256i row23 = Rows == 4 ? _mm256_or_si256(wide(2), _mm256_slli_epi16(wide(Rows - 1), 8)) : wide(2);
      out[0] = _mm256_unpacklo_epi16(row01, row23);
      out[1] = _mm256_unpackhi_epi16(row01, row23);
    } else {
      const __m128i row01 = _mm_unpacklo_epi8(row(0), row(1)), row23 = _mm_unpacklo_epi8(row(2), row(Rows - 1));
      out[0] = _mm256_set_m128i(_mm_unpackhi_epi16(row01, row23), _mm_unpacklo_epi16(row01, row23));
    }
  }
  static ATTENDSEG_INLINE void copy(std::int8_t* to, const std::int8_t* from, std::int64_t n) noexcept {
    for (std::int64_t i = 0; i < n; i += width) store(to + i, load(from + i));
  }
  static ATTENDSEG_INLINE Bytes flipped(Bytes b) noexcept { return b; }

  using I16 = __m256i;
  static constexpr int words = 16;
  static ATTENDSEG_INLINE I16 widen(const std::int8_t* p) noexcept {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static ATTENDSEG_INLINE I16 load_words(const std::int16_t* p) noexcept {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static ATTENDSEG_INLINE void store_words(std::int16_t* p, I16 x) noexcept {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x);
  }
  static ATTENDSEG_INLINE I16 splat_words(int x) noexcept { return _mm256_set1_epi16(static_cast<std::int16_t>(x)); }
  static ATTENDSEG_INLINE I16 add(I16 a, I16 b) noexcept { return _mm256_adds_epi16(a, b); }
  static ATTENDSEG_INLINE I16 subtract(I16 a, I16 b) noexcept { return _mm256_sub_epi16(a, b); }
  static ATTENDSEG_INLINE I16 multiply(I16 a, I16 b) noexcept { return _mm256_mullo_epi16(a, b); }
  static ATTENDSEG_INLINE I16 multiply_q15(I16 a, I16 b) noexcept { return _mm256_mulhrs_epi16(a, b); }
  static ATTENDSEG_INLINE I16 shift_right(I16 a, int shift) noexcept {
    return _mm256_sra_epi16(a, _mm_cvtsi32_si128(shift));
  }
  static ATTENDSEG_INLINE I16 maximum(I16 a, I16 b) noexcept { return _mm256_max_epi16(a, b); }
  static ATTENDSEG_INLINE I16 if_greater(I16 a, I16 b, I16 x, I16 y) noexcept {
    return _mm256_blendv_epi8(y, x, _mm256_cmpgt_epi16(a, b));
  }
  static ATTENDSEG_INLINE I16 weighted_sum(I16 a, I16 b, std::int16_t ma, std::int16_t mb, std::int32_t offset,
                                          int shift) noexcept {
    const __m256i factors = _mm256_unpacklo_epi16(_mm256_set1_epi16(ma), _mm256_set1_epi16(mb));
    const __m256i start = _mm256_set1_epi32(offset);
    const __m128i by = _mm_cvtsi32_si128(shift);
    const __m256i low = _mm256_add_epi32(_mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), factors), start);
    const __m256i high = _mm256_add_epi32(_mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), factors), start);
    return _mm256_packs_epi32(_mm256_sra_epi32(low, by), _mm256_sra_epi32(high, by));
  }
  static ATTENDSEG_INLINE I16 join_bytes(I16 a, I16 b) noexcept {
    return _mm256_or_si256(_mm256_and_si256(a, splat_words(255)), _mm256_slli_epi16(b, 8));
  }
  static ATTENDSEG_INLINE void store_zipped(std::int16_t* p, I16 a, I16 b) noexcept {
    // Within 128 bits first, then these in order.
    const __m256i low = _mm256_unpacklo_epi16(a, b), high = _mm256_unpackhi_epi16(a, b);
    store_words(p, _mm256_permute2x128_si256(low, high, 0x20));
    store_words(p + words, _mm256_permute2x128_si256(low, high, 0x31));
  }
  static ATTENDSEG_INLINE void look_up(const std::int16_t* table, const std::int8_t* index, std::int16_t* to,
                                       int n) noexcept {
    for (int i = 0; i < n; i += 4) {
      std::uint64_t four = 0;
      unroll<4>([&](auto k) ATTENDSEG_LAMBDA {
        four |= std::uint64_t{static_cast<std::uint16_t>(table[index[i + k] + 128])} << (16 * k);
      });
      std::memcpy(to + i, &four, 8);
    }
  }
  static ATTENDSEG_INLINE void narrow(std::int8_t* out, I16 x, int count) noexcept {
    const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    if (count >= words) return _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
    alignas(16) std::int8_t tail[16];
    _mm_store_si128(reinterpret_cast<__m128i*>(tail), bytes);
    copy_short(out, tail, count);
  }

  using Four = __m128i;
  static ATTENDSEG_INLINE Four load_four(const std::uint32_t* p) noexcept {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  }
  static ATTENDSEG_INLINE void store_four(std::uint32_t* p, Four x) noexcept {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), x);
  }
  static ATTENDSEG_INLINE Four add(Four a, Four b) noexcept { return _mm_add_epi32(a, b); }
  static ATTENDSEG_INLINE Four multiply(Four a, std::uint32_t by) noexcept {
    return _mm_mullo_epi32(a, _mm_set1_epi32(static_cast<int>(by)));
  }
};

}  // namespace simd
ATTENDSEG_NAMESPACE_END
