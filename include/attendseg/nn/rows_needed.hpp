// SPDX-License-Identifier: Apache-2.0
// Which rows of its inputs an operator reads: what strips, rings and halos are computed from.
#pragma once

#include "attendseg/core/spec.hpp"
#include "attendseg/nn/graph.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// Rows of n.inputs[0] or n.inputs[1] that rows `out` of node `n` are computed from, within [0, input_height). Both ends
/// never fall when those of `out` grow. Rows above the picture may be asked for: then the end may be 0 or less, for
/// nothing is needed yet. That is how a stream begins: as if it came from above.
/// @param which 0 or 1, an input that the node has
constexpr Rows rows_needed(const Node& n, int which, Rows out, int input_height) noexcept {
  const auto within = [&](int begin, int end) {
    return Rows{begin < 0 ? 0 : begin < input_height ? begin : input_height - 1, end < input_height ? end : input_height};
  };
  const auto floor_divided = [](int a, int b) { return a >= 0 ? a / b : -((b - 1 - a) / b); };
  const int last = out.end - 1, factor = n.factor;
  switch (n.op) {
    case Op::conv: {
      const ConvSpec& c = n.conv;
      return within(out.begin * c.stride - c.padding, last * c.stride - c.padding + (c.kernel - 1) * c.dilation + 1);
    }
    case Op::max_pool:
    case Op::average_pool: return within(out.begin * factor, out.end * factor);
    case Op::gate:
      if (which == 0) return within(out.begin, out.end);
      [[fallthrough]];
    case Op::upsample:
    case Op::classify: {
      if (factor == 1) return within(out.begin, out.end);
      if (n.op != Op::classify && n.interpolation == Interpolation::nearest)
        return within(floor_divided(out.begin, factor), floor_divided(last, factor) + 1);
      // Half-pixel centres: row y lies between this row and the next.
      const auto above = [&](int y) { return floor_divided(2 * y + 1 - factor, 2 * factor); };
      return within(above(out.begin), above(last) + 2);
    }
    case Op::input:
    case Op::add:
    case Op::concat: break;
  }
  return within(out.begin, out.end);
}

ATTENDSEG_NAMESPACE_END
