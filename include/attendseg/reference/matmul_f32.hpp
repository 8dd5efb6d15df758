// SPDX-License-Identifier: Apache-2.0
// The law of the float matrix product: sums in double, rounded once.
#pragma once

#include <cstddef>

#include "attendseg/core/config.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace reference {

/// c[m, n] = bias[n] + sum over k of a[m, k] * weight[n, k].
/// @param a [rows, depth] @param weight [columns, depth] @param bias [columns] @param c [rows, columns]; all dense
inline void matmul(const float* a, const float* weight, const float* bias, float* c, int rows, int depth,
                   int columns) noexcept {
  for (std::ptrdiff_t m = 0; m < rows; ++m)
    for (std::ptrdiff_t n = 0; n < columns; ++n) {
      double sum = bias[n];
      for (int k = 0; k < depth; ++k) sum += double{a[m * depth + k]} * weight[n * depth + k];
      c[m * columns + n] = static_cast<float>(sum);
    }
}

}  // namespace reference
ATTENDSEG_NAMESPACE_END
