// SPDX-License-Identifier: Apache-2.0
// Descriptions: the same text as the recipe's, an exact round trip, and a refusal for every field out of its range.
#include "attendseg/io/description_json.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "attendseg/models/lower.hpp"
#include "io/stored_file.hpp"

using namespace attendseg;
using namespace attendseg::testing;

namespace {

/// Printed by Description.to_json() of weights/recipe/description.py.
const std::vector<std::string> recipes{
    R"({"name":"attendseg-camvid","classes":11,"stem":24,"stages":[{"width":32,"stride":2,"expansion":2,"dilations":[1,1],"condenser":{"condense":"max","factor":2,"embedding":"depthwise","channels":8,"groups":1,"expand":"nearest","scale":"channel","double":false}},{"width":64,"stride":2,"expansion":2,"dilations":[1,1,1],"condenser":{"condense":"max","factor":2,"embedding":"depthwise","channels":16,"groups":1,"expand":"nearest","scale":"channel","double":false}},{"width":144,"stride":2,"expansion":2,"dilations":[1,1,2,1,4,1,2],"condenser":{"condense":"max","factor":2,"embedding":"depthwise","channels":32,"groups":1,"expand":"nearest","scale":"channel","double":false}}],"decoder":[64,32]})",
    R"({"name":"caf\u00e9 \"\\/\n\u007f \ud83d\ude00","classes":64,"stem":8,"stages":[{"width":16,"stride":1,"expansion":1,"dilations":[1,16],"condenser":{"condense":"max","factor":2,"embedding":"depthwise","channels":0,"groups":1,"expand":"nearest","scale":"channel","double":false}},{"width":24,"stride":2,"expansion":4,"dilations":[1,2,3,4,5,6,7,8,9,10,11,12],"condenser":{"condense":"average","factor":2,"embedding":"grouped","channels":12,"groups":4,"expand":"bilinear","scale":"layer","double":true}},{"width":512,"stride":2,"expansion":8,"dilations":[1],"condenser":{"condense":"max","factor":4,"embedding":"pointwise","channels":256,"groups":1,"expand":"nearest","scale":"channel","double":false}}],"decoder":[7]})"};

/// The message for the second recipe with its first `from` behind `after` replaced by `to`.
std::string changed(std::string_view from, std::string_view to, std::string_view after = "") {
  std::string text = recipes[1];
  const std::size_t start = text.find(after);
  REQUIRE(start != text.npos);
  const std::size_t at = text.find(from, start);
  REQUIRE_MESSAGE(at != text.npos, from);
  text.replace(at, from.size(), to);
  return refusal(read_description(text));
}

}  // namespace

TEST_CASE("descriptions are written byte for byte as the recipe writes them") {
  for (const std::string& text : recipes) {
    const auto d = read_description(text);
    REQUIRE_MESSAGE(d.ok(), refusal(d));
    CHECK(write_description(*d) == text);
    CHECK(lower(*d).valid());
  }
  const Description d = *read_description(recipes[1]);
  CHECK(d.name.view() == "caf\xC3\xA9 \"\\/\n\x7F \xF0\x9F\x98\x80");
  CHECK(d.classes == 64);
  CHECK(d.stage_count == 3);
  CHECK(d.stages[0].condenser.channels == 0);
  CHECK(d.stages[1].blocks == 12);
  CHECK(d.stages[1].dilations[11] == 12);
  CHECK(d.stages[1].condenser == Condenser{.condense = Condense::average,
                                           .factor = 2,
                                           .embedding = Embedding::grouped,
                                           .channels = 12,
                                           .groups = 4,
                                           .expand = Interpolation::bilinear,
                                           .scale = Scale::layer,
                                           .twice = true});
  CHECK(d.stages[2].condenser.factor == 4);
  CHECK(d.decoder_count == 1);
  CHECK(d.decoder[0] == 7);
}

TEST_CASE("members may stand in any order and with white space") {
  const auto d = read_description(
      R"( {"decoder" : [ ], "stages":[{"condenser":{"double":false,"scale":"channel","expand":"nearest","groups":1,
      "channels":8,"embedding":"depthwise","factor":4,"condense":"max"},"dilations":[1],"expansion":1,"stride":2,
      "width":8}], "stem":8, "classes":2, "name":"one"} )");
  REQUIRE_MESSAGE(d.ok(), refusal(d));
  CHECK(d->decoder_count == 0);
  CHECK(d->output_stride() == 4);
  CHECK(lower(*d).valid());
}

TEST_CASE("every field has a range") {
  CHECK(changed("\"classes\":64", "\"classes\":65") == "classes: 65, expected 2 to 64");
  CHECK(changed("\"classes\":64", "\"classes\":1") == "classes: 1, expected 2 to 64");
  CHECK(changed("\"classes\":64", "\"classes\":2.0") == "classes: 2.0, expected 2 to 64");
  CHECK(changed("\"classes\":64", "\"classes\":\"2\"") == "classes: \"2\", expected 2 to 64");
  CHECK(changed("\"classes\":64", "\"classes\":4294967298") == "classes: 4294967298, expected 2 to 64");
  CHECK(changed("\"stem\":8", "\"stem\":0") == "stem: 0, expected 1 to 512");
  CHECK(changed("\"stem\":8", "\"stem\":513") == "stem: 513, expected 1 to 512");
  CHECK(changed("\"width\":16", "\"width\":0") == "stages[0].width: 0, expected 1 to 512");
  CHECK(changed("\"width\":512", "\"width\":513") == "stages[2].width: 513, expected 1 to 512");
  CHECK(changed("\"stride\":2", "\"stride\":3") == "stages[1].stride: 3, expected 1 to 2");
  CHECK(changed("\"expansion\":8", "\"expansion\":9") == "stages[2].expansion: 9, expected 1 to 8");
  CHECK(changed("\"expansion\":8", "\"expansion\":0") == "stages[2].expansion: 0, expected 1 to 8");
  CHECK(changed("[1,16]", "[1,17]") == "stages[0].dilations[1]: 17, expected 1 to 16");
  CHECK(changed("[1,16]", "[0,16]") == "stages[0].dilations[0]: 0, expected 1 to 16");
  CHECK(changed("[1,16]", "[]") == "stages[0].dilations: an array of 0, expected an array of 1 to 12");
  CHECK(changed("[1,16]", "1") == "stages[0].dilations: 1, expected an array of 1 to 12");
  CHECK(changed("11,12]", "11,12,13]") == "stages[1].dilations: an array of 13, expected an array of 1 to 12");
  CHECK(changed("\"channels\":256", "\"channels\":257") == "stages[2].condenser.channels: 257, expected 0 to 256");
  CHECK(changed("\"channels\":256", "\"channels\":-1") == "stages[2].condenser.channels: -1, expected 0 to 256");
  CHECK(changed("\"factor\":4", "\"factor\":3") == "stages[2].condenser.factor: 3, expected 2 or 4");
  CHECK(changed("\"factor\":4", "\"factor\":8") == "stages[2].condenser.factor: 8, expected 2 or 4");
  CHECK(changed("\"factor\":2", "\"factor\":4", "average") ==
        "stages[1].condenser.factor: 4, expected 2 (the condenser is double)");
  CHECK(changed("\"condense\":\"average\"", "\"condense\":\"min\"") ==
        "stages[1].condenser.condense: \"min\", expected max or average");
  CHECK(changed("\"embedding\":\"pointwise\"", "\"embedding\":1") ==
        "stages[2].condenser.embedding: 1, expected pointwise, grouped or depthwise");
  CHECK(changed("\"bilinear\"", "\"cubic\"") == "stages[1].condenser.expand: \"cubic\", expected nearest or bilinear");
  CHECK(changed("\"layer\"", "\"pixel\"") == "stages[1].condenser.scale: \"pixel\", expected layer or channel");
  CHECK(changed("\"double\":true", "\"double\":1") == "stages[1].condenser.double: 1, expected true or false");
  CHECK(changed("[7]", "[0]") == "decoder[0]: 0, expected 1 to 512");
  CHECK(changed("[7]", "[513]") == "decoder[0]: 513, expected 1 to 512");
  CHECK(changed("[7]", "{}") == "decoder: an object, expected an array of 0 to 3");
}

TEST_CASE("groups divide what they group, and only a grouped embedding has them") {
  CHECK(changed("\"groups\":4", "\"groups\":1").empty());
  CHECK(changed("\"groups\":4", "\"groups\":3") ==
        "stages[1].condenser.groups: 3, expected a divisor of 64, 96 and 12");
  CHECK(changed("\"groups\":4", "\"groups\":8") ==
        "stages[1].condenser.groups: 8, expected a divisor of 64, 96 and 12");
  CHECK(changed("\"groups\":4", "\"groups\":0") == "stages[1].condenser.groups: 0, expected 1 to 4096");
  CHECK(changed("\"groups\":4", "\"groups\":-4") == "stages[1].condenser.groups: -4, expected 1 to 4096");
  CHECK(changed("\"groups\":1", "\"groups\":2", "pointwise") ==
        "stages[2].condenser.groups: 2, expected 1 unless the embedding is grouped");
}

TEST_CASE("stages, decoder steps and strides fit together") {
  const std::string condenser =
      R"({"condense":"max","factor":2,"embedding":"depthwise","channels":0,"groups":1,)"
      R"("expand":"nearest","scale":"channel","double":false})";
  const auto network = [&](int stages, int stride, std::string_view decoder) {
    std::string text = R"({"name":"n","classes":2,"stem":8,"stages":[)";
    for (int i = 0; i < stages; ++i)
      text += (i > 0 ? "," : "") + std::string(R"({"width":8,"stride":)") + std::to_string(stride) +
              R"(,"expansion":1,"dilations":[1],"condenser":)" + condenser + "}";
    return refusal(read_description(text + "],\"decoder\":" + std::string(decoder) + "}"));
  };
  CHECK(network(0, 2, "[]") == "stages: an array of 0, expected an array of 1 to 4");
  CHECK(network(5, 2, "[8]") == "stages: an array of 5, expected an array of 1 to 4");
  CHECK(network(1, 2, "[]").empty());
  CHECK(network(1, 2, "[8]").empty());
  CHECK(network(2, 2, "[8,8]").empty());
  CHECK(network(1, 2, "[8,8]") == "decoder: an array of 2, expected an array of 0 to 1");
  CHECK(network(2, 2, "[8]").empty());
  CHECK(network(2, 2, "[]").empty());
  CHECK(network(3, 2, "[]") == "decoder: scores at stride 16, expected 1, 2, 4 or 8");
  CHECK(network(3, 2, "[8]").empty());
  CHECK(network(4, 2, "[8]") == "decoder: scores at stride 16, expected 1, 2, 4 or 8");
  CHECK(network(4, 2, "[8,8,8]").empty());
  CHECK(network(4, 2, "[8,8,8,8]").empty());
  CHECK(network(4, 2, "[8,8,8,8,8]") == "decoder: an array of 5, expected an array of 0 to 4");
  CHECK(network(4, 1, "[]").empty());
}

TEST_CASE("members: all of them and no others") {
  CHECK(refusal(read_description("[]")) == "description: an array of 0, expected an object");
  CHECK(refusal(read_description("{}")) == "name: missing, expected a value");
  CHECK(refusal(read_description("{\"name\":\"a\"")) == "byte 11: the text ends, expected ',' or '}'");
  CHECK(changed("\"stem\"", "\"stern\"") == "stern: an unknown name, expected none");
  CHECK(changed(",\"stem\":8", "") == "stem: missing, expected a value");
  CHECK(changed("\"width\":24,", "") == "stages[1].width: missing, expected a value");
  CHECK(changed("\"width\":24,", "\"width\":24,\"depth\":1,") == "stages[1].depth: an unknown name, expected none");
  CHECK(changed(",\"double\":true", "") == "stages[1].condenser.double: missing, expected a value");
  CHECK(changed("\"double\":true", "\"double\":true,\"\\u001b\":1") ==
        "stages[1].condenser.\"\\u001b\": an unknown name, expected none");
  CHECK(changed("\"stages\":[", "\"stages\":[3,") == "stages[0]: 3, expected an object");
}

TEST_CASE("names: 1 to 48 bytes") {
  const std::string name = "\"caf\\u00e9 \\\"\\\\/\\n\\u007f \\ud83d\\ude00\"";
  CHECK(changed(name, "\"\"") == "name: \"\", expected a string of 1 to 48 bytes");
  CHECK(changed(name, "7") == "name: 7, expected a string of 1 to 48 bytes");
  CHECK(changed(name, "\"" + std::string(48, 'a') + "\"").empty());
  CHECK(changed(name, "\"" + std::string(49, 'a') + "\"") ==
        "name: \"" + std::string(49, 'a') + "\", expected a string of 1 to 48 bytes");
}
