//===- ThreadPool.cpp - Workers that claim chunks of a loop ---------------===//
#include "ThreadPool.h"
#include "Cpu.h"
#include "cpu/DnnlApi.h"
#include <algorithm>
#include <chrono>
#include <csignal>

namespace asgc::rt {

namespace {

constexpr uint32_t openBit = 1u << 31;

/// Chunks per thread: enough for a late thread's share to be taken over in
/// pieces, few enough that claiming them costs nothing.
constexpr int64_t chunksPerThread = 4;

/// How long a thread looks for news before it sleeps: longer than the usual
/// gap between two kernels, shorter than what sleeping and waking costs.
constexpr std::chrono::microseconds spinTime{40};

/// The pool thread this is: 0 for callers, -1 outside of any loop.
thread_local int currentWorker = -1;

void pause() { __builtin_ia32_pause(); }

/// Waits until `ready()` or for about spinTime; says whether it became ready.
template <typename Ready> bool spinUntil(Ready ready) {
  auto deadline = std::chrono::steady_clock::now() + spinTime;
  do {
    for (int i = 0; i < 32; ++i) {
      if (ready())
        return true;
      pause();
    }
  } while (std::chrono::steady_clock::now() < deadline);
  return ready();
}

} // namespace

ThreadPool::ThreadPool(int threads)
    : threads_(std::clamp(threads, 1, maxThreads)),
      spins_(threads_ <= usableCores()), slots_(size_t(threads_)),
      shares_(new Share[size_t(threads_)]) {
  for (int worker = 0; worker < threads_; ++worker) {
    slots_[worker].pool = this;
    slots_[worker].worker = worker;
  }
}

ThreadPool::~ThreadPool() {
  stop_.store(true);
  jobNumber_.fetch_add(1);
  jobNumber_.notify_all();
  for (int worker = 1; worker < started_; ++worker)
    pthread_join(slots_[worker].thread, nullptr);
}

bool ThreadPool::reserveScratch(int64_t bytes) {
  if (bytes <= scratchBytes_)
    return true;
  for (Slot &slot : slots_)
    if (!slot.scratch.allocate(bytes))
      return false;
  scratchBytes_ = bytes;
  return true;
}

/// Workers start with the first loop that needs them. A system that refuses
/// some of them only makes the loops slower.
void ThreadPool::start() {
  triedToStart_ = true;
  // Signals belong to the application's own threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  while (started_ < threads_ &&
         pthread_create(&slots_[started_].thread, nullptr, threadMain,
                        &slots_[started_]) == 0)
    ++started_;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void *ThreadPool::threadMain(void *argument) {
  Slot *slot = static_cast<Slot *>(argument);
  if (omp_set_num_threads)
    omp_set_num_threads(1);
  currentWorker = slot->worker;
  slot->pool->serve(slot->worker);
  return nullptr;
}

void ThreadPool::run(int64_t tasks, int64_t grain, Body body, void *context) {
  if (tasks <= 0)
    return;
  grain = std::max<int64_t>(grain, 1);
  const bool nested = currentWorker >= 0;
  if (nested || threads_ == 1 || tasks < 2 * grain) {
    int worker = nested ? currentWorker : 0;
    if (!nested)
      currentWorker = 0;
    body(context, 0, tasks, worker);
    if (!nested)
      currentWorker = -1;
    return;
  }
  if (!triedToStart_)
    start();

  int64_t chunk = std::max(grain, tasks / (started_ * chunksPerThread));
  int64_t chunks = (tasks + chunk - 1) / chunk;
  job_ = {body, context, tasks, chunk,
          int(std::min<int64_t>(started_, chunks))};
  publish(chunks);
  currentWorker = 0;
  work(0);
  currentWorker = -1;
  finish();
}

/// Splits the chunks into shares and opens the job to the workers.
void ThreadPool::publish(int64_t chunks) {
  for (int share = 0; share < job_.shares; ++share) {
    shares_[share].next.store(chunks * share / job_.shares,
                              std::memory_order_relaxed);
    shares_[share].end = chunks * (share + 1) / job_.shares;
  }
  gate_.store(openBit, std::memory_order_release);
  jobNumber_.fetch_add(1); // seq_cst: ordered against sleepers_ below
  int wanted = job_.shares - 1;
  int asleep = sleepers_.load();
  if (asleep == 0 || wanted == 0)
    return;
  if (wanted >= asleep)
    jobNumber_.notify_all();
  else
    while (wanted-- > 0)
      jobNumber_.notify_one();
}

/// Closes the job and waits for the workers that are still inside.
void ThreadPool::finish() {
  uint32_t inside = gate_.fetch_and(~openBit) & ~openBit;
  auto empty = [&] { return gate_.load(std::memory_order_acquire) == 0; };
  if (inside == 0 || (spins_ && spinUntil(empty)))
    return;
  while ((inside = gate_.load(std::memory_order_acquire)) != 0)
    gate_.wait(inside);
}

/// Runs the chunks of share `worker`, then those that are left in the others.
void ThreadPool::work(int worker) {
  const Job job = job_;
  for (int i = 0; i < job.shares; ++i) {
    Share &share = shares_[(worker + i) % job.shares];
    for (;;) {
      int64_t mine = share.next.fetch_add(1, std::memory_order_relaxed);
      if (mine >= share.end)
        break;
      int64_t begin = mine * job.chunk;
      job.body(job.context, begin, std::min(begin + job.chunk, job.tasks),
               worker);
    }
  }
}

bool ThreadPool::enter() {
  uint32_t gate = gate_.load(std::memory_order_relaxed);
  while (gate & openBit)
    if (gate_.compare_exchange_weak(gate, gate + 1, std::memory_order_acquire,
                                    std::memory_order_relaxed))
      return true;
  return false;
}

void ThreadPool::leave() {
  // Only the caller waits for this, and only after it closed the gate.
  if (gate_.fetch_sub(1, std::memory_order_acq_rel) == 1)
    gate_.notify_one();
}

/// Waits for a job other than `seen`, and returns its number.
uint32_t ThreadPool::awaitJob(uint32_t seen) {
  auto changed = [&] {
    return jobNumber_.load(std::memory_order_acquire) != seen;
  };
  if (!changed() && !(spins_ && spinUntil(changed))) {
    sleepers_.fetch_add(1);
    while (!changed())
      jobNumber_.wait(seen);
    sleepers_.fetch_sub(1);
  }
  return jobNumber_.load(std::memory_order_acquire);
}

void ThreadPool::serve(int worker) {
  uint32_t seen = 0;
  for (;;) {
    seen = awaitJob(seen);
    if (stop_.load())
      return;
    if (!enter())
      continue;
    work(worker);
    leave();
  }
}

OneThreadScope::OneThreadScope() {
  if (!omp_set_num_threads)
    return;
  before_ = omp_get_max_threads();
  omp_set_num_threads(1);
}

OneThreadScope::~OneThreadScope() {
  if (omp_set_num_threads)
    omp_set_num_threads(before_);
}

} // namespace asgc::rt
