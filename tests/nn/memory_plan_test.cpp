// SPDX-License-Identifier: Apache-2.0
#include "attendseg/nn/memory_plan.hpp"

#include <doctest/doctest.h>

#include "tests/support/descriptions.hpp"

using namespace attendseg;

namespace {

// A device's budget is a constant expression.
static_assert(plan_memory(lower(test::flagship()), 512, 512, 1).bytes <= 5 << 20);

int last_use(const Graph& g, int node) {
  int last = node == g.size() - 1 ? g.size() : node;
  for (int i = 0; i < g.size(); ++i)
    for (const int input : g[i].inputs)
      if (input == node) last = i;
  return last;
}

/// Replays a run and counts reads of bytes that somebody else has written since.
int spoiled_reads(const Graph& g, const MemoryPlan& plan, int height, int width, int element) {
  int spoiled = 0;
  const auto begin = [&](int i) { return plan.offset[static_cast<std::size_t>(i)]; };
  const auto end = [&](int i) { return begin(i) + g[i].shape(height, width).size() * element; };
  for (int i = 0; i < g.size(); ++i)
    for (int writer = i + 1; writer <= last_use(g, i) && writer < g.size(); ++writer) {
      if (begin(writer) >= end(i) || begin(i) >= end(writer)) continue;
      // Writing over an input is allowed where nobody reads it later, element by element at the same place.
      const bool in_place = writer == last_use(g, i) && begin(writer) == begin(i) && end(writer) == end(i) &&
                            (g[writer].op == Op::add || (g[writer].op == Op::gate && g[writer].inputs[0] == i));
      spoiled += !in_place;
    }
  return spoiled;
}

}  // namespace

TEST_CASE("no activation is written over while it is still to be read") {
  for (const Description& d : {test::flagship(), test::largest()}) {
    const Graph g = lower(d);
    for (const int element : {1, 4})
      for (const bool keep : {false, true}) {
        const MemoryPlan plan = plan_memory(g, 96, 64, element, keep);
        CHECK(spoiled_reads(g, plan, 96, 64, element) == 0);
        std::int64_t end = 0;
        for (int i = 0; i < g.size(); ++i) {
          CHECK(plan.offset[static_cast<std::size_t>(i)] % std::int64_t{alignment} == 0);
          end = std::max(end, plan.offset[static_cast<std::size_t>(i)] + g[i].shape(96, 64).size() * element);
        }
        CHECK(end <= plan.bytes);
      }
  }
}

TEST_CASE("reuse saves memory: never below the two largest neighbours, far below the sum") {
  const Graph g = lower(test::flagship());
  const MemoryPlan plan = plan_memory(g, 512, 512, 1), all = plan_memory(g, 512, 512, 1, true);
  std::int64_t pair = 0;
  for (int i = 1; i < g.size(); ++i)
    if (g[i].op == Op::conv)
      pair = std::max(pair, g[i].shape(512, 512).size() + g[g[i].inputs[0]].shape(512, 512).size());
  CHECK(plan.bytes >= pair);
  CHECK(plan.bytes <= pair + pair / 4);
  CHECK(all.bytes > 5 * plan.bytes);
}

TEST_CASE("keeping everything gives every node bytes of its own") {
  const Graph g = lower(test::flagship());
  const MemoryPlan plan = plan_memory(g, 64, 96, 1, true);
  for (int i = 0; i < g.size(); ++i)
    for (int j = 0; j < i; ++j) {
      const std::int64_t a = plan.offset[static_cast<std::size_t>(i)], b = plan.offset[static_cast<std::size_t>(j)];
      const bool apart = a + g[i].shape(64, 96).size() <= b || b + g[j].shape(64, 96).size() <= a;
      CHECK(apart);
    }
}
