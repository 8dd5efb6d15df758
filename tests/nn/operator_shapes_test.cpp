// SPDX-License-Identifier: Apache-2.0
// The list of distinct operators behind shape tests and benchmarks.
#include "attendseg/nn/operator_shapes.hpp"

#include <string>

#include <doctest/doctest.h>

#include "attendseg/models/lower.hpp"
#include "tests/support/descriptions.hpp"

using namespace attendseg;

namespace {

/// Two convolutions of one shape, one that differs in its dilation alone, a gate and a sum.
constexpr Graph small() {
  Graph g;
  int x = g.input(3);
  x = g.conv("stem", x, {.out_channels = 8, .kernel = 3, .stride = 2});
  const int a = g.conv("a", x, {.out_channels = 8, .kernel = 3, .groups = 8});
  const int b = g.conv("b", a, {.out_channels = 8, .kernel = 3, .groups = 8});
  const int c = g.conv("c", b, {.out_channels = 8, .kernel = 3, .dilation = 2, .groups = 8});
  const int q = g.pool("q", c, Op::max_pool, 2);
  const int v = g.gate("gate", c, q, 2, Interpolation::nearest, 8);
  g.concat("both", g.add("sum", v, a), x);
  return g;
}

}  // namespace

TEST_CASE("equal work is one line that counts its nodes, different work another") {
  const auto shapes = operator_shapes(small(), 64, 32);
  REQUIRE(shapes.size() == 7);
  CHECK(describe(shapes[0]) == "conv 3x3 stride 2, 3->8 @ 32x16");
  CHECK(describe(shapes[1]) == "depthwise 3x3, 8 @ 32x16");
  CHECK(shapes[1].nodes == 2);
  CHECK(shapes[1].first == 2);
  CHECK(describe(shapes[2]) == "depthwise 3x3 dilation 2, 8 @ 32x16");
  CHECK(shapes[2].nodes == 1);
  CHECK(describe(shapes[3]) == "max pool /2, 8 @ 16x8");
  CHECK(describe(shapes[4]) == "gate nearest x2, 8 @ 32x16");
  CHECK(shapes[4].b == Shape{16, 8, 8});
  CHECK(shapes[4].values() == 2 * 32 * 16 * 8 + 16 * 8 * 8);
  CHECK(describe(shapes[5]) == "add, 8 @ 32x16");
  CHECK(describe(shapes[6]) == "concat, 8+8 @ 32x16");
  CHECK(shapes[6].out == Shape{32, 16, 16});
}

TEST_CASE("the list adds up to the graph") {
  for (const Description& d : {test::flagship(), test::largest()}) {
    const Graph g = lower(d);
    const int side = 4 * d.total_stride();
    const Totals whole = totals(g, side, side);
    int nodes = 0;
    std::int64_t macs = 0, weight_bytes = 0;
    for (const OperatorShape& s : operator_shapes(g, side, side)) {
      nodes += s.nodes;
      macs += s.nodes * s.macs;
      weight_bytes += s.nodes * s.weight_bytes;
      CAPTURE(describe(s));
      CHECK(g[s.first].op == s.op);
      CHECK(s.out == g[s.first].shape(side, side));
      if (s.op == Op::conv) CHECK(s.out == s.conv.out_shape(s.a));
    }
    CHECK(nodes == g.size() - 1);
    CHECK(macs == whole.macs);
    CHECK(weight_bytes == whole.weight_bytes);
  }
}
