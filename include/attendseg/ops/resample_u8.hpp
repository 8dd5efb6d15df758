// SPDX-License-Identifier: Apache-2.0
// Pictures to the working size and masks back, in integers: exact area averages down, nearest up.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/simd/backend.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {

/// Scratch of one call of resample(); alignment 4 is enough.
constexpr std::size_t resample_scratch_bytes(Shape in, Shape /*out*/) noexcept {
  return (static_cast<std::size_t>(in.width) * static_cast<std::size_t>(in.channels) + 4) * 6;
}

namespace detail {

/// f(0) to f(n - 1), in blocks of a known length, which compilers take at once.
template <class F>
ATTENDSEG_INLINE void each_block(int n, const F& f) noexcept {
  constexpr int block = 64;
  int k = 0;
  for (; k + block <= n; k += block)
    for (int i = 0; i < block; ++i) f(k + i);
  for (; k < n; ++k) f(k);
}

/// Weighted sums of columns, exact: column[k] = first_weight * first[k] + last_weight * last[k].
inline void weigh_rows(const std::uint8_t* ATTENDSEG_RESTRICT first, std::uint32_t first_weight,
                       const std::uint8_t* ATTENDSEG_RESTRICT last, std::uint32_t last_weight,
                       std::uint32_t* ATTENDSEG_RESTRICT column, int n) noexcept {
  each_block(n, [&](int k) ATTENDSEG_LAMBDA { column[k] = first_weight * first[k] + last_weight * last[k]; });
}
inline void add_row(const std::uint8_t* ATTENDSEG_RESTRICT row, std::uint16_t* ATTENDSEG_RESTRICT sum, int n) noexcept {
  each_block(n, [&](int k) ATTENDSEG_LAMBDA { sum[k] = static_cast<std::uint16_t>(sum[k] + row[k]); });
}
inline void add_sums(const std::uint16_t* ATTENDSEG_RESTRICT sum, std::uint32_t weight,
                     std::uint32_t* ATTENDSEG_RESTRICT column, int n) noexcept {
  each_block(n, [&](int k) ATTENDSEG_LAMBDA { column[k] += weight * sum[k]; });
}

/// From sums to means: (sum + total / 2) / total for sum <= 255 * total and total <= 2^26, in integers as vectors of 32
/// bits have them.
class Averaging {
 public:
  explicit Averaging(std::uint32_t total) noexcept
      : total_(total),
        shift_(std::max(0, static_cast<int>(std::bit_width(total)) - 8)),
        reciprocal_(static_cast<std::uint32_t>((std::uint64_t{1} << (17 + shift_)) / total)) {}
  /// Of n = sum + total / 2 < 256 * total, the upper 16 bits serve to estimate the quotient: n' = n >> shift < 2^16, in
  /// units of at most total / 128. The estimate is not too large; it is too small by less than 1 / 128 for the bits
  /// dropped from n and by less than n' / 2^17 < 1 / 2 for those dropped from the reciprocal: by 1 at most, which the
  /// remainder tells. n' * reciprocal <= 2^26.
  template <class Sum>
  ATTENDSEG_INLINE std::uint32_t mean(Sum sum) const noexcept {
    const Sum n = sum + total_ / 2;
    const std::uint32_t estimate = (static_cast<std::uint32_t>(n >> shift_) * reciprocal_) >> 17;
    return estimate + (n - static_cast<Sum>(estimate) * total_ >= total_ ? 1U : 0U);
  }

 private:
  std::uint32_t total_;
  int shift_;
  std::uint32_t reciprocal_;
};

/// Sums of one pixel's channels, as Backend::Four, for pictures and channels that it does not fit.
template <class T, int Channels>
struct PixelSums {
  using Sum = T;
  static constexpr int lanes = Channels;
  struct Four {
    Sum v[lanes];
  };
  template <class F>
  static ATTENDSEG_INLINE Four each(const F& f) noexcept {
    Four r;
    simd::unroll<lanes>([&](auto c) ATTENDSEG_LAMBDA { r.v[c] = f(c); });
    return r;
  }
  static Four load_four(const std::uint32_t* p) noexcept {
    return each([&](int c) { return Sum{p[c]}; });
  }
  static void store_four(Sum* p, const Four& x) noexcept { std::memcpy(p, x.v, sizeof x.v); }
  static Four add(const Four& a, const Four& b) noexcept {
    return each([&](int c) { return a.v[c] + b.v[c]; });
  }
  static Four multiply(const Four& a, std::uint32_t by) noexcept {
    return each([&](int c) { return a.v[c] * by; });
  }
};
template <class Backend>
struct FourSums : Backend {
  using Sum = std::uint32_t;
  static constexpr int lanes = 4;
};

/// One row of the result from weighted sums of columns: [wi, Channels] to [wo, Channels]. Sums::Sum holds 256 * total.
/// Reads up to four values past the end of column.
template <int Channels, class Sums>
void average_row(const std::uint32_t* column, int wi, std::uint8_t* to, int wo, const Averaging by) noexcept {
  constexpr int lanes = Sums::lanes, tile = 16;
  // In units of 1 / wo of an input pixel: an input pixel is wo wide, an output pixel wi = whole * wo + more; `rest` of
  // the current input pixel is not used up yet.
  const int whole = wi / wo, more = wi % wo;
  int rest = wo;
  for (int j = 0; j < wo; j += tile) {
    const int count = wo - j < tile ? wo - j : tile;
    typename Sums::Sum sums[tile * lanes] = {};
    for (int p = 0; p < count; ++p) {
      int inner = whole - 1, left = more + wo - rest;
      if (left >= wo) left -= wo, ++inner;
      auto sum = Sums::multiply(Sums::load_four(column), static_cast<std::uint32_t>(rest));
      column += Channels;
      if (inner > 0) {
        auto inside = Sums::load_four(column);
        for (column += Channels; --inner > 0; column += Channels) inside = Sums::add(inside, Sums::load_four(column));
        sum = Sums::add(sum, Sums::multiply(inside, static_cast<std::uint32_t>(wo)));
      }
      sum = Sums::add(sum, Sums::multiply(Sums::load_four(column), static_cast<std::uint32_t>(left)));
      Sums::store_four(sums + p * lanes, sum);
      rest = wo - left;
    }
    std::uint8_t means[tile * lanes];
    for (int i = 0; i < tile * lanes; ++i) means[i] = static_cast<std::uint8_t>(by.mean(sums[i]));
    for (int p = 0; p < count; ++p, to += Channels) std::memcpy(to, means + p * lanes, Channels);
  }
}

}  // namespace detail

/// Rows of out(i, j) = (sum of wy * wx * in + T / 2) / T, T = Hin * Win: the mean over the output pixel's area,
/// exact and rounded half up; equal to reference::resample.
/// @param in [Hin, Win, C], 1 to 4 channels, Hin and Win at most 8192
/// @param out [Hout, Wout, C], Hout <= Hin, Wout <= Win   @param scratch  resample_scratch_bytes(in.shape, out.shape)
template <class Backend = simd::native>
void resample(View<const std::uint8_t> in, View<std::uint8_t> out, Rows rows, std::byte* scratch) noexcept {
  const int hi = in.shape.height, wi = in.shape.width, ho = out.shape.height, wo = out.shape.width;
  const int size = wi * in.shape.channels;
  const std::uint64_t total = static_cast<std::uint64_t>(hi) * static_cast<std::uint64_t>(wi);
  const detail::Averaging by(static_cast<std::uint32_t>(total));
  auto* const column = reinterpret_cast<std::uint32_t*>(scratch);  // weighted sums of columns, at most 255 * Hin
  auto* const sum = reinterpret_cast<std::uint16_t*>(column + size + 4);
  for (int c = size; c < size + 4; ++c) column[c] = 0;
  constexpr int most = 256;  // rows whose sums fit uint16
  // Positions in units of 1 / ho of a row: input row y covers [y * ho, (y + 1) * ho), output row i [i * hi, ...).
  for (int i = rows.begin; i < rows.end; ++i) {
    const std::int64_t top = std::int64_t{i} * hi, bottom = top + hi;
    const int first = static_cast<int>(top / ho), last = static_cast<int>((bottom - 1) / ho);
    const auto end_of = [&](int y) { return (std::int64_t{y} + 1) * ho; };
    const auto weight = [](std::int64_t x) { return static_cast<std::uint32_t>(x); };
    if (first == last)
      detail::weigh_rows(in.row(first), weight(hi), in.row(first), 0, column, size);
    else
      detail::weigh_rows(in.row(first), weight(end_of(first) - top), in.row(last), weight(bottom - end_of(last - 1)),
                         column, size);
    for (int y = first + 1; y < last;) {
      const int end = last - y < most ? last : y + most;
      std::memset(sum, 0, static_cast<std::size_t>(size) * sizeof *sum);
      for (; y < end; ++y) detail::add_row(in.row(y), sum, size);
      detail::add_sums(sum, weight(ho), column, size);
    }
    const auto average = [&]<int Channels>() {
      using Narrow = std::conditional_t<(Channels > 2), detail::FourSums<Backend>,
                                        detail::PixelSums<std::uint32_t, Channels>>;
      if (total < std::uint64_t{1} << 24)
        detail::average_row<Channels, Narrow>(column, wi, out.row(i), wo, by);
      else
        detail::average_row<Channels, detail::PixelSums<std::uint64_t, Channels>>(column, wi, out.row(i), wo, by);
    };
    switch (in.shape.channels) {
      case 1: average.template operator()<1>(); break;
      case 2: average.template operator()<2>(); break;
      case 3: average.template operator()<3>(); break;
      default: average.template operator()<4>(); break;
    }
  }
}

/// All rows of it.
inline void resample(View<const std::uint8_t> in, View<std::uint8_t> out, std::byte* scratch) noexcept {
  resample(in, out, Rows{0, out.shape.height}, scratch);
}

namespace detail {

/// One row enlarged: input column s goes to the output columns x with s = (2 x + 1) * wi / (2 wo), rounded down, which
/// end before ((s + 1) * 2 wo + wi - 1) / (2 wi): taken step by step, as a quotient and its remainder.
inline void enlarge_row(const std::uint8_t* from, int wi, std::uint8_t* to, int wo, int channels) noexcept {
  const int whole = wo / wi, more = 2 * (wo % wi);
  int end = 0, rest = wi - 1;
  for (int s = 0, x = 0; s < wi; ++s, from += channels) {
    end += whole, rest += more;
    if (rest >= 2 * wi) rest -= 2 * wi, ++end;
    if (channels == 1) {
      // Eight at a time: those too many are overwritten by the next columns.
      const std::uint64_t eight = *from * 0x0101010101010101U;
      for (; x < end && x + 8 <= wo; x += 8) std::memcpy(to + x, &eight, 8);
      for (; x < end; ++x) to[x] = *from;
      x = end;
    } else {
      for (; x < end; ++x) std::memcpy(to + std::ptrdiff_t{x} * channels, from, static_cast<std::size_t>(channels));
    }
  }
}

}  // namespace detail

/// Rows of a mask enlarged to the picture's size: the pixel that the output's centre falls into; equal to
/// reference::enlarge_nearest.
/// @param in [Hin, Win, C]  @param out [Hout, Wout, C] of any size, not aliased; sides below 2^29
inline void enlarge_nearest(View<const std::uint8_t> in, View<std::uint8_t> out, Rows rows) noexcept {
  const std::int64_t hi = in.shape.height, ho = out.shape.height;
  const int channels = out.shape.channels, wo = out.shape.width;
  const std::uint8_t *held = nullptr, *above = nullptr;  // the rows that the output row above came from, and it
  for (int y = rows.begin; y < rows.end; ++y) {
    const std::uint8_t* const from = in.row(static_cast<int>((2 * std::int64_t{y} + 1) * hi / (2 * ho)));
    std::uint8_t* const to = out.row(y);
    if (from != held)
      detail::enlarge_row(from, in.shape.width, to, wo, channels);
    else if (to != above)
      std::memcpy(to, above, static_cast<std::size_t>(wo) * static_cast<std::size_t>(channels));
    held = from, above = to;
  }
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
