// SPDX-License-Identifier: Apache-2.0
// NEON with int8 matrix products: smmla multiplies two pixels by two channels over eight products at once.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

#include "attendseg/simd/neon.hpp"
#include "attendseg/simd/products.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace simd {

/// Primitives as documented in scalar.hpp.
struct NeonI8mm : Neon {};

/// A vector of four channels is two registers, each of two pixels x two channels.
template <int Pixels, int Vectors>
struct Sums<NeonI8mm, Pixels, Vectors> {
  static constexpr int depth = 8;
  static constexpr int pointers = (Pixels + 2) / 3;
  static constexpr int pairs = (Pixels + 1) / 2;
  int32x4_t sum[pairs][2 * Vectors];

  ATTENDSEG_INLINE explicit Sums(const std::int32_t* bias) noexcept {
    unroll<2 * Vectors>([&](auto half) ATTENDSEG_LAMBDA {
      const int32x2_t b = vld1_s32(bias + 2 * half);
      unroll<pairs>([&](auto p) ATTENDSEG_LAMBDA { sum[p][half] = vcombine_s32(b, b); });
    });
  }
  ATTENDSEG_INLINE void add(const std::int8_t* const (&a)[pointers], std::ptrdiff_t pitch,
                            const std::int8_t* weight) noexcept {
    int8x16_t activation[pairs];
    unroll<pairs>([&](auto pair) ATTENDSEG_LAMBDA {
      constexpr int first = 2 * pair, second = first + 1 < Pixels ? first + 1 : first;
      activation[pair] =
          vcombine_s8(vld1_s8(a[first / 3] + first % 3 * pitch), vld1_s8(a[second / 3] + second % 3 * pitch));
    });
    unroll<2 * Vectors>([&](auto half) ATTENDSEG_LAMBDA {
      const int8x16_t w = vld1q_s8(weight + 16 * half);
      unroll<pairs>([&](auto p) ATTENDSEG_LAMBDA { sum[p][half] = vmmlaq_s32(sum[p][half], activation[p], w); });
    });
  }
  ATTENDSEG_INLINE void settle() noexcept {
    unroll<pairs>([&](auto p) ATTENDSEG_LAMBDA {
      unroll<2 * Vectors>([&](auto half) ATTENDSEG_LAMBDA { simd::settle(sum[p][half]); });
    });
  }
  template <class F>
  ATTENDSEG_INLINE void each(int count, F&& f) const noexcept {
    unroll<Pixels>([&](auto p) ATTENDSEG_LAMBDA {
      if (p >= count) return;
      int32x4_t pixel[1][Vectors];
      unroll<Vectors>([&](auto v) ATTENDSEG_LAMBDA {
        const int64x2_t low = vreinterpretq_s64_s32(sum[p / 2][2 * v]);
        const int64x2_t high = vreinterpretq_s64_s32(sum[p / 2][2 * v + 1]);
        pixel[0][v] = vreinterpretq_s32_s64(p % 2 == 0 ? vzip1q_s64(low, high) : vzip2q_s64(low, high));
      });
      f(p, pixel);
    });
  }
};

}  // namespace simd
ATTENDSEG_NAMESPACE_END
