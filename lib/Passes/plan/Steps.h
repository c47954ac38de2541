//===- Steps.h - What the steps of a program read and write ---------------===//
#ifndef ASGC_PASSES_PLAN_STEPS_H
#define ASGC_PASSES_PLAN_STEPS_H

#include "dialects/plan/Plan.h"

#include "llvm/ADT/MapVector.h"

#include <vector>

namespace asgc::planner {

/// A step and the memory it touches, by number of the buffer that owns it.
struct Step {
  mlir::Operation *op = nullptr;
  std::vector<int64_t> reads, writes;  // sorted, distinct
  std::vector<int64_t> after;          // steps that must come before, sorted
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

  /// Failure is reported: a size that overflows, at the buffer.
  static mlir::FailureOr<StepList> collect(plan::ProgramOp program);
};

/// Bytes of a tensor with its run-time dims at their bounds; null on overflow.
std::optional<int64_t> bytesAtBounds(plan::ProgramOp program,
                                     mlir::RankedTensorType type);

} // namespace asgc::planner

#endif
