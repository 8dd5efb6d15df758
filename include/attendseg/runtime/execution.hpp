// SPDX-License-Identifier: Apache-2.0
// A network at one size, carried out by a schedule: memory held, nothing decided any more. Creating may fail, running
// does not.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "attendseg/core/tensor.hpp"
#include "attendseg/nn/graph.hpp"
#include "attendseg/nn/schedule.hpp"
#include "attendseg/nn/stream.hpp"
#include "attendseg/runtime/executor.hpp"
#include "attendseg/runtime/kernels.hpp"
#include "attendseg/runtime/network.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// Where a run gets its picture and leaves its labels, beside the tensors of the graph.
struct NoEnds {
  template <class T>
  void input(View<T>, Rows, std::byte*) const noexcept {}
  template <class T>
  void classify(View<const T>, Rows, std::byte*) const noexcept {}
};

/// The memory of a network at one size, and its run. Refers to the network, which must outlive it.
/// Not to be run by two threads at a time; make one execution a thread.
///
/// `Ends` supplies, both noexcept, for whatever rows a worker asks for:
///   input(View<T> out, Rows rows, std::byte* scratch)              rows of node 0
///   classify(View<const T> scores, Rows rows, std::byte* scratch)  rows of labels (a graph that ends in Op::classify)
template <class T>
class Execution {
 public:
  /// @param graph the network's, or that with a classification behind it, for which the schedule was made
  /// @param workers the largest number that an executor will bring, at least schedule.options.bands
  /// @param scratch_bytes what `Ends` needs, a worker
  /// @throws std::bad_alloc
  Execution(const Network<T>& network, std::unique_ptr<const Graph> graph, std::unique_ptr<const Schedule> schedule,
            int workers, std::size_t scratch_bytes = 0)
      : network_(&network), graph_(std::move(graph)), schedule_(std::move(schedule)), workers_(workers) {
    const Sizes sizes(network, *schedule_, workers, scratch_bytes);
    shared_ = Buffer(sizes.shared);
    rings_ = Buffer(sizes.rings * sizes.owners);
    scratch_ = Buffer(sizes.scratch * static_cast<std::size_t>(workers));
    ring_bytes_ = sizes.rings;
    scratch_bytes_ = sizes.scratch;
  }

  /// What bytes() of such an execution will be.
  static std::size_t bytes_needed(const Network<T>& network, const Schedule& schedule, int workers,
                                  std::size_t scratch_bytes) noexcept {
    const Sizes sizes(network, schedule, workers, scratch_bytes);
    return sizes.shared + sizes.rings * sizes.owners + sizes.scratch * static_cast<std::size_t>(workers);
  }

  /// A tensor that the schedule holds whole, [H, W, C].
  View<T> activation(int node) const noexcept { return view(node, 0); }
  View<T> input() const noexcept { return activation(0); }
  View<const T> result() const noexcept { return activation(network_->graph().size() - 1); }
  const Graph& graph() const noexcept { return *graph_; }
  const Schedule& schedule() const noexcept { return *schedule_; }
  /// Bytes of activations and scratch held.
  std::size_t bytes() const noexcept { return shared_.size() + rings_.size() + scratch_.size(); }

  /// Runs every segment. The bits do not depend on the executor.
  template <class Ends = NoEnds>
  void run(const Executor& executor = {}, const Ends& ends = {}) noexcept {
    for (int k = 0; k < schedule_->segment_count; ++k) {
      const Segment& s = schedule_->segments[static_cast<std::size_t>(k)];
      const int rows = s.last == graph_->size() - 1 ? schedule_->result_rows(*graph_) : shape(s.last).height;
      if (schedule_->rows_only) {
        Stream stream(*graph_, s, schedule_->options.height, 0);
        for (int y = stream.start(); y < rows;) advance(stream, y = std::min(y + s.strip, rows), executor, ends);
        continue;
      }
      if (s.first == s.last) {
        share(executor, rows, std::min(executor.workers, workers_), [&](Rows band, int worker) noexcept {
          run_node(s.first, band, worker, worker, ends);
        });
        continue;
      }
      // As many bands as were planned, whoever runs them: the rings were measured for these.
      share(executor, rows, schedule_->options.bands, [&](Rows band, int worker) noexcept {
        Stream stream(*graph_, s, schedule_->options.height, band.begin);
        for (int y = stream.start(); y < band.end;) {
          y = std::min(y + s.strip, band.end);
          stream.advance(y, [&](int node, Rows out) noexcept { run_node(node, out, worker, worker, ends); });
        }
      });
    }
  }

  /// One step of a rows-only schedule: makes the rows of the last node up to `end`; each node's rows are shared out.
  template <class Ends>
  void advance(Stream& stream, int end, const Executor& executor, const Ends& ends) noexcept {
    stream.advance(end, [&](int node, Rows out) noexcept { run_shared(node, out, executor, ends); });
  }
  /// Rows of one node of a rows-only schedule, shared out.
  template <class Ends>
  void run_shared(int node, Rows out, const Executor& executor, const Ends& ends) noexcept {
    share(executor, out.end - out.begin, std::min(executor.workers, workers_), [&](Rows band, int worker) noexcept {
      run_node(node, {out.begin + band.begin, out.begin + band.end}, 0, worker, ends);
    });
  }

  /// Calls work(rows, band) for `bands` bands of `height` rows (fewer where there are fewer rows).
  template <class Work>
  static void share(const Executor& executor, int height, int bands, const Work& work) noexcept {
    struct Job {
      const Work* work;
      int height, bands;
    };
    Job job{&work, height, std::clamp(bands, 1, std::max(1, height))};
    executor.run(
        job.bands,
        [](void* argument, int index, int) {
          const Job& j = *static_cast<const Job*>(argument);
          // Memory by band, not by worker: bands never outnumber workers, so each has its own.
          (*j.work)(detail::band_of(j.height, index, j.bands), index);
        },
        &job);
  }

 private:
  std::byte* scratch(int worker) const noexcept {
    return scratch_.data() + scratch_bytes_ * static_cast<std::size_t>(worker);
  }
  /// A node's tensor as `owner`, a worker, sees it.
  View<T> view(int node, int owner) const noexcept {
    const std::size_t i = static_cast<std::size_t>(node);
    const Shape s = shape(node);
    const int ring = schedule_->ring[i];
    std::byte* const base =
        ring == View<T>::whole ? shared_.data() : rings_.data() + ring_bytes_ * static_cast<std::size_t>(owner);
    return {reinterpret_cast<T*>(base + schedule_->offset[i]), s, std::ptrdiff_t{s.width} * s.channels, ring};
  }
  /// Bytes of each kind of memory.
  struct Sizes {
    Sizes(const Network<T>& network, const Schedule& schedule, int workers, std::size_t scratch_bytes) noexcept
        : shared(static_cast<std::size_t>(schedule.shared_bytes)),
          rings(static_cast<std::size_t>(padded_bytes(schedule.worker_bytes + std::int64_t{slack}))),
          owners(schedule.rows_only ? 1 : static_cast<std::size_t>(workers)),
          scratch(scratch_bytes) {
      const Graph& g = network.graph();
      for (int i = 0; i < g.size(); ++i) {
        const Shape out = g[i].shape(schedule.options.height, schedule.options.width);
        scratch = std::max(scratch, Kernels<T>::scratch_bytes(g[i], network.step(i), out));
      }
      scratch = static_cast<std::size_t>(padded_bytes(static_cast<std::int64_t>(scratch)));
    }
    std::size_t shared, rings, owners, scratch;
  };

  Shape shape(int node) const noexcept {
    return (*graph_)[node].shape(schedule_->options.height, schedule_->options.width);
  }

  template <class Ends>
  void run_node(int node, Rows rows, int owner, int worker, const Ends& ends) const noexcept {
    const Node& n = (*graph_)[node];
    if (n.op == Op::input) return ends.input(view(node, owner), rows, scratch(worker));
    const View<const T> a = view(n.inputs[0], owner);
    if (n.op == Op::classify) return ends.classify(a, rows, scratch(worker));
    if constexpr (Kernels<T>::absorbs_sums)
      if (n.op == Op::add && (*graph_)[n.inputs[1]].absorbed) {
        const int conv = n.inputs[1];
        return Kernels<T>::run_sum(network_->step(conv), view((*graph_)[conv].inputs[0], owner), network_->step(node), a,
                                   view(node, owner), rows, scratch(worker));
      }
    const View<const T> b = n.inputs[1] >= 0 ? View<const T>(view(n.inputs[1], owner)) : View<const T>();
    Kernels<T>::run(n, network_->step(node), a, b, view(node, owner), rows, scratch(worker));
  }

  const Network<T>* network_;
  std::unique_ptr<const Graph> graph_;
  std::unique_ptr<const Schedule> schedule_;
  int workers_;
  Buffer shared_, rings_, scratch_;
  std::size_t ring_bytes_ = 0, scratch_bytes_ = 0;
};

ATTENDSEG_NAMESPACE_END
