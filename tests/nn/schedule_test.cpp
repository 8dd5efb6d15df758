// SPDX-License-Identifier: Apache-2.0
// Schedules carried out without arithmetic: whatever a node reads must still be there, whoever runs it.
#include "attendseg/nn/schedule.hpp"

#include "attendseg/nn/fusion.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "tests/support/descriptions.hpp"

using namespace attendseg;

namespace {

std::unique_ptr<Graph> with_labels(const Description& d, bool fused = false) {
  auto g = std::make_unique<Graph>(lower(d));
  if (fused) absorb(*g, true, true);
  g->classify("labels", g->size() - 1, d.output_stride());
  return g;
}

/// Where rows lie: for each tensor the row that each slot of its memory holds (-1: none).
struct Memory {
  std::vector<std::vector<int>> slots;
  explicit Memory(std::size_t nodes) : slots(nodes) {}
};

/// Runs a schedule and counts reads of rows that are not there (any more), and rows made twice by one worker.
int mistakes(const Graph& g, const Schedule& plan) {
  const ScheduleOptions& o = plan.options;
  const auto height = [&](int i) { return o.height >> g[i].log2_stride; };
  const auto index = [](int i) { return static_cast<std::size_t>(i); };
  Memory shared(index(g.size()));
  const auto held = [&](int i) { return std::min(plan.ring[index(i)], height(i)); };
  for (int i = 0; i < g.size(); ++i) shared.slots[index(i)].assign(index(held(i)), -1);
  if (o.given_input)
    for (int y = 0; y < o.height; ++y) shared.slots[0][index(y)] = y;
  int wrong = 0;
  for (int k = 0; k < plan.segment_count; ++k) {
    const Segment& s = plan.segments[index(k)];
    const int rows = s.last == g.size() - 1 ? plan.result_rows(g) : height(s.last);
    const int bands = s.first == s.last ? 1 : std::min(o.bands, rows);
    for (int b = 0; b < bands; ++b) {
      Memory own(index(g.size()));
      for (int i = s.first; i < s.last; ++i) own.slots[index(i)].assign(index(held(i)), -1);
      const auto slots = [&](int i) -> std::vector<int>& {
        return i >= s.first && i < s.last ? own.slots[index(i)] : shared.slots[index(i)];
      };
      const auto run = [&](int node, Rows out) {
        detail::each_read(g, node, out, o.height, [&](int j, Rows needed) {
          for (int y = needed.begin; y < needed.end; ++y) wrong += slots(j)[index(y % held(j))] != y;
        });
        for (int y = out.begin; y < out.end; ++y) {
          int& slot = slots(node)[index(y % held(node))];
          wrong += slot == y || y < 0 || y >= height(node);
          slot = y;
        }
      };
      const Rows band = detail::band_of(rows, b, bands);
      if (s.first == s.last) {
        run(s.first, band);
        continue;
      }
      Stream stream(g, s, o.height, band.begin);
      for (int y = stream.start(); y < band.end;) stream.advance(y = std::min(y + s.strip, band.end), run);
    }
  }
  for (int y = 0; y < plan.result_rows(g); ++y)
    wrong += shared.slots[index(g.size() - 1)][index(y % held(g.size() - 1))] != y;
  return wrong;
}

Description awkward() {
  Description d = test::flagship();
  d.stages[0].condenser.expand = Interpolation::bilinear;
  d.stages[1].condenser = {.factor = 4, .embedding = Embedding::grouped, .groups = 4, .twice = true};
  return d;
}

}  // namespace

TEST_CASE("whatever a node reads is there: every schedule, cache, strip and number of bands") {
  for (const Description& d : {test::flagship(), awkward()})
    for (const bool fused : {false, true})
      for (const int height : {64, 320}) {
        const auto g = with_labels(d, fused);
        ScheduleOptions o{.height = height, .width = 64, .rows = height - 13};
        auto plan = std::make_unique<Schedule>();
        for (const bool keep : {false, true}) {
          *plan = schedule_layers(*g, o, keep);
          CHECK(mistakes(*g, *plan) == 0);
        }
        for (const int bands : {1, 2, 3, 7})
          for (const int cache : {1 << 10, 20000, 70000, 1 << 17, 1 << 19}) {
            o.bands = bands;
            o.cache_bytes = cache;
            CAPTURE(bands);
            CAPTURE(cache);
            *plan = schedule_speed(*g, o);
            CHECK(mistakes(*g, *plan) == 0);
          }
        for (const int strip : {1, 3, 4, 32, 64, 1000}) {
          CAPTURE(strip);
          *plan = schedule_rows(*g, o, strip);
          CHECK(plan->segment_count == 1);
          CHECK(mistakes(*g, *plan) == 0);
        }
      }
}

TEST_CASE("what is absorbed: gates before 1x1 convolutions, convolutions before sums, nothing that others read") {
  const auto g = with_labels(test::flagship(), true);
  int gates = 0, sums = 0;
  for (const Node& n : *g) {
    if (!n.absorbed) continue;
    gates += n.op == Op::gate;
    sums += n.op == Op::conv;
  }
  CHECK(gates == 12);
  CHECK(sums == 9 + 2);  // residual blocks, decoder steps
  CHECK(with_labels(test::flagship(), true)->result().op == Op::classify);
  const auto plain = with_labels(test::flagship());
  const ScheduleOptions o{.height = 512, .width = 512};
  CHECK(schedule_rows(*g, o, 8).bytes() < schedule_rows(*plain, o, 8).bytes());
  CHECK(schedule_layers(*g, o, false).bytes() <= schedule_layers(*plain, o, false).bytes());
}

TEST_CASE("by rows, memory grows with the width and not with the height") {
  const auto g = with_labels(test::flagship());
  const auto bytes = [&](int height, int width) {
    return schedule_rows(*g, {.height = height, .width = width, .rows = height}, 4).bytes();
  };
  CHECK(bytes(1024, 1024) == bytes(8192, 1024));
  CHECK(bytes(4096, 4096) <= 64 << 20);
  CHECK(bytes(2048, 512) < bytes(2048, 1024));
  CHECK(bytes(2048, 1024) <= 2 * bytes(2048, 512));
}

TEST_CASE("for speed, large blocks run in strips and small ones layer by layer") {
  const auto g = with_labels(test::flagship());
  const auto plan = [&](int side, int cache) {
    return std::make_unique<Schedule>(schedule_speed(*g, {.height = side, .width = side, .cache_bytes = cache}));
  };
  const auto strips = [](const Schedule& s) {
    int n = 0;
    for (int k = 0; k < s.segment_count; ++k) n += s.segments[static_cast<std::size_t>(k)].first !=
                                                   s.segments[static_cast<std::size_t>(k)].last;
    return n;
  };
  CHECK(strips(*plan(64, 1 << 20)) == 0);
  CHECK(strips(*plan(512, 1 << 20)) > 2);
  CHECK(strips(*plan(512, 1 << 20)) < 14);
  CHECK(strips(*plan(2048, 1 << 20)) == 14);  // twelve blocks and two decoder steps
  CHECK(plan(512, 1 << 20)->bytes() < schedule_layers(*g, {.height = 512, .width = 512}, false).bytes() / 2);
  // A block of which more than the last node is read later cannot run in strips of its own.
  Graph open;
  int x = open.conv("a", open.input(8), {.out_channels = 8, .kernel = 3});
  const int kept = x;
  x = open.conv("b", x, {.out_channels = 8, .kernel = 3});
  open.begin_block();
  x = open.conv("c", x, {.out_channels = 8, .kernel = 3});
  open.add("d", kept, x);
  const auto joined = std::make_unique<Schedule>(schedule_speed(open, {.height = 64, .width = 64, .cache_bytes = 1000}));
  CHECK(joined->segment_count == 1);
  CHECK(mistakes(open, *joined) == 0);
}

TEST_CASE("a schedule is a constant expression where its arguments are") {
  constexpr Graph g = [] {
    Graph small;
    const int x = small.conv("a", small.input(3), {.out_channels = 8, .kernel = 3, .stride = 2});
    small.conv("b", x, {.out_channels = 8, .kernel = 3});
    return small;
  }();
  constexpr std::int64_t bytes = schedule_rows(g, {.height = 32, .width = 32}, 1).bytes();
  static_assert(bytes > 0 && bytes < 32 * 32 * 3);
  CHECK(bytes == schedule_rows(g, {.height = 64, .width = 32}, 1).bytes());
}
