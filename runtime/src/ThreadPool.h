//===- ThreadPool.h - Workers that claim chunks of a loop -----------------===//
#ifndef ASGC_RT_THREADPOOL_H
#define ASGC_RT_THREADPOOL_H

#include "Memory.h"
#include <atomic>
#include <cstdint>
#include <memory>
#include <pthread.h>
#include <type_traits>
#include <vector>

namespace asgc::rt {

/// Runs loops on the calling thread and up to `threads - 1` workers.
///
/// The caller works too and takes whatever no worker has begun, so a worker
/// that the system does not schedule delays nothing. Workers spin for a short
/// while after a loop and then sleep. Which thread runs which tasks varies from
/// run to run; a task must therefore compute the same bits wherever it runs.
class ThreadPool {
public:
  using Body = void (*)(void *context, int64_t begin, int64_t end, int worker);

  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  /// The most threads that share a loop, the caller included.
  int threads() const { return threads_; }

  /// Calls body(context, begin, end, worker) on ranges that cover [0, tasks),
  /// each at least `grain` long except the last; returns when all are done.
  /// A call from within a body runs on that thread alone.
  void run(int64_t tasks, int64_t grain, Body body, void *context);

  /// The same for a callable of (begin, end, worker).
  template <typename Callable>
  void forEachRange(int64_t tasks, int64_t grain, Callable &&callable) {
    using Plain = std::remove_reference_t<Callable>;
    run(
        tasks, grain,
        [](void *context, int64_t begin, int64_t end, int worker) {
          (*static_cast<Plain *>(context))(begin, end, worker);
        },
        const_cast<std::remove_const_t<Plain> *>(&callable));
  }

  /// Makes every thread's scratch at least `bytes` large; false if there is not
  /// so much memory. Not from within a body.
  bool reserveScratch(int64_t bytes);

  /// Scratch memory of thread `worker`, aligned to 64.
  char *scratch(int worker) const { return slots_[worker].scratch.data(); }

private:
  /// A thread's own share of a loop, in chunks; other threads help when they
  /// have finished theirs. Successive loops over the same data thus tend to
  /// find it in the caches of the same core.
  struct alignas(64) Share {
    std::atomic<int64_t> next{0};
    int64_t end = 0;
  };
  struct Slot {
    ThreadPool *pool = nullptr;
    int worker = 0;
    pthread_t thread{};
    Pages scratch;
  };
  struct Job {
    Body body = nullptr;
    void *context = nullptr;
    int64_t tasks = 0;
    int64_t chunk = 1;
    int shares = 1;
  };

  void start();
  void publish(int64_t chunks);
  void finish();
  void work(int worker);
  void serve(int worker);
  uint32_t awaitJob(uint32_t seen);
  bool enter();
  void leave();
  static void *threadMain(void *slot);

  int threads_;
  int started_ = 1; ///< threads that exist, the caller included
  bool triedToStart_ = false;
  bool spins_; ///< false when there are more threads than cores
  std::vector<Slot> slots_;
  std::unique_ptr<Share[]> shares_;
  int64_t scratchBytes_ = 0;
  Job job_;

  /// Changes with each job; sleeping workers wait on it.
  alignas(64) std::atomic<uint32_t> jobNumber_{0};
  std::atomic<bool> stop_{false};
  std::atomic<int> sleepers_{0};
  /// `openBit` while workers may join the job, plus the workers inside.
  alignas(64) std::atomic<uint32_t> gate_{0};
};

/// Makes oneDNN (through OpenMP), if it has been opened, use the calling thread
/// only, for as long as the object lives.
class OneThreadScope {
public:
  OneThreadScope();
  ~OneThreadScope();

private:
  int before_ = 1;
};

} // namespace asgc::rt
#endif
