// SPDX-License-Identifier: Apache-2.0
#include "attendseg/nn/rows_needed.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "attendseg/reference/upsample_i8.hpp"
#include "tests/support/descriptions.hpp"

using namespace attendseg;

namespace {

/// Rows of an input of `height` that row y reads, from the operator's definition.
Rows row_reads(const Node& n, int which, int y, int height) {
  int first = height, last = -1;
  const auto read = [&](int row) {
    if (row < 0 || row >= height) return;
    first = std::min(first, row), last = std::max(last, row);
  };
  switch (n.op) {
    case Op::conv:
      for (int k = 0; k < n.conv.kernel; ++k) read(y * n.conv.stride - n.conv.padding + k * n.conv.dilation);
      break;
    case Op::max_pool:
    case Op::average_pool:
      for (int k = 0; k < n.factor; ++k) read(y * n.factor + k);
      break;
    case Op::gate:
    case Op::upsample:
    case Op::classify: {
      if ((n.op == Op::gate && which == 0) || n.factor == 1) {
        read(y);
      } else if (n.op != Op::classify && n.interpolation == Interpolation::nearest) {
        read(y / n.factor);
      } else {
        const auto tap = reference::bilinear_tap(y, n.factor, height);
        read(tap.first), read(tap.second);
      }
      break;
    }
    default: read(y);
  }
  return {first, last + 1};
}

void check(const Node& n, int which, int out_height, int in_height) {
  CAPTURE(n.name.view());
  int wrong = 0;
  for (int begin = 0; begin < out_height; ++begin)
    for (int end = begin + 1; end <= out_height; end += 1 + end % 5) {
      const Rows met = rows_needed(n, which, {begin, end}, in_height);
      Rows want{in_height, 0};
      for (int y = begin; y < end; ++y) {
        const Rows r = row_reads(n, which, y, in_height);
        want = {std::min(want.begin, r.begin), std::max(want.end, r.end)};
      }
      // Never too few; few of no use, where taps that are apart straddle the picture's edge.
      const int loose = n.op == Op::conv ? n.conv.dilation : 1;
      wrong += met.begin > want.begin || met.end < want.end || met.begin < want.begin - loose ||
               met.end > want.end + loose;
    }
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("every node of a network reads the rows that it says, and hardly more") {
  Description d = test::flagship();
  d.stages[0].condenser.expand = Interpolation::bilinear;
  d.stages[1].condenser = {.factor = 4, .embedding = Embedding::grouped, .groups = 4, .twice = true};
  const Graph g = lower(d);
  for (const Node& n : g)
    for (int which = 0; which < 2; ++which) {
      const int input = n.inputs[static_cast<std::size_t>(which)];
      if (input >= 0) check(n, which, n.shape(128, 64).height, g[input].shape(128, 64).height);
    }
}

TEST_CASE("classification and other factors") {
  Graph g;
  const int x = g.conv("x", g.input(3), {.out_channels = 4, .kernel = 5, .stride = 2, .dilation = 2});
  check(g[x], 0, 20, 40);
  for (const int factor : {1, 2, 4, 8}) {
    Graph with = g;
    const int labels = with.classify("labels", x, factor);
    check(with[labels], 0, 20 * factor, 20);
  }
}

TEST_CASE("above the picture nothing is needed, and needs never fall") {
  const Graph g = lower(test::flagship());
  for (const Node& n : g)
    for (int which = 0; which < 2; ++which) {
      const int input = n.inputs[static_cast<std::size_t>(which)];
      if (input < 0) continue;
      const int height = g[input].shape(64, 64).height;
      int wrong = 0, before = -1000000;
      for (int end = -200; end <= n.shape(64, 64).height; ++end) {
        const int met = rows_needed(n, which, {end - 1, end}, height).end;
        wrong += met < before;
        before = met;
      }
      CHECK(wrong == 0);
      CHECK(rows_needed(n, which, {-101, -100}, height).end <= 0);
    }
}
