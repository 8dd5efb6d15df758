// SPDX-License-Identifier: Apache-2.0
// From what the caller asks for (a budget of bytes, workers, everything kept) to the schedule that serves it best.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "attendseg/core/result.hpp"
#include "attendseg/models/geometry.hpp"
#include "attendseg/nn/description.hpp"
#include "attendseg/nn/fusion.hpp"
#include "attendseg/nn/schedule.hpp"
#include "attendseg/runtime/cache.hpp"
#include "attendseg/runtime/execution.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// What a schedule is chosen by.
struct ScheduleNeeds {
  std::size_t memory_budget = 0;  ///< bytes of all that is held; 0: no bound
  std::size_t cache_bytes = 0;    ///< 0: what the system tells
  int workers = 1;
  bool keep_all = false;
  bool rows_only = false;          ///< rows will come one after the other
  std::size_t scratch_bytes = 0;  ///< a worker's, beside the operators'
  std::size_t other_bytes = 0;      ///< held beside the execution
  std::size_t strip_row_bytes = 0;  ///< the same, for each row of a strip
};

/// The network with the classification behind it, planned and its memory held: the fastest schedule within the budget.
/// @return an error that names the budget and the least that would do. @throws std::bad_alloc
template <class T>
Result<Execution<T>> make_execution(const Network<T>& network, const Description& d, const Geometry& geometry,
                                    const ScheduleNeeds& needs) {
  auto graph = std::make_unique<Graph>(network.graph());
  if (!needs.keep_all) absorb(*graph, false, Kernels<T>::absorbs_sums);
  graph->classify("labels", graph->size() - 1, d.output_stride());
  ScheduleOptions options{.height = geometry.network_height,
                          .width = geometry.network_width,
                          .rows = geometry.work_height,
                          .element_bytes = sizeof(T),
                          .bands = needs.workers,
                          .cache_bytes = static_cast<std::int64_t>(needs.cache_bytes)};
  if (options.cache_bytes == 0) options.cache_bytes = detect_cache_bytes();
  auto schedule = std::make_unique<Schedule>();
  std::size_t least = std::numeric_limits<std::size_t>::max();
  const auto fits = [&](const Schedule& candidate) {
    *schedule = candidate;
    const std::size_t bytes =
        Execution<T>::bytes_needed(network, *schedule, needs.workers, needs.scratch_bytes) + needs.other_bytes +
        needs.strip_row_bytes * static_cast<std::size_t>(schedule->segments[0].strip);
    least = std::min(least, bytes);
    return needs.memory_budget == 0 || bytes <= needs.memory_budget;
  };
  // The fastest first: blocks in strips for the cache, in narrower strips, then all by rows, fewer and fewer.
  bool found = needs.keep_all && fits(schedule_layers(*graph, options, true));
  for (int halving = 0; halving < 5 && !found && !needs.keep_all && !needs.rows_only; ++halving) {
    found = fits(schedule_speed(*graph, options));
    options.cache_bytes /= 2;
  }
  for (int strip = 64; strip > 0 && !found && !needs.keep_all; strip /= 2)
    found = fits(schedule_rows(*graph, options, std::min(strip, options.rows)));
  if (!found)
    return Error{"memory_budget: " + std::to_string(needs.memory_budget) + ", expected at least " +
                 std::to_string(least)};
  return Execution<T>(network, std::move(graph), std::move(schedule), needs.workers, needs.scratch_bytes);
}

ATTENDSEG_NAMESPACE_END
