// SPDX-License-Identifier: Apache-2.0
// Binds the int8 operators to the nodes of a graph.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "attendseg/io/weights.hpp"
#include "attendseg/ops/add_i8.hpp"
#include "attendseg/ops/classify_i8.hpp"
#include "attendseg/ops/concat.hpp"
#include "attendseg/ops/conv_i8.hpp"
#include "attendseg/ops/gate_i8.hpp"
#include "attendseg/ops/pool_i8.hpp"
#include "attendseg/ops/upsample_i8.hpp"
#include "attendseg/runtime/kernels.hpp"

ATTENDSEG_NAMESPACE_BEGIN

template <>
struct Kernels<std::int8_t> {
  struct Step {
    ops::PackedConvI8 conv;           ///< conv
    ops::AddI8 add{};                 ///< add
    std::vector<std::int16_t> table;  ///< gate: [256], Q15
    int zero_point = 0;               ///< of the node's output
  };
  using Head = std::array<std::uint8_t, 256>;  ///< confidence by margin

  /// Binds and packs. @return an error that names tensor, value met and value wanted
  static Result<std::vector<Step>> load(const Graph& g, const io::SafeTensors& file, int input_zero_point) {
    std::vector<Step> steps(static_cast<std::size_t>(g.size()));
    const auto zero_point = [&](int node) { return steps[static_cast<std::size_t>(node)].zero_point; };
    for (int i = 0; i < g.size(); ++i) {
      const Node& n = g[i];
      Step& step = steps[static_cast<std::size_t>(i)];
      const std::string name(n.name.view());
      step.zero_point = n.op == Op::input ? input_zero_point : zero_point(n.inputs[0]);
      switch (n.op) {
        case Op::conv: {
          const int in_zero_point = step.zero_point;
          step.zero_point = io::int8_values(file, name + ".zero_point")[0];
          const std::vector<std::int32_t> bias = io::int32_values(file, name + ".bias");
          const std::vector<float> multiplier = io::float_values(file, name + ".multiplier");
          auto conv = ops::PackedConvI8::create(n.conv, io::int8_values(file, name + ".weight"), bias, multiplier,
                                                in_zero_point, step.zero_point);
          if (!conv) return Error{name + "." + conv.error().message};
          step.conv = std::move(*conv);
          break;
        }
        case Op::add: {
          const std::vector<std::int16_t> m = io::int16_values(file, name + ".multiplier");
          step.add = {m[0], m[1], io::int8_values(file, name + ".shift")[0], zero_point(n.inputs[0]),
                      zero_point(n.inputs[1]), io::int8_values(file, name + ".zero_point")[0]};
          step.zero_point = step.add.zero_point;
          break;
        }
        case Op::gate:
          step.table = io::int16_values(file, name + ".table");
          break;
        case Op::concat:
          if (zero_point(n.inputs[1]) != step.zero_point)
            return Error{name + ": zero points " + std::to_string(step.zero_point) + " and " +
                         std::to_string(zero_point(n.inputs[1])) + ", expected one that both inputs share"};
          break;
        default:
          break;
      }
    }
    return steps;
  }

  static Head load_head(const io::SafeTensors& file) {
    Head head{};
    const std::span<const std::uint8_t> table = io::uint8_values(file, "head.confidence");
    std::copy(table.begin(), table.end(), head.begin());
    return head;
  }

  static std::size_t scratch_bytes(const Node& n, const Step& step, const Shape& out) {
    if (n.op == Op::conv) return step.conv.scratch_bytes();
    if (n.op == Op::gate) return ops::gate_scratch_bytes(out, n.factor);
    return 0;
  }
  static std::size_t classify_scratch_bytes(const Shape& scores, int factor) {
    return ops::classify_scratch_bytes(scores, factor);
  }

  static void run(const Node& n, const Step& step, View<const std::int8_t> a, View<const std::int8_t> b,
                  View<std::int8_t> out, Rows rows, std::byte* scratch) noexcept {
    switch (n.op) {
      case Op::input: break;
      case Op::conv: return ops::conv(step.conv, a, out, rows, scratch);
      case Op::max_pool: return ops::max_pool(a, out, n.factor, rows);
      case Op::average_pool: return ops::average_pool(a, out, n.factor, rows);
      case Op::gate:
        return ops::gate(a, b, step.table.data(), step.zero_point, n.factor, n.interpolation, out, rows, scratch);
      case Op::upsample: return ops::upsample(a, out, n.factor, n.interpolation, rows);
      case Op::add: return ops::add(a, b, step.add, out, rows);
      case Op::concat: return ops::concat(a, b, out, rows);
    }
  }

  static void classify(View<const std::int8_t> scores, int factor, const Head& head, View<std::uint8_t> mask,
                       View<std::uint8_t> confidence, Rows rows, std::byte* scratch) noexcept {
    ops::classify(scores, factor, head.data(), mask, confidence, rows, scratch);
  }
};

ATTENDSEG_NAMESPACE_END
