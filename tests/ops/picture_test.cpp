// SPDX-License-Identifier: Apache-2.0
// Pictures into the network, against the law.
#include "attendseg/ops/picture.hpp"

#include <cstring>
#include <vector>

#include <doctest/doctest.h>

#include "attendseg/reference/picture.hpp"
#include "tests/support/random.hpp"

using namespace attendseg;
using namespace test;

namespace {

constexpr PixelFormat formats[] = {PixelFormat::rgb, PixelFormat::bgr, PixelFormat::rgba, PixelFormat::bgra,
                                   PixelFormat::grey};

/// Runs the operator in bands, the last rows first, and compares; `more` rows and columns are repeated edges.
void check(const Picture& picture, int more, int offset) {
  const int height = picture.height + more, width = picture.width + more;
  Tensor<std::uint8_t> rgb({picture.height, picture.width, 3});
  GuardedBytes<std::int8_t> out({height, width, 3}, offset, more % 5), wanted({height, width, 3});
  reference::to_rgb(picture, rgb.view());
  reference::to_input(rgb.view(), wanted.view());
  const int cut = height / 2;
  ops::picture_to_input(picture, out.view(), {cut, height});
  for (int y = 0; y < cut; ++y) ops::picture_to_input(picture, out.view(), {y, y + 1});
  CAPTURE(picture.width);
  CAPTURE(static_cast<int>(picture.format));
  CHECK(difference(out.view(), wanted.view()) == "");
  CHECK(out.intact());
  Tensor<float> floats({height, width, 3});
  ops::picture_to_input(picture, floats.view(), {0, height});
  bool same = true;
  for (int i = 0; i < floats.shape().size(); ++i)
    same = same && floats.data()[i] * 64.0F == static_cast<float>(wanted.view().data[i]);
  CHECK(same);
}

}  // namespace

TEST_CASE("every format, width, stride and direction of rows equals the reference") {
  for (const auto format : formats)
    for (const int width : {1, 2, 3, 4, 5, 6, 7, 10, 11, 15, 16, 17, 21, 22, 31, 43, 63, 64, 65, 100, 128, 131})
      for (const bool upwards : {false, true}) {
        GuardedBytes<std::uint8_t> pixels({5, width, bytes_per_pixel(format)}, 1, width % 4);
        pixels.fill(static_cast<std::uint64_t>(width), {0, 255, false});
        const auto view = pixels.view();
        Picture picture{view.data, width, 5, view.row_stride, format};
        if (upwards) picture.data = view.row(4), picture.row_bytes = -view.row_stride;
        check(picture, width % 3 == 0 ? 13 : width % 3, width % 4);
      }
}

TEST_CASE("nothing outside a picture's rows is read") {
  // Rows end where the buffer ends: address checkers see a byte too many.
  for (const auto format : formats)
    for (int width = 1; width <= 70; ++width) {
      const std::size_t size = static_cast<std::size_t>(width * bytes_per_pixel(format));
      std::vector<std::uint8_t> pixels(size);
      for (std::size_t i = 0; i < size; ++i) pixels[i] = static_cast<std::uint8_t>(37 * i);
      check({pixels.data(), width, 1, 0, format}, 0, 1);
    }
}

TEST_CASE("rows land in a ring") {
  GuardedBytes<std::uint8_t> pixels({6, 9, 3}, 1, 2);
  pixels.fill(3, {0, 255, false});
  const Picture picture{pixels.view().data, 9, 6, pixels.view().row_stride, PixelFormat::bgr};
  Tensor<std::int8_t> whole({8, 12, 3}), held({3, 12, 3});
  ops::picture_to_input(picture, whole.view(), {0, 8});
  const View<std::int8_t> ring(held.data(), {8, 12, 3}, 36, 3);
  for (int y = 0; y < 8; ++y) {
    ops::picture_to_input(picture, ring, {y, y + 1});
    CHECK(std::memcmp(ring.row(y), whole.view().row(y), 36) == 0);
  }
}
