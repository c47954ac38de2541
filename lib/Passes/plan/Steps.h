//===- Steps.h - What the steps of a program read and write ---------------===//
#ifndef ASGC_PASSES_PLAN_STEPS_H
#define ASGC_PASSES_PLAN_STEPS_H

#include "dialects/plan/Plan.h"

#include "llvm/ADT/MapVector.h"

#include <vector>

namespace asgc::planner {

/// A buffer that a step writes, and one that it reads, of which the written one
/// may take over the place if the read one dies there.
struct Takeover {
  int64_t from, to;
};

/// A step and the memory it touches, by number of the buffer that owns it.
struct Step {
  mlir::Operation *op = nullptr;
  std::vector<int64_t> reads, writes;  // sorted, distinct
  std::vector<int64_t> after;          // steps that must come before, sorted
  std::vector<Takeover> takeovers;     // of buffers in the arena
};

/// A buffer that owns memory: an argument, a variable, a constant or an alloc.
struct OwnedBuffer {
  mlir::Value value;
  plan::AllocOp alloc; // null unless it lies in the arena
  int64_t bytes = 0;   // aligned, at the bounds of run-time dims
  int64_t first = -1, last = -1; // steps that touch it; -1: none does
};

/// The steps of a program in order, and the buffers behind their operands.
struct StepList {
  std::vector<Step> steps;
  std::vector<OwnedBuffer> buffers;

  /// The number of the buffer that owns the memory of a step's operand.
  int64_t numberOf(mlir::Value buffer) const {
    return numbers.lookup(plan::getRootBuffer(buffer));
  }

  /// Failure is reported: a size that overflows, at the buffer.
  static mlir::FailureOr<StepList> collect(plan::ProgramOp program);

private:
  llvm::DenseMap<mlir::Value, int64_t> numbers; // looked up only
};

/// The takeovers that happen in `step` where `dies` says which buffers are touched
/// last, and not first, in it, and `starts` which are touched first.
llvm::SmallVector<Takeover>
pickTakeovers(const Step &step, llvm::function_ref<bool(int64_t)> dies,
              llvm::function_ref<bool(int64_t)> starts);

/// Bytes of a tensor with its run-time dims at their bounds; null on overflow.
std::optional<int64_t> bytesAtBounds(plan::ProgramOp program,
                                     mlir::RankedTensorType type);

} // namespace asgc::planner

#endif
