// SPDX-License-Identifier: Apache-2.0
// Metadata of weight files: every entry is there, and says what it may.
#include "attendseg/io/model_info.hpp"

#include <doctest/doctest.h>

#include <string>

#include "io/stored_file.hpp"

using namespace attendseg;
using namespace attendseg::testing;

namespace {

std::string changed(const char* key, const std::string& value) {
  Metadata m = metadata_of(tiny_description(), Precision::int8);
  m[key] = value;
  return refusal(read_model_info(m));
}

}  // namespace

TEST_CASE("metadata becomes a ModelInfo") {
  for (const Precision precision : {Precision::int8, Precision::float32}) {
    const Description d = tiny_description();
    const auto info = read_model_info(metadata_of(d, precision));
    REQUIRE_MESSAGE(info.ok(), refusal(info));
    CHECK(info->precision == precision);
    CHECK(write_description(info->description) == write_description(d));
    CHECK(info->classes == std::vector<std::string>{"class 0", "class 1", "class 2"});
    REQUIRE(info->palette.size() == 3);
    CHECK(info->palette[2] == std::array<std::uint8_t, 3>{2, 128, 255});
    CHECK(info->working_size == 512);
    CHECK(info->license == "Apache-2.0");
    CHECK(info->terms == "none");
    CHECK(info->source == "a seed");
    CHECK(info->accuracy == "{\"miou\":0.5}");
    CHECK(info->quantisation == "{\"stem\":[0.03125,-3]}");
  }
}

TEST_CASE("every entry but the quantisation is needed; others do not matter") {
  const Metadata all = metadata_of(tiny_description(), Precision::int8);
  for (const auto& [key, value] : all) {
    Metadata m = all;
    m.erase(key);
    CHECK(refusal(read_model_info(m)) == (key == "quantisation" ? "" : key + ": missing from the file's metadata"));
  }
  CHECK(changed("anything", "{").empty());
  CHECK_FALSE(read_model_info({}).ok());
}

TEST_CASE("every entry is checked") {
  CHECK(changed("format", "pt") == "format: pt, expected attendseg/1");
  CHECK(changed("format", "attendseg/2") == "format: attendseg/2, expected attendseg/1");
  CHECK(changed("precision", "int4") == "precision: int4, expected int8 or float");
  CHECK(changed("description", "{") == "description: byte 1: the text ends, expected '\"' (a name)");
  CHECK(changed("description", "[]") == "description: an array of 0, expected an object");
  CHECK(changed("description", "{}") == "description.name: missing, expected a value");
  Description d = tiny_description();
  d.stages[1].condenser.factor = 3;
  CHECK(changed("description", write_description(d)) ==
        "description.stages[1].condenser.factor: 3, expected 2 (the condenser is double)");
  CHECK(changed("classes", "[\"a\"") == "classes: byte 4: the text ends, expected ',' or ']'");
  CHECK(changed("classes", "[\"a\",\"b\"]") == "classes: an array of 2, expected an array of 3");
  CHECK(changed("classes", "{}") == "classes: an object, expected an array of 3");
  CHECK(changed("classes", "[\"a\",2,\"c\"]") == "classes[1]: 2, expected a name");
  CHECK(changed("classes", "[\"a\",\"b\",\"\"]") == "classes[2]: \"\", expected a name");
  CHECK(changed("palette", "[[0,0,0],[1,1,1]]") == "palette: an array of 2, expected an array of 3");
  CHECK(changed("palette", "[[0,0,0],[1,1],[2,2,2]]") == "palette[1]: an array of 2, expected an array of 3");
  CHECK(changed("palette", "[[0,0,0],7,[2,2,2]]") == "palette[1]: 7, expected an array of 3");
  CHECK(changed("palette", "[[0,0,0],[1,256,1],[2,2,2]]") == "palette[1][1]: 256, expected 0 to 255");
  CHECK(changed("palette", "[[0,0,0],[1,1,-1],[2,2,2]]") == "palette[1][2]: -1, expected 0 to 255");
  CHECK(changed("palette", "[[0,0,0],[1,1,1],[2,2,2.0]]") == "palette[2][2]: 2.0, expected 0 to 255");
  CHECK(changed("accuracy", "0.5.") == "accuracy: byte 3: '.', expected the end of the text");
  CHECK(changed("quantisation", "[]") == "quantisation: an array of 0, expected an object");
  CHECK(changed("quantisation", "x") == "quantisation: byte 0: 'x', expected a value");
  CHECK(changed("working_size", "32").empty());
  CHECK(changed("working_size", "8192").empty());
  for (const char* size : {"", "31", "8193", "-512", "+512", " 512", "512 ", "0512", "512.0", "5e2", "0x200",
                           "99999999999999999999"})
    CHECK(changed("working_size", size) == "working_size: " + json::shown(size) + ", expected 32 to 8192");
}
