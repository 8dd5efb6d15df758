// SPDX-License-Identifier: Apache-2.0
// Integer resampling against its law.
#include "attendseg/ops/resample_u8.hpp"

#include <vector>

#include <doctest/doctest.h>

#include "attendseg/reference/resample_u8.hpp"
#include "tests/support/random.hpp"

using namespace attendseg;
using namespace test;

TEST_CASE("area averages equal their reference, whole and in bands") {
  Random random(1);
  for (int n = 0; n < 200; ++n) {
    const int channels = 1 + n % 4, height = random.between(1, 40), width = random.between(1, 40);
    const Shape small{n % 9 == 0 ? height : random.between(1, height), n % 7 == 0 ? width : random.between(1, width),
                      channels};
    GuardedBytes<std::uint8_t> in({height, width, channels}, n % 4, n % 3), out(small, 1, n % 5), wanted(small);
    in.fill(static_cast<std::uint64_t>(n), {0, 255, n % 3 == 0});
    std::vector<std::uint32_t> scratch(ops::resample_scratch_bytes(in.view().shape, small) / 4);
    std::byte* const work = reinterpret_cast<std::byte*>(scratch.data());
    reference::resample(in.view(), wanted.view());
    const int cut = small.height / 2;
    ops::resample(in.view(), out.view(), {cut, small.height}, work);
    ops::resample(in.view(), out.view(), {0, cut}, work);
    CAPTURE(n);
    CHECK(difference(out.view(), wanted.view()) == "");
    CHECK(out.intact());
    ops::resample(in.view(), out.view(), work);
    CHECK(difference(out.view(), wanted.view()) == "");
  }
}

TEST_CASE("area averages keep constants, copy at equal size, and stay exact for long sides") {
  for (const int q : {0, 1, 254, 255})
    for (const int width : {8191, 8192}) {
      GuardedBytes<std::uint8_t> in({3, width, 1}), out({2, 8190, 1}), wanted(out.view().shape);
      in.fill(1, {q, q, false});
      wanted.fill(1, {q, q, false});
      std::vector<std::uint32_t> scratch(static_cast<std::size_t>(width));
      ops::resample(in.view(), out.view(), reinterpret_cast<std::byte*>(scratch.data()));
      CHECK(difference(out.view(), wanted.view()) == "");
    }
  // 17 megapixels: sums leave 32 bits.
  GuardedBytes<std::uint8_t> in({4200, 4200, 1}), out({1, 2, 1}), wanted({1, 2, 1});
  in.fill(7);
  std::vector<std::uint32_t> scratch(4200);
  ops::resample(in.view(), out.view(), reinterpret_cast<std::byte*>(scratch.data()));
  reference::resample(in.view(), wanted.view());
  CHECK(difference(out.view(), wanted.view()) == "");
}

TEST_CASE("nearest enlargement equals its reference, also where it makes smaller") {
  Random random(2);
  for (int n = 0; n < 200; ++n) {
    const int channels = 1 + n % 3;
    GuardedBytes<std::uint8_t> in({random.between(1, 30), random.between(1, 30), channels}, n % 4, 1);
    GuardedBytes<std::uint8_t> out({random.between(1, 60), random.between(1, 60), channels}, 1, n % 3);
    GuardedBytes<std::uint8_t> wanted(out.view().shape);
    in.fill(static_cast<std::uint64_t>(n), {0, 255, false});
    const int height = out.view().shape.height, cut = height / 2;
    reference::enlarge_nearest(in.view(), wanted.view());
    ops::enlarge_nearest(in.view(), out.view(), {cut, height});
    ops::enlarge_nearest(in.view(), out.view(), {0, cut});
    CAPTURE(n);
    CHECK(difference(out.view(), wanted.view()) == "");
    CHECK(out.intact());
  }
}
