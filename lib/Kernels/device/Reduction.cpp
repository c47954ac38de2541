//===- Reduction.cpp - Device code for kernels with reductions ------------===//
#include "Grid.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;

//===- Analysis -----------------------------------------------------------===//

std::unique_ptr<DeviceReduction>
DeviceReduction::create(plan::KernelOp op, const DeviceTarget &target,
                        const BoundOf &boundOf) {
  auto kernel = std::make_unique<DeviceReduction>();
  kernel->target = target;
  Model &model = kernel->model;
  model.read(op);
  if (failed(model.analyze(boundOf)))
    return nullptr;
  if (Value workspace = op.getWorkspace()) {
    auto type = cast<plan::BufferType>(workspace.getType()).getTensor();
    if (type.getRank() != 3 || type.isDynamicDim(1)) {
      op.emitOpError() << "workspace is no tensor<P x C x K> with a known C";
      return nullptr;
    }
    kernel->chunks = type.getDimSize(1);
  }
  kernel->chooseShape();
  return kernel;
}

void DeviceReduction::chooseShape() {
  model.chooseVectorDim();
  SmallVector<int64_t> keptBounds, reducedBounds;
  for (auto [dim, extent] : llvm::enumerate(model.space)) {
    bool isReduced = has(model.reduced, dim);
    (isReduced ? reducedDims : keptDims).push_back(dim);
    (isReduced ? reducedExtents : keptExtents).push_back(extent);
    (isReduced ? reducedBounds : keptBounds).push_back(model.bounds[dim]);
  }
  keptPoints = model.points(model.allDims() & ~model.reduced);
  reducedPoints = model.points(model.reduced);
  keptBound = pointBound(keptBounds);
  reducedBound = pointBound(reducedBounds);
  int64_t walked =
      chunks ? llvm::divideCeil(reducedBound, chunks) : reducedBound;

  // Neighbouring items should touch neighbouring memory: along the reduced dims
  // if the vector dim is one of them, else along the kept ones.
  isAcross = model.vectorDim < 0 || !has(model.reduced, model.vectorDim);
  if (walked <= target.smallReduction) {
    columns = target.groupSize;
  } else if (isAcross) {
    columns = std::min<int64_t>(target.columnsPerGroup,
                                llvm::PowerOf2Ceil(std::max<int64_t>(
                                    1, std::min(keptBound, int64_t(1) << 20))));
  } else {
    int64_t along = std::min<int64_t>(
        target.groupSize,
        llvm::PowerOf2Ceil(std::min(walked, int64_t(1) << 20)));
    columns = target.groupSize / along;
  }
  rows = target.groupSize / columns;
  DimExpr blocks = (keptPoints + DimExpr(columns - 1)).floorDiv(columns);
  launches.push_back({.groups = blocks * DimExpr(std::max<int64_t>(1, chunks)),
                      .groupSize = target.groupSize});
  if (chunks)
    launches.push_back(pointLaunch(target, keptPoints));
}

int64_t DeviceReduction::lastPass() const {
  int64_t last = model.passes - 1;
  for (auto [index, value] : llvm::enumerate(model.yields()))
    if (isPointWrite(index))
      last = std::max(last, model.passOf(value));
  return last;
}

SmallVector<plan::ReduceOp> DeviceReduction::reducesOf(int64_t pass) const {
  SmallVector<plan::ReduceOp> reduces;
  for (plan::ReduceOp reduce : model.reduces)
    if (model.passOf(reduce.getValue()) == pass)
      reduces.push_back(reduce);
  return reduces;
}

/// Values computed at each point in a pass: of reductions and, in the last
/// pass, of writes.
SmallVector<Value> DeviceReduction::rootsOf(int64_t pass) const {
  SmallVector<Value> roots;
  for (plan::ReduceOp reduce : reducesOf(pass))
    roots.push_back(reduce.getValue());
  for (auto [index, value] : llvm::enumerate(model.yields()))
    if (pass == lastPass() && isPointWrite(index))
      roots.push_back(value);
  return roots;
}

//===- Emission -----------------------------------------------------------===//

LogicalResult DeviceReduction::emit(int64_t launch, DeviceBuilder &b) {
  Scope root(model, b, operandPointers(b, model));
  if (chunks)
    workspace = b.operand(model.reads.size() + model.writes.size());
  root.emitInvariant(0);
  if (launch == 1)
    emitCombine(b, root);
  else
    emitRows(b, root);
  return failure(root.failed());
}

DeviceReduction::Place DeviceReduction::findPlace(DeviceBuilder &b) const {
  Place place;
  Value group = b.group();
  if (chunks) {
    Value count = b.i64(chunks);
    Value block = b.binary(Binary::DivU, group, count);
    place.chunk = b.subI(group, b.mulI(block, count));
    group = block;
  }
  Value item = b.item();
  Value inner = b.i32(isAcross ? columns : rows);
  Value outer = b.binary(Binary::DivU, item, inner);
  Value rest = b.subI(item, b.mulI(outer, inner));
  place.row = isAcross ? outer : rest;
  place.column = isAcross ? rest : outer;
  Value kept = b.addI(b.mulI(group, b.i64(columns)), wide(b, place.column));
  place.isInside =
      b.compare(arith::CmpIPredicate::slt, kept, b.extent(keptPoints));
  // Items without a point walk along with no steps: all must meet at barriers.
  place.kept = b.select(place.isInside, kept, b.i64(0));
  place.from = wide(b, place.row);
  place.to = b.extent(reducedPoints);
  if (chunks) {
    // A chunk is a range of the first reduced dim, hence of the points too.
    const DimExpr &extent = reducedExtents.front();
    DimExpr size = (extent + DimExpr(chunks - 1)).floorDiv(chunks);
    DimExpr inside(1);
    for (const DimExpr &rest : ArrayRef(reducedExtents).drop_front())
      inside = inside * rest;
    Value length = b.extent(size * inside);
    Value begin = b.mulI(place.chunk, length);
    place.to = b.binary(Binary::MinS, b.addI(begin, length), place.to);
    place.from = b.addI(begin, place.from);
  }
  place.to = b.select(place.isInside, place.to, b.i64(0));
  return place;
}

void DeviceReduction::openKept(Scope &scope, Value number) const {
  scope.open(keptDims, unflatten(scope.b, number, keptExtents, keptBound));
}

/// One pass of an item over its points.
Values DeviceReduction::walk(Scope &scope, const Place &place,
                             int64_t pass) const {
  KernelBuilder &b = scope.b;
  SmallVector<plan::ReduceOp> reduces = reducesOf(pass);
  Values start;
  for (plan::ReduceOp reduce : reduces)
    start.push_back(
        identity(b, reduce.getKind(), registerType(reduce.getType())));
  return b.loop(place.from, place.to, rows, start,
                [&](Value number, ValueRange before) -> Values {
                  Scope point(scope);
                  point.open(reducedDims, unflatten(b, number, reducedExtents,
                                                    reducedBound));
                  point.emit(rootsOf(pass));
                  for (size_t write = 0; write < model.writes.size(); ++write)
                    if (pass == lastPass() && isPointWrite(write))
                      point.storeOnce(write, model.allDims());
                  Values after;
                  for (auto [reduce, value] : llvm::zip(reduces, before))
                    after.push_back(combine(b, reduce.getKind(), value,
                                            point.find(reduce.getValue())));
                  return after;
                });
}

void DeviceReduction::emitRows(DeviceBuilder &b, Scope &root) {
  Place place = findPlace(b);
  Scope scope(root);
  openKept(scope, place.kept);
  Value isFirst = b.compare(arith::CmpIPredicate::eq, place.row, b.i32(0));
  Value isLeader = b.andI(place.isInside, isFirst);
  for (int64_t pass = 0; pass <= lastPass(); ++pass) {
    scope.emitInvariant(pass);
    SmallVector<plan::ReduceOp> reduces = reducesOf(pass);
    Values results = combineItems(b, reduces, walk(scope, place, pass),
                                  place.row, place.column, rows, columns);
    if (chunks) {
      onlyIf(b, isLeader, [&] {
        for (auto [index, value] : llvm::enumerate(results))
          b.store(b.address(workspace,
                            partialIndex(b, index, place.chunk, place.kept),
                            value.getType().getIntOrFloatBitWidth() / 8),
                  value, {}, false);
      });
      return;
    }
    for (auto [reduce, value] : llvm::zip(reduces, results))
      scope.define(reduce, value);
  }
  finish(scope, isLeader);
}

/// Stores what does not vary along the reduced dims.
void DeviceReduction::finish(Scope &scope, Value condition) const {
  scope.emitInvariant(model.passes);
  onlyIf(scope.b, condition, [&] {
    for (size_t write = 0; write < model.writes.size(); ++write)
      if (!isPointWrite(write))
        scope.storeOnce(write, model.allDims() & ~model.reduced);
  });
}

//===- Chunks -------------------------------------------------------------===//

/// The place of partial result `reduce` of `chunk`: (reduce · C + chunk) · K +
/// k.
Value DeviceReduction::partialIndex(KernelBuilder &b, int64_t reduce,
                                    Value chunk, Value kept) const {
  Value index = b.addI(b.i64(reduce * chunks), chunk);
  return b.addI(b.mulI(index, b.extent(keptPoints)), kept);
}

void DeviceReduction::emitCombine(DeviceBuilder &b, Scope &root) {
  forEachPoint(b, target, keptPoints, [&](Value kept) {
    Scope scope(root);
    openKept(scope, kept);
    scope.emitInvariant(0);
    for (auto [index, reduce] : llvm::enumerate(model.reduces)) {
      Type type = registerType(reduce.getType());
      plan::ReduceKind kind = reduce.getKind();
      Values sum =
          b.loop(b.i64(0), b.i64(chunks), 1, {identity(b, kind, type)},
                 [&, index = index](Value chunk, ValueRange before) -> Values {
                   Value place =
                       b.address(workspace, partialIndex(b, index, chunk, kept),
                                 type.getIntOrFloatBitWidth() / 8);
                   return {combine(b, kind, before[0],
                                   b.load(place, type, false, {}))};
                 });
      scope.define(reduce, sum[0]);
    }
    finish(scope, {});
  });
}
