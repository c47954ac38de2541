//===- SelectKernels.cpp - Chooses the loops of each step -----------------===//
#include "SelectKernels.h"

#include "asgc/Passes.h"

namespace asgc {

#define GEN_PASS_DEF_PLANSELECTKERNELS
#include "asgc/Passes.h.inc"

namespace {
using namespace mlir;

struct SelectKernelsPass final
    : impl::PlanSelectKernelsBase<SelectKernelsPass> {
  void runOnOperation() final {
    for (auto program : getOperation().getOps<plan::ProgramOp>()) {
      SmallVector<Operation *> steps;
      for (Operation &op : program.getBody().front())
        steps.push_back(&op);
      for (Operation *op : steps) {
        if (auto matmul = dyn_cast<plan::MatmulOp>(op)) {
          products += planner::makeKernelOfTinyMatmul(program, matmul);
        } else if (auto kernel = dyn_cast<plan::KernelOp>(op)) {
          planner::reduceLongRows(program, kernel);
          splits += planner::splitReduction(program, kernel);
        } else if (auto update = dyn_cast<plan::UpdateOp>(op)) {
          splits += planner::splitReduction(update);
        }
      }
    }
  }
};
} // namespace

} // namespace asgc
