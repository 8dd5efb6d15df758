// SPDX-License-Identifier: Apache-2.0
// Float enlargement by a whole factor: nearest, or bilinear with half-pixel centres and clamped edges.
#pragma once

#include <cstddef>
#include <cstring>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/ops/bilinear_f32.hpp"
#include "attendseg/simd/lanes_f32.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {

namespace detail_f32 {
inline void upsample_nearest_row(View<const float> in, View<float> out, int factor, int y) noexcept {
  const int channels = in.shape.channels;
  for (int x = 0; x < in.shape.width; ++x) {
    const float* const from = in.pixel(y / factor, x);
    float* const to = out.pixel(y, x * factor);
    simd::f32::for_lanes(channels, [&]<class B>(int c) {
      const B value = simd::f32::load<B>(from + c);
      for (int j = 0; j < factor; ++j) simd::f32::store(to + std::ptrdiff_t{j} * channels + c, value);
    });
  }
}

inline void upsample_bilinear_row(View<const float> in, View<float> out, int factor, int y) noexcept {
  float* const to = out.row(y);
  enlarge_row(
      in, factor, out.shape.width, y, [](const auto& value) ATTENDSEG_LAMBDA { return value; },
      [&](std::ptrdiff_t x, int c, const auto& value) ATTENDSEG_LAMBDA { simd::f32::store(to + x + c, value); });
}
}  // namespace detail_f32

/// Enlargement: output rows [rows.begin, rows.end).
/// @param in  [H, W, C], any row stride
/// @param out [H * factor, W * factor, C], any row stride; must not overlap `in`
/// @param factor at least 1; the network uses 2, 4 and 8
/// Nearest is exact. Bilinear is torch's interpolate(align_corners=False); error against reference::upsample:
/// |difference| <= 12 * eps * max |neighbour|.
inline void upsample(View<const float> in, View<float> out, int factor, Interpolation how, Rows rows) noexcept {
  const std::size_t row_bytes =
      sizeof(float) * static_cast<std::size_t>(out.shape.width) * static_cast<std::size_t>(out.shape.channels);
  for (int y = rows.begin; y < rows.end; ++y) {
    if (how == Interpolation::bilinear)
      detail_f32::upsample_bilinear_row(in, out, factor, y);
    else if (y > rows.begin && y % factor != 0)  // the row above holds the same values
      std::memcpy(out.row(y), out.row(y - 1), row_bytes);
    else
      detail_f32::upsample_nearest_row(in, out, factor, y);
  }
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
