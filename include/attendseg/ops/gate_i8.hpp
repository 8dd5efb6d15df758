// SPDX-License-Identifier: Apache-2.0
// The int8 gate of an attention condenser: V * sigmoid(expand(A)) from a table, in place if wanted.
#pragma once

#include <cstddef>
#include <cstdint>

#include "attendseg/core/spec.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/ops/upsample_i8.hpp"
#include "attendseg/simd/backend.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {
namespace detail {

/// gains[i] = table[logits[i] + 128] for n values. Reads and writes up to a vector more.
template <class Backend = simd::native>
void gains_row(const std::int8_t* logits, const std::int16_t* table, int n, std::int16_t* gains) noexcept {
  Backend::look_up(table, logits, gains, n);
}

/// out[i] = clamp(zero_point + (((v[i] - zero_point) * gain + 2^14) >> 15)); out may be v. A row of gains, [count, C],
/// each of which serves `repeat` pixels side by side. Reads up to a vector past the ends of v and gain.
/// Repeat: its value, or 0 where it is not known.
template <class Backend, int Repeat>
void apply_gains(const std::int8_t* v, const std::int16_t* gain, int zero_point, std::int8_t* out, int channels,
                 int count, int repeat) noexcept {
  const auto zero = Backend::splat_words(zero_point), minus_zero = Backend::splat_words(-zero_point);
  for (int c = 0; c < channels; c += Backend::words) {
    const int stored = channels - c;
    std::ptrdiff_t i = c;
    for (int x = 0; x < count; ++x) {
      const auto g = Backend::load_words(gain + std::ptrdiff_t{x} * channels + c);
      const auto apply = [&]() ATTENDSEG_LAMBDA {
        const auto product = Backend::multiply_q15(Backend::add(Backend::widen(v + i), minus_zero), g);
        Backend::narrow(out + i, Backend::add(product, zero), stored);
        i += channels;
      };
      if constexpr (Repeat != 0)
        simd::unroll<Repeat>([&](auto) ATTENDSEG_LAMBDA { apply(); });
      else
        for (int n = 0; n < repeat; ++n) apply();
    }
  }
}

}  // namespace detail

/// Scratch of one call of gate(), for its output's shape; alignment 2 is enough.
constexpr std::size_t gate_scratch_bytes(Shape out, int /*factor*/) noexcept {
  return static_cast<std::size_t>(out.width) * static_cast<std::size_t>(out.channels) * 3 + 4 * slack;
}

/// Rows of out = clamp(zero_point + (((v - zero_point) * table[expand(a) + 128] + 2^14) >> 15)); equal to
/// reference::gate. Bilinear logits are rounded to int8 before the table; nearest ones are looked up once for all
/// the rows that they serve.
/// @param v, out   [H, W, C], of one zero point; out may be v; `slack` bytes readable behind v
/// @param a        [H / factor, W / factor, C] attention logits, `slack` bytes readable behind them
/// @param table    [256] the gate in Q15, indexed by logit + 128     @param factor  2, 4 or 8
/// @param scratch  gate_scratch_bytes(out.shape, factor)
template <class Backend = simd::native>
void gate(View<const std::int8_t> v, View<const std::int8_t> a, const std::int16_t* table, int zero_point, int factor,
          Interpolation how, View<std::int8_t> out, Rows rows, std::byte* scratch) noexcept {
  const int channels = out.shape.channels, width = out.shape.width;
  std::int16_t* const gains = reinterpret_cast<std::int16_t*>(scratch);
  if (how == Interpolation::bilinear) {
    const int size = width * channels;
    std::int8_t* const logits = reinterpret_cast<std::int8_t*>(gains + size) + 2 * slack;
    for (int y = rows.begin; y < rows.end; ++y) {
      detail::bilinear_row<Backend>(a, y, factor, logits);
      detail::gains_row<Backend>(logits, table, size, gains);
      // Gains of their own for all pixels: one long pixel.
      detail::apply_gains<Backend, 1>(v.row(y), gains, zero_point, out.row(y), size, 1, 1);
    }
    return;
  }
  for (int y = rows.begin; y < rows.end; ++y) {
    if (y == rows.begin || y % factor == 0)
      detail::gains_row<Backend>(a.row(y / factor), table, a.shape.width * channels, gains);
    if (factor == 2)
      detail::apply_gains<Backend, 2>(v.row(y), gains, zero_point, out.row(y), channels, a.shape.width, 2);
    else
      detail::apply_gains<Backend, 0>(v.row(y), gains, zero_point, out.row(y), channels, a.shape.width, factor);
  }
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
