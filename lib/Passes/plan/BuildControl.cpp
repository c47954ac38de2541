//===- BuildControl.cpp - Loops and branches as steps ---------------------===//
#include "ProgramBuilder.h"

using namespace mlir;

namespace asgc::planner {

/// Room for the arena of another program, which is not known yet.
Value ProgramBuilder::allocateWorkspace(Location loc) {
  return allocate(RankedTensorType::get({0}, builder.getI8Type()), loc).buffer;
}

LogicalResult ProgramBuilder::buildLoop(asg::LoopOp loop) {
  Location loc = loop.getLoc();
  auto bufferOf = [&](Value value) -> FailureOr<Value> {
    return value ? getBuffer(value) : Value();
  };
  FailureOr<Value> count = bufferOf(loop.getCount());
  FailureOr<Value> condition = bufferOf(loop.getCondition());
  FailureOr<SmallVector<Value>> inits = getBuffers(loop.getInits());
  FailureOr<SmallVector<Value>> invariants = getBuffers(loop.getInvariants());
  if (failed(count) || failed(condition) || failed(inits) || failed(invariants))
    return failure();
  SmallVector<Value> values, spares;
  for (auto [index, value] : llvm::enumerate(loop.getValues())) {
    values.push_back(getResultBuffer(value));
    spares.push_back(allocate(loop.getStepType(index), loc).buffer);
  }
  Attribute places;
  if (auto extent = loop.getPlaces())
    places = plan::getExtentAttr(builder.getContext(), *extent);
  plan::LoopOp::create(builder, loc, nameStep(loc, "loop"), loop.getBody(),
                       *count, *condition, *inits, *invariants, values, spares,
                       allocateWorkspace(loc), places);
  return success();
}

LogicalResult ProgramBuilder::buildIf(asg::IfOp choice) {
  Location loc = choice.getLoc();
  FailureOr<Value> condition = getBuffer(choice.getCondition());
  FailureOr<SmallVector<Value>> inputs = getBuffers(choice.getInputs());
  if (failed(condition) || failed(inputs))
    return failure();
  SmallVector<Value> values;
  for (Value value : choice.getValues())
    values.push_back(getResultBuffer(value));
  plan::IfOp::create(builder, loc, nameStep(loc, "if"), choice.getThenBody(),
                     choice.getElseBody(), *condition, *inputs, values,
                     allocateWorkspace(loc));
  return success();
}

} // namespace asgc::planner
