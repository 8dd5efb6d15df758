// SPDX-License-Identifier: Apache-2.0
// Int8 residual sum, in place if wanted.
#pragma once

#include <cstdint>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/reference/add_i8.hpp"
#include "attendseg/simd/backend.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {

using attendseg::AddI8;

/// Rows of out = clamp(zero_point + (((a - za) * ma + (b - zb) * mb + 2^(shift - 1)) >> shift)); equal to
/// reference::add. @param a, b, out  [H, W, C]; out may be a or b; `slack` bytes readable behind a and b
template <class Backend = simd::native>
void add(View<const std::int8_t> a, View<const std::int8_t> b, const AddI8& p, View<std::int8_t> out,
                Rows rows) noexcept {
  const int size = out.shape.width * out.shape.channels;
  const int offset = (1 << (p.shift - 1)) - p.za * p.ma - p.zb * p.mb;  // below 2^25: sums stay far within int32
  const auto zero_point = Backend::splat_words(p.zero_point);
  for (int y = rows.begin; y < rows.end; ++y)
    for (int i = 0; i < size; i += Backend::words) {
      const auto sum = Backend::weighted_sum(Backend::widen(a.row(y) + i), Backend::widen(b.row(y) + i), p.ma, p.mb,
                                             offset, p.shift);
      Backend::narrow(out.row(y) + i, Backend::add(sum, zero_point), size - i);
    }
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
