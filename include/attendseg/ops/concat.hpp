// SPDX-License-Identifier: Apache-2.0
// Concatenation of channels, for any element type.
#pragma once

#include <cstddef>
#include <type_traits>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/simd/common.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {

/// Rows of: channels of a, then channels of b; equal to reference::concat.
/// @param a [H, W, A]  @param b [H, W, B]  @param out [H, W, A + B], not aliased
template <class T>
void concat(View<const std::type_identity_t<T>> a, View<const std::type_identity_t<T>> b, View<T> out,
            Rows rows) noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  const std::size_t channels_a = static_cast<std::size_t>(a.shape.channels);
  const std::size_t channels_b = static_cast<std::size_t>(b.shape.channels);
  for (int y = rows.begin; y < rows.end; ++y) {
    const T* from_a = a.row(y);
    const T* from_b = b.row(y);
    T* to = out.row(y);
    for (int x = 0; x < out.shape.width; ++x) {
      simd::copy_run(to, from_a, channels_a * sizeof(T));
      simd::copy_run(to + channels_a, from_b, channels_b * sizeof(T));
      from_a += channels_a, from_b += channels_b, to += channels_a + channels_b;
    }
  }
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
