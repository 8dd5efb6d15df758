// SPDX-License-Identifier: Apache-2.0
// What a graph costs, node by node: parameters, multiply-accumulates, bytes of weights and activations.
#pragma once

#include <cstdint>
#include <vector>

#include "attendseg/nn/graph.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// One line of the table. Bytes of weights count what the int8 weight file stores.
struct LayerCost {
  std::string_view name;  ///< points into the graph
  Op op = Op::input;
  Shape shape;                      ///< of the output
  std::int64_t parameters = 0;      ///< weights, biases and the condenser's scales
  std::int64_t macs = 0;            ///< multiply-accumulates of convolutions
  std::int64_t weight_bytes = 0;    ///< int8 file: weight, bias, multiplier, tables
  std::int64_t activation_bytes = 0;///< int8
};

/// Cost of one node for a padded picture of [height, width].
constexpr LayerCost layer_cost(const Node& n, int height, int width) noexcept {
  LayerCost c;
  c.name = n.name.view();
  c.op = n.op;
  c.shape = n.shape(height, width);
  c.activation_bytes = c.shape.size();
  switch (n.op) {
    case Op::conv:
      c.parameters = n.conv.weights() + n.conv.out_channels;
      c.macs = c.shape.pixels() * n.conv.weights();
      c.weight_bytes = n.conv.weights() + std::int64_t{8} * n.conv.out_channels + 1;
      break;
    case Op::gate:
      c.parameters = n.scales;
      c.weight_bytes = 512;
      break;
    case Op::add:
      c.weight_bytes = 6;
      break;
    default:
      break;
  }
  return c;
}

/// Sums over a graph.
struct Totals {
  std::int64_t parameters = 0;
  std::int64_t macs = 0;
  std::int64_t weight_bytes = 0;
};

/// Totals for a padded picture of [height, width]; a constant expression where its arguments are.
constexpr Totals totals(const Graph& g, int height, int width) noexcept {
  Totals t;
  for (const Node& n : g) {
    const LayerCost c = layer_cost(n, height, width);
    t.parameters += c.parameters;
    t.macs += c.macs;
    t.weight_bytes += c.weight_bytes;
  }
  return t;
}

/// The whole table, in running order. @throws std::bad_alloc
inline std::vector<LayerCost> layer_table(const Graph& g, int height, int width) {
  std::vector<LayerCost> table;
  table.reserve(static_cast<std::size_t>(g.size()));
  for (const Node& n : g) table.push_back(layer_cost(n, height, width));
  return table;
}

ATTENDSEG_NAMESPACE_END
