// SPDX-License-Identifier: Apache-2.0
// instructions WEIGHTS: runs the int8 network on one picture of 128x128. Under callgrind (--collect-atstart=no) exactly
// that run is counted, neither loading nor planning; instructions.sh compares the count with its record.
#include <cstdint>
#include <cstdio>
#include <vector>

#include <valgrind/callgrind.h>

#include "attendseg/attendseg.hpp"

int main(int argc, char** argv) {
  constexpr int side = 128;
  if (argc != 2) return std::fputs("usage: instructions WEIGHTS\n", stderr), 2;
  const auto model = attendseg::AttendSeg<std::int8_t>::load(argv[1]);
  if (!model) return std::fprintf(stderr, "%s\n", model.error().message.c_str()), 1;
  // What the system tells of its caches would decide how the work is cut: the count shall be the same everywhere.
  auto plan = model->plan(side, side, {.native = true, .cache_bytes = std::size_t{512} << 10});
  if (!plan) return std::fprintf(stderr, "%s\n", plan.error().message.c_str()), 1;
  std::vector<std::uint8_t> rgb(side * side * 3), mask(side * side);
  for (std::size_t i = 0; i < rgb.size(); ++i) rgb[i] = static_cast<std::uint8_t>(i * 7919 >> 3);
  const attendseg::Picture picture{rgb.data(), side, side, side * 3, attendseg::PixelFormat::rgb};
  CALLGRIND_TOGGLE_COLLECT;
  const auto failed = plan->run(picture, {mask.data(), {side, side, 1}});
  CALLGRIND_TOGGLE_COLLECT;
  if (failed != attendseg::RunError::none) return std::fputs(attendseg::describe(failed), stderr), 1;
  return 0;
}
