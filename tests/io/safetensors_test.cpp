// SPDX-License-Identifier: Apache-2.0
// safetensors files: good ones, and every way in which a header can lie about its data.
#include "attendseg/io/safetensors.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "attendseg/io/safetensors_write.hpp"
#include "attendseg/io/stored_values.hpp"
#include "io/stored_file.hpp"

using namespace attendseg;
using namespace attendseg::testing;

namespace {

std::string header_refusal(std::string_view header, std::size_t data = 0) {
  return refusal(parse_safetensors(raw_file(header, data)));
}
/// One entry "x" with these members, over four bytes of data.
std::string entry_refusal(std::string_view members) {
  return header_refusal("{\"x\":{" + std::string(members) + "}}", 4);
}
std::string shape_refusal(std::string_view shape) {
  return entry_refusal("\"dtype\":\"I8\",\"shape\":" + std::string(shape) + ",\"data_offsets\":[0,4]");
}
std::string offsets_refusal(std::string_view offsets) {
  return entry_refusal("\"dtype\":\"I8\",\"shape\":[4],\"data_offsets\":" + std::string(offsets));
}

Bytes small_file() {
  Tensors t;
  t.put<std::int8_t>("a.weight", DType::i8, {3}, {-1, 0, 127});
  t.put<std::int32_t>("a.bias", DType::i32, {1, 2}, {-70000, 70000});
  t.put<std::int16_t>("b", DType::i16, {1}, {-2});
  t.put<std::uint8_t>("c", DType::u8, {2, 1, 1}, {0, 255});
  t.put<float>("d", DType::f32, {}, {1.5F});
  t.put<std::uint16_t>("e", DType::f16, {2}, {0x3C00, 0x8001});
  t.put<float>("empty", DType::f32, {3, 0}, {});
  const Result<Bytes> file = t.file({{"format", "x"}, {"caf\xC3\xA9", "1\n2"}});
  REQUIRE(file.ok());
  return *file;
}

}  // namespace

TEST_CASE("a file that was written is read: names, types, shapes, values, metadata") {
  const Bytes file = small_file();
  const auto parsed = parse_safetensors(file);
  REQUIRE_MESSAGE(parsed.ok(), refusal(parsed));
  CHECK(parsed->tensors().size() == 7);
  CHECK(parsed->metadata().at("format") == "x");
  CHECK(parsed->metadata().at("caf\xC3\xA9") == "1\n2");
  CHECK(parsed->find("nothing") == nullptr);
  const StoredTensor* bias = parsed->find("a.bias");
  REQUIRE(bias != nullptr);
  CHECK(bias->dtype == DType::i32);
  CHECK(bias->shape == std::vector<std::int64_t>{1, 2});
  CHECK(*int32s(*parsed, "a.bias") == std::vector<std::int32_t>{-70000, 70000});
  CHECK(*int16s(*parsed, "b") == std::vector<std::int16_t>{-2});
  CHECK((*int8s(*parsed, "a.weight"))[2] == 127);
  CHECK((*uint8s(*parsed, "c"))[1] == 255);
  CHECK(*floats(*parsed, "d") == std::vector<float>{1.5F});
  CHECK(*floats(*parsed, "e") == std::vector<float>{1.0F, -0x1p-24F});
  CHECK(floats(*parsed, "empty")->empty());
  CHECK(refusal(floats(*parsed, "b")) == "b: dtype I16, expected F32 or F16");
  CHECK(refusal(int8s(*parsed, "c")) == "c: dtype U8, expected I8");
  CHECK(refusal(int32s(*parsed, "z")) == "z: missing");
}

TEST_CASE("data may lie at any alignment") {
  const auto file = raw_file(
      "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
      "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[1,9]},"
      "\"c\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[9,11]}}  ",
      11);
  for (std::size_t shift = 0; shift < 4; ++shift) {
    Bytes moved(shift + file.size());
    std::memcpy(moved.data() + shift, file.data(), file.size());
    const float values[2] = {3.0F, -0.25F};
    std::memcpy(moved.data() + moved.size() - 10, values, 8);
    const auto parsed = parse_safetensors(std::span<const std::byte>(moved).subspan(shift));
    REQUIRE(parsed.ok());
    CHECK(*floats(*parsed, "b") == std::vector<float>{3.0F, -0.25F});
    CHECK(*floats(*parsed, "c") == std::vector<float>{0.0F});
  }
}

TEST_CASE("the smallest files") {
  CHECK(header_refusal("{}").empty());
  CHECK(header_refusal("{}      ").empty());
  CHECK(header_refusal("{\"__metadata__\":{}}").empty());
  CHECK(header_refusal("{}", 1) == "data: the tensors cover 0 bytes, expected all 1");
  CHECK(refusal(parse_safetensors({})) == "file: 0 bytes, expected 8 to 67108864");
  CHECK(refusal(parse_safetensors(Bytes(7))) == "file: 7 bytes, expected 8 to 67108864");
  CHECK(header_refusal("") == "header: other text, expected a JSON object and spaces behind it");
  CHECK(header_refusal(" {}") == "header: other text, expected a JSON object and spaces behind it");
  CHECK(header_refusal("{}\n") == "header: other text, expected a JSON object and spaces behind it");
  CHECK(header_refusal("[]") == "header: other text, expected a JSON object and spaces behind it");
  CHECK(header_refusal("{\"a\":}") == "header: byte 5: '}', expected a value");
  CHECK(header_refusal("{\xFF}") == "header: byte 1: 0xff, expected '\"' (a name)");
}

TEST_CASE("lengths that no file backs are refused before anything is allocated") {
  Bytes file = raw_file("{}", 0);
  const auto with_length = [&file](std::uint64_t n) {
    std::memcpy(file.data(), &n, 8);
    return refusal(parse_safetensors(file));
  };
  CHECK(with_length(3) ==
        "header: a length of 3, expected at most 2 (the file ends there); is it a safetensors file?");
  CHECK(with_length(UINT64_MAX) ==
        "header: a length of 18446744073709551615, expected at most 2 (the file ends there); is it a safetensors "
        "file?");
  CHECK(with_length(UINT64_MAX - 7).starts_with("header: a length of"));
  CHECK(with_length(std::uint64_t{1} << 63).starts_with("header: a length of"));
  CHECK(with_length(0) == "header: other text, expected a JSON object and spaces behind it");
  file = raw_file("{}" + std::string(max_header_bytes, ' '), 0);
  CHECK(refusal(parse_safetensors(file)) ==
        "header: a length of 1048578, expected at most 1048576; is it a safetensors file?");
  file = raw_file("{}" + std::string(max_header_bytes - 2, ' '), 0);
  CHECK(parse_safetensors(file).ok());
}

TEST_CASE("a PNG, a ZIP and a text are no weight files") {
  Bytes png(200);
  const std::array<unsigned char, 16> signature{0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0, 0, 13, 'I', 'H', 'D', 'R'};
  std::memcpy(png.data(), signature.data(), signature.size());
  CHECK(refusal(parse_safetensors(png)).ends_with("is it a safetensors file?"));
  std::memcpy(png.data(), "PK\3\4\24\0\0\0\10\0", 10);
  CHECK(refusal(parse_safetensors(png)).ends_with("is it a safetensors file?"));
  std::memcpy(png.data(), "{\"a\":1}    ", 11);
  CHECK(refusal(parse_safetensors(png)).ends_with("is it a safetensors file?"));
  CHECK_FALSE(parse_safetensors(Bytes(200)).ok());
}

TEST_CASE("an entry has dtype, shape and data_offsets, and nothing else") {
  CHECK(header_refusal("{\"x\":1}") == "x: 1, expected an object");
  CHECK(header_refusal("{\"x\":[]}") == "x: an array of 0, expected an object");
  CHECK(entry_refusal("") == "x: no dtype, expected one");
  CHECK(entry_refusal("\"dtype\":\"I8\",\"data_offsets\":[0,4]") == "x: no shape, expected one");
  CHECK(entry_refusal("\"dtype\":\"I8\",\"shape\":[4]") == "x: no data_offsets, expected one");
  CHECK(entry_refusal("\"dtype\":\"I8\",\"shape\":[4],\"data_offsets\":[0,4],\"y\":0") ==
        "x: y, expected only dtype, shape and data_offsets");
  CHECK(entry_refusal("\"dtype\":\"I8\",\"shape\":[4],\"data_offsets\":[0,4],\"dtype\":\"I8\"") ==
        "header: byte 52: a name for the second time, expected it once");
  CHECK(entry_refusal("\"dtype\":\"I8\",\"shape\":[4],\"data_offsets\":[0,4]").empty());
  CHECK(entry_refusal("\"data_offsets\":[0,4],\"shape\":[2,1],\"dtype\":\"F16\"").empty());
}

TEST_CASE("dtypes that are not ours are named") {
  for (const char* dtype : {"BF16", "I64", "U64", "F64", "U16", "U32", "BOOL", "F8_E4M3", "f32", "", "I8 "})
    CHECK(entry_refusal("\"dtype\":\"" + std::string(dtype) + "\",\"shape\":[4],\"data_offsets\":[0,4]") ==
          "x: unsupported dtype \"" + std::string(dtype) + "\", expected I8, U8, I16, I32, F16 or F32");
  CHECK(entry_refusal("\"dtype\":3,\"shape\":[4],\"data_offsets\":[0,4]") ==
        "x: unsupported dtype 3, expected I8, U8, I16, I32, F16 or F32");
}

TEST_CASE("shapes: integers in range, products that do not overflow, sizes that match") {
  CHECK(shape_refusal("[4]").empty());
  CHECK(shape_refusal("[2,2]").empty());
  CHECK(shape_refusal("[1,1,1,1,1,1,1,4]").empty());
  CHECK(shape_refusal("4") == "x.shape: 4, expected an array of at most 8");
  CHECK(shape_refusal("[1,1,1,1,1,1,1,1,4]") == "x.shape: an array of 9, expected an array of at most 8");
  CHECK(shape_refusal("[-4]") == "x.shape: -4, expected an integer from 0 to 2147483648");
  CHECK(shape_refusal("[4.0]") == "x.shape: 4.0, expected an integer from 0 to 2147483648");
  CHECK(shape_refusal("[4e0]") == "x.shape: 4.0, expected an integer from 0 to 2147483648");
  CHECK(shape_refusal("[\"4\"]") == "x.shape: \"4\", expected an integer from 0 to 2147483648");
  CHECK(shape_refusal("[2147483649]") == "x.shape: 2147483649, expected an integer from 0 to 2147483648");
  CHECK(shape_refusal("[1e999]") == "header: byte 28: a number beyond the range of a double");
  CHECK(shape_refusal("[18446744073709551620]") ==
        "x.shape: 18446744073709551616.0, expected an integer from 0 to 2147483648");
  CHECK(shape_refusal("[2147483648]") == "x: 4 bytes, expected 2147483648 for I8 [2147483648]");
  // 2^32 * 2^32 = 2^64, which wraps to 0, and 2^64 + 4, which wraps to 4.
  CHECK(shape_refusal("[2147483648,2147483648,4]") == "x: shape [2147483648,2147483648,4], its size overflows");
  CHECK(shape_refusal("[2147483648,2147483648,2]") == "x: shape [2147483648,2147483648,2], its size overflows");
  CHECK(shape_refusal("[2147483648,2147483648,2147483648,2147483648,2147483648,2147483648,2147483648,2147483648]")
            .ends_with("its size overflows"));
  CHECK(shape_refusal("[274177,67280421,310721]").starts_with("x: 4 bytes, expected"));
  CHECK(shape_refusal("[3]") == "x: 4 bytes, expected 3 for I8 [3]");
  CHECK(shape_refusal("[]") == "x: 4 bytes, expected 1 for I8 []");
  CHECK(shape_refusal("[0]") == "x: 4 bytes, expected 0 for I8 [0]");
  CHECK(shape_refusal("[[4]]") == "header: byte 28: arrays and objects nested too deeply");
  CHECK(entry_refusal("\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,4]") ==
        "x: 4 bytes, expected 16 for F32 [4]");
}

TEST_CASE("offsets: integers, in order, inside the data") {
  CHECK(offsets_refusal("[0,4]").empty());
  const std::string wanted = ", expected integers with 0 <= begin <= end <= 4";
  CHECK(offsets_refusal("4") == "x.data_offsets: 4, expected an array of 2");
  CHECK(offsets_refusal("[0]") == "x.data_offsets: an array of 1, expected an array of 2");
  CHECK(offsets_refusal("[0,4,4]") == "x.data_offsets: an array of 3, expected an array of 2");
  CHECK(offsets_refusal("[4,0]") == "x.data_offsets: [4,0]" + wanted);
  CHECK(offsets_refusal("[-4,0]") == "x.data_offsets: [-4,0]" + wanted);
  CHECK(offsets_refusal("[-0,4]") == "x.data_offsets: [-0.0,4]" + wanted);
  CHECK(offsets_refusal("[0,4.0]") == "x.data_offsets: [0,4.0]" + wanted);
  CHECK(offsets_refusal("[0,null]") == "x.data_offsets: [0,null]" + wanted);
  CHECK(offsets_refusal("[1,5]") == "x.data_offsets: [1,5]" + wanted);
  CHECK(offsets_refusal("[9223372036854775803,9223372036854775807]") ==
        "x.data_offsets: [9223372036854775803,9223372036854775807]" + wanted);
  CHECK(offsets_refusal("[18446744073709551612,18446744073709551616]").ends_with(wanted));
}

TEST_CASE("tensors cover the data: no holes, no overlaps, nothing left over") {
  const auto two = [](std::string_view a, std::string_view b, std::size_t data) {
    return header_refusal("{\"a\":{\"dtype\":\"I8\",\"shape\":[4],\"data_offsets\":" + std::string(a) +
                              "},\"b\":{\"dtype\":\"I8\",\"shape\":[4],\"data_offsets\":" + std::string(b) + "}}",
                          data);
  };
  CHECK(two("[0,4]", "[4,8]", 8).empty());
  CHECK(two("[4,8]", "[0,4]", 8).empty());
  CHECK(two("[0,4]", "[5,9]", 9) == "b.data_offsets: begins at 5, expected 4 (no holes, no overlaps)");
  CHECK(two("[0,4]", "[3,7]", 7) == "b.data_offsets: begins at 3, expected 4 (no holes, no overlaps)");
  CHECK(two("[0,4]", "[0,4]", 8).ends_with("begins at 0, expected 4 (no holes, no overlaps)"));
  CHECK(two("[1,5]", "[5,9]", 9) == "a.data_offsets: begins at 1, expected 0 (no holes, no overlaps)");
  CHECK(two("[0,4]", "[4,8]", 9) == "data: the tensors cover 8 bytes, expected all 9");
  // Tensors without elements lie between others, not inside them.
  const auto with_empty = [](std::string_view at) {
    return header_refusal("{\"e\":{\"dtype\":\"I8\",\"shape\":[0],\"data_offsets\":" + std::string(at) +
                              "},\"a\":{\"dtype\":\"I8\",\"shape\":[4],\"data_offsets\":[0,4]}}",
                          4);
  };
  CHECK(with_empty("[0,0]").empty());
  CHECK(with_empty("[4,4]").empty());
  CHECK(with_empty("[2,2]") == "e.data_offsets: begins at 2, expected 4 (no holes, no overlaps)");
}

TEST_CASE("names: once each, at most 4096 of them, shown harmlessly") {
  CHECK(header_refusal("{\"x\":{},\"x\":{}}") == "header: byte 8: a name for the second time, expected it once");
  CHECK(header_refusal("{\"x\":{},\"\\u0078\":{}}") == "header: byte 8: a name for the second time, expected it once");
  CHECK(header_refusal("{\"\\u001b[31m\":3}") == "\"\\u001b[31m\": 3, expected an object");
  const auto many = [](int n) {
    std::string header = "{\"__metadata__\":{}";
    for (int i = 0; i < n; ++i)
      header += ",\"" + std::to_string(i) + "\":{\"dtype\":\"I8\",\"shape\":[0],\"data_offsets\":[0,0]}";
    return header_refusal(header + "}");
  };
  CHECK(many(4096).empty());
  CHECK(many(4097) == "header: 4098 entries, expected at most 4096 tensors");
}

TEST_CASE("metadata is strings") {
  CHECK(header_refusal("{\"__metadata__\":[]}") == "__metadata__: an array of 0, expected an object");
  CHECK(header_refusal("{\"__metadata__\":{\"a\":1}}") == "__metadata__.a: 1, expected a string");
  CHECK(header_refusal("{\"__metadata__\":{\"a\":{}}}") == "__metadata__.a: an object, expected a string");
  CHECK(header_refusal("{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}") ==
        "header: byte 25: a name for the second time, expected it once");
}

TEST_CASE("the writer refuses what the reader would") {
  Tensors t;
  t.put<std::int8_t>("a", DType::i8, {3}, {1, 2});
  CHECK(refusal(t.file()) == "a: 2 bytes, expected 3 for I8 [3]");
  Tensors reserved;
  reserved.put<std::int8_t>("__metadata__", DType::i8, {1}, {1});
  CHECK(refusal(reserved.file()) == "__metadata__: a tensor's name, expected another");
  Tensors latin;
  latin.put<std::int8_t>("caf\xE9", DType::i8, {1}, {1});
  CHECK(refusal(latin.file()) == "\"caf\\ufffd\": a tensor's name, expected UTF-8");
  CHECK(refusal(Tensors().file({{"a", "\xE9"}})) == "__metadata__: expected UTF-8");
  const std::vector<StoredTensor> twice(2, StoredTensor{"a", DType::i8, {0}, {}});
  CHECK(refusal(write_safetensors(twice)).ends_with("a name for the second time, expected it once"));
  CHECK(refusal(Tensors().file()).empty());
}

TEST_CASE("a file cut at any byte is refused") {
  const Bytes file = small_file();
  for (std::size_t n = 0; n < file.size(); ++n) {
    const Bytes cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(n));
    const auto parsed = parse_safetensors(cut);
    REQUIRE_FALSE(parsed.ok());
    REQUIRE_FALSE(parsed.error().message.empty());
  }
}

TEST_CASE("20,000 random mutations of a file are read or refused; what is read lies inside the file and covers it") {
  const Bytes seed = small_file();
  std::mt19937 random(5);
  int accepted = 0;
  for (int i = 0; i < 20000; ++i) {
    const Bytes file = mutated(seed, random);
    const Bytes exact(file.begin(), file.end());  // no spare capacity: a sanitiser sees every byte beyond
    const auto parsed = parse_safetensors(exact);
    if (!parsed) {
      REQUIRE_FALSE(parsed.error().message.empty());
      continue;
    }
    ++accepted;
    std::size_t covered = 0;
    unsigned sum = 0;
    for (const StoredTensor& t : parsed->tensors()) {
      covered += t.bytes.size();
      for (const std::byte b : t.bytes) sum += std::to_integer<unsigned>(b);
      REQUIRE(parsed->find(t.name) == &t);
    }
    REQUIRE(sum <= 255 * covered);
    REQUIRE(covered < exact.size());
    // What is accepted can be written, and read again.
    REQUIRE(write_safetensors(parsed->tensors(), parsed->metadata()).ok());
  }
  CHECK(accepted > 300);
}
