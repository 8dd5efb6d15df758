// SPDX-License-Identifier: Apache-2.0
// Binds the float operators to the nodes of a graph; needs xsimd.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "attendseg/io/weights.hpp"
#include "attendseg/ops/add_f32.hpp"
#include "attendseg/ops/classify_f32.hpp"
#include "attendseg/ops/concat.hpp"
#include "attendseg/ops/conv_f32.hpp"
#include "attendseg/ops/gate_f32.hpp"
#include "attendseg/ops/pool_f32.hpp"
#include "attendseg/ops/upsample_f32.hpp"
#include "attendseg/runtime/kernels.hpp"

ATTENDSEG_NAMESPACE_BEGIN

template <>
struct Kernels<float> {
  struct Step {
    ops::PackedConvF32 conv;   ///< conv
    std::vector<float> scale;  ///< gate: S, one or one a channel
  };
  struct Head {};

  /// Binds and packs. @pre check_weights has passed. @return an error that names tensor, value met and value wanted
  static Result<std::vector<Step>> load(const Graph& g, const SafeTensors& file, int /*input_zero_point*/) {
    std::vector<Step> steps(static_cast<std::size_t>(g.size()));
    for (int i = 0; i < g.size(); ++i) {
      const Node& n = g[i];
      Step& step = steps[static_cast<std::size_t>(i)];
      const std::string name(n.name.view());
      if (n.op == Op::conv) {
        const auto weight = floats(file, name + ".weight");
        const auto bias = floats(file, name + ".bias");
        auto conv = ops::PackedConvF32::create(n.conv, *weight, *bias);
        if (!conv) return Error{name + "." + conv.error().message};
        step.conv = *std::move(conv);
      } else if (n.op == Op::gate) {
        step.scale = *floats(file, name + ".scale");
      }
    }
    return steps;
  }

  static Head load_head(const SafeTensors&) { return {}; }

  static std::size_t scratch_bytes(const Node& n, const Step& step, const Shape& /*out*/) {
    return n.op == Op::conv ? step.conv.scratch_bytes() : 0;
  }
  static std::size_t classify_scratch_bytes(const Shape& scores, int factor) {
    return ops::classify_scratch_bytes_f32(scores, factor);
  }

  static void run(const Node& n, const Step& step, View<const float> a, View<const float> b, View<float> out,
                  Rows rows, std::byte* scratch) noexcept {
    switch (n.op) {
      case Op::input:
      case Op::classify: break;  // not the network's own: Execution asks its caller
      case Op::conv: return ops::conv(step.conv, a, out, rows, scratch);
      case Op::max_pool: return ops::max_pool(a, out, n.factor, rows);
      case Op::average_pool: return ops::average_pool(a, out, n.factor, rows);
      case Op::gate: return ops::gate(a, b, step.scale, n.factor, n.interpolation, out, rows);
      case Op::upsample: return ops::upsample(a, out, n.factor, n.interpolation, rows);
      case Op::add: return ops::add(a, b, out, rows);
      case Op::concat: return ops::concat(a, b, out, rows);
    }
  }

  static constexpr bool absorbs_sums = false;

  static void classify(View<const float> scores, int factor, const Head&, View<std::uint8_t> mask,
                       View<std::uint8_t> confidence, Rows rows, std::byte* scratch) noexcept {
    ops::classify(scores, factor, mask, confidence, rows, scratch);
  }
};

ATTENDSEG_NAMESPACE_END
