// SPDX-License-Identifier: Apache-2.0
// Float lanes: the few primitives that the float operators are written over, on top of xsimd (8.1 or later).
#pragma once

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "attendseg/simd/quiet_intrinsics.hpp"

#include <xsimd/xsimd.hpp>

#include "attendseg/core/config.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace simd::f32 {

/// The widest batch of the binary's instruction set. Every primitive below also takes narrower batches, and a
/// plain float as a batch of one, so that a loop body is written once and serves the tail of a row too.
using Widest = xsimd::batch<float>;
inline constexpr int width = static_cast<int>(Widest::size);

/// @param p one batch of floats, any alignment
template <class B>
ATTENDSEG_INLINE B load(const float* p) noexcept {
  if constexpr (std::is_same_v<B, float>)
    return *p;
  else
    return B::load_unaligned(p);
}
/// @param p room for one batch of floats, any alignment
template <class B>
ATTENDSEG_INLINE void store(float* p, const B& x) noexcept {
  if constexpr (std::is_same_v<B, float>)
    *p = x;
  else
    x.store_unaligned(p);
}
/// Stores the first n lanes, 0 < n < width.
ATTENDSEG_INLINE void store_first(float* p, const Widest& x, int n) noexcept {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1U << n) - 1U), x);
#else
  alignas(64) float lanes[width];
  f32::store(lanes, x);
  for (int i = 0; i < n; ++i) p[i] = lanes[i];
#endif
}
/// a * b + c; fused where the instruction set can, so with one rounding or two.
template <class B>
ATTENDSEG_INLINE B multiply_add(const B& a, const B& b, const B& c) noexcept {
  if constexpr (std::is_same_v<B, float>)
    return a * b + c;
  else
    return xsimd::fma(a, b, c);
}
template <class B>
ATTENDSEG_INLINE B minimum(const B& a, const B& b) noexcept {
  if constexpr (std::is_same_v<B, float>)
    return std::min(a, b);
  else
    return xsimd::min(a, b);
}
template <class B>
ATTENDSEG_INLINE B maximum(const B& a, const B& b) noexcept {
  if constexpr (std::is_same_v<B, float>)
    return std::max(a, b);
  else
    return xsimd::max(a, b);
}
/// 1 / (1 + exp(-x)) with a relative error of at most 8 eps for |x| <= 80; below, it tends to 0 or is 0.
template <class B>
ATTENDSEG_INLINE B sigmoid(const B& x) noexcept {
  if constexpr (std::is_same_v<B, float>)
    return 1.0F / (1.0F + std::exp(-x));
  else
    return B(1.0F) / (B(1.0F) + xsimd::exp(-x));
}

/// Calls body.operator()<B>(i) so that [0, n) is covered once, in order, by the widest batches and then narrower
/// ones (8, 4, a float). Nothing beyond n is touched, so views without slack and in-place operators are safe.
template <class Body>
ATTENDSEG_INLINE void for_lanes(int n, Body&& body) noexcept {
  int i = 0;
  for (; i + width <= n; i += width) body.template operator()<Widest>(i);
  if constexpr (width > 8)
    for (; i + 8 <= n; i += 8) body.template operator()<xsimd::make_sized_batch_t<float, 8>>(i);
  if constexpr (width > 4)
    for (; i + 4 <= n; i += 4) body.template operator()<xsimd::make_sized_batch_t<float, 4>>(i);
  for (; i < n; ++i) body.template operator()<float>(i);
}

/// Copies n floats; for the short runs of patches, where a call of memcpy costs more than the copy.
/// @pre the ranges do not overlap
ATTENDSEG_INLINE void copy(const float* ATTENDSEG_RESTRICT from, float* ATTENDSEG_RESTRICT to, int n) noexcept {
  for_lanes(n, [&]<class B>(int i) { f32::store(to + i, f32::load<B>(from + i)); });
}
/// Fills n floats with zeros.
ATTENDSEG_INLINE void zero(float* to, int n) noexcept {
  for_lanes(n, [&]<class B>(int i) { f32::store(to + i, B(0.0F)); });
}

}  // namespace simd::f32
ATTENDSEG_NAMESPACE_END
