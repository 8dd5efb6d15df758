// SPDX-License-Identifier: Apache-2.0
// What every program does alike: arguments, errors in one line, the exit code, a progress bar.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <exception>
#include <new>
#include <string>

#include <CLI/CLI.hpp>

#include "attendseg/core/config.hpp"

namespace app {

/// Complains in one line on standard error. @return 1, the exit code
inline int complain(const std::string& program, const std::string& message) {
  std::fprintf(stderr, "%s: %s\n", program.c_str(), message.c_str());
  return 1;
}

/// Reads the arguments and runs `body`, whose value is the exit code.
template <class Body>
int run_program(CLI::App& cli, int argc, char** argv, const Body& body) {
  const std::string name = cli.get_name();
  cli.set_version_flag("--version", name + " of AttendSeg " + std::to_string(ATTENDSEG_VERSION_MAJOR) + "." +
                                        std::to_string(ATTENDSEG_VERSION_MINOR) + "." +
                                        std::to_string(ATTENDSEG_VERSION_PATCH) + ", " ATTENDSEG_BACKEND_NAME);
  cli.failure_message([&](const CLI::App*, const CLI::Error& e) {
    return name + ": " + e.what() + " (try " + name + " --help)\n";
  });
  try {
    cli.parse(argc, argv);
    const int code = body();
    if (std::fflush(stdout) != 0) return complain(name, "standard output cannot be written");
    return code;
  } catch (const CLI::ParseError& e) {
    return cli.exit(e) == 0 ? 0 : 1;
  } catch (const std::bad_alloc&) {
    return complain(name, "not enough memory");
  } catch (const std::exception& e) {
    return complain(name, e.what());
  }
}

/// A bar on standard error while many pictures are worked on; silent where that is no terminal.
class Progress {
 public:
  explicit Progress(std::size_t total) : total_(total), shown_(total > 1 && ::isatty(STDERR_FILENO) == 1) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }

  void show(std::size_t done) const {
    if (!shown_) return;
    constexpr std::size_t width = 32;
    const std::size_t full = width * done / total_;
    std::fprintf(stderr, "\r[%s%s] %zu/%zu", std::string(full, '#').c_str(), std::string(width - full, '.').c_str(),
                 done, total_);
    std::fflush(stderr);
  }
  /// Takes the bar away, before something else is printed.
  void clear() const {
    if (shown_) std::fprintf(stderr, "\r\033[K");
  }

 private:
  std::size_t total_;
  bool shown_;
};

}  // namespace app
