//===- Differentiate.cpp - Expands every asg.gradient into ops ------------===//
#include "asgc/InlineLayers.h"
#include "asgc/Passes.h"
#include "dialects/asg/Asg.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace asgc {
#define GEN_PASS_DEF_ASGDIFFERENTIATE
#include "asgc/Passes.h.inc"

namespace {

bool isFloat(Value value) {
  return isa<FloatType>(cast<RankedTensorType>(value.getType()).getElementType());
}

/// Gives every op that is built the locations of the op it is the gradient of and
/// of the asg.gradient itself, and collects it.
class GradientListener final : public OpBuilder::Listener {
public:
  explicit GradientListener(asg::GradientOp gradient) : gradient(gradient) {}

  void notifyOperationInserted(Operation *op, OpBuilder::InsertPoint) final {
    if (forward)
      op->setLoc(FusedLoc::get(op->getContext(),
                               {forward->getLoc(), gradient.getLoc()},
                               StringAttr::get(op->getContext(), "gradient")));
    built.push_back(op);
  }

  Operation *forward = nullptr;
  SmallVector<Operation *> built;

private:
  asg::GradientOp gradient;
};

/// Expands one asg.gradient whose loss depends on no other.
class Expansion {
public:
  explicit Expansion(asg::GradientOp gradient)
      : gradient(gradient), listener(gradient),
        builder(gradient, &listener) {}

  LogicalResult run();

private:
  void findActive();
  LogicalResult propagate(Operation *op);
  void accumulate(Value value, Value cotangent);
  InFlightDiagnostic explainPath(Operation *op);
  LogicalResult replaceResults();

  asg::GradientOp gradient;
  GradientListener listener;
  OpBuilder builder;
  /// Float values that depend on a `wrt`, each with the operand it was reached
  /// through (null for the `wrt` itself), for messages.
  DenseMap<Value, Value> active;
  DenseMap<Value, Value> cotangents;
};

/// The ops before the gradient, in order, and the values they carry forward.
void Expansion::findActive() {
  for (Value value : gradient.getWrt())
    active.try_emplace(value, Value());
  for (Operation &op : llvm::make_range(gradient->getBlock()->begin(),
                                        gradient->getIterator())) {
    auto through = llvm::find_if(
        op.getOperands(), [&](Value value) { return active.contains(value); });
    if (through == op.getOperands().end())
      continue;
    for (Value result : op.getResults())
      if (isFloat(result))
        active.try_emplace(result, *through);
  }
}

void Expansion::accumulate(Value value, Value cotangent) {
  Value &sum = cotangents[value];
  sum = sum ? asg::AddOp::create(builder, gradient.getLoc(), sum, cotangent)
            : cotangent;
}

InFlightDiagnostic Expansion::explainPath(Operation *op) {
  InFlightDiagnostic diag =
      op->emitError() << "op '" << op->getName()
                      << "' has no gradient rule, and lies between a value and "
                         "the loss that is differentiated with respect to it";
  diag.attachNote(gradient.getLoc()) << "the gradient is asked for here";
  Value value = op->getResult(0);
  for (Value result : op->getResults())
    if (active.contains(result))
      value = result;
  while (Value before = active.lookup(value))
    value = before;
  diag.attachNote(value.getLoc()) << "the value comes from here";
  return diag;
}

/// Turns the cotangents of the results of `op` into those of its operands.
LogicalResult Expansion::propagate(Operation *op) {
  if (llvm::none_of(op->getOperands(),
                    [&](Value value) { return active.contains(value); }))
    return success();
  SmallVector<Value> results;
  for (Value result : op->getResults())
    results.push_back(cotangents.lookup(result));
  if (llvm::none_of(results, [](Value value) { return bool(value); }))
    return success();
  auto rule = dyn_cast<asg::GradientInterface>(op);
  if (!rule)
    return explainPath(op);

  listener.forward = op;
  SmallVector<Value> operands = rule.buildGradient(builder, results);
  if (operands.size() != op->getNumOperands())
    return op->emitOpError("has a gradient rule that is broken: it gives ")
           << operands.size() << " cotangents for " << op->getNumOperands()
           << " operands";
  for (auto [operand, cotangent] : llvm::zip(op->getOperands(), operands)) {
    if (!cotangent || !active.contains(operand))
      continue;
    if (cotangent.getType() != operand.getType())
      return op->emitOpError("has a gradient rule that is broken: it gives ")
             << asg::describe(cotangent.getType()) << " for an operand "
             << asg::describe(operand.getType());
    accumulate(operand, cotangent);
  }
  return success();
}

LogicalResult Expansion::replaceResults() {
  SmallVector<Value> results;
  for (auto [index, value] : llvm::enumerate(gradient.getWrt())) {
    Value cotangent = cotangents.lookup(value);
    if (!cotangent)
      cotangent = asg::buildSplat(builder, gradient.getLoc(),
                                  cast<RankedTensorType>(value.getType()), 0);
    results.push_back(cotangent);
  }
  gradient->replaceAllUsesWith(results);
  return success();
}

/// The values of `wrt` that the loss depends on, through any ops.
DenseSet<Value> findUsed(asg::GradientOp gradient) {
  DenseSet<Value> seen;
  SmallVector<Value> work{gradient.getLoss()};
  while (!work.empty()) {
    Value value = work.pop_back_val();
    if (!seen.insert(value).second)
      continue;
    if (Operation *op = value.getDefiningOp())
      llvm::append_range(work, op->getOperands());
  }
  return seen;
}

/// Where the way from `value` to the loss leaves the floats for good: the first op
/// that depends on it, serves the loss, and gives no float. Null if floats lead all
/// the way.
Operation *findBreak(asg::GradientOp gradient, Value value,
                     const DenseSet<Value> &used) {
  DenseSet<Value> reached{value};
  Operation *first = nullptr;
  for (Operation &op : llvm::make_range(gradient->getBlock()->begin(),
                                        gradient->getIterator())) {
    if (llvm::none_of(op.getOperands(),
                      [&](Value operand) { return reached.contains(operand); }))
      continue;
    for (Value result : op.getResults()) {
      if (isFloat(result))
        reached.insert(result);
      else if (used.contains(result) && !first)
        first = &op;
    }
  }
  return reached.contains(gradient.getLoss()) ? nullptr : first;
}

LogicalResult checkUsed(asg::GradientOp gradient) {
  if (gradient.getAllowUnused())
    return success();
  DenseSet<Value> used = findUsed(gradient);
  for (Value value : gradient.getWrt())
    if (used.contains(value))
      if (Operation *op = findBreak(gradient, value, used)) {
        InFlightDiagnostic diag =
            op->emitError() << "op '" << op->getName()
                            << "' has no gradient, and every way from a value to "
                               "the loss that is differentiated with respect to "
                               "it leads through it";
        diag.attachNote(gradient.getLoc()) << "the gradient is asked for here";
        diag.attachNote(value.getLoc()) << "the value comes from here";
        return diag;
      }
  for (auto [index, value] : llvm::enumerate(gradient.getWrt()))
    if (!used.contains(value)) {
      InFlightDiagnostic diag = gradient.emitOpError()
                                << "value " << index
                                << " does not influence the loss, so its "
                                   "gradient would be zero everywhere";
      diag.attachNote(value.getLoc()) << "the value comes from here";
      diag.attachNote() << "say allow_unused if zero is meant";
      return diag;
    }
  return success();
}

LogicalResult Expansion::run() {
  if (failed(checkUsed(gradient)))
    return failure();
  findActive();
  Value loss = gradient.getLoss();
  if (active.contains(loss)) {
    cotangents[loss] = asg::buildSplat(
        builder, gradient.getLoc(), cast<RankedTensorType>(loss.getType()), 1);
    // Every op stands before its users, so that its results' cotangents are
    // complete when the walk backwards meets it.
    SmallVector<Operation *> ops;
    for (Operation &op : llvm::make_range(gradient->getBlock()->begin(),
                                          gradient->getIterator()))
      ops.push_back(&op);
    for (Operation *op : llvm::reverse(ops))
      if (llvm::any_of(op->getResults(),
                       [&](Value value) { return cotangents.contains(value); }) &&
          failed(propagate(op)))
        return failure();
  }
  listener.forward = nullptr;
  if (failed(replaceResults()))
    return failure();
  gradient.erase();
  // Rules build the cotangents of all operands; those of values that nobody
  // asked for are dead now.
  for (Operation *op : llvm::reverse(listener.built))
    if (isOpTriviallyDead(op))
      op->erase();
  return success();
}

/// Makes all reads of one variable one value, at the start of the graph.
void mergeReads(asg::GraphOp graph) {
  DenseMap<StringAttr, asg::ReadOp> first;
  Block &body = graph.getBody().front();
  for (auto read : llvm::make_early_inc_range(body.getOps<asg::ReadOp>())) {
    auto [entry, isNew] = first.try_emplace(
        read.getVariableAttr().getAttr(), read);
    if (isNew)
      continue;
    read->replaceAllUsesWith(entry->second);
    read.erase();
  }
}

struct DifferentiatePass final
    : impl::AsgDifferentiateBase<DifferentiatePass> {
  void runOnOperation() final {
    for (auto graph : getOperation().getOps<asg::GraphOp>())
      if (failed(expandAll(graph)))
        return signalPassFailure();
  }

private:
  LogicalResult expandAll(asg::GraphOp graph) {
    SmallVector<asg::GradientOp> gradients;
    auto collect = [&](asg::GradientOp op) { gradients.push_back(op); };
    graph.walk(collect);
    if (gradients.empty())
      return success();
    inlineLayers(graph);
    for (asg::FusionOp fusion : graph.getBody().front().getOps<asg::FusionOp>())
      return fusion.emitOpError() << "cannot be differentiated through; "
                                     "asg-differentiate runs before asg-fuse";
    mergeReads(graph);
    // In block order: what a loss depends on, other gradients included, stands
    // before it.
    gradients.clear();
    graph.walk(collect);
    for (asg::GradientOp gradient : gradients) {
      if (failed(Expansion(gradient).run()))
        return failure();
      ++expanded;
    }
    return success();
  }
};

} // namespace
} // namespace asgc
