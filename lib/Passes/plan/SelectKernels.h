//===- SelectKernels.h - Choices that plan-select-kernels makes -----------===//
#ifndef ASGC_PASSES_PLAN_SELECTKERNELS_H
#define ASGC_PASSES_PLAN_SELECTKERNELS_H

#include "dialects/plan/Plan.h"

namespace asgc::planner {

/// The value of an extent with every run-time dim at its bound; the largest
/// number if it overflows.
int64_t evaluateAtBounds(plan::ProgramOp program, const DimExpr &extent);

/// A product of a few thousand steps or without a sum becomes a generated kernel,
/// which costs no call. Returns whether it did.
bool makeKernelOfTinyMatmul(plan::ProgramOp program, plan::MatmulOp matmul);

/// Few, long rows that are only reduced become a reduction, which can be split.
void reduceLongRows(plan::ProgramOp program, plan::KernelOp kernel);

/// Gives a reduction with much to sum and few results a workspace, so that chunks of
/// it can run at once. Their number follows from shapes alone. Returns whether
/// it did.
bool splitReduction(plan::ProgramOp program, plan::KernelOp kernel);
bool splitReduction(plan::UpdateOp update);

} // namespace asgc::planner

#endif
