// SPDX-License-Identifier: Apache-2.0
// Both networks, block by block, against activations that the recipe computed: int8 by the NumPy oracle, bit for bit;
// float by PyTorch, within a bound. The goldens are random networks that have every option of a condenser.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>

#include "attendseg/float.hpp"
#include "tests/support/files.hpp"

using namespace attendseg;

namespace {

const char* const variants[] = {
    "max-depthwise-nearest-channel",           "average-pointwise-bilinear-layer",
    "max-pointwise-bilinear-factor4-stride2",  "max-grouped-bilinear-double-two-decoders",
    "average-depthwise-nearest-double-stride8", "average-pointwise-nearest-to-the-stem"};

Picture picture_of(const test::StoredFile& golden) {
  const StoredTensor& t = *golden.tensors.find("picture");
  return {reinterpret_cast<const std::uint8_t*>(t.bytes.data()), static_cast<int>(t.shape[1]),
          static_cast<int>(t.shape[0]), static_cast<std::ptrdiff_t>(t.shape[1] * 3), PixelFormat::rgb};
}

/// Runs a golden and hands every node's activation to `compare(name, met, wanted)`.
template <class T, class Compare>
void replay(const std::string& variant, const char* precision, const Compare& compare) {
  const std::string stem = "tests/data/goldens/" + variant + "." + precision;
  const auto golden = test::open(stem + ".activations.safetensors");
  REQUIRE_MESSAGE(golden.ok(), stem);
  const auto model = AttendSeg<T>::load(test::path(stem + ".safetensors"));
  REQUIRE_MESSAGE(model.ok(), (model.ok() ? "" : model.error().message));
  const Status verified = model->verify();
  CHECK_MESSAGE(verified.ok(), (verified.ok() ? "" : verified.error().message));

  const Picture picture = picture_of(*golden);
  auto plan = model->plan(picture.height, picture.width, {.confidence = true, .keep_activations = true});
  REQUIRE(plan.ok());
  const Shape shape{picture.height, picture.width, 1};
  Tensor<std::uint8_t> mask(shape), confidence(shape);
  REQUIRE(plan->run(picture, mask.view(), confidence.view()) == RunError::none);

  int compared = 0;
  for (int i = 0; i < model->graph().size(); ++i) {
    const std::string name(model->graph()[i].name.view());
    const View<const T> met = plan->activation(i);
    REQUIRE_MESSAGE(golden->tensors.find(name) != nullptr, name);
    const auto wanted = golden->template values<T>(name);
    REQUIRE_MESSAGE(static_cast<std::int64_t>(wanted.size()) == met.shape.size(), name);
    compare(name, std::span<const T>(met.data, wanted.size()), wanted);
    ++compared;
  }
  CHECK(compared == static_cast<int>(golden->tensors.tensors().size()) - 3);

  const auto want_mask = golden->template values<std::uint8_t>("mask");
  const auto want_confidence = golden->template values<std::uint8_t>("confidence");
  int labels = 0, sure = 0;
  for (std::size_t i = 0; i < want_mask.size(); ++i) {
    labels += mask.data()[i] != want_mask[i];
    sure += std::abs(confidence.data()[i] - want_confidence[i]) > (std::is_same_v<T, float> ? 2 : 0);
  }
  // Float labels may flip where two classes are as good as equal.
  const int allowed = std::is_same_v<T, float> ? static_cast<int>(want_mask.size() / 200) : 0;
  CHECK(labels <= allowed);
  CHECK(sure <= allowed);
}

}  // namespace

TEST_CASE("int8: every activation of every golden equals the oracle's, bit for bit") {
  for (const char* variant : variants) {
    CAPTURE(variant);
    replay<std::int8_t>(variant, "int8", [](const std::string& name, auto met, auto wanted) {
      int wrong = 0;
      for (std::size_t i = 0; i < wanted.size(); ++i) wrong += met[i] != wanted[i];
      CHECK_MESSAGE(wrong == 0, name << ": " << wrong << " of " << wanted.size());
    });
  }
}

TEST_CASE("float: every activation of every golden is PyTorch's within 1e-4 of the tensor's range") {
  for (const char* variant : variants) {
    CAPTURE(variant);
    replay<float>(variant, "float", [](const std::string& name, auto met, auto wanted) {
      float range = 0, worst = 0;
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        range = std::max(range, std::abs(wanted[i]));
        worst = std::max(worst, std::abs(met[i] - wanted[i]));
      }
      CHECK(range > 0);
      CHECK_MESSAGE(worst <= 1e-4F * range, name << ": off by " << worst << " of " << range);
    });
  }
}
