// SPDX-License-Identifier: Apache-2.0
// first_mask [WEIGHTS SIDE [THREADS [BUDGET]]]: loads, plans, runs one picture and exits; without arguments it does
// nothing. Prints what it took as JSON: milliseconds of each step, bytes of the plan, the largest memory it ever held.
// How long the whole process took is measured from outside (cold_start.py).
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#if defined(ATTENDSEG_BENCH_FLOAT)
#include "attendseg/float.hpp"
using Element = float;
#else
#include "attendseg/attendseg.hpp"
using Element = std::int8_t;
#endif

namespace {

/// The largest resident set of this process so far, in kB; 0 where the system does not tell.
long peak_kilobytes() {
  std::FILE* file = std::fopen("/proc/self/status", "r");
  if (file == nullptr) return 0;
  char line[256];
  long peak = 0;
  while (std::fgets(line, sizeof line, file) != nullptr)
    if (std::strncmp(line, "VmHWM:", 6) == 0) peak = std::strtol(line + 6, nullptr, 10);
  std::fclose(file);
  return peak;
}

int complain(const char* message) {
  std::fprintf(stderr, "first_mask: %s\n", message);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::printf("{\"peak_kb\": %ld}\n", peak_kilobytes());
    return 0;
  }
  using namespace attendseg;
  using Clock = std::chrono::steady_clock;
  const int side = std::atoi(argv[2]), threads = argc > 3 ? std::atoi(argv[3]) : 1;
  const std::size_t budget = argc > 4 ? std::strtoull(argv[4], nullptr, 10) : 0;
  const auto start = Clock::now();
  const auto model = AttendSeg<Element>::load(argv[1]);
  if (!model) return complain(model.error().message.c_str());
  const auto loaded = Clock::now();
  auto plan = model->plan(side, side, {.native = true, .workers = threads, .memory_budget = budget});
  if (!plan) return complain(plan.error().message.c_str());
  ThreadPool pool(threads);
  const auto planned = Clock::now();
  // A picture of real pages, as a decoder would leave it.
  const std::vector<std::uint8_t> rgb(static_cast<std::size_t>(side) * static_cast<std::size_t>(side) * 3, 100);
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(side) * static_cast<std::size_t>(side));
  const auto drawn = Clock::now();
  const RunError failed = plan->run({rgb.data(), side, side, std::ptrdiff_t{side} * 3, PixelFormat::rgb},
                                    {mask.data(), {side, side, 1}}, {}, pool.executor());
  if (failed != RunError::none) return complain(describe(failed));
  const auto done = Clock::now();
  const auto ms = [](Clock::duration d) { return std::chrono::duration<double, std::milli>(d).count(); };
  std::printf("{\"load_ms\": %.3f, \"plan_ms\": %.3f, \"run_ms\": %.3f, \"plan_bytes\": %zu, \"peak_kb\": %ld}\n",
              ms(loaded - start), ms(planned - loaded), ms(done - drawn), plan->bytes(), peak_kilobytes());
  return 0;
}
