//===- KernelBuilder.h - From a group of ops to a kernel ------------------===//
#ifndef ASGC_PASSES_PLAN_KERNELBUILDER_H
#define ASGC_PASSES_PLAN_KERNELBUILDER_H

#include "KernelBody.h"

namespace asgc::planner {

/// A value that a kernel is to write, and where.
struct KernelRoot {
  mlir::Value value;
  View destination;
};

/// What a call of buildKernel made.
struct BuiltKernel {
  plan::KernelOp kernel;
  /// Roots that need a space of their own, by position.
  llvm::SmallVector<size_t> leftOver;
};

/// Builds at `builder` one kernel that computes `ops` (in program order; values
/// that `findView` knows are read from memory) and writes `roots`, or those of
/// them that share one iteration space. Fails, building nothing, where no
/// kernel can do that.
mlir::FailureOr<BuiltKernel>
buildKernel(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef name,
            llvm::ArrayRef<mlir::Operation *> ops,
            llvm::ArrayRef<KernelRoot> roots, const FindView &findView);

} // namespace asgc::planner

#endif
