// SPDX-License-Identifier: Apache-2.0
// What every backend shares: compile-time loops, the order of channels in registers, short copies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "attendseg/core/config.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace simd {

/// Calls f(integral_constant<int, 0>) to f(integral_constant<int, N - 1>): a loop that is unrolled at every
/// optimisation level, so that arrays of accumulators become registers.
template <int N, class F>
ATTENDSEG_INLINE void unroll(F&& f) noexcept {
  [&]<int... I>(std::integer_sequence<int, I...>) ATTENDSEG_LAMBDA {
    (f(std::integral_constant<int, I>{}), ...);
  }(std::make_integer_sequence<int, N>{});
}

/// Tells g++ that a vector is in one register from here on. Without it, what is done with sums behind a loop decides
/// where they lie inside of it: g++ 12 then copies them around, or through memory, in every round.
template <class Vector>
ATTENDSEG_INLINE void settle(Vector& x) noexcept {
#if defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__) && !defined(ATTENDSEG_INTRINSICS)
#if defined(__SSE2__)
  if constexpr (!std::is_class_v<Vector>) asm("" : "+v"(x));
#elif defined(__aarch64__)
  if constexpr (!std::is_class_v<Vector>) asm("" : "+w"(x));
#endif
#else
  static_cast<void>(x);
#endif
}

/// The channel that lane `lane` of vector `vector` holds, in a group of 1 to 4 vectors of `lanes` int32.
/// Chosen so that narrowing to int8 (which works within 128 bits on x86) leaves the channels in order; weights,
/// biases and multipliers are packed that way. Three vectors are a pair and a single one.
constexpr int channel_of(int lanes, int vectors, int vector, int lane) noexcept {
  if (vectors == 3) return vector < 2 ? channel_of(lanes, 2, vector, lane) : 2 * lanes + lane;
  return 4 * vectors * (lane / 4) + 4 * vector + lane % 4;
}

/// Four bytes of any alignment.
ATTENDSEG_INLINE std::int32_t load_word(const std::int8_t* p) noexcept {
  std::int32_t word;
  std::memcpy(&word, p, 4);
  return word;
}

/// memcpy without a call, for runs of a pixel's channels, which are short.
ATTENDSEG_INLINE void copy_run(void* to, const void* from, std::size_t n) noexcept {
  auto* p = static_cast<std::byte*>(to);
  const auto* q = static_cast<const std::byte*>(from);
  // Pieces of one size, of which the last may overlap the one before.
  const auto pieces = [&]<std::size_t Size>() ATTENDSEG_LAMBDA {
    for (std::size_t i = 0; i + Size < n; i += Size) std::memcpy(p + i, q + i, Size);
    std::memcpy(p + n - Size, q + n - Size, Size);
  };
  if (n >= 16) return pieces.template operator()<16>();
  if (n >= 8) return pieces.template operator()<8>();
  if (n >= 4) return pieces.template operator()<4>();
  for (std::size_t i = 0; i < n; ++i) p[i] = q[i];
}

/// Copies n < Size bytes of the Size (a power of two, at most 64) at `from`, without a call.
template <int Size>
ATTENDSEG_INLINE void copy_short(std::int8_t* to, const std::int8_t (&from)[Size], int n) noexcept {
  static_assert(Size == 8 || Size == 16 || Size == 32 || Size == 64);
  const std::int8_t* p = from;
  if constexpr (Size > 32)
    if (n & 32) std::memcpy(to, p, 32), to += 32, p += 32;
  if constexpr (Size > 16)
    if (n & 16) std::memcpy(to, p, 16), to += 16, p += 16;
  if constexpr (Size > 8)
    if (n & 8) std::memcpy(to, p, 8), to += 8, p += 8;
  if (n & 4) std::memcpy(to, p, 4), to += 4, p += 4;
  if (n & 2) std::memcpy(to, p, 2), to += 2, p += 2;
  if (n & 1) *to = *p;
}

}  // namespace simd
ATTENDSEG_NAMESPACE_END
