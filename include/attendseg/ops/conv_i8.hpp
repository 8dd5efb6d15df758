// SPDX-License-Identifier: Apache-2.0
// The int8 convolution: chooses between the dense and the depthwise kernel.
#pragma once

#include <cstddef>
#include <cstdint>

#include "attendseg/ops/conv_tile_i8.hpp"
#include "attendseg/ops/depthwise_i8.hpp"
#include "attendseg/ops/packed_conv_i8.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {

using PackedConvI8 = BasicPackedConvI8<simd::native>;

/// Rows [rows.begin, rows.end) of a convolution; equal to reference::conv on every backend.
/// @param in       [H, W, in_channels], `slack` bytes readable behind its last row; not aliased by out
/// @param out      packed.spec().out_shape(in.shape); nothing outside the rows is written
/// @param scratch  packed.scratch_bytes(), one for each concurrent call
/// Cannot fail, throw or allocate.
template <class Backend>
void conv(const BasicPackedConvI8<Backend>& packed, View<const std::int8_t> in, View<std::int8_t> out, Rows rows,
          std::byte* scratch) noexcept {
  if (packed.spec().depthwise())
    detail::conv_depthwise(packed, in, out, rows, scratch);
  else
    detail::conv_dense(packed, in, out, rows, scratch);
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
