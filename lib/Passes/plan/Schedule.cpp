//===- Schedule.cpp - Orders steps for the lowest peak of memory ----------===//
#include "Steps.h"

#include "asgc/Passes.h"

#include "llvm/ADT/DenseSet.h"

#include <algorithm>
#include <tuple>

namespace asgc {

#define GEN_PASS_DEF_PLANSCHEDULE
#include "asgc/Passes.h.inc"

namespace {
using namespace mlir;
using planner::StepList;
using planner::Takeover;

/// Orders followed side by side; fewer for programs of many steps.
constexpr size_t kBeamWidth = 16;
constexpr size_t kWorkBudget = 4'000'000;

/// A beginning of an order.
struct Partial {
  std::vector<int64_t> order;
  std::vector<int32_t> waitsFor;  // by step: predecessors not yet run
  std::vector<int32_t> usesLeft;  // by buffer: steps that have yet to touch it
  std::vector<int64_t> ready;     // steps that may run, ascending
  uint64_t signature = 0;         // of the set of steps run
  int64_t alive = 0, peak = 0;    // bytes
};

/// Searches orders of the steps by beam search on (peak, bytes alive).
class Scheduler {
public:
  explicit Scheduler(const StepList &list) : list(list) {
    uses.resize(list.buffers.size());
    touched.resize(list.steps.size());
    followers.resize(list.steps.size());
    for (auto [number, step] : llvm::enumerate(list.steps)) {
      std::vector<int64_t> &buffers = touched[number];
      std::set_union(step.reads.begin(), step.reads.end(), step.writes.begin(),
                     step.writes.end(), std::back_inserter(buffers));
      llvm::erase_if(buffers,
                     [&](int64_t b) { return !list.buffers[b].alloc; });
      for (int64_t buffer : buffers)
        ++uses[buffer];
      for (int64_t other : step.after)
        followers[other].push_back(number);
    }
  }

  /// The peak of the order the steps stand in.
  int64_t peakAsIs() const {
    Partial partial = start();
    for (size_t step = 0; step < list.steps.size(); ++step)
      run(partial, step);
    return partial.peak;
  }

  Partial search() const {
    std::vector<Partial> beam = {start()};
    size_t count = list.steps.size();
    size_t perStep = count + list.buffers.size() + 1;
    size_t width = std::clamp<size_t>(
        kWorkBudget / (count * perStep + 1), 1, kBeamWidth);
    for (size_t position = 0; position < count; ++position) {
      struct Candidate {
        int64_t peak, alive;
        size_t from;
        int64_t step;
      };
      std::vector<Candidate> candidates;
      for (auto [from, partial] : llvm::enumerate(beam))
        for (int64_t step : partial.ready) {
          auto [needs, frees] = effect(partial, step);
          int64_t during = partial.alive + needs;
          candidates.push_back(
              {std::max(partial.peak, during), during - frees, from, step});
        }
      // Ties keep the order that the steps came in.
      llvm::stable_sort(candidates, [](const Candidate &a, const Candidate &b) {
        return std::tie(a.peak, a.alive, a.step) <
               std::tie(b.peak, b.alive, b.step);
      });
      std::vector<Partial> next;
      llvm::DenseSet<uint64_t> seen;
      for (const Candidate &candidate : candidates) {
        if (next.size() == width)
          break;
        const Partial &from = beam[candidate.from];
        if (!seen.insert(from.signature ^ mix(candidate.step)).second)
          continue;
        next.push_back(from);
        run(next.back(), candidate.step);
      }
      beam = std::move(next);
    }
    return std::move(beam.front());
  }

private:
  static uint64_t mix(uint64_t step) {
    uint64_t x = (step + 1) * 0x9e3779b97f4a7c15ull;
    x ^= x >> 31;
    x *= 0xbf58476d1ce4e5b9ull;
    // DenseSet reserves the two largest keys.
    return (x ^ (x >> 29)) & ~(uint64_t(1) << 63);
  }

  Partial start() const {
    Partial partial;
    partial.usesLeft.assign(uses.begin(), uses.end());
    for (auto [number, step] : llvm::enumerate(list.steps)) {
      partial.waitsFor.push_back(step.after.size());
      if (step.after.empty())
        partial.ready.push_back(number);
    }
    return partial;
  }

  /// Bytes that come alive with `step`, and those that die after it. What is
  /// written over a dying buffer does neither.
  std::pair<int64_t, int64_t> effect(const Partial &partial, int64_t step) const {
    int64_t needs = 0, frees = 0;
    auto starts = [&](int64_t buffer) {
      return partial.usesLeft[buffer] == uses[buffer];
    };
    auto ends = [&](int64_t buffer) { return partial.usesLeft[buffer] == 1; };
    for (int64_t buffer : touched[step]) {
      if (starts(buffer))
        needs += list.buffers[buffer].bytes;
      if (ends(buffer))
        frees += list.buffers[buffer].bytes;
    }
    auto dies = [&](int64_t buffer) { return ends(buffer) && !starts(buffer); };
    for (const Takeover &takeover :
         planner::pickTakeovers(list.steps[step], dies, starts)) {
      needs -= list.buffers[takeover.to].bytes;
      frees -= list.buffers[takeover.from].bytes;
    }
    return {needs, frees};
  }

  void run(Partial &partial, int64_t step) const {
    auto [needs, frees] = effect(partial, step);
    partial.alive += needs;
    partial.peak = std::max(partial.peak, partial.alive);
    partial.alive -= frees;
    for (int64_t buffer : touched[step])
      --partial.usesLeft[buffer];
    partial.order.push_back(step);
    partial.signature ^= mix(step);
    partial.ready.erase(
        std::lower_bound(partial.ready.begin(), partial.ready.end(), step));
    for (int64_t follower : followers[step])
      if (--partial.waitsFor[follower] == 0)
        partial.ready.insert(std::lower_bound(partial.ready.begin(),
                                              partial.ready.end(), follower),
                             follower);
  }

  const StepList &list;
  std::vector<int32_t> uses;
  std::vector<std::vector<int64_t>> touched, followers;
};

struct SchedulePass final : impl::PlanScheduleBase<SchedulePass> {
  void runOnOperation() final {
    for (plan::ProgramOp program : getOperation().getOps<plan::ProgramOp>())
      if (failed(schedule(program)))
        return signalPassFailure();
  }

  LogicalResult schedule(plan::ProgramOp program) {
    FailureOr<StepList> list = StepList::collect(program);
    if (failed(list))
      return failure();
    Scheduler scheduler(*list);
    Partial found = scheduler.search();
    int64_t before = scheduler.peakAsIs();
    if (found.peak >= before)
      return success();
    savedBytes += before - found.peak;
    // Buffers stand first, so that any order of the steps sees them.
    Block &block = program.getBody().front();
    for (int64_t step : found.order)
      list->steps[step].op->moveBefore(&block, block.end());
    return success();
  }
};
} // namespace

} // namespace asgc
