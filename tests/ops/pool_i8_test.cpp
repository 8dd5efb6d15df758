// SPDX-License-Identifier: Apache-2.0
// Int8 pooling against its law.
#include "attendseg/ops/pool_i8.hpp"

#include <cstring>

#include <doctest/doctest.h>

#include "attendseg/reference/pool_i8.hpp"
#include "tests/support/random.hpp"

using namespace attendseg;
using namespace test;

TEST_CASE("pools equal their reference at every channel count, factor and misalignment, whole and in bands") {
  for (const int channels : {1, 3, 5, 16, 17, 33, 64, 100, 127, 128, 129, 288})
    for (const int factor : {2, 4, 8})
      for (const int width : {1, 2, 5})
        for (const bool extremes : {false, true}) {
          const Shape small{3, width, channels};
          GuardedBytes<std::int8_t> in({3 * factor, width * factor, channels}, channels % 4, width % 3);
          GuardedBytes<std::int8_t> out(small, width % 2, 3), wanted(small);
          in.fill(static_cast<std::uint64_t>(channels * 100 + width), {-128, 127, extremes});
          CAPTURE(channels);
          CAPTURE(factor);
          reference::max_pool(in.view(), wanted.view(), factor);
          ops::max_pool(in.view(), out.view(), factor, {1, 3});
          ops::max_pool(in.view(), out.view(), factor, {0, 1});
          CHECK(difference(out.view(), wanted.view()) == "");
          reference::average_pool(in.view(), wanted.view(), factor);
          ops::average_pool(in.view(), out.view(), factor, {2, 3});
          ops::average_pool(in.view(), out.view(), factor, {0, 2});
          CHECK(difference(out.view(), wanted.view()) == "");
          CHECK(out.intact());
        }
}

TEST_CASE("average pooling rounds halves up and keeps the ends of the range") {
  for (const int q : {-128, -127, -1, 0, 1, 126, 127}) {
    Tensor<std::int8_t> in({2, 2, 1}), out({1, 1, 1});
    std::memset(in.data(), q, 4);
    ops::average_pool(in.view(), out.view(), 2, {0, 1});
    CHECK(out(0, 0, 0) == q);
  }
  Tensor<std::int8_t> in({2, 2, 1}), out({1, 1, 1});
  in(0, 0, 0) = -2;  // mean -0.5
  ops::average_pool(in.view(), out.view(), 2, {0, 1});
  CHECK(out(0, 0, 0) == 0);
  in(0, 0, 0) = 2;  // mean 0.5
  ops::average_pool(in.view(), out.view(), 2, {0, 1});
  CHECK(out(0, 0, 0) == 1);
}
