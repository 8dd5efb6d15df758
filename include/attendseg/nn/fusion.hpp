// SPDX-License-Identifier: Apache-2.0
// Nodes that are computed within the loop of the node that reads them, so that their results never reach memory.
#pragma once

#include "attendseg/nn/graph.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// Marks the nodes of `g` that their only reader absorbs, where it follows at once and belongs to the same block:
/// @param gates a gate whose result a 1x1 convolution of stride 1 reads: applied while that gathers its input
/// @param adds  a convolution (not depthwise) whose result is the second input of an add: summed before it is stored
constexpr void absorb(Graph& g, bool gates, bool adds) noexcept {
  int readers[max_nodes]{};
  for (const Node& n : g)
    for (const int input : n.inputs)
      if (input >= 0) ++readers[input];
  for (int i = 0; i < g.size(); ++i) {
    const Node& n = g[i];
    const int input = n.op == Op::add ? n.inputs[1] : n.op == Op::conv ? n.inputs[0] : -1;
    if (input < 0 || input != i - 1 || readers[input] != 1 || g[input].block != n.block) continue;
    const Node& from = g[input];
    const bool sum = adds && n.op == Op::add && from.op == Op::conv && !from.conv.depthwise();
    const bool gated = gates && n.op == Op::conv && from.op == Op::gate && n.conv.kernel == 1 && n.conv.stride == 1 &&
                       n.conv.groups == 1;
    if (sum || gated) g.absorb(input);
  }
}

ATTENDSEG_NAMESPACE_END
