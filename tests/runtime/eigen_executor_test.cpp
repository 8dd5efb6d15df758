// SPDX-License-Identifier: Apache-2.0
#include "attendseg/runtime/eigen_executor.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

using namespace attendseg;

namespace {

/// What the adapter asks of a pool, with a thread for every function.
class Pool {
 public:
  explicit Pool(int threads) : count_(threads) {}
  ~Pool() {
    for (auto& t : threads_) t.join();
  }
  void Schedule(std::function<void()> f) { threads_.emplace_back(std::move(f)); }
  int NumThreads() const { return count_; }

 private:
  int count_;
  std::vector<std::thread> threads_;
};

}  // namespace

TEST_CASE("every task runs once, by a worker that has no other") {
  for (const int threads : {1, 3}) {
    Pool pool(threads);
    EigenExecutor adapted(pool);
    const Executor e = adapted.executor();
    CHECK(e.workers == threads + 1);
    for (const int tasks : {0, 1, 2, 20}) {
      struct Job {
        std::vector<std::atomic<int>> done, inside;
        std::atomic<int> clashes{0};
      };
      Job job{std::vector<std::atomic<int>>(20), std::vector<std::atomic<int>>(4)};
      e.run(
          tasks,
          [](void* argument, int index, int worker) {
            Job& j = *static_cast<Job*>(argument);
            if (j.inside[static_cast<std::size_t>(worker)].fetch_add(1) != 0) ++j.clashes;
            ++j.done[static_cast<std::size_t>(index)];
            j.inside[static_cast<std::size_t>(worker)].fetch_sub(1);
          },
          &job);
      int done = 0;
      for (int i = 0; i < 20; ++i) done += job.done[static_cast<std::size_t>(i)] == (i < tasks ? 1 : 0);
      CHECK(done == 20);
      CHECK(job.clashes == 0);
    }
  }
}
