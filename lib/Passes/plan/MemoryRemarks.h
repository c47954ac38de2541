//===- MemoryRemarks.h - Says what fills the arena ------------------------===//
#ifndef ASGC_PASSES_PLAN_MEMORYREMARKS_H
#define ASGC_PASSES_PLAN_MEMORYREMARKS_H

#include "Steps.h"

namespace asgc::planner {

/// Emits remarks of category `memory`: the size of the program's arena, and each
/// buffer that lies in it where the most bytes are alive. `predecessors` has, by
/// buffer, the one whose place it took over, or -1.
void remarkMemory(plan::ProgramOp program, const StepList &list,
                  const std::vector<int64_t> &predecessors);

} // namespace asgc::planner

#endif
