// SPDX-License-Identifier: Apache-2.0
#include "attendseg/runtime/thread_pool.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "tests/support/task_log.hpp"

using namespace attendseg;

TEST_CASE("every task runs once, and no worker runs two at a time") {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    const Executor e = pool.executor();
    CHECK(e.workers == threads);
    for (const int tasks : {0, 1, 2, 7, 100})
      for (int repeat = 0; repeat < 20; ++repeat) {
        const test::TaskLog log(e, tasks);
        CHECK(log.wrong() == 0);
        CHECK(log.clashes.load() == 0);
      }
  }
}

TEST_CASE("the default executor runs on the calling thread, in order") {
  std::vector<int> order;
  Executor().run(
      3, [](void* argument, int index, int) { static_cast<std::vector<int>*>(argument)->push_back(index); }, &order);
  CHECK(order == std::vector<int>{0, 1, 2});
}
