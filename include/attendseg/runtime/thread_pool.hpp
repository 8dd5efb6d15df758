// SPDX-License-Identifier: Apache-2.0
// A fixed set of std::threads as an Executor, for programs that have no pool of their own.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "attendseg/runtime/executor.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// `threads - 1` sleeping threads beside the calling one. One run at a time: a plan is not shared between threads.
class ThreadPool {
 public:
  /// @param threads 1 or more, the caller included. @throws std::system_error when no thread can be had
  explicit ThreadPool(int threads) : workers_(threads < 1 ? 1 : threads) {
    for (int w = 1; w < workers_; ++w) threads_.emplace_back([this, w] { serve(w); });
  }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (std::thread& t : threads_) t.join();
  }

  /// @return an executor that refers to this pool
  Executor executor() noexcept { return {&ThreadPool::parallel, this, workers_}; }

 private:
  static void parallel(void* context, int tasks, Executor::Task task, void* argument) {
    static_cast<ThreadPool*>(context)->start(tasks, task, argument);
  }

  void start(int tasks, Executor::Task task, void* argument) {
    {
      const std::lock_guard lock(mutex_);
      task_ = task;
      argument_ = argument;
      tasks_ = tasks;
      next_.store(0, std::memory_order_relaxed);
      busy_ = workers_ - 1;
      ++round_;
    }
    wake_.notify_all();
    work(0);
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return busy_ == 0; });
  }

  void work(int worker) {
    for (int i = next_.fetch_add(1); i < tasks_; i = next_.fetch_add(1)) task_(argument_, i, worker);
  }

  void serve(int worker) {
    unsigned seen = 0;
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return stop_ || round_ != seen; });
        if (stop_) return;
        seen = round_;
      }
      work(worker);
      const std::lock_guard lock(mutex_);
      if (--busy_ == 0) done_.notify_one();
    }
  }

  int workers_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::atomic<int> next_{0};
  Executor::Task task_ = nullptr;
  void* argument_ = nullptr;
  int tasks_ = 0;
  int busy_ = 0;
  unsigned round_ = 0;
  bool stop_ = false;
};

ATTENDSEG_NAMESPACE_END
