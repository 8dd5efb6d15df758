// SPDX-License-Identifier: Apache-2.0
// A fixed set of std::threads as an Executor, for programs that have no pool of their own.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "attendseg/runtime/executor.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// `threads - 1` threads beside the calling one. One run at a time: a plan is not shared between threads.
///
/// A network is a hundred short rounds. So threads that wait look for the next round a while (about 50 microseconds)
/// before they sleep, and a round is over when its tasks are done: whoever is late finds nothing left to do.
class ThreadPool {
 public:
  /// @param threads 1 or more, the caller included. @throws std::system_error when no thread can be had
  explicit ThreadPool(int threads) : workers_(threads < 1 ? 1 : threads) {
    for (int w = 1; w < workers_; ++w) threads_.emplace_back([this, w] { serve(w); });
  }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool() {
    stop_ = true;
    wake();
    for (std::thread& t : threads_) t.join();
  }

  /// @return an executor that refers to this pool
  Executor executor() noexcept { return {&ThreadPool::parallel, this, workers_}; }

 private:
  static void parallel(void* context, int tasks, Executor::Task task, void* argument) {
    static_cast<ThreadPool*>(context)->run(tasks, task, argument);
  }

  void run(int tasks, Executor::Task task, void* argument) {
    if (tasks <= 0) return;
    // Nobody can claim anything while these are written: the last round's tasks are all taken.
    task_.store(task, std::memory_order_relaxed);
    argument_.store(argument, std::memory_order_relaxed);
    left_.store(tasks, std::memory_order_relaxed);
    const std::uint32_t round = static_cast<std::uint32_t>(open_.load(std::memory_order_relaxed) >> 32) + 1;
    open_.store(std::uint64_t{round} << 32 | static_cast<std::uint32_t>(tasks), std::memory_order_release);
    wake();
    work(0);
    for (int left = left_.load(); left != 0; left = left_.load()) wait_for_change(left_, left);
  }

  void wake() noexcept {
    round_.fetch_add(1);
    round_.notify_all();
  }

  /// Takes tasks until none is open. A claim fails when the round has changed since its task was read.
  void work(int worker) {
    std::uint64_t open = open_.load(std::memory_order_acquire);
    while (static_cast<std::uint32_t>(open) != 0) {
      const Executor::Task task = task_.load(std::memory_order_relaxed);
      void* const argument = argument_.load(std::memory_order_relaxed);
      if (!open_.compare_exchange_weak(open, open - 1, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
      // The last index first: the caller, who begins at once, gets the largest one.
      task(argument, static_cast<int>(static_cast<std::uint32_t>(open)) - 1, worker);
      if (left_.fetch_sub(1) == 1) left_.notify_one();
      open = open_.load(std::memory_order_acquire);
    }
  }

  void serve(int worker) {
    for (int seen = 0;;) {
      wait_for_change(round_, seen);
      seen = round_.load();
      if (stop_) return;
      work(worker);
    }
  }

  static void wait_for_change(const std::atomic<int>& value, int old) noexcept {
    for (int i = 0; i < 2000; ++i) {
      if (value.load(std::memory_order_acquire) != old) return;
      pause();
    }
    value.wait(old);
  }
  /// Tells the processor that it is only looking.
  static void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) && defined(__GNUC__)
    __asm__ volatile("yield");
#endif
  }

  int workers_;
  std::vector<std::thread> threads_;
  std::atomic<std::uint64_t> open_{0};  // the round, and how many of its tasks nobody has taken yet
  std::atomic<int> left_{0};            // tasks of the round that are not done
  std::atomic<int> round_{0};           // what sleepers wait for
  std::atomic<Executor::Task> task_{nullptr};
  std::atomic<void*> argument_{nullptr};
  std::atomic<bool> stop_{false};
};

ATTENDSEG_NAMESPACE_END
