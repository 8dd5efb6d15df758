// SPDX-License-Identifier: Apache-2.0
// Binds the int8 operators to the nodes of a graph.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
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
    std::optional<ops::PackedConvI8> conv;  ///< conv
    ops::AddI8 add{};                       ///< add
    std::vector<std::int16_t> table;        ///< gate: [256], Q15
    int zero_point = 0;                     ///< of the node's output
  };
  using Head = std::array<std::uint8_t, 256>;  ///< confidence by margin

  /// Binds and packs. @pre check_weights has passed. @return an error that names tensor, value met and value wanted
  static Result<std::vector<Step>> load(const Graph& g, const SafeTensors& file, int input_zero_point) {
    std::vector<Step> steps(static_cast<std::size_t>(g.size()));
    const auto zero_points = attendseg::zero_points(g, file, input_zero_point);
    if (!zero_points) return zero_points.error();
    const auto zero_point = [&](int node) { return (*zero_points)[static_cast<std::size_t>(node)]; };
    for (int i = 0; i < g.size(); ++i) {
      const Node& n = g[i];
      Step& step = steps[static_cast<std::size_t>(i)];
      const std::string name(n.name.view());
      step.zero_point = zero_point(i);
      if (n.op == Op::conv) {
        const auto bias = int32s(file, name + ".bias");
        const auto multiplier = floats(file, name + ".multiplier");
        auto conv = ops::PackedConvI8::create(n.conv, *int8s(file, name + ".weight"), *bias, *multiplier,
                                              zero_point(n.inputs[0]), step.zero_point);
        if (!conv) return Error{name + "." + conv.error().message};
        step.conv = *std::move(conv);
      } else if (n.op == Op::add) {
        const auto m = int16s(file, name + ".multiplier");
        step.add = {(*m)[0],
                    (*m)[1],
                    (*int8s(file, name + ".shift"))[0],
                    zero_point(n.inputs[0]),
                    zero_point(n.inputs[1]),
                    step.zero_point};
      } else if (n.op == Op::gate) {
        step.table = *int16s(file, name + ".table");
      }
    }
    return steps;
  }

  static Head load_head(const SafeTensors& file) {
    Head head{};
    const std::span<const std::uint8_t> table = *uint8s(file, "head.confidence");
    std::copy(table.begin(), table.end(), head.begin());
    return head;
  }

  static std::size_t scratch_bytes(const Node& n, const Step& step, const Shape& out) {
    if (n.op == Op::conv) return step.conv->scratch_bytes(out);
    if (n.op == Op::gate) return ops::gate_scratch_bytes(out, n.factor);
    return 0;
  }
  static std::size_t classify_scratch_bytes(const Shape& scores, int factor) {
    return ops::classify_scratch_bytes(scores, factor);
  }

  static void run(const Node& n, const Step& step, View<const std::int8_t> a, View<const std::int8_t> b,
                  View<std::int8_t> out, Rows rows, std::byte* scratch) noexcept {
    switch (n.op) {
      case Op::input:
      case Op::classify: break;  // not the network's own: Execution asks its caller
      case Op::conv: return ops::conv(*step.conv, a, out, rows, scratch);
      case Op::max_pool: return ops::max_pool(a, out, n.factor, rows);
      case Op::average_pool: return ops::average_pool(a, out, n.factor, rows);
      case Op::gate:
        return ops::gate(a, b, step.table.data(), step.zero_point, n.factor, n.interpolation, out, rows, scratch);
      case Op::upsample: return ops::upsample(a, out, n.factor, n.interpolation, rows);
      case Op::add: return ops::add(a, b, step.add, out, rows);
      case Op::concat: return ops::concat(a, b, out, rows);
    }
  }

  static constexpr bool absorbs_sums = true;
  static void run_sum(const Step& conv, View<const std::int8_t> in, const Step& sum, View<const std::int8_t> residual,
                      View<std::int8_t> out, Rows rows, std::byte* scratch) noexcept {
    ops::conv_add(*conv.conv, in, residual, sum.add, out, rows, scratch);
  }

  static void classify(View<const std::int8_t> scores, int factor, const Head& head, View<std::uint8_t> mask,
                       View<std::uint8_t> confidence, Rows rows, std::byte* scratch) noexcept {
    ops::classify(scores, factor, head.data(), mask, confidence, rows, scratch);
  }
};

ATTENDSEG_NAMESPACE_END
