// SPDX-License-Identifier: Apache-2.0
// Descriptions from and to JSON, text for text as weights/recipe/description.py writes them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "attendseg/core/result.hpp"
#include "attendseg/io/json.hpp"
#include "attendseg/io/json_write.hpp"
#include "attendseg/nn/description.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace detail {

// In the order of their enumerators.
inline constexpr std::array<std::string_view, 2> condense_names{"max", "average"};
inline constexpr std::array<std::string_view, 3> embedding_names{"pointwise", "grouped", "depthwise"};
inline constexpr std::array<std::string_view, 2> expand_names{"nearest", "bilinear"};
inline constexpr std::array<std::string_view, 2> scale_names{"layer", "channel"};

/// Walks a description. Every function is false where it failed, with the message kept.
class DescriptionReader {
 public:
  /// @param where  what the description is called in messages; may be empty
  Result<Description> read(const json::Value& v, const std::string& where) {
    Description d;
    if (!read_top(v, where, d)) return Error{error_};
    return d;
  }

 private:
  bool fail(const std::string& where, const std::string& met, const std::string& wanted) {
    error_ = where + ": " + met + ", expected " + wanted;
    return false;
  }
  static std::string join(const std::string& where, std::string_view key) {
    return where.empty() ? std::string(key) : where + "." + std::string(key);
  }
  static std::string range(int low, int high) { return std::to_string(low) + " to " + std::to_string(high); }

  /// That `v` is an object with exactly these members.
  bool has(const json::Value& v, const std::string& where, std::initializer_list<std::string_view> keys) {
    if (v.object() == nullptr) return fail(where.empty() ? "description" : where, json::described(v), "an object");
    for (const json::Member& m : *v.object()) {
      bool known = false;
      for (const std::string_view key : keys) known = known || m.key == key;
      if (!known) return fail(join(where, json::shown(m.key)), "an unknown name", "none");
    }
    for (const std::string_view key : keys)
      if (v.find(key) == nullptr) return fail(join(where, key), "missing", "a value");
    return true;
  }
  bool integer(const json::Value& v, const std::string& where, int low, int high, int& out) {
    const std::int64_t* n = v.integer();
    if (n == nullptr || *n < low || *n > high) return fail(where, json::described(v), range(low, high));
    out = static_cast<int>(*n);
    return true;
  }
  bool integer_member(const json::Value& v, const std::string& where, const char* key, int low, int high, int& out) {
    return integer(*v.find(key), join(where, key), low, high, out);
  }
  /// An array of `low` to `high` integers from 1 to `most`. @param count  how many there are
  bool integers(const json::Value& v, const std::string& where, int low, int high, int most, std::span<int> out,
                int& count) {
    const json::Array* array = v.array();
    if (array == nullptr || std::cmp_less(array->size(), low) || std::cmp_greater(array->size(), high))
      return fail(where, json::described(v), "an array of " + range(low, high));
    count = 0;
    for (const json::Value& n : *array) {
      if (!integer(n, where + "[" + std::to_string(count) + "]", 1, most, out[static_cast<std::size_t>(count)]))
        return false;
      ++count;
    }
    return true;
  }
  template <class Enum>
  bool choice(const json::Value& v, const std::string& where, const char* key, std::span<const std::string_view> names,
              Enum& out) {
    const json::Value& value = *v.find(key);
    std::string wanted;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (value.string() != nullptr && *value.string() == names[i]) {
        out = static_cast<Enum>(i);
        return true;
      }
      wanted += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + std::string(names[i]);
    }
    return fail(join(where, key), json::described(value), wanted);
  }

  bool read_top(const json::Value& v, const std::string& where, Description& d) {
    if (!has(v, where, {"name", "classes", "stem", "stages", "decoder"})) return false;
    const json::Value& name = *v.find("name");
    if (name.string() != nullptr) d.name = Name(std::string_view(*name.string()));
    if (name.string() == nullptr || d.name.cut || d.name.length == 0)
      return fail(join(where, "name"), json::described(name),
                  "a string of 1 to " + std::to_string(d.name.text.size()) + " bytes");
    if (!integer_member(v, where, "classes", 2, 64, d.classes) || !integer_member(v, where, "stem", 1, 512, d.stem))
      return false;
    const json::Value& stages = *v.find("stages");
    if (stages.array() == nullptr || stages.array()->empty() || stages.array()->size() > max_stages)
      return fail(join(where, "stages"), json::described(stages), "an array of " + range(1, max_stages));
    int width = d.stem;
    for (const json::Value& s : *stages.array()) {
      Stage& stage = d.stages[static_cast<std::size_t>(d.stage_count)];
      if (!read_stage(s, join(where, "stages[") + std::to_string(d.stage_count) + "]", width, stage)) return false;
      width = stage.width;
      ++d.stage_count;
    }
    // Each step joins the stage before the one that the last step joined; as many steps as stages end at the stem.
    if (!integers(*v.find("decoder"), join(where, "decoder"), 0, d.stage_count, 512, d.decoder, d.decoder_count))
      return false;
    const int s = d.output_stride();
    return s <= 8 || fail(join(where, "decoder"), "scores at stride " + std::to_string(s), "1, 2, 4 or 8");
  }
  bool read_stage(const json::Value& v, const std::string& where, int width_before, Stage& s) {
    return has(v, where, {"width", "stride", "expansion", "dilations", "condenser"}) &&
           integer_member(v, where, "width", 1, 512, s.width) && integer_member(v, where, "stride", 1, 2, s.stride) &&
           integer_member(v, where, "expansion", 1, 8, s.expansion) &&
           integers(*v.find("dilations"), where + ".dilations", 1, max_blocks, 16, s.dilations, s.blocks) &&
           read_condenser(*v.find("condenser"), where + ".condenser", width_before * s.expansion,
                          s.width * s.expansion, s.condenser);
  }
  /// @param first, rest  channels that the condensers of the first block and of later ones see
  bool read_condenser(const json::Value& v, const std::string& where, int first, int rest, Condenser& c) {
    if (!has(v, where, {"condense", "factor", "embedding", "channels", "groups", "expand", "scale", "double"}) ||
        !choice(v, where, "condense", condense_names, c.condense) ||
        !choice(v, where, "embedding", embedding_names, c.embedding) ||
        !choice(v, where, "expand", expand_names, c.expand) || !choice(v, where, "scale", scale_names, c.scale) ||
        !integer_member(v, where, "channels", 0, 256, c.channels))
      return false;
    const json::Value& twice = *v.find("double");
    if (twice.boolean() == nullptr) return fail(where + ".double", json::described(twice), "true or false");
    c.twice = *twice.boolean();
    const json::Value& factor = *v.find("factor");
    const std::int64_t* n = factor.integer();
    if (n == nullptr || (*n != 2 && (*n != 4 || c.twice)))
      return fail(where + ".factor", json::described(factor), c.twice ? "2 (the condenser is double)" : "2 or 4");
    c.factor = static_cast<int>(*n);
    const json::Value& groups = *v.find("groups");
    if (c.embedding != Embedding::grouped) {
      if (!integer(groups, where + ".groups", 1, 1 << 20, c.groups)) return false;
      return c.groups == 1 || fail(where + ".groups", json::described(groups), "1 unless the embedding is grouped");
    }
    if (!integer(groups, where + ".groups", 1, 4096, c.groups)) return false;
    if (c.channels == 0 || (first % c.groups == 0 && rest % c.groups == 0 && c.channels % c.groups == 0)) return true;
    return fail(where + ".groups", json::described(groups),
                "a divisor of " + std::to_string(first) + ", " + std::to_string(rest) + " and " +
                    std::to_string(c.channels));
  }

  std::string error_;
};

inline void write_integers(std::string& out, std::span<const int> values) {
  out += '[';
  for (const int n : values) {
    if (out.back() != '[') out += ',';
    out += std::to_string(n);
  }
  out += ']';
}

}  // namespace detail

/// A description from its JSON: every member there, no other, every value in its range (nn/description.hpp).
/// Errors name the member, counting from 0: `stages[2].condenser.factor: 3, expected 2 or 4`.
inline Result<Description> read_description(const json::Value& value) {
  return detail::DescriptionReader{}.read(value, "");
}

/// The same from a text, at most 1 MiB of it.
inline Result<Description> read_description(std::string_view text) {
  const Result<json::Value> value = json::read(text);
  if (!value) return value.error();
  return read_description(*value);
}

/// The description as compact JSON, byte for byte what Description.to_json() of the recipe gives; read_description
/// gives back an equal one. @pre d is one that read_description accepts
inline std::string write_description(const Description& d) {
  std::string out = "{\"name\":";
  json::write_string(out, d.name.view());
  out += ",\"classes\":" + std::to_string(d.classes) + ",\"stem\":" + std::to_string(d.stem) + ",\"stages\":[";
  const auto quoted = [](std::string_view key, std::string_view value) {
    return std::string("\"").append(key).append("\":\"").append(value) + "\"";
  };
  for (int i = 0; i < d.stage_count; ++i) {
    const Stage& s = d.stages[static_cast<std::size_t>(i)];
    const Condenser& c = s.condenser;
    out += (i > 0 ? ",{\"width\":" : "{\"width\":") + std::to_string(s.width) +
           ",\"stride\":" + std::to_string(s.stride) + ",\"expansion\":" + std::to_string(s.expansion) +
           ",\"dilations\":";
    detail::write_integers(out, std::span(s.dilations).first(static_cast<std::size_t>(s.blocks)));
    out += ",\"condenser\":{" + quoted("condense", detail::condense_names[static_cast<std::size_t>(c.condense)]) +
           ",\"factor\":" + std::to_string(c.factor) + "," +
           quoted("embedding", detail::embedding_names[static_cast<std::size_t>(c.embedding)]) +
           ",\"channels\":" + std::to_string(c.channels) + ",\"groups\":" + std::to_string(c.groups) + "," +
           quoted("expand", detail::expand_names[static_cast<std::size_t>(c.expand)]) + "," +
           quoted("scale", detail::scale_names[static_cast<std::size_t>(c.scale)]) +
           ",\"double\":" + (c.twice ? "true" : "false") + "}}";
  }
  out += "],\"decoder\":";
  detail::write_integers(out, std::span(d.decoder).first(static_cast<std::size_t>(d.decoder_count)));
  return out + "}";
}

ATTENDSEG_NAMESPACE_END
