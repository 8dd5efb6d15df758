// SPDX-License-Identifier: Apache-2.0
// Where activations lie in one shared arena: lifetimes from the graph, places largest first, in the first gap.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "attendseg/core/tensor.hpp"
#include "attendseg/nn/graph.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// Byte offsets of activations in an arena of `bytes`. Offsets are multiples of `alignment`, and `slack` bytes behind
/// the arena must be readable.
struct MemoryPlan {
  std::array<std::int64_t, max_nodes> offset{};
  std::int64_t bytes = 0;
};

/// Bytes of an activation, in whole units of `alignment`.
constexpr std::int64_t padded_bytes(std::int64_t bytes) noexcept {
  return (bytes + std::int64_t{alignment} - 1) / std::int64_t{alignment} * std::int64_t{alignment};
}

/// Plans the activations that are held whole, of a picture of [height, width] (multiples of the graph's total stride).
/// Gates and adds that run alone (with what they absorb) write over an input that nobody reads later. Method: Pisarchyk and Lee, "Efficient
/// memory management for deep neural net inference", 2020, greedy by size.
/// @param element_bytes 1 for int8, 4 for float
/// @param time  (node) when it runs: a number that does not fall from node to node; below 0: it is not held whole.
///   Nodes that have a time of their own run alone
/// @param keep_all nothing is reused, so that every activation can be read after a run
template <class Time>
constexpr MemoryPlan plan_memory(const Graph& g, int height, int width, int element_bytes, const Time& time,
                                 bool keep_all) noexcept {
  // An allocation lives from its first write to its last read; owner[i] is the node whose allocation node i uses.
  // Plain arrays: compilers count the steps of a constant expression, and std::array doubles them.
  struct Allocation {
    std::int64_t size, offset;
    int first, last, owner;
  };
  Allocation all[max_nodes]{};
  int at[max_nodes]{};
  const int n = g.size();
  const int end = n;  // later than every node
  for (int i = 0; i < n; ++i) {
    const std::int64_t bytes = g[i].shape(height, width).size() * element_bytes;
    at[i] = time(i);
    all[i] = {at[i] < 0 ? 0 : padded_bytes(bytes), 0, at[i], at[i], i};
  }
  // Nodes that are not held run when the next held one does.
  for (int i = n - 1, next = end; i >= 0; --i) {
    if (at[i] < 0) at[i] = next;
    next = at[i];
  }
  for (int i = 0; i < n; ++i)
    for (const int input : g[i].inputs)
      if (input >= 0 && all[input].last < at[i]) all[input].last = at[i];
  all[n - 1].last = end;
  for (int i = 0; i < n; ++i) {
    if (keep_all) all[i].first = 0, all[i].last = end;
    bool alone = all[i].size > 0 && (i == n - 1 || at[i + 1] != at[i]);
    int first = i;  // of the nodes that node i absorbs
    for (; first > 0 && at[first - 1] == at[i]; --first) alone = alone && g[first - 1].absorbed;
    if (keep_all || !alone || (g[i].op != Op::gate && g[i].op != Op::add)) continue;
    for (const int input : g[i].inputs) {
      if (g[i].op == Op::gate && input != g[i].inputs[0]) continue;
      Allocation& root = all[all[input].owner];
      bool read_within = false;  // an absorbed node may read elements after their successors were written
      for (int k = first; k < i; ++k)
        for (const int deep : g[k].inputs) read_within = read_within || (deep >= 0 && all[deep].owner == all[input].owner);
      if (read_within) continue;
      if (all[input].last != at[i] || root.last != at[i] || root.size != all[i].size) continue;
      all[i].owner = all[input].owner;
      root.last = all[i].last;
      break;
    }
  }
  // Largest first; `placed` is sorted by offset, so the first gap that fits is found in one walk.
  int order[max_nodes]{}, placed[max_nodes]{};
  int owners = 0, placed_count = 0;
  for (int i = 0; i < n; ++i) {
    if (all[i].owner != i || all[i].size == 0) continue;
    int k = owners++;
    for (; k > 0 && all[order[k - 1]].size < all[i].size; --k) order[k] = order[k - 1];
    order[k] = i;
  }
  MemoryPlan plan;
  for (int o = 0; o < owners; ++o) {
    Allocation& next = all[order[o]];
    for (int k = 0; k < placed_count; ++k) {
      const Allocation& p = all[placed[k]];
      if (p.last < next.first || next.last < p.first) continue;
      if (p.offset >= next.offset + next.size) break;
      if (p.offset + p.size > next.offset) next.offset = p.offset + p.size;
    }
    int k = placed_count++;
    for (; k > 0 && all[placed[k - 1]].offset > next.offset; --k) placed[k] = placed[k - 1];
    placed[k] = order[o];
    if (next.offset + next.size > plan.bytes) plan.bytes = next.offset + next.size;
  }
  for (int i = 0; i < n; ++i) plan.offset[static_cast<std::size_t>(i)] = all[all[i].owner].offset;
  return plan;
}

/// The same for a network that is run layer by layer, every activation whole. A constant expression where its
/// arguments are: a device's memory budget can be checked by static_assert.
constexpr MemoryPlan plan_memory(const Graph& g, int height, int width, int element_bytes,
                                 bool keep_all = false) noexcept {
  return plan_memory(g, height, width, element_bytes, [](int node) { return node; }, keep_all);
}

ATTENDSEG_NAMESPACE_END
