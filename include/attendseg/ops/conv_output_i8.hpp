// SPDX-License-Identifier: Apache-2.0
// Where the results of a dense int8 convolution go, tile by tile: to its output, or to a residual sum on the way there.
#pragma once

#include <cstddef>
#include <cstdint>

#include "attendseg/ops/add_i8.hpp"
#include "attendseg/ops/packed_conv_i8.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops::detail {

/// A residual sum behind a convolution: add(a = from, b = the convolution's result).
struct Residual {
  View<const std::int8_t> from;  ///< of the output's shape
  AddI8 add;
};

/// Calls f(y, x, run, done) for the parts of rows that `count` pixels from (y, x) on lie in; `done` precede a part.
template <class F>
ATTENDSEG_INLINE void each_run(int y, int x, int count, int width, F&& f) noexcept {
  for (int done = 0; done < count; ++y, x = 0) {
    const int run = width - x < count - done ? width - x : count - done;
    f(y, x, run, done);
    done += run;
  }
}

/// Pixels from (y, x) on, in rows before `end`, that are adjacent in memory.
template <class T>
std::int64_t adjacent_pixels(View<T> v, int y, int x, int end) noexcept {
  const std::ptrdiff_t width = v.shape.width;
  if (v.row_stride != width * v.shape.channels) return width - x;
  const int wrap = v.ring - y % v.ring;
  return (end - y < wrap ? end - y : wrap) * width - x;
}

/// Where the results of a tile go: to the output, or to scratch first if a residual is to be added there. Pixels of
/// a tile are adjacent.
template <class Backend>
class TileOutput {
 public:
  TileOutput(View<std::int8_t> out, const Residual* residual, std::int8_t* staging) noexcept
      : out_(out), residual_(residual), staging_(staging) {}
  /// For the tile that begins with pixel (y, x): channels of its first pixel.
  std::int8_t* first(int y, int x) const noexcept { return residual_ ? staging_ : out_.pixel(y, x); }
  /// To be called when all channels of its `count` pixels are there.
  void finish(int y, int x, int count) const noexcept {
    if (!residual_) return;
    const std::ptrdiff_t channels = out_.shape.channels;
    each_run(y, x, count, out_.shape.width, [&](int oy, int ox, int run, int done) {
      add_values<Backend>(residual_->from.pixel(oy, ox), staging_ + done * channels, residual_->add,
                          out_.pixel(oy, ox), run * channels);
    });
  }

 private:
  View<std::int8_t> out_;
  const Residual* residual_;
  std::int8_t* staging_;
};

}  // namespace ops::detail
ATTENDSEG_NAMESPACE_END
