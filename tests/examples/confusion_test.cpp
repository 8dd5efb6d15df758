// SPDX-License-Identifier: Apache-2.0
#include "common/confusion.hpp"

#include <doctest/doctest.h>

TEST_CASE("measures of a confusion matrix worked out by hand") {
  app::Confusion m(4);
  //                         class 0        1     ignored  2
  const std::uint8_t truth[] = {0, 0, 0, 0, 1, 1, 255, 255, 2};
  const std::uint8_t found[] = {0, 0, 0, 1, 1, 0, 0, 2, 0};
  m.add(truth, found);
  CHECK(m.at(0, 0) == 3);
  CHECK(m.at(0, 1) == 1);
  CHECK(m.at(1, 0) == 1);
  CHECK(m.at(2, 0) == 1);
  CHECK(m.true_pixels(0) == 4);
  CHECK(m.predicted_pixels(0) == 5);
  CHECK(*m.iou(0) == 50.0);           // 3 of 4 + 5 - 3
  CHECK(*m.iou(1) == 100.0 / 3);      // 1 of 2 + 2 - 1
  CHECK(*m.iou(2) == 0.0);            // there, never found
  CHECK_FALSE(m.iou(3).has_value());  // neither there nor found: left out of the mean
  CHECK(m.mean_iou() == (50.0 + 100.0 / 3 + 0.0) / 3);
  CHECK(m.pixel_accuracy() == 100.0 * 4 / 7);
}

TEST_CASE("an empty matrix has measures, too") {
  const app::Confusion m(2);
  CHECK(m.mean_iou() == 0.0);
  CHECK(m.pixel_accuracy() == 0.0);
}
