// SPDX-License-Identifier: Apache-2.0
// Reads and writes a whole file, with a cap on its size.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "attendseg/core/result.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// No file of ours is larger: 64 MiB.
inline constexpr std::size_t max_file_bytes = std::size_t{64} << 20;

namespace detail {

struct CloseFile {
  void operator()(std::FILE* f) const noexcept { std::fclose(f); }
};
using OpenFile = std::unique_ptr<std::FILE, CloseFile>;

inline Error file_error(const std::string& path, const char* what) {
  return {path + ": " + what + " (" + std::strerror(errno) + ")"};
}

}  // namespace detail

/// The bytes of the file at `path`. Reads what is there instead of asking for the size first, so that pipes and
/// devices are capped as well. Fails when it cannot be opened or read, or holds more than `cap` bytes.
/// @throws std::bad_alloc
inline Result<std::vector<std::byte>> read_file(const std::string& path, std::size_t cap = max_file_bytes) {
  const detail::OpenFile file(std::fopen(path.c_str(), "rb"));
  if (!file) return detail::file_error(path, "cannot be opened");
  std::vector<std::byte> bytes;
  std::size_t size = 0;
  while (true) {
    // One byte above the cap is asked for, so that a file of exactly `cap` bytes is told from a larger one.
    const std::size_t room = size < (std::size_t{64} << 10) ? std::size_t{64} << 10 : size;
    bytes.resize(size + (room < cap - size ? room : cap - size + 1));
    const std::size_t got = std::fread(bytes.data() + size, 1, bytes.size() - size, file.get());
    size += got;
    if (size > cap) return Error{path + ": larger than " + std::to_string(cap) + " bytes, the most that is read"};
    if (std::ferror(file.get())) return detail::file_error(path, "cannot be read");
    if (std::feof(file.get())) break;
  }
  bytes.resize(size);
  return bytes;
}

/// Writes `bytes` to the file at `path`, replacing what was there.
inline Status write_file(const std::string& path, std::span<const std::byte> bytes) {
  detail::OpenFile file(std::fopen(path.c_str(), "wb"));
  if (!file) return detail::file_error(path, "cannot be opened for writing");
  const std::size_t put = bytes.empty() ? 0 : std::fwrite(bytes.data(), 1, bytes.size(), file.get());
  const bool failed = put != bytes.size();
  if (failed) return detail::file_error(path, "cannot be written");
  if (std::fclose(file.release()) != 0) return detail::file_error(path, "cannot be written");
  return {};
}

ATTENDSEG_NAMESPACE_END
