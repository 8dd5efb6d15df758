// SPDX-License-Identifier: Apache-2.0
#include "common/class_map.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

const app::ClassNames network{"sky", "road", "kerb"};

attendseg::Result<app::ClassMap> made(const char* text, const app::ClassNames& data_set = {}) {
  const auto value = attendseg::json::read(text);
  REQUIRE(value.ok());
  return app::make_class_map(*value, network, data_set);
}
std::string refusal(const char* text, const app::ClassNames& data_set = {}) {
  const auto map = made(text, data_set);
  return map.ok() ? "" : map.error().message;
}
std::vector<std::uint8_t> mapped(const app::ClassMap& map) {
  std::vector<std::uint8_t> labels{0, 1, 2, 1};
  map.apply(labels);
  return labels;
}

}  // namespace

TEST_CASE("class ids are mapped to those of the data set") {
  const char* text = R"({"ground": ["kerb", "road"], "animal": [], "above": ["sky"]})";
  const auto by_member = made(text);
  REQUIRE(by_member.ok());
  CHECK(by_member->names == app::ClassNames{"ground", "animal", "above"});
  CHECK(mapped(*by_member) == std::vector<std::uint8_t>{2, 0, 0, 0});

  const auto by_data_set = made(text, {"above", "ground", "animal"});
  REQUIRE(by_data_set.ok());
  CHECK(by_data_set->names == app::ClassNames{"above", "ground", "animal"});
  CHECK(mapped(*by_data_set) == std::vector<std::uint8_t>{0, 1, 1, 1});

  CHECK(mapped(app::same_classes(network)) == std::vector<std::uint8_t>{0, 1, 2, 1});
}

TEST_CASE("maps that leave a question open are refused") {
  const std::string one_of = "expected one of sky, road, kerb";
  CHECK(refusal("[]") == "an array of 0, expected an object of 1 to 255 classes");
  CHECK(refusal(R"({"a": "sky"})") == "a: \"sky\", expected an array of classes of the network");
  CHECK(refusal(R"({"a": ["sky", "lane"]})") == "a: \"lane\", " + one_of);
  CHECK(refusal(R"({"a": [1]})") == "a: 1, " + one_of);
  CHECK(refusal(R"({"a": ["sky"], "b": ["sky"]})") == "b: \"sky\" for the second time, expected it once");
  CHECK(refusal(R"({"a": ["road"]})") == "sky, kerb: of the network, named nowhere, expected every class once");
  const char* whole = R"({"a": ["sky", "road", "kerb"]})";
  CHECK(refusal(whole, {"b"}) == "a: not a class of the data set, expected one of b");
  CHECK(refusal(whole, {"a", "b"}) == "b: missing, expected an array of classes of the network, which may be empty");
}
