// SPDX-License-Identifier: Apache-2.0
// Dense and grouped int8 convolution: where the activations of each tile come from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "attendseg/ops/conv_output_i8.hpp"
#include "attendseg/ops/conv_tile_i8.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops::detail {

/// Kernel 1 without padding. Tiles run across the ends of rows, so that narrow maps fill them too. They are read where
/// they lie if the backend takes activations as they are, and copied side by side otherwise.
template <class Backend>
void conv_pointwise(const BasicPackedConvI8<Backend>& packed, View<const std::int8_t> in, View<std::int8_t> out,
                    Rows rows, std::byte* scratch, const Residual* residual) noexcept {
  constexpr int step_bytes = BasicPackedConvI8<Backend>::step_bytes;
  const ConvSpec& s = packed.spec();
  const int width = out.shape.width, inputs = s.group_inputs(), steps = packed.run_steps();
  const int tile = packed.tile_pixels();
  const std::ptrdiff_t gathered = std::ptrdiff_t{steps} * step_bytes, apart = std::ptrdiff_t{s.stride} * s.in_channels;
  const bool adjacent = gathered == apart;  // patches are adjacent in the input as they are in scratch
  const bool as_they_are = Backend::flip == 0 && gathered - inputs <= static_cast<std::ptrdiff_t>(slack);
  std::int8_t* const patches = reinterpret_cast<std::int8_t*>(scratch) + packed.staging_bytes();
  const TileOutput<Backend> to(out, residual, reinterpret_cast<std::int8_t*>(scratch));
  const simd::Products<Backend> products(steps);
  for (int y = rows.begin, x = 0, count = 0; y < rows.end; x += count, y += x / width, x %= width) {
    const std::int64_t adjacent_outputs = adjacent_pixels(out, y, x, rows.end);
    count = adjacent_outputs < tile ? static_cast<int>(adjacent_outputs) : tile;
    // A full tile, as Products may read all of it; in one row, or in rows that are adjacent.
    const int last = y + (x + count - 1) / width;
    const bool in_place = as_they_are && count == tile &&
                          (last == y || (s.stride == 1 && in.row(last) - in.row(y) == (last - y) * width * apart));
    for (int g = 0; g < s.groups; ++g) {
      const std::int8_t* from = patches;
      if (in_place) {
        from = in.pixel(y * s.stride, x * s.stride) + g * inputs;
      } else {
        each_run(y, x, count, width, [&](int oy, int ox, int run, int before) {
          const std::int8_t* pixel = in.pixel(oy * s.stride, ox * s.stride) + g * inputs;
          std::int8_t* patch = patches + before * gathered;
          if (adjacent) return Backend::copy(patch, pixel, run * gathered);
          for (int p = 0; p < run; ++p, patch += gathered, pixel += apart) Backend::copy(patch, pixel, inputs);
        });
      }
      multiply_tile(packed, products, {&from, 1, 1, steps, 0, in_place ? apart : gathered}, count, g,
                    to.first(y, x));
    }
    to.finish(y, x, count);
  }
}

/// Input rows as a kernel sees them: with the backend's sign flip, and with the zero point all around the picture.
/// Each is copied once; the last held_rows() are kept, row y of the padded picture in slot y % held_rows().
template <class Backend>
class PaddedRows {
 public:
  PaddedRows(const BasicPackedConvI8<Backend>& packed, View<const std::int8_t> in, int out_width,
             std::byte* scratch) noexcept
      : in_(in),
        slots_(reinterpret_cast<std::int8_t*>(scratch) + packed.row_lead()),
        slot_bytes_(packed.row_bytes(out_width)),
        held_(packed.held_rows()),
        padding_(packed.spec().padding),
        outside_(static_cast<std::int8_t>(packed.in_zero_point() ^ Backend::flip)) {
    columns_ = (out_width - 1) * packed.spec().stride + packed.reach() + 1;
  }
  /// Makes the padded rows [y, y + held_rows()) available; y never falls.
  void advance(int y) noexcept {
    for (next_ = next_ < y ? y : next_; next_ < y + held_; ++next_) fill(next_);
  }
  /// Row y of the padded picture, from its left padding on.
  const std::int8_t* row(int y) const noexcept { return slots_ + y % held_ * slot_bytes_; }

 private:
  void fill(int y) noexcept {
    const std::ptrdiff_t channels = in_.shape.channels;
    const auto pad = [&](std::int8_t* to, int from_column, int to_column) {
      if (from_column < to_column)
        std::memset(to + from_column * channels, outside_,
                    static_cast<std::size_t>((to_column - from_column) * channels));
    };
    std::int8_t* const to = slots_ + y % held_ * slot_bytes_;
    const int room = columns_ - padding_, inside = in_.shape.width < room ? in_.shape.width : room;
    if (y < padding_ || y >= padding_ + in_.shape.height || inside <= 0) return pad(to, 0, columns_);
    pad(to, 0, padding_);
    Backend::copy(to + padding_ * channels, in_.row(y - padding_), inside * channels);
    pad(to, padding_ + inside, columns_);
  }

  View<const std::int8_t> in_;
  std::int8_t* slots_;
  std::ptrdiff_t slot_bytes_;
  int held_, padding_, columns_ = 0, next_ = 0;
  std::int8_t outside_;
};

/// Any kernel: patches are read from padded rows.
template <class Backend>
void conv_spatial(const BasicPackedConvI8<Backend>& packed, View<const std::int8_t> in, View<std::int8_t> out,
                  Rows rows, std::byte* scratch, const Residual* residual) noexcept {
  const ConvSpec& s = packed.spec();
  const int width = out.shape.width, tile = packed.tile_pixels();
  const std::ptrdiff_t channels = s.in_channels, apart = s.dilation * channels, pitch = s.stride * channels;
  const simd::Products<Backend> products(packed.run_steps());
  PaddedRows<Backend> padded(packed, in, width, scratch + packed.staging_bytes());
  const TileOutput<Backend> to(out, residual, reinterpret_cast<std::int8_t*>(scratch));
  for (int y = rows.begin; y < rows.end; ++y) {
    padded.advance(y * s.stride);
    for (int x = 0; x < width; x += tile) {
      const int count = width - x < tile ? width - x : tile;
      for (int g = 0; g < s.groups; ++g) {
        const std::int8_t* row[largest_kernel];
        for (int ky = 0; ky < s.kernel; ++ky)
          row[ky] = padded.row(y * s.stride + ky * s.dilation) + x * pitch + g * s.group_inputs();
        multiply_tile(packed, products, {row, s.kernel, packed.across(), packed.run_steps(), apart, pitch}, count, g,
                      to.first(y, x));
      }
      to.finish(y, x, count);
    }
  }
}

template <class Backend>
void conv_dense(const BasicPackedConvI8<Backend>& packed, View<const std::int8_t> in, View<std::int8_t> out,
                Rows rows, std::byte* scratch, const Residual* residual) noexcept {
  if (packed.pointwise()) return conv_pointwise(packed, in, out, rows, scratch, residual);
  conv_spatial(packed, in, out, rows, scratch, residual);
}

}  // namespace ops::detail
ATTENDSEG_NAMESPACE_END
