// SPDX-License-Identifier: Apache-2.0
// From float class scores to a mask: bilinear enlargement, largest score, confidence.
#pragma once

#include <algorithm>
#include <cfloat>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/ops/bilinear_f32.hpp"
#include "attendseg/simd/lanes_f32.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {

namespace detail_f32 {
/// Floats a line of one class: a pixel doubled at each edge, and room for the last batch to start on any of them.
constexpr int line_floats(int width) noexcept {
  return (width + 2 + simd::f32::width + 15) / 16 * 16;
}

/// One row of scores, [width, classes], as a line a class: [classes][line], where line[0] and line[width + 1] repeat
/// the edges.
inline void transpose_scores(View<const float> scores, int y, float* lines) noexcept {
  const int width = scores.shape.width, classes = scores.shape.channels;
  const int line = line_floats(width);
  for (int c = 0; c < classes; ++c) {
    const float* const from = scores.row(y) + c;
    float* const to = lines + std::ptrdiff_t{c} * line;
    for (int x = 0; x < width; ++x) to[x + 1] = from[std::ptrdiff_t{x} * classes];
    to[0] = to[1];
    // Behind the row: the edge, and finite values for lanes that no pixel reads.
    std::fill(to + width + 1, to + line, to[width]);
  }
}

/// One row of the mask from vertically interpolated lines [classes][line]; lanes run over source pixels, for the
/// pixels of one phase (place between two source pixels) share their weight.
template <bool WithConfidence>
inline void classify_row(const float* lines, int classes, int width, int factor, std::uint8_t* mask,
                         std::uint8_t* confidence, int mask_width) noexcept {
  using B = simd::f32::Widest;
  constexpr int lanes = simd::f32::width;
  const int line = line_floats(width);
  for (int i = 0; i <= width; i += lanes)  // between source pixels i - 1 and i
    for (int j = 0; j < factor; ++j) {
      const B weight(later_weight(factor, j));
      B best(-FLT_MAX), second(-FLT_MAX), id(0.0F);
      for (int c = 0; c < classes; ++c) {
        const float* const at = lines + std::ptrdiff_t{c} * line + i;
        const B left = simd::f32::load<B>(at);
        const B score = simd::f32::multiply_add(simd::f32::load<B>(at + 1) - left, weight, left);
        id = xsimd::select(score > best, B(static_cast<float>(c)), id);  // a tie keeps the lower id
        if constexpr (WithConfidence) second = simd::f32::maximum(second, simd::f32::minimum(score, best));
        best = simd::f32::maximum(best, score);
      }
      alignas(alignment) float ids[lanes], sure[lanes];
      simd::f32::store(ids, id);
      if constexpr (WithConfidence)
        simd::f32::store(sure, simd::f32::multiply_add(simd::f32::sigmoid(B(best - second)), B(255.0F), B(0.5F)));
      // Lane k is mask pixel start + k * factor.
      const int start = (i - 1) * factor + factor / 2 + j;
      const int end = std::min(std::min(lanes, width + 1 - i), (mask_width - start + factor - 1) / factor);
      for (int k = start < 0 ? 1 : 0; k < end; ++k) {
        mask[start + k * factor] = static_cast<std::uint8_t>(ids[k]);
        if constexpr (WithConfidence) confidence[start + k * factor] = static_cast<std::uint8_t>(sure[k]);
      }
    }
}
}  // namespace detail_f32

/// Scratch bytes that classify() needs.
constexpr std::size_t classify_scratch_bytes_f32(Shape scores, int /*factor*/) noexcept {
  return alignment + 3 * sizeof(float) * static_cast<std::size_t>(detail_f32::line_floats(scores.width)) *
                         static_cast<std::size_t>(scores.channels);
}

/// The class of the largest score at every pixel of the mask: mask rows [rows.begin, rows.end).
/// @param scores [h, w, classes], 2 to 256 classes, any row stride; enlarged by `factor` (at least 1) bilinearly
/// @param mask   [H', W', 1] with H' <= h * factor, W' <= w * factor (the picture without its padding)
/// @param confidence shaped as the mask, or data null: round(255 * sigmoid(best - second best)), so 128 to 255
/// @param scratch classify_scratch_bytes_f32(scores.shape, factor) bytes, any alignment; one a thread
/// Ties go to the lowest id. The scores compared are within 12 * eps * max |neighbour| of reference::classify's
/// (equal for whole numbers below 2^15 and factors 1, 2, 4, 8). Cannot fail, throw or allocate.
inline void classify(View<const float> scores, int factor, View<std::uint8_t> mask, View<std::uint8_t> confidence,
                     Rows rows, std::byte* scratch) noexcept {
  const int width = scores.shape.width, classes = scores.shape.channels;
  const int size = detail_f32::line_floats(width) * classes;
  auto* const lines = reinterpret_cast<float*>(
      scratch + (alignment - reinterpret_cast<std::uintptr_t>(scratch) % alignment) % alignment);
  float* const blended = lines + 2 * static_cast<std::ptrdiff_t>(size);
  // Two rows of scores, transposed, serve the `factor` mask rows between them; each row is transposed once.
  float* held[2] = {lines, lines + size};
  int held_row[2] = {-1, -1};
  for (int y = rows.begin; y < rows.end; ++y) {
    const detail_f32::Between at = detail_f32::between(y, factor, scores.shape.height);
    if (held_row[0] != at.before) {
      std::swap(held[0], held[1]);
      std::swap(held_row[0], held_row[1]);
      if (held_row[0] != at.before) detail_f32::transpose_scores(scores, held_row[0] = at.before, held[0]);
    }
    const float* const top = held[0];
    const float* bottom = top;
    if (at.after != at.before) {
      if (held_row[1] != at.after) detail_f32::transpose_scores(scores, held_row[1] = at.after, held[1]);
      bottom = held[1];
    }
    simd::f32::for_lanes(size, [&]<class B>(int i) {
      const B a = simd::f32::load<B>(top + i);
      simd::f32::store(blended + i,
                       simd::f32::multiply_add(simd::f32::load<B>(bottom + i) - a, B(at.weight), a));
    });
    if (confidence.data != nullptr)
      detail_f32::classify_row<true>(blended, classes, width, factor, mask.row(y), confidence.row(y),
                                     mask.shape.width);
    else
      detail_f32::classify_row<false>(blended, classes, width, factor, mask.row(y), nullptr, mask.shape.width);
  }
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
