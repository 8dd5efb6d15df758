// SPDX-License-Identifier: Apache-2.0
#include "probe.hpp"

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "attendseg/core/tensor.hpp"
#include "attendseg/simd/backend.hpp"

namespace bench {
namespace {

using attendseg::simd::native;
using attendseg::simd::unroll;

/// Hides a value from the compiler, in its register: what is computed from it cannot be moved out of a loop.
template <class T>
ATTENDSEG_INLINE void hide(T& x) noexcept {
#if defined(ATTENDSEG_BACKEND_SCALAR)
  T copy = x;  // an operand in memory would keep x itself there
  asm volatile("" : "+m"(copy));
  x = copy;
#elif defined(__aarch64__)
  asm volatile("" : "+w"(x));
#else
  asm volatile("" : "+v"(x));
#endif
}

/// `steps` steps of a register tile: every activation meets every vector of weights once a step.
template <class Backend>
void dot_products(std::int64_t steps) noexcept {
  constexpr int vectors = Backend::max_vectors, pixels = Backend::pixels(vectors);
  alignas(64) std::int8_t bytes[2 * Backend::width] = {1, 2, 3};
  typename Backend::I32 sums[pixels * vectors];
  typename Backend::Bytes weights[vectors], activation = Backend::load(bytes);
  unroll<pixels * vectors>([&](auto i) ATTENDSEG_LAMBDA { sums[i] = Backend::splat(i); });
  unroll<vectors>([&](auto v) ATTENDSEG_LAMBDA { weights[v] = Backend::load(bytes + v); });
  for (std::int64_t step = 0; step < steps; ++step)
    unroll<pixels>([&](auto pixel) ATTENDSEG_LAMBDA {
      hide(activation);
      unroll<vectors>([&](auto v) ATTENDSEG_LAMBDA {
        auto& sum = sums[pixel * vectors + v];
        sum = Backend::dot4(sum, activation, weights[v]);
      });
    });
  unroll<pixels * vectors>([&](auto i) ATTENDSEG_LAMBDA { hide(sums[i]); });
}
template <class Backend>
constexpr double macs_a_step = 4.0 * Backend::lanes * Backend::max_vectors * Backend::pixels(Backend::max_vectors);

/// Reads everything once, in vectors.
template <class Backend>
void read_all(const std::int16_t* p, std::ptrdiff_t count) noexcept {
  constexpr int streams = 4;
  typename Backend::I16 largest[streams];
  unroll<streams>([&](auto s) ATTENDSEG_LAMBDA { largest[s] = Backend::load_words(p); });
  for (std::ptrdiff_t i = 0; i + streams * Backend::words <= count; i += streams * Backend::words)
    unroll<streams>([&](auto s) ATTENDSEG_LAMBDA {
      largest[s] = Backend::maximum(largest[s], Backend::load_words(p + i + s * Backend::words));
    });
  unroll<streams>([&](auto s) ATTENDSEG_LAMBDA { hide(largest[s]); });
}

/// Seconds that work(thread) takes where `threads` do it at once, the least of `rounds`.
template <class Work>
double seconds_at_once(int threads, int rounds, const Work& work) {
  using Clock = std::chrono::steady_clock;
  double best = 1e30;
  Clock::time_point begin;
  std::barrier together(threads, [&]() noexcept {
    const auto now = Clock::now();
    if (begin != Clock::time_point{}) best = std::min(best, std::chrono::duration<double>(now - begin).count());
    begin = now;
  });
  const auto run = [&](int thread) {
    for (int i = 0; i < rounds; ++i) {
      together.arrive_and_wait();
      work(thread);
    }
    together.arrive_and_wait();
  };
  std::vector<std::thread> others;
  for (int t = 1; t < threads; ++t) others.emplace_back(run, t);
  run(0);
  for (std::thread& t : others) t.join();
  return best;
}

constexpr int rounds = 25;

}  // namespace

double int8_peak(int threads) {
  // As many steps as take about 3 ms, so that threads start as good as together and interruptions miss most rounds.
  std::int64_t steps = 1000;
  const auto work = [&](int) { dot_products<native>(steps); };
  while (seconds_at_once(1, 1, work) < 3e-3) steps *= 2;
  return threads * macs_a_step<native> * static_cast<double>(steps) / seconds_at_once(threads, rounds, work);
}

double read_bandwidth(int threads, std::size_t bytes) {
  bytes = bytes / 4096 * 4096;
  std::vector<attendseg::Buffer> buffers;
  for (int t = 0; t < threads; ++t) buffers.emplace_back(bytes);
  const std::size_t passes = std::max<std::size_t>(1, (std::size_t{64} << 20) / bytes);
  const double seconds = seconds_at_once(threads, rounds, [&](int thread) {
    const auto* p = reinterpret_cast<const std::int16_t*>(buffers[static_cast<std::size_t>(thread)].data());
    for (std::size_t i = 0; i < passes; ++i) read_all<native>(p, static_cast<std::ptrdiff_t>(bytes / 2));
  });
  return static_cast<double>(bytes) * static_cast<double>(passes) * threads / seconds;
}

CacheSizes sizes_to_read() {
  // The system's files; sysconf() errs about the third level of some machines.
  const auto cache = [](const char* index, std::size_t otherwise) {
    std::ifstream file(std::string("/sys/devices/system/cpu/cpu0/cache/") + index + "/size");
    std::size_t size = 0;
    char unit = 0;
    if (!(file >> size >> unit) || size == 0) return otherwise;
    return size << (unit == 'K' ? 10 : unit == 'M' ? 20 : 0);
  };
  const std::size_t level2 = cache("index2", std::size_t{512} << 10);
  const std::size_t level3 = cache("index3", std::size_t{8} << 20);
  return {level2 / 2, std::max(level2 * 2, level3 / 4), std::max(level3 * 4, std::size_t{128} << 20)};
}

}  // namespace bench
