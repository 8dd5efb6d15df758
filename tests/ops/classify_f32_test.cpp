// SPDX-License-Identifier: Apache-2.0
// From float scores to a mask: equal to the law where arithmetic is exact, within its bound elsewhere.
#include "attendseg/ops/classify_f32.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include <doctest/doctest.h>

#include "attendseg/reference/classify_f32.hpp"
#include "tests/support/random_f32.hpp"

using namespace attendseg;
using namespace test;

namespace {
struct Masks {
  Tensor<std::uint8_t> mask, confidence;
  explicit Masks(Shape s) : mask(s), confidence(s) {}
};

// In three bands; the middle one begins anywhere.
void classify_in_bands(View<const float> scores, int factor, Masks& m, bool confident) {
  std::vector<std::byte> scratch(ops::classify_scratch_bytes_f32(scores.shape, factor) + 1);
  const int height = m.mask.shape().height;
  const View<std::uint8_t> confidence = confident ? m.confidence.view() : View<std::uint8_t>();
  for (const Rows rows : {Rows{2 * height / 3, height}, Rows{0, height / 3}, Rows{height / 3, 2 * height / 3}})
    ops::classify(scores, factor, m.mask.view(), confidence, rows, scratch.data() + 1);
}
}  // namespace

TEST_CASE("whole scores: mask equal to the reference, ties and cropped masks included; confidence within one") {
  for (const int classes : {2, 3, 5, 11, 33})
    for (const int factor : {1, 2, 4, 8})
      for (const Shape s : {Shape{1, 1, classes}, Shape{1, 2, classes}, Shape{3, 5, classes}, Shape{4, 37, classes}})
        for (const int crop : {0, 1, 3}) {
          const Shape mask{std::max(1, s.height * factor - crop), std::max(1, s.width * factor - crop), 1};
          Guarded scores(s, 1, 2);
          scores.fill(static_cast<std::uint32_t>(classes + factor), -3.0F, 4.0F);  // few values: many ties
          for (int y = 0; y < s.height; ++y)
            for (int x = 0; x < s.width * s.channels; ++x)
              scores.view().row(y)[x] = std::floor(scores.view().row(y)[x]);
          Masks met(mask), alone(mask), wanted(mask);
          reference::classify(scores.view(), factor, wanted.mask.view(), wanted.confidence.view());
          classify_in_bands(scores.view(), factor, met, true);
          classify_in_bands(scores.view(), factor, alone, false);
          bool equal = true, near = true, written = false;
          for (int y = 0; y < mask.height; ++y)
            for (int x = 0; x < mask.width; ++x) {
              equal = equal && met.mask(y, x, 0) == wanted.mask(y, x, 0) && alone.mask(y, x, 0) == wanted.mask(y, x, 0);
              near = near && std::abs(met.confidence(y, x, 0) - wanted.confidence(y, x, 0)) <= 1;
              written = written || alone.confidence(y, x, 0) != 0;
            }
          CHECK(equal);
          CHECK(near);
          CHECK_FALSE(written);
        }
}

TEST_CASE("any scores: the class chosen is the best within 2 * 12 eps max |score|") {
  for (const int classes : {2, 7, 19})
    for (const int factor : {1, 2, 4, 8}) {
      const Shape s{6, 9, classes};
      Guarded scores(s);
      scores.fill(static_cast<std::uint32_t>(factor), -20.0F, 20.0F);
      Masks met({6 * factor, 9 * factor, 1});
      classify_in_bands(scores.view(), factor, met, true);
      bool best = true;
      for (int y = 0; y < 6 * factor; ++y)
        for (int x = 0; x < 9 * factor; ++x) {
          const auto score = [&](int c) {
            return reference::expanded(scores.view(), y, x, c, factor, Interpolation::bilinear);
          };
          for (int c = 0; c < classes; ++c) best = best && score(met.mask(y, x, 0)) >= score(c) - 24 * eps * 20.0;
        }
      CHECK(best);
    }
}
