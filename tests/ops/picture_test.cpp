// SPDX-License-Identifier: Apache-2.0
// Pictures into the network, against the law.
#include "attendseg/ops/picture.hpp"

#include <doctest/doctest.h>

#include "attendseg/reference/picture.hpp"
#include "tests/support/random.hpp"

using namespace attendseg;
using namespace test;

TEST_CASE("colours come in order from every format, stride and direction of rows") {
  for (const auto format :
       {PixelFormat::rgb, PixelFormat::bgr, PixelFormat::rgba, PixelFormat::bgra, PixelFormat::grey})
    for (const int width : {1, 2, 17, 64})
      for (const bool upwards : {false, true}) {
        GuardedBytes<std::uint8_t> pixels({5, width, bytes_per_pixel(format)}, 1, width % 4);
        GuardedBytes<std::uint8_t> out({5, width, 3}, 3, 1), wanted({5, width, 3});
        pixels.fill(static_cast<std::uint64_t>(width), {0, 255, false});
        const auto view = pixels.view();
        Picture picture{view.data, width, 5, view.row_stride, format};
        if (upwards) picture.data = view.row(4), picture.row_bytes = -view.row_stride;
        reference::to_rgb(picture, wanted.view());
        ops::to_rgb(picture, out.view(), {2, 5});
        ops::to_rgb(picture, out.view(), {0, 2});
        CHECK(difference(out.view(), wanted.view()) == "");
        CHECK(out.intact());
        CHECK(out.view()(1, 0, 0) ==
              view(upwards ? 3 : 1, 0, format == PixelFormat::bgr || format == PixelFormat::bgra ? 2 : 0));
      }
}

TEST_CASE("the input is pixel - 128, with the last row and column repeated") {
  for (const int width : {1, 3, 16})
    for (const int more : {0, 1, 13}) {
      GuardedBytes<std::uint8_t> rgb({4, width, 3}, 1, 2);
      GuardedBytes<std::int8_t> out({4 + more, width + more, 3}, 3, 5), wanted({4 + more, width + more, 3});
      rgb.fill(9, {0, 255, false});
      reference::to_input(rgb.view(), wanted.view());
      ops::to_input(rgb.view(), out.view(), {3, 4 + more});
      ops::to_input(rgb.view(), out.view(), {0, 3});
      CHECK(difference(out.view(), wanted.view()) == "");
      CHECK(out.intact());
      Tensor<float> floats({4 + more, width + more, 3});
      ops::to_input(rgb.view(), floats.view(), {0, 4 + more});
      bool same = true;
      for (int i = 0; i < floats.shape().size(); ++i)
        same = same && floats.data()[i] * 64.0F == static_cast<float>(wanted.view().data[i]);
      CHECK(same);
    }
}
