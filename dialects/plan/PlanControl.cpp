//===- PlanControl.cpp - Programs that other programs run -----------------===//
#include "dialects/plan/PlanSyntax.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::plan;

namespace {
Type getScalarBuffer(MLIRContext *context, unsigned bits) {
  return BufferType::get(
      context, RankedTensorType::get({}, IntegerType::get(context, bits)));
}

LogicalResult verifyScalar(Operation *op, StringRef what, Value buffer,
                           unsigned bits) {
  if (buffer && buffer.getType() != getScalarBuffer(op->getContext(), bits))
    return op->emitOpError()
           << what << " is no " << (bits == 1 ? "tensor<i1>" : "tensor<i64>");
  return success();
}

LogicalResult verifyWorkspace(Operation *op, Value workspace) {
  auto type = cast<BufferType>(workspace.getType()).getTensor();
  if (type.getRank() != 1 || !type.hasStaticShape() ||
      !type.getElementType().isSignlessInteger(8))
    return op->emitOpError()
           << "has a workspace of " << type << ", not of so many i8";
  return success();
}

LogicalResult verifyTypes(Operation *op, FlatSymbolRefAttr body, StringRef what,
                          TypeRange expected, TypeRange actual) {
  if (expected.size() != actual.size())
    return op->emitOpError()
           << "runs " << body << ", which has " << actual.size() << " " << what
           << "s, not " << expected.size();
  for (auto [index, pair] : llvm::enumerate(llvm::zip(expected, actual)))
    if (auto [want, have] = pair; want != have)
      return op->emitOpError() << "runs " << body << ", whose " << what << " "
                               << index << " is " << have << ", not " << want;
  return success();
}

/// Checks that `name` is a private program from `inputs` to `outputs` that
/// `workspace` has room for.
LogicalResult verifyBody(Operation *op, FlatSymbolRefAttr name,
                         TypeRange inputs, TypeRange outputs, Value workspace,
                         SymbolTableCollection &symbols) {
  auto body = symbols.lookupNearestSymbolFrom<ProgramOp>(op, name);
  auto caller = op->getParentOfType<ProgramOp>();
  if (!body || !body.isPrivate() || !caller ||
      body->getBlock() != caller->getBlock() || !body->isBeforeInBlock(caller))
    return op->emitOpError()
           << "runs " << name
           << ", which is no private program that stands before its own";
  for (NamedAttribute dim : body.getDims())
    if (body.getDimBound(dim.getName()) != caller.getDimBound(dim.getName()))
      return op->emitOpError()
             << "runs " << name << ", whose dim '" << dim.getName().getValue()
             << "' the program has not, or with another bound";
  int64_t room =
      cast<BufferType>(workspace.getType()).getTensor().getDimSize(0);
  if (static_cast<int64_t>(body.getArena().value_or(0)) > room)
    return op->emitOpError()
           << "runs " << name << ", whose arena of "
           << static_cast<int64_t>(*body.getArena())
           << " bytes is larger than the workspace of " << room;
  return failure(failed(verifyTypes(op, name, "input", inputs,
                                    body.getInputs().getTypes())) ||
                 failed(verifyTypes(op, name, "output", outputs,
                                    body.getOutputs().getTypes())));
}
} // namespace

//===- Loop ---------------------------------------------------------------===//

SmallVector<Value> LoopOp::getReadBuffers() {
  SmallVector<Value> buffers;
  for (Value optional : {getCount(), getCondition()})
    if (optional)
      buffers.push_back(optional);
  llvm::append_range(buffers, getInits());
  llvm::append_range(buffers, getInvariants());
  return buffers;
}

SmallVector<Value> LoopOp::getWrittenBuffers() {
  SmallVector<Value> buffers(getValues());
  llvm::append_range(buffers, getSpares());
  buffers.push_back(getWorkspace());
  return buffers;
}

StringRef LoopOp::getStepName() { return getName(); }

SmallVector<FlatSymbolRefAttr> LoopOp::getBodies() { return {getBodyAttr()}; }

LogicalResult LoopOp::verify() {
  if (failed(verifyScalar(*this, "the count", getCount(), 64)) ||
      failed(verifyScalar(*this, "the condition", getCondition(), 1)) ||
      failed(verifyWorkspace(*this, getWorkspace())))
    return failure();
  size_t numCarried = getInits().size();
  if (!getCount() && !getCondition() && getValues().size() == numCarried)
    return emitOpError("has no count and no condition");
  if (getValues().size() < numCarried ||
      getSpares().size() != getValues().size() ||
      getInits().getTypes() != getValues().take_front(numCarried).getTypes() ||
      getInits().getTypes() != getSpares().take_front(numCarried).getTypes())
    return emitOpError("has values of other types than those it starts with, "
                       "or than spares");
  for (auto [value, spare] : llvm::zip(getValues().drop_front(numCarried),
                                       getSpares().drop_front(numCarried))) {
    auto all = cast<BufferType>(value.getType()).getTensor();
    auto one = cast<BufferType>(spare.getType()).getTensor();
    if (all.getRank() == 0 || one.getShape() != all.getShape().drop_front() ||
        one.getElementType() != all.getElementType())
      return emitOpError() << "collects " << one << " in " << all;
  }
  bool collects = getValues().size() > numCarried;
  if (collects ? !getPlaces() || !readExtent(*getPlaces()) : bool(getPlaces()))
    return emitOpError(collects ? "does not say how many it collects"
                                : "has places, and collects nothing");
  return success();
}

LogicalResult LoopOp::verifySymbolUses(SymbolTableCollection &symbols) {
  SmallVector<Type> inputs{getScalarBuffer(getContext(), 64)};
  llvm::append_range(inputs, getInits().getTypes());
  llvm::append_range(inputs, getInvariants().getTypes());
  SmallVector<Type> outputs;
  if (getCondition())
    outputs.push_back(getCondition().getType());
  llvm::append_range(outputs, getSpares().getTypes());
  return verifyBody(*this, getBodyAttr(), inputs, outputs, getWorkspace(),
                    symbols);
}

//===- If -----------------------------------------------------------------===//

SmallVector<Value> IfOp::getReadBuffers() {
  SmallVector<Value> buffers{getCondition()};
  llvm::append_range(buffers, getInputs());
  return buffers;
}

SmallVector<Value> IfOp::getWrittenBuffers() {
  SmallVector<Value> buffers(getValues());
  buffers.push_back(getWorkspace());
  return buffers;
}

StringRef IfOp::getStepName() { return getName(); }

SmallVector<FlatSymbolRefAttr> IfOp::getBodies() {
  return {getThenBodyAttr(), getElseBodyAttr()};
}

LogicalResult IfOp::verify() {
  return failure(
      failed(verifyScalar(*this, "the condition", getCondition(), 1)) ||
      failed(verifyWorkspace(*this, getWorkspace())));
}

LogicalResult IfOp::verifySymbolUses(SymbolTableCollection &symbols) {
  for (FlatSymbolRefAttr body : getBodies())
    if (failed(verifyBody(*this, body, getInputs().getTypes(),
                          getValues().getTypes(), getWorkspace(), symbols)))
      return failure();
  return success();
}
