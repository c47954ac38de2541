//===- MemoryRemarks.cpp - Says what fills the arena ----------------------===//
#include "MemoryRemarks.h"

#include "InPlace.h"
#include "dialects/asg/Asg.h"

#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace asgc::planner {

namespace {
std::string formatBytes(int64_t bytes) {
  if (bytes < 1024)
    return llvm::formatv("{0} B", bytes);
  if (bytes < 1024 * 1024)
    return llvm::formatv("{0:F1} KiB", bytes / 1024.0);
  return llvm::formatv("{0:F2} MiB", bytes / (1024.0 * 1024.0));
}

class Reporter {
public:
  Reporter(plan::ProgramOp program, const StepList &list,
           const std::vector<int64_t> &predecessors)
      : program(program), list(list), predecessors(predecessors),
        successors(list.buffers.size(), -1) {
    for (auto [to, from] : llvm::enumerate(predecessors))
      if (from >= 0)
        successors[from] = to;
  }

  void report() const {
    SmallVector<int64_t> most;
    int64_t peakStep = 0, peakBytes = 0;
    for (int64_t step = 0; step < std::ssize(list.steps); ++step) {
      SmallVector<int64_t> alive = findAlive(step);
      int64_t bytes = 0;
      for (int64_t buffer : alive)
        bytes += list.buffers[buffer].bytes;
      if (bytes <= peakBytes)
        continue;
      most = std::move(alive);
      peakStep = step;
      peakBytes = bytes;
    }
    say(program.getLoc(), describeArena(peakStep, peakBytes, most.size()));
    llvm::stable_sort(most, [&](int64_t a, int64_t b) {
      return list.buffers[a].bytes > list.buffers[b].bytes;
    });
    for (int64_t buffer : most)
      say(list.buffers[buffer].value.getLoc(), describe(buffer));
  }

private:
  void say(Location loc, const std::string &text) const {
    remark::analysis(loc, remark::RemarkOpts::name("memory").category("memory"))
        << StringRef(text);
  }

  StringRef nameOf(int64_t step) const {
    return cast<plan::StepInterface>(list.steps[step].op).getStepName();
  }

  /// Buffers in memory of their own during `step`. Of two that share a place there,
  /// the one that is written.
  SmallVector<int64_t> findAlive(int64_t step) const {
    SmallVector<int64_t> alive;
    for (auto [number, buffer] : llvm::enumerate(list.buffers))
      if (buffer.alloc && buffer.first >= 0 && buffer.first <= step &&
          step <= buffer.last &&
          !(buffer.last == step && successors[number] >= 0))
        alive.push_back(number);
    return alive;
  }

  std::string describeArena(int64_t step, int64_t alive, size_t count) const {
    int64_t arena = *program.getArena(), bound = *program.getLowerBound();
    if (list.steps.empty() || bound == 0)
      return ("@" + program.getSymName() + " needs no arena").str();
    return llvm::formatv(
        "@{0} needs an arena of {1} (waste {2:F1} %); the most is alive in step "
        "{3} of {4}, '{5}': {6} in {7} buffers",
        program.getSymName(), formatBytes(arena),
        100.0 * (arena - bound) / bound, step, list.steps.size(), nameOf(step),
        formatBytes(alive), count);
  }

  std::string describe(int64_t number) const {
    const OwnedBuffer &buffer = list.buffers[number];
    plan::AllocOp alloc = buffer.alloc;
    auto type = cast<plan::BufferType>(buffer.value.getType()).getTensor();
    std::string name = alloc.getSource().value_or("").split(' ').first.str();
    return llvm::formatv(
        "{0} of the arena of @{1} at its peak: {2}{3}, at byte {4}, alive in steps "
        "{5} to {6}, from '{7}' to '{8}'; {9}",
        formatBytes(buffer.bytes), program.getSymName(),
        name.empty() ? "" : name + " ", asg::describe(type),
        alloc.getOffset().value_or(0), buffer.first, buffer.last,
        nameOf(buffer.first), nameOf(buffer.last), describePlace(number));
  }

  /// In whose place it lies, or why in none's.
  std::string describePlace(int64_t number) const {
    const OwnedBuffer &buffer = list.buffers[number];
    if (int64_t from = predecessors[number]; from >= 0) {
      plan::AllocOp alloc = list.buffers[from].alloc;
      return ("in place of " + alloc.getSource().value_or("a buffer")).str();
    }
    const Step &step = list.steps[buffer.first];
    // The nearest miss says the most: what dies there and has its size, else what
    // dies there.
    const char *reason = nullptr;
    bool anyRead = false, anyDies = false;
    for (int64_t read : step.reads) {
      const OwnedBuffer &other = list.buffers[read];
      if (!other.alloc)
        continue;
      anyRead = true;
      if (other.last != buffer.first)
        continue;
      anyDies = true;
      if (other.bytes != buffer.bytes)
        continue;
      reason = explainApart(step.op, other.value, buffer.value);
      if (!reason)
        reason = "another result has taken the place";
    }
    if (!reason)
      reason = !anyRead   ? "the step reads nothing of the arena"
               : !anyDies ? "what the step reads is needed later"
                          : "what dies in the step has another size";
    return std::string("in no other's place: ") + reason;
  }

  mutable plan::ProgramOp program;
  const StepList &list;
  const std::vector<int64_t> &predecessors;
  std::vector<int64_t> successors;
};
} // namespace

void remarkMemory(plan::ProgramOp program, const StepList &list,
                  const std::vector<int64_t> &predecessors) {
  Reporter(program, list, predecessors).report();
}

} // namespace asgc::planner
