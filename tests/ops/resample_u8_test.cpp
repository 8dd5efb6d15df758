// SPDX-License-Identifier: Apache-2.0
// Integer resampling against its law.
#include "attendseg/ops/resample_u8.hpp"

#include <cstring>
#include <utility>
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
      std::vector<std::uint32_t> scratch(ops::resample_scratch_bytes(in.view().shape, {2, 8190, 1}) / 4);
      ops::resample(in.view(), out.view(), reinterpret_cast<std::byte*>(scratch.data()));
      CHECK(difference(out.view(), wanted.view()) == "");
    }
  // 17 megapixels: sums leave 32 bits.
  GuardedBytes<std::uint8_t> in({4200, 4200, 1}), out({1, 2, 1}), wanted({1, 2, 1});
  in.fill(7);
  std::vector<std::uint32_t> scratch(ops::resample_scratch_bytes(in.view().shape, {1, 2, 1}) / 4);
  ops::resample(in.view(), out.view(), reinterpret_cast<std::byte*>(scratch.data()));
  reference::resample(in.view(), wanted.view());
  CHECK(difference(out.view(), wanted.view()) == "");
}

TEST_CASE("area averages of large pictures and extreme values equal their reference") {
  // Sums of many rows, sums beyond 32 bits, many values a row, totals of every size around powers of two.
  const struct {
    Shape in, out;
  } cases[] = {{{700, 5, 3}, {2, 3, 3}},    {{300, 70, 4}, {1, 1, 4}},   {{5000, 3400, 1}, {1, 2, 1}},
               {{64, 1000, 3}, {7, 333, 3}}, {{3, 8192, 4}, {2, 4097, 4}}, {{17, 257, 2}, {17, 256, 2}},
               {{16, 16, 3}, {5, 16, 3}},   {{1, 255, 1}, {1, 2, 1}},    {{2, 128, 3}, {1, 127, 3}}};
  std::uint64_t seed = 50;
  for (const auto& c : cases)
    for (const Range range : {Range{0, 255, false}, Range{0, 255, true}, Range{255, 255, false}}) {
      GuardedBytes<std::uint8_t> in(c.in, 1, 3), out(c.out, 3, 1), wanted(c.out);
      in.fill(++seed, range);
      GuardedBytes<std::uint8_t> scratch({1, static_cast<int>(ops::resample_scratch_bytes(c.in, c.out)), 1});
      reference::resample(in.view(), wanted.view());
      ops::resample(in.view(), out.view(), reinterpret_cast<std::byte*>(scratch.view().data));
      CAPTURE(c.in.width);
      CHECK(difference(out.view(), wanted.view()) == "");
      CHECK(out.intact());
      CHECK(scratch.intact());
    }
}

TEST_CASE("means are exact for every total: around each multiple, at both ends of the range") {
  Random random(3);
  for (int n = 0; n < 20000; ++n) {
    const std::uint32_t bits = static_cast<std::uint32_t>(random.between(0, 26));
    const std::uint32_t near = 1U << bits;
    const std::uint32_t total = n < 27 * 5 ? (1U << (n / 5)) + (n / 5 > 2 ? static_cast<std::uint32_t>(n % 5) - 2U : 0U)
                                           : near + random.bits() % near;
    if (total > (1U << 26)) continue;
    const ops::detail::Averaging by(total);
    const auto check = [&](std::uint64_t sum) {
      const std::uint64_t wanted = (sum + total / 2) / total;
      bool same = by.mean(sum) == wanted;
      if (total < 1U << 24) same = same && by.mean(static_cast<std::uint32_t>(sum)) == wanted;
      return same;
    };
    const std::uint64_t most = std::uint64_t{255} * total, multiple = std::uint64_t{total} * (random.bits() % 255);
    const std::uint64_t half = total - total / 2;  // where a mean begins
    bool same = check(0) && check(most) && check(multiple) && check(multiple + half) && check(multiple + half - 1) &&
                check((std::uint64_t{random.bits()} << 2) % most);
    if (!same) CAPTURE(total);
    CHECK(same);
  }
}

TEST_CASE("averages and enlargements work on rings of rows") {
  GuardedBytes<std::uint8_t> in({12, 10, 3}, 1, 0), wanted({4, 7, 3});
  in.fill(8, {0, 255, false});
  reference::resample(in.view(), wanted.view());
  Tensor<std::uint8_t> held({4, 10, 3}), row({1, 7, 3});
  const View<std::uint8_t> ring(held.data(), {12, 10, 3}, 30, 4);
  const View<std::uint8_t> out(row.data(), {4, 7, 3}, 21, 1);
  std::vector<std::uint32_t> scratch(ops::resample_scratch_bytes({12, 10, 3}, {4, 7, 3}) / 4);
  for (int y = 0; y < 4; ++y) {
    for (int i = 3 * y; i < 3 * y + 3; ++i) std::memcpy(ring.row(i), in.view().row(i), 30);
    ops::resample(View<const std::uint8_t>(ring), out, {y, y + 1}, reinterpret_cast<std::byte*>(scratch.data()));
    CHECK(std::memcmp(out.row(y), wanted.view().row(y), 21) == 0);
  }
  Tensor<std::uint8_t> large({8, 21, 3}), one({1, 21, 3});
  reference::enlarge_nearest(std::as_const(wanted).view(), large.view());
  const View<std::uint8_t> single(one.data(), {8, 21, 3}, 63, 1);
  for (int y = 0; y < 8; y += 2) {
    ops::enlarge_nearest(std::as_const(wanted).view(), single, {y, y + 2});
    CHECK(std::memcmp(one.data(), large.view().row(y + 1), 63) == 0);
  }
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
