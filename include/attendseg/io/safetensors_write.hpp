// SPDX-License-Identifier: Apache-2.0
// Writes safetensors files: what io/safetensors.hpp reads, and nothing that it would refuse.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "attendseg/core/result.hpp"
#include "attendseg/io/json_write.hpp"
#include "attendseg/io/safetensors.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// The bytes of a file with these tensors, largest elements first (so that all data is aligned), and metadata.
/// Fails where parse_safetensors would: bytes that do not match dtype and shape, a name twice, too many tensors, names
/// or metadata that are not UTF-8. @throws std::bad_alloc
inline Result<std::vector<std::byte>> write_safetensors(std::span<const StoredTensor> tensors,
                                                        const std::map<std::string, std::string>& metadata = {}) {
  std::vector<const StoredTensor*> order;
  for (const StoredTensor& t : tensors) {
    if (t.name == "__metadata__") return Error{"__metadata__: a tensor's name, expected another"};
    order.push_back(&t);
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const auto* a, const auto* b) { return dtype_bytes(a->dtype) > dtype_bytes(b->dtype); });

  std::string header = "{";
  if (!metadata.empty()) {
    header += "\"__metadata__\":{";
    for (const auto& [key, value] : metadata) {
      if (header.back() != '{') header += ',';
      json::write_string(header, key);
      header += ':';
      json::write_string(header, value);
    }
    header += '}';
  }
  std::size_t offset = 0;
  for (const StoredTensor* t : order) {
    if (header.size() > 1) header += ',';
    json::write_string(header, t->name);
    header += ":{\"dtype\":\"" + std::string(dtype_name(t->dtype)) + "\",\"shape\":" + shape_text(t->shape) +
              ",\"data_offsets\":[" + std::to_string(offset) + "," + std::to_string(offset + t->bytes.size()) + "]}";
    offset += t->bytes.size();
  }
  header += '}';
  header.append((8 - header.size() % 8) % 8, ' ');

  std::vector<std::byte> file;
  file.reserve(8 + header.size() + offset);
  for (int i = 0; i < 8; ++i) file.push_back(static_cast<std::byte>(std::uint64_t{header.size()} >> (8 * i) & 0xFF));
  for (const char c : header) file.push_back(static_cast<std::byte>(c));
  for (const StoredTensor* t : order) file.insert(file.end(), t->bytes.begin(), t->bytes.end());

  // Read it back: one set of rules for both directions.
  const Result<SafeTensors> back = parse_safetensors(file);
  if (!back) return back.error();
  for (const StoredTensor& t : tensors)
    if (back->find(t.name) == nullptr) return Error{json::shown(t.name) + ": a tensor's name, expected UTF-8"};
  if (back->metadata() != metadata) return Error{"__metadata__: expected UTF-8"};
  return file;
}

ATTENDSEG_NAMESPACE_END
