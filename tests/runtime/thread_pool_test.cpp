// SPDX-License-Identifier: Apache-2.0
#include "attendseg/runtime/thread_pool.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace attendseg;

TEST_CASE("every task runs once, and no worker runs two at a time") {
  struct Job {
    std::vector<std::atomic<int>> done;
    std::vector<std::atomic<int>> inside;
    std::atomic<int> clashes{0};
    Job(std::size_t tasks, std::size_t workers) : done(tasks), inside(workers) {}
  };
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    const Executor e = pool.executor();
    CHECK(e.workers == threads);
    for (const int tasks : {0, 1, 2, 7, 100})
      for (int repeat = 0; repeat < 20; ++repeat) {
        Job job(static_cast<std::size_t>(tasks), static_cast<std::size_t>(threads));
        e.run(
            tasks,
            [](void* argument, int index, int worker) {
              Job& j = *static_cast<Job*>(argument);
              if (j.inside[static_cast<std::size_t>(worker)].fetch_add(1) != 0) ++j.clashes;
              ++j.done[static_cast<std::size_t>(index)];
              j.inside[static_cast<std::size_t>(worker)].fetch_sub(1);
            },
            &job);
        int wrong = 0;
        for (const auto& d : job.done) wrong += d.load() != 1;
        CHECK(wrong == 0);
        CHECK(job.clashes.load() == 0);
      }
  }
}

TEST_CASE("the default executor runs on the calling thread, in order") {
  std::vector<int> order;
  Executor().run(
      3, [](void* argument, int index, int) { static_cast<std::vector<int>*>(argument)->push_back(index); }, &order);
  CHECK(order == std::vector<int>{0, 1, 2});
}
