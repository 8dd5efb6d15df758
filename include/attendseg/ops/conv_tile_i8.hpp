// SPDX-License-Identifier: Apache-2.0
// Dense and grouped int8 convolution: patches are gathered a tile at a time and multiplied in registers.
#pragma once

#include <cstdint>
#include <cstring>

#include "attendseg/ops/packed_conv_i8.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops::detail {

/// Copies the patches of `count` output pixels of row y, from column x on, one after the other: [count][4 * steps].
/// Activations get the backend's sign flip. Only channels [first, first + spec.group_inputs()) are taken.
/// What lies outside the picture is the zero point. Bytes behind a patch's end are arbitrary: they meet zero weights.
template <class Backend>
void gather_patches(const BasicPackedConvI8<Backend>& packed, View<const std::int8_t> in, int y, int x, int count,
                    int first, std::int8_t* to) noexcept {
  const ConvSpec& s = packed.spec();
  const int inputs = s.group_inputs(), channels = s.in_channels;
  const std::ptrdiff_t pitch = 4 * std::ptrdiff_t{packed.steps()};
  const int outside = static_cast<std::int8_t>(packed.in_zero_point() ^ Backend::flip);
  if (s.kernel == 1 && s.padding == 0) {
    const std::int8_t* from = in.pixel(y * s.stride, x * s.stride) + first;
    if (pitch == channels && inputs == channels && s.stride == 1) return Backend::copy(to, from, pitch * count);
    for (int p = 0; p < count; ++p, to += pitch, from += std::ptrdiff_t{s.stride} * channels)
      Backend::copy(to, from, inputs);
    return;
  }
  // Taps that are adjacent in memory are copied at once: a kernel row without dilation, of all channels.
  const int run = s.dilation == 1 && inputs == channels ? s.kernel : 1;
  const int size = run * inputs, top = y * s.stride - s.padding, reach = (s.kernel - 1) * s.dilation;
  const std::ptrdiff_t tap_step = std::ptrdiff_t{s.dilation} * channels;
  for (int p = 0; p < count; ++p, to += pitch) {
    const int left = (x + p) * s.stride - s.padding;
    std::int8_t* tap = to;
    if (top >= 0 && top + reach < in.shape.height && left >= 0 && left + reach < in.shape.width) {
      for (int ky = 0; ky < s.kernel; ++ky) {
        const std::int8_t* from = in.pixel(top + ky * s.dilation, left) + first;
        for (int kx = 0; kx < s.kernel; kx += run, tap += size, from += tap_step) Backend::copy(tap, from, size);
      }
      continue;
    }
    for (int ky = 0; ky < s.kernel; ++ky)
      for (int kx = 0; kx < s.kernel; ++kx, tap += inputs) {
        const int iy = top + ky * s.dilation, ix = left + kx * s.dilation;
        if (iy >= 0 && iy < in.shape.height && ix >= 0 && ix < in.shape.width)
          Backend::copy(tap, in.pixel(iy, ix) + first, inputs);
        else
          std::memset(tap, outside, static_cast<std::size_t>(inputs));
      }
  }
}

/// Where and how results are stored.
struct ConvOutput {
  int zero_point, low;
  int channels;  ///< to store; fewer than the chunk has at the end of a group
};

/// Pixels x (Vectors * lanes) outputs in registers, over all steps of four products; results are requantised.
/// @param a    [Pixels][pitch] activations         @param out  one pointer a pixel; the first `count` are stored
/// @param weight [steps][Vectors][width]           @param bias, multiplier  [Vectors * lanes]
template <class Backend, int Pixels, int Vectors>
void multiply_tile(const std::int8_t* a, std::ptrdiff_t pitch, int steps, const std::int8_t* weight,
                   const std::int32_t* bias, const float* multiplier, const ConvOutput& to, std::int8_t* const* out,
                   std::ptrdiff_t out_offset, int count) noexcept {
  using simd::unroll;
  typename Backend::I32 sum[Pixels][Vectors];
  unroll<Vectors>([&](auto v) ATTENDSEG_LAMBDA {
    const auto b = Backend::load(bias + v * Backend::lanes);
    unroll<Pixels>([&](auto p) ATTENDSEG_LAMBDA { sum[p][v] = b; });
  });
  // One pointer for three pixels: their distance is an addressing mode, and pointers stay in registers.
  constexpr int pointers = (Pixels + 2) / 3;
  const std::int8_t* row[pointers];
  unroll<pointers>([&](auto i) ATTENDSEG_LAMBDA { row[i] = a + 3 * i * pitch; });
  for (int k = 0; k < steps; ++k) {
    typename Backend::Bytes w[Vectors];
    unroll<Vectors>([&](auto v) ATTENDSEG_LAMBDA { w[v] = Backend::load(weight + v * Backend::width); });
    unroll<Pixels>([&](auto p) ATTENDSEG_LAMBDA {
      const auto activation = Backend::broadcast4(row[p / 3] + p % 3 * pitch);
      unroll<Vectors>([&](auto v) ATTENDSEG_LAMBDA { sum[p][v] = Backend::dot4(sum[p][v], activation, w[v]); });
    });
    unroll<pointers>([&](auto i) ATTENDSEG_LAMBDA { row[i] += 4; });
    weight += Vectors * Backend::width;
  }
  const auto zero_point = Backend::splat(to.zero_point);
  const auto low = static_cast<std::int8_t>(to.low);
  unroll<Pixels>([&](auto p) ATTENDSEG_LAMBDA {
    if (p >= count) return;
    typename Backend::I32 result[Vectors];
    unroll<Vectors>([&](auto v) ATTENDSEG_LAMBDA {
      result[v] = Backend::requantise(sum[p][v], multiplier + v * Backend::lanes, zero_point);
    });
    Backend::store_clamped(out[p] + out_offset, result, low, to.channels);
  });
}

/// All pixels of a gathered tile against one chunk of Vectors vectors.
template <class Backend, int Vectors>
void multiply_chunk(const std::int8_t* a, int steps, const std::int8_t* weight, const std::int32_t* bias,
                    const float* multiplier, const ConvOutput& to, std::int8_t* const* out, std::ptrdiff_t out_offset,
                    int count) noexcept {
  constexpr int pixels = Backend::pixels(Vectors);
  static_assert(BasicPackedConvI8<Backend>::tile_pixels % pixels == 0);
  const std::ptrdiff_t pitch = 4 * std::ptrdiff_t{steps};
  for (int p = 0; p < count; p += pixels)
    multiply_tile<Backend, pixels, Vectors>(a + p * pitch, pitch, steps, weight, bias, multiplier, to, out + p,
                                            out_offset, count - p);
}

/// Rows of a dense or grouped convolution; arguments as conv()'s.
template <class Backend>
void conv_dense(const BasicPackedConvI8<Backend>& packed, View<const std::int8_t> in, View<std::int8_t> out,
                Rows rows, std::byte* scratch) noexcept {
  constexpr int tile = BasicPackedConvI8<Backend>::tile_pixels, lanes = Backend::lanes;
  const ConvSpec& s = packed.spec();
  const int steps = packed.steps(), outputs = packed.group_outputs(), width = out.shape.width;
  const std::ptrdiff_t pitch = 4 * std::ptrdiff_t{steps};
  std::int8_t* const patches = reinterpret_cast<std::int8_t*>(scratch);
  // Tiles run across the ends of rows, so that narrow maps fill them too.
  for (int y = rows.begin, x = 0; y < rows.end;) {
    const int tile_y = y, tile_x = x;
    std::int8_t* pixel[tile];
    int count = 0;
    for (int g = 0; g < s.groups; ++g) {
      y = tile_y, x = tile_x, count = 0;
      while (count < tile && y < rows.end) {
        const int run = width - x < tile - count ? width - x : tile - count;
        gather_patches(packed, in, y, x, run, g * s.group_inputs(), patches + count * pitch);
        for (int p = 0; p < run; ++p) pixel[count + p] = out.pixel(y, x + p);
        count += run, x += run;
        if (x == width) x = 0, ++y;
      }
      for (int chunk = 0; chunk < packed.chunks(); ++chunk) {
        const int first = packed.first_vector(chunk), vectors = packed.first_vector(chunk + 1) - first;
        const std::int64_t index = std::int64_t{g} * packed.vectors() + first;
        const std::int8_t* weight = packed.weight() + index * steps * Backend::width;
        const std::int32_t* bias = packed.bias() + index * lanes;
        const float* multiplier = packed.multiplier() + index * lanes;
        const int left = outputs - first * lanes, most = vectors * lanes;
        const ConvOutput to{packed.out_zero_point(), packed.low(), left < most ? left : most};
        const std::ptrdiff_t offset = std::ptrdiff_t{g} * outputs + first * lanes;
        simd::unroll<Backend::max_vectors>([&](auto v) {
          if (vectors == v + 1)
            multiply_chunk<Backend, v + 1>(patches, steps, weight, bias, multiplier, to, pixel, offset, count);
        });
      }
    }
  }
}

}  // namespace ops::detail
ATTENDSEG_NAMESPACE_END
