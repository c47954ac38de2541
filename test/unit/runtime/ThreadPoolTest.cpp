//===- ThreadPoolTest.cpp - Loops over a pool of threads ------------------===//
#include "ThreadPool.h"
#include "Cpu.h"
#include <atomic>
#include <cstdlib>
#include <doctest/doctest.h>
#include <thread>
#include <vector>

using namespace asgc::rt;

TEST_SUITE("thread pool") {
  TEST_CASE("runs each task once, in ranges of at least the grain") {
    for (int threads : {1, 2, 3, 8}) {
      ThreadPool pool(threads);
      for (int64_t tasks : {0, 1, 2, 7, 64, 1000, 4096})
        for (int64_t grain : {1, 3, 100}) {
          std::vector<std::atomic<int>> done(static_cast<size_t>(tasks));
          std::atomic<int> wrong{0};
          auto body = [&](int64_t begin, int64_t end, int worker) {
            wrong += begin >= end || worker < 0 || worker >= threads;
            wrong += end - begin < grain && end != tasks;
            for (int64_t i = begin; i < end; ++i)
              ++done[size_t(i)];
          };
          pool.forEachRange(tasks, grain, body);
          for (const std::atomic<int> &count : done)
            wrong += count != 1;
          CHECK(wrong == 0);
        }
    }
  }

  TEST_CASE("many short loops in a row, with and without sleep between") {
    ThreadPool pool(4);
    std::atomic<int64_t> sum{0};
    auto body = [&](int64_t begin, int64_t end, int) { sum += end - begin; };
    for (int i = 0; i < 20000; ++i)
      pool.forEachRange(16, 1, body);
    for (int i = 0; i < 50; ++i) {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
      pool.forEachRange(16, 1, body);
    }
    CHECK(sum == 16 * 20050);
  }

  TEST_CASE("a loop within a loop runs on the thread it is on") {
    ThreadPool pool(4);
    std::atomic<int> wrong{0};
    std::atomic<int64_t> sum{0};
    auto outer = [&](int64_t begin, int64_t end, int worker) {
      auto inner = [&](int64_t first, int64_t last, int innerWorker) {
        wrong += innerWorker != worker || first != 0;
        sum += last - first;
      };
      for (int64_t i = begin; i < end; ++i)
        pool.forEachRange(10, 1, inner);
    };
    pool.forEachRange(100, 1, outer);
    CHECK(wrong == 0);
    CHECK(sum == 1000);
  }

  TEST_CASE("uses more than one thread when the tasks take long") {
    ThreadPool pool(2);
    std::atomic<uint32_t> seen{0};
    auto body = [&](int64_t, int64_t, int worker) {
      seen |= 1u << worker;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    };
    pool.forEachRange(8, 1, body);
    CHECK(seen == 3);
  }

  TEST_CASE("each thread has its own aligned scratch") {
    ThreadPool pool(4);
    REQUIRE(pool.reserveScratch(1000));
    for (int worker = 0; worker < 4; ++worker) {
      CHECK(reinterpret_cast<uintptr_t>(pool.scratch(worker)) % 64 == 0);
      for (int other = 0; other < worker; ++other)
        CHECK(pool.scratch(other) != pool.scratch(worker));
    }
    CHECK_FALSE(pool.reserveScratch(INT64_MAX));
    CHECK(pool.scratch(3) != nullptr);
  }

  TEST_CASE("the number of threads comes from the caller, the environment, "
            "the machine") {
    CHECK(usableCores() >= 1);
    CHECK(chooseThreads(3) == 3);
    CHECK(chooseThreads(1 << 30) == maxThreads);
    setenv("ASGC_THREADS", "5", 1);
    CHECK(chooseThreads(0) == 5);
    CHECK(chooseThreads(2) == 2);
    setenv("ASGC_THREADS", "many", 1);
    CHECK(chooseThreads(0) == usableCores());
    unsetenv("ASGC_THREADS");
  }
}
