// SPDX-License-Identifier: Apache-2.0
// Every int8 operator at every shape that the released network runs it at for a picture of 512x512, on one thread.
// What it reads and writes stays where it was: warm in the caches that it fits.
#include <memory>

#include "common.hpp"
#include "probe.hpp"

#include "attendseg/io/file.hpp"
#include "attendseg/io/model_info.hpp"
#include "attendseg/io/safetensors.hpp"
#include "attendseg/models/lower.hpp"
#include "attendseg/nn/operator_shapes.hpp"
#include "attendseg/ops/picture.hpp"
#include "tests/support/operator_case.hpp"

namespace {

using namespace attendseg;

constexpr int side = 512;

/// Once with every shape: counts for one run, rates, and the fraction of the probe's peak.
void run(benchmark::State& state, const OperatorShape& shape, double peak) {
  test::OperatorCase<> operation(shape);
  for (auto _ : state) {
    operation.run();
    benchmark::ClobberMemory();
  }
  using benchmark::Counter;
  const double macs = static_cast<double>(shape.macs);
  state.counters["nodes"] = shape.nodes;
  state.counters["macs"] = macs;
  state.counters["bytes"] = static_cast<double>(shape.values() + shape.weight_bytes);
  state.counters["values/s"] = Counter(static_cast<double>(shape.out.size()), Counter::kIsIterationInvariantRate);
  state.counters["MAC/s"] = Counter(macs, Counter::kIsIterationInvariantRate);
  state.counters["of_peak"] = Counter(macs / peak, Counter::kIsIterationInvariantRate);
}

/// The picture's way in.
void run_input(benchmark::State& state) {
  Tensor<std::uint8_t> pixels({side, side, 3});
  Tensor<std::int8_t> input({side, side, 3});
  const Picture picture{pixels.data(), side, side, std::ptrdiff_t{side} * 3, PixelFormat::rgb};
  for (auto _ : state) {
    ops::picture_to_input(picture, input.view(), {0, side});
    benchmark::ClobberMemory();
  }
  using benchmark::Counter;
  const double values = static_cast<double>(input.shape().size());
  state.counters["nodes"] = 1;
  state.counters["macs"] = 0;
  state.counters["bytes"] = 2 * values;
  state.counters["values/s"] = Counter(values, Counter::kIsIterationInvariantRate);
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_benchmarks(argc, argv, [] {
    for (const int threads : {1, 2}) {
      const std::string suffix = "_" + std::to_string(threads);
      const bench::CacheSizes sizes = bench::sizes_to_read();
      const auto tell = [&](const std::string& name, double value) {
        benchmark::AddCustomContext(name + suffix, std::to_string(value));
      };
      tell("int8_peak", bench::int8_peak(threads));
      tell("read_level2", bench::read_bandwidth(threads, sizes.level2));
      tell("read_level3", bench::read_bandwidth(threads, sizes.level3));
      tell("read_memory", bench::read_bandwidth(threads, sizes.memory));
    }
    const double peak = bench::int8_peak(1);
    const auto bytes = bench::need(read_file(bench::weights("person.int8")));
    const auto file = bench::need(parse_safetensors(bytes));
    const Description description = bench::need(read_model_info(file.metadata())).description;
    Graph graph = lower(description);
    if (graph.result().op != Op::classify) graph.classify("classify", graph.size() - 1, description.output_stride());
    benchmark::RegisterBenchmark("picture to input, 3 @ 512x512", run_input)->Unit(benchmark::kMicrosecond);
    for (const OperatorShape& shape : operator_shapes(graph, side, side))
      benchmark::RegisterBenchmark(describe(shape).c_str(), run, shape, peak)->Unit(benchmark::kMicrosecond);
  });
}
