// SPDX-License-Identifier: Apache-2.0
// What a weight file says about its network beside the numbers: the __metadata__ of the file, checked.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "attendseg/core/result.hpp"
#include "attendseg/io/description_json.hpp"
#include "attendseg/io/json.hpp"
#include "attendseg/io/json_write.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// What a file's weights are for: AttendSeg<std::int8_t> or AttendSeg<float>.
enum class Precision : std::uint8_t { int8, float32 };

/// The precision as the file's metadata names it.
constexpr const char* precision_name(Precision p) noexcept { return p == Precision::int8 ? "int8" : "float"; }

/// The metadata of a weight file.
struct ModelInfo {
  Description description;
  Precision precision = Precision::int8;
  std::vector<std::string> classes;                    ///< one name a class, UTF-8
  std::vector<std::array<std::uint8_t, 3>> palette;    ///< one colour a class, red green blue
  int working_size = 0;                                ///< longest side that pictures are brought to, pixels
  std::string license;                                 ///< of the weights
  std::string terms;                                   ///< what the training data's terms allow
  std::string source;                                  ///< where the weights come from
  std::string accuracy;                                ///< JSON: what was measured, and on what
  std::string quantisation;                            ///< JSON {node: [scale, zero point]}; empty where not given
};

using Metadata = std::map<std::string, std::string>;

namespace detail {

inline Result<std::vector<std::string>> read_class_names(const json::Value& v, int count) {
  if (v.array() == nullptr || std::cmp_not_equal(v.array()->size(), count))
    return Error{"classes: " + json::described(v) + ", expected an array of " + std::to_string(count)};
  std::vector<std::string> names;
  for (const json::Value& name : *v.array()) {
    if (name.string() == nullptr || name.string()->empty())
      return Error{"classes[" + std::to_string(names.size()) + "]: " + json::described(name) + ", expected a name"};
    names.push_back(*name.string());
  }
  return names;
}

inline Result<std::vector<std::array<std::uint8_t, 3>>> read_palette(const json::Value& v, int count) {
  if (v.array() == nullptr || std::cmp_not_equal(v.array()->size(), count))
    return Error{"palette: " + json::described(v) + ", expected an array of " + std::to_string(count)};
  std::vector<std::array<std::uint8_t, 3>> palette;
  for (const json::Value& colour : *v.array()) {
    const std::string where = "palette[" + std::to_string(palette.size()) + "]";
    if (colour.array() == nullptr || colour.array()->size() != 3)
      return Error{where + ": " + json::described(colour) + ", expected an array of 3"};
    std::array<std::uint8_t, 3> rgb{};
    for (std::size_t i = 0; i < 3; ++i) {
      const json::Value& part = (*colour.array())[i];
      const std::int64_t* n = part.integer();
      if (n == nullptr || *n < 0 || *n > 255)
        return Error{where + "[" + std::to_string(i) + "]: " + json::described(part) + ", expected 0 to 255"};
      rgb[i] = static_cast<std::uint8_t>(*n);
    }
    palette.push_back(rgb);
  }
  return palette;
}

}  // namespace detail

/// Reads and checks a file's metadata: format "attendseg/1", precision, description, classes and palette (one each a
/// class), working_size 32 to 8192, license, terms, source, accuracy, and quantisation where there is one. Others are
/// left alone. Errors begin with the entry: `description.stages[2].width: 0, expected 1 to 512`. @throws std::bad_alloc
inline Result<ModelInfo> read_model_info(const Metadata& metadata) {
  for (const char* key : {"format", "precision", "description", "classes", "palette", "working_size", "license",
                          "terms", "source", "accuracy"})
    if (!metadata.contains(key)) return Error{std::string(key) + ": missing from the file's metadata"};
  const auto text = [&metadata](const char* key) -> const std::string& { return metadata.find(key)->second; };
  const auto parsed = [&text](const char* key) {
    Result<json::Value> v = json::read(text(key));
    return v ? v : Result<json::Value>(Error{std::string(key) + ": " + v.error().message});
  };

  if (text("format") != "attendseg/1")
    return Error{"format: " + json::shown(text("format")) + ", expected attendseg/1"};
  ModelInfo info;
  if (text("precision") != "int8" && text("precision") != "float")
    return Error{"precision: " + json::shown(text("precision")) + ", expected int8 or float"};
  info.precision = text("precision") == "int8" ? Precision::int8 : Precision::float32;

  const Result<json::Value> description = parsed("description");
  if (!description) return description.error();
  const Result<Description> d = detail::DescriptionReader{}.read(*description, "description");
  if (!d) return d.error();
  info.description = *d;

  const Result<json::Value> classes = parsed("classes");
  if (!classes) return classes.error();
  auto names = detail::read_class_names(*classes, d->classes);
  if (!names) return names.error();
  info.classes = *std::move(names);

  const Result<json::Value> colours = parsed("palette");
  if (!colours) return colours.error();
  auto palette = detail::read_palette(*colours, d->classes);
  if (!palette) return palette.error();
  info.palette = *std::move(palette);

  const std::string& size = text("working_size");
  const auto [end, ec] = std::from_chars(size.data(), size.data() + size.size(), info.working_size);
  if (ec != std::errc{} || end != size.data() + size.size() || size[0] == '0' || info.working_size < 32 ||
      info.working_size > 8192)
    return Error{"working_size: " + json::shown(size) + ", expected 32 to 8192"};

  info.license = text("license");
  info.terms = text("terms");
  info.source = text("source");
  if (const auto v = parsed("accuracy"); !v) return v.error();
  info.accuracy = text("accuracy");
  if (metadata.contains("quantisation")) {
    const Result<json::Value> v = parsed("quantisation");
    if (!v) return v.error();
    if (v->object() == nullptr) return Error{"quantisation: " + json::described(*v) + ", expected an object"};
    info.quantisation = text("quantisation");
  }
  return info;
}

ATTENDSEG_NAMESPACE_END
