// SPDX-License-Identifier: Apache-2.0
// From int8 class scores to mask and confidence: enlargement and argmax in one pass, in lanes of pixels.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/reference/upsample_i8.hpp"
#include "attendseg/simd/backend.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {
namespace detail {

/// Values of one class in classify()'s arrays, for scores of this width: the first column twice (what lies left of its
/// centre), the last one twice as well, room for transposed blocks and whole vectors.
constexpr int classify_columns(int width) noexcept { return (width + 1 + 16 + 31) / 32 * 32; }

/// planes[c][x + 1] = the score of class c at column x: [classes][columns]. Blocks of 16 pixels: bytes of every fourth
/// pixel are interleaved, then these, which is a transposition (and flips signs twice).
template <class Backend>
void transpose_scores(const std::int8_t* row, int width, int classes, int columns, std::int8_t* planes) noexcept {
  constexpr int lanes = Backend::lanes, size = Backend::width, vectors = Backend::depthwise_vectors;
  std::int8_t quarter[4][2 * size], block[size];
  for (int x = 0; x < width; x += 16) {
    // Of the last block, what lies behind the row is the last pixel.
    const std::int8_t* pixel[16];
    simd::unroll<16>([&](auto i) ATTENDSEG_LAMBDA {
      pixel[i] = row + std::ptrdiff_t{x + i < width ? x + i : width - 1} * classes;
    });
    for (int first = 0; first < classes; first += lanes) {
      simd::unroll<4>([&](auto i) ATTENDSEG_LAMBDA {
        const std::int8_t* const from[4] = {pixel[i] + first, pixel[i + 4] + first, pixel[i + 8] + first,
                                            pixel[i + 12] + first};
        typename Backend::Bytes each[1];
        Backend::template interleave<4>(from, each);
        Backend::store(quarter[i], each[0]);
      });
      for (int part = 0; part < 4; part += vectors) {
        const std::int8_t* const from[4] = {quarter[0] + part * lanes, quarter[1] + part * lanes,
                                            quarter[2] + part * lanes, quarter[3] + part * lanes};
        typename Backend::Bytes pixels[vectors];
        Backend::template interleave<4>(from, pixels);
        // Runs of four lanes are the pixels of one class.
        simd::unroll<vectors>([&](auto v) ATTENDSEG_LAMBDA {
          Backend::store(block, pixels[v]);
          for (int run = 0; run < lanes / 4; ++run) {
            const int c = first + part * (lanes / 4) + vectors * run + v;
            if (c < classes) std::memcpy(planes + std::ptrdiff_t{c} * columns + x + 1, block + 16 * run, 16);
          }
        });
      }
    }
  }
  for (int c = 0; c < classes; ++c, planes += columns) {
    planes[0] = planes[1];
    planes[width + 1] = planes[width];
  }
}

/// What the output pixels between neighbouring columns of scores are weighed with, in units of 1 / (2 factor): left *
/// (2 factor) + (right - left) * (2 phase + 1).
struct ClassifyPhases {
  int factor;
  int left() const noexcept { return factor == 1 ? 1 : 2 * factor; }
  int difference(int phase) const noexcept { return factor == 1 ? 0 : 2 * phase + 1; }
  int shift() const noexcept { return factor == 1 ? 0 : std::countr_zero(static_cast<unsigned>(4 * factor * factor)); }
};

/// The best class of a vector of column pairs, and by how much it beats the second best, for `Phases` output pixels of
/// each pair, beginning with `phase`. Sums fit int16: abs <= 128 * 256; margins are taken modulo 2^16.
/// @param scores [classes][columns], blended vertically
template <class Backend, int Phases, bool WithMargin>
void classify_pairs(const std::int16_t* scores, int columns, int classes, ClassifyPhases phases, int phase,
                    typename Backend::I16 (&winner)[Phases], typename Backend::I16 (&margin)[Phases]) noexcept {
  using simd::unroll;
  using I16 = typename Backend::I16;
  const I16 scale = Backend::splat_words(phases.left()), minus_first = Backend::splat_words(-phases.difference(phase));
  I16 best[Phases], second[Phases];
  unroll<Phases>([&](auto j) ATTENDSEG_LAMBDA {
    best[j] = second[j] = Backend::splat_words(-32768);
    winner[j] = Backend::splat_words(0);
  });
  for (int c = 0; c < classes; ++c, scores += columns) {
    const I16 id = Backend::splat_words(c), left = Backend::load_words(scores);
    const I16 difference = Backend::subtract(Backend::load_words(scores + 1), left);
    const I16 next = Backend::add(difference, difference);
    // The second product may leave int16, but not for long: subtract() counts modulo 2^16.
    I16 score = Backend::subtract(Backend::multiply(left, scale), Backend::multiply(difference, minus_first));
    unroll<Phases>([&](auto j) ATTENDSEG_LAMBDA {
      const I16 leader = best[j];
      winner[j] = Backend::if_greater(score, leader, id, winner[j]);
      best[j] = Backend::maximum(score, leader);
      if constexpr (WithMargin)
        second[j] = Backend::maximum(second[j], Backend::if_greater(score, leader, leader, score));
      if constexpr (j + 1 < Phases) score = Backend::add(score, next);
    });
  }
  if constexpr (WithMargin)
    unroll<Phases>([&](auto j) ATTENDSEG_LAMBDA {
      margin[j] = Backend::shift_right(Backend::subtract(best[j], second[j]), phases.shift());
    });
}

/// Stores the low bytes of `Phases` neighbouring output pixels of every pair, pairs `factor` bytes apart.
template <class Backend, int Phases>
ATTENDSEG_INLINE void store_phases(const typename Backend::I16 (&x)[Phases], int factor, std::uint8_t* to) noexcept {
  constexpr int words = Backend::words;
  std::int16_t joined[2 * words];
  if constexpr (Phases == 4) {
    Backend::store_zipped(joined, Backend::join_bytes(x[0], x[1]), Backend::join_bytes(x[2], x[3]));
  } else if constexpr (Phases == 2) {
    Backend::store_words(joined, Backend::join_bytes(x[0], x[1]));
  } else {
    Backend::store_words(joined, x[0]);
    for (int i = 0; i < words; ++i) to[i] = static_cast<std::uint8_t>(joined[i]);
    return;
  }
  if (factor == Phases)
    std::memcpy(to, joined, Phases * words);
  else
    for (int i = 0; i < words; ++i) std::memcpy(to + i * factor, joined + i * (Phases / 2), Phases);
}

/// One row of labels and, if wanted, margins: [pairs * factor] and whole vectors more.
template <class Backend, int Phases, bool WithMargin>
void classify_row(const std::int16_t* scores, int columns, int classes, int factor, int pairs, std::uint8_t* labels,
                  std::uint8_t* margins) noexcept {
  for (int x = 0; x < pairs; x += Backend::words)
    for (int phase = 0; phase < factor; phase += Phases) {
      typename Backend::I16 winner[Phases], margin[Phases];
      classify_pairs<Backend, Phases, WithMargin>(scores + x, columns, classes, {factor}, phase, winner, margin);
      store_phases<Backend>(winner, factor, labels + std::ptrdiff_t{x} * factor + phase);
      if constexpr (WithMargin) store_phases<Backend>(margin, factor, margins + std::ptrdiff_t{x} * factor + phase);
    }
}

}  // namespace detail

/// Scratch of one call of classify(); alignment 2 is enough.
constexpr std::size_t classify_scratch_bytes(Shape scores, int factor) noexcept {
  const std::size_t columns = static_cast<std::size_t>(detail::classify_columns(scores.width));
  // Every class blended (int16), two rows of planes, a row of labels and one of margins (bytes).
  return columns * (static_cast<std::size_t>(scores.channels) * 4 + static_cast<std::size_t>(factor) * 2) + slack;
}

/// Rows of the mask: the class with the largest enlarged score (bilinear, not rounded), the lowest of equals; and of
/// the confidence: table[min(255, (best - second best) >> log2(4 factor^2))] (factor 1: not shifted).
/// Equal to reference::classify.
/// @param scores  [h, w, classes], 2 to 256 classes, `slack` bytes readable behind them   @param factor  1, 2, 4 or 8
/// @param confidence_table  [256], or null for the identity
/// @param mask    [H, W, 1], H <= h * factor, W <= w * factor: the rest is cropped
/// @param confidence  as mask, or with null data: not wanted
/// @param scratch  classify_scratch_bytes(scores.shape, factor)
template <class Backend = simd::native>
void classify(View<const std::int8_t> scores, int factor, const std::uint8_t* confidence_table,
              View<std::uint8_t> mask, View<std::uint8_t> confidence, Rows rows, std::byte* scratch) noexcept {
  const int classes = scores.shape.channels, width = scores.shape.width;
  const int columns = detail::classify_columns(width);
  // Phase j of pair x (of columns x - 1 and x) is output column x * factor - half + j; all arrays run over pairs.
  const int pairs = width + 1, half = factor == 1 ? 1 : factor / 2;
  const std::ptrdiff_t size = std::ptrdiff_t{classes} * columns;
  auto* const blend = reinterpret_cast<std::int16_t*>(scratch);          // [classes][columns]
  auto* const planes = reinterpret_cast<std::int8_t*>(blend + size);     // [2][classes][columns]
  auto* const labels = reinterpret_cast<std::uint8_t*>(planes + 2 * size);  // [pairs][factor]
  std::uint8_t* const margins = labels + std::ptrdiff_t{columns} * factor;
  int held[2] = {-1, -1};  // rows of scores that lie transposed in planes
  const auto transposed = [&](int row) {
    std::int8_t* const plane = planes + (row & 1) * size;
    if (held[row & 1] != row) detail::transpose_scores<Backend>(scores.row(row), width, classes, columns, plane);
    held[row & 1] = row;
    return plane;
  };
  const auto classify_row = [&]<bool WithMargin>() {
    if (factor == 1)
      detail::classify_row<Backend, 1, WithMargin>(blend, columns, classes, factor, pairs, labels, margins);
    else if (factor == 2)
      detail::classify_row<Backend, 2, WithMargin>(blend, columns, classes, factor, pairs, labels, margins);
    else
      detail::classify_row<Backend, 4, WithMargin>(blend, columns, classes, factor, pairs, labels, margins);
  };
  for (int y = rows.begin; y < rows.end; ++y) {
    // Rows first and second are neighbours or one and the same, so their planes never displace each other.
    const reference::Tap tap =
        factor == 1 ? reference::Tap{y, y, 1, 0} : reference::bilinear_tap(y, factor, scores.shape.height);
    const std::int8_t* const upper = transposed(tap.first);
    const std::int8_t* const lower = transposed(tap.second);
    const auto w0 = Backend::splat_words(tap.weight_first), w1 = Backend::splat_words(tap.weight_second);
    for (std::ptrdiff_t i = 0; i < size; i += Backend::words)
      Backend::store_words(blend + i, Backend::add(Backend::multiply(Backend::widen(upper + i), w0),
                                                   Backend::multiply(Backend::widen(lower + i), w1)));
    if (confidence.data == nullptr)
      classify_row.template operator()<false>();
    else
      classify_row.template operator()<true>();
    std::memcpy(mask.row(y), labels + half, static_cast<std::size_t>(mask.shape.width));
    if (confidence.data == nullptr) continue;
    const std::uint8_t* const from = margins + half;
    std::uint8_t* const to = confidence.row(y);
    for (int x = 0; x < mask.shape.width; ++x) to[x] = confidence_table ? confidence_table[from[x]] : from[x];
  }
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
