// SPDX-License-Identifier: Apache-2.0
// How a graph is run at one size: which nodes run together in strips, which tensors are whole and which are rings.
#pragma once

#include <array>
#include <cstdint>

#include "attendseg/core/tensor.hpp"
#include "attendseg/nn/graph.hpp"
#include "attendseg/nn/memory_plan.hpp"
#include "attendseg/nn/stream.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// What to plan for. All schedules compute the same bits.
struct ScheduleOptions {
  int height = 0, width = 0;  ///< of the picture, multiples of the graph's total stride
  int rows = 0;               ///< of the last node that are wanted; 0: all
  int element_bytes = 1;      ///< 1 for int8, 4 for float
  int bands = 1;              ///< most parts that a segment's rows are shared out in, one a worker
  std::int64_t cache_bytes = 1 << 20;  ///< that one worker has to itself
  bool given_input = false;   ///< node 0 is filled by the caller before a run, whole
};

/// Segments in running order, and where each activation lies.
struct Schedule {
  ScheduleOptions options;
  std::array<Segment, max_nodes> segments{};
  int segment_count = 0;
  std::array<int, max_nodes> ring{};            ///< rows held by each worker; View<T>::whole: one tensor for all
  std::array<std::int64_t, max_nodes> offset{};  ///< bytes, in the shared arena or in each worker's
  std::int64_t shared_bytes = 0, worker_bytes = 0;
  bool rows_only = false;  ///< made by schedule_rows(): one segment that cannot be shared out in bands

  constexpr std::int64_t bytes() const noexcept { return shared_bytes + worker_bytes * options.bands; }
  constexpr int result_rows(const Graph& g) const noexcept {
    return options.rows > 0 ? options.rows : options.height >> g.result().log2_stride;
  }
};

namespace detail {

constexpr std::size_t at(int i) noexcept { return static_cast<std::size_t>(i); }
constexpr int whole_tensor = View<int>::whole;

/// Rows of band b of `bands`.
constexpr Rows band_of(int rows, int b, int bands) noexcept {
  return {static_cast<int>(std::int64_t{rows} * b / bands), static_cast<int>(std::int64_t{rows} * (b + 1) / bands)};
}

/// Calls f(node, rows) for what rows `out` of a node are computed from, through the nodes that it absorbs.
template <class F>
constexpr void each_read(const Graph& g, int node, Rows out, int height, const F& f) noexcept {
  for (int which = 0; which < 2; ++which) {
    const int j = g[node].inputs[at(which)];
    if (j < 0) continue;
    const Rows needed = rows_needed(g[node], which, out, height >> g[j].log2_stride);
    if (g[j].absorbed)
      each_read(g, j, needed, height, f);
    else
      f(j, needed);
  }
}

/// Bytes of a ring of `rows` rows.
constexpr std::int64_t ring_bytes(const Graph& g, const ScheduleOptions& o, int node, int rows) noexcept {
  const Shape shape = g[node].shape(o.height, o.width);
  return padded_bytes(std::int64_t{rows} * shape.width * shape.channels * o.element_bytes);
}

/// Bytes of the rings that segment `s` needs; writes the rows of each to `ring`. Runs the segment without computing.
constexpr std::int64_t measure_rings(const Graph& g, const Segment& s, const ScheduleOptions& o, int rows, int bands,
                                     std::array<int, max_nodes>& ring) noexcept {
  for (int i = s.first; i < s.last; ++i) ring[at(i)] = g[i].absorbed ? 0 : 1;
  for (int b = 0; b < bands; ++b) {
    const Rows band = band_of(rows, b, bands);
    Stream stream(g, s, o.height, band.begin);
    for (int y = stream.start(); y < band.end;) {
      y = y + s.strip < band.end ? y + s.strip : band.end;
      stream.advance(y, [&](int node, Rows out) {
        each_read(g, node, out, o.height, [&](int j, Rows rows_read) {
          const int held = stream.made(j) - rows_read.begin;
          if (j >= s.first && held > ring[at(j)]) ring[at(j)] = held;
        });
      });
    }
  }
  std::int64_t bytes = 0;
  for (int i = s.first; i < s.last; ++i) bytes += ring_bytes(g, o, i, ring[at(i)]);
  return bytes;
}

/// Appends a segment; its rings, if any, lie in the workers' arenas from offset 0 on.
constexpr void append(Schedule& plan, const Graph& g, const Segment& s) noexcept {
  plan.segments[at(plan.segment_count++)] = s;
  std::int64_t bytes = 0;
  for (int i = s.first; i < s.last; ++i) {
    plan.offset[at(i)] = bytes;
    bytes += ring_bytes(g, plan.options, i, plan.ring[at(i)]);
  }
  plan.ring[at(s.last)] = whole_tensor;
  if (bytes > plan.worker_bytes) plan.worker_bytes = bytes;
}

/// Appends a segment for each node that is not absorbed.
constexpr void append_each(Schedule& plan, const Graph& g, int first, int last) noexcept {
  for (int i = first; i <= last; ++i)
    if (!g[i].absorbed) append(plan, g, {i, i, plan.options.height});
}

/// The last node of the smallest run of whole blocks from `first` on of which only the last node is read later.
constexpr int closed_end(const Graph& g, int first) noexcept {
  for (int last = first;; ++last) {
    while (last + 1 < g.size() && g[last + 1].block == g[last].block && g[last + 1].op != Op::classify) ++last;
    bool closed = true;
    for (int i = last + 1; i < g.size(); ++i)
      for (const int input : g[i].inputs) closed = closed && (input < first || input >= last);
    if (closed || last + 1 == g.size()) return last;
  }
}

/// Places the tensors that are whole. Nothing is placed for a classification: its rows go to the caller.
constexpr void place_whole(Schedule& plan, const Graph& g, bool keep_all) noexcept {
  const ScheduleOptions& o = plan.options;
  int time[max_nodes]{};
  for (int k = 0; k < plan.segment_count; ++k)
    for (int i = plan.segments[at(k)].first; i <= plan.segments[at(k)].last; ++i) time[i] = k;
  const auto held = [&](int i) {
    return plan.ring[at(i)] == whole_tensor && g[i].op != Op::classify && !g[i].absorbed;
  };
  const MemoryPlan memory = plan_memory(
      g, o.height, o.width, o.element_bytes, [&](int i) { return held(i) ? time[i] : -1; }, keep_all);
  for (int i = 0; i < g.size(); ++i)
    if (held(i)) plan.offset[at(i)] = memory.offset[at(i)];
  plan.shared_bytes = memory.bytes;
}

}  // namespace detail

/// Layer by layer, every activation whole; with `keep_all` none is overwritten, so that all can be read after a run.
constexpr Schedule schedule_layers(const Graph& g, const ScheduleOptions& o, bool keep_all) noexcept {
  Schedule plan;
  plan.options = o;
  detail::append_each(plan, g, o.given_input ? 1 : 0, g.size() - 1);
  if (o.given_input) plan.ring[0] = detail::whole_tensor;
  detail::place_whole(plan, g, keep_all);
  return plan;
}

/// For speed: blocks whose activations do not fit the cache run in strips that do; the others layer by layer.
constexpr Schedule schedule_speed(const Graph& g, const ScheduleOptions& o) noexcept {
  Schedule plan;
  plan.options = o;
  if (o.given_input) plan.ring[0] = detail::whole_tensor;
  const auto bytes = [&](int i) { return g[i].shape(o.height, o.width).size() * o.element_bytes; };
  for (int first = o.given_input ? 1 : 0, last; first < g.size(); first = last + 1) {
    last = detail::closed_end(g, first);
    std::int64_t largest = 0;  // bytes that one layer reads and writes
    for (int i = first; i <= last; ++i) {
      if (g[i].absorbed) continue;
      std::int64_t touched = bytes(i);
      detail::each_read(g, i, {0, 1}, o.height, [&](int j, Rows) { touched += bytes(j); });
      largest = touched > largest ? touched : largest;
    }
    if (last == first || largest <= o.cache_bytes) {
      detail::append_each(plan, g, first, last);
      continue;
    }
    const int rows = o.height >> g[last].log2_stride, bands = o.bands < rows ? o.bands : rows;
    Segment s{first, last, 1};
    std::int64_t rings = detail::measure_rings(g, s, o, rows, bands, plan.ring);
    while (rings <= o.cache_bytes / 4 && 2 * s.strip < rows) {
      std::array<int, max_nodes> ring = plan.ring;
      const Segment wider{first, last, 2 * s.strip};
      rings = detail::measure_rings(g, wider, o, rows, bands, ring);
      if (rings <= o.cache_bytes / 4) s = wider, plan.ring = ring;
    }
    detail::append(plan, g, s);
  }
  detail::place_whole(plan, g, false);
  return plan;
}

/// For little memory: all nodes in one segment, every tensor a ring; memory grows with the width, not the height.
/// @param strip rows of the last node made at a time, 1 or more: fewer need less memory, more run faster
constexpr Schedule schedule_rows(const Graph& g, const ScheduleOptions& o, int strip) noexcept {
  Schedule plan;
  plan.options = o;
  plan.options.bands = 1;
  plan.rows_only = true;
  const Segment s{0, g.size() - 1, strip};
  detail::measure_rings(g, s, o, plan.result_rows(g), 1, plan.ring);
  detail::append(plan, g, s);
  return plan;
}

ATTENDSEG_NAMESPACE_END
