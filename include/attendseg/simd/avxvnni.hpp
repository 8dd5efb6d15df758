// SPDX-License-Identifier: Apache-2.0
// AVX2 with AVX-VNNI: vpdpbusd on 256 bits, which wants unsigned activations; everything else is AVX2's.
#pragma once

#include "attendseg/simd/quiet_intrinsics.hpp"

#include <cstdint>

#include "attendseg/simd/avx2.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace simd {

/// Primitives as documented in scalar.hpp.
struct AvxVnni : Avx2 {
  static constexpr std::uint8_t flip = 0x80;
  static constexpr int max_vectors = 2;  // 12 accumulators, 2 weights, 1 activation of 16 registers
  static constexpr int pixels(int vectors) noexcept { return vectors == 1 ? 12 : 6; }

  static ATTENDSEG_INLINE I32 dot4(I32 sum, Bytes activations, Bytes weights) noexcept {
    return _mm256_dpbusd_avx_epi32(sum, activations, weights);
  }
  template <int Rows, int N>
  static ATTENDSEG_INLINE void interleave(const std::int8_t* const (&rows)[4], Bytes (&out)[N]) noexcept {
    Avx2::interleave<Rows>(rows, out);
    unroll<N>([&](auto v) ATTENDSEG_LAMBDA { out[v] = flipped(out[v]); });
  }
  static ATTENDSEG_INLINE void copy(std::int8_t* to, const std::int8_t* from, std::int64_t n) noexcept {
    for (std::int64_t i = 0; i < n; i += width) store(to + i, flipped(load(from + i)));
  }
  static ATTENDSEG_INLINE Bytes flipped(Bytes b) noexcept { return _mm256_xor_si256(b, _mm256_set1_epi8(-128)); }
};

}  // namespace simd
ATTENDSEG_NAMESPACE_END
