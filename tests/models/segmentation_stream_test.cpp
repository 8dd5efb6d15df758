// SPDX-License-Identifier: Apache-2.0
#include "attendseg/models/segmentation_stream.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <random>
#include <vector>

#include "attendseg/float.hpp"
#include "attendseg/runtime/thread_pool.hpp"
#include "tests/support/allocations.hpp"
#include "tests/support/files.hpp"

using namespace attendseg;

namespace {

template <class T>
AttendSeg<T> load() {
  const std::string stem = "tests/data/goldens/max-depthwise-nearest-channel";
  auto model = AttendSeg<T>::load(test::path(stem + (sizeof(T) == 1 ? ".int8" : ".float") + ".safetensors"));
  REQUIRE_MESSAGE(model.ok(), (model.ok() ? "" : model.error().message));
  return *std::move(model);
}

struct Photograph {
  int height, width;
  std::vector<std::uint8_t> rgb;
  Photograph(int h, int w, unsigned seed) : height(h), width(w), rgb(static_cast<std::size_t>(h * w * 3)) {
    std::mt19937 rng(seed);
    for (std::size_t i = 0; i < rgb.size(); ++i) rgb[i] = static_cast<std::uint8_t>((i / 40 % 200) + rng() % 50);
  }
  Picture picture() const { return {rgb.data(), width, height, std::ptrdiff_t{width} * 3, PixelFormat::rgb}; }
};

/// Pushes rows in portions of `in`, takes them in portions of `out`; in = 0: all that are left.
template <class T>
std::vector<std::uint8_t> streamed(SegmentationStream<T>& stream, const Photograph& photo, int in, int out,
                                   const Executor& executor = {}) {
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(photo.height * photo.width), 255);
  Picture left = photo.picture();
  int taken = 0;
  for (int turns = 0; stream.rows_left() > 0; ++turns) {
    REQUIRE(turns < 100 * photo.height);
    Picture portion = left;
    if (in > 0) portion.height = std::min(in, left.height);
    const int before = portion.height;
    REQUIRE(stream.push(portion, executor) == RunError::none);
    left.data = portion.data;
    left.height -= before - portion.height;
    const int room = std::min(out, photo.height - taken);
    taken += stream.take({mask.data() + std::ptrdiff_t{taken} * photo.width, {room, photo.width, 1}});
  }
  CHECK(taken == photo.height);
  CHECK(left.height == 0);
  return mask;
}

}  // namespace

TEST_CASE_TEMPLATE("rows in, rows out: the mask of a plan at native size, whatever the portions", T, std::int8_t, float) {
  const auto model = load<T>();
  for (const auto& [height, width] : {std::pair{1, 1}, {5, 40}, {70, 33}, {201, 50}}) {
    const Photograph photo(height, width, 3);
    std::vector<std::uint8_t> want(static_cast<std::size_t>(height * width));
    auto plan = model.plan(height, width, {.native = true});
    REQUIRE(plan.ok());
    REQUIRE(plan->run(photo.picture(), {want.data(), {height, width, 1}}) == RunError::none);
    auto stream = model.stream(height, width);
    REQUIRE(stream.ok());
    auto tight = model.stream(height, width, {.workers = 2, .memory_budget = 2 * stream->bytes()});
    REQUIRE(tight.ok());
    ThreadPool pool(2);
    for (const int in : {0, 1, 7})
      for (const int out : {1, 64, 1000}) {
        CHECK(streamed(*stream, photo, in, out) == want);
        stream->restart();
        CHECK(streamed(*tight, photo, in, out, pool.executor()) == want);
        tight->restart();
      }
  }
}

TEST_CASE("memory is the same for any height, and within the budget or an error") {
  const auto model = load<std::int8_t>();
  CHECK(model.stream(8192, 128)->bytes() == model.stream(1024, 128)->bytes());
  const std::size_t bytes = model.stream(4096, 128)->bytes();
  for (std::size_t budget = bytes;; budget -= budget / 10) {
    const auto stream = model.stream(4096, 128, {.memory_budget = budget});
    if (!stream) {
      CHECK(stream.error().message.starts_with("options.memory_budget: "));
      break;
    }
    CHECK(stream->bytes() <= budget);
  }
}

TEST_CASE("rows that do not fit are refused, and nothing is taken that is not ready") {
  const auto model = load<std::int8_t>();
  const Photograph photo(40, 30, 5);
  auto stream = model.stream(40, 30);
  REQUIRE(stream.ok());
  Picture narrow = photo.picture();
  narrow.width = 29;
  CHECK(stream->push(narrow) == RunError::picture_size);
  CHECK(narrow.height == 40);
  Picture missing = photo.picture();
  missing.data = nullptr;
  CHECK(stream->push(missing) == RunError::picture_missing);
  std::vector<std::uint8_t> mask(40 * 30, 77);
  CHECK(stream->ready() == 0);
  CHECK(stream->take({mask.data(), {40, 30, 1}}) == 0);
  CHECK(mask[0] == 77);
  CHECK(stream->rows_left() == 40);
  CHECK(model.stream(0, 5).error().message == "picture height: 0, expected 1 to 8192");
  CHECK(model.stream(5, 8193).error().message == "picture width: 8193, expected 1 to 8192");
  CHECK(model.stream(5, 5, {.workers = 0}).error().message == "options.workers: 0, expected 1 to 1024");
}

TEST_CASE("pushing and taking allocate nothing") {
  const auto model = load<std::int8_t>();
  const Photograph photo(90, 64, 5);
  auto stream = model.stream(90, 64, {.workers = 2});
  REQUIRE(stream.ok());
  ThreadPool pool(2);
  std::vector<std::uint8_t> mask(90 * 64);
  Picture left = photo.picture();
  int taken = 0;
  const auto before = test::allocations();
  while (stream->rows_left() > 0) {
    stream->push(left, pool.executor());
    taken += stream->take({mask.data() + std::ptrdiff_t{taken} * 64, {90 - taken, 64, 1}});
  }
  CHECK(test::allocations() == before);
  CHECK(taken == 90);
}
