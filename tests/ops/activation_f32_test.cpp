// SPDX-License-Identifier: Apache-2.0
// Float activations against their law.
#include "attendseg/ops/activation_f32.hpp"

#include <cmath>

#include <doctest/doctest.h>

#include "attendseg/reference/activation_f32.hpp"
#include "tests/support/random_f32.hpp"

using namespace attendseg;
using namespace test;

TEST_CASE("activations at every tail: clamps exact, sigmoid within 8 eps, in place and in bands") {
  double largest = 0.0;
  for (int width = 1; width <= 40; ++width) {
    const Shape shape{3, width, 1};
    Guarded in(shape, width % 3, width % 2), out(shape, 1, 2), wanted(shape);
    in.fill(static_cast<std::uint32_t>(width), -12.0F, 12.0F);
    ops::relu(in.view(), out.view(), {0, 3});
    reference::activate(in.view(), Activation::relu, wanted.view());
    CHECK(same(out.view(), wanted.view()));
    CHECK(out.intact());
    ops::relu6(in.view(), out.view(), {0, 3});
    reference::activate(in.view(), Activation::relu6, wanted.view());
    CHECK(same(out.view(), wanted.view()));
    ops::activate(in.view(), Activation::none, out.view(), {0, 3});
    CHECK(same(out.view(), in.view()));

    in.fill(9, -80.0F, 80.0F);
    reference::sigmoid(in.view(), wanted.view());
    ops::sigmoid(in.view(), out.view(), {1, 3});
    ops::sigmoid(in.view(), out.view(), {0, 1});
    largest = std::fmax(largest, worst(out.view(), wanted.view(),
                                       [&](int y, int x, int c) { return 8 * eps * wanted.view()(y, x, c); }));
    CHECK(out.intact());
    ops::sigmoid(in.view(), in.view(), {0, 3});
    CHECK(same(in.view(), out.view()));
  }
  CHECK(largest <= 1.0);
}
