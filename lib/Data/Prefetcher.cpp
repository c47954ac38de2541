//===- Prefetcher.cpp - Makes the next batch while one is used ------------===//
#include "asgc/Data.h"

#include <condition_variable>
#include <csignal>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

namespace asgc {

/// Two batches: the consumer holds one while the thread fills the other.
struct Prefetcher::State {
  Fill fill;
  int64_t batchesPerEpoch;
  LoaderPosition following; ///< of the next batch to be filled
  Batch batches[2];
  int filling = 0; ///< index of the batch that is filled next

  std::mutex mutex;
  std::condition_variable changed;
  bool isReady = false; ///< batches[filling] waits for the consumer
  bool isEnding = false;
  MaybeFault fault;
  std::thread thread; ///< not joinable if the system gave none

  MaybeFault fillNext();
  void work();
};

MaybeFault Prefetcher::State::fillNext() {
  Batch &batch = batches[filling];
  batch.position = following;
  batch.isLastOfEpoch = following.batch + 1 >= batchesPerEpoch;
  try {
    if (MaybeFault fault = fill(batch))
      return fault;
  } catch (const std::bad_alloc &) {
    return Fault{FaultKind::Environment, "not enough memory for a batch"};
  } catch (const std::exception &error) {
    return Fault{FaultKind::Internal, error.what()};
  }
  following = batch.isLastOfEpoch
                  ? LoaderPosition{following.epoch + 1, 0}
                  : LoaderPosition{following.epoch, following.batch + 1};
  return std::nullopt;
}

void Prefetcher::State::work() {
  while (true) {
    MaybeFault failed = fillNext();
    std::unique_lock lock(mutex);
    fault = failed;
    isReady = true;
    changed.notify_all();
    if (failed)
      return;
    changed.wait(lock, [this] { return isEnding || !isReady; });
    if (isEnding)
      return;
  }
}

Prefetcher::Prefetcher(Fill fill, int64_t batchesPerEpoch, LoaderPosition start)
    : state(std::make_unique<State>()) {
  state->fill = std::move(fill);
  state->batchesPerEpoch = batchesPerEpoch;
  state->following = start;
  // Signals belong to the threads of the program.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    state->thread = std::thread([s = state.get()] { s->work(); });
  } catch (const std::system_error &) {
    // No thread to be had: next() fills by itself.
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Prefetcher::~Prefetcher() {
  {
    std::lock_guard lock(state->mutex);
    state->isEnding = true;
  }
  state->changed.notify_all();
  if (state->thread.joinable())
    state->thread.join();
}

Result<const Batch *> Prefetcher::next() {
  State &s = *state;
  std::unique_lock lock(s.mutex);
  if (s.thread.joinable())
    s.changed.wait(lock, [&s] { return s.isReady; });
  else if (!s.fault)
    s.fault = s.fillNext();
  if (s.fault)
    return *s.fault;
  const Batch *batch = &s.batches[s.filling];
  s.filling = 1 - s.filling;
  s.isReady = false;
  s.changed.notify_all();
  return batch;
}

} // namespace asgc
