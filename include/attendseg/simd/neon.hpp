// SPDX-License-Identifier: Apache-2.0
// AArch64 NEON: sdot where the target has it, widening products and pairwise sums where not.
#pragma once

#include <arm_neon.h>

#include <cstdint>
#include <cstring>

#include "attendseg/simd/common.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace simd {

/// Primitives as documented in scalar.hpp.
struct Neon {
  using I32 = int32x4_t;
  using Bytes = int8x16_t;
  static constexpr int lanes = 4;
  static constexpr int width = 16;
  static constexpr std::uint8_t flip = 0;
  static constexpr int max_vectors = 4;  // 24 accumulators, 4 weights, 1 activation of 32 registers
  static constexpr int pixels(int vectors) noexcept { return vectors == 4 ? 6 : vectors == 3 ? 8 : 12; }
  static constexpr int group(int /*vectors*/) noexcept { return 1; }
  static constexpr int depthwise_vectors = 4;

  static ATTENDSEG_INLINE Bytes load(const std::int8_t* p) noexcept { return vld1q_s8(p); }
  static ATTENDSEG_INLINE void store(std::int8_t* p, Bytes b) noexcept { vst1q_s8(p, b); }
  static ATTENDSEG_INLINE void store_first(std::int8_t* p, Bytes b, int count) noexcept {
    if (count >= width) return store(p, b);
    std::int8_t tail[width];
    store(tail, b);
    copy_short(p, tail, count);
  }
  static ATTENDSEG_INLINE Bytes maximum_bytes(Bytes a, Bytes b) noexcept { return vmaxq_s8(a, b); }
  static ATTENDSEG_INLINE void centre(const std::uint8_t* from, std::int8_t* to) noexcept {
    vst1q_s8(to, vreinterpretq_s8_u8(veorq_u8(vld1q_u8(from), vdupq_n_u8(0x80))));
  }
  static ATTENDSEG_INLINE void centre_ordered(const std::uint8_t* from, const std::uint8_t (&order)[16],
                                              std::int8_t* to) noexcept {
    const uint8x16_t ordered = vqtbl1q_u8(vld1q_u8(from), vld1q_u8(order));
    vst1q_s8(to, vreinterpretq_s8_u8(veorq_u8(ordered, vdupq_n_u8(0x80))));
  }
  static ATTENDSEG_INLINE I32 load(const std::int32_t* p) noexcept { return vld1q_s32(p); }
  static ATTENDSEG_INLINE I32 splat(std::int32_t x) noexcept { return vdupq_n_s32(x); }
  static ATTENDSEG_INLINE Bytes splat_byte(std::int8_t x) noexcept { return vdupq_n_s8(x); }
  static ATTENDSEG_INLINE Bytes broadcast4(const std::int8_t* p) noexcept {
    return vreinterpretq_s8_s32(vdupq_n_s32(load_word(p)));
  }
  static ATTENDSEG_INLINE I32 dot4(I32 sum, Bytes activations, Bytes weights) noexcept {
#if defined(__ARM_FEATURE_DOTPROD)
    return vdotq_s32(sum, weights, activations);
#else
    // Sums of two products fit int16, as abs(weight) <= 127: 2 * 128 * 127.
    const int16x8_t low = vmull_s8(vget_low_s8(activations), vget_low_s8(weights));
    return vpadalq_s16(sum, vpaddq_s16(low, vmull_high_s8(activations, weights)));
#endif
  }
  static ATTENDSEG_INLINE I32 requantise(I32 sum, const float* multiplier, I32 zero_point) noexcept {
    const float32x4_t product = vmulq_f32(vcvtq_f32_s32(sum), vld1q_f32(multiplier));
    return vaddq_s32(zero_point, vcvtnq_s32_f32(product));
  }
  template <int N>
  static ATTENDSEG_INLINE void store_clamped(std::int8_t* out, const I32 (&r)[N], std::int8_t low, int count) noexcept {
    static_assert(N >= 1 && N <= 4);
    // Saturating to int16 and then to int8 is one clamp.
    const int16x8_t shorts = vcombine_s16(vqmovn_s32(r[0]), vqmovn_s32(r[N > 1 ? 1 : 0]));
    if constexpr (N == 4) {
      const int16x8_t more = vcombine_s16(vqmovn_s32(r[2]), vqmovn_s32(r[3]));
      const int8x16_t bytes = vmaxq_s8(vcombine_s8(vqmovn_s16(shorts), vqmovn_s16(more)), vdupq_n_s8(low));
      if (count >= width) return vst1q_s8(out, bytes);
      std::int8_t tail[width];
      vst1q_s8(tail, bytes);
      copy_short(out, tail, count);
    } else {
      const int8x8_t bytes = vmax_s8(vqmovn_s16(shorts), vdup_n_s8(low));
      if (N > 1 && count >= 8) {
        vst1_s8(out, bytes);
      } else {
        std::int8_t tail[8];
        vst1_s8(tail, bytes);
        copy_short(out, tail, N == 1 && count > 4 ? 4 : count);
      }
      if constexpr (N == 3) {
        const I32 last[1] = {r[2]};
        if (count > 8) store_clamped<1>(out + 8, last, low, count - 8);
      }
    }
  }
  template <int Rows, int N>
  static ATTENDSEG_INLINE void interleave(const std::int8_t* const (&rows)[4], Bytes (&out)[N]) noexcept {
    static_assert((Rows == 3 || Rows == 4) && (N == 1 || N == 2 || N == 4));
    const int8x16_t row0 = load(rows[0]), row1 = load(rows[1]), row2 = load(rows[2]), row3 = load(rows[Rows - 1]);
    const int16x8_t low01 = vreinterpretq_s16_s8(vzip1q_s8(row0, row1));
    const int16x8_t low23 = vreinterpretq_s16_s8(vzip1q_s8(row2, row3));
    out[0] = vreinterpretq_s8_s16(vzip1q_s16(low01, low23));
    if constexpr (N > 1) out[1] = vreinterpretq_s8_s16(vzip2q_s16(low01, low23));
    if constexpr (N == 4) {
      const int16x8_t high01 = vreinterpretq_s16_s8(vzip2q_s8(row0, row1));
      const int16x8_t high23 = vreinterpretq_s16_s8(vzip2q_s8(row2, row3));
      out[2] = vreinterpretq_s8_s16(vzip1q_s16(high01, high23));
      out[3] = vreinterpretq_s8_s16(vzip2q_s16(high01, high23));
    }
  }
  static ATTENDSEG_INLINE void copy(std::int8_t* to, const std::int8_t* from, std::int64_t n) noexcept {
    for (std::int64_t i = 0; i < n; i += width) store(to + i, load(from + i));
  }
  static ATTENDSEG_INLINE Bytes flipped(Bytes b) noexcept { return b; }

  using I16 = int16x8_t;
  static constexpr int words = 8;
  static ATTENDSEG_INLINE I16 widen(const std::int8_t* p) noexcept { return vmovl_s8(vld1_s8(p)); }
  static ATTENDSEG_INLINE I16 load_words(const std::int16_t* p) noexcept { return vld1q_s16(p); }
  static ATTENDSEG_INLINE void store_words(std::int16_t* p, I16 x) noexcept { vst1q_s16(p, x); }
  static ATTENDSEG_INLINE I16 splat_words(int x) noexcept { return vdupq_n_s16(static_cast<std::int16_t>(x)); }
  static ATTENDSEG_INLINE I16 add(I16 a, I16 b) noexcept { return vqaddq_s16(a, b); }
  static ATTENDSEG_INLINE I16 subtract(I16 a, I16 b) noexcept { return vsubq_s16(a, b); }
  static ATTENDSEG_INLINE I16 multiply(I16 a, I16 b) noexcept { return vmulq_s16(a, b); }
  static ATTENDSEG_INLINE I16 multiply_q15(I16 a, I16 b) noexcept { return vqrdmulhq_s16(a, b); }
  static ATTENDSEG_INLINE I16 shift_right(I16 a, int shift) noexcept {
    return vshlq_s16(a, vdupq_n_s16(static_cast<std::int16_t>(-shift)));
  }
  static ATTENDSEG_INLINE I16 maximum(I16 a, I16 b) noexcept { return vmaxq_s16(a, b); }
  static ATTENDSEG_INLINE I16 if_greater(I16 a, I16 b, I16 x, I16 y) noexcept {
    return vbslq_s16(vcgtq_s16(a, b), x, y);
  }
  static ATTENDSEG_INLINE I16 weighted_sum(I16 a, I16 b, std::int16_t ma, std::int16_t mb, std::int32_t offset,
                                           int shift) noexcept {
    const int32x4_t start = vdupq_n_s32(offset), by = vdupq_n_s32(-shift);
    const int32x4_t low = vmlal_n_s16(vmlal_n_s16(start, vget_low_s16(a), ma), vget_low_s16(b), mb);
    const int32x4_t high = vmlal_n_s16(vmlal_n_s16(start, vget_high_s16(a), ma), vget_high_s16(b), mb);
    return vcombine_s16(vqmovn_s32(vshlq_s32(low, by)), vqmovn_s32(vshlq_s32(high, by)));
  }
  static ATTENDSEG_INLINE I16 join_bytes(I16 a, I16 b) noexcept { return vsliq_n_s16(a, b, 8); }
  static ATTENDSEG_INLINE void store_zipped(std::int16_t* p, I16 a, I16 b) noexcept { vst2q_s16(p, {{a, b}}); }
  static ATTENDSEG_INLINE void look_up(const std::int16_t* table, const std::int8_t* index, std::int16_t* to,
                                       int n) noexcept {
    // Low and high bytes apart, a quarter of the table at a time; indices outside of a quarter leave results alone.
    constexpr int vectors = 4;
    for (int i = 0; i < n; i += vectors * width) {
      const int count = n - i < vectors * width ? (n - i + width - 1) / width : vectors;
      uint8x16_t at[vectors], low[vectors], high[vectors];
      for (int v = 0; v < count; ++v) {
        at[v] = veorq_u8(vreinterpretq_u8_s8(load(index + i + v * width)), vdupq_n_u8(0x80));
        low[v] = high[v] = vdupq_n_u8(0);
      }
      for (int quarter = 0; quarter < 4; ++quarter) {
        uint8x16x4_t lows, highs;
        for (int k = 0; k < 4; ++k) {
          const uint8x16x2_t both = vld2q_u8(reinterpret_cast<const std::uint8_t*>(table + 64 * quarter + 16 * k));
          lows.val[k] = both.val[0], highs.val[k] = both.val[1];
        }
        for (int v = 0; v < count; ++v) {
          low[v] = vqtbx4q_u8(low[v], lows, at[v]);
          high[v] = vqtbx4q_u8(high[v], highs, at[v]);
          at[v] = vsubq_u8(at[v], vdupq_n_u8(64));
        }
      }
      for (int v = 0; v < count; ++v)
        vst2q_u8(reinterpret_cast<std::uint8_t*>(to + i + v * width), {{low[v], high[v]}});
    }
  }
  static ATTENDSEG_INLINE void narrow(std::int8_t* out, I16 x, int count) noexcept {
    const int8x8_t bytes = vqmovn_s16(x);
    if (count >= words) return vst1_s8(out, bytes);
    std::int8_t tail[8];
    vst1_s8(tail, bytes);
    copy_short(out, tail, count);
  }

  using Four = uint32x4_t;
  static ATTENDSEG_INLINE Four load_four(const std::uint32_t* p) noexcept { return vld1q_u32(p); }
  static ATTENDSEG_INLINE void store_four(std::uint32_t* p, Four x) noexcept { vst1q_u32(p, x); }
  static ATTENDSEG_INLINE Four add(Four a, Four b) noexcept { return vaddq_u32(a, b); }
  static ATTENDSEG_INLINE Four multiply(Four a, std::uint32_t by) noexcept { return vmulq_n_u32(a, by); }
};

}  // namespace simd
ATTENDSEG_NAMESPACE_END
