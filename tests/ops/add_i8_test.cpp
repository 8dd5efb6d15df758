// SPDX-License-Identifier: Apache-2.0
// The int8 residual sum against its law.
#include "attendseg/ops/add_i8.hpp"

#include <cstring>
#include <utility>

#include <doctest/doctest.h>

#include "attendseg/reference/add_i8.hpp"
#include "tests/support/random.hpp"

using namespace attendseg;
using namespace test;

TEST_CASE("the sum equals its reference at every tail, shift and zero point, in bands and in place") {
  Random random(3);
  for (int n = 0; n < 400; ++n) {
    const Shape shape{3, 1 + n % 37, 1 + n % 11 * 3};
    const auto zero = [&] { return n % 5 == 0 ? (random.between(0, 1) ? -128 : 127) : random.between(-128, 127); };
    AddI8 p;
    p.ma = static_cast<std::int16_t>(n % 7 == 0 ? 32767 : random.between(0, 32767));
    p.mb = static_cast<std::int16_t>(n % 7 == 1 ? 32767 : random.between(0, 32767));
    p.shift = 1 + n % 24;
    p.za = zero(), p.zb = zero(), p.zero_point = zero();
    const bool extremes = n % 3 == 0;
    GuardedBytes<std::int8_t> a(shape, n % 4, n % 3), b(shape, n % 5, 1), out(shape, 3, n % 7), wanted(shape);
    a.fill(static_cast<std::uint64_t>(n), {-128, 127, extremes});
    b.fill(static_cast<std::uint64_t>(n) + 1000, {-128, 127, extremes});
    CAPTURE(n);
    reference::add(a.view(), b.view(), p, wanted.view());
    ops::add(a.view(), b.view(), p, out.view(), {1, 3});
    ops::add(a.view(), b.view(), p, out.view(), {0, 1});
    CHECK(difference(out.view(), wanted.view()) == "");
    CHECK(out.intact());
    GuardedBytes<std::int8_t> copy = std::move(out);  // reused as an aliased output
    for (int y = 0; y < shape.height; ++y)
      std::memcpy(copy.view().row(y), a.view().row(y), static_cast<std::size_t>(shape.width * shape.channels));
    ops::add(copy.view(), b.view(), p, copy.view(), {0, 3});
    CHECK(difference(copy.view(), wanted.view()) == "");
    ops::add(a.view(), b.view(), p, b.view(), {0, 3});
    CHECK(difference(b.view(), wanted.view()) == "");
    CHECK(b.intact());
  }
}
