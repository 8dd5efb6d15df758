// SPDX-License-Identifier: Apache-2.0
// The int8 convolution: chooses between the pointwise, the spatial and the depthwise kernel.
#pragma once

#include <cstddef>
#include <cstdint>

#include "attendseg/ops/conv_dense_i8.hpp"
#include "attendseg/ops/depthwise_i8.hpp"
#include "attendseg/ops/packed_conv_i8.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {

using PackedConvI8 = BasicPackedConvI8<simd::native>;

/// Rows [rows.begin, rows.end) of a convolution; equal to reference::conv on every backend.
/// @param in       [H, W, in_channels], `slack` bytes readable behind its last row; not aliased by out
/// @param out      packed.spec().out_shape(in.shape); nothing outside the rows is written
/// @param scratch  packed.scratch_bytes(out.shape), one for each concurrent call
/// Cannot fail, throw or allocate.
template <class Backend>
void conv(const BasicPackedConvI8<Backend>& packed, View<const std::int8_t> in, View<std::int8_t> out, Rows rows,
          std::byte* scratch) noexcept {
  if (packed.spec().depthwise()) return detail::conv_depthwise(packed, in, out, rows, scratch);
  detail::conv_dense(packed, in, out, rows, scratch, nullptr);
}

/// Rows of a residual sum whose second summand is a convolution that is never stored; equal to reference::conv, then
/// reference::add(residual, its result). Other arguments as conv()'s.
/// @param residual of out's shape, `slack` bytes readable behind its last row; may be out   @param sum zb is the
///   convolution's out_zero_point   @pre !packed.spec().depthwise()
template <class Backend>
void conv_add(const BasicPackedConvI8<Backend>& packed, View<const std::int8_t> in, View<const std::int8_t> residual,
              const AddI8& sum, View<std::int8_t> out, Rows rows, std::byte* scratch) noexcept {
  const detail::Residual with{residual, sum};
  detail::conv_dense(packed, in, out, rows, scratch, &with);
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
