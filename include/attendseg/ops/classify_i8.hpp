// SPDX-License-Identifier: Apache-2.0
// From int8 class scores to mask and confidence: enlargement and argmax in one pass, in lanes of pixels.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/reference/upsample_i8.hpp"
#include "attendseg/simd/backend.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {
namespace detail {

/// Int16 in one of classify()'s arrays, for a picture of this width: whole vectors, and one more to read across.
constexpr int classify_columns(int width) noexcept { return (width + 2 + 63) / 64 * 64 + 64; }

/// One class against the leaders so far, for n pixels of one phase (distance from the last input column's centre).
/// Sums fit int16: abs <= 128 * 256.
template <class Backend, bool WithSecond>
void challenge(const std::int16_t* left, int w0, int w1, int id, int n, std::int16_t* best, std::int16_t* second,
               std::int16_t* winner) noexcept {
  const auto v0 = Backend::splat_words(w0), v1 = Backend::splat_words(w1), challenger = Backend::splat_words(id);
  for (int i = 0; i < n; i += Backend::words) {
    const auto score = Backend::add(Backend::multiply(Backend::load_words(left + i), v0),
                                    Backend::multiply(Backend::load_words(left + i + 1), v1));
    const auto leader = Backend::load_words(best + i);
    if constexpr (WithSecond) {
      const auto loser = Backend::if_greater(score, leader, leader, score);
      Backend::store_words(second + i, Backend::maximum(loser, Backend::load_words(second + i)));
    }
    Backend::store_words(winner + i, Backend::if_greater(score, leader, challenger, Backend::load_words(winner + i)));
    Backend::store_words(best + i, Backend::maximum(score, leader));
  }
}

/// to[pair * factor + j] = value(j, pair): phases side by side again.
template <class F>
void interleave(int factor, int pairs, std::uint8_t* ATTENDSEG_RESTRICT to, F&& value) noexcept {
  const auto with = [&](auto phases) {
    for (int pair = 0; pair < pairs; ++pair)
      for (int j = 0; j < phases; ++j) to[pair * phases + j] = static_cast<std::uint8_t>(value(j, pair));
  };
  if (factor == 8) return with(std::integral_constant<int, 8>{});
  if (factor == 4) return with(std::integral_constant<int, 4>{});
  if (factor == 2) return with(std::integral_constant<int, 2>{});
  with(std::integral_constant<int, 1>{});
}

}  // namespace detail

/// Scratch of one call of classify(); alignment 2 is enough.
constexpr std::size_t classify_scratch_bytes(Shape scores, int factor) noexcept {
  const std::size_t columns = static_cast<std::size_t>(detail::classify_columns(scores.width));
  const std::size_t classes = static_cast<std::size_t>(scores.channels), phases = static_cast<std::size_t>(factor);
  // One class blended, three leaders a phase (int16); two rows of planes, one row of results (bytes).
  return columns * (2 + phases * 6) + columns * (classes * 2 + phases);
}

/// Rows of the mask: the class with the largest enlarged score (bilinear, not rounded), the lowest of equals; and of
/// the confidence: table[min(255, (best - second best) >> log2(4 factor^2))] (factor 1: not shifted).
/// Equal to reference::classify.
/// @param scores  [h, w, classes], 2 to 256 classes       @param factor  1, 2, 4 or 8
/// @param confidence_table  [256], or null for the identity
/// @param mask    [H, W, 1], H <= h * factor, W <= w * factor: the rest is cropped
/// @param confidence  as mask, or with null data: not wanted
/// @param scratch  classify_scratch_bytes(scores.shape, factor)
template <class Backend = simd::native>
void classify(View<const std::int8_t> scores, int factor, const std::uint8_t* confidence_table,
                     View<std::uint8_t> mask, View<std::uint8_t> confidence, Rows rows, std::byte* scratch) noexcept {
  const int classes = scores.shape.channels, width = scores.shape.width;
  const int columns = detail::classify_columns(width);  // the first input column twice, the last one to the end
  const int shift = factor == 1 ? 0 : std::countr_zero(static_cast<unsigned>(4 * factor * factor));
  const bool wanted = confidence.data != nullptr;
  // Phase j of pair x (of columns x - 1 and x) is output column x * factor - half + j; all arrays run over pairs.
  const int pairs = width + 1, half = factor == 1 ? 1 : factor / 2;
  auto* const blend = reinterpret_cast<std::int16_t*>(scratch);  // [columns], one class
  std::int16_t* const best = blend + columns;                    // [factor][columns]
  std::int16_t* const second = best + std::ptrdiff_t{factor} * columns;
  std::int16_t* const winner = second + std::ptrdiff_t{factor} * columns;
  // [2][classes][columns]
  auto* const planes = reinterpret_cast<std::int8_t*>(winner + std::ptrdiff_t{factor} * columns);
  const std::ptrdiff_t plane_size = std::ptrdiff_t{classes} * columns;
  auto* const labels = reinterpret_cast<std::uint8_t*>(planes + 2 * plane_size);  // [pairs][factor]
  int held[2] = {-1, -1};  // rows of scores that lie transposed in planes
  const auto transposed = [&](int row) {
    std::int8_t* const plane = planes + (row & 1) * plane_size;
    if (held[row & 1] == row) return plane;
    held[row & 1] = row;
    const std::int8_t* from = scores.row(row);
    for (int x = 0; x < width; ++x, from += classes)
      for (int c = 0; c < classes; ++c) plane[std::ptrdiff_t{c} * columns + x + 1] = from[c];
    for (int c = 0; c < classes; ++c) {
      std::int8_t* const p = plane + std::ptrdiff_t{c} * columns;
      p[0] = p[1];
      std::memset(p + width + 1, p[width], static_cast<std::size_t>(columns - width - 1));
    }
    return plane;
  };
  for (int y = rows.begin; y < rows.end; ++y) {
    // Rows first and second are neighbours or one and the same, so their planes never displace each other.
    const reference::Tap tap =
        factor == 1 ? reference::Tap{y, y, 1, 0} : reference::bilinear_tap(y, factor, scores.shape.height);
    const std::int8_t* const upper = transposed(tap.first);
    const std::int8_t* const lower = transposed(tap.second);
    const auto w0 = Backend::splat_words(tap.weight_first), w1 = Backend::splat_words(tap.weight_second);
    for (std::ptrdiff_t i = 0; i < std::ptrdiff_t{factor} * columns; i += Backend::words) {
      Backend::store_words(best + i, Backend::splat_words(-32768));
      if (wanted) Backend::store_words(second + i, Backend::splat_words(-32768));
      Backend::store_words(winner + i, Backend::splat_words(0));
    }
    for (int c = 0; c < classes; ++c) {
      const std::int8_t* const p = upper + std::ptrdiff_t{c} * columns;
      const std::int8_t* const q = lower + std::ptrdiff_t{c} * columns;
      for (int x = 0; x < columns; x += Backend::words)
        Backend::store_words(blend + x, Backend::add(Backend::multiply(Backend::widen(p + x), w0),
                                                     Backend::multiply(Backend::widen(q + x), w1)));
      for (int j = 0; j < factor; ++j) {
        const int v1 = factor == 1 ? 0 : 2 * j + 1, v0 = factor == 1 ? 1 : 2 * factor - v1;
        const std::ptrdiff_t at = std::ptrdiff_t{j} * columns;
        if (wanted)
          detail::challenge<Backend, true>(blend, v0, v1, c, pairs, best + at, second + at, winner + at);
        else
          detail::challenge<Backend, false>(blend, v0, v1, c, pairs, best + at, second + at, winner + at);
      }
    }
    detail::interleave(factor, pairs, labels,
                       [&](int j, int pair) { return winner[std::ptrdiff_t{j} * columns + pair]; });
    std::memcpy(mask.row(y), labels + half, static_cast<std::size_t>(mask.shape.width));
    if (!wanted) continue;
    detail::interleave(factor, pairs, labels, [&](int j, int pair) {
      const std::ptrdiff_t at = std::ptrdiff_t{j} * columns + pair;
      const int margin = (best[at] - second[at]) >> shift;
      return margin > 255 ? 255 : margin;
    });
    const std::uint8_t* const from = labels + half;
    std::uint8_t* const to = confidence.row(y);
    for (int x = 0; x < mask.shape.width; ++x) to[x] = confidence_table ? confidence_table[from[x]] : from[x];
  }
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
