//===- PlanBody.cpp - What the values of a kernel's body depend on --------===//
#include "dialects/plan/PlanBody.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::plan;

LogicalResult BodyFacts::analyzeOp(Operation *op, int64_t spaceRank) {
  ValueFacts fact;
  for (Value operand : op->getOperands()) {
    const ValueFacts &used = of(operand);
    fact.varies.bits |= used.varies.bits;
    fact.dependsOnReduce |= used.dependsOnReduce;
    if (isa<BufferType>(operand.getType()) && !isa<LoadOp>(op))
      return op->emitOpError("uses a buffer; in a body only plan.load does");
  }
  if (auto index = dyn_cast<IndexOp>(op)) {
    int64_t dim = index.getDim();
    if (dim < 0 || dim >= spaceRank)
      return op->emitOpError()
             << "dim " << dim << " is not one of the space's " << spaceRank;
    fact.varies.insert(dim);
  }
  if (auto reduce = dyn_cast<ReduceOp>(op)) {
    if (reduce.getValue().getType().isSignlessInteger(1))
      return op->emitOpError("combines bools");
    if (reduce.getDims().empty())
      return op->emitOpError("is over no dim");
    int64_t last = -1;
    for (int64_t dim : reduce.getDims()) {
      if (dim <= last || dim >= spaceRank)
        return op->emitOpError()
               << "dims are not a rising list of the space's " << spaceRank;
      fact.varies.erase(dim);
      last = dim;
    }
    fact.dependsOnReduce = true;
    reduces.push_back(reduce);
  }
  for (Value result : op->getResults())
    facts[result] = fact;
  return success();
}

LogicalResult BodyFacts::analyze(Operation *step, Block &body,
                                 ArrayRef<ValueFacts> arguments,
                                 int64_t spaceRank) {
  if (body.empty() || !isa<YieldOp>(body.back()))
    return step->emitOpError("body does not end in plan.yield");
  for (auto [argument, fact] : llvm::zip(body.getArguments(), arguments))
    facts[argument] = fact;
  for (Operation &op : body) {
    Dialect *dialect = op.getDialect();
    bool isScalarOp =
        isa_and_nonnull<arith::ArithDialect, math::MathDialect>(dialect) ||
        isa<ReduceOp, IndexOp, ExtentOp, LoadOp>(op);
    if (op.getNumRegions() != 0 || op.getNumSuccessors() != 0 ||
        !(isScalarOp || (isa<YieldOp>(op) && &op == &body.back())))
      return op.emitOpError("may not stand in the body of a kernel");
    // Later ops use results only, so an operand that is not known yet would be
    // a use before its definition, which the dominance check reports better.
    for (Value operand : op.getOperands())
      if (!facts.contains(operand))
        return op.emitOpError("uses a value before it is defined");
    for (Type type : op.getResultTypes())
      if (!type.isIntOrIndexOrFloat())
        return op.emitOpError()
               << "computes with " << type << "; bodies are scalar";
    if (failed(analyzeOp(&op, spaceRank)))
      return failure();
  }
  return success();
}
