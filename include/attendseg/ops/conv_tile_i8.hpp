// SPDX-License-Identifier: Apache-2.0
// One tile of a dense int8 convolution: some pixels, all output channels of a group, requantised and stored.
#pragma once

#include <cstddef>
#include <cstdint>

#include "attendseg/ops/packed_conv_i8.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops::detail {

/// Stores `count` channels of each of Pixels pixels, `pitch` bytes apart. @param adjacent every channel, and no gap between
/// pixels  (A function, as only there `if constexpr` keeps the shared store from backends that have none.)
template <class Backend, int Pixels, int Vectors>
ATTENDSEG_INLINE void store_pixels(std::int8_t* out, std::ptrdiff_t pitch, const typename Backend::I32 (&r)[Pixels][Vectors],
                                   std::int8_t low, int count, bool adjacent) noexcept {
  if constexpr (Pixels > 1)
    if (adjacent) return Backend::store_clamped_pixels(out, r, low);
  simd::unroll<Pixels>([&](auto p) ATTENDSEG_LAMBDA { Backend::store_clamped(out + p * pitch, r[p], low, count); });
}

/// The pixels of a tile against one chunk of Vectors vectors of channels.
template <class Backend, int Vectors>
void multiply_chunk(const BasicPackedConvI8<Backend>& packed, const simd::Products<Backend>& products,
                    const simd::Patches& a, int count, int group, int first_vector, std::int8_t* out) noexcept {
  using Packed = BasicPackedConvI8<Backend>;
  constexpr int lanes = Backend::lanes;
  const std::int64_t index = std::int64_t{group} * packed.vectors() + first_vector;
  const std::int64_t vector_bytes = std::int64_t{packed.runs()} * packed.run_steps() * lanes * Packed::step_bytes;
  const float* const multiplier = packed.multiplier() + index * lanes;
  const int channel = first_vector * lanes, left = packed.group_outputs() - channel;
  std::int8_t* const to = out + std::ptrdiff_t{group} * packed.group_outputs() + channel;
  const std::ptrdiff_t pitch = packed.spec().out_channels;
  const int stored = left < Vectors * lanes ? left : Vectors * lanes;
  const bool adjacent = stored == Vectors * lanes && pitch == stored;  // pixels of this chunk, so that they share a store
  const int zero_point = packed.out_zero_point();
  const auto low = static_cast<std::int8_t>(packed.low());
  products.template multiply<Vectors>(
      a, count, packed.weight() + index * vector_bytes, packed.bias() + index * lanes,
      [=]<int Pixels>(int first, const typename Backend::I32(&sum)[Pixels][Vectors]) ATTENDSEG_LAMBDA {
        typename Backend::I32 result[Pixels][Vectors];
        simd::unroll<Pixels>([&](auto p) ATTENDSEG_LAMBDA {
          simd::unroll<Vectors>([&](auto v) ATTENDSEG_LAMBDA {
            result[p][v] = Backend::requantise(sum[p][v], multiplier + v * lanes, Backend::splat(zero_point));
          });
        });
        store_pixels<Backend>(to + first * pitch, pitch, result, low, stored, adjacent);
      });
}

/// The outputs of one group for `count` pixels. @param a as Products takes it  @param out the pixels, adjacent
template <class Backend>
void multiply_tile(const BasicPackedConvI8<Backend>& packed, const simd::Products<Backend>& products,
                   const simd::Patches& a, int count, int group, std::int8_t* out) noexcept {
  for (int chunk = 0; chunk < packed.chunks(); ++chunk) {
    const int first = packed.first_vector(chunk), vectors = packed.first_vector(chunk + 1) - first;
    simd::unroll<Backend::max_vectors>([&](auto v) {
      if (vectors == v + 1) multiply_chunk<Backend, v + 1>(packed, products, a, count, group, first, out);
    });
  }
}

}  // namespace ops::detail
ATTENDSEG_NAMESPACE_END
