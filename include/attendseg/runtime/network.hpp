// SPDX-License-Identifier: Apache-2.0
// Any graph with its weights, and an execution of it at one size: creating may fail, running does not.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "attendseg/core/result.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/nn/graph.hpp"
#include "attendseg/nn/memory_plan.hpp"
#include "attendseg/runtime/executor.hpp"
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

/// A network at one size: memory planned and held. Refers to the network, which must outlive it.
/// Not to be run by two threads at a time; make one execution a thread.
template <class T>
class Execution {
 public:
  /// @param height,width multiples of the graph's total stride
  /// @param workers the largest number that an executor will bring
  /// @param keep_all every node's activation can be read after a run (more memory)
  /// @throws std::bad_alloc
  Execution(const Network<T>& network, int height, int width, int workers, bool keep_all)
      : network_(&network), height_(height), width_(width), workers_(std::max(1, workers)) {
    const Graph& g = network.graph();
    plan_ = std::make_unique<MemoryPlan>(plan_memory(g, height, width, sizeof(T), keep_all));
    arena_ = Buffer(static_cast<std::size_t>(plan_->bytes));
    for (int i = 0; i < g.size(); ++i)
      reserve_scratch(Kernels<T>::scratch_bytes(g[i], network.step(i), g[i].shape(height, width)));
  }

  /// Makes sure that every worker's scratch holds `bytes`. @throws std::bad_alloc
  void reserve_scratch(std::size_t bytes) {
    bytes = (bytes + alignment - 1) / alignment * alignment;
    if (bytes <= scratch_each_) return;
    scratch_each_ = bytes;
    scratch_ = Buffer(bytes * static_cast<std::size_t>(workers_));
  }

  /// Activation of a node, [H, W, C]: the input before a run, the result after it, all after it if kept.
  View<T> activation(int node) const noexcept {
    return {reinterpret_cast<T*>(arena_.data() + plan_->offset[static_cast<std::size_t>(node)]),
            network_->graph()[node].shape(height_, width_)};
  }
  View<T> input() const noexcept { return activation(0); }
  View<const T> result() const noexcept { return activation(network_->graph().size() - 1); }

  /// Runs every node; input() must have been filled. The bits do not depend on the executor.
  void run(const Executor& executor = {}) noexcept {
    const Graph& g = network_->graph();
    for (int i = 1; i < g.size(); ++i) {
      const Node& n = g[i];
      const View<const T> a = activation(n.inputs[0]);
      const View<const T> b = n.inputs[1] >= 0 ? View<const T>(activation(n.inputs[1])) : View<const T>();
      const View<T> out = activation(i);
      share_rows(executor, out.shape.height, [&](Rows rows, std::byte* scratch) noexcept {
        Kernels<T>::run(n, network_->step(i), a, b, out, rows, scratch);
      });
    }
  }

  /// Calls work(rows, scratch) for bands of `height` rows, one a worker.
  template <class Work>
  void share_rows(const Executor& executor, int height, const Work& work) noexcept {
    struct Job {
      const Work* work;
      Execution* self;
      int height, bands;
    };
    Job job{&work, this, height, std::clamp(executor.workers, 1, std::min(workers_, std::max(1, height)))};
    executor.run(
        job.bands,
        [](void* argument, int index, int) {
          const Job& j = *static_cast<const Job*>(argument);
          const auto row = [&](int band) { return static_cast<int>(std::int64_t{j.height} * band / j.bands); };
          // Scratch by band, not by worker: bands never outnumber workers, so each has its own.
          (*j.work)(Rows{row(index), row(index + 1)},
                    j.self->scratch_.data() + j.self->scratch_each_ * static_cast<std::size_t>(index));
        },
        &job);
  }

  int height() const noexcept { return height_; }
  int width() const noexcept { return width_; }
  /// Bytes of activations and scratch held.
  std::size_t bytes() const noexcept { return arena_.size() + scratch_.size(); }

 private:
  const Network<T>* network_;
  int height_;
  int width_;
  int workers_;
  std::unique_ptr<MemoryPlan> plan_;
  Buffer arena_;
  Buffer scratch_;
  std::size_t scratch_each_ = 0;
};

ATTENDSEG_NAMESPACE_END
