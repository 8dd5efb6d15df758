// SPDX-License-Identifier: Apache-2.0
// Enlargement by a whole factor with half-pixel centres, shared by upsample, gate and classify.
#pragma once

#include <algorithm>
#include <cstddef>

#include "attendseg/core/config.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/simd/common.hpp"
#include "attendseg/simd/lanes_f32.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops::detail_f32 {

// Between the centres of source pixels i and i + 1 lie `factor` output pixels, from i * factor + factor / 2 on
// (i = -1 and i = size - 1 reach over the edge, where the edge pixel counts twice). The j-th lies at
// i + (2 j + 1) / (2 factor) for an even factor, at i + j / factor for an odd one.

/// Weight of the later of the two source pixels; exact when factor is a power of two.
constexpr float later_weight(int factor, int j) noexcept {
  return static_cast<float>(2 * (factor / 2 + j) + 1 - factor) / static_cast<float>(2 * factor);
}

/// The two source pixels that an output coordinate lies between.
struct Between {
  int before;
  int after;
  float weight;  ///< of `after`
};
constexpr Between between(int position, int factor, int size) noexcept {
  const int i = (position + factor - factor / 2) / factor - 1;  // rounded down, from -1 on
  const int j = position - i * factor - factor / 2;
  return {std::max(i, 0), std::min(i + 1, size - 1), later_weight(factor, j)};
}

/// Row y of the enlargement of `in`, in lanes: every value is handed out once.
/// @param Factor 2, 4 or 8 where known, else 0
/// @param width pixels of the enlarged row
/// @param prepare(value) is applied to source values before they are interpolated
/// @param emit(offset, c, value) takes the channels from c on of the pixel that lies `offset` floats into the row
template <int Factor, class Prepare, class Emit>
ATTENDSEG_INLINE void enlarge_row_by(View<const float> in, int factor, int width, int y, const Prepare& prepare,
                                     const Emit& emit) noexcept {
  const int f = Factor > 0 ? Factor : factor;
  const std::ptrdiff_t channels = in.shape.channels;
  const Between rows = between(y, f, in.shape.height);
  const float* const top = in.row(rows.before);
  const float* const bottom = in.row(rows.after);
  for (int i = -1; i < in.shape.width; ++i) {
    const std::ptrdiff_t x0 = std::max(i, 0) * channels, x1 = std::min(i + 1, in.shape.width - 1) * channels;
    const int start = i * f + f / 2;
    const int first = std::max(-start, 0), last = std::min(f, width - start);
    simd::f32::for_lanes(in.shape.channels, [&]<class B>(int c) ATTENDSEG_LAMBDA {
      const auto between_rows = [&](std::ptrdiff_t x) ATTENDSEG_LAMBDA {
        const B above = prepare(simd::f32::load<B>(top + x + c));
        return simd::f32::multiply_add(B(prepare(simd::f32::load<B>(bottom + x + c)) - above), B(rows.weight), above);
      };
      const B left = between_rows(x0);
      const B step = between_rows(x1) - left;
      const auto at = [&](int j) ATTENDSEG_LAMBDA {
        emit((start + j) * channels, c, simd::f32::multiply_add(step, B(later_weight(f, j)), left));
      };
      if (Factor > 0 && last - first == Factor)
        simd::unroll<Factor>([&](auto j) ATTENDSEG_LAMBDA { at(j); });
      else
        for (int j = first; j < last; ++j) at(j);
    });
  }
}
template <class Prepare, class Emit>
inline void enlarge_row(View<const float> in, int factor, int width, int y, const Prepare& prepare,
                        const Emit& emit) noexcept {
  switch (factor) {
    case 2: return enlarge_row_by<2>(in, factor, width, y, prepare, emit);
    case 4: return enlarge_row_by<4>(in, factor, width, y, prepare, emit);
    case 8: return enlarge_row_by<8>(in, factor, width, y, prepare, emit);
    default: return enlarge_row_by<0>(in, factor, width, y, prepare, emit);
  }
}

}  // namespace ops::detail_f32
ATTENDSEG_NAMESPACE_END
