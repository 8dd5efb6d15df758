// SPDX-License-Identifier: Apache-2.0
// Eigen's thread pool as an Executor. Names no type of Eigen: any pool with Schedule(f) and NumThreads() will do.
#pragma once

#include <atomic>
#include <thread>

#include "attendseg/runtime/executor.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// Adapts Eigen::ThreadPool (<unsupported/Eigen/CXX11/ThreadPool>), or another pool that offers what
/// Eigen::ThreadPoolInterface does. The calling thread works too. Scheduling allocates, as the pool does.
///
///   Eigen::ThreadPool pool(3);
///   attendseg::EigenExecutor adapted(pool);                        // four workers
///   plan->run(picture, mask, {}, adapted.executor());
template <class Pool>
class EigenExecutor {
 public:
  /// @param pool must outlive this, and be free to run something while a plan runs
  explicit EigenExecutor(Pool& pool) noexcept : pool_(&pool) {}

  Executor executor() noexcept { return {&EigenExecutor::parallel, this, pool_->NumThreads() + 1}; }

 private:
  static void parallel(void* context, int tasks, Executor::Task task, void* argument) {
    static_cast<EigenExecutor*>(context)->run(tasks, task, argument);
  }

  void run(int tasks, Executor::Task task, void* argument) {
    std::atomic<int> next{0}, busy{0};
    const auto work = [&, tasks, task, argument](int worker) {
      for (int i = next.fetch_add(1); i < tasks; i = next.fetch_add(1)) task(argument, i, worker);
    };
    const int helpers = tasks - 1 < pool_->NumThreads() ? tasks - 1 : pool_->NumThreads();
    busy = helpers;
    for (int w = 1; w <= helpers; ++w)
      pool_->Schedule([&busy, &work, w] {
        work(w);
        busy.fetch_sub(1, std::memory_order_release);
      });
    work(0);
    while (busy.load(std::memory_order_acquire) != 0) std::this_thread::yield();
  }

  Pool* pool_;
};

ATTENDSEG_NAMESPACE_END
