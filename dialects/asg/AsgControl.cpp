//===- AsgControl.cpp - What is decided while a program runs --------------===//
#include "dialects/asg/AsgChecks.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::asg;

namespace {
LogicalResult checkScalar(Fault fault, StringRef what, Value value,
                          unsigned bits) {
  RankedTensorType type = tensorType(value);
  if (type.getRank() != 0 || !type.getElementType().isInteger(bits))
    return fault("needs one ", bits == 1 ? "bool" : "i64", " as ", what,
                 ", not ", describe(type));
  return success();
}

LogicalResult checkTypes(Fault fault, StringRef body, StringRef what,
                         TypeRange expected, TypeRange actual) {
  if (expected.size() != actual.size())
    return fault("calls @", body, ", which has ", actual.size(), " ", what,
                 "s, not ", expected.size());
  for (auto [index, pair] : llvm::enumerate(llvm::zip(expected, actual)))
    if (auto [want, have] = pair; want != have)
      return fault("calls @", body, ", whose ", what, " ", index, " is ",
                   describe(have), ", not ", describe(want));
  return success();
}

/// The symbols of a graph are those of the graph that calls it: it runs with
/// the same extents.
LogicalResult checkDims(Fault fault, GraphOp body, GraphOp caller) {
  for (NamedAttribute dim : body.getDims()) {
    StringRef name = dim.getName();
    if (body.getDimBound(name) != caller.getDimBound(name))
      return fault("calls @", body.getSymName(), ", whose dim '", name,
                   "' the graph has not, or with another bound");
  }
  return success();
}

/// What a graph calls, and what these call.
class Callees {
public:
  Callees(const DenseSet<StringAttr> &assigned, SymbolTableCollection &symbols)
      : assigned(assigned), symbols(symbols) {}

  /// Looks at `body`, below which `room` levels may lie.
  void visit(GraphOp body, int room) {
    isDeep |= room == 0;
    if (!body || isDeep || read)
      return;
    auto [known, isNew] = rooms.try_emplace(body, room);
    if (!isNew && known->second <= room)
      return;
    known->second = room;
    body.getBody().walk([&](Operation *op) {
      auto call = [&](FlatSymbolRefAttr name) {
        visit(symbols.lookupNearestSymbolFrom<GraphOp>(op, name), room - 1);
      };
      if (auto readOp = dyn_cast<ReadOp>(op)) {
        if (assigned.contains(readOp.getVariableAttr().getAttr()))
          read = readOp.getVariableAttr().getAttr();
      } else if (auto loop = dyn_cast<LoopOp>(op)) {
        call(loop.getBodyAttr());
      } else if (auto choice = dyn_cast<IfOp>(op)) {
        call(choice.getThenBodyAttr());
        call(choice.getElseBodyAttr());
      }
      return isDeep || read ? WalkResult::interrupt() : WalkResult::advance();
    });
  }

  StringAttr read;     ///< the first variable of `assigned` that one reads
  bool isDeep = false; ///< whether there was no room for one

private:
  const DenseSet<StringAttr> &assigned;
  SymbolTableCollection &symbols;
  DenseMap<Operation *, int> rooms; // the least that each was visited with
};

/// A body sees variables as they were when the graph began; what the graph
/// assigns may be written earlier than that. Calls are nested so deep at most
/// that they may be followed by recursion, when they run as well.
LogicalResult checkCallees(Fault fault, GraphOp body, GraphOp caller,
                           SymbolTableCollection &symbols) {
  constexpr int kMaxDepth = 64;
  DenseSet<StringAttr> assigned;
  caller.getBody().walk([&](AssignOp assign) {
    assigned.insert(assign.getVariableAttr().getAttr());
  });
  Callees callees(assigned, symbols);
  callees.visit(body, kMaxDepth);
  if (callees.isDeep)
    return fault("calls @", body.getSymName(),
                 ", below which graphs call each other more than ", kMaxDepth,
                 " deep");
  if (callees.read)
    return fault("calls @", body.getSymName(), ", which reads @",
                 callees.read.getValue(), ", which the graph assigns");
  return success();
}

/// Checks that `name` is a private graph from `inputs` to `outputs`.
LogicalResult checkBody(Operation *op, FlatSymbolRefAttr name, TypeRange inputs,
                        TypeRange outputs, SymbolTableCollection &symbols) {
  Fault fault(op);
  StringRef text = name.getValue();
  auto body = symbols.lookupNearestSymbolFrom<GraphOp>(op, name);
  if (!body)
    return fault("calls @", text, ", which is no graph");
  auto caller = op->getParentOfType<GraphOp>();
  if (!body.isPrivate())
    return fault("calls @", text, ", which is no private graph");
  if (!caller || body->getBlock() != caller->getBlock() ||
      !body->isBeforeInBlock(caller))
    return fault("calls @", text, ", which does not stand before the graph");
  return failure(failed(checkTypes(fault, text, "input", inputs,
                                   body.getArgumentTypes())) ||
                 failed(checkTypes(fault, text, "output", outputs,
                                   body.getResultTypes())) ||
                 failed(checkDims(fault, body, caller)) ||
                 failed(checkCallees(fault, body, caller, symbols)));
}
} // namespace

//===- Loop ---------------------------------------------------------------===//

LogicalResult LoopOp::verify() {
  Fault fault(*this);
  if (!getCount() && !getCondition() && getCollected().empty())
    return fault("has no count and no condition, and would never end");
  if ((getCount() && failed(checkScalar(fault, "its count", getCount(), 64))) ||
      (getCondition() &&
       failed(checkScalar(fault, "its condition", getCondition(), 1))))
    return failure();
  size_t numCarried = getInits().size();
  if (getValues().size() < numCarried ||
      getInits().getTypes() != getCarried().getTypes())
    return fault("gives values of other types than those it starts with");
  for (auto [index, value] : llvm::enumerate(getCollected())) {
    RankedTensorType type = tensorType(value);
    if (type.getRank() == 0)
      return fault("collects ", describe(type),
                   ", which has no axis for its steps");
    if (DimExpr places = getDim(type, 0); places != *getPlaces())
      return fault("collects ", describe(type), " beside ",
                   describe(getCollected().front().getType()),
                   ", which has another extent for the steps");
  }
  return success();
}

std::optional<DimExpr> LoopOp::getPlaces() {
  if (getCollected().empty())
    return std::nullopt;
  return getDim(tensorType(getCollected().front()), 0);
}

RankedTensorType LoopOp::getStepType(size_t index) {
  RankedTensorType type = tensorType(getValues()[index]);
  if (index < getInits().size())
    return type;
  auto dims = getDims(type);
  return getTensorType(getContext(), ArrayRef(dims).drop_front(),
                       type.getElementType());
}

LogicalResult LoopOp::verifySymbolUses(SymbolTableCollection &symbols) {
  Builder builder(getContext());
  SmallVector<Type> inputs{RankedTensorType::get({}, builder.getI64Type())};
  llvm::append_range(inputs, getInits().getTypes());
  llvm::append_range(inputs, getInvariants().getTypes());
  SmallVector<Type> outputs;
  if (getCondition())
    outputs.push_back(getCondition().getType());
  for (size_t i = 0; i < getValues().size(); ++i)
    outputs.push_back(getStepType(i));
  return checkBody(*this, getBodyAttr(), inputs, outputs, symbols);
}

//===- If -----------------------------------------------------------------===//

LogicalResult IfOp::verify() {
  return checkScalar(Fault(*this), "its condition", getCondition(), 1);
}

LogicalResult IfOp::verifySymbolUses(SymbolTableCollection &symbols) {
  for (FlatSymbolRefAttr body : {getThenBodyAttr(), getElseBodyAttr()})
    if (failed(checkBody(*this, body, getInputs().getTypes(),
                         getValues().getTypes(), symbols)))
      return failure();
  return success();
}
