//===- BuildContraction.cpp - A contraction and what follows it -----------===//
#include "ProgramBuilder.h"
#include "asgc/Fusion.h"

using namespace mlir;

namespace asgc::planner {

namespace {
/// The only op that uses `value`; null if there are several, or the value
/// leaves the fusion.
Operation *getOnlyUser(Value value) {
  if (!llvm::hasSingleElement(value.getUses()))
    return nullptr;
  Operation *user = *value.user_begin();
  return isa<asg::YieldOp>(user) ? nullptr : user;
}

/// The vector that a broadcast repeats along all axes but `axis`; null if
/// `value` is no such broadcast.
Value getRepeatedVector(Value value, int64_t axis) {
  auto broadcast = value.getDefiningOp<asg::BroadcastOp>();
  if (!broadcast)
    return {};
  RankedTensorType from = getType(broadcast.getX());
  for (auto [index, to] : llvm::enumerate(broadcast.getDims())) {
    bool isOne = asg::getDim(from, index) == DimExpr(1);
    if (to != axis && !isOne)
      return {};
    if (to == axis && isOne &&
        !(asg::getDim(getType(value), axis) == DimExpr(1)))
      return {};
  }
  if (!llvm::is_contained(broadcast.getDims(), axis))
    return {};
  return broadcast.getX();
}

/// The axis of a dot's result that a bias may run along: the only one of its
/// columns; -1 if it has none or several.
int64_t getBiasAxis(Operation *op) {
  auto dot = cast<asg::DotOp>(op);
  size_t columns = getType(dot.getRhs()).getRank() - dot.getRhsBatch().size() -
                   dot.getRhsContract().size();
  return columns == 1 ? getType(dot.getY()).getRank() - 1 : -1;
}

/// Takes bias, residual and activation behind a contraction into the call, as
/// far as each step is all that uses the one before.
Epilogue absorb(Value contraction, int64_t biasAxis, bool isDot,
                FindView findView) {
  Epilogue epilogue{contraction, {}, {}, plan::Activation::none};
  while (auto add =
             dyn_cast_or_null<asg::AddOp>(getOnlyUser(epilogue.result))) {
    Value other = add.getLhs() == epilogue.result ? add.getRhs() : add.getLhs();
    Value vector = getRepeatedVector(other, biasAxis);
    std::optional<View> place = findView(vector ? vector : other);
    if (!place || other == epilogue.result)
      break;
    if (vector && !epilogue.bias && place->coversBuffer())
      epilogue.bias = vector;
    else if (!vector && isDot && !epilogue.residual && place->coversBuffer())
      epilogue.residual = other;
    else
      break;
    epilogue.result = add.getY();
  }
  if (auto found = findActivation(epilogue.result)) {
    epilogue.activation = *plan::symbolizeActivation(found->name);
    epilogue.result = found->result;
  }
  if (isDot && !epilogue.bias && !epilogue.residual)
    if (asg::CastOp cast = findWidening(epilogue.result))
      epilogue.result = cast.getResult();
  return epilogue;
}
} // namespace

LogicalResult ProgramBuilder::buildContraction(asg::FusionOp fusion) {
  // What comes before the contraction, then the call, then the rest.
  Block &body = fusion.getBody().front();
  Operation *contraction = nullptr;
  SmallVector<Operation *> before, rest;
  for (Operation &op : body.without_terminator()) {
    if (isa<asg::DotOp, asg::Conv2dOp, asg::Conv2dInputGradOp,
            asg::Conv2dWeightGradOp>(op)) {
      if (contraction)
        return failure();
      contraction = &op;
    }
  }
  DenseSet<Operation *> needed; // looked up only
  SmallVector<Operation *> worklist{contraction};
  while (!worklist.empty())
    for (Value operand : worklist.pop_back_val()->getOperands())
      if (Operation *op = operand.getDefiningOp();
          op && op->getBlock() == &body && needed.insert(op).second)
        worklist.push_back(op);
  for (Operation &op : body.without_terminator())
    if (needed.contains(&op) && failed(buildOp(&op)))
      return failure();

  Value product = contraction->getResult(0);
  bool isDot = isa<asg::DotOp>(contraction);
  Epilogue epilogue{product, {}, {}, plan::Activation::none};
  if (isDot || isa<asg::Conv2dOp>(contraction))
    epilogue =
        absorb(product, isDot ? getBiasAxis(contraction) : 1, isDot, finder);
  LogicalResult built = isDot
                            ? buildDot(cast<asg::DotOp>(contraction), epilogue)
                            : buildConv(contraction, epilogue);
  if (failed(built))
    return failure();

  SmallVector<Value> values;
  for (Value value : body.getTerminator()->getOperands())
    if (!findView(value) && !llvm::is_contained(values, value))
      values.push_back(value);
  if (values.empty())
    return success();
  // The rest starts from what the call computed.
  DenseSet<Operation *> seen; // looked up only
  SmallVector<Value> roots(values);
  while (!roots.empty()) {
    Value value = roots.pop_back_val();
    Operation *op = value.getDefiningOp();
    if (findView(value) || !op || op->getBlock() != &body ||
        !seen.insert(op).second)
      continue;
    llvm::append_range(roots, op->getOperands());
  }
  for (Operation &op : body)
    if (seen.contains(&op))
      rest.push_back(&op);
  return buildKernels(rest, values, fusion.getLoc(), "epilogue");
}

} // namespace asgc::planner
