// SPDX-License-Identifier: Apache-2.0
#include "common/overlay.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

TEST_CASE("shares are written as people read them") {
  CHECK(app::percent(0) == "0.0 %");
  CHECK(app::percent(0.382) == "38.2 %");
  CHECK(app::percent(1) == "100.0 %");
  CHECK(app::percent(0.0001) == "< 0.1 %");
}

TEST_CASE("classes that occur, the largest first") {
  const std::vector<double> shares{0.1, 0, 0.6, 0.3};
  CHECK(app::present_classes(shares) == std::vector<int>{2, 3, 0});
}

TEST_CASE("an overlay is half picture, half colour, and its legend fits under pictures of any size") {
  const std::vector<std::string> names{"background", "person"};
  const std::vector<app::Colour> palette{{0, 0, 0}, {240, 120, 40}};
  for (const auto& [width, height] : {std::pair(1, 1), std::pair(7, 300), std::pair(300, 7), std::pair(640, 480)}) {
    const auto pixels = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
    const std::vector<std::uint8_t> rgb(pixels * 3, 100), mask(pixels, 1);
    const auto out = app::overlay(rgb.data(), mask.data(), width, height, names, palette, std::vector<double>{0, 1});
    CHECK(out.width >= width);
    CHECK(out.height > height);
    CHECK(out.colour(width - 1, height - 1) == app::Colour{170, 110, 70});
    bool ink = false;
    for (int y = height; y < out.height; ++y)
      for (int x = 0; x < out.width; ++x) ink = ink || app::luminance(out.colour(x, y)) < 60;
    CHECK(ink);
  }
}
