//===- Fusion.cpp - The iteration space of a fusion and its index maps ----===//
#include "asgc/Fusion.h"
#include "Matchers.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace asgc {

//===- Maps ---------------------------------------------------------------===//

AffineExpr ExtentSymbols::get(MLIRContext *context, const DimExpr &extent) {
  if (auto constant = extent.asConstant())
    return getAffineConstantExpr(*constant, context);
  auto found = llvm::find(extents, extent);
  size_t index = found - extents.begin();
  if (found == extents.end())
    extents.push_back(extent);
  return getAffineSymbolExpr(index, context);
}

IndexMap getIdentityMap(MLIRContext *context, size_t rank) {
  IndexMap map;
  for (size_t axis = 0; axis < rank; ++axis)
    map.push_back(getAffineDimExpr(axis, context));
  return map;
}

IndexMap compose(const IndexMap &map, const IndexMap &coordinates) {
  IndexMap result;
  for (AffineExpr expr : map)
    result.push_back(expr.replaceDims(coordinates));
  return result;
}

namespace {

IndexMap mapThroughBroadcast(asg::BroadcastOp op, const IndexMap &result) {
  IndexMap map;
  for (auto [axis, dim] : llvm::enumerate(op.getDims())) {
    bool repeats = getTensorType(op.getX()).getDimSize(axis) == 1;
    map.push_back(repeats ? getAffineConstantExpr(0, op.getContext())
                          : result[dim]);
  }
  return map;
}

IndexMap mapThroughTranspose(asg::TransposeOp op, const IndexMap &result) {
  IndexMap map(result.size());
  for (auto [axis, from] : llvm::enumerate(op.getPerm()))
    map[from] = result[axis];
  return map;
}

IndexMap mapThroughSlice(asg::SliceOp op, const IndexMap &result,
                         ExtentSymbols &symbols) {
  IndexMap map;
  for (auto [axis, coordinate] : llvm::enumerate(result)) {
    int64_t start = op.getStarts()[axis];
    AffineExpr first = getAffineConstantExpr(start, op.getContext());
    if (start < 0)
      first = symbols.get(op.getContext(),
                          asg::getDim(getTensorType(op.getX()), axis) +
                              DimExpr(start));
    map.push_back(first + coordinate * op.getStrides()[axis]);
  }
  return map;
}

IndexMap mapThroughPad(asg::PadOp op, const IndexMap &result) {
  IndexMap map;
  for (auto [axis, coordinate] : llvm::enumerate(result))
    map.push_back((coordinate - op.getLow()[axis])
                      .floorDiv(op.getInterior()[axis] + 1));
  return map;
}

std::optional<IndexMap> mapThroughReshape(asg::ReshapeOp op,
                                          const IndexMap &result) {
  auto from = getTensorType(op.getX());
  auto axes = matchUnitReshape(from, op.getType());
  if (!axes)
    return std::nullopt;
  IndexMap map(from.getRank(), getAffineConstantExpr(0, op.getContext()));
  for (auto [axis, source] : llvm::enumerate(*axes))
    if (source >= 0)
      map[source] = result[axis];
  return map;
}

} // namespace

std::optional<IndexMap> mapToOperand(OpOperand &operand, const IndexMap &result,
                                     ExtentSymbols &symbols) {
  Operation *op = operand.getOwner();
  using Answer = std::optional<IndexMap>;
  return llvm::TypeSwitch<Operation *, Answer>(op)
      .Case([&](asg::BroadcastOp op) {
        return mapThroughBroadcast(op, result);
      })
      .Case([&](asg::TransposeOp op) {
        return mapThroughTranspose(op, result);
      })
      .Case([&](asg::SliceOp op) {
        return mapThroughSlice(op, result, symbols);
      })
      .Case([&](asg::PadOp op) { return mapThroughPad(op, result); })
      .Case([&](asg::ReshapeOp op) { return mapThroughReshape(op, result); })
      .Case([&](asg::GatherOp op) -> Answer {
        if (operand.getOperandNumber() == 0)
          return std::nullopt;
        return IndexMap(ArrayRef(result).take_front(op.getBatchDims()));
      })
      .Default([&](Operation *op) -> Answer {
        return isElementwise(op) ? Answer(result) : std::nullopt;
      });
}

//===- Analysis -----------------------------------------------------------===//

namespace {

/// Finds the maps of one segment: from the values whose map is known, along the ops,
/// both ways.
class SegmentAnalysis {
public:
  SegmentAnalysis(FusionSegment &segment, ExtentSymbols &symbols)
      : segment(segment), symbols(symbols),
        context(segment.ops.front()->getContext()) {}

  LogicalResult run();

private:
  LogicalResult findSpace();
  LogicalResult assign(Value value, const IndexMap &map);
  LogicalResult propagate();
  LogicalResult forward(Operation *op);
  LogicalResult backward(Operation *op);
  LogicalResult anchor(Value value);
  bool isInside(Value value) const { return inside.contains(value); }

  FusionSegment &segment;
  ExtentSymbols &symbols;
  MLIRContext *context;
  DenseSet<Value> inside;
  IndexMap identity, kept;
  bool changed = false;
};

/// The space is the shape that reductions run over; without reductions, that of the
/// largest result.
LogicalResult SegmentAnalysis::findSpace() {
  Operation *model = nullptr;
  for (Operation *op : segment.ops) {
    auto axes = getReducedAxes(op);
    if (!axes)
      continue;
    SmallVector<DimExpr> space = asg::getDims(getTensorType(op->getOperand(0)));
    if (!model) {
      model = op;
      segment.space = space;
      segment.reduced.assign(axes->begin(), axes->end());
    } else if (space != segment.space ||
               ArrayRef<int64_t>(segment.reduced) != *axes) {
      InFlightDiagnostic diag = op->emitOpError(
          "reduces another shape or other axes than its fusion");
      diag.attachNote(model->getLoc()) << "the fusion reduces here, too";
      return diag;
    }
  }
  if (!model) {
    size_t rank = 0;
    for (Value value : segment.results)
      if (auto dims = asg::getDims(getTensorType(value));
          dims.size() >= rank && (segment.space.empty() || dims.size() > rank)) {
        rank = dims.size();
        segment.space = dims;
      }
  }
  // A dim of extent 1 has one coordinate, so that reshapes that drop it are inverted.
  identity = getIdentityMap(context, segment.space.size());
  for (auto [expr, extent] : llvm::zip(identity, segment.space))
    if (extent == DimExpr(1))
      expr = getAffineConstantExpr(0, context);
  for (int64_t dim : getOtherAxes(segment.space.size(), segment.reduced))
    kept.push_back(identity[dim]);
  return success();
}

LogicalResult SegmentAnalysis::assign(Value value, const IndexMap &map) {
  if (!isInside(value))
    return success(); // captured: each reader has its own map
  auto [entry, isNew] = segment.maps.try_emplace(value, map);
  if (isNew) {
    changed = true;
    return success();
  }
  if (entry->second == map)
    return success();
  return value.getDefiningOp()->emitOpError(
      "is read at two different index maps in its fusion");
}

LogicalResult SegmentAnalysis::backward(Operation *op) {
  if (getReducedAxes(op))
    return assign(op->getOperand(0), identity);
  auto found = segment.maps.find(op->getResult(0));
  if (found == segment.maps.end())
    return success();
  IndexMap result = found->second;
  for (OpOperand &operand : op->getOpOperands())
    if (auto map = mapToOperand(operand, result, symbols))
      if (failed(assign(operand.get(), *map)))
        return failure();
  return success();
}

/// The result's map where the operand's determines it.
LogicalResult SegmentAnalysis::forward(Operation *op) {
  if (getReducedAxes(op))
    return assign(op->getResult(0), kept);
  for (Value operand : op->getOperands()) {
    auto found = segment.maps.find(operand);
    if (found == segment.maps.end())
      continue;
    IndexMap source = found->second;
    if (isElementwise(op))
      return assign(op->getResult(0), source);
    if (auto transpose = dyn_cast<asg::TransposeOp>(op)) {
      IndexMap map;
      for (int64_t axis : transpose.getPerm())
        map.push_back(source[axis]);
      return assign(op->getResult(0), map);
    }
    if (auto reshape = dyn_cast<asg::ReshapeOp>(op)) {
      auto axes =
          matchUnitReshape(getTensorType(reshape.getX()), reshape.getType());
      if (!axes)
        continue;
      IndexMap map;
      for (int64_t axis : *axes)
        map.push_back(axis < 0 ? getAffineConstantExpr(0, context)
                               : source[axis]);
      return assign(op->getResult(0), map);
    }
  }
  return success();
}

LogicalResult SegmentAnalysis::propagate() {
  do {
    changed = false;
    for (Operation *op : segment.ops)
      if (failed(forward(op)))
        return failure();
    for (Operation *op : llvm::reverse(segment.ops))
      if (failed(backward(op)))
        return failure();
  } while (changed);
  return success();
}

/// Gives a result that nothing else determines the map its shape suggests.
LogicalResult SegmentAnalysis::anchor(Value value) {
  if (!isInside(value) || segment.maps.contains(value))
    return success();
  SmallVector<DimExpr> dims = asg::getDims(getTensorType(value));
  SmallVector<DimExpr> rows;
  for (int64_t dim : getOtherAxes(segment.space.size(), segment.reduced))
    rows.push_back(segment.space[dim]);
  if (dims == segment.space)
    return failed(assign(value, identity)) ? failure() : propagate();
  if (!segment.reduced.empty() && dims == rows)
    return failed(assign(value, kept)) ? failure() : propagate();
  auto isOne = [](const DimExpr &dim) { return dim == DimExpr(1); };
  if (llvm::all_of(dims, isOne) && llvm::all_of(segment.space, isOne)) {
    IndexMap origin(dims.size(),
                    mlir::getAffineConstantExpr(0, value.getContext()));
    return failed(assign(value, origin)) ? failure() : propagate();
  }
  return success(); // what it shares ops with may give it one
}

LogicalResult SegmentAnalysis::run() {
  for (Operation *op : segment.ops) {
    if (op->getNumResults() != 1 || op->getNumRegions() != 0)
      return op->emitOpError("cannot be part of a kernel");
    inside.insert(op->getResult(0));
  }
  if (failed(findSpace()) || failed(propagate()))
    return failure();
  // Last results first: what they are computed from gets its map from them.
  for (Value value : llvm::reverse(segment.results))
    if (failed(anchor(value)))
      return failure();
  for (Value value : segment.results)
    if (isInside(value) && !segment.maps.contains(value))
      return value.getDefiningOp()->emitOpError(
          "has a shape that does not follow from its fusion's space");
  for (Operation *op : segment.ops) {
    if (!segment.maps.contains(op->getResult(0)))
      return op->emitOpError("is not used by its fusion");
    bool isSource = op->getNumOperands() == 0 ||
                    isa<asg::RandomUniformOp, asg::RandomNormalOp>(op);
    if (isSource || getReducedAxes(op) || isa<asg::GatherOp>(op))
      continue;
    if (!mapToOperand(op->getOpOperand(0), segment.maps[op->getResult(0)],
                      symbols))
      return op->emitOpError("has no affine index map to its operand");
  }
  return success();
}

} // namespace

std::optional<IndexMap>
FusionShape::getOperandMap(const FusionSegment &segment, OpOperand &operand) {
  Operation *op = operand.getOwner();
  if (getReducedAxes(op))
    return getIdentityMap(op->getContext(), segment.space.size());
  auto found = segment.maps.find(op->getResult(0));
  if (found == segment.maps.end())
    return std::nullopt;
  return mapToOperand(operand, found->second, symbols);
}

FailureOr<FusionShape> analyzeFusion(asg::FusionOp fusion) {
  Block &body = fusion.getBody().front();
  auto yield = cast<asg::YieldOp>(body.getTerminator());
  size_t count = fusion.getSegments().value_or(1);
  size_t numOps = body.getOperations().size() - 1;
  size_t numResults = yield.getNumOperands();
  if (numOps == 0 || numOps % count != 0 || numResults % count != 0)
    return fusion.emitOpError() << "has " << numOps << " ops and " << numResults
                                << " results for " << count << " segments";
  FusionShape shape;
  auto op = body.begin();
  for (size_t index = 0; index < count; ++index) {
    FusionSegment segment;
    for (size_t i = 0; i < numOps / count; ++i)
      segment.ops.push_back(&*op++);
    size_t width = numResults / count;
    llvm::append_range(segment.results,
                       yield.getValues().slice(index * width, width));
    if (failed(SegmentAnalysis(segment, shape.symbols).run()))
      return failure();
    shape.segments.push_back(std::move(segment));
  }
  return shape;
}

} // namespace asgc
