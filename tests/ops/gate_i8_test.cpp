// SPDX-License-Identifier: Apache-2.0
// The int8 gate against its law.
#include "attendseg/ops/gate_i8.hpp"

#include <vector>

#include <doctest/doctest.h>

#include "attendseg/reference/gate_i8.hpp"
#include "tests/support/random.hpp"

using namespace attendseg;
using namespace test;

namespace {

void check(Shape shape, int factor, Interpolation how, int zero_point, bool extremes, std::uint64_t seed) {
  const auto table = random_values<std::int16_t>(256, seed, {0, 32767, extremes});
  const int gap = static_cast<int>(seed % 3);
  GuardedBytes<std::int8_t> v(shape, gap, 3), out(shape, 1, gap), wanted(shape);
  GuardedBytes<std::int8_t> a({shape.height / factor, shape.width / factor, shape.channels}, 3, 1);
  v.fill(seed + 1, {-128, 127, extremes});
  a.fill(seed + 2, {-128, 127, extremes});
  std::vector<std::int16_t> scratch(ops::gate_scratch_bytes(shape, factor) / 2 + 1);
  std::byte* const work = reinterpret_cast<std::byte*>(scratch.data());
  reference::gate(v.view(), a.view(), table.data(), zero_point, factor, how, wanted.view());
  const int height = shape.height;
  ops::gate(v.view(), a.view(), table.data(), zero_point, factor, how, out.view(), {height / 2, height}, work);
  ops::gate(v.view(), a.view(), table.data(), zero_point, factor, how, out.view(), {0, 1}, work);
  ops::gate(v.view(), a.view(), table.data(), zero_point, factor, how, out.view(), {1, height / 2}, work);
  CAPTURE(shape.width);
  CAPTURE(shape.channels);
  CAPTURE(factor);
  CHECK(difference(out.view(), wanted.view()) == "");
  CHECK(out.intact());
  ops::gate(v.view(), a.view(), table.data(), zero_point, factor, how, v.view(), {0, height}, work);
  CHECK(difference(v.view(), wanted.view()) == "");
  CHECK(v.intact());
}

}  // namespace

TEST_CASE("the gate equals its reference, nearest and bilinear, in bands and in place") {
  std::uint64_t seed = 0;
  for (const auto how : {Interpolation::nearest, Interpolation::bilinear})
    for (const int factor : {2, 4, 8})
      for (const int channels : {1, 3, 5, 16, 17, 33, 64, 65, 128, 129, 288})
        for (const int zero_point : {-128, 0, 17, 127})
          check({2 * factor, factor * (1 + channels % 3), channels}, factor, how, zero_point, zero_point == 0, ++seed);
  check({8, 4, 7}, 4, Interpolation::bilinear, 3, true, 99);
  check({16, 8, 7}, 8, Interpolation::nearest, 3, false, 98);
}

TEST_CASE("a gate of 32767 is the identity, a gate of 0 gives the zero point") {
  for (const int zero_point : {-128, 0, 127}) {
    Tensor<std::int8_t> v({2, 256, 1}), a({1, 128, 1}), out({2, 256, 1});
    for (int x = 0; x < 256; ++x) v(0, x, 0) = static_cast<std::int8_t>(x - 128), v(1, x, 0) = v(0, x, 0);
    std::vector<std::int16_t> table(256, 32767), scratch(600);
    std::byte* const work = reinterpret_cast<std::byte*>(scratch.data());
    ops::gate(v.view(), a.view(), table.data(), zero_point, 2, Interpolation::nearest, out.view(), {0, 2}, work);
    CHECK(difference(out.view(), v.view()) == "");
    table.assign(256, 0);
    ops::gate(v.view(), a.view(), table.data(), zero_point, 2, Interpolation::nearest, out.view(), {0, 2}, work);
    CHECK(out(1, 3, 0) == zero_point);
    CHECK(out(1, 250, 0) == zero_point);
  }
}
