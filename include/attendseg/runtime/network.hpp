// SPDX-License-Identifier: Apache-2.0
// Any graph with its weights, checked and packed.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "attendseg/core/result.hpp"
#include "attendseg/nn/graph.hpp"
#include "attendseg/runtime/kernels.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// A graph bound to weights of element type T (float or std::int8_t). Immutable: share it between threads freely.
template <class T>
class Network {
 public:
  using Step = typename Kernels<T>::Step;

  /// @param file a weight file whose tensors were checked (check_weights)
  /// @param input_zero_point of the int8 input; 0 for pictures
  static Result<Network> create(const Graph& graph, const SafeTensors& file, int input_zero_point = 0) {
    if (!graph.valid() || graph.size() < 2) return Error{"graph: not valid, expected one whose nodes all fitted"};
    auto steps = Kernels<T>::load(graph, file, input_zero_point);
    if (!steps) return steps.error();
    return Network(graph, std::move(*steps));
  }

  const Graph& graph() const noexcept { return *graph_; }
  const Step& step(int node) const noexcept { return steps_[static_cast<std::size_t>(node)]; }

 private:
  Network(const Graph& graph, std::vector<Step> steps)
      : graph_(std::make_unique<Graph>(graph)), steps_(std::move(steps)) {}

  std::unique_ptr<Graph> graph_;  // 80 kB: kept off the stack of whoever moves a network
  std::vector<Step> steps_;
};

ATTENDSEG_NAMESPACE_END
