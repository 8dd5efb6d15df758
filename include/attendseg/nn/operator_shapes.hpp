// SPDX-License-Identifier: Apache-2.0
// The distinct operators that a graph runs at one picture size: the one list behind shape tests and benchmarks.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "attendseg/nn/graph.hpp"
#include "attendseg/nn/layer_table.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// What one or more nodes of a graph have in common: all that the work of a kernel depends on, but for the weights.
struct OperatorShape {
  Op op = Op::input;
  ConvSpec conv{};                                        ///< op == conv
  int factor = 1;                                         ///< pools, gate, upsample, classify
  Interpolation interpolation = Interpolation::bilinear;  ///< gate, upsample
  Shape a, b, out;                ///< inputs, b empty where there is one; output
  std::int64_t macs = 0;          ///< multiply-accumulates of one run
  std::int64_t weight_bytes = 0;  ///< as LayerCost counts them
  int nodes = 0;                  ///< how many nodes are this operator
  int first = 0;                  ///< index of the first of them

  /// Values that one run reads (each input once) and writes; bytes in the int8 network.
  constexpr std::int64_t values() const noexcept { return a.size() + b.size() + out.size(); }
  constexpr bool same_work(const OperatorShape& o) const noexcept {
    return op == o.op && conv == o.conv && factor == o.factor && interpolation == o.interpolation && a == o.a &&
           b == o.b && out == o.out;
  }
};

/// The distinct operators of `g` for a padded picture of [height, width], in the order they first run; the picture
/// itself is none of them. Their nodes add up to those of the graph. @throws std::bad_alloc
inline std::vector<OperatorShape> operator_shapes(const Graph& g, int height, int width) {
  std::vector<OperatorShape> shapes;
  const auto shape_of = [&](int node) { return node < 0 ? Shape{} : g[node].shape(height, width); };
  for (int i = 0; i < g.size(); ++i) {
    const Node& n = g[i];
    if (n.op == Op::input) continue;
    const LayerCost cost = layer_cost(n, height, width);
    const OperatorShape next{.op = n.op,
                             .conv = n.conv,
                             .factor = n.factor,
                             .interpolation = n.interpolation,
                             .a = shape_of(n.inputs[0]),
                             .b = shape_of(n.inputs[1]),
                             .out = cost.shape,
                             .macs = cost.macs,
                             .weight_bytes = cost.weight_bytes,
                             .nodes = 1,
                             .first = i};
    const auto known = std::find_if(shapes.begin(), shapes.end(),
                                    [&](const OperatorShape& s) { return s.same_work(next); });
    if (known == shapes.end())
      shapes.push_back(next);
    else
      ++known->nodes;
  }
  return shapes;
}

/// One line for people: "depthwise 3x3 dilation 2, 288 @ 32x32", channels and the output's height and width.
/// @throws std::bad_alloc
inline std::string describe(const OperatorShape& s) {
  const auto text = [](int n) { return std::to_string(n); };
  const std::string kernel = text(s.conv.kernel) + "x" + text(s.conv.kernel);
  const std::string expansion =
      std::string(s.interpolation == Interpolation::nearest ? " nearest x" : " bilinear x") + text(s.factor);
  std::string channels = text(s.out.channels), line;
  switch (s.op) {
    case Op::input: line = "picture"; break;
    case Op::conv:
      if (s.conv.depthwise()) {
        line = "depthwise " + kernel;
      } else {
        line = s.conv.kernel == 1 ? "pointwise" : "conv " + kernel;
        channels = text(s.conv.in_channels) + "->" + channels;
      }
      if (s.conv.groups > 1 && !s.conv.depthwise()) line += " groups " + text(s.conv.groups);
      if (s.conv.stride > 1) line += " stride " + text(s.conv.stride);
      if (s.conv.dilation > 1) line += " dilation " + text(s.conv.dilation);
      break;
    case Op::max_pool: line = "max pool /" + text(s.factor); break;
    case Op::average_pool: line = "average pool /" + text(s.factor); break;
    case Op::gate: line = "gate" + expansion; break;
    case Op::upsample: line = "upsample" + expansion; break;
    case Op::add: line = "add"; break;
    case Op::concat:
      line = "concat";
      channels = text(s.a.channels) + "+" + text(s.b.channels);
      break;
    case Op::classify:
      line = "classify" + expansion;
      channels = text(s.a.channels) + " classes";
      break;
  }
  return line + ", " + channels + " @ " + text(s.out.height) + "x" + text(s.out.width);
}

ATTENDSEG_NAMESPACE_END
