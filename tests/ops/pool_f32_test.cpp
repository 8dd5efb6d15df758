// SPDX-License-Identifier: Apache-2.0
// Float pooling against its law.
#include "attendseg/ops/pool_f32.hpp"

#include <cmath>

#include <doctest/doctest.h>

#include "attendseg/reference/pool_f32.hpp"
#include "tests/support/random_f32.hpp"

using namespace attendseg;
using namespace test;

TEST_CASE("pooling: max exact, average within eps sum |a|, over awkward channels, views and bands") {
  for (const int c : awkward_channels)
    for (const int factor : {1, 2, 3, 4, 8})
      for (const Shape out_shape : {Shape{1, 1, c}, Shape{3, 5, c}}) {
        const Shape in_shape{out_shape.height * factor, out_shape.width * factor, c};
        Guarded in(in_shape, 1, c % 3), out(out_shape, 2, c % 2), wanted(out_shape);
        Guarded magnitude(in_shape), mean(out_shape);
        in.fill(3);
        const int cut = out_shape.height / 2;
        reference::max_pool(in.view(), wanted.view(), factor);
        ops::max_pool(in.view(), out.view(), factor, {cut, out_shape.height});
        ops::max_pool(in.view(), out.view(), factor, {0, cut});
        CHECK(same(out.view(), wanted.view()));
        CHECK(out.intact());

        reference::average_pool(in.view(), wanted.view(), factor);
        ops::average_pool(in.view(), out.view(), factor, {cut, out_shape.height});
        ops::average_pool(in.view(), out.view(), factor, {0, cut});
        for (int y = 0; y < in_shape.height; ++y)
          for (int x = 0; x < in_shape.width * c; ++x) magnitude.view().row(y)[x] = std::fabs(in.view().row(y)[x]);
        reference::average_pool(magnitude.view(), mean.view(), factor);
        CHECK(worst(out.view(), wanted.view(), [&](int y, int x, int k) {
                return eps * factor * factor * mean.view()(y, x, k);
              }) <= 1.0);
        CHECK(out.intact());
      }
}

TEST_CASE("pooling of rings of rows") {
  for (const int factor : {2, 4}) {
    Guarded in({16, 8, 5}), whole({16 / factor, 8 / factor, 5});
    in.fill(6);
    const auto run = [&](View<const float> a, View<float> out, Rows rows) { ops::max_pool(a, out, factor, rows); };
    run(in.view(), whole.view(), {0, 16 / factor});
    CHECK(same_in_rings(in.view(), factor, whole.view(), [&](int y) { return (y + 1) * factor; }, run));
  }
}
