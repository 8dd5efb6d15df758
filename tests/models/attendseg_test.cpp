// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <random>

#include "attendseg/float.hpp"
#include "attendseg/reference/resample_u8.hpp"
#include "tests/support/allocations.hpp"
#include "tests/support/files.hpp"

using namespace attendseg;

namespace {

const char* const small = "tests/data/goldens/max-depthwise-nearest-channel";  // working size 32, 4 classes

template <class T>
AttendSeg<T> load(const std::string& stem) {
  auto model = AttendSeg<T>::load(test::path(stem + (std::is_same_v<T, float> ? ".float" : ".int8") + ".safetensors"));
  REQUIRE_MESSAGE(model.ok(), (model.ok() ? "" : model.error().message));
  return *std::move(model);
}

/// Smooth random RGB, so that masks have regions.
std::vector<std::uint8_t> photograph(int height, int width, unsigned seed) {
  std::mt19937 rng(seed);
  std::vector<std::uint8_t> rgb(static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * 3);
  const int a = static_cast<int>(rng() % 7) + 2, b = static_cast<int>(rng() % 5) + 3;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < 3; ++c) {
        const int v = (x * (a + c) + y * (b - c) + (x * y * (c + 1)) / 16) % 512;
        rgb[static_cast<std::size_t>((y * width + x) * 3 + c)] =
            static_cast<std::uint8_t>(std::min(255, (v < 256 ? v : 511 - v) + static_cast<int>(rng() % 24)));
      }
  return rgb;
}

Picture rgb_picture(const std::vector<std::uint8_t>& rgb, int height, int width) {
  return {rgb.data(), width, height, std::ptrdiff_t{width} * 3, PixelFormat::rgb};
}

template <class T>
std::vector<std::uint8_t> segment(const AttendSeg<T>& model, const Picture& p, PlanOptions options = {},
                                  const Executor& executor = {}) {
  auto plan = model.plan(p.height, p.width, options);
  REQUIRE_MESSAGE(plan.ok(), (plan.ok() ? "" : plan.error().message));
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(p.height) * static_cast<std::size_t>(p.width), 255);
  REQUIRE(plan->run(p, {mask.data(), {p.height, p.width, 1}}, {}, executor) == RunError::none);
  return mask;
}

int different_classes(const std::vector<std::uint8_t>& mask) {
  std::array<bool, 256> seen{};
  for (const std::uint8_t m : mask) seen[m] = true;
  return static_cast<int>(std::count(seen.begin(), seen.end(), true));
}

}  // namespace

TEST_CASE_TEMPLATE("any size gives a mask of that size, with class ids only", T, std::int8_t, float) {
  const auto model = load<T>(small);
  for (const auto& [height, width] : {std::pair{1, 1}, {1, 40}, {33, 1}, {7, 9}, {32, 32}, {31, 33}, {100, 3}, {90, 160},
                                      {8192, 2}, {3, 8192}})
    for (const bool native : {false, true}) {
      const auto rgb = photograph(height, width, 5);
      const auto mask = segment(model, rgb_picture(rgb, height, width), {.native = native});
      CHECK(*std::max_element(mask.begin(), mask.end()) < 4);
    }
}

TEST_CASE("sizes out of range are errors that name the field, the value met and the value wanted") {
  const auto model = load<std::int8_t>(small);
  CHECK(model.plan(0, 5).error().message == "picture height: 0, expected 1 to 8192");
  CHECK(model.plan(5, 8193).error().message == "picture width: 8193, expected 1 to 8192");
  CHECK(model.plan(5, -3).error().message == "picture width: -3, expected 1 to 8192");
  CHECK(model.plan(5, 5, {.workers = 0}).error().message == "options.workers: 0, expected 1 to 1024");
}

TEST_CASE("a run that does not fit its plan leaves the mask alone") {
  const auto model = load<std::int8_t>(small);
  const auto rgb = photograph(20, 30, 1);
  auto plan = model.plan(20, 30);
  REQUIRE(plan.ok());
  std::vector<std::uint8_t> mask(600, 77), other(600, 77);
  const View<std::uint8_t> out(mask.data(), {20, 30, 1});
  CHECK(plan->run({}, out) == RunError::picture_missing);
  CHECK(plan->run(rgb_picture(rgb, 20, 29), out) == RunError::picture_size);
  CHECK(plan->run(rgb_picture(rgb, 20, 30), {}) == RunError::mask_size);
  CHECK(plan->run(rgb_picture(rgb, 20, 30), {mask.data(), {30, 20, 1}}) == RunError::mask_size);
  CHECK(plan->run(rgb_picture(rgb, 20, 30), out, {other.data(), {20, 30, 1}}) == RunError::not_planned);
  CHECK(std::count(mask.begin(), mask.end(), 77) == 600);
  auto sure = model.plan(20, 30, {.confidence = true});
  REQUIRE(sure.ok());
  CHECK(sure->run(rgb_picture(rgb, 20, 30), out, {other.data(), {20, 29, 1}}) == RunError::confidence_size);
  CHECK(std::count(mask.begin(), mask.end(), 77) == 600);
  CHECK(std::string(describe(RunError::picture_size)) != describe(RunError::mask_size));
}

TEST_CASE_TEMPLATE("running allocates nothing, whatever it is asked for", T, std::int8_t, float) {
  const auto model = load<T>(small);
  for (const bool native : {false, true})
    for (const int workers : {1, 2}) {
      const auto rgb = photograph(70, 90, 9);
      auto plan = model.plan(70, 90, {.native = native, .confidence = true, .workers = workers});
      REQUIRE(plan.ok());
      std::vector<std::uint8_t> mask(6300), confidence(6300);
      ThreadPool pool(workers);
      const Picture p = rgb_picture(rgb, 70, 90);
      const auto before = test::allocations();
      const RunError e = plan->run(p, {mask.data(), {70, 90, 1}}, {confidence.data(), {70, 90, 1}}, pool.executor());
      CHECK(test::allocations() == before);
      CHECK(e == RunError::none);
    }
  std::vector<int> proof;
  const auto before = test::allocations();
  proof.resize(1000);
  CHECK(test::allocations() > before);  // the counter counts
}

TEST_CASE_TEMPLATE("the number of threads does not change a bit", T, std::int8_t, float) {
  const auto model = load<T>(small);
  const auto rgb = photograph(61, 83, 4);
  const Picture p = rgb_picture(rgb, 61, 83);
  const auto one = segment(model, p, {.native = true});
  CHECK(different_classes(one) > 1);
  for (const int threads : {2, 3, 7}) {
    ThreadPool pool(threads);
    CHECK(segment(model, p, {.native = true, .workers = threads}, pool.executor()) == one);
    CHECK(segment(model, p, {.native = true, .workers = 2}, pool.executor()) == one);  // more workers than planned
  }
}

TEST_CASE_TEMPLATE("no budget, cache size or number of workers changes a bit", T, std::int8_t, float) {
  const auto model = load<T>(small);
  const auto rgb = photograph(150, 83, 4);
  const Picture p = rgb_picture(rgb, 150, 83);
  const auto whole = segment(model, p, {.native = true, .cache_bytes = std::size_t{1} << 30});
  for (const std::size_t cache : {1000, 10000, 40000, 200000})
    for (const int workers : {1, 2, 3}) {
      ThreadPool pool(workers);
      CHECK(segment(model, p, {.native = true, .workers = workers, .cache_bytes = cache}, pool.executor()) == whole);
      CHECK(segment(model, p, {.native = true, .workers = workers, .cache_bytes = cache}) == whole);
      CHECK(segment(model, p, {.native = true, .workers = 4, .cache_bytes = cache}, pool.executor()) == whole);
    }
  const auto free = model.plan(150, 83, {.native = true});
  REQUIRE(free.ok());
  CHECK(free->scores().data != nullptr);
  int budgets = 0;
  std::size_t least = 0;
  for (std::size_t budget = free->bytes(); least == 0; budget -= budget / 8) {
    const auto plan = model.plan(150, 83, {.native = true, .memory_budget = budget});
    if (!plan) {
      const std::string& message = plan.error().message;
      CHECK(message.starts_with("options.memory_budget: " + std::to_string(budget) + ", expected at least "));
      least = std::stoul(message.substr(message.rfind(' ') + 1));
      break;
    }
    CHECK(plan->bytes() <= budget);
    CHECK(segment(model, p, {.native = true, .memory_budget = budget}) == whole);
    ThreadPool pool(2);
    CHECK(segment(model, p, {.native = true, .workers = 2, .memory_budget = 2 * budget, .cache_bytes = 5000},
                  pool.executor()) == whole);
    ++budgets;
  }
  CHECK(budgets > 0);
  CHECK(model.plan(150, 83, {.native = true, .memory_budget = least}).ok());
  CHECK_FALSE(model.plan(150, 83, {.native = true, .memory_budget = least - 1}).ok());
}

TEST_CASE("a plan runs again and again, and outlives its model") {
  const auto rgb = photograph(40, 30, 2), other = photograph(40, 30, 3);
  std::vector<std::uint8_t> mask(1200), again(1200), between(1200);
  auto plan = [] { return *load<std::int8_t>(small).plan(40, 30); }();
  CHECK(plan.run(rgb_picture(rgb, 40, 30), {mask.data(), {40, 30, 1}}) == RunError::none);
  CHECK(plan.run(rgb_picture(other, 40, 30), {between.data(), {40, 30, 1}}) == RunError::none);
  CHECK(plan.run(rgb_picture(rgb, 40, 30), {again.data(), {40, 30, 1}}) == RunError::none);
  CHECK(mask == again);
  CHECK(mask != between);
  CHECK(plan.bytes() > 1200);
}

TEST_CASE("every pixel format and row stride of one picture gives one mask") {
  const auto model = load<std::int8_t>(small);
  constexpr int height = 45, width = 37;
  const auto rgb = photograph(height, width, 6);
  for (const bool native : {false, true}) {
    const auto want = segment(model, rgb_picture(rgb, height, width), {.native = native});
    struct Layout {
      PixelFormat format;
      int channels;
      std::array<int, 3> place;
    };
    for (const Layout& l : {Layout{PixelFormat::rgb, 3, {0, 1, 2}}, Layout{PixelFormat::bgr, 3, {2, 1, 0}},
                            Layout{PixelFormat::rgba, 4, {0, 1, 2}}, Layout{PixelFormat::bgra, 4, {2, 1, 0}}})
      for (const bool upside_down : {false, true}) {
        const std::ptrdiff_t stride = width * l.channels + 13;
        std::vector<std::uint8_t> bytes(static_cast<std::size_t>(stride * height), 201);
        for (int y = 0; y < height; ++y)
          for (int x = 0; x < width; ++x)
            for (int c = 0; c < 3; ++c)
              bytes[static_cast<std::size_t>((upside_down ? height - 1 - y : y) * stride + x * l.channels +
                                             l.place[static_cast<std::size_t>(c)])] =
                  rgb[static_cast<std::size_t>((y * width + x) * 3 + c)];
        const std::uint8_t* first = bytes.data() + (upside_down ? (height - 1) * stride : 0);
        const Picture p{first, width, height, upside_down ? -stride : stride, l.format};
        CHECK(segment(model, p, {.native = native}) == want);
      }
  }
  std::vector<std::uint8_t> grey(height * width), triple(height * width * 3);
  for (std::size_t i = 0; i < grey.size(); ++i)
    grey[i] = triple[3 * i] = triple[3 * i + 1] = triple[3 * i + 2] = rgb[3 * i];
  CHECK(segment(model, {grey.data(), width, height, width, PixelFormat::grey}) ==
        segment(model, rgb_picture(triple, height, width)));
}

TEST_CASE("a picture over the working size is reduced, and its mask enlarged by nearest") {
  const auto model = load<std::int8_t>(small);
  const int working = model.info().working_size;
  CHECK(working == 32);
  constexpr int height = 75, width = 111;
  const auto rgb = photograph(height, width, 8);
  const int h = reduced_side(height, width, working), w = reduced_side(width, width, working);
  CHECK(w == 32);
  CHECK(h == 22);
  std::vector<std::uint8_t> reduced(static_cast<std::size_t>(h * w * 3));
  reference::resample({rgb.data(), {height, width, 3}}, {reduced.data(), {h, w, 3}});
  const auto small_mask = segment(model, rgb_picture(reduced, h, w));
  const auto mask = segment(model, rgb_picture(rgb, height, width));
  int wrong = 0;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      wrong += mask[static_cast<std::size_t>(y * width + x)] !=
               small_mask[static_cast<std::size_t>((2 * y + 1) * h / (2 * height) * w + (2 * x + 1) * w / (2 * width))];
  CHECK(wrong == 0);
  CHECK(segment(model, rgb_picture(rgb, height, width), {.native = true}) != mask);
}

TEST_CASE("weights of the other precision are refused by name") {
  const auto bytes = read_file(test::path(std::string(small) + ".int8.safetensors"));
  REQUIRE(bytes.ok());
  const auto model = AttendSeg<float>::parse(*bytes);
  REQUIRE_FALSE(model.ok());
  CHECK(model.error().message == "precision: int8, expected float");
}

TEST_CASE("released weights: within the product's limits, self-describing, and they replay their test vector") {
  for (const char* name : {"person", "camvid"}) {
    CAPTURE(name);
    const std::string stem = std::string("weights/") + name;
    const auto int8 = load<std::int8_t>(stem);
    const auto real = load<float>(stem);
    CHECK(int8.parameters() <= 1'190'000);
    CHECK(int8.parameters() == real.parameters());
    CHECK(totals(int8.graph(), 512, 512).macs <= 2'000'000'000);
    CHECK(read_file(test::path(stem + ".int8.safetensors"))->size() <= 1'250'000);
    CHECK(int8.info().classes == real.info().classes);
    CHECK_FALSE(int8.info().license.empty());
    CHECK_FALSE(int8.info().terms.empty());
    CHECK(int8.info().accuracy.find("miou") != std::string::npos);
    const Status exact = int8.verify(), close = real.verify();
    CHECK_MESSAGE(exact.ok(), (exact.ok() ? "" : exact.error().message));
    CHECK_MESSAGE(close.ok(), (close.ok() ? "" : close.error().message));
  }
}

TEST_CASE("a changed weight is noticed by verify") {
  auto bytes = read_file(test::path(std::string(small) + ".int8.safetensors"));
  REQUIRE(bytes.ok());
  const auto file = parse_safetensors(*bytes);
  REQUIRE(file.ok());
  const StoredTensor& head = *file->find("head.bias");
  auto* first = const_cast<std::byte*>(head.bytes.data());
  first[1] = static_cast<std::byte>(std::to_integer<int>(first[1]) ^ 0x40);
  const auto model = AttendSeg<std::int8_t>::parse(*bytes);
  REQUIRE(model.ok());
  const Status s = model->verify();
  REQUIRE_FALSE(s.ok());
  CHECK(s.error().message.starts_with("test.mask: "));
}
