//===- InferShapes.cpp - Recomputes types, replaces run-time dims ---------===//
#include "asgc/Passes.h"
#include "dialects/asg/Asg.h"

#include "mlir/IR/AttrTypeSubElements.h"

#include <map>

using namespace mlir;

namespace asgc {
#define GEN_PASS_DEF_ASGINFERSHAPES
#include "asgc/Passes.h.inc"

namespace {

using DimValues = std::map<std::string, int64_t, std::less<>>;

/// `expr` with the known symbols replaced.
DimExpr substitute(const DimExpr &expr, const DimValues &values) {
  return expr.evaluateWith<DimExpr>(
      [](int64_t value) { return DimExpr(value); },
      [&](std::string_view name) {
        auto found = values.find(name);
        return found == values.end() ? DimExpr::symbol(name)
                                     : DimExpr(found->second);
      },
      [](DimExpr a, DimExpr b) { return a + b; },
      [](DimExpr a, DimExpr b) { return a * b; },
      [](DimExpr a, int64_t divisor) { return a.floorDiv(divisor); });
}

/// Reads `batch=64` into `values`.
LogicalResult readDim(StringRef text, Operation *where, DimValues &values) {
  auto [name, number] = text.split('=');
  int64_t value;
  if (name.empty() || number.getAsInteger(10, value))
    return where->emitError()
           << "option dims: expected NAME=NUMBER, found '" << text << "'";
  if (value < 1)
    return where->emitError() << "option dims: '" << name << "' is " << value
                              << ", but an extent is at least 1";
  if (!values.emplace(name.str(), value).second)
    return where->emitError() << "option dims: '" << name << "' stands twice";
  return success();
}

struct InferShapesPass final : impl::AsgInferShapesBase<InferShapesPass> {
  using AsgInferShapesBase::AsgInferShapesBase;

  void runOnOperation() final {
    DimValues values;
    for (StringRef text : dims)
      if (failed(readDim(text, getOperation(), values)))
        return signalPassFailure();
    if (!values.empty() && failed(replaceDims(values)))
      return signalPassFailure();
    for (auto graph : getOperation().getOps<asg::GraphOp>())
      if (failed(inferTypes(graph)))
        return signalPassFailure();
  }

private:
  LogicalResult replaceDims(const DimValues &values);
  LogicalResult checkDims(const DimValues &values);
  LogicalResult inferTypes(asg::GraphOp graph);
  LogicalResult inferOp(Operation *op);
  void setType(Value value, Type type);
};

/// Each dim must be one of some graph, and within the bound of all graphs.
LogicalResult InferShapesPass::checkDims(const DimValues &values) {
  std::map<std::string, bool, std::less<>> known;
  for (auto graph : getOperation().getOps<asg::GraphOp>())
    for (NamedAttribute dim : graph.getDims()) {
      known[dim.getName().str()] = true;
      auto found = values.find(dim.getName().getValue());
      int64_t bound = cast<IntegerAttr>(dim.getValue()).getInt();
      if (found != values.end() && found->second > bound)
        return graph.emitOpError()
               << "dim '" << found->first << "' is at most " << bound
               << ", but option dims says " << found->second;
    }
  for (const auto &[name, value] : values)
    if (!known.count(name)) {
      InFlightDiagnostic diag = getOperation().emitError()
                                << "option dims: no graph has a run-time dim '"
                                << name << "'";
      for (const auto &[other, unused] : known)
        diag.attachNote() << "there is '" << other << "'";
      return diag;
    }
  return success();
}

LogicalResult InferShapesPass::replaceDims(const DimValues &values) {
  if (failed(checkDims(values)))
    return failure();
  AttrTypeReplacer replacer;
  replacer.addReplacement([&](RankedTensorType type) -> std::optional<Type> {
    if (!isa_and_nonnull<asg::DimsAttr>(type.getEncoding()))
      return std::nullopt;
    SmallVector<DimExpr> dims;
    for (const DimExpr &dim : asg::getDims(type))
      dims.push_back(substitute(dim, values));
    return asg::withDims(type, dims);
  });
  for (auto graph : getOperation().getOps<asg::GraphOp>()) {
    graph.walk([&](asg::DimOp op) {
      if (auto expr = DimExpr::parse(op.getExtent()))
        op.setExtent(substitute(*expr, values).str());
    });
    replacer.recursivelyReplaceElementsIn(graph, /*replaceAttrs=*/true,
                                          /*replaceLocs=*/false,
                                          /*replaceTypes=*/true);
    SmallVector<NamedAttribute> kept;
    for (NamedAttribute dim : graph.getDims())
      if (!values.count(dim.getName().str()))
        kept.push_back(dim);
    graph.setDimsAttr(DictionaryAttr::get(&getContext(), kept));
  }
  return success();
}

void InferShapesPass::setType(Value value, Type type) {
  if (value.getType() == type)
    return;
  value.setType(type);
  ++retyped;
}

LogicalResult InferShapesPass::inferOp(Operation *op) {
  if (isa<asg::LayerOp, asg::FusionOp>(op)) {
    auto yield = cast<asg::YieldOp>(op->getRegion(0).front().getTerminator());
    for (auto [result, value] : llvm::zip(op->getResults(), yield.getValues()))
      setType(result, value.getType());
    return success();
  }
  if (op->hasTrait<OpTrait::SameOperandsAndResultType>()) {
    setType(op->getResult(0), op->getOperand(0).getType());
    return success();
  }
  auto inferable = dyn_cast<InferTypeOpInterface>(op);
  if (!inferable)
    return success(); // the result type is an argument of the op
  SmallVector<Type> types;
  if (failed(inferable.inferReturnTypes(
          &getContext(), op->getLoc(), op->getOperands(),
          op->getAttrDictionary(), op->getPropertiesStorage(), op->getRegions(),
          types)))
    return op->emitOpError() << "has operands of which no result type follows";
  for (auto [result, type] : llvm::zip(op->getResults(), types))
    setType(result, type);
  return success();
}

LogicalResult InferShapesPass::inferTypes(asg::GraphOp graph) {
  WalkResult walked = graph.getBody().walk([&](Operation *op) {
    return failed(inferOp(op)) ? WalkResult::interrupt()
                               : WalkResult::advance();
  });
  if (walked.wasInterrupted())
    return failure();
  // The signature follows the values that are returned.
  auto terminator = cast<asg::ReturnOp>(graph.getBody().front().getTerminator());
  graph.setFunctionType(FunctionType::get(
      &getContext(), graph.getBody().front().getArgumentTypes(),
      terminator.getOperandTypes()));
  return success();
}

} // namespace
} // namespace asgc
