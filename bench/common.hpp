// SPDX-License-Identifier: Apache-2.0
// What the benchmark programs share: how they start, what they tell about the machine.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

#include <benchmark/benchmark.h>

#include "attendseg/core/config.hpp"
#include "attendseg/core/result.hpp"

namespace bench {

/// Path of a released weight file: "person.int8".
inline std::string weights(const std::string& name) {
  return std::string(ATTENDSEG_WEIGHTS_FOLDER) + "/" + name + ".safetensors";
}

/// The value, or the end of the program with what is wrong.
template <class T>
T need(attendseg::Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().message.c_str());
    std::exit(1);
  }
  return *std::move(result);
}

/// Runs what register_all() registers, as the command line says. @return the exit code
template <class Register>
int run_benchmarks(int argc, char** argv, const Register& register_all) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
#if defined(__clang__)
  benchmark::AddCustomContext("compiler", "clang " __clang_version__);
#elif defined(__GNUC__)
  benchmark::AddCustomContext("compiler", "g++ " __VERSION__);
#endif
  benchmark::AddCustomContext("backend", ATTENDSEG_BACKEND_NAME);
  register_all();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace bench
