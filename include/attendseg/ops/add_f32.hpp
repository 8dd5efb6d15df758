// SPDX-License-Identifier: Apache-2.0
// Float residual addition.
#pragma once

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/simd/lanes_f32.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {

/// out = a + b: rows [rows.begin, rows.end); equal to reference::add to the bit.
/// @param a,b,out [H, W, C], any row strides; out may be a or b
inline void add(View<const float> a, View<const float> b, View<float> out, Rows rows) noexcept {
  const int n = out.shape.width * out.shape.channels;
  for (int y = rows.begin; y < rows.end; ++y) {
    const float* const pa = a.row(y);
    const float* const pb = b.row(y);
    float* const to = out.row(y);
    simd::f32::for_lanes(n, [&]<class B>(int i) {
      simd::f32::store(to + i, simd::f32::load<B>(pa + i) + simd::f32::load<B>(pb + i));
    });
  }
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
