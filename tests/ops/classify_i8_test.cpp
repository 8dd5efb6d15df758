// SPDX-License-Identifier: Apache-2.0
// From int8 scores to mask and confidence, against the law.
#include "attendseg/ops/classify_i8.hpp"

#include <vector>

#include <doctest/doctest.h>

#include "attendseg/reference/classify_i8.hpp"
#include "tests/support/random.hpp"

using namespace attendseg;
using namespace test;

TEST_CASE("masks and confidences equal their reference: factors, classes, crops, ties, bands") {
  std::uint64_t seed = 0;
  for (const int factor : {1, 2, 4, 8})
    for (const int classes : {2, 3, 11, 16, 19, 64, 200})
      for (const int height : {1, 2, 5})
        for (const int width : {1, 3, 17}) {
          ++seed;
          const Shape scores_shape{height, width, classes};
          GuardedBytes<std::int8_t> scores(scores_shape, static_cast<int>(seed % 4), 3);
          // A narrow range makes ties frequent; the extremes reach the ends of int16.
          if (seed % 3 == 0) scores.fill(seed, {-128, 127, true});
          if (seed % 3 == 1) scores.fill(seed, {-2, 1, false});
          if (seed % 3 == 2) scores.fill(seed);
          const int crop = seed % 2 ? static_cast<int>(seed % static_cast<std::uint64_t>(factor)) : 0;
          const Shape shape{height * factor - crop, width * factor - crop, 1};
          GuardedBytes<std::uint8_t> mask(shape, 1, 2), confidence(shape, 3, 0), plain(shape), wanted(shape),
              wanted_confidence(shape);
          const auto table = random_values<std::uint8_t>(256, seed, {0, 255, false});
          const std::uint8_t* const use = seed % 5 ? table.data() : nullptr;
          std::vector<std::int16_t> scratch(ops::classify_scratch_bytes(scores_shape, factor) / 2 + 1);
          std::byte* const work = reinterpret_cast<std::byte*>(scratch.data());
          reference::classify(scores.view(), factor, use, wanted.view(), wanted_confidence.view());
          const int cut = shape.height / 2;
          ops::classify(scores.view(), factor, use, mask.view(), confidence.view(), {cut, shape.height}, work);
          ops::classify(scores.view(), factor, use, mask.view(), confidence.view(), {0, cut}, work);
          ops::classify(scores.view(), factor, use, plain.view(), {}, {0, shape.height}, work);
          CAPTURE(factor);
          CAPTURE(classes);
          CHECK(difference(mask.view(), wanted.view()) == "");
          CHECK(difference(plain.view(), wanted.view()) == "");
          CHECK(difference(confidence.view(), wanted_confidence.view()) == "");
          CHECK(mask.intact());
          CHECK(plain.intact());
          CHECK(confidence.intact());
        }
}

TEST_CASE("ties go to the lowest class, and have the confidence of margin 0") {
  Tensor<std::int8_t> scores({1, 1, 4});
  scores(0, 0, 0) = -128, scores(0, 0, 1) = 5, scores(0, 0, 2) = 5, scores(0, 0, 3) = 4;
  for (const int factor : {1, 2, 4, 8}) {
    Tensor<std::uint8_t> mask({factor, factor, 1}), confidence({factor, factor, 1});
    std::vector<std::int16_t> scratch(ops::classify_scratch_bytes(scores.shape(), factor) / 2 + 1);
    std::byte* const work = reinterpret_cast<std::byte*>(scratch.data());
    ops::classify(scores.view(), factor, nullptr, mask.view(), confidence.view(), {0, factor}, work);
    for (int i = 0; i < factor * factor; ++i) CHECK(mask.data()[i] == 1);
    CHECK(confidence(0, 0, 0) == 0);
    scores(0, 0, 1) = 127, scores(0, 0, 2) = -128, scores(0, 0, 3) = -128;
    ops::classify(scores.view(), factor, nullptr, mask.view(), confidence.view(), {0, factor}, work);
    CHECK(confidence(0, 0, 0) == 255);
    scores(0, 0, 1) = 5, scores(0, 0, 2) = 5, scores(0, 0, 3) = 4;
  }
}
