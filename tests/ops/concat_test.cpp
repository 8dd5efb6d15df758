// SPDX-License-Identifier: Apache-2.0
// Concatenation against its law.
#include "attendseg/ops/concat.hpp"

#include <doctest/doctest.h>

#include "attendseg/reference/concat.hpp"
#include "tests/support/random.hpp"

using namespace attendseg;
using namespace test;

TEST_CASE("concatenation equals its reference") {
  for (const int channels_a : {1, 3, 16, 17, 100})
    for (const int channels_b : {1, 5, 64})
      for (const int width : {1, 7}) {
        GuardedBytes<std::int8_t> a({3, width, channels_a}, 1, 3), b({3, width, channels_b}, 3, 0);
        GuardedBytes<std::int8_t> out({3, width, channels_a + channels_b}, 2, 1), wanted(out.view().shape);
        a.fill(1), b.fill(2);
        reference::concat<std::int8_t>(a.view(), b.view(), wanted.view());
        ops::concat(a.view(), b.view(), out.view(), {1, 3});
        ops::concat(a.view(), b.view(), out.view(), {0, 1});
        CHECK(difference(out.view(), wanted.view()) == "");
        CHECK(out.intact());
      }
}

TEST_CASE("concatenation of floats") {
  Tensor<float> a({1, 2, 1}), b({1, 2, 2}), out({1, 2, 3});
  a(0, 1, 0) = 0.5F, b(0, 0, 1) = -2.0F, b(0, 1, 0) = 3.0F;
  ops::concat(a.view(), b.view(), out.view(), {0, 1});
  CHECK(out(0, 0, 2) == -2.0F);
  CHECK(out(0, 1, 0) == 0.5F);
  CHECK(out(0, 1, 1) == 3.0F);
}
