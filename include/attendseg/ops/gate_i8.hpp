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

/// out[i] = clamp(zero_point + (((v[i] - zero_point) * gain[i] + 2^14) >> 15)); out may be v. Reads up to a vector
/// past the ends of v and gain.
template <class Backend = simd::native>
void apply_gains(const std::int8_t* v, const std::int16_t* gain, int zero_point, std::int8_t* out,
                 int count) noexcept {
  const auto zero = Backend::splat_words(zero_point), minus_zero = Backend::splat_words(-zero_point);
  for (int i = 0; i < count; i += Backend::words) {
    const auto difference = Backend::add(Backend::widen(v + i), minus_zero);
    const auto product = Backend::multiply_q15(difference, Backend::load_words(gain + i));
    Backend::narrow(out + i, Backend::add(product, zero), count - i);
  }
}

}  // namespace detail

/// Scratch of one call of gate(), for its output's shape; alignment 2 is enough.
constexpr std::size_t gate_scratch_bytes(Shape out, int /*factor*/) noexcept {
  return static_cast<std::size_t>(out.width) * static_cast<std::size_t>(out.channels) * 3 + 2 * slack;
}

/// Rows of out = clamp(zero_point + (((v - zero_point) * table[expand(a) + 128] + 2^14) >> 15)); equal to
/// reference::gate. Bilinear logits are rounded to int8 before the table; nearest ones are looked up once.
/// @param v, out   [H, W, C], of one zero point; out may be v; `slack` bytes readable behind v
/// @param a        [H / factor, W / factor, C] attention logits, `slack` bytes readable behind them
/// @param table    [256] the gate in Q15, indexed by logit + 128     @param factor  2, 4 or 8
/// @param scratch  gate_scratch_bytes(out.shape, factor)
inline void gate(View<const std::int8_t> v, View<const std::int8_t> a, const std::int16_t* table, int zero_point,
                 int factor, Interpolation how, View<std::int8_t> out, Rows rows, std::byte* scratch) noexcept {
  const int channels = out.shape.channels, width = out.shape.width;
  const bool bilinear = how == Interpolation::bilinear;
  const std::int16_t* const centre = table + 128;
  std::int16_t* const gains = reinterpret_cast<std::int16_t*>(scratch);
  const auto look_up = [&](const std::int8_t* ATTENDSEG_RESTRICT logits, int n) {
    for (int i = 0; i < n; ++i) gains[i] = centre[logits[i]];
  };
  for (int y = rows.begin; y < rows.end; ++y) {
    const std::int8_t* from = v.row(y);
    std::int8_t* to = out.row(y);
    if (bilinear) {
      const int size = width * channels;
      std::int8_t* const logits = reinterpret_cast<std::int8_t*>(gains + size) + slack;
      detail::bilinear_row(a, y, factor, logits);
      look_up(logits, size);
      detail::apply_gains(from, gains, zero_point, to, size);
    } else {
      if (y == rows.begin || y % factor == 0) look_up(a.row(y / factor), a.shape.width * channels);
      const std::int16_t* gain = gains;
      for (int x = 0; x < a.shape.width; ++x, gain += channels)
        for (int j = 0; j < factor; ++j, from += channels, to += channels)
          detail::apply_gains(from, gain, zero_point, to, channels);
    }
  }
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
