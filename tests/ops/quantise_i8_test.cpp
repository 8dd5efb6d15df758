// SPDX-License-Identifier: Apache-2.0
// Between floats and the int8 grid, against the law.
#include "attendseg/ops/quantise.hpp"

#include <algorithm>
#include <cstdlib>

#include <doctest/doctest.h>

#include "attendseg/reference/quantise.hpp"
#include "tests/support/random.hpp"

using namespace attendseg;
using namespace test;

TEST_CASE("quantising equals its reference, saturates, and takes back what dequantising gives") {
  const Shape shape{2, 50, 7};
  for (const Quantisation grid : {Quantisation{0.5F, 0}, Quantisation{0.0625F, -128}, Quantisation{0.013F, 17}}) {
    Tensor<float> values(shape), back(shape);
    Tensor<std::int8_t> q(shape), wanted(shape);
    Random random(4);
    for (int i = 0; i < shape.size(); ++i) values.data()[i] = static_cast<float>(random.between(-4000, 4000)) * 0x1p-8F;
    values(0, 0, 0) = 3e38F, values(0, 1, 0) = -3e38F, values(0, 2, 0) = 0.0F;
    reference::quantise(values.view(), wanted.view(), grid);
    ops::quantise(values.view(), q.view(), grid, {1, 2});
    ops::quantise(values.view(), q.view(), grid, {0, 1});
    // A reciprocal (as -ffast-math may take) moves results that lie on a half, if the scale is no power of two.
    int worst = 0;
    for (int i = 0; i < shape.size(); ++i) worst = std::max(worst, std::abs(q.data()[i] - wanted.data()[i]));
    CHECK(worst <= (grid.scale == 0.013F ? 1 : 0));
    CHECK(q(0, 0, 0) == 127);
    CHECK(q(0, 1, 0) == -128);
    CHECK(q(0, 2, 0) == grid.zero_point);
    ops::dequantise(q.view(), values.view(), grid, {0, 2});
    reference::dequantise(q.view(), back.view(), grid);
    for (int i = 0; i < shape.size(); ++i) REQUIRE(values.data()[i] == back.data()[i]);
    ops::quantise(values.view(), wanted.view(), grid, {0, 2});
    CHECK(difference(wanted.view(), q.view()) == "");
  }
}

TEST_CASE("requantise: halves go to the even neighbour, the zero point is added afterwards") {
  CHECK(reference::requantise(1, 0.5F, 0, -128) == 0);
  CHECK(reference::requantise(3, 0.5F, 0, -128) == 2);
  CHECK(reference::requantise(-1, 0.5F, 1, -128) == 1);
  CHECK(reference::requantise(-3, 0.5F, 1, -128) == -1);
  CHECK(reference::requantise(1000, 1.0F, 0, -128) == 127);
  CHECK(reference::requantise(-1000, 1.0F, 5, 5) == 5);
  CHECK(reference::requantise(1 << 30, 0.5F, 127, -128) == 127);
}
