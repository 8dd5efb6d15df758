// SPDX-License-Identifier: Apache-2.0
// Tasks that note who ran them: what every executor must do right.
#pragma once

#include <atomic>
#include <cstddef>
#include <vector>

#include "attendseg/runtime/executor.hpp"

namespace test {

/// Runs `tasks` tasks and notes how often each ran, and how often a worker had two at a time.
struct TaskLog {
  static constexpr int spare = 20;  // room to notice tasks that nobody asked for
  int tasks;
  std::vector<std::atomic<int>> done, inside;
  std::atomic<int> clashes{0};

  TaskLog(const attendseg::Executor& e, int count)
      : tasks(count), done(static_cast<std::size_t>(count + spare)), inside(static_cast<std::size_t>(e.workers)) {
    e.run(
        tasks,
        [](void* argument, int index, int worker) {
          TaskLog& log = *static_cast<TaskLog*>(argument);
          if (log.inside[static_cast<std::size_t>(worker)].fetch_add(1) != 0) ++log.clashes;
          ++log.done[static_cast<std::size_t>(index)];
          log.inside[static_cast<std::size_t>(worker)].fetch_sub(1);
        },
        this);
  }
  /// Tasks that did not run exactly once, and others that ran.
  int wrong() const {
    int count = 0;
    for (int i = 0; i < tasks + spare; ++i) count += done[static_cast<std::size_t>(i)].load() != (i < tasks ? 1 : 0);
    return count;
  }
};

}  // namespace test
