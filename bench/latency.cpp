// SPDX-License-Identifier: Apache-2.0
// latency: how long the int8 network of a description takes on this machine, pixels to labels. The description comes as
// JSON on standard input; the weights are random, made in memory. One program to copy (-static), nothing to install:
//   g++ -std=c++20 -O3 -march=native -Iinclude bench/latency.cpp -pthread -o latency
//   ./latency --side 512 --threads 1 <description.json        ssh board ./latency --side 512 <description.json
#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "random_weights.hpp"

#include "attendseg/attendseg.hpp"

namespace {

using namespace attendseg;

constexpr const char* usage =
    "latency [OPTIONS] <DESCRIPTION\n"
    "Times the int8 network of a description (JSON, on standard input), with random weights. Prints one JSON object:\n"
    "latency_ms, the shortest of all runs, and median_ms, in processor time of the thread where there is one, on the\n"
    "wall's clock where there are more; what the network is and takes.\n"
    "  --description FILE  read the description from a file\n"
    "  --side N            height and width of the picture, 1 to 8192 [512]\n"
    "  --height N          its height alone\n"
    "  --width N           its width alone\n"
    "  --threads N         1 to 256 [1]\n"
    "  --seconds S         how long to measure, 0 to 3600; at least 10 runs [1]\n"
    "  --help              this text\n";

constexpr std::size_t least_runs = 10, most_runs = 1'000'000;

struct Arguments {
  std::string description;  ///< file; empty: standard input
  int height = 512, width = 512, threads = 1;
  double seconds = 1;
  bool help = false;
};

/// The whole text as a number within [low, high].
template <class T>
Status read_number(const std::string& name, std::string_view text, T low, T high, T& out) {
  const char* const end = text.data() + text.size();
  T value{};
  const auto [stop, failed] = std::from_chars(text.data(), end, value);
  if (failed == std::errc() && stop == end && value >= low && value <= high) {
    out = value;
    return {};
  }
  char range[64];
  std::snprintf(range, sizeof range, ", expected %g to %g", static_cast<double>(low), static_cast<double>(high));
  return Error{name + ": " + json::shown(text) + range};
}

Result<Arguments> read_arguments(int argc, char** argv) {
  Arguments a;
  for (int i = 1; i < argc; ++i) {
    std::string name = argv[i], value;
    if (name == "--help") {
      a.help = true;
      return a;
    }
    const std::size_t equals = name.find('=');
    const bool joined = name.starts_with("--") && equals != std::string::npos;
    if (joined) {
      value = name.substr(equals + 1);
      name.resize(equals);
    }
    const bool known = name == "--description" || name == "--side" || name == "--height" || name == "--width" ||
                       name == "--threads" || name == "--seconds";
    if (!known) return Error{json::shown(name) + ": an unknown argument, expected one that --help lists"};
    if (!joined) {
      if (++i == argc) return Error{name + ": nothing, expected a value behind it"};
      value = argv[i];
    }
    Status read;
    if (name == "--description") a.description = value;
    if (name == "--side" || name == "--height") read = read_number(name, value, 1, 8192, a.height);
    if (read && name == "--side") a.width = a.height;
    if (name == "--width") read = read_number(name, value, 1, 8192, a.width);
    if (name == "--threads") read = read_number(name, value, 1, 256, a.threads);
    if (name == "--seconds") read = read_number(name, value, 0.0, 3600.0, a.seconds);
    if (!read) return read.error();
  }
  return a;
}

/// Standard input by its stream: where it is a socket, as under sshd, no path leads to it.
Result<std::string> read_text(const std::string& path) {
  if (!path.empty()) {
    const auto bytes = read_file(path, json::Limits{}.bytes);
    if (!bytes) return bytes.error();
    return std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  }
  std::string text;
  char part[4096];
  for (std::size_t got; text.size() <= json::Limits{}.bytes && (got = std::fread(part, 1, sizeof part, stdin)) > 0;)
    text.append(part, got);
  if (std::ferror(stdin) != 0) return Error{"standard input: cannot be read"};
  return text;
}

/// Milliseconds by the clock on the wall, or of the calling thread: a single worker does nothing but compute, so that
/// both tell the same on a machine at rest, and the thread's does not count what others do on a busy one.
double milliseconds(clockid_t clock) noexcept {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) * 1e-6;
}

struct Times {
  double least = 0, median = 0;  // ms
  std::size_t runs = 0;
};

/// Runs until the time is up. Other work on the machine only makes a run longer: the shortest is the least disturbed.
template <class F>
Times measure(double seconds, clockid_t clock, const F& run) {
  run();  // pages, caches
  std::vector<double> times;
  const double end = milliseconds(CLOCK_MONOTONIC) + 1000 * seconds;
  while (times.size() < most_runs && (times.size() < least_runs || milliseconds(CLOCK_MONOTONIC) < end)) {
    const double begin = milliseconds(clock);
    run();
    times.push_back(milliseconds(clock) - begin);
  }
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return {*std::min_element(times.begin(), times.end()), *middle, times.size()};
}

/// @return an error, or the line to print
Result<std::string> latency(const Arguments& a) {
  const Result<std::string> text = read_text(a.description);
  if (!text) return text.error();
  const auto description = read_description(*text);
  const std::string where = a.description.empty() ? "standard input: " : a.description + ": ";
  if (!description) return Error{where + description.error().message};
  const auto file = bench::RandomWeights::file(*description);
  if (!file) return Error{where + file.error().message};
  const auto model = AttendSeg<std::int8_t>::parse(*file);
  if (!model) return Error{where + model.error().message};
  auto plan = model->plan(a.height, a.width, {.native = true, .workers = a.threads});
  if (!plan) return plan.error();

  const std::size_t pixels = static_cast<std::size_t>(a.height) * static_cast<std::size_t>(a.width);
  std::vector<std::uint8_t> rgb(pixels * 3), mask(pixels);
  std::uint32_t state = 1;
  for (std::uint8_t& byte : rgb) byte = static_cast<std::uint8_t>((state = state * 1664525U + 1013904223U) >> 24);
  const Picture picture{rgb.data(), a.width, a.height, std::ptrdiff_t{a.width} * 3, PixelFormat::rgb};
  ThreadPool pool(a.threads);
  RunError failed = RunError::none;
  const bool alone = a.threads == 1;
  const Times times = measure(a.seconds, alone ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, [&] {
    failed = plan->run(picture, {mask.data(), {a.height, a.width, 1}}, {}, pool.executor());
  });
  if (failed != RunError::none) return Error{describe(failed)};

  const Totals total = totals(model->graph(), plan->network_height(), plan->network_width());
  char line[512];
  std::snprintf(line, sizeof line,
                "{\"latency_ms\": %.4f, \"median_ms\": %.4f, \"runs\": %zu, \"clock\": \"%s\", \"plan_bytes\": %zu, "
                "\"parameters\": %lld, \"macs\": %lld, \"weight_bytes\": %zu, \"backend\": \"%s\", "
                "\"threads\": %d, \"height\": %d, \"width\": %d}",
                times.least, times.median, times.runs, alone ? "thread" : "wall", plan->bytes(),
                static_cast<long long>(total.parameters), static_cast<long long>(total.macs), file->size(),
                ATTENDSEG_BACKEND_NAME, a.threads, a.height, a.width);
  return std::string(line);
}

int complain(const std::string& message) {
  std::fprintf(stderr, "latency: %s\n", message.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = read_arguments(argc, argv);
  if (!arguments) return complain(arguments.error().message);
  if (arguments->help) {
    std::fputs(usage, stdout);
    return 0;
  }
  const auto line = latency(*arguments);
  if (!line) return complain(line.error().message);
  if (std::printf("%s\n", line->c_str()) < 0 || std::fflush(stdout) != 0)
    return complain("standard output: cannot be written");
  return 0;
}
