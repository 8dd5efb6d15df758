// SPDX-License-Identifier: Apache-2.0
// AVX-512 with VNNI: vpdpbusd, which wants unsigned activations (sign bit flipped; the bias takes it back).
#pragma once

#include "attendseg/simd/quiet_intrinsics.hpp"

#include <cstdint>

#include "attendseg/simd/common.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace simd {

/// Primitives as documented in scalar.hpp.
struct Avx512Vnni {
  using I32 = __m512i;
  using Bytes = __m512i;
  static constexpr int lanes = 16;
  static constexpr int width = 64;
  static constexpr std::uint8_t flip = 0x80;
  static constexpr int max_vectors = 4;  // 24 accumulators, 4 weights, 1 activation of 32 registers
  static constexpr int pixels(int vectors) noexcept {
    return vectors == 4 ? 6 : vectors == 3 ? 8 : vectors == 2 ? 12 : 24;
  }
  static constexpr int group(int vectors) noexcept { return vectors == 1 ? 4 : vectors == 2 ? 2 : 1; }
  static constexpr int depthwise_vectors = 4;

  static ATTENDSEG_INLINE Bytes load(const std::int8_t* p) noexcept { return _mm512_loadu_si512(p); }
  static ATTENDSEG_INLINE void store(std::int8_t* p, Bytes b) noexcept { _mm512_storeu_si512(p, b); }
  static ATTENDSEG_INLINE void store_first(std::int8_t* p, Bytes b, int count) noexcept {
    if (count >= width) return store(p, b);
    _mm512_mask_storeu_epi8(p, ~std::uint64_t{0} >> (64 - count), b);
  }
  static ATTENDSEG_INLINE Bytes maximum_bytes(Bytes a, Bytes b) noexcept { return _mm512_max_epi8(a, b); }
  static ATTENDSEG_INLINE void centre(const std::uint8_t* from, std::int8_t* to) noexcept {
    store(to, _mm512_xor_si512(load(reinterpret_cast<const std::int8_t*>(from)), _mm512_set1_epi8(-128)));
  }
  static ATTENDSEG_INLINE void centre_ordered(const std::uint8_t* from, const std::uint8_t (&order)[16],
                                              std::int8_t* to) noexcept {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    const __m128i ordered = _mm_shuffle_epi8(x, _mm_loadu_si128(reinterpret_cast<const __m128i*>(order)));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_xor_si128(ordered, _mm_set1_epi8(-128)));
  }
  static ATTENDSEG_INLINE I32 load(const std::int32_t* p) noexcept { return _mm512_loadu_si512(p); }
  static ATTENDSEG_INLINE I32 splat(std::int32_t x) noexcept { return _mm512_set1_epi32(x); }
  static ATTENDSEG_INLINE Bytes splat_byte(std::int8_t x) noexcept { return _mm512_set1_epi8(x); }
  static ATTENDSEG_INLINE Bytes broadcast4(const std::int8_t* p) noexcept { return _mm512_set1_epi32(load_word(p)); }
  static ATTENDSEG_INLINE I32 dot4(I32 sum, Bytes activations, Bytes weights) noexcept {
    return _mm512_dpbusd_epi32(sum, activations, weights);
  }
  static ATTENDSEG_INLINE I32 requantise(I32 sum, const float* multiplier, I32 zero_point) noexcept {
    // The forms with a full zero mask are the plain instructions; g++ 12 warns about its own header in the others.
    const __m512 product = _mm512_mul_ps(_mm512_maskz_cvtepi32_ps(all, sum), _mm512_loadu_ps(multiplier));
    return _mm512_add_epi32(zero_point, _mm512_maskz_cvtps_epi32(all, product));
  }
  template <int N>
  static ATTENDSEG_INLINE void store_clamped(std::int8_t* out, const I32 (&r)[N], std::int8_t low, int count) noexcept {
    static_assert(N >= 1 && N <= 4);
    // Saturating to int16 and then to int8 is one clamp.
    if constexpr (N == 4) {
      const __m512i bytes = _mm512_max_epi8(
          _mm512_packs_epi16(_mm512_packs_epi32(r[0], r[1]), _mm512_packs_epi32(r[2], r[3])), _mm512_set1_epi8(low));
      if (count >= 64) return store(out, bytes);
      _mm512_mask_storeu_epi8(out, ~std::uint64_t{0} >> (64 - count), bytes);
    } else if constexpr (N == 1) {
      const __m128i bytes = _mm_max_epi8(_mm512_maskz_cvtsepi32_epi8(all, r[0]), _mm_set1_epi8(low));
      if (count >= 16) return _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
      _mm_mask_storeu_epi8(out, static_cast<__mmask16>(0xFFFFU >> (16 - count)), bytes);
    } else {
      const __m256i bytes = _mm256_max_epi8(_mm512_maskz_cvtsepi16_epi8(~__mmask32{0}, _mm512_packs_epi32(r[0], r[1])),
                                            _mm256_set1_epi8(low));
      if (count >= 32)
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), bytes);
      else
        _mm256_mask_storeu_epi8(out, ~std::uint32_t{0} >> (32 - count), bytes);
      if constexpr (N == 3) {
        const I32 last[1] = {r[2]};
        if (count > 32) store_clamped<1>(out + 32, last, low, count - 32);
      }
    }
  }
  template <int G, int N>
  static ATTENDSEG_INLINE void store_clamped_pixels(std::int8_t* out, const I32 (&r)[G][N], std::int8_t low) noexcept {
    static_assert(G * N == 4 && (N == 1 || N == 2));
    __m512i bytes;  // 4 * N adjacent bytes of each pixel in turn, put in order by pixels
    if constexpr (N == 1) {
      const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
      bytes = _mm512_packs_epi16(_mm512_packs_epi32(r[0][0], r[1][0]), _mm512_packs_epi32(r[2][0], r[3][0]));
      bytes = _mm512_maskz_permutexvar_epi32(all, order, bytes);
    } else {
      const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
      bytes = _mm512_packs_epi16(_mm512_packs_epi32(r[0][0], r[0][1]), _mm512_packs_epi32(r[1][0], r[1][1]));
      bytes = _mm512_maskz_permutexvar_epi64(0xFF, order, bytes);
    }
    store(out, _mm512_max_epi8(bytes, _mm512_set1_epi8(low)));
  }
  template <int Rows, int N>
  static ATTENDSEG_INLINE void interleave(const std::int8_t* const (&rows)[4], Bytes (&out)[N]) noexcept {
    static_assert((Rows == 3 || Rows == 4) && (N == 1 || N == 2 || N == 4));
    const __m512i flip_all = _mm512_set1_epi8(-128);
    if constexpr (N == 4) {
      const __m512i row0 = flipped(load(rows[0])), row1 = flipped(load(rows[1])), row2 = flipped(load(rows[2]));
      const __m512i row3 = Rows == 4 ? flipped(load(rows[Rows - 1])) : row2;
      const __m512i low01 = _mm512_unpacklo_epi8(row0, row1), high01 = _mm512_unpackhi_epi8(row0, row1);
      const __m512i low23 = _mm512_unpacklo_epi8(row2, row3), high23 = _mm512_unpackhi_epi8(row2, row3);
      out[0] = _mm512_unpacklo_epi16(low01, low23);
      out[1] = _mm512_unpackhi_epi16(low01, low23);
      out[2] = _mm512_unpacklo_epi16(high01, high23);
      out[3] = _mm512_unpackhi_epi16(high01, high23);
    } else if constexpr (N == 2) {
      const auto wide = [&](int i) ATTENDSEG_LAMBDA {
        return _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows[i])));
      };
      constexpr int any_xor = 0x56;  // (a | b) ^ c
      const __m512i row01 = _mm512_ternarylogic_epi32(wide(0), _mm512_slli_epi16(wide(1), 8), flip_all, any_xor);
      const __m512i row23 =
          Rows == 4 ? _mm512_ternarylogic_epi32(wide(2), _mm512_slli_epi16(wide(3), 8), flip_all, any_xor)
                    : _mm512_xor_si512(wide(2), flip_all);
      out[0] = _mm512_unpacklo_epi16(row01, row23);
      out[1] = _mm512_unpackhi_epi16(row01, row23);
    } else {
      const auto wide = [&](int i) ATTENDSEG_LAMBDA {
        return _mm512_maskz_cvtepu8_epi32(all, _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[i])));
      };
      constexpr int any = 0xFE;  // a | b | c
      __m512i row =
          _mm512_ternarylogic_epi32(wide(0), _mm512_slli_epi32(wide(1), 8), _mm512_slli_epi32(wide(2), 16), any);
      if constexpr (Rows == 4) row = _mm512_or_si512(row, _mm512_slli_epi32(wide(3), 24));
      out[0] = _mm512_xor_si512(row, flip_all);
    }
  }
  static ATTENDSEG_INLINE void copy(std::int8_t* to, const std::int8_t* from, std::int64_t n) noexcept {
    // Short runs in short stores: those that cross a cache line are slow.
    if (n <= 16) {
      const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
      return _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_xor_si128(x, _mm_set1_epi8(-128)));
    }
    if (n <= 32) {
      const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
      return _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_xor_si256(x, _mm256_set1_epi8(-128)));
    }
    for (std::int64_t i = 0; i < n; i += width) store(to + i, flipped(load(from + i)));
  }
  static ATTENDSEG_INLINE Bytes flipped(Bytes b) noexcept { return _mm512_xor_si512(b, _mm512_set1_epi8(-128)); }

  using I16 = __m512i;
  static constexpr int words = 32;
  static ATTENDSEG_INLINE I16 widen(const std::int8_t* p) noexcept {
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static ATTENDSEG_INLINE I16 load_words(const std::int16_t* p) noexcept {
    return _mm512_loadu_si512(p);
  }
  static ATTENDSEG_INLINE void store_words(std::int16_t* p, I16 x) noexcept { _mm512_storeu_si512(p, x); }
  static ATTENDSEG_INLINE I16 splat_words(int x) noexcept { return _mm512_set1_epi16(static_cast<std::int16_t>(x)); }
  static ATTENDSEG_INLINE I16 add(I16 a, I16 b) noexcept { return _mm512_adds_epi16(a, b); }
  static ATTENDSEG_INLINE I16 subtract(I16 a, I16 b) noexcept { return _mm512_sub_epi16(a, b); }
  static ATTENDSEG_INLINE I16 multiply(I16 a, I16 b) noexcept { return _mm512_mullo_epi16(a, b); }
  static ATTENDSEG_INLINE I16 multiply_q15(I16 a, I16 b) noexcept { return _mm512_mulhrs_epi16(a, b); }
  static ATTENDSEG_INLINE I16 shift_right(I16 a, int shift) noexcept {
    return _mm512_sra_epi16(a, _mm_cvtsi32_si128(shift));
  }
  static ATTENDSEG_INLINE I16 maximum(I16 a, I16 b) noexcept { return _mm512_max_epi16(a, b); }
  static ATTENDSEG_INLINE I16 if_greater(I16 a, I16 b, I16 x, I16 y) noexcept {
    return _mm512_mask_blend_epi16(_mm512_cmpgt_epi16_mask(a, b), y, x);
  }
  static ATTENDSEG_INLINE I16 weighted_sum(I16 a, I16 b, std::int16_t ma, std::int16_t mb, std::int32_t offset,
                                          int shift) noexcept {
    const __m512i factors = _mm512_unpacklo_epi16(_mm512_set1_epi16(ma), _mm512_set1_epi16(mb));
    const __m512i start = _mm512_set1_epi32(offset);
    const __m128i by = _mm_cvtsi32_si128(shift);
    const __m512i low = _mm512_dpwssd_epi32(start, _mm512_unpacklo_epi16(a, b), factors);
    const __m512i high = _mm512_dpwssd_epi32(start, _mm512_unpackhi_epi16(a, b), factors);
    return _mm512_packs_epi32(_mm512_maskz_sra_epi32(all, low, by), _mm512_maskz_sra_epi32(all, high, by));
  }
  static ATTENDSEG_INLINE I16 join_bytes(I16 a, I16 b) noexcept {
    constexpr int choose = 0xCA;  // a ? b : c
    return _mm512_ternarylogic_epi32(splat_words(255), a, _mm512_slli_epi16(b, 8), choose);
  }
  static ATTENDSEG_INLINE void store_zipped(std::int16_t* p, I16 a, I16 b) noexcept {
    // Within 128 bits first, then these in order.
    const __m512i low = _mm512_unpacklo_epi16(a, b), high = _mm512_unpackhi_epi16(a, b);
    store_words(p, _mm512_permutex2var_epi64(low, _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), high));
    store_words(p + words, _mm512_permutex2var_epi64(low, _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15), high));
  }
  static ATTENDSEG_INLINE void look_up(const std::int16_t* table, const std::int8_t* index, std::int16_t* to,
                                       int n) noexcept {
    // The table in eight registers, from index 0 up: a permutation reads two, by six bits of the index.
    I16 part[8];
    unroll<8>([&](auto i) ATTENDSEG_LAMBDA { part[i] = load_words(table + (128 + 32 * i) % 256); });
    for (int i = 0; i < n; i += words) {
      const I16 at = widen(index + i);
      const __mmask32 bit6 = _mm512_test_epi16_mask(at, splat_words(64)), bit7 = _mm512_movepi16_mask(at);
      I16 quarter[4];
      unroll<4>([&](auto q) ATTENDSEG_LAMBDA {
        quarter[q] = _mm512_permutex2var_epi16(part[2 * q], at, part[2 * q + 1]);
      });
      const I16 positive = _mm512_mask_blend_epi16(bit6, quarter[0], quarter[1]);
      const I16 negative = _mm512_mask_blend_epi16(bit6, quarter[2], quarter[3]);
      store_words(to + i, _mm512_mask_blend_epi16(bit7, positive, negative));
    }
  }
  static ATTENDSEG_INLINE void narrow(std::int8_t* out, I16 x, int count) noexcept {
    const __m256i bytes = _mm512_maskz_cvtsepi16_epi8(~__mmask32{0}, x);
    if (count >= words)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), bytes);
    else
      _mm256_mask_storeu_epi8(out, ~std::uint32_t{0} >> (32 - count), bytes);
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

 private:
  static constexpr __mmask16 all = 0xFFFF;
};

}  // namespace simd
ATTENDSEG_NAMESPACE_END
