// SPDX-License-Identifier: Apache-2.0
// Float addition against its law.
#include "attendseg/ops/add_f32.hpp"

#include <doctest/doctest.h>

#include "attendseg/reference/add_f32.hpp"
#include "tests/support/random_f32.hpp"

using namespace attendseg;
using namespace test;

TEST_CASE("addition equals its reference at every tail, in place and in bands") {
  for (int width = 1; width <= 40; ++width) {
    const Shape shape{3, width, 1};
    Guarded a(shape, width % 3, 1), b(shape, 1, width % 2), out(shape, 2, 3), wanted(shape);
    a.fill(1);
    b.fill(2);
    reference::add(a.view(), b.view(), wanted.view());
    ops::add(a.view(), b.view(), out.view(), {1, 3});
    ops::add(a.view(), b.view(), out.view(), {0, 1});
    CHECK(same(out.view(), wanted.view()));
    CHECK(out.intact());
    ops::add(a.view(), b.view(), b.view(), {0, 3});
    CHECK(same(b.view(), wanted.view()));
    b.fill(2);
    ops::add(a.view(), b.view(), a.view(), {0, 3});
    CHECK(same(a.view(), wanted.view()));
  }
}
