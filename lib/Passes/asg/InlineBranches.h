//===- InlineBranches.h - Branches without a choice -----------------------===//
#ifndef ASGC_PASSES_ASG_INLINEBRANCHES_H
#define ASGC_PASSES_ASG_INLINEBRANCHES_H

#include "mlir/IR/BuiltinOps.h"

namespace asgc {

/// Erases private graphs that nothing calls any more.
void dropUncalledGraphs(mlir::ModuleOp module);

} // namespace asgc

#endif
