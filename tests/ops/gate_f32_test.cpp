// SPDX-License-Identifier: Apache-2.0
// Float selective attention against its law.
#include "attendseg/ops/gate_f32.hpp"

#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include "attendseg/reference/gate_f32.hpp"
#include "tests/support/random_f32.hpp"

using namespace attendseg;
using namespace test;

TEST_CASE("gate is within 112 eps |v S gate| of its reference, out of place and in place, in bands") {
  double largest = 0.0;
  for (const int c : awkward_channels)
    for (const int factor : {1, 2, 3, 4, 8})
      for (const Shape a_shape : {Shape{1, 1, c}, Shape{3, 4, c}})
        for (const Interpolation how : {Interpolation::nearest, Interpolation::bilinear})
          for (const int scales : {1, c}) {
            const Shape shape{a_shape.height * factor, a_shape.width * factor, c};
            Guarded a(a_shape, 1, c % 3), v(shape, 3, c % 2), out(shape, 2, 1), wanted(shape);
            a.fill(3, -12.0F, 12.0F);  // some beyond the clamp
            v.fill(4);
            const std::vector<float> scale = random_floats(static_cast<std::size_t>(scales), 5, 0.5F, 1.5F);
            const int cut = shape.height / 2 + 1 <= shape.height ? shape.height / 2 + 1 : 0;
            reference::gate(v.view(), a.view(), scale, factor, how, wanted.view());
            ops::gate(v.view(), a.view(), scale, factor, how, out.view(), {cut, shape.height});
            ops::gate(v.view(), a.view(), scale, factor, how, out.view(), {0, cut});
            CHECK(out.intact());
            largest = std::fmax(largest, worst(out.view(), wanted.view(), [&](int y, int x, int k) {
                                  return 112 * eps * std::fabs(wanted.view()(y, x, k));
                                }));
            ops::gate(v.view(), a.view(), scale, factor, how, v.view(), {0, shape.height});
            CHECK(same(v.view(), out.view()));
            CHECK(v.intact());
          }
  CHECK(largest <= 1.0);
}

TEST_CASE("gate of rings of rows") {
  for (const Interpolation how : {Interpolation::nearest, Interpolation::bilinear})
    for (const int factor : {2, 4}) {
      const int height = 4 * factor;
      Guarded a({4, 5, 19}), v({height, 5 * factor, 19}), whole(v.view().shape);
      a.fill(6, -12.0F, 12.0F);
      v.fill(7);
      const std::vector<float> scale = random_floats(19, 8);
      ops::gate(v.view(), a.view(), scale, factor, how, whole.view(), {0, height});
      Ring logits(a.view().shape, 3);
      CHECK(same_in_rings(v.view(), 1, whole.view(), [](int y) { return y + 1; },
                          [&](View<const float> in, View<float> out, Rows rows) {
                            logits.load(a.view(), rows.begin / factor + 2);
                            ops::gate(in, logits.view(), scale, factor, how, out, rows);
                          }));
    }
}
