// SPDX-License-Identifier: Apache-2.0
// Int8 residual sum, in place if wanted.
#pragma once

#include <cstdint>
#include <cstring>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/reference/add_i8.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {

using attendseg::AddI8;

/// Rows of out = clamp(zero_point + (((a - za) * ma + (b - zb) * mb + 2^(shift - 1)) >> shift)); equal to
/// reference::add. @param a, b, out  [H, W, C]; out may be a or b
inline void add(View<const std::int8_t> a, View<const std::int8_t> b, const AddI8& p, View<std::int8_t> out,
                Rows rows) noexcept {
  constexpr int block = 256;  // results wait in a local array, so that loops vectorise though out may be a or b
  const int size = out.shape.width * out.shape.channels;
  const int ma = p.ma, mb = p.mb, shift = p.shift, zero_point = p.zero_point;
  const int offset = (1 << (shift - 1)) - p.za * ma - p.zb * mb;  // below 2^25: sums stay far within int32
  for (int y = rows.begin; y < rows.end; ++y) {
    const std::int8_t* from_a = a.row(y);
    const std::int8_t* from_b = b.row(y);
    std::int8_t* to = out.row(y);
    for (int i = 0; i < size; i += block, from_a += block, from_b += block, to += block) {
      const int n = size - i < block ? size - i : block;
      std::int8_t result[block];
      for (int k = 0; k < n; ++k) {
        int q = zero_point + ((from_a[k] * ma + from_b[k] * mb + offset) >> shift);
        q = q < -128 ? -128 : q;
        q = q > 127 ? 127 : q;
        result[k] = static_cast<std::int8_t>(q);
      }
      std::memcpy(to, result, static_cast<std::size_t>(n));
    }
  }
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
