// SPDX-License-Identifier: Apache-2.0
// Whole files: what is written is read, and the cap holds.
#include "attendseg/io/file.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

using namespace attendseg;

TEST_CASE("files are read whole, up to the cap") {
  const std::string path = (std::filesystem::temp_directory_path() / "attendseg_file_test.bin").string();
  for (const std::size_t size : std::vector<std::size_t>{0, 1, 65535, 65536, 65537, 200000}) {
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 31 >> 3 & 0xFF);
    REQUIRE(write_file(path, bytes).ok());
    const auto back = read_file(path);
    REQUIRE(back.ok());
    CHECK(*back == bytes);
    CHECK(read_file(path, size).ok());
    if (size > 0) {
      const auto refused = read_file(path, size - 1);
      REQUIRE_FALSE(refused.ok());
      CHECK(refused.error().message ==
            path + ": larger than " + std::to_string(size - 1) + " bytes, the most that is read");
    }
  }
  std::remove(path.c_str());
  const auto missing = read_file(path);
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().message.starts_with(path + ": cannot be opened ("));
  CHECK_FALSE(read_file(std::filesystem::temp_directory_path().string()).ok());
  CHECK_FALSE(write_file((std::filesystem::temp_directory_path() / "no" / "such" / "folder").string(), {}).ok());
}
