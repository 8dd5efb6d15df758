// SPDX-License-Identifier: Apache-2.0
// Int8 residual sum, in place if wanted.
#pragma once

#include <cstddef>
#include <cstdint>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/reference/add_i8.hpp"
#include "attendseg/simd/backend.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {

using attendseg::AddI8;

namespace detail {

/// n adjacent values of a sum; arguments as add()'s.
template <class Backend = simd::native>
void add_values(const std::int8_t* a, const std::int8_t* b, const AddI8& p, std::int8_t* out,
                std::ptrdiff_t n) noexcept {
  const int offset = (1 << (p.shift - 1)) - p.za * p.ma - p.zb * p.mb;  // below 2^25: sums stay far within int32
  const auto zero_point = Backend::splat_words(p.zero_point);
  for (std::ptrdiff_t i = 0; i < n; i += Backend::words) {
    const auto sum =
        Backend::weighted_sum(Backend::widen(a + i), Backend::widen(b + i), p.ma, p.mb, offset, p.shift);
    const int count = n - i < Backend::words ? static_cast<int>(n - i) : Backend::words;
    Backend::narrow(out + i, Backend::add(sum, zero_point), count);
  }
}

}  // namespace detail

/// Rows of out = clamp(zero_point + (((a - za) * ma + (b - zb) * mb + 2^(shift - 1)) >> shift)); equal to
/// reference::add. @param a, b, out  [H, W, C]; out may be a or b; `slack` bytes readable behind a and b
template <class Backend = simd::native>
void add(View<const std::int8_t> a, View<const std::int8_t> b, const AddI8& p, View<std::int8_t> out,
         Rows rows) noexcept {
  const std::ptrdiff_t size = std::ptrdiff_t{out.shape.width} * out.shape.channels;
  for (int y = rows.begin; y < rows.end; ++y)
    detail::add_values<Backend>(a.row(y), b.row(y), p, out.row(y), size);
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
