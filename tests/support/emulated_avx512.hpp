// SPDX-License-Identifier: Apache-2.0
// AVX-512 on any x86-64 with AVX2, for the avx512vnni backend's tests (-DATTENDSEG_INTRINSICS): SIMDe's portable intrinsics,
// and those that SIMDe 0.7.4 has not.
#pragma once

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/fma.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace emulated {

/// Each To of R made by f of the From in its place in x.
template <class R, class To, class From, class X, class F>
R map(const X& x, F f) {
  constexpr std::size_t count = sizeof(R) / sizeof(To);
  static_assert(sizeof(X) == count * sizeof(From));
  From from[count];
  To to[count];
  std::memcpy(from, &x, sizeof x);
  for (std::size_t i = 0; i < count; ++i) to[i] = f(from[i]);
  R r;
  std::memcpy(&r, to, sizeof r);
  return r;
}
/// Bytes of x whose bit of `mask` is set.
template <class X>
void mask_store(void* to, unsigned long long mask, const X& x) {
  auto* const bytes = static_cast<unsigned char*>(to);
  const auto* const from = reinterpret_cast<const unsigned char*>(&x);
  for (std::size_t i = 0; i < sizeof x; ++i)
    if (mask >> i & 1) bytes[i] = from[i];
}
inline std::uint32_t greater_words(const simde__m512i& a, const simde__m512i& b) {
  std::int16_t x[32], y[32];
  std::memcpy(x, &a, sizeof x), std::memcpy(y, &b, sizeof y);
  std::uint32_t mask = 0;
  for (int i = 0; i < 32; ++i) mask |= std::uint32_t{x[i] > y[i]} << i;
  return mask;
}

}  // namespace emulated

#undef _mm_mask_storeu_epi8
#define _mm_mask_storeu_epi8(to, mask, x) emulated::mask_store(to, mask, x)
#undef _mm256_mask_storeu_epi8
#define _mm256_mask_storeu_epi8(to, mask, x) emulated::mask_store(to, mask, x)
#undef _mm512_mask_storeu_epi8
#define _mm512_mask_storeu_epi8(to, mask, x) emulated::mask_store(to, mask, x)
#undef _mm512_cmpgt_epi16_mask
#define _mm512_cmpgt_epi16_mask(a, b) emulated::greater_words(a, b)
#undef _mm512_cvtepu8_epi16
#define _mm512_cvtepu8_epi16(x) \
  emulated::map<simde__m512i, std::uint16_t, std::uint8_t>(x, [](std::uint8_t v) { return std::uint16_t{v}; })
// The backend masks none of these lanes.
#undef _mm512_maskz_cvtepu8_epi32
#define _mm512_maskz_cvtepu8_epi32(mask, x) \
  emulated::map<simde__m512i, std::uint32_t, std::uint8_t>(x, [](std::uint8_t v) { return std::uint32_t{v}; })
#undef _mm512_maskz_cvtepi32_ps
#define _mm512_maskz_cvtepi32_ps(mask, x) \
  emulated::map<simde__m512, float, std::int32_t>(x, [](std::int32_t v) { return static_cast<float>(v); })
#undef _mm512_maskz_cvtps_epi32
#define _mm512_maskz_cvtps_epi32(mask, x) \
  emulated::map<simde__m512i, std::int32_t, float>(x, [](float v) { return static_cast<std::int32_t>(std::lrintf(v)); })
#undef _mm512_maskz_sra_epi32
#define _mm512_maskz_sra_epi32(mask, x, by) \
  emulated::map<simde__m512i, std::int32_t, std::int32_t>(x, [n = _mm_cvtsi128_si32(by)](std::int32_t v) { return v >> n; })
