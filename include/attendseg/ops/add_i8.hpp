// SPDX-License-Identifier: Apache-2.0
// Int8 residual sum, in place if wanted.
#pragma once

#include <cstdint>
#include <cstring>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/reference/add_i8.hpp"
#include "attendseg/simd/common.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {

using attendseg::AddI8;

/// Rows of out = clamp(zero_point + (((a - za) * ma + (b - zb) * mb + 2^(shift - 1)) >> shift)); equal to
/// reference::add. @param a, b, out  [H, W, C]; out may be a or b
inline void add(View<const std::int8_t> a, View<const std::int8_t> b, const AddI8& p, View<std::int8_t> out,
                Rows rows) noexcept {
  const int size = out.shape.width * out.shape.channels;
  const int ma = p.ma, mb = p.mb, shift = p.shift, zero_point = p.zero_point;
  const int offset = (1 << (shift - 1)) - p.za * ma - p.zb * mb;  // below 2^25: sums stay far within int32
  for (int y = rows.begin; y < rows.end; ++y) {
    const std::int8_t* const from_a = a.row(y);
    const std::int8_t* const from_b = b.row(y);
    std::int8_t* const to = out.row(y);
    simd::in_blocks(size, [&](auto block, int i) {
      std::int8_t result[block];  // stored at once, as out may be a or b
      for (int k = 0; k < block; ++k) {
        int q = zero_point + ((from_a[i + k] * ma + from_b[i + k] * mb + offset) >> shift);
        q = q < -128 ? -128 : q;
        q = q > 127 ? 127 : q;
        result[k] = static_cast<std::int8_t>(q);
      }
      std::memcpy(to + i, result, sizeof result);
    });
  }
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
