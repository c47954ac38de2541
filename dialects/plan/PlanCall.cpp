//===- PlanCall.cpp - Library calls ---------------------------------------===//
#include "dialects/plan/PlanSyntax.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::plan;

namespace {
RankedTensorType getTensor(Value buffer) {
  return cast<BufferType>(buffer.getType()).getTensor();
}

Type getElement(Value buffer) { return getTensor(buffer).getElementType(); }

LogicalResult verifyRank(Operation *op, StringRef what, Value buffer,
                         int64_t rank) {
  if (getTensor(buffer).getRank() != rank)
    return op->emitOpError()
           << what << " has rank " << getTensor(buffer).getRank()
           << ", expected " << rank;
  return success();
}

LogicalResult verifyElement(Operation *op, StringRef what, Value buffer,
                            Type element) {
  if (getElement(buffer) != element)
    return op->emitOpError() << what << " has elements of type "
                             << getElement(buffer) << ", expected " << element;
  return success();
}

/// Two numbers, each at least `least`: a size, stride or dilation (1) or a
/// padding (0).
LogicalResult verifyPair(Operation *op, StringRef what, ArrayRef<int64_t> pair,
                         int64_t least) {
  if (pair.size() != 2)
    return op->emitOpError()
           << what << " has " << pair.size() << " entries, expected 2";
  for (int64_t value : pair)
    if (value < least)
      return op->emitOpError()
             << what << " has " << value << ", less than " << least;
  return success();
}

template <typename Op> LogicalResult verifyWindow(Op op) {
  return failure(failed(verifyPair(op, "strides", op.getStrides(), 1)) ||
                 failed(verifyPair(op, "pad", op.getPadLow(), 0)) ||
                 failed(verifyPair(op, "pad", op.getPadHigh(), 0)) ||
                 failed(verifyPair(op, "dilations", op.getDilations(), 1)));
}

template <typename Op> LogicalResult verifyGatherAxis(Op op, Value whole) {
  int64_t rank = getTensor(whole).getRank();
  if (op.getAxis() >= static_cast<uint64_t>(rank))
    return op.emitOpError() << "axis " << static_cast<int64_t>(op.getAxis())
                            << " is not one of " << rank;
  if (op.getBatchDims() > op.getAxis() ||
      static_cast<int64_t>(op.getBatchDims()) >
          getTensor(op.getIndices()).getRank())
    return op.emitOpError() << static_cast<int64_t>(op.getBatchDims())
                            << " batch dims do not fit";
  Type index = getElement(op.getIndices());
  if (!index.isSignlessInteger(32) && !index.isSignlessInteger(64))
    return op.emitOpError() << "indices have type " << index;
  return verifyElement(op, "the result", op.getOut(), getElement(op.getIn()));
}

template <typename Op> LogicalResult verifyPlane(Op op) {
  return failure(
      failed(verifyRank(op, "the operand", op.getIn(), 4)) ||
      failed(verifyRank(op, "the list of indices", op.getIndices(), 4)) ||
      failed(verifyRank(op, "the result", op.getOut(), 4)) ||
      failed(verifyElement(op, "the list of indices", op.getIndices(),
                           IntegerType::get(op.getContext(), 32))) ||
      failed(verifyElement(op, "the result", op.getOut(),
                           getElement(op.getIn()))));
}
} // namespace

//===- matmul -------------------------------------------------------------===//

SmallVector<Value> MatmulOp::getReadBuffers() {
  SmallVector<Value> buffers{getA(), getB()};
  for (Value optional : {getBias(), getResidual()})
    if (optional)
      buffers.push_back(optional);
  return buffers;
}
SmallVector<Value> MatmulOp::getWrittenBuffers() { return {getC()}; }
StringRef MatmulOp::getStepName() { return getName(); }

LogicalResult MatmulOp::verify() {
  // ASGC_MAX_RANK of runtime/include/asgc/program.h, less the two of a matrix.
  constexpr int64_t kMaxBatchRank = 6;
  int64_t rank = getBatch().size();
  if (rank > kMaxBatchRank)
    return emitOpError() << "has " << rank << " batch dims, more than "
                         << kMaxBatchRank;
  if (failed(verifyExtents(*this, "batch", getBatch())) ||
      failed(verifyExtents(*this, "m_n_k", getSizes(), 3)) ||
      failed(verifyExtents(*this, "strides of a", getAStrides(), rank + 2)) ||
      failed(verifyExtents(*this, "strides of b", getBStrides(), rank + 2)) ||
      failed(verifyExtents(*this, "strides of c", getCStrides(), rank + 2)) ||
      failed(verifyExtents(*this, "offsets", getOffsets(), 3)) ||
      failed(verifyElement(*this, "b", getB(), getElement(getA()))))
    return failure();
  for (Value optional : {getBias(), getResidual()})
    if (optional && failed(verifyElement(*this, "bias or residual", optional,
                                         getElement(getC()))))
      return failure();
  return success();
}

//===- attention ----------------------------------------------------------===//

SmallVector<Value> AttentionOp::getReadBuffers() {
  return SmallVector<Value>(getReads());
}
SmallVector<Value> AttentionOp::getWrittenBuffers() {
  return SmallVector<Value>(getWrites());
}
StringRef AttentionOp::getStepName() { return getName(); }

Access AttentionOp::getAccess(int64_t operand) {
  int64_t reads = getReads().size();
  return readAccess(operand < reads ? getReadAccesses()[operand]
                                    : getWriteAccesses()[operand - reads]);
}

LogicalResult AttentionOp::verify() {
  size_t rank = getBatch().size(), reads = getReads().size(),
         writes = getWrites().size();
  if (reads != (getBackward() ? 6 : 3) ||
      (getBackward() ? writes != 3 : writes < 1 || writes > 2))
    return emitOpError() << "reads " << reads << " buffers and writes "
                         << writes;
  if (failed(verifyExtents(*this, "batch", getBatch())) ||
      failed(verifyExtents(*this, "sizes", getSizes(), 4)))
    return failure();
  Type statistic = Float32Type::get(getContext());
  auto verifyPlace = [&](StringRef what, Value buffer, Attribute access,
                         bool isStatistic) -> LogicalResult {
    auto entries = dyn_cast<ArrayAttr>(access);
    if (!entries)
      return emitOpError() << what << " has no access";
    // One for the offset.
    return failure(failed(verifyExtents(*this, what, entries,
                                        rank + (isStatistic ? 2 : 3))) ||
                   failed(verifyElement(
                       *this, what, buffer,
                       isStatistic ? statistic : getElement(getReads()[0]))));
  };
  if (getReadAccesses().size() != reads || getWriteAccesses().size() != writes)
    return emitOpError("has an access too many or too few");
  for (auto [index, buffer] : llvm::enumerate(getReads()))
    if (failed(verifyPlace("an operand", buffer, getReadAccesses()[index],
                           index >= 4)))
      return failure();
  for (auto [index, buffer] : llvm::enumerate(getWrites()))
    if (failed(verifyPlace("a result", buffer, getWriteAccesses()[index],
                           !getBackward() && index == 1)))
      return failure();
  return success();
}

//===- Convolution and pooling --------------------------------------------===//

SmallVector<Value> Conv2dOp::getReadBuffers() {
  SmallVector<Value> buffers{getIn0(), getIn1()};
  if (getBias())
    buffers.push_back(getBias());
  return buffers;
}
SmallVector<Value> Conv2dOp::getWrittenBuffers() { return {getOut()}; }
StringRef Conv2dOp::getStepName() { return getName(); }

LogicalResult Conv2dOp::verify() {
  if (failed(verifyWindow(*this)) ||
      failed(verifyRank(*this, "the first operand", getIn0(), 4)) ||
      failed(verifyRank(*this, "the second operand", getIn1(), 4)) ||
      failed(verifyRank(*this, "the result", getOut(), 4)) ||
      failed(verifyElement(*this, "the second operand", getIn1(),
                           getElement(getIn0()))) ||
      failed(
          verifyElement(*this, "the result", getOut(), getElement(getIn0()))))
    return failure();
  if (static_cast<int64_t>(getGroups()) < 1)
    return emitOpError() << "has " << static_cast<int64_t>(getGroups())
                         << " groups";
  if (getKind() != ConvKind::forward &&
      (getBias() || getActivation() != Activation::none))
    return emitOpError("is a gradient, so it has neither bias nor activation");
  if (getBias() && failed(verifyRank(*this, "bias", getBias(), 1)))
    return failure();
  return success();
}

SmallVector<Value> MaxPool2dOp::getReadBuffers() { return {getX()}; }
SmallVector<Value> MaxPool2dOp::getWrittenBuffers() {
  return {getY(), getIndices()};
}
StringRef MaxPool2dOp::getStepName() { return getName(); }

LogicalResult MaxPool2dOp::verify() {
  return failure(
      failed(verifyPair(*this, "kernel", getKernel(), 1)) ||
      failed(verifyWindow(*this)) ||
      failed(verifyRank(*this, "the operand", getX(), 4)) ||
      failed(verifyRank(*this, "the result", getY(), 4)) ||
      failed(verifyRank(*this, "the list of indices", getIndices(), 4)) ||
      failed(verifyElement(*this, "the list of indices", getIndices(),
                           IntegerType::get(getContext(), 32))) ||
      failed(verifyElement(*this, "the result", getY(), getElement(getX()))));
}

SmallVector<Value> AvgPool2dOp::getReadBuffers() { return {getIn()}; }
SmallVector<Value> AvgPool2dOp::getWrittenBuffers() { return {getOut()}; }
StringRef AvgPool2dOp::getStepName() { return getName(); }

LogicalResult AvgPool2dOp::verify() {
  return failure(failed(verifyPair(*this, "kernel", getKernel(), 1)) ||
                 failed(verifyWindow(*this)) ||
                 failed(verifyRank(*this, "the operand", getIn(), 4)) ||
                 failed(verifyRank(*this, "the result", getOut(), 4)) ||
                 failed(verifyElement(*this, "the result", getOut(),
                                      getElement(getIn()))));
}

SmallVector<Value> MaxUnpool2dOp::getReadBuffers() {
  return {getIn(), getIndices()};
}
SmallVector<Value> MaxUnpool2dOp::getWrittenBuffers() { return {getOut()}; }
StringRef MaxUnpool2dOp::getStepName() { return getName(); }
LogicalResult MaxUnpool2dOp::verify() { return verifyPlane(*this); }

SmallVector<Value> PoolGather2dOp::getReadBuffers() {
  return {getIn(), getIndices()};
}
SmallVector<Value> PoolGather2dOp::getWrittenBuffers() { return {getOut()}; }
StringRef PoolGather2dOp::getStepName() { return getName(); }
LogicalResult PoolGather2dOp::verify() { return verifyPlane(*this); }

//===- scan ---------------------------------------------------------------===//

SmallVector<Value> ScanOp::getReadBuffers() {
  SmallVector<Value> buffers{getX()};
  if (getCoefficients())
    buffers.push_back(getCoefficients());
  return buffers;
}
SmallVector<Value> ScanOp::getWrittenBuffers() { return {getY()}; }
StringRef ScanOp::getStepName() { return getName(); }

LogicalResult ScanOp::verify() {
  RankedTensorType type = getTensor(getX());
  if (getAxis() >= static_cast<uint64_t>(type.getRank()))
    return emitOpError() << "axis " << static_cast<int64_t>(getAxis())
                         << " is not one of " << type.getRank();
  for (Value buffer : {getCoefficients(), getY()})
    if (buffer && getTensor(buffer) != type)
      return emitOpError() << "has buffers of " << type << " and "
                           << getTensor(buffer);
  Type element = type.getElementType();
  if (getCoefficients() && !isa<FloatType>(element))
    return emitOpError() << "has coefficients of type " << element;
  if (!isa<FloatType>(element) && !element.isSignlessInteger(32) &&
      !element.isSignlessInteger(64))
    return emitOpError() << "carries elements of type " << element;
  return success();
}

//===- Indexing and copies ------------------------------------------------===//

SmallVector<Value> GatherOp::getReadBuffers() {
  return {getIn(), getIndices()};
}
SmallVector<Value> GatherOp::getWrittenBuffers() { return {getOut()}; }
StringRef GatherOp::getStepName() { return getName(); }
LogicalResult GatherOp::verify() { return verifyGatherAxis(*this, getIn()); }

SmallVector<Value> ScatterAddOp::getReadBuffers() {
  return {getIn(), getIndices()};
}
SmallVector<Value> ScatterAddOp::getWrittenBuffers() { return {getOut()}; }
StringRef ScatterAddOp::getStepName() { return getName(); }
LogicalResult ScatterAddOp::verify() {
  return verifyGatherAxis(*this, getOut());
}

SmallVector<Value> CopyOp::getReadBuffers() { return {getX()}; }
SmallVector<Value> CopyOp::getWrittenBuffers() { return {getY()}; }
StringRef CopyOp::getStepName() { return getName(); }

LogicalResult CopyOp::verify() {
  constexpr int64_t kMaxRank = 8; // ASGC_MAX_RANK
  int64_t rank = getExtents().size();
  if (rank > kMaxRank)
    return emitOpError() << "has " << rank << " dims, more than " << kMaxRank;
  return failure(
      failed(verifyExtents(*this, "extents", getExtents())) ||
      failed(verifyExtents(*this, "strides of x", getXStrides(), rank)) ||
      failed(verifyExtents(*this, "strides of y", getYStrides(), rank)) ||
      failed(verifyExtents(*this, "offsets", getOffsets(), 2)) ||
      failed(verifyElement(*this, "y", getY(), getElement(getX()))));
}
