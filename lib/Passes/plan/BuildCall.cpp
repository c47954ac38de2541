//===- BuildCall.cpp - Convolution, pooling and indexing as calls ---------===//
#include "ProgramBuilder.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace asgc::planner {

namespace {
StringRef getMnemonic(Operation *op) {
  return op->getName().getStringRef().split('.').second;
}
} // namespace

Value ProgramBuilder::getResultBuffer(Value result) {
  View place = getDestination(result);
  views[result] = place;
  return getTyped(place, getType(result));
}

LogicalResult ProgramBuilder::buildConv(Operation *op,
                                        const Epilogue &epilogue) {
  FailureOr<Value> in0 = getBuffer(op->getOperand(0));
  FailureOr<Value> in1 = getBuffer(op->getOperand(1));
  if (failed(in0) || failed(in1))
    return failure();
  Value bias;
  if (epilogue.bias) {
    FailureOr<View> view = getView(epilogue.bias);
    if (failed(view))
      return failure();
    RankedTensorType type = getType(epilogue.bias);
    bias = getTyped(*view, asg::withDims(type, asg::getNumElements(type)));
  }
  plan::ConvKind kind = isa<asg::Conv2dOp>(op) ? plan::ConvKind::forward
                        : isa<asg::Conv2dInputGradOp>(op)
                            ? plan::ConvKind::input_grad
                            : plan::ConvKind::weight_grad;
  Value out = getResultBuffer(epilogue.result);
  auto create = [&](auto conv) {
    plan::Conv2dOp::create(
        builder, epilogue.result.getLoc(),
        nameStep(op->getLoc(), getMnemonic(op)), kind, conv.getStrides(),
        conv.getPadLow(), conv.getPadHigh(), conv.getDilations(),
        conv.getGroups(), epilogue.activation, *in0, *in1, bias, out);
  };
  llvm::TypeSwitch<Operation *>(op)
      .Case<asg::Conv2dOp, asg::Conv2dInputGradOp, asg::Conv2dWeightGradOp>(
          create);
  return success();
}

FailureOr<SmallVector<Value>> ProgramBuilder::getBuffers(ValueRange values) {
  SmallVector<Value> buffers;
  for (Value value : values) {
    FailureOr<Value> buffer = getBuffer(value);
    if (failed(buffer))
      return failure();
    buffers.push_back(*buffer);
  }
  return buffers;
}

LogicalResult ProgramBuilder::buildPool(Operation *op) {
  FailureOr<SmallVector<Value>> buffers = getBuffers(op->getOperands());
  if (failed(buffers))
    return failure();
  SmallVector<Value> in = *buffers;
  SmallVector<Value> out;
  for (Value result : op->getResults())
    out.push_back(getResultBuffer(result));
  std::string name = nameStep(op->getLoc(), getMnemonic(op));
  Location loc = op->getLoc();
  constexpr int64_t kDense[] = {1, 1};
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](asg::MaxPool2dOp pool) {
        plan::MaxPool2dOp::create(builder, loc, name, pool.getKernel(),
                                  pool.getStrides(), pool.getPadLow(),
                                  pool.getPadHigh(), pool.getDilations(), in[0],
                                  out[0], out[1]);
      })
      .Case<asg::AvgPool2dOp, asg::AvgPool2dGradOp>([&](auto pool) {
        plan::AvgPool2dOp::create(
            builder, loc, name, isa<asg::AvgPool2dGradOp>(op), pool.getKernel(),
            pool.getStrides(), pool.getPadLow(), pool.getPadHigh(), kDense,
            pool.getCountIncludePad(), in[0], out[0]);
      })
      .Case([&](asg::MaxUnpool2dOp) {
        plan::MaxUnpool2dOp::create(builder, loc, name, in[0], in[1], out[0]);
      })
      .Case([&](asg::PoolGather2dOp) {
        plan::PoolGather2dOp::create(builder, loc, name, in[0], in[1], out[0]);
      });
  return success();
}

LogicalResult ProgramBuilder::buildIndexed(Operation *op) {
  FailureOr<Value> in = getBuffer(op->getOperand(0));
  FailureOr<Value> indices = getBuffer(op->getOperand(1));
  if (failed(in) || failed(indices))
    return failure();
  Value out = getResultBuffer(op->getResult(0));
  std::string name = nameStep(op->getLoc(), getMnemonic(op));
  if (auto gather = dyn_cast<asg::GatherOp>(op))
    plan::GatherOp::create(builder, op->getLoc(), name, gather.getAxis(),
                           gather.getBatchDims(), *in, *indices, out);
  else if (auto scatter = dyn_cast<asg::ScatterAddOp>(op))
    plan::ScatterAddOp::create(builder, op->getLoc(), name, scatter.getAxis(),
                               scatter.getBatchDims(), *in, *indices, out);
  return success();
}

LogicalResult ProgramBuilder::buildScan(Operation *op) {
  FailureOr<SmallVector<Value>> buffers = getBuffers(op->getOperands());
  if (failed(buffers))
    return failure();
  SmallVector<Value> in = *buffers;
  // Of a recurrence, the coefficients come first.
  Value x = in.back(), coefficients = in.size() > 1 ? in.front() : Value();
  Value y = getResultBuffer(op->getResult(0));
  std::string name = nameStep(op->getLoc(), getMnemonic(op));
  llvm::TypeSwitch<Operation *>(op).Case<asg::CumsumOp, asg::LinearScanOp>(
      [&](auto scan) {
        plan::ScanOp::create(builder, op->getLoc(), name, scan.getAxis(),
                             scan.getReverse(), x, coefficients, y);
      });
  return success();
}

LogicalResult ProgramBuilder::buildConcat(asg::ConcatOp concat) {
  View whole = getDestination(concat.getY());
  View part = whole;
  int64_t axis = concat.getAxis();
  for (Value x : concat.getXs()) {
    FailureOr<View> from = getView(x);
    if (failed(from))
      return failure();
    part.extents[axis] = asg::getDim(getType(x), axis);
    copy(*from, part, concat.getLoc(), "concat");
    part.offset = part.offset + part.extents[axis] * part.strides[axis];
  }
  views[concat.getY()] = whole;
  return success();
}

} // namespace asgc::planner
