// SPDX-License-Identifier: Apache-2.0
// Depthwise int8 convolution, in lanes of channels: kernel rows are interleaved by fours, and each kernel column is
// then one dot product of four.
#pragma once

#include <cstdint>

#include "attendseg/ops/packed_conv_i8.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops::detail {

/// Interleaves the rows under one output row: to[column][row group][4 vectors][lanes][4 rows], for the channels
/// [channel, channel + width) and the input columns [x, x + columns). Outside the picture: the zero point.
template <class Backend>
void interleave_rows(const BasicPackedConvI8<Backend>& packed, View<const std::int8_t> in, int y, int x, int columns,
                     int channel, std::int8_t* to) noexcept {
  using Bytes = typename Backend::Bytes;
  constexpr int width = Backend::width;
  const ConvSpec& s = packed.spec();
  const int groups = packed.row_groups();
  const std::ptrdiff_t pitch = std::ptrdiff_t{groups} * 4 * width;
  const Bytes outside = Backend::splat_byte(static_cast<std::int8_t>(packed.in_zero_point() ^ Backend::flip));
  const auto fill = [&](int begin, int end) {
    for (std::ptrdiff_t i = begin * pitch; i < end * pitch; i += width) Backend::store(to + i, outside);
  };
  const auto inside = [&](int column) { return column < 0 ? 0 : column > columns ? columns : column; };
  const int begin = inside(-x), end = inside(in.shape.width - x);  // columns of the tile within the picture
  fill(0, begin);
  fill(end > begin ? end : begin, columns);
  for (int g = 0; g < groups; ++g) {
    const std::int8_t* row[4] = {};
    for (int i = 0; i < 4; ++i) {
      const int ky = 4 * g + i, iy = y + ky * s.dilation;
      if (ky < s.kernel && iy >= 0 && iy < in.shape.height) row[i] = in.row(iy) + channel;
    }
    std::int8_t* column = to + begin * pitch + std::ptrdiff_t{g} * 4 * width;
    for (int c = begin; c < end; ++c, column += pitch) {
      const std::ptrdiff_t offset = std::ptrdiff_t{x + c} * s.in_channels;
      Bytes rows[4], out[4];
      simd::unroll<4>([&](auto i) ATTENDSEG_LAMBDA {
        rows[i] = row[i] ? Backend::flipped(Backend::load(row[i] + offset)) : outside;
      });
      Backend::interleave4(rows, out);
      simd::unroll<4>([&](auto i) ATTENDSEG_LAMBDA { Backend::store(column + i * width, out[i]); });
    }
  }
}

/// `count` outputs of one block of channels from interleaved columns. Kernel: 3, or 0 for any.
template <class Backend, int Kernel>
void depthwise_tile(const BasicPackedConvI8<Backend>& packed, const std::int8_t* columns, int block, std::int8_t* out,
                    int count) noexcept {
  using simd::unroll;
  constexpr int width = Backend::width, lanes = Backend::lanes;
  const ConvSpec& s = packed.spec();
  const int kernel = Kernel ? Kernel : s.kernel, groups = Kernel ? (Kernel + 3) / 4 : packed.row_groups();
  const std::ptrdiff_t pitch = std::ptrdiff_t{groups} * 4 * width;
  const std::ptrdiff_t tap = pitch * s.dilation, next = pitch * s.stride;
  const std::int8_t* const weight = packed.weight() + std::ptrdiff_t{block} * kernel * pitch;
  const std::int32_t* const bias = packed.bias() + std::ptrdiff_t{block} * width;
  const float* const multiplier = packed.multiplier() + std::ptrdiff_t{block} * width;
  const auto zero_point = Backend::splat(packed.out_zero_point());
  const auto low = static_cast<std::int8_t>(packed.low());
  const int left = s.out_channels - block * width, channels = left < width ? left : width;
  for (int p = 0; p < count; ++p, columns += next, out += s.out_channels) {
    typename Backend::I32 sum[4];
    unroll<4>([&](auto v) ATTENDSEG_LAMBDA { sum[v] = Backend::load(bias + v * lanes); });
    const auto add_tap = [&](int g, int kx) ATTENDSEG_LAMBDA {
      const std::int8_t* a = columns + kx * tap + std::ptrdiff_t{g} * 4 * width;
      const std::int8_t* w = weight + (std::ptrdiff_t{g} * kernel + kx) * 4 * width;
      unroll<4>([&](auto v) ATTENDSEG_LAMBDA {
        sum[v] = Backend::dot4(sum[v], Backend::load(a + v * width), Backend::load(w + v * width));
      });
    };
    if constexpr (Kernel == 3) {
      unroll<3>([&](auto kx) ATTENDSEG_LAMBDA { add_tap(0, kx); });
    } else {
      for (int g = 0; g < groups; ++g)
        for (int kx = 0; kx < kernel; ++kx) add_tap(g, kx);
    }
    unroll<4>([&](auto v) ATTENDSEG_LAMBDA {
      sum[v] = Backend::requantise(sum[v], multiplier + v * lanes, zero_point);
    });
    Backend::store_clamped(out, sum, low, channels);
  }
}

/// Rows of a depthwise convolution; arguments as conv()'s.
template <class Backend>
void conv_depthwise(const BasicPackedConvI8<Backend>& packed, View<const std::int8_t> in, View<std::int8_t> out,
                    Rows rows, std::byte* scratch) noexcept {
  constexpr int tile = BasicPackedConvI8<Backend>::tile_width;
  const ConvSpec& s = packed.spec();
  const int width = out.shape.width;
  std::int8_t* const columns = reinterpret_cast<std::int8_t*>(scratch);
  for (int y = rows.begin; y < rows.end; ++y)
    for (int x = 0; x < width; x += tile) {
      const int count = width - x < tile ? width - x : tile;
      const int needed = (count - 1) * s.stride + (s.kernel - 1) * s.dilation + 1;
      for (int block = 0; block < packed.blocks(); ++block) {
        const int channel = block * Backend::width;
        interleave_rows(packed, in, y * s.stride - s.padding, x * s.stride - s.padding, needed, channel, columns);
        std::int8_t* const to = out.pixel(y, x) + channel;
        if (s.kernel == 3)
          depthwise_tile<Backend, 3>(packed, columns, block, to, count);
        else
          depthwise_tile<Backend, 0>(packed, columns, block, to, count);
      }
    }
}

}  // namespace ops::detail
ATTENDSEG_NAMESPACE_END
