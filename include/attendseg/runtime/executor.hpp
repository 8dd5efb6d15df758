// SPDX-License-Identifier: Apache-2.0
// Who runs the tasks of a plan: the calling thread, or workers that the caller brings.
#pragma once

#include "attendseg/core/config.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// Runs `tasks` independent tasks and returns when all are done. The default runs them one after the other on the
/// calling thread; the library starts no thread of its own. Results do not depend on the executor.
struct Executor {
  using Task = void (*)(void* argument, int index, int worker);

  /// Calls task(argument, i, w) once for every i in [0, tasks), with w in [0, workers) never used by two tasks at a
  /// time. Must not throw. Null: the calling thread.
  void (*parallel)(void* context, int tasks, Task task, void* argument) = nullptr;
  void* context = nullptr;
  int workers = 1;

  void run(int tasks, Task task, void* argument) const noexcept {
    if (parallel == nullptr || tasks <= 1) {
      for (int i = 0; i < tasks; ++i) task(argument, i, 0);
    } else {
      parallel(context, tasks, task, argument);
    }
  }
};

ATTENDSEG_NAMESPACE_END
