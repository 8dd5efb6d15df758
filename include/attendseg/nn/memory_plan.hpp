// SPDX-License-Identifier: Apache-2.0
// Where each activation lies in one shared arena: lifetimes from the graph, places by greedy best fit.
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
  MemoryPlan plan;
  const int n = g.size();
  const auto at = [](auto& a, int i) -> auto& { return a[static_cast<std::size_t>(i)]; };
  // An allocation lives from its first write to its last read; owner[i] is the node whose bytes node i uses.
  std::array<std::int64_t, max_nodes> size{};
  std::array<std::int16_t, max_nodes> first{}, last{}, owner{};
  for (int i = 0; i < n; ++i) {
    const std::int64_t bytes = g[i].shape(height, width).size() * element_bytes;
    at(size, i) = (bytes + std::int64_t{alignment} - 1) / std::int64_t{alignment} * std::int64_t{alignment};
    at(owner, i) = at(first, i) = at(last, i) = static_cast<std::int16_t>(i);
    for (const int input : g[i].inputs)
      if (input >= 0) at(last, input) = static_cast<std::int16_t>(i);
  }
  at(last, n - 1) = static_cast<std::int16_t>(n);
  for (int i = 0; i < n && !keep_all; ++i) {
    if (g[i].op != Op::gate && g[i].op != Op::add) continue;
    for (const int input : g[i].inputs) {
      if (input < 0 || (g[i].op == Op::gate && input != g[i].inputs[0])) continue;
      const int root = at(owner, input);
      if (at(last, input) != i || at(last, root) != i || at(size, root) != at(size, i)) continue;
      at(owner, i) = static_cast<std::int16_t>(root);
      at(last, root) = at(last, i);
      break;
    }
  }
  // Largest first, each at the tightest gap among those that live at the same time.
  std::array<bool, max_nodes> placed{};
  for (int round = 0; round < n; ++round) {
    int next = -1;
    for (int i = 0; i < n; ++i)
      if (at(owner, i) == i && !at(placed, i) && (next < 0 || at(size, i) > at(size, next))) next = i;
    if (next < 0) break;
    const auto overlaps = [&](int i) {
      return at(placed, i) && (keep_all || (at(first, i) <= at(last, next) && at(first, next) <= at(last, i)));
    };
    std::int64_t best = -1, best_room = -1, cursor = 0;
    while (best < 0) {
      // The nearest conflicting allocation at or behind the cursor, and whether one covers the cursor.
      std::int64_t begin = -1, covered_to = -1;
      for (int i = 0; i < n; ++i) {
        if (!overlaps(i)) continue;
        const std::int64_t low = at(plan.offset, i), high = low + at(size, i);
        if (low <= cursor && cursor < high && high > covered_to) covered_to = high;
        if (low > cursor && (begin < 0 || low < begin)) begin = low;
      }
      if (covered_to >= 0) {
        cursor = covered_to;
      } else if (begin < 0) {
        best = best_room >= 0 ? best_room : cursor;
      } else {
        if (begin - cursor >= at(size, next) && best_room < 0) best_room = cursor;
        cursor = begin;
      }
    }
    at(plan.offset, next) = best;
    at(placed, next) = true;
    if (best + at(size, next) > plan.bytes) plan.bytes = best + at(size, next);
  }
  for (int i = 0; i < n; ++i) at(plan.offset, i) = at(plan.offset, at(owner, i));
  return plan;
}

ATTENDSEG_NAMESPACE_END
