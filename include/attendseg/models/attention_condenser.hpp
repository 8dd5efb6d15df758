// SPDX-License-Identifier: Apache-2.0
// The attention condenser as a layer of its own, for networks that are not AttendSeg; see nn/attention_condenser.hpp.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "attendseg/core/result.hpp"
#include "attendseg/io/safetensors.hpp"
#include "attendseg/io/weights.hpp"
#include "attendseg/nn/attention_condenser.hpp"
#include "attendseg/runtime/execution.hpp"
#include "attendseg/runtime/network.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// V' = S * V * sigmoid(expand(embed(condense(V)))) on [H, W, C] activations, float or int8.
/// In int8 the scale S belongs into the weights of the linear convolution that follows (a Q15 gate cannot exceed 1),
/// so V' keeps V's grid.
template <class T>
class AttentionCondenser {
 public:
  /// The operators of the layer: node 0 is V, the last node V'.
  static constexpr Graph make_graph(const Condenser& options, int channels) noexcept {
    Graph g;
    nn::attention_condenser(g, "condenser", g.input(channels), options);
    return g;
  }

  /// @param channels of V. @param file tensors `condenser.embed.weight` and so on, checked here
  /// @param zero_point of V and V' (int8). @return an error that names the tensor, the value met and wanted
  static Result<AttentionCondenser> create(const Condenser& options, int channels, const SafeTensors& file,
                                           int zero_point = 0) {
    const Graph graph = make_graph(options, channels);
    if (!graph.valid() || options.channels < 1)
      return Error{"condenser: options do not hold together, expected channels >= 1 and groups that divide them"};
    if (Status s = check_graph_weights(graph, precision, file); !s) return s.error();
    auto network = Network<T>::create(graph, file, zero_point);
    if (!network) return network.error();
    return AttentionCondenser(std::move(*network), options.total_factor());
  }

  /// @param height,width of V, multiples of total_factor(). @param workers the largest number an executor will bring
  /// @return fill input(), run(), read result(). @throws std::bad_alloc
  Result<Execution<T>> plan(int height, int width, int workers = 1) const {
    if (height < 1 || height % factor_ != 0 || width < 1 || width % factor_ != 0)
      return Error{"V: size " + std::to_string(height) + "x" + std::to_string(width) + ", expected multiples of " +
                   std::to_string(factor_)};
    if (workers < 1) return Error{"workers: " + std::to_string(workers) + ", expected 1 or more"};
    auto schedule = std::make_unique<Schedule>(schedule_layers(
        network_.graph(), {.height = height, .width = width, .element_bytes = sizeof(T), .bands = workers,
                           .given_input = true}, false));
    return Execution<T>(network_, std::make_unique<Graph>(network_.graph()), std::move(schedule), workers);
  }

 private:
  static constexpr Precision precision = std::is_same_v<T, float> ? Precision::float32 : Precision::int8;

  AttentionCondenser(Network<T> network, int factor) : network_(std::move(network)), factor_(factor) {}

  Network<T> network_;
  int factor_;
};

ATTENDSEG_NAMESPACE_END
