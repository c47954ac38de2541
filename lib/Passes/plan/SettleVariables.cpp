//===- SettleVariables.cpp - Variables in place, or copied at the end -----===//
#include "ProgramBuilder.h"

using namespace mlir;

namespace asgc::planner {

namespace {
/// Whether a step that reads the old value and writes the new one does both at
/// the same place: then it may do so in one memory.
bool readsWhereItWrites(Operation *step, Value oldValue, Value newValue) {
  if (auto kernel = dyn_cast<plan::KernelOp>(step)) {
    std::optional<plan::Access> written;
    for (auto [index, buffer] : llvm::enumerate(kernel.getWrites()))
      if (buffer == newValue) {
        if (written)
          return false;
        written = kernel.getWriteAccess(index);
      }
    for (auto [index, buffer] : llvm::enumerate(kernel.getReads()))
      if (buffer == oldValue && kernel.getReadAccess(index) != written)
        return false;
    return written.has_value();
  }
  if (isa<plan::ScanOp>(step))
    return true;
  auto update = dyn_cast<plan::UpdateOp>(step);
  if (!update || update.getReduces())
    return false;
  if (llvm::is_contained(update.getShared(), oldValue))
    return false;
  int64_t segments = update.getSegmentCount();
  std::optional<int64_t> written;
  for (auto [index, buffer] : llvm::enumerate(update.getWrites()))
    if (buffer == newValue)
      written = index % segments;
  for (auto [index, buffer] : llvm::enumerate(update.getReads()))
    if (buffer == oldValue && static_cast<int64_t>(index) % segments != written)
      return false;
  return true;
}
} // namespace

/// Every value that was put in its variable's memory before its last reader of
/// the old value goes to a buffer instead, which is copied at the end.
void ProgramBuilder::settleVariables() {
  SmallVector<Operation *> steps;
  for (Operation &op : program.getBody().front())
    if (isa<plan::StepInterface>(op))
      steps.push_back(&op);
  for (auto [assign, newValue] : inPlace) {
    Value oldValue = oldValues.lookup(assign.getVariable());
    bool isWritten = false, isLate = false;
    for (Operation *op : steps) {
      auto step = cast<plan::StepInterface>(op);
      bool reads = llvm::any_of(step.getReadBuffers(), [&](Value buffer) {
        return plan::getRootBuffer(buffer) == oldValue;
      });
      bool writes = llvm::any_of(step.getWrittenBuffers(), [&](Value buffer) {
        return plan::getRootBuffer(buffer) == newValue;
      });
      isLate |= reads && isWritten;
      isLate |= reads && writes && !readsWhereItWrites(op, oldValue, newValue);
      isWritten |= writes;
    }
    RankedTensorType type =
        cast<plan::BufferType>(newValue.getType()).getTensor();
    if (isLate) {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPoint(newValue.getDefiningOp());
      View kept = allocate(type, assign.getValue().getLoc());
      newValue.replaceAllUsesWith(kept.buffer);
      builder.setInsertionPointToEnd(&program.getBody().front());
      copy(kept, View::contiguous(oldValue, type), assign.getLoc(), "assign");
      newValue.getDefiningOp()->erase();
    } else if (oldValue) {
      // One handle for the memory: the one that stands first.
      Operation *first = oldValue.getDefiningOp();
      Operation *second = newValue.getDefiningOp();
      if (second->isBeforeInBlock(first))
        std::swap(first, second);
      second->getResult(0).replaceAllUsesWith(first->getResult(0));
      second->erase();
    }
  }
}

} // namespace asgc::planner
