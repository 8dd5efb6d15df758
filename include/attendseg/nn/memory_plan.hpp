// SPDX-License-Identifier: Apache-2.0
// Where each activation lies in one shared arena: lifetimes from the graph, places largest first, in the first gap.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "attendseg/core/tensor.hpp"
#include "attendseg/nn/graph.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// Byte offsets of every node's activation in an arena of `bytes`. Offsets are multiples of `alignment`, and `slack`
/// bytes behind the arena must be readable.
struct MemoryPlan {
  std::array<std::int64_t, max_nodes> offset{};
  std::int64_t bytes = 0;
};

/// Plans the activations of `g` for a picture of [height, width] (multiples of the graph's total stride).
/// Gates and adds write over an input that nobody reads later. With `keep_all` nothing is reused, so that every
/// activation can be read after a run. A constant expression where its arguments are: a device's memory budget can be
/// checked by static_assert. Method: Pisarchyk and Lee, "Efficient memory management for deep neural net inference",
/// 2020, greedy by size.
/// @param element_bytes 1 for int8, 4 for float
constexpr MemoryPlan plan_memory(const Graph& g, int height, int width, int element_bytes,
                                 bool keep_all = false) noexcept {
  // An allocation lives from its first write to its last read; owner[i] is the node whose allocation node i uses.
  // Plain arrays: compilers count the steps of a constant expression, and std::array doubles them.
  struct Allocation {
    std::int64_t size, offset;
    int first, last, owner;
  };
  Allocation all[max_nodes]{};
  const int n = g.size();
  for (int i = 0; i < n; ++i) {
    const std::int64_t bytes = g[i].shape(height, width).size() * element_bytes, unit{alignment};
    all[i] = {(bytes + unit - 1) / unit * unit, 0, i, i, i};
    for (const int input : g[i].inputs)
      if (input >= 0) all[input].last = i;
  }
  all[n - 1].last = n;
  for (int i = 0; i < n; ++i) {
    if (keep_all) all[i].first = 0, all[i].last = n;
    if (keep_all || (g[i].op != Op::gate && g[i].op != Op::add)) continue;
    for (const int input : g[i].inputs) {
      if (g[i].op == Op::gate && input != g[i].inputs[0]) continue;
      Allocation& root = all[all[input].owner];
      if (all[input].last != i || root.last != i || root.size != all[i].size) continue;
      all[i].owner = all[input].owner;
      root.last = all[i].last;
      break;
    }
  }
  // Largest first; `placed` is sorted by offset, so the first gap that fits is found in one walk.
  int order[max_nodes]{}, placed[max_nodes]{};
  int owners = 0, placed_count = 0;
  for (int i = 0; i < n; ++i) {
    if (all[i].owner != i) continue;
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

ATTENDSEG_NAMESPACE_END
