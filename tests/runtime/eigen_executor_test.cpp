// SPDX-License-Identifier: Apache-2.0
#include "attendseg/runtime/eigen_executor.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/task_log.hpp"

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
      const test::TaskLog log(e, tasks);
      CHECK(log.wrong() == 0);
      CHECK(log.clashes == 0);
    }
  }
}
