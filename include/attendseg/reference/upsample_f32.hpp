// SPDX-License-Identifier: Apache-2.0
// The law of float enlargement: nearest, or bilinear with half-pixel centres and clamped edges.
#pragma once

#include <algorithm>
#include <cmath>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace reference {

/// The value of `in`, [h, w, C], enlarged by `factor`, at pixel (y, x) of [h * factor, w * factor, C].
/// Bilinear: torch's interpolate(align_corners=False).
/// @param prepare applied to each source value before it is interpolated
template <class Prepare>
double expanded(View<const float> in, int y, int x, int c, int factor, Interpolation how, Prepare prepare) noexcept {
  if (how == Interpolation::nearest) return prepare(double{in(y / factor, x / factor, c)});
  const double v = std::max((y + 0.5) / factor - 0.5, 0.0), u = std::max((x + 0.5) / factor - 0.5, 0.0);
  const int y0 = static_cast<int>(v), y1 = std::min(y0 + 1, in.shape.height - 1);
  const int x0 = static_cast<int>(u), x1 = std::min(x0 + 1, in.shape.width - 1);
  const double wy = v - y0, wx = u - x0;
  const double top = (1.0 - wx) * prepare(double{in(y0, x0, c)}) + wx * prepare(double{in(y0, x1, c)});
  const double bottom = (1.0 - wx) * prepare(double{in(y1, x0, c)}) + wx * prepare(double{in(y1, x1, c)});
  return (1.0 - wy) * top + wy * bottom;
}
inline double expanded(View<const float> in, int y, int x, int c, int factor, Interpolation how) noexcept {
  return expanded(in, y, x, c, factor, how, [](double value) { return value; });
}

/// @param in [H, W, C] @param out [H * factor, W * factor, C]
inline void upsample(View<const float> in, View<float> out, int factor, Interpolation how) noexcept {
  for (int y = 0; y < out.shape.height; ++y)
    for (int x = 0; x < out.shape.width; ++x)
      for (int c = 0; c < out.shape.channels; ++c)
        out(y, x, c) = static_cast<float>(expanded(in, y, x, c, factor, how));
}

}  // namespace reference
ATTENDSEG_NAMESPACE_END
