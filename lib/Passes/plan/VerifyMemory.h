//===- VerifyMemory.h - Checks where buffers lie --------------------------===//
#ifndef ASGC_PASSES_PLAN_VERIFYMEMORY_H
#define ASGC_PASSES_PLAN_VERIFYMEMORY_H

#include "dialects/plan/Plan.h"

namespace asgc::planner {

/// Checks, without using what plan-assign-memory does, that a step reads what it
/// writes only at the same place, that accesses stay in their buffers at the
/// bounds of run-time dims, and, once buffers have offsets, that no two overlap
/// while both are alive, but where one takes over from the other. Emits the error.
mlir::LogicalResult verifyMemory(plan::ProgramOp program);

} // namespace asgc::planner

#endif
