// SPDX-License-Identifier: Apache-2.0
#include "attendseg/nn/graph.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "attendseg/nn/layer_table.hpp"
#include "tests/support/descriptions.hpp"

using namespace attendseg;

namespace {

constexpr Graph flagship_graph = lower(test::flagship());
static_assert(flagship_graph.valid());
static_assert(test::flagship().total_stride() == 32 && test::flagship().output_stride() == 4);
// The limits of the product, as constant expressions.
static_assert(totals(flagship_graph, 512, 512).parameters <= 1'190'000);
static_assert(totals(flagship_graph, 512, 512).macs <= 2'000'000'000);
static_assert(totals(flagship_graph, 512, 512).weight_bytes <= 1'250'000);

int index_of(const Graph& g, std::string_view name) {
  for (int i = 0; i < g.size(); ++i)
    if (g[i].name.view() == name) return i;
  return -1;
}

}  // namespace

TEST_CASE("names append numbers and tell when they do not fit") {
  CHECK(((Name("stage") + 3 + ".block") + 12).view() == "stage3.block12");
  CHECK((Name("x") + 0).view() == "x0");
  Name n;
  for (int i = 0; i < 48; ++i) n.append("y");
  CHECK_FALSE(n.cut);
  n.append("z");
  CHECK(n.cut);
  CHECK(n.view().size() == 48);
}

TEST_CASE("the flagship lowers to the operators that its description says") {
  const Graph g = lower(test::flagship());
  std::set<std::string> names;
  for (int i = 0; i < g.size(); ++i) {
    names.insert(std::string(g[i].name.view()));
    for (const int input : g[i].inputs) CHECK(input < i);
  }
  CHECK(static_cast<int>(names.size()) == g.size());
  CHECK(g[0].op == Op::input);
  CHECK(g.result().name.view() == "head");
  CHECK(g.result().shape(384, 480) == Shape{96, 120, 11});

  const Node& down = g[index_of(g, "stage2.block1.depthwise")];
  CHECK(down.conv == ConvSpec{.in_channels = 64, .out_channels = 64, .kernel = 3, .stride = 2, .dilation = 1,
                              .groups = 64, .padding = 1, .activation = Activation::relu});
  CHECK(down.shape(512, 512) == Shape{64, 64, 64});
  CHECK(g[index_of(g, "stage3.block5.depthwise")].conv.dilation == 4);
  CHECK(g[index_of(g, "stage3.block5.depthwise")].conv.padding == 4);
  const Node& gate = g[index_of(g, "stage3.block7.condenser.gate")];
  CHECK(gate.scales == 288);
  CHECK(gate.inputs[0] == index_of(g, "stage3.block7.depthwise"));
  CHECK(gate.inputs[1] == index_of(g, "stage3.block7.condenser.attend"));
  CHECK(index_of(g, "stage2.block1.add") == -1);
  CHECK(g[index_of(g, "stage2.block2.add")].inputs[0] == index_of(g, "stage2.block1.project"));
  CHECK(g[index_of(g, "decoder1.skip")].inputs[0] == index_of(g, "stage2.block3.add"));
}

TEST_CASE("as many decoder steps as stages end at the stem") {
  Description d = test::flagship();
  d.decoder = {64, 32, 16};
  d.decoder_count = 3;
  CHECK(d.output_stride() == 2);
  const auto graph = std::make_unique<Graph>(lower(d));
  const Graph& g = *graph;
  REQUIRE(g.valid());
  CHECK(g[index_of(g, "decoder2.skip")].inputs[0] == index_of(g, "stage1.block2.add"));
  CHECK(g[index_of(g, "decoder3.skip")].inputs[0] == index_of(g, "stem"));
  CHECK(g[index_of(g, "decoder3.upsample")].factor == 2);
  CHECK(g.result().shape(384, 480) == Shape{192, 240, 11});
  // Read by the first block and by the decoder, so it is in no block with either.
  CHECK(g[index_of(g, "stem")].block != g[index_of(g, "stage1.block1.expand")].block);
}

TEST_CASE("counts agree with a count by hand") {
  Graph g;
  int x = g.input(3);
  x = g.conv("a", x, {.out_channels = 8, .kernel = 3, .stride = 2});
  x = g.conv("b", x, {.out_channels = 8, .kernel = 3, .groups = 8});
  const int q = g.pool("q", x, Op::max_pool, 2);
  x = g.gate("gate", x, g.conv("k", q, {.out_channels = 8}), 2, Interpolation::nearest, 8);
  const Totals t = totals(g, 64, 32);
  CHECK(t.parameters == (8 * 27 + 8) + (8 * 9 + 8) + (64 + 8) + 8);
  CHECK(t.macs == 32 * 16 * 8 * 27 + 32 * 16 * 8 * 9 + 16 * 8 * 64);
  CHECK(layer_table(g, 64, 32)[5].activation_bytes == 32 * 16 * 8);
}

TEST_CASE("the largest description fits, and what does not fit is told") {
  CHECK(lower(test::largest()).valid());
  Graph g;
  int x = g.input(1);
  for (int i = 1; i < max_nodes; ++i) x = g.conv("c", x, {.out_channels = 1});
  CHECK(g.valid());
  g.conv("one too many", x, {.out_channels = 1});
  CHECK_FALSE(g.valid());

  Graph odd;
  odd.add("sum", odd.input(3), 7);
  CHECK_FALSE(odd.valid());
  Graph uneven;
  const int in = uneven.input(3);
  uneven.add("sum", in, uneven.conv("c", in, {.out_channels = 4}));
  CHECK_FALSE(uneven.valid());
  Graph groups;
  groups.conv("c", groups.input(3), {.out_channels = 4, .groups = 2});
  CHECK_FALSE(groups.valid());
}
