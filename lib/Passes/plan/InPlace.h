//===- InPlace.h - What a step may write over what it reads ---------------===//
#ifndef ASGC_PASSES_PLAN_INPLACE_H
#define ASGC_PASSES_PLAN_INPLACE_H

#include "dialects/plan/Plan.h"

namespace asgc::planner {

/// Why `step` may not write the buffer `written` in the memory of `read`, of the
/// same size, even if nothing needs `read` any more; null if it may. Both own
/// memory: they are no aliases.
const char *explainApart(mlir::Operation *step, mlir::Value read,
                         mlir::Value written);

} // namespace asgc::planner

#endif
