//===- InlineBranches.h - Branches without a choice -----------------------===//
#ifndef ASGC_PASSES_ASG_INLINEBRANCHES_H
#define ASGC_PASSES_ASG_INLINEBRANCHES_H

#include "dialects/asg/Asg.h"

#include "mlir/IR/BuiltinOps.h"

namespace asgc {

/// Copies of the ops of `body`, applied to `arguments`; their number is added
/// to `copied`. What the graph returns.
llvm::SmallVector<mlir::Value> copyBody(mlir::OpBuilder &builder,
                                        asg::GraphOp body,
                                        mlir::ValueRange arguments,
                                        int64_t &copied);

/// Erases private graphs that nothing calls any more.
void dropUncalledGraphs(mlir::ModuleOp module);

} // namespace asgc

#endif
