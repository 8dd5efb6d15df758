// SPDX-License-Identifier: Apache-2.0
// ours WEIGHTS PICTURE SIZE THREADS: this library behind the line protocol of engines/worker.py.
#ifdef PEERS_FLOAT
#include <attendseg/float.hpp>
#else
#include <attendseg/attendseg.hpp>
#endif

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace {

#ifdef PEERS_FLOAT
using Value = float;
#else
using Value = std::int8_t;
#endif
using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

/// Seconds of all cores that this process has used.
double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

double peak_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::strtod(line.c_str() + 6, nullptr) / 1024;
  return 0;
}

int fail(const std::string& why) {
  std::fprintf(stderr, "ours: %s\n", why.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return fail("expected WEIGHTS PICTURE SIZE THREADS");
  const int size = std::atoi(argv[3]), threads = std::atoi(argv[4]);
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(size) * size * 3);
  std::ifstream(argv[2], std::ios::binary)
      .read(reinterpret_cast<char*>(pixels.data()), static_cast<std::streamsize>(pixels.size()));
  const double before = peak_mib();

  const Clock::time_point begin = Clock::now();
  std::vector<std::uint8_t> labels(pixels.size() / 3);
  auto model = attendseg::AttendSeg<Value>::load(argv[1]);
  if (!model) return fail(model.error().message);
  auto plan = model->plan(size, size, {.native = true, .workers = threads});
  if (!plan) return fail(plan.error().message);
  attendseg::ThreadPool pool(threads);
  const attendseg::Executor executor = threads > 1 ? pool.executor() : attendseg::Executor{};
  const attendseg::Picture picture{pixels.data(), size, size, size * 3, attendseg::PixelFormat::rgb};
  const auto infer = [&] { plan->run(picture, {labels.data(), {size, size, 1}}, {}, executor); };
  infer();
  std::printf("ready {\"cold_ms\": %.3f, \"import_ms\": 0, \"version\": \"%d.%d.%d %s\"}\n", milliseconds_since(begin),
              ATTENDSEG_VERSION_MAJOR, ATTENDSEG_VERSION_MINOR, ATTENDSEG_VERSION_PATCH, ATTENDSEG_BACKEND_NAME);
  std::fflush(stdout);

  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string word, value;
    words >> word >> value;
    if (word == "run") {
      infer();
      infer();
      std::vector<double> times(static_cast<std::size_t>(std::atoi(value.c_str())));
      const Clock::time_point wall = Clock::now();
      const double used = cpu_seconds();
      for (double& t : times) {
        const Clock::time_point start = Clock::now();
        infer();
        t = milliseconds_since(start);
      }
      const double cores = (cpu_seconds() - used) * 1000 / milliseconds_since(wall);
      std::printf("times {\"ms\": [");
      for (std::size_t i = 0; i < times.size(); ++i) std::printf(i == 0 ? "%.4f" : ", %.4f", times[i]);
      std::printf("], \"cores\": %.3f}\n", cores);
    } else if (word == "mask") {
      std::ofstream(value, std::ios::binary)
          .write(reinterpret_cast<const char*>(labels.data()), static_cast<std::streamsize>(labels.size()));
      std::puts("written {}");
    } else if (word == "quit") {
      break;
    }
    std::fflush(stdout);
  }
  std::printf("peak {\"extra_mib\": %.3f}\n", peak_mib() - before);
}
