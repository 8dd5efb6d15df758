// SPDX-License-Identifier: Apache-2.0
// Every int8 operator on rings of rows: inputs that hold no more rows than one output row needs, outputs of one row.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "attendseg/ops/add_i8.hpp"
#include "attendseg/ops/classify_i8.hpp"
#include "attendseg/ops/concat.hpp"
#include "attendseg/ops/conv_i8.hpp"
#include "attendseg/ops/gate_i8.hpp"
#include "attendseg/ops/pool_i8.hpp"
#include "attendseg/ops/upsample_i8.hpp"
#include "attendseg/reference/add_i8.hpp"
#include "attendseg/reference/classify_i8.hpp"
#include "attendseg/reference/concat.hpp"
#include "attendseg/reference/conv_i8.hpp"
#include "attendseg/reference/gate_i8.hpp"
#include "attendseg/reference/pool_i8.hpp"
#include "attendseg/reference/upsample_i8.hpp"
#include "tests/support/random.hpp"
#include "tests/support/ring.hpp"

using namespace attendseg;
using namespace test;

namespace {

using Input = View<const std::int8_t>;

Tensor<std::int8_t> random_tensor(Shape shape, std::uint64_t seed) {
  Tensor<std::int8_t> t(shape);
  const auto values = random_values<std::int8_t>(shape.size(), seed, {});
  for (std::size_t i = 0; i < values.size(); ++i) t.data()[i] = values[i];
  return t;
}

/// Rows [first, end) of an input that output row y needs.
struct Needed {
  int first, end;
};

/// Runs one output row after the other; run(in, out, rows). Empty, or which row is wrong.
template <class T, class Need, class Run>
std::string on_rings(Input in, View<const T> wanted, int held, const Need& need, const Run& run) {
  Ring<std::int8_t> ring(in.shape, held, 1);
  Ring<T> out(wanted.shape, 1, 2);
  for (int y = 0; y < wanted.shape.height; ++y) {
    const Needed rows = need(y);
    ring.hold(in, rows.first, rows.end);
    run(ring.view(), out.view(), Rows{y, y + 1});
    if (!out.holds(wanted, y)) return "row " + std::to_string(y);
  }
  return out.intact() && ring.intact() ? "" : "wrote outside its rows";
}

}  // namespace

TEST_CASE("convolutions on rings") {
  for (const int groups : {1, 3, 24})
    for (const int kernel : {1, 3, 5})
      for (const int stride : {1, 2})
        for (const int dilation : {1, 2}) {
          const ConvSpec spec = ConvSpec{.in_channels = 24, .out_channels = 24, .kernel = kernel, .stride = stride,
                                         .dilation = dilation, .groups = groups}.same();
          const auto weight = random_weights(spec.weights(), 1);
          const auto bias = random_values<std::int32_t>(24, 2, {-3000, 3000});
          const auto multiplier = random_multipliers(24, spec.depth(), 3);
          const auto in = random_tensor({13, 9, 24}, 4);
          Tensor<std::int8_t> wanted(spec.out_shape(in.shape()));
          reference::conv(spec, weight, bias, multiplier, -7, 5, in.view(), wanted.view());
          const auto packed = ops::PackedConvI8::create(spec, weight, bias, multiplier, -7, 5);
          REQUIRE(packed);
          std::vector<std::byte> scratch(packed->scratch_bytes(wanted.shape()));
          const int reach = (kernel - 1) * dilation + 1;
          CAPTURE(groups);
          CAPTURE(kernel);
          CHECK(on_rings<std::int8_t>(
                    in.view(), wanted.view(), reach,
                    [&](int y) { return Needed{y * stride - spec.padding, y * stride - spec.padding + reach}; },
                    [&](Input from, View<std::int8_t> to, Rows rows) {
                      ops::conv(*packed, from, to, rows, scratch.data());
                    }) == "");
        }
}

TEST_CASE("pools on rings") {
  for (const int factor : {2, 4}) {
    const auto in = random_tensor({5 * factor, 3 * factor, 17}, 5);
    Tensor<std::int8_t> largest({5, 3, 17}), average({5, 3, 17});
    reference::max_pool(in.view(), largest.view(), factor);
    reference::average_pool(in.view(), average.view(), factor);
    const auto need = [&](int y) { return Needed{y * factor, (y + 1) * factor}; };
    CHECK(on_rings<std::int8_t>(in.view(), largest.view(), factor, need,
                                [&](Input from, View<std::int8_t> to, Rows rows) {
                                  ops::max_pool(from, to, factor, rows);
                                }) == "");
    CHECK(on_rings<std::int8_t>(in.view(), average.view(), factor, need,
                                [&](Input from, View<std::int8_t> to, Rows rows) {
                                  ops::average_pool(from, to, factor, rows);
                                }) == "");
  }
}

TEST_CASE("enlargements, gates and classes on rings") {
  for (const auto how : {Interpolation::nearest, Interpolation::bilinear})
    for (const int factor : {2, 4}) {
      const Shape shape{5 * factor, 3 * factor, 19};
      const auto in = random_tensor({5, 3, 19}, 6), v = random_tensor(shape, 7);
      // Of a bilinear row: the two whose centres it lies between.
      const auto need = [&](int y) {
        if (how == Interpolation::nearest) return Needed{y / factor, y / factor + 1};
        const int second = (2 * y + 1 + factor) / (2 * factor);
        return Needed{second - 1, second + 1};
      };
      Tensor<std::int8_t> enlarged(shape), gated(shape);
      reference::upsample(in.view(), enlarged.view(), factor, how);
      CHECK(on_rings<std::int8_t>(in.view(), enlarged.view(), 2, need,
                                  [&](Input from, View<std::int8_t> to, Rows rows) {
                                    ops::upsample(from, to, factor, how, rows);
                                  }) == "");
      const auto table = random_values<std::int16_t>(256, 8, {0, 32767});
      reference::gate(v.view(), in.view(), table.data(), 3, factor, how, gated.view());
      std::vector<std::int16_t> scratch(ops::gate_scratch_bytes(shape, factor) / 2 + 1);
      CHECK(on_rings<std::int8_t>(in.view(), gated.view(), 2, need,
                                  [&](Input from, View<std::int8_t> to, Rows rows) {
                                    ops::gate(v.view(), from, table.data(), 3, factor, how, to, rows,
                                              reinterpret_cast<std::byte*>(scratch.data()));
                                  }) == "");
      if (how == Interpolation::nearest) continue;
      Tensor<std::uint8_t> mask({shape.height, shape.width, 1});
      reference::classify(in.view(), factor, nullptr, mask.view(), {});
      std::vector<std::int16_t> work(ops::classify_scratch_bytes(in.shape(), factor) / 2 + 1);
      CHECK(on_rings<std::uint8_t>(in.view(), mask.view(), 2, need,
                                   [&](Input from, View<std::uint8_t> to, Rows rows) {
                                     ops::classify(from, factor, nullptr, to, {}, rows,
                                                   reinterpret_cast<std::byte*>(work.data()));
                                   }) == "");
    }
}

TEST_CASE("sums and concatenations on rings") {
  const auto a = random_tensor({6, 5, 7}, 9), b = random_tensor({6, 5, 7}, 10);
  const AddI8 p{12000, 9000, 14, 3, -4, 5};
  Tensor<std::int8_t> sum({6, 5, 7}), both({6, 5, 14});
  reference::add(a.view(), b.view(), p, sum.view());
  reference::concat<std::int8_t>(a.view(), b.view(), both.view());
  const auto need = [](int y) { return Needed{y, y + 1}; };
  CHECK(on_rings<std::int8_t>(a.view(), sum.view(), 1, need,
                              [&](Input from, View<std::int8_t> to, Rows rows) {
                                ops::add(from, b.view(), p, to, rows);
                              }) == "");
  CHECK(on_rings<std::int8_t>(a.view(), both.view(), 1, need,
                              [&](Input from, View<std::int8_t> to, Rows rows) {
                                ops::concat(from, b.view(), to, rows);
                              }) == "");
}
