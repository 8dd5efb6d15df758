// SPDX-License-Identifier: Apache-2.0
// Pictures to the working size and masks back, in integers: exact area averages down, nearest up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {

/// Scratch of one call of resample(); alignment 4 is enough.
constexpr std::size_t resample_scratch_bytes(Shape in, Shape /*out*/) noexcept {
  return static_cast<std::size_t>(in.width) * static_cast<std::size_t>(in.channels) * sizeof(std::uint32_t);
}

namespace detail {

/// One row of the result from weighted sums of columns: [wi, C] to [wo, C]. Channels: C, or 0 where it is not known.
template <int Channels>
void average_row(const std::uint32_t* column, std::int64_t wi, std::uint8_t* to, std::int64_t wo, std::uint64_t total,
                 int any = 0) noexcept {
  const int channels = Channels ? Channels : any;
  // In units of 1 / wo of an input pixel: an input pixel is wo wide, an output pixel wi; `rest` of the current input
  // pixel is not used up yet.
  std::int64_t rest = wo;
  for (std::int64_t j = 0; j < wo; ++j) {
    std::uint64_t sum[4];
    for (int c = 0; c < channels; ++c) sum[c] = total / 2;
    const auto take = [&](std::int64_t weight) {
      for (int c = 0; c < channels; ++c) sum[c] += static_cast<std::uint64_t>(weight) * column[c];
    };
    std::int64_t needed = wi;
    for (; needed >= rest; needed -= rest, rest = wo, column += channels) take(rest);
    if (needed > 0) take(needed), rest -= needed;
    // 32-bit divisions are faster, where they do (pictures below 16 megapixels).
    for (int c = 0; c < channels; ++c, ++to)
      *to = static_cast<std::uint8_t>((sum[c] >> 32) == 0 && (total >> 32) == 0
                                          ? static_cast<std::uint32_t>(sum[c]) / static_cast<std::uint32_t>(total)
                                          : sum[c] / total);
  }
}

}  // namespace detail

/// Rows of out(i, j) = (sum of wy * wx * in + T / 2) / T, T = Hin * Win: the mean over the output pixel's area,
/// exact and rounded half up; equal to reference::resample.
/// @param in [Hin, Win, C], 1 to 4 channels, Hin * Hout < 2^31, Win * Wout < 2^31
/// @param out [Hout, Wout, C], Hout <= Hin, Wout <= Win   @param scratch  resample_scratch_bytes(in.shape, out.shape)
inline void resample(View<const std::uint8_t> in, View<std::uint8_t> out, Rows rows, std::byte* scratch) noexcept {
  const int hi = in.shape.height, wi = in.shape.width, ho = out.shape.height, wo = out.shape.width;
  const int channels = in.shape.channels, size = wi * channels;
  const std::uint64_t total = static_cast<std::uint64_t>(hi) * static_cast<std::uint64_t>(wi);
  auto* const column = reinterpret_cast<std::uint32_t*>(scratch);  // weighted sums of columns, at most 255 * Hin
  // Positions in units of 1 / out of a pixel: input pixel x covers [x * wo, (x + 1) * wo), output j [j * wi, ...).
  for (int i = rows.begin; i < rows.end; ++i) {
    const std::int64_t top = std::int64_t{i} * hi, bottom = top + hi;
    bool first = true;
    for (std::int64_t y = top / ho; y * ho < bottom; ++y) {
      const std::int64_t begin = y * ho > top ? y * ho : top, end = (y + 1) * ho < bottom ? (y + 1) * ho : bottom;
      const std::uint32_t weight = static_cast<std::uint32_t>(end - begin);
      const std::uint8_t* ATTENDSEG_RESTRICT from = in.row(static_cast<int>(y));
      if (first)
        for (int k = 0; k < size; ++k) column[k] = weight * from[k];
      else
        for (int k = 0; k < size; ++k) column[k] += weight * from[k];
      first = false;
    }
    if (channels == 3)
      detail::average_row<3>(column, wi, out.row(i), wo, total);
    else
      detail::average_row<0>(column, wi, out.row(i), wo, total, channels);
  }
}

/// All rows of it.
inline void resample(View<const std::uint8_t> in, View<std::uint8_t> out, std::byte* scratch) noexcept {
  resample(in, out, Rows{0, out.shape.height}, scratch);
}

/// Rows of a mask enlarged to the picture's size: the pixel that the output's centre falls into; equal to
/// reference::enlarge_nearest. @param in [Hin, Win, C]  @param out [Hout, Wout, C] of any size, not aliased
inline void enlarge_nearest(View<const std::uint8_t> in, View<std::uint8_t> out, Rows rows) noexcept {
  const std::int64_t hi = in.shape.height, wi = in.shape.width, ho = out.shape.height, wo = out.shape.width;
  const int channels = out.shape.channels;
  const std::size_t row_bytes = static_cast<std::size_t>(wo) * static_cast<std::size_t>(channels);
  std::int64_t held = -1;  // the input row that the output row above came from
  for (int y = rows.begin; y < rows.end; ++y) {
    const std::int64_t source = (2 * std::int64_t{y} + 1) * hi / (2 * ho);
    if (source == held) {
      std::memcpy(out.row(y), out.row(y - 1), row_bytes);
      continue;
    }
    held = source;
    const std::uint8_t* from = in.row(static_cast<int>(source));
    std::uint8_t* to = out.row(y);
    // (2 x + 1) * wi / (2 wo), stepwise: the quotient and its remainder.
    std::int64_t column = wi / (2 * wo), rest = wi % (2 * wo);
    for (std::int64_t x = 0; x < wo; ++x, to += channels) {
      for (int c = 0; c < channels; ++c) to[c] = from[column * channels + c];
      for (rest += 2 * wi; rest >= 2 * wo; rest -= 2 * wo) ++column;
    }
  }
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
