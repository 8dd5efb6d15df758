// SPDX-License-Identifier: Apache-2.0
// Output files that appear whole or not at all, and the pictures of a folder.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "attendseg/core/result.hpp"
#include "attendseg/io/file.hpp"

namespace app {

using attendseg::Error;
using attendseg::Result;
using attendseg::Status;
namespace fs = std::filesystem;

/// The bytes of a file-to-be, kept under a hidden name in the folder of the target until commit(); removed with the
/// object if that never comes.
class StagedFile {
 public:
  static Result<StagedFile> create(const fs::path& target, std::span<const std::byte> bytes) {
    StagedFile staged(target);
    if (Status s = attendseg::write_file(staged.hidden_.string(), bytes); !s) {
      std::error_code ignored;
      fs::remove(staged.hidden_, ignored);
      return Error{target.string() + ": cannot be written" + reason(s.error().message)};
    }
    return staged;
  }
  StagedFile(StagedFile&& other) noexcept
      : target_(std::move(other.target_)), hidden_(std::exchange(other.hidden_, fs::path())) {}
  StagedFile& operator=(StagedFile&&) = delete;
  ~StagedFile() {
    std::error_code ignored;
    if (!hidden_.empty()) fs::remove(hidden_, ignored);
  }

  /// Puts the file in its place, replacing what was there.
  Status commit() {
    std::error_code failed;
    fs::rename(hidden_, target_, failed);
    if (failed) return Error{target_.string() + ": cannot be written (" + failed.message() + ")"};
    hidden_.clear();
    return {};
  }

 private:
  explicit StagedFile(const fs::path& target)
      : target_(target),
        hidden_(target.parent_path() / ("." + target.filename().string() + "." + std::to_string(::getpid()) + ".tmp")) {
  }
  /// The system's words at the end of a message, " (No space left on device)".
  static std::string reason(const std::string& message) {
    const auto open = message.rfind(" (");
    return open == std::string::npos ? "" : message.substr(open);
  }

  fs::path target_;
  fs::path hidden_;
};

/// Writes a file that appears whole or not at all.
inline Status write_whole(const fs::path& target, std::span<const std::byte> bytes) {
  auto staged = StagedFile::create(target, bytes);
  return staged ? staged->commit() : Status(staged.error());
}

/// Makes sure that files can be written to a folder, which is made if there is none: asked before the work, not after.
inline Status prepare_folder(const fs::path& folder) {
  const fs::path place = folder.empty() ? fs::path(".") : folder;
  std::error_code failed;
  fs::create_directories(place, failed);
  if (failed || !fs::is_directory(place, failed))
    return Error{place.string() + ": is no folder and cannot be made one" +
                 (failed ? " (" + failed.message() + ")" : std::string())};
  if (auto probe = StagedFile::create(place / "probe", {}); !probe)
    return Error{place.string() + ": no file can be written there"};
  return {};
}

/// Whether a name ends like a picture that the programs read.
inline bool named_as_picture(const fs::path& path) {
  std::string end = path.extension().string();
  std::transform(end.begin(), end.end(), end.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return end == ".jpg" || end == ".jpeg" || end == ".png";
}

/// The pictures of a folder (not of folders in it) by name; hidden files and those for which skip(name) are left out.
template <class Skip>
Result<std::vector<fs::path>> pictures_of(const fs::path& folder, const Skip& skip) {
  std::vector<fs::path> out;
  std::error_code failed;
  for (fs::directory_iterator it(folder, failed), end; !failed && it != end; it.increment(failed)) {
    const std::string name = it->path().filename().string();
    std::error_code ignored;
    if (it->is_directory(ignored) || name.starts_with('.') || !named_as_picture(it->path()) || skip(name)) continue;
    out.push_back(it->path());
  }
  if (failed) return Error{folder.string() + ": cannot be listed (" + failed.message() + ")"};
  std::sort(out.begin(), out.end());
  if (out.empty()) return Error{folder.string() + ": holds no .jpg, .jpeg or .png picture"};
  return out;
}
inline Result<std::vector<fs::path>> pictures_of(const fs::path& folder) {
  return pictures_of(folder, [](std::string_view) { return false; });
}

}  // namespace app
