// SPDX-License-Identifier: Apache-2.0
// Float enlargement against its law.
#include "attendseg/ops/upsample_f32.hpp"

#include <cmath>

#include <doctest/doctest.h>

#include "attendseg/reference/upsample_f32.hpp"
#include "tests/support/random_f32.hpp"

using namespace attendseg;
using namespace test;

TEST_CASE("enlargement: nearest exact, bilinear within 12 eps, over awkward channels, views and bands") {
  double largest = 0.0;
  for (const int c : awkward_channels)
    for (const int factor : {1, 2, 3, 4, 8})
      for (const Shape in_shape : {Shape{1, 1, c}, Shape{1, 3, c}, Shape{4, 5, c}}) {
        const Shape out_shape{in_shape.height * factor, in_shape.width * factor, c};
        Guarded in(in_shape, 1, c % 3), out(out_shape, 2, c % 2), wanted(out_shape);
        in.fill(3);
        const int cut = out_shape.height * 2 / 3;  // not a multiple of the factor
        for (const Interpolation how : {Interpolation::nearest, Interpolation::bilinear}) {
          reference::upsample(in.view(), wanted.view(), factor, how);
          ops::upsample(in.view(), out.view(), factor, how, {cut, out_shape.height});
          ops::upsample(in.view(), out.view(), factor, how, {0, cut});
          CHECK(out.intact());
          if (how == Interpolation::nearest)
            CHECK(same(out.view(), wanted.view()));
          else
            largest =
                std::fmax(largest, worst(out.view(), wanted.view(), [](int, int, int) { return 12 * eps * 2.0; }));
        }
      }
  CHECK(largest <= 1.0);
}

TEST_CASE("bilinear enlargement keeps a ramp and its ends") {
  Tensor<float> in({1, 4, 1}), out({2, 8, 1});
  for (int x = 0; x < 4; ++x) in(0, x, 0) = static_cast<float>(4 * x);
  ops::upsample(in.view(), out.view(), 2, Interpolation::bilinear, {0, 2});
  const float wanted[] = {0, 1, 3, 5, 7, 9, 11, 12};
  for (int x = 0; x < 8; ++x) CHECK(out(1, x, 0) == wanted[x]);
}

TEST_CASE("enlargement of rings of rows") {
  for (const Interpolation how : {Interpolation::nearest, Interpolation::bilinear})
    for (const int factor : {2, 3, 4}) {
      Guarded in({6, 5, 7}), whole({6 * factor, 5 * factor, 7});
      in.fill(6);
      const auto run = [&](View<const float> a, View<float> out, Rows rows) {
        ops::upsample(a, out, factor, how, rows);
      };
      run(in.view(), whole.view(), {0, 6 * factor});
      CHECK(same_in_rings(in.view(), 3, whole.view(), [&](int y) { return y / factor + 2; }, run));
    }
}
