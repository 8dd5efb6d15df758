// SPDX-License-Identifier: Apache-2.0
// What this machine can do at best: int8 multiply-accumulates and bytes a second. Fractions of a peak refer to these.
#pragma once

#include <cstddef>

namespace bench {

/// Multiply-accumulates a second of `threads` threads at once that do nothing but simd::native::dot4 on registers, in
/// the register tile of the convolution: as exact as the kernels are (on AVX2 that costs four instructions), without
/// their loads and stores. The best of several rounds, about 0.1 s.
double int8_peak(int threads);

/// Bytes a second that `threads` threads at once read, each from `bytes` of its own, again and again.
double read_bandwidth(int threads, std::size_t bytes);

/// Sizes to read: one that fits the second-level cache, one that fits the third, one that fits none. A level that the
/// system does not tell of is taken as 512 kB and 8 MB.
struct CacheSizes {
  std::size_t level2, level3, memory;
};
CacheSizes sizes_to_read();

}  // namespace bench
