// SPDX-License-Identifier: Apache-2.0
// Depthwise int8 convolution, in lanes of channels: kernel rows are interleaved by fours, so that each kernel column is
// one dot product of four; a 3x3 window walks along the row in registers.
#pragma once

#include <bit>
#include <cstdint>
#include <numeric>

#include "attendseg/ops/packed_conv_i8.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops::detail {

/// Columns of up to four input rows under one output row, ready for dot products. What lies outside the picture is the
/// zero point; so are rows past the kernel, whose weights are zero.
template <class Backend, int Rows>
class DepthwiseColumns {
 public:
  DepthwiseColumns() = default;
  /// @param y, x  the first row and column, `dilation` apart from the next ones; may lie outside
  /// @param zero_points [Backend::width]
  DepthwiseColumns(View<const std::int8_t> in, int y, int x, int dilation, int rows,
                   const std::int8_t* zero_points) noexcept
      : x_(x), width_(in.shape.width), dilation_(dilation), outside_(Backend::flipped(Backend::load(zero_points))) {
    const int inside = x < 0 ? x + (-x + dilation - 1) / dilation * dilation : x;
    for (int i = 0; i < Rows; ++i) {
      const int iy = y + i * dilation;
      const bool held = i < rows && iy >= 0 && iy < in.shape.height && inside < width_;
      row_[i] = held ? in.pixel(iy, inside) : zero_points;
      step_[i] = held ? std::ptrdiff_t{dilation} * in.shape.channels : 0;
    }
  }
  /// The same for the chunk of channels that begins there.
  DepthwiseColumns from(int channel) const noexcept {
    DepthwiseColumns moved = *this;
    for (int i = 0; i < Rows; ++i) moved.row_[i] += step_[i] != 0 ? channel : 0;
    return moved;
  }
  /// The next column.
  template <int Vectors>
  ATTENDSEG_INLINE void next(typename Backend::Bytes (&to)[Vectors]) noexcept {
    if (static_cast<unsigned>(x_) < static_cast<unsigned>(width_)) {
      Backend::template interleave<Rows>(row_, to);
      simd::unroll<Rows>([&](auto i) ATTENDSEG_LAMBDA { row_[i] += step_[i]; });
    } else {
      simd::unroll<Vectors>([&](auto v) ATTENDSEG_LAMBDA { to[v] = outside_; });
    }
    x_ += dilation_;
  }

 private:
  int x_ = 0, width_ = 0, dilation_ = 0;
  const std::int8_t* row_[4] = {};
  std::ptrdiff_t step_[4] = {};
  typename Backend::Bytes outside_;
};

/// One chunk of `Vectors` vectors of channels, and how to get from its sums to its outputs.
template <class Backend, int Vectors>
struct DepthwiseChunk {
  using Bytes = typename Backend::Bytes;
  using I32 = typename Backend::I32;

  const std::int8_t* weight;  ///< [row groups][kernel columns][Vectors][width]
  const std::int32_t* bias;
  const float* multiplier;
  int zero_point, channels;
  std::int8_t low;

  ATTENDSEG_INLINE void start(I32 (&sum)[Vectors]) const noexcept {
    simd::unroll<Vectors>([&](auto v) ATTENDSEG_LAMBDA { sum[v] = Backend::load(bias + v * Backend::lanes); });
  }
  ATTENDSEG_INLINE void add(I32 (&sum)[Vectors], const Bytes (&column)[Vectors], int tap) const noexcept {
    const std::int8_t* w = weight + std::ptrdiff_t{tap} * Vectors * Backend::width;
    simd::unroll<Vectors>([&](auto v) ATTENDSEG_LAMBDA {
      sum[v] = Backend::dot4(sum[v], column[v], Backend::load(w + v * Backend::width));
    });
  }
  ATTENDSEG_INLINE void finish(I32 (&sum)[Vectors], std::int8_t* out) const noexcept {
    const auto zero = Backend::splat(zero_point);
    simd::unroll<Vectors>([&](auto v) ATTENDSEG_LAMBDA {
      sum[v] = Backend::requantise(sum[v], multiplier + v * Backend::lanes, zero);
    });
    Backend::store_clamped(out, sum, low, channels);
  }
};

/// Outputs of a row whose 3x3 windows overlap: `Fresh` of a window's three columns, 1 or 2, are new to it, the others
/// stay in registers, in turn, so that nothing is moved.
template <int Fresh, class Backend, int Vectors>
void depthwise_walk_3x3(DepthwiseColumns<Backend, 3> columns, const DepthwiseChunk<Backend, Vectors> chunk,
                        std::int8_t* out, const std::ptrdiff_t out_step, int count) noexcept {
  using simd::unroll;
  typename Backend::Bytes window[3][Vectors];
  unroll<3 - Fresh>([&](auto tap) ATTENDSEG_LAMBDA { columns.next(window[tap]); });
  while (count > 0)
    unroll<3>([&](auto turn) ATTENDSEG_LAMBDA {
      if (turn > 0 && count <= 0) return;
      constexpr int oldest = turn * Fresh % 3;
      unroll<Fresh>([&](auto i) ATTENDSEG_LAMBDA { columns.next(window[(oldest + 3 - Fresh + i) % 3]); });
      typename Backend::I32 sum[Vectors];
      chunk.start(sum);
      unroll<3>([&](auto tap) ATTENDSEG_LAMBDA { chunk.add(sum, window[(oldest + tap) % 3], tap); });
      chunk.finish(sum, out);
      out += out_step, --count;
    });
}

/// The same for any kernel and number of fresh columns: the latest columns are kept in memory, in turn.
/// @param columns one for each group of four kernel rows   @param ring  [kernel][row groups][Vectors][width]
template <class Backend, int Vectors>
void depthwise_walk_any(DepthwiseColumns<Backend, 4>* columns, int kernel, int fresh,
                        const DepthwiseChunk<Backend, Vectors>& chunk, std::int8_t* out, std::ptrdiff_t out_step,
                        int count, std::int8_t* ring) noexcept {
  constexpr int size = Vectors * Backend::width;
  const int groups = (kernel + 3) / 4;
  typename Backend::Bytes column[Vectors];
  const auto slot = [&](int at, int group) { return ring + (std::ptrdiff_t{at} * groups + group) * size; };
  int oldest = 0;  // where the next column goes
  for (int wanted = kernel; count > 0; --count, wanted = fresh, out += out_step) {
    for (; wanted > 0; --wanted, oldest = oldest + 1 < kernel ? oldest + 1 : 0)
      for (int group = 0; group < groups; ++group) {
        columns[group].next(column);
        simd::unroll<Vectors>([&](auto v) ATTENDSEG_LAMBDA {
          Backend::store(slot(oldest, group) + v * Backend::width, column[v]);
        });
      }
    typename Backend::I32 sum[Vectors];
    chunk.start(sum);
    for (int group = 0, tap = 0; group < groups; ++group)
      for (int kx = 0, at = oldest; kx < kernel; ++kx, ++tap, at = at + 1 < kernel ? at + 1 : 0) {
        simd::unroll<Vectors>([&](auto v) ATTENDSEG_LAMBDA {
          column[v] = Backend::load(slot(at, group) + v * Backend::width);
        });
        chunk.add(sum, column, tap);
      }
    chunk.finish(sum, out);
  }
}

/// Rows of a depthwise convolution; arguments as conv()'s.
template <class Backend>
void conv_depthwise(const BasicPackedConvI8<Backend>& packed, View<const std::int8_t> in, View<std::int8_t> out,
                    Rows rows, std::byte* scratch) noexcept {
  const ConvSpec& s = packed.spec();
  const int width = out.shape.width;
  // Windows `phases` outputs apart share columns: stride 1 and dilation d make d interleaved walks of one fresh column
  // a step, stride 2 without dilation makes one walk of two.
  const int common = std::gcd(s.stride, s.dilation), phases = s.dilation / common, fresh = s.stride / common;
  const std::ptrdiff_t out_step = std::ptrdiff_t{phases} * s.out_channels;
  constexpr int sizes = std::bit_width(static_cast<unsigned>(Backend::depthwise_vectors));  // of chunks: 1, 2, 4
  std::int8_t zero_points[Backend::width];
  Backend::store(zero_points, Backend::splat_byte(static_cast<std::int8_t>(packed.in_zero_point())));
  for (int y = rows.begin; y < rows.end; ++y)
    for (int phase = 0; phase < phases && phase < width; ++phase) {
      const int top = y * s.stride - s.padding, x = phase * s.stride - s.padding;
      const int outputs = (width - phase + phases - 1) / phases;
      const DepthwiseColumns<Backend, 3> columns(in, top, x, s.dilation, 3, zero_points);
      for (int i = 0; i < packed.chunks(); ++i) {
        const int first = packed.first_vector(i), vectors = packed.first_vector(i + 1) - first;
        const int channel = first * Backend::lanes, left = s.out_channels - channel;
        std::int8_t* const to = out.pixel(y, phase) + channel;
        simd::unroll<sizes>([&](auto size) {
          constexpr int count = 1 << size;
          if (vectors != count) return;
          const DepthwiseChunk<Backend, count> chunk{
              packed.weight() + std::ptrdiff_t{first} * packed.row_groups() * s.kernel * Backend::width,
              packed.bias() + channel,
              packed.multiplier() + channel,
              packed.out_zero_point(),
              left < count * Backend::lanes ? left : count * Backend::lanes,
              static_cast<std::int8_t>(packed.low())};
          if (s.kernel == 3 && fresh == 1) {
            depthwise_walk_3x3<1>(columns.from(channel), chunk, to, out_step, outputs);
          } else if (s.kernel == 3 && fresh == 2) {
            depthwise_walk_3x3<2>(columns.from(channel), chunk, to, out_step, outputs);
          } else {
            DepthwiseColumns<Backend, 4> all[8];  // kernels have 31 rows at most
            for (int group = 0; group < packed.row_groups(); ++group)
              all[group] = DepthwiseColumns<Backend, 4>(in, top + 4 * group * s.dilation, x, s.dilation,
                                                        s.kernel - 4 * group, zero_points)
                               .from(channel);
            depthwise_walk_any(all, s.kernel, fresh, chunk, to, out_step, outputs,
                               reinterpret_cast<std::int8_t*>(scratch));
          }
        });
      }
    }
}

}  // namespace ops::detail
ATTENDSEG_NAMESPACE_END
