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
  kernel->chooseAxes();
  kernel->chooseShape();
  return kernel;
}

/// The dim along which most of the kernel's memory has its neighbours; -1:
/// none.
static int64_t findMemoryDim(const Model &model) {
  SmallVector<double> elements(model.space.size());
  for (ArrayRef<Operand> operands :
       {ArrayRef(model.reads), ArrayRef(model.writes)})
    for (const Operand &operand : operands) {
      double count = 1;
      for (auto [dim, bound] : llvm::enumerate(model.bounds))
        if (!operand.isWhole && has(operand.varies, dim))
          count *= static_cast<double>(bound);
      for (auto [dim, most] : llvm::enumerate(elements))
        if (!operand.isWhole && has(operand.varies, dim) &&
            operand.access.strides[dim] == DimExpr(1))
          most += count;
    }
  auto *most = llvm::max_element(elements);
  return most == elements.end() || *most == 0 ? -1 : most - elements.begin();
}

/// Which dims are kept and reduced, and which of them lies in memory as items or
/// lanes do.
void DeviceReduction::chooseAxes() {
  model.vectorDim = findMemoryDim(model);
  // Neighbouring items should touch neighbouring memory: along the reduced dims
  // if the vector dim is one of them, else along the kept ones.
  isAcross = model.vectorDim < 0 || !has(model.reduced, model.vectorDim);
  if (!isAcross && model.reduced >> model.vectorDim == 1)
    lanes = lanesAlong(model, target);
  SmallVector<int64_t> keptBounds, reducedBounds;
  for (auto [dim, extent] : llvm::enumerate(model.space)) {
    bool isReduced = has(model.reduced, dim);
    bool isLane = lanes > 1 && static_cast<int64_t>(dim) == model.vectorDim;
    (isReduced ? reducedExtents : keptExtents)
        .push_back(isLane ? extent.floorDiv(lanes) : extent);
    (isReduced ? reducedBounds : keptBounds)
        .push_back(isLane ? model.bounds[dim] / lanes : model.bounds[dim]);
  }
  auto product = [](ArrayRef<DimExpr> extents) {
    DimExpr points(1);
    for (const DimExpr &extent : extents)
      points = points * extent;
    return points;
  };
  keptPoints = product(keptExtents);
  reducedPoints = product(reducedExtents);
  keptBound = pointBound(keptBounds);
  reducedBound = pointBound(reducedBounds);
}

/// How many items do what.
void DeviceReduction::chooseShape() {
  // Where there is enough to do without chunks, they cost a launch.
  if (chunks == 1 || keptBound >= 2 * target.busyGroups)
    chunks = 0;
  int64_t parts = std::max<int64_t>(1, chunks);
  int64_t walked = llvm::divideCeil(reducedBound, parts);
  int64_t operands = llvm::count_if(model.reads, [&](const Operand &read) {
    return read.varies & model.reduced;
  });
  int64_t numbers = lanes * std::max<int64_t>(1, operands);
  abreast = std::clamp<int64_t>(target.numbersOnTheWay / numbers, 1, 8);
  // So many rows that an item loads its points at once; more where groups are
  // too few, if need be at the cost of neighbours in memory.
  auto shorten = [&](int64_t points) {
    int64_t items = std::clamp<int64_t>(llvm::divideCeil(walked, points), 1,
                                        target.groupSize);
    return static_cast<int64_t>(llvm::PowerOf2Ceil(items));
  };
  constexpr int64_t kFewColumns = 4; // half of the 32 bytes of an access
  int64_t mostRows = target.groupSize / (isAcross ? kFewColumns : 1);
  int64_t wantedRows =
      target.groupSize / (isAcross ? target.columnsPerGroup : 1);
  rows = std::min(shorten(abreast), wantedRows);
  auto isIdle = [&] {
    int64_t groups = llvm::divideCeil(keptBound, target.groupSize / rows);
    return groups * parts < target.busyGroups;
  };
  while (rows < std::min(mostRows, shorten(1)) && isIdle())
    rows *= 2;
  if (lastPass() > 0 && !chunks && reducedPoints.asConstant()) {
    int64_t most = std::max<int64_t>(1, target.numbersKept / numbers);
    int64_t needed = std::max(rows, shorten(most));
    if (needed <= mostRows &&
        int64_t(llvm::divideCeil(walked, needed)) <= most) {
      rows = needed;
      held = llvm::divideCeil(walked, rows);
    }
  }
  columns = target.groupSize / rows;
  DimExpr blocks = (keptPoints + DimExpr(columns - 1)).floorDiv(columns);
  launches.push_back(
      {.groups = blocks * DimExpr(parts), .groupSize = target.groupSize});
  if (chunks)
    launches.push_back({.groups = blocks, .groupSize = target.groupSize});
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

//===- Places -------------------------------------------------------------===//

/// With `parts` groups to each block of kept points.
DeviceReduction::Place DeviceReduction::findPlace(DeviceBuilder &b,
                                                  int64_t parts) const {
  Place place;
  Value group = b.group();
  if (parts > 1) {
    Value count = b.i64(parts);
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
  // Items without a point of their own walk along at the first one, and store
  // nothing: all must meet at barriers.
  place.kept = b.select(place.isInside, kept, b.i64(0));
  place.from = wide(b, place.row);
  place.to = b.extent(reducedPoints);
  if (place.chunk) {
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
  return place;
}

void DeviceReduction::openKept(Scope &scope, Value number) const {
  openPoint(scope, model.allDims() & ~model.reduced,
            unflatten(scope.b, number, keptExtents, keptBound));
}

/// The point `number`, or `otherwise` if there is no such point.
DeviceReduction::Point DeviceReduction::openReduced(Scope &scope, Value number,
                                                    Value isHere,
                                                    Value otherwise) const {
  KernelBuilder &b = scope.b;
  if (isHere)
    number = b.select(isHere, number, otherwise);
  Point point{std::make_unique<Scope>(scope), isHere};
  openPoint(*point.scope, model.reduced,
            unflatten(b, number, reducedExtents, reducedBound));
  return point;
}

/// All points of an item, where it keeps them. They are loaded before the first
/// barrier, also what only a later pass needs.
SmallVector<DeviceReduction::Point>
DeviceReduction::holdPoints(Scope &scope, const Place &place) const {
  KernelBuilder &b = scope.b;
  SmallVector<Point> points;
  for (int64_t index = 0; index < held; ++index) {
    Value number = b.addI(place.from, b.i64(index * rows));
    Value isHere;
    if ((index + 1) * rows > reducedBound)
      isHere = b.compare(arith::CmpIPredicate::slt, number, place.to);
    points.push_back(openReduced(scope, number, isHere, b.i64(0)));
    for (int64_t pass = 0; pass <= lastPass(); ++pass)
      points.back().scope->emitLoads(rootsOf(pass));
  }
  return points;
}

//===- Passes -------------------------------------------------------------===//

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

/// What the reductions of a pass begin with.
Values DeviceReduction::start(KernelBuilder &b, int64_t pass) const {
  Values values;
  for (plan::ReduceOp reduce : reducesOf(pass))
    values.push_back(
        b.widen(identity(b, reduce.getKind(), registerType(reduce.getType()))));
  return values;
}

/// What an item does at some points in a pass. All are loaded first.
Values DeviceReduction::visit(MutableArrayRef<Point> points, const Place &place,
                              int64_t pass, ValueRange before) const {
  SmallVector<Value> roots = rootsOf(pass);
  for (Point &point : points)
    point.scope->emitLoads(roots);
  Values sums(before);
  for (Point &point : points) {
    Scope &scope = *point.scope;
    KernelBuilder &b = scope.b;
    scope.emit(roots);
    for (auto [sum, none, reduce] :
         llvm::zip_equal(sums, start(b, pass), reducesOf(pass))) {
      Value value = b.widen(scope.find(reduce.getValue()));
      if (point.isHere)
        value = b.choose(b.widen(point.isHere), value, none);
      sum = combine(b, reduce.getKind(), sum, value);
    }
    if (pass != lastPass())
      continue;
    Value isThere =
        point.isHere ? b.andI(place.isInside, point.isHere) : place.isInside;
    SmallVector<int64_t> writes;
    for (size_t write = 0; write < model.writes.size(); ++write)
      if (isPointWrite(write))
        writes.push_back(write);
    if (!writes.empty())
      onlyIf(b, isThere, [&] {
        for (int64_t write : writes)
          scope.storeOnce(write, model.allDims());
      });
  }
  return sums;
}

/// A pass of an item over points that it does not keep.
Values DeviceReduction::walk(Scope &scope, const Place &place,
                             int64_t pass) const {
  KernelBuilder &b = scope.b;
  bool areWhole = !place.chunk && reducedPoints.asConstant() &&
                  reducedBound % (rows * abreast) == 0;
  return b.loop(place.from, place.to, rows * abreast, start(b, pass),
                [&](Value first, ValueRange before) -> Values {
                  SmallVector<Point> points;
                  for (int64_t index = 0; index < abreast; ++index) {
                    Value number = b.addI(first, b.i64(index * rows));
                    Value isHere;
                    if (index > 0 && !areWhole)
                      isHere = b.compare(arith::CmpIPredicate::slt, number,
                                         place.to);
                    points.push_back(openReduced(scope, number, isHere, first));
                  }
                  return visit(points, place, pass, before);
                });
}

void DeviceReduction::emitRows(DeviceBuilder &b, Scope &root) {
  b.lanes = lanes;
  Place place = findPlace(b, chunks);
  Scope scope(root);
  openKept(scope, place.kept);
  SmallVector<Point> points = holdPoints(scope, place);
  for (int64_t pass = 0; pass <= lastPass(); ++pass) {
    scope.emitInvariant(pass);
    SmallVector<plan::ReduceOp> reduces = reducesOf(pass);
    Values results = held ? visit(points, place, pass, start(b, pass))
                          : walk(scope, place, pass);
    for (auto [reduce, value] : llvm::zip_equal(reduces, results))
      value = combineLanes(b, reduce.getKind(), value);
    results = combineItems(b, kindsOf(reduces), results, place.row,
                           place.column, rows, columns);
    if (place.chunk) {
      Value isFirst = b.compare(arith::CmpIPredicate::eq, place.row, b.i32(0));
      onlyIf(b, b.andI(place.isInside, isFirst), [&] {
        for (auto [index, value] : llvm::enumerate(results))
          b.store(partialPlace(b, index, place.chunk, place.kept), value, {},
                  false);
      });
      return;
    }
    for (auto [reduce, value] : llvm::zip_equal(reduces, results))
      scope.define(reduce, value);
  }
  finish(scope, place);
}

/// Stores what does not vary along the reduced dims.
void DeviceReduction::finish(Scope &scope, const Place &place) const {
  KernelBuilder &b = scope.b;
  scope.emitInvariant(model.passes);
  Value isFirst = b.compare(arith::CmpIPredicate::eq, place.row, b.i32(0));
  onlyIf(b, b.andI(place.isInside, isFirst), [&] {
    for (size_t write = 0; write < model.writes.size(); ++write)
      if (!isPointWrite(write))
        scope.storeOnce(write, model.allDims() & ~model.reduced);
  });
}

//===- Chunks -------------------------------------------------------------===//

/// The place of partial result `reduce` of `chunk`: (reduce · C + chunk) · K +
/// k.
Value DeviceReduction::partialPlace(KernelBuilder &b, int64_t reduce,
                                    Value chunk, Value kept) const {
  Value index = b.addI(b.i64(reduce * chunks), chunk);
  index = b.addI(b.mulI(index, b.extent(keptPoints)), kept);
  plan::ReduceOp op = model.reduces[reduce];
  return b.address(workspace, index, bytesOf(registerType(op.getType())));
}

void DeviceReduction::emitCombine(DeviceBuilder &b, Scope &root) {
  Place place = findPlace(b, 1);
  Scope scope(root);
  openKept(scope, place.kept);
  scope.emitInvariant(0);
  Values sums;
  for (auto [index, reduce] : llvm::enumerate(model.reduces)) {
    Type type = registerType(reduce.getType());
    plan::ReduceKind kind = reduce.getKind();
    Values sum = b.loop(
        wide(b, place.row), b.i64(chunks), rows, {identity(b, kind, type)},
        [&, index = index](Value chunk, ValueRange before) -> Values {
          Value part = b.load(partialPlace(b, index, chunk, place.kept), type,
                              false, {});
          return {combine(b, kind, before[0], part)};
        });
    sums.push_back(sum[0]);
  }
  sums = combineItems(b, kindsOf(model.reduces), sums, place.row, place.column,
                      rows, columns);
  for (auto [reduce, sum] : llvm::zip_equal(model.reduces, sums))
    scope.define(reduce, sum);
  finish(scope, place);
}
