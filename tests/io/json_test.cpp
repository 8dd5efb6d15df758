// SPDX-License-Identifier: Apache-2.0
// The JSON reader and writer: what is JSON is read, what is not is refused with its place, and nothing crashes.
#include "attendseg/io/json.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "attendseg/io/json_write.hpp"

using namespace attendseg;

namespace {

std::string refusal(std::string_view text, const json::Limits& limits = {}) {
  const auto r = json::read(text, limits);
  return r.ok() ? "" : r.error().message;
}
/// Read and written again.
std::string again(std::string_view text) {
  const auto r = json::read(text);
  return r.ok() ? json::write(*r) : "refused: " + r.error().message;
}
/// By bits, so that the tests hold under -ffast-math as well.
std::uint64_t bits(double d) { return std::bit_cast<std::uint64_t>(d); }
std::string repeated(std::string_view s, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += s;
  return out;
}

}  // namespace

TEST_CASE("JSON values are read, and objects keep their order") {
  const auto r = json::read(" {\"b\" : [1, 2.5,\ttrue,false,null,\"x\"],\r\n\"a\":{}, \"\":[[]]} ");
  REQUIRE(r.ok());
  REQUIRE(r->object() != nullptr);
  CHECK((*r->object())[0].key == "b");
  CHECK((*r->object())[1].key == "a");
  const json::Array& b = *r->find("b")->array();
  REQUIRE(b.size() == 6);
  CHECK(*b[0].integer() == 1);
  CHECK(b[1].integer() == nullptr);
  CHECK(*b[1].number() == 2.5);
  CHECK(*b[2].boolean());
  CHECK_FALSE(*b[3].boolean());
  CHECK(b[4].is_null());
  CHECK(*b[5].string() == "x");
  CHECK(r->find("")->array()->size() == 1);
  CHECK(r->find("c") == nullptr);
  CHECK(b[0].find("c") == nullptr);
  CHECK_FALSE(b[5].number().has_value());
  CHECK(json::write(*r) == "{\"b\":[1,2.5,true,false,null,\"x\"],\"a\":{},\"\":[[]]}");
  CHECK(again("0") == "0");
  CHECK(again("\"\"") == "\"\"");
  CHECK(again("[]") == "[]");
}

TEST_CASE("numbers: integers are exact, the rest are doubles, and nothing overflows") {
  CHECK(*json::read("9223372036854775807")->integer() == std::numeric_limits<std::int64_t>::max());
  CHECK(*json::read("-9223372036854775808")->integer() == std::numeric_limits<std::int64_t>::min());
  CHECK(json::read("9223372036854775808")->integer() == nullptr);
  CHECK(*json::read("9223372036854775808")->number() == 0x1p63);
  CHECK(json::read("1.0")->integer() == nullptr);
  CHECK(json::read("1e2")->integer() == nullptr);
  CHECK(*json::read("1e2")->number() == 100.0);
  CHECK(json::read("-0")->integer() == nullptr);
  CHECK(bits(*json::read("-0")->number()) == std::uint64_t{1} << 63);
  CHECK(*json::read("0e0")->number() == 0.0);
  CHECK(*json::read("0.000e-999999999999")->number() == 0.0);
  CHECK(*json::read("5e-324")->number() == std::numeric_limits<double>::denorm_min());
  CHECK(*json::read("1.7976931348623157e308")->number() == std::numeric_limits<double>::max());
  CHECK(*json::read("2.2250738585072011e-308")->number() == 2.2250738585072011e-308);
  CHECK(refusal("1e999") == "byte 0: a number beyond the range of a double");
  CHECK(refusal("[-1e999]") == "byte 1: a number beyond the range of a double");
  CHECK(refusal("1e-999") == "byte 0: a number beyond the range of a double");
  CHECK(refusal("1e99999999999999999999") == "byte 0: a number beyond the range of a double");
  CHECK(refusal(repeated("9", 400)) == "byte 0: a number beyond the range of a double");
  CHECK(refusal("01") == "byte 1: '1', expected no digit after a leading 0");
  CHECK(refusal("-01") == "byte 2: '1', expected no digit after a leading 0");
  CHECK(refusal("+1") == "byte 0: '+', expected a value");
  CHECK(refusal("-") == "byte 1: the text ends, expected a digit");
  CHECK(refusal("1.") == "byte 2: the text ends, expected a digit");
  CHECK(refusal(".5") == "byte 0: '.', expected a value");
  CHECK(refusal("1.e5") == "byte 2: 'e', expected a digit");
  CHECK(refusal("1e+") == "byte 3: the text ends, expected a digit");
  CHECK(refusal("0x10") == "byte 1: 'x', expected the end of the text");
  for (const char* text : {"NaN", "Infinity", "-Infinity", "-nan", "1_000", "1,5", "--1", "1e+-5", "1f", "0 0"})
    CHECK_MESSAGE(!refusal(text).empty(), text);
}

TEST_CASE("strings: escapes, surrogates and UTF-8") {
  CHECK(*json::read("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"")->string() == "\"\\/\b\f\n\r\t");
  CHECK(*json::read("\"\\u0041\\u00e9\\u20AC\\ud83d\\uDE00\"")->string() == "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  CHECK(*json::read("\"\\u0000\"")->string() == std::string(1, '\0'));
  CHECK(*json::read("\"\xEF\xBF\xBF\xF4\x8F\xBF\xBF\x7F\"")->string() == "\xEF\xBF\xBF\xF4\x8F\xBF\xBF\x7F");
  CHECK(refusal("\"\\ud800\"") == "byte 7: '\"', expected \\u and a low surrogate after a high one");
  CHECK(refusal("\"\\ud800\\n\"") == "byte 7: '\\', expected \\u and a low surrogate after a high one");
  CHECK(refusal("\"\\ud800\\ud800\"") == "byte 1: a high surrogate, expected a low one after it");
  CHECK(refusal("\"\\udc00\"") == "byte 1: a low surrogate, expected a high one before it");
  CHECK(refusal("\"\\u12g4\"") == "byte 5: 'g', expected a hexadecimal digit");
  CHECK(refusal("\"\\u12") == "byte 5: the text ends, expected a hexadecimal digit");
  CHECK(refusal("\"\\x41\"") == "byte 2: 'x', expected one of \"\\/bfnrtu (an escape)");
  CHECK(refusal("\"\\") == "byte 2: the text ends, expected one of \"\\/bfnrtu (an escape)");
  CHECK(refusal("\"abc") == "byte 4: the text ends, expected '\"' (the end of a string)");
  CHECK(refusal("\"a\nb\"") == "byte 2: 0x0a, expected a control character to be escaped");
  CHECK(refusal(std::string_view("\"a\0b\"", 5)) == "byte 2: 0x00, expected a control character to be escaped");
  CHECK(refusal("'a'") == "byte 0: ''', expected a value");
  // Overlong, surrogate, too large, continuation alone, cut short, never allowed.
  for (const char* bad : {"\xC0\xAF", "\xC1\xBF", "\xE0\x80\xAF", "\xE0\x9F\xBF", "\xF0\x80\x80\xAF",
                          "\xF0\x8F\xBF\xBF",
                          "\xED\xA0\x80", "\xED\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\x80", "\xBF",
                          "\xC3", "\xE2\x82", "\xF0\x9F\x98", "\xFE", "\xFF", "\xC3(", "\xE2(\xA1"}) {
    const std::string message = refusal(std::string("\"") + bad + "\"");
    CHECK_MESSAGE(message.ends_with(", expected UTF-8"), message);
  }
}

TEST_CASE("structure: what is not JSON is refused with its place") {
  CHECK(refusal("") == "byte 0: the text ends, expected a value");
  CHECK(refusal("   ") == "byte 3: the text ends, expected a value");
  CHECK(refusal("[1 2]") == "byte 3: '2', expected ',' or ']'");
  CHECK(refusal("[1,]") == "byte 3: ']', expected a value");
  CHECK(refusal("[,1]") == "byte 1: ',', expected a value");
  CHECK(refusal("[1") == "byte 2: the text ends, expected ',' or ']'");
  CHECK(refusal("{\"a\":1,}") == "byte 7: '}', expected '\"' (a name)");
  CHECK(refusal("{a:1}") == "byte 1: 'a', expected '\"' (a name)");
  CHECK(refusal("{1:1}") == "byte 1: '1', expected '\"' (a name)");
  CHECK(refusal("{\"a\" 1}") == "byte 5: '1', expected ':'");
  CHECK(refusal("{\"a\":}") == "byte 5: '}', expected a value");
  CHECK(refusal("{\"a\":1") == "byte 6: the text ends, expected ',' or '}'");
  CHECK(refusal("{\"a\":1]") == "byte 6: ']', expected ',' or '}'");
  CHECK(refusal("{\"a\":1,\"b\":2,\"a\":3}") == "byte 13: a name for the second time, expected it once");
  CHECK(refusal("{\"a\":1,\"\\u0061\":3}") == "byte 7: a name for the second time, expected it once");
  CHECK(refusal("nul") == "byte 0: 'n', expected null");
  CHECK(refusal("True") == "byte 0: 'T', expected a value");
  CHECK(refusal("truee") == "byte 4: 'e', expected the end of the text");
  CHECK(refusal("1 1") == "byte 2: '1', expected the end of the text");
  CHECK(refusal("[]//") == "byte 2: '/', expected the end of the text");
  CHECK(refusal("/**/1") == "byte 0: '/', expected a value");
  CHECK(refusal("\xEF\xBB\xBF{}") == "byte 0: 0xef, expected a value");
  CHECK(refusal("\xC2\xA0""1") == "byte 0: 0xc2, expected a value");
  CHECK(refusal("\v1") == "byte 0: 0x0b, expected a value");
  CHECK(refusal(std::string_view("1\0", 2)) == "byte 1: 0x00, expected the end of the text");
  CHECK(refusal(std::string_view("\0", 1)) == "byte 0: 0x00, expected a value");
}

TEST_CASE("depth and size are capped") {
  CHECK(refusal(repeated("[", 32) + repeated("]", 32)).empty());
  CHECK(refusal(repeated("[", 33) + repeated("]", 33)) == "byte 32: arrays and objects nested too deeply");
  CHECK(refusal(repeated("[", 1000000)) == "byte 32: arrays and objects nested too deeply");
  CHECK(refusal(repeated("{\"a\":", 200000)) == "byte 160: arrays and objects nested too deeply");
  // Siblings are no depth.
  CHECK(refusal("[" + repeated("[],", 1000) + "[]]").empty());
  CHECK(refusal("[[1]]", {.depth = 1}) == "byte 1: arrays and objects nested too deeply");
  CHECK(refusal("1", {.depth = 0}).empty());
  CHECK(refusal("[0]", {.bytes = 2}) == "a text of 3 bytes, expected at most 2");
  CHECK(refusal(std::string((1 << 20) + 1, ' ')) == "a text of 1048577 bytes, expected at most 1048576");
}

TEST_CASE("many names stay quick") {
  std::string text = "{";
  for (int i = 0; i < 60000; ++i) text += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "\":0";
  CHECK(refusal(text + "}").empty());
  CHECK(refusal(text + ",\"59999\":0}").ends_with("a name for the second time, expected it once"));
}

TEST_CASE("the writer's text reads back as the same value") {
  CHECK(json::write(json::Value(0.1)) == "0.1");
  CHECK(json::write(json::Value(1.0)) == "1.0");
  CHECK(json::write(json::Value(-0.0)) == "-0.0");
  CHECK(json::write(json::Value(1e100)) == "1e+100");
  CHECK(json::write(json::Value(-2.2250738585072014e-308)) == "-2.2250738585072014e-308");
  CHECK(json::write(json::Value(7)) == "7");
  CHECK(json::write(json::Value(std::numeric_limits<double>::infinity())) == "null");
  CHECK(json::write(json::Value(std::numeric_limits<double>::quiet_NaN())) == "null");
  CHECK(json::write(json::Value("a\"\\/\b\f\n\r\t\x01\x7F\xC3\xA9\xF0\x9F\x98\x80")) ==
        "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u007f\\u00e9\\ud83d\\ude00\"");
  CHECK(json::write(json::Value("\xFF")) == "\"\\ufffd\"");
  const json::Object empty{{"a", json::Value(json::Array{})}, {"b", json::Value(json::Object{})}};
  CHECK(json::write(json::Value(empty)) == "{\"a\":[],\"b\":{}}");
  std::mt19937_64 random(7);
  for (int i = 0; i < 20000; ++i) {
    const std::uint64_t pattern = random();
    if ((pattern >> 52 & 0x7FF) == 0x7FF) continue;  // neither infinities nor NaN
    const auto back = json::read(json::write(json::Value(std::bit_cast<double>(pattern))));
    REQUIRE(back.ok());
    REQUIRE(back->number().has_value());
    REQUIRE(bits(*back->number()) == pattern);
  }
}

TEST_CASE("names and values from a file are shown harmlessly") {
  CHECK(json::shown("stem.weight") == "stem.weight");
  CHECK(json::shown("") == "\"\"");
  CHECK(json::shown("a b") == "\"a b\"");
  CHECK(json::shown("\x1B[2J") == "\"\\u001b[2J\"");
  CHECK(json::shown(std::string(100, 'a')) == std::string(80, 'a') + "...");
  CHECK(json::described(json::Value("x")) == "\"x\"");
  CHECK(json::described(json::Value(json::Array(3))) == "an array of 3");
  CHECK(json::described(json::Value(json::Object{})) == "an object");
  CHECK(json::described(json::Value()) == "null");
}

TEST_CASE("20,000 random mutations of a JSON text are read or refused, and what is read is written and read alike") {
  const std::string seed =
      "{\"a\":[1,-2.5e3,0.1,true,false,null],"
      "\"b\\u00e9\":{\"c\":\"\\ud83d\\ude00\\n\xC3\xA9\",\"d\":{}},\"e\":[[],[{}]]}";
  constexpr std::string_view alphabet = "{}[]\",:\\u0123456789eE+-.tfn \xC3\xA9\xED\xA0";
  std::mt19937 random(11);
  int accepted = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text = seed;
    for (std::uint32_t edits = 1 + random() % 4; edits > 0 && !text.empty(); --edits) {
      const std::size_t at = random() % text.size();
      const char c = random() % 4 == 0 ? static_cast<char>(random()) : alphabet[random() % alphabet.size()];
      switch (random() % 3) {
        case 0: text[at] = c; break;
        case 1: text.insert(at, 1, c); break;
        default: text.erase(at, 1 + random() % 3); break;
      }
    }
    // An exact allocation, so that a sanitiser sees the first byte read behind the text.
    const std::vector<char> exact(text.begin(), text.end());
    const auto r = json::read({exact.data(), exact.size()});
    if (!r) {
      REQUIRE_FALSE(r.error().message.empty());
      continue;
    }
    ++accepted;
    const auto back = json::read(json::write(*r));
    REQUIRE(back.ok());
    REQUIRE(*back == *r);
  }
  CHECK(accepted > 100);
}
