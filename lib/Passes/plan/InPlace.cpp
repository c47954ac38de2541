//===- InPlace.cpp - What a step may write over what it reads -------------===//
#include "InPlace.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace asgc::planner {

namespace {
bool isRoot(Value buffer, Value root) {
  return plan::getRootBuffer(buffer) == root;
}

unsigned elementBits(Value buffer) {
  return cast<plan::BufferType>(buffer.getType())
      .getTensor()
      .getElementTypeBitWidth();
}

/// A kernel reads all of a point before it writes there (see plan.kernel).
const char *explainKernel(plan::KernelOp kernel, Value read, Value written) {
  if (kernel.getKind() == plan::KernelKind::reduce)
    return "a reduction is complete only after all has been read";
  std::optional<plan::Access> access;
  for (auto [index, buffer] : llvm::enumerate(kernel.getWrites())) {
    if (!isRoot(buffer, written))
      continue;
    if (access)
      return "it is written in several parts";
    access = kernel.getWriteAccess(index);
  }
  if (!access)
    return "it is a workspace";
  for (auto [index, buffer] : llvm::enumerate(kernel.getReads()))
    if (isRoot(buffer, read) && kernel.getReadAccess(index) != access)
      return "it is read elsewhere than where it is written";
  // An access that repeats elements would overwrite them before they are read
  // again.
  for (auto [dim, stride] : llvm::enumerate(access->strides))
    if (stride == DimExpr(0) && !(kernel.getExtent(dim) == DimExpr(1)))
      return "it is written at several points";
  return nullptr;
}

/// Every operand of an update is walked from its start to its end.
const char *explainUpdate(plan::UpdateOp update, Value read, Value written) {
  if (update.getReduces())
    return "a reduction is complete only after all has been read";
  for (Value shared : update.getShared())
    if (isRoot(shared, read))
      return "all segments read it";
  int64_t segments = update.getSegmentCount();
  std::optional<int64_t> segment;
  for (auto [index, buffer] : llvm::enumerate(update.getWrites()))
    if (isRoot(buffer, written)) {
      if (segment)
        return "it is written in several parts";
      segment = index % segments;
    }
  if (!segment)
    return "it is a workspace";
  for (auto [index, buffer] : llvm::enumerate(update.getReads()))
    if (isRoot(buffer, read) &&
        static_cast<int64_t>(index) % segments != segment)
      return "another segment reads it";
  return nullptr;
}

/// A product adds its residual where it writes.
const char *explainMatmul(plan::MatmulOp matmul, Value read, Value written) {
  if (isRoot(matmul.getA(), read) || isRoot(matmul.getB(), read) ||
      (matmul.getBias() && isRoot(matmul.getBias(), read)))
    return "a product reads its operands more than once";
  // The residual starts at 0 with the strides of the result.
  if (!(*plan::readExtent(matmul.getOffsets()[2]) == DimExpr(0)))
    return "it is read elsewhere than where it is written";
  return nullptr;
}
} // namespace

const char *explainApart(Operation *step, Value read, Value written) {
  if (elementBits(read) != elementBits(written))
    return "its elements have another size";
  return llvm::TypeSwitch<Operation *, const char *>(step)
      .Case([&](plan::KernelOp op) { return explainKernel(op, read, written); })
      .Case([&](plan::UpdateOp op) { return explainUpdate(op, read, written); })
      .Case([&](plan::MatmulOp op) { return explainMatmul(op, read, written); })
      // It reads all of an element before it writes there (see plan.scan).
      .Case([](plan::ScanOp) { return nullptr; })
      .Default([](Operation *) { return "a library call writes it"; });
}

} // namespace asgc::planner
