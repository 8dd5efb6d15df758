// SPDX-License-Identifier: Apache-2.0
// Where tests find the files that they read: goldens, released weights, sample pictures.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "attendseg/io/file.hpp"
#include "attendseg/io/safetensors.hpp"

#ifndef ATTENDSEG_SOURCE_DIR
#define ATTENDSEG_SOURCE_DIR "."  // tests may also be run from the top folder
#endif

namespace test {

inline std::string path(const std::string& below_top) { return std::string(ATTENDSEG_SOURCE_DIR) + "/" + below_top; }

/// A safetensors file and the bytes that its tensors point into.
struct StoredFile {
  std::vector<std::byte> bytes;
  attendseg::SafeTensors tensors;

  /// @pre the file holds a tensor of this name
  template <class T>
  std::span<const T> values(const std::string& name) const {
    const attendseg::StoredTensor& t = *tensors.find(name);
    return {reinterpret_cast<const T*>(t.bytes.data()), t.bytes.size() / sizeof(T)};
  }
};

inline attendseg::Result<StoredFile> open(const std::string& below_top) {
  auto bytes = attendseg::read_file(path(below_top));
  if (!bytes) return bytes.error();
  StoredFile file{*std::move(bytes), {}};
  auto tensors = attendseg::parse_safetensors(file.bytes);
  if (!tensors) return tensors.error();
  file.tensors = *std::move(tensors);
  return file;
}

}  // namespace test
