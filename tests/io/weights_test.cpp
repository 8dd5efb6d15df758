// SPDX-License-Identifier: Apache-2.0
// Weight files of whole networks: the exact tensors, their forms and values, and what happens to damaged files.
#include "attendseg/io/weights.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "attendseg/io/safetensors_write.hpp"
#include "attendseg/models/lower.hpp"
#include "io/stored_file.hpp"

using namespace attendseg;
using namespace attendseg::testing;

namespace {

/// The message of check_weights for a tiny network with `change` done to its tensors.
template <class Change>
std::string changed(Precision precision, Change change) {
  const Graph g = lower(tiny_description());
  Tensors t = tensors_of(g, precision);
  change(t);
  const Result<Bytes> file = t.file();
  REQUIRE_MESSAGE(file.ok(), refusal(file));
  const auto parsed = parse_safetensors(*file);
  REQUIRE(parsed.ok());
  return refusal(check_weights(g, precision, *parsed));
}
template <class T>
std::string with_value(Precision precision, const char* name, std::size_t i, T value) {
  return changed(precision, [&](Tensors& t) { t[name].set<T>(i, value); });
}
std::string with_shape(Precision precision, const char* name, std::vector<std::int64_t> shape) {
  return changed(precision, [&](Tensors& t) {
    std::size_t count = 1;
    for (const std::int64_t n : shape) count *= static_cast<std::size_t>(n);
    const DType dtype = t[name].dtype;
    t[name] = {dtype, shape, Bytes(count * static_cast<std::size_t>(dtype_bytes(dtype)))};
  });
}
float bits(std::uint32_t b) { return std::bit_cast<float>(b); }

/// Everything that loading a file does before kernels see it. @return the refusal, or ""
std::string load(std::span<const std::byte> bytes) {
  const auto file = parse_safetensors(bytes);
  if (!file) return refusal(file);
  const auto info = read_model_info(file->metadata());
  if (!info) return refusal(info);
  const Graph g = lower(info->description);
  if (!g.valid()) return "graph";
  if (const Status s = check_weights(g, info->precision, *file); !s) return refusal(s);
  return info->precision == Precision::int8 ? refusal(zero_points(g, *file)) : "";
}

Bytes model_file(Precision precision) {
  const Description d = tiny_description();
  const Result<Bytes> file = tensors_of(lower(d), precision).file(metadata_of(d, precision));
  REQUIRE(file.ok());
  return *file;
}

}  // namespace

TEST_CASE("the tensors of a small graph, spelled out") {
  Graph g;
  const int x = g.input(3);
  const int a = g.conv("a", x, {.out_channels = 4, .kernel = 3});
  const int b = g.conv("b", a, {.out_channels = 4, .kernel = 3, .groups = 4});
  const int p = g.pool("p", b, Op::max_pool, 2);
  const int c = g.gate("c", b, p, 2, Interpolation::nearest, 4);
  g.add("d", a, c);
  REQUIRE(g.valid());
  std::string text;
  for (const ExpectedTensor& t : expected_tensors(g, Precision::int8))
    text += t.name + " " + std::string(dtype_name(t.dtypes[0])) + shape_text(t.shape) + "; ";
  CHECK(text ==
        "a.weight I8[4,3,3,3]; a.bias I32[4]; a.multiplier F32[4]; a.zero_point I8[1]; "
        "b.weight I8[4,3,3,1]; b.bias I32[4]; b.multiplier F32[4]; b.zero_point I8[1]; "
        "c.table I16[256]; d.multiplier I16[2]; d.shift I8[1]; d.zero_point I8[1]; "
        "head.confidence U8[256]; test.image U8[-1,-1,3]; test.mask U8[-1,-1]; ");
  text.clear();
  for (const ExpectedTensor& t : expected_tensors(g, Precision::float32))
    text += t.name + " " + std::to_string(t.dtypes.size()) + shape_text(t.shape) + "; ";
  CHECK(text ==
        "a.weight 2[4,3,3,3]; a.bias 2[4]; b.weight 2[4,3,3,1]; b.bias 2[4]; c.scale 2[4]; "
        "test.image 1[-1,-1,3]; test.mask 1[-1,-1]; test.scores 1[-1,-1,4]; ");
}

TEST_CASE("good files pass") {
  for (const Precision precision : {Precision::int8, Precision::float32}) {
    CHECK(changed(precision, [](Tensors&) {}) == "");
    CHECK(load(model_file(precision)) == "");
  }
  // F32 where the tests write F16.
  CHECK(changed(Precision::float32, [](Tensors& t) {
          t.put<float>("head.bias", DType::f32, {3}, {1.0F, -2.0F, 0.0F});
        }) == "");
}

TEST_CASE("tensors: none missing, none over, each with its type and shape") {
  const Precision i8 = Precision::int8, f32 = Precision::float32;
  CHECK(changed(i8, [](Tensors& t) { t.erase("stem.bias"); }) == "stem.bias: missing");
  CHECK(changed(i8, [](Tensors& t) { t.erase("head.confidence"); }) == "head.confidence: missing");
  CHECK(changed(i8, [](Tensors& t) { t.erase("test.mask"); }) == "test.mask: missing");
  CHECK(changed(f32, [](Tensors& t) { t.erase("test.scores"); }) == "test.scores: missing");
  CHECK(changed(i8, [](Tensors& t) { t.put<std::int8_t>("tail.weight", DType::i8, {1}, {1}); }) ==
        "tail.weight: a tensor the network does not have");
  CHECK(changed(i8, [](Tensors& t) { t.put<std::int8_t>("\n", DType::i8, {1}, {1}); }) ==
        "\"\\n\": a tensor the network does not have");
  CHECK(changed(f32, [](Tensors& t) { t.put<float>("stem.multiplier", DType::f32, {1}, {1}); }) ==
        "stem.multiplier: a tensor the network does not have");
  CHECK(changed(i8, [](Tensors& t) { t["stem.weight"].dtype = DType::u8; }) == "stem.weight: dtype U8, expected I8");
  CHECK(changed(i8, [](Tensors& t) { t["stem.bias"].dtype = DType::f32; }) == "stem.bias: dtype F32, expected I32");
  CHECK(changed(f32, [](Tensors& t) { t.put<std::int8_t>("head.bias", DType::i8, {3}, {1, 2, 3}); }) ==
        "head.bias: dtype I8, expected F16 or F32");
  CHECK(with_shape(i8, "stem.weight", {4, 3, 3, 4}) == "stem.weight: shape [4,3,3,4], expected [4,3,3,3]");
  CHECK(with_shape(i8, "stem.weight", {108}) == "stem.weight: shape [108], expected [4,3,3,3]");
  CHECK(with_shape(i8, "stem.weight", {4, 3, 3, 3, 1}) == "stem.weight: shape [4,3,3,3,1], expected [4,3,3,3]");
  CHECK(with_shape(i8, "stem.zero_point", {}) == "stem.zero_point: shape [], expected [1]");
  CHECK(with_shape(i8, "stage2.block1.expand.weight", {8, 1, 1, 2}) ==
        "stage2.block1.expand.weight: shape [8,1,1,2], expected [8,1,1,4]");
  CHECK(with_shape(i8, "stage2.block1.condenser.gate.table", {255}) ==
        "stage2.block1.condenser.gate.table: shape [255], expected [256]");
  CHECK(with_shape(f32, "stage2.block1.condenser.gate.scale", {1}) ==
        "stage2.block1.condenser.gate.scale: shape [1], expected [8]");
}

TEST_CASE("values of int8 networks stay where the arithmetic is proved") {
  const Precision p = Precision::int8;
  CHECK(with_value<std::int8_t>(p, "stem.weight", 17, -128) == "stem.weight[17]: -128, expected -127 to 127");
  CHECK(with_value<std::int8_t>(p, "stem.weight", 17, -127) == "");
  const std::string wanted = ", expected a finite, normal number above 0";
  CHECK(with_value<float>(p, "head.multiplier", 2, 0.0F) == "head.multiplier[2]: 0" + wanted);
  CHECK(with_value<float>(p, "head.multiplier", 2, bits(0x80000000)) == "head.multiplier[2]: -0" + wanted);
  CHECK(with_value<float>(p, "head.multiplier", 2, -1.5F) == "head.multiplier[2]: -1.5" + wanted);
  CHECK(with_value<std::uint32_t>(p, "head.multiplier", 2, 0x7F800000) == "head.multiplier[2]: inf" + wanted);
  CHECK(with_value<std::uint32_t>(p, "head.multiplier", 2, 0xFF800000) == "head.multiplier[2]: -inf" + wanted);
  CHECK(with_value<std::uint32_t>(p, "head.multiplier", 2, 0x7FC00000) == "head.multiplier[2]: nan" + wanted);
  CHECK(with_value<std::uint32_t>(p, "head.multiplier", 2, 0x7F800001) == "head.multiplier[2]: nan" + wanted);
  CHECK(with_value<std::uint32_t>(p, "head.multiplier", 2, 0x007FFFFF).ends_with(wanted));
  CHECK(with_value<std::uint32_t>(p, "head.multiplier", 2, 0x00000001).ends_with(wanted));
  CHECK(with_value<std::uint32_t>(p, "head.multiplier", 2, 0x00800000) == "");
  CHECK(with_value<std::uint32_t>(p, "head.multiplier", 2, 0x7F7FFFFF) == "");
  const char* add = "stage1.block1.add.shift";
  for (const int shift : {1, 24}) CHECK(with_value<std::int8_t>(p, add, 0, static_cast<std::int8_t>(shift)) == "");
  for (const int shift : {-128, -1, 0, 25, 127})
    CHECK(with_value<std::int8_t>(p, add, 0, static_cast<std::int8_t>(shift)) ==
          std::string(add) + "[0]: " + std::to_string(shift) + ", expected 1 to 24");
  CHECK(with_value<std::int16_t>(p, "decoder1.add.multiplier", 1, -1) ==
        "decoder1.add.multiplier[1]: -1, expected 0 to 32767");
  CHECK(with_value<std::int16_t>(p, "decoder1.add.multiplier", 1, 32767) == "");
  CHECK(with_value<std::int16_t>(p, "stage2.block1.condenser.gate.table", 255, -32768) ==
        "stage2.block1.condenser.gate.table[255]: -32768, expected 0 to 32767");
  CHECK(with_value<std::int8_t>(p, "stem.zero_point", 0, -128) == "");
}

TEST_CASE("values of float networks are finite") {
  const Precision p = Precision::float32;
  CHECK(with_value<std::uint16_t>(p, "stem.weight", 5, 0x7C00) == "stem.weight[5]: inf, expected a finite number");
  CHECK(with_value<std::uint16_t>(p, "stem.weight", 5, 0xFE00) == "stem.weight[5]: nan, expected a finite number");
  CHECK(with_value<std::uint16_t>(p, "stem.weight", 5, 0xFBFF) == "");
  CHECK(with_value<std::uint16_t>(p, "stem.weight", 5, 0x0001) == "");
  CHECK(with_value<std::uint32_t>(p, "test.scores", 7, 0x7FC00000) == "test.scores[7]: nan, expected a finite number");
  CHECK(with_value<std::uint32_t>(p, "test.scores", 7, 0xFF800000) == "test.scores[7]: -inf, expected a finite number");
}

TEST_CASE("the test vector fits the network and itself") {
  const Precision i8 = Precision::int8, f32 = Precision::float32;
  CHECK(with_shape(i8, "test.mask", {21, 16}) == "test.mask: shape [21,16], expected [21,17] as test.image has");
  CHECK(with_shape(i8, "test.mask", {17, 21}) == "test.mask: shape [17,21], expected [21,17] as test.image has");
  CHECK(with_shape(i8, "test.image", {21, 17, 4}) ==
        "test.image: shape [21,17,4], expected [n,n,3], each n from 1 to 512");
  CHECK(with_shape(i8, "test.image", {0, 17, 3}) ==
        "test.image: shape [0,17,3], expected [n,n,3], each n from 1 to 512");
  CHECK(with_shape(i8, "test.image", {513, 1, 3}) ==
        "test.image: shape [513,1,3], expected [n,n,3], each n from 1 to 512");
  CHECK(with_value<std::uint8_t>(i8, "test.mask", 20, 2) == "");
  CHECK(with_value<std::uint8_t>(i8, "test.mask", 20, 3) == "test.mask: value 3 at 20, expected 0 to 2");
  // Total stride 4 * 4 (double condensing in stage 2), scores at stride 2: 21 x 17 is padded to 32 x 32.
  CHECK(with_shape(f32, "test.scores", {16, 16, 3}) == "");
  CHECK(with_shape(f32, "test.scores", {11, 9, 3}) == "test.scores: shape [11,9,3], expected [16,16,3]");
  CHECK(with_shape(f32, "test.scores", {16, 16, 2}) ==
        "test.scores: shape [16,16,2], expected [n,n,3], each n from 1 to 512");
}

TEST_CASE("zero points follow the graph, and a concatenation's inputs share one") {
  Graph g;
  const int x = g.input(3);
  const int a = g.conv("a", x, {.out_channels = 4});
  const int b = g.conv("b", a, {.out_channels = 4});
  const int p = g.pool("p", b, Op::average_pool, 2);
  const int c = g.gate("c", b, p, 2, Interpolation::nearest, 4);
  const int u = g.upsample("u", p, 2, Interpolation::bilinear);
  const int d = g.concat("d", c, u);
  g.concat("e", d, a);
  Tensors t;
  t.put<std::int8_t>("a.zero_point", DType::i8, {1}, {-7});
  t.put<std::int8_t>("b.zero_point", DType::i8, {1}, {-7});
  const Bytes same = *t.file();
  const auto points = zero_points(g, *parse_safetensors(same));
  REQUIRE_MESSAGE(points.ok(), refusal(points));
  CHECK(*points == std::vector<int>{0, -7, -7, -7, -7, -7, -7, -7});
  t.put<std::int8_t>("b.zero_point", DType::i8, {1}, {5});
  const Bytes other = *t.file();
  CHECK(refusal(zero_points(g, *parse_safetensors(other))) ==
        "e: zero points of its inputs are 5 and -7, expected equal ones");
}

TEST_CASE("a file cut at any byte of its header, or any hundredth of its data, is refused") {
  const Bytes file = model_file(Precision::int8);
  const std::size_t header = file.size() < 8000 ? file.size() : 8000;
  for (std::size_t n = 0; n < file.size(); n += n < header ? 1 : 101)
    REQUIRE_FALSE(load(std::span(file).first(n)).empty());
}

TEST_CASE("20,000 random mutations of a network's file are loaded or refused") {
  std::mt19937 random(3);
  for (const Precision precision : {Precision::int8, Precision::float32}) {
    const Bytes seed = model_file(precision);
    int accepted = 0;
    for (int i = 0; i < 10000; ++i) {
      const Bytes file = mutated(seed, random);
      const Bytes exact(file.begin(), file.end());
      accepted += load(exact).empty() ? 1 : 0;
    }
    CHECK(accepted > 100);
    CHECK(accepted < 10000);
  }
}
