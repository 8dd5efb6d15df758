// SPDX-License-Identifier: Apache-2.0
// Int8 enlargement against its law.
#include "attendseg/ops/upsample_i8.hpp"

#include <cstring>

#include <doctest/doctest.h>

#include "attendseg/reference/upsample_i8.hpp"
#include "tests/support/random.hpp"

using namespace attendseg;
using namespace test;

TEST_CASE("enlargement equals its reference at every factor, channel count and misalignment, whole and in bands") {
  std::uint64_t seed = 0;
  for (const auto how : {Interpolation::nearest, Interpolation::bilinear})
    for (const int factor : {2, 4, 8})
      for (const int channels : {1, 3, 11, 16, 17, 33, 64, 65, 128, 129})
        for (const int height : {1, 3})
          for (const int width : {1, 2, 5}) {
            const Shape large{height * factor, width * factor, channels};
            GuardedBytes<std::int8_t> in({height, width, channels}, height % 2, width % 3);
            GuardedBytes<std::int8_t> out(large, width % 4, 3), wanted(large);
            ++seed;
            in.fill(seed, {-128, 127, seed % 3 == 0});
            reference::upsample(in.view(), wanted.view(), factor, how);
            const int cut = 1 + static_cast<int>(seed % static_cast<std::uint64_t>(large.height - 1));
            ops::upsample(in.view(), out.view(), factor, how, {cut, large.height});
            ops::upsample(in.view(), out.view(), factor, how, {0, cut});
            CAPTURE(channels);
            CAPTURE(factor);
            CHECK(difference(out.view(), wanted.view()) == "");
            CHECK(out.intact());
          }
}

TEST_CASE("bilinear enlargement keeps a constant, at both ends of the range") {
  for (const int q : {-128, -1, 0, 127})
    for (const int factor : {2, 4, 8}) {
      Tensor<std::int8_t> in({2, 2, 3}), out({2 * factor, 2 * factor, 3});
      std::memset(in.data(), q, 12);
      ops::upsample(in.view(), out.view(), factor, Interpolation::bilinear, {0, 2 * factor});
      for (int i = 0; i < 12 * factor * factor; ++i) REQUIRE(out.data()[i] == q);
    }
}

TEST_CASE("half-pixel centres: weights of a step enlarged by 2 are 1, 3/4, 1/4, 0") {
  Tensor<std::int8_t> in({1, 2, 1}), out({2, 4, 1});
  in(0, 0, 0) = 100;
  ops::upsample(in.view(), out.view(), 2, Interpolation::bilinear, {0, 2});
  for (const int y : {0, 1}) {
    CHECK(out(y, 0, 0) == 100);
    CHECK(out(y, 1, 0) == 75);
    CHECK(out(y, 2, 0) == 25);
    CHECK(out(y, 3, 0) == 0);
  }
}
