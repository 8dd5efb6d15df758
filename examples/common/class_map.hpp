// SPDX-License-Identifier: Apache-2.0
// The classes of a data set, and what a network's classes are called there.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "attendseg/core/result.hpp"
#include "attendseg/io/file.hpp"
#include "attendseg/io/json.hpp"
#include "attendseg/io/json_write.hpp"

namespace app {

using ClassNames = std::vector<std::string>;

/// From a network's class ids to those of a data set.
struct ClassMap {
  ClassNames names;                     ///< of the data set, by id
  std::array<std::uint8_t, 256> ids{};  ///< the data set's, by the network's

  void apply(std::span<std::uint8_t> labels) const {
    for (std::uint8_t& id : labels) id = ids[id];
  }
};

/// The map between equal classes.
inline ClassMap same_classes(const ClassNames& names) {
  ClassMap map{names, {}};
  for (std::size_t i = 0; i < names.size(); ++i) map.ids[i] = static_cast<std::uint8_t>(i);
  return map;
}

/// "road, sky".
inline std::string listed(const ClassNames& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + attendseg::json::shown(name);
  return out;
}

namespace detail {

/// Where a name stands; names.size() where it does not.
inline std::size_t place(const ClassNames& names, const std::string& name) {
  return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
}
/// A JSON file, which errors begin with.
inline attendseg::Result<attendseg::json::Value> read_json(const std::string& path) {
  const auto bytes = attendseg::read_file(path, attendseg::json::Limits{}.bytes);
  if (!bytes) return bytes.error();
  auto value = attendseg::json::read({reinterpret_cast<const char*>(bytes->data()), bytes->size()});
  if (!value) return attendseg::Error{path + ": " + value.error().message};
  return value;
}

}  // namespace detail

/// @param value {"class of the data set": ["class of the network", ...], ...}: every class of the network once
/// @param data_set its classes by id, which the members must name all, in any order; empty: not known, the members are
/// the classes in the order of their ids
inline attendseg::Result<ClassMap> make_class_map(const attendseg::json::Value& value, const ClassNames& network,
                                                  ClassNames data_set) {
  using attendseg::Error;
  namespace json = attendseg::json;
  const json::Object* const object = value.object();
  if (object == nullptr || object->empty() || object->size() > 255)
    return Error{json::described(value) + ", expected an object of 1 to 255 classes"};
  ClassNames members;
  for (const json::Member& m : *object) members.push_back(m.key);
  if (data_set.empty()) data_set = members;
  for (const std::string& name : members)
    if (detail::place(data_set, name) == data_set.size())
      return Error{json::shown(name) + ": not a class of the data set, expected one of " + listed(data_set)};
  for (const std::string& name : data_set)
    if (detail::place(members, name) == members.size())
      return Error{json::shown(name) + ": missing, expected an array of classes of the network, which may be empty"};

  ClassMap map{std::move(data_set), {}};
  std::vector<bool> named(network.size());
  for (const json::Member& m : *object) {
    const json::Array* const array = m.value.array();
    if (array == nullptr)
      return Error{json::shown(m.key) + ": " + json::described(m.value) +
                   ", expected an array of classes of the network"};
    for (const json::Value& v : *array) {
      const std::size_t id = v.string() != nullptr ? detail::place(network, *v.string()) : network.size();
      if (id == network.size())
        return Error{json::shown(m.key) + ": " + json::described(v) + ", expected one of " + listed(network)};
      if (named[id])
        return Error{json::shown(m.key) + ": " + json::described(v) + " for the second time, expected it once"};
      named[id] = true;
      map.ids[id] = static_cast<std::uint8_t>(detail::place(map.names, m.key));
    }
  }
  ClassNames left;
  for (std::size_t i = 0; i < network.size(); ++i)
    if (!named[i]) left.push_back(network[i]);
  if (!left.empty()) return Error{listed(left) + ": of the network, named nowhere, expected every class once"};
  return map;
}

/// The same from a file.
inline attendseg::Result<ClassMap> read_class_map(const std::string& path, const ClassNames& network,
                                                  const ClassNames& data_set) {
  const auto value = detail::read_json(path);
  if (!value) return value.error();
  auto map = make_class_map(*value, network, data_set);
  if (!map) return attendseg::Error{path + ": " + map.error().message};
  return map;
}

/// Classes by id of the data set that a folder of labels, SET/SPLIT/labels, is of: "classes" of SET/dataset.json. Empty
/// where there is no such file.
inline attendseg::Result<ClassNames> data_set_classes(const std::filesystem::path& labels_folder) {
  const std::filesystem::path path = labels_folder / ".." / ".." / "dataset.json";
  std::error_code failed;
  if (!std::filesystem::exists(path, failed)) return ClassNames{};
  const auto value = detail::read_json(path.string());
  if (!value) return value.error();
  const attendseg::json::Value* const classes = value->find("classes");
  if (classes == nullptr) return ClassNames{};  // somebody else's file
  ClassNames names;
  for (const attendseg::json::Value& v : classes->array() != nullptr ? *classes->array() : attendseg::json::Array{}) {
    if (v.string() == nullptr)
      return attendseg::Error{path.string() + ": classes[" + std::to_string(names.size()) + "]: " +
                              attendseg::json::described(v) + ", expected a string"};
    names.push_back(*v.string());
  }
  if (names.empty() || names.size() > 255)
    return attendseg::Error{path.string() + ": classes: " + attendseg::json::described(*classes) +
                            ", expected an array of 1 to 255"};
  return names;
}

}  // namespace app
