//===- FusionContraction.cpp - What a matrix product takes in -------------===//
#include "asgc/Fusion.h"
#include "Matchers.h"

using namespace mlir;

namespace asgc {
namespace {

/// The only op that uses `value`, once or several times; else null.
Operation *getOnlyUser(Value value) {
  Operation *user = nullptr;
  for (Operation *other : value.getUsers()) {
    if (user && user != other)
      return nullptr;
    user = other;
  }
  return user;
}

//===- Sums ---------------------------------------------------------------===//

/// x + other, where x is needed for nothing else: the sum and `other`.
std::pair<asg::AddOp, Value> matchSum(Value x) {
  auto add = dyn_cast_or_null<asg::AddOp>(getOnlyUser(x));
  if (!add || add.getLhs() == add.getRhs())
    return {};
  return {add, add.getLhs() == x ? add.getRhs() : add.getLhs()};
}

/// The vector that `value` repeats along all axes but that of the bias.
Value matchBias(Operation *root, Value value) {
  auto broadcast = value.getDefiningOp<asg::BroadcastOp>();
  if (!broadcast || broadcast.getDims().size() != 1 || getSplat(value))
    return {};
  auto type = getTensorType(value);
  int64_t axis = isa<asg::DotOp>(root) ? type.getRank() - 1 : 1;
  bool repeatsUnit = getTensorType(broadcast.getX()).getDimSize(0) == 1 &&
                     type.getDimSize(axis) != 1;
  return broadcast.getDims()[0] == axis && !repeatsUnit ? broadcast.getX()
                                                        : Value();
}

/// Whether the last axis of a dot's result is one free axis of rhs, along which the
/// library adds a bias.
bool takesBias(Operation *root) {
  auto dot = dyn_cast<asg::DotOp>(root);
  if (!dot)
    return true;
  return getTensorType(dot.getRhs()).getRank() ==
         static_cast<int64_t>(dot.getRhsBatch().size() +
                              dot.getRhsContract().size() + 1);
}

} // namespace

asg::CastOp findWidening(Value product) {
  auto cast = dyn_cast_or_null<asg::CastOp>(getOnlyUser(product));
  if (!cast || !cast.getType().getElementType().isF32())
    return {};
  Type element = getTensorType(product).getElementType();
  return element.isF16() || element.isBF16() ? cast : asg::CastOp();
}

ContractionFusion growContraction(Operation *root, bool widens) {
  ContractionFusion fusion;
  fusion.op = root;
  fusion.result = root->getResult(0);
  if (!isFloat(fusion.result) || getTensorType(fusion.result).getElementType().isF64())
    return fusion;
  for (int terms = 0; terms < 2; ++terms) {
    auto [add, other] = matchSum(fusion.result);
    if (!add)
      break;
    Value bias = fusion.bias || !takesBias(root) ? Value() : matchBias(root, other);
    if (bias)
      fusion.bias = bias;
    else if (isa<asg::DotOp>(root) && !fusion.residual && !getSplat(other) &&
             !other.getDefiningOp<asg::BroadcastOp>())
      fusion.residual = other;
    else
      break;
    fusion.result = add;
  }
  if (std::optional<FoundActivation> found = findActivation(fusion.result)) {
    fusion.activation = found->name;
    fusion.result = found->result;
  }
  if (widens && isa<asg::DotOp>(root) && !fusion.bias && !fusion.residual)
    if (asg::CastOp cast = findWidening(fusion.result))
      fusion.result = cast.getResult();
  return fusion;
}

FailureOr<ContractionFusion> analyzeContraction(asg::FusionOp fusion) {
  Block &body = fusion.getBody().front();
  auto yield = cast<asg::YieldOp>(body.getTerminator());
  Operation *root = nullptr;
  for (Operation &op : body) {
    if (!isa<asg::DotOp, asg::Conv2dOp>(op))
      continue;
    if (root)
      return op.emitOpError("is the second contraction of its fusion");
    root = &op;
  }
  if (!root)
    return fusion.emitOpError("of kind contraction has no dot or conv2d");
  bool widens =
      isa_and_nonnull<asg::CastOp>(yield.getValues()[0].getDefiningOp());
  ContractionFusion found = growContraction(root, widens);
  if (yield.getNumOperands() != 1 || found.result != yield.getValues()[0])
    return fusion.emitOpError("does more than bias, residual and activation");
  return found;
}

} // namespace asgc
