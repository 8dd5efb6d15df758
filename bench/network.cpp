// SPDX-License-Identifier: Apache-2.0
// The whole network, pixels to labels: pictures of 128 to 4096 squared at native size, on one thread and on more; time
// against memory, of whole plans and of streams of rows; how long a weight file takes to load.
// Names are "precision/what/side/threads/budget".
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common.hpp"
#include "probe.hpp"

#include "attendseg/attendseg.hpp"
#if defined(ATTENDSEG_BENCH_FLOAT)
#include "attendseg/float.hpp"
#endif

namespace {

using namespace attendseg;

constexpr int largest_side = 4096;
constexpr int curve_sides[] = {512, 1024, 2048};  // of memory against time

/// Noise: the network does not care what it sees.
std::vector<std::uint8_t> noise() {
  std::vector<std::uint8_t> rgb(std::size_t{largest_side} * largest_side * 3);
  std::uint32_t state = 1;
  for (std::uint8_t& byte : rgb) byte = static_cast<std::uint8_t>((state = state * 1664525U + 1013904223U) >> 24);
  return rgb;
}

struct Run {
  int side = 0, threads = 1;
  std::size_t budget = 0;  ///< bytes; 0: as fast as it goes
};

template <class T>
auto make_plan(const AttendSeg<T>& model, const Run& r) {
  return model.plan(r.side, r.side, {.native = true, .workers = r.threads, .memory_budget = r.budget});
}
template <class T>
auto make_stream(const AttendSeg<T>& model, const Run& r) {
  return model.stream(r.side, r.side, {.workers = r.threads, .memory_budget = r.budget});
}
template <class T>
RunError once(SegmentationPlan<T>& plan, const Picture& picture, View<std::uint8_t> mask, const Executor& executor) {
  return plan.run(picture, mask, {}, executor);
}
/// Rows in, rows out.
template <class T>
RunError once(SegmentationStream<T>& stream, Picture rows, View<std::uint8_t> mask, const Executor& executor) {
  stream.restart();
  for (int taken = 0; stream.rows_left() > 0;) {
    if (const RunError failed = stream.push(rows, executor); failed != RunError::none) return failed;
    taken += stream.take({mask.row(taken), {mask.shape.height - taken, mask.shape.width, 1}});
  }
  return RunError::none;
}

/// @param engine a plan or a stream, or why there is none  @param peak of so many threads, 0 for the float network
template <class Engine>
void run(benchmark::State& state, Engine engine, const Graph& graph, const std::uint8_t* rgb, const Run& r,
         double peak) {
  if (!engine) return state.SkipWithError(engine.error().message.c_str());
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(r.side) * static_cast<std::size_t>(r.side));
  ThreadPool pool(r.threads);
  const Picture picture{rgb, r.side, r.side, std::ptrdiff_t{r.side} * 3, PixelFormat::rgb};
  const View<std::uint8_t> out(mask.data(), {r.side, r.side, 1});
  const RunError failed = once(*engine, picture, out, pool.executor());
  if (failed != RunError::none) return state.SkipWithError(attendseg::describe(failed));
  for (auto _ : state) {
    once(*engine, picture, out, pool.executor());
    benchmark::ClobberMemory();
  }
  using benchmark::Counter;
  const double macs = static_cast<double>(totals(graph, r.side, r.side).macs);  // sides are multiples of the stride
  state.counters["side"] = r.side;
  state.counters["threads"] = r.threads;
  state.counters["budget"] = static_cast<double>(r.budget);
  state.counters["macs"] = macs;
  state.counters["plan_bytes"] = static_cast<double>(engine->bytes());
  state.counters["MAC/s"] = Counter(macs, Counter::kIsIterationInvariantRate);
  if (peak > 0) state.counters["of_peak"] = Counter(macs / peak, Counter::kIsIterationInvariantRate);
}

/// Budgets in equal ratios from the least that is not refused to what speed takes, but for those that change nothing.
/// @param make  from a budget to the Result of something that tells its bytes()
template <class Make>
std::vector<std::size_t> budgets(const Make& make) {
  constexpr int steps = 12;
  const std::size_t most = bench::need(make(0)).bytes();
  std::size_t refused = 0, least = most;
  while (least - refused > most / 256) {
    const std::size_t middle = refused + (least - refused) / 2;
    (make(middle) ? least : refused) = middle;
  }
  const double ratio = static_cast<double>(most) / static_cast<double>(least);
  std::vector<std::size_t> all;
  std::size_t last = 0;
  for (int i = 0; i <= steps; ++i) {
    const double wanted = static_cast<double>(least) * std::pow(ratio, static_cast<double>(i) / steps);
    const auto budget = static_cast<std::size_t>(std::ceil(wanted));
    const std::size_t bytes = bench::need(make(budget)).bytes();
    if (bytes != last) all.push_back(budget);
    last = bytes;
  }
  return all;
}

template <class T>
void register_all(const char* precision, const std::uint8_t* rgb, const std::map<int, double>& peaks) {
  const std::string file = bench::weights(std::string("person.") + precision), prefix = std::string(precision) + "/";
  const auto model = std::make_shared<AttendSeg<T>>(bench::need(AttendSeg<T>::load(file)));
  const auto add = [&](const std::string& what, const Run& r, auto make) {
    const double peak = sizeof(T) == 1 ? peaks.at(r.threads) : 0;
    const std::string name = prefix + what + "/" + std::to_string(r.side) + "/" + std::to_string(r.threads) + "/" +
                             std::to_string(r.budget);
    const auto body = [=](benchmark::State& state) { run(state, make(*model, r), model->graph(), rgb, r, peak); };
    benchmark::RegisterBenchmark(name.c_str(), body)->Unit(benchmark::kMillisecond)->UseRealTime();
  };
  const auto plan = [](const AttendSeg<T>& m, const Run& r) { return make_plan(m, r); };
  const auto stream = [](const AttendSeg<T>& m, const Run& r) { return make_stream(m, r); };
  for (int side = 128; side <= largest_side; side *= 2)
    for (const auto& [threads, peak] : peaks) add("whole", {side, threads, 0}, plan);
  for (const int side : curve_sides) {
    for (const auto b : budgets([&](std::size_t bytes) { return make_plan(*model, {side, 1, bytes}); }))
      add("plan", {side, 1, b}, plan);
    for (const auto b : budgets([&](std::size_t bytes) { return make_stream(*model, {side, 1, bytes}); }))
      add("stream", {side, 1, b}, stream);
  }
  benchmark::RegisterBenchmark((prefix + "load").c_str(), [=](benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(AttendSeg<T>::load(file));
  })->Unit(benchmark::kMillisecond);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::uint8_t> rgb = noise();
  return bench::run_benchmarks(argc, argv, [&] {
    const int processors = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    std::map<int, double> peaks;  // by threads: 1, 2, all
    for (const int threads : {1, std::min(2, processors), processors}) peaks.try_emplace(threads, 0);
    for (auto& [threads, peak] : peaks) {
      peak = bench::int8_peak(threads);
      benchmark::AddCustomContext("int8_peak_" + std::to_string(threads), std::to_string(peak));
    }
    register_all<std::int8_t>("int8", rgb.data(), peaks);
#if defined(ATTENDSEG_BENCH_FLOAT)
    register_all<float>("float", rgb.data(), peaks);
#endif
  });
}
