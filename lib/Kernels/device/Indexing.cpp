//===- Indexing.cpp - Device code for gather, scatter-add and copy --------===//
#include "MatrixContraction.h"
#include "Points.h"
#include "dialects/asg/Asg.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;
using arith::CmpIPredicate;

namespace {

/// An element, or a vector of them, as it is, whatever its type.
void copyElement(KernelBuilder &b, Value from, Value fromOffset, Value to,
                 Value toOffset, Type element) {
  Value raw = b.load(b.address(from, fromOffset, bytesOf(element)),
                     storageType(element), true, {});
  b.store(b.address(to, toOffset, bytesOf(element)), raw, {}, false);
}

/// y[b, o, i, r] = x[b, o, index[b, i], r], see asgc_gather_desc.
struct Geometry {
  DimExpr batch, outer, axis, indices, inner;
  Type index;

  template <typename Op> Geometry(Op op, Value whole) {
    RankedTensorType type = tensorOf(whole);
    RankedTensorType positions = tensorOf(op.getIndices());
    auto product = [](RankedTensorType of, int64_t from, int64_t to) {
      DimExpr count(1);
      for (int64_t axis = from; axis < to; ++axis)
        count = count * asg::getDim(of, axis);
      return count;
    };
    int64_t at = op.getAxis(), batchDims = op.getBatchDims();
    batch = product(type, 0, batchDims);
    outer = product(type, batchDims, at);
    axis = product(type, at, at + 1);
    indices = product(positions, batchDims, positions.getRank());
    inner = product(type, at + 1, type.getRank());
    index = positions.getElementType();
  }

  /// Of the whole.
  DimExpr elements() const { return batch * outer * axis * inner; }
  /// Elements along the inner dims that are moved at once.
  int64_t lanes(const DeviceTarget &target) const {
    return isMultiple(inner, target.lanes) ? target.lanes : 1;
  }

  /// Position `i` of batch `at` within the axis.
  Value position(KernelBuilder &b, Value pointer, Value at, Value i) const {
    Value place = b.addI(b.mulI(at, b.extent(indices)), i);
    Value value =
        b.load(b.address(pointer, place, bytesOf(index)), index, false, {});
    value = b.cast(Cast::ExtS, value, b.intType(64));
    value = b.binary(Binary::MinS, value, b.extent(axis + DimExpr(-1)));
    return b.binary(Binary::MaxS, value, b.i64(0));
  }
  /// The offset of [plane, i, r], `count` elements of i to a plane.
  Value offset(KernelBuilder &b, Value plane, const DimExpr &count, Value i,
               Value r) const {
    Value row = b.addI(b.mulI(plane, b.extent(count)), i);
    return b.addI(b.mulI(row, b.extent(inner)), r);
  }
};

std::unique_ptr<DeviceKernel> createGather(plan::GatherOp op,
                                           const DeviceTarget &target,
                                           const BoundOf &boundOf) {
  Geometry g(op, op.getIn());
  Type element = tensorOf(op.getIn()).getElementType();
  int64_t lanes = g.lanes(target);
  DimExpr vectors = g.inner.floorDiv(lanes);
  DimExpr points = g.batch * g.outer * g.indices * vectors;
  int64_t bound = boundOf(points).value_or(INT64_MAX);
  auto body = [=](DeviceBuilder &b, Value number) {
    b.lanes = lanes;
    Values at =
        unflatten(b, number, {g.batch, g.outer, g.indices, vectors}, bound);
    Value position = g.position(b, b.operand(1), at[0], at[2]);
    Value plane = b.addI(b.mulI(at[0], b.extent(g.outer)), at[1]);
    Value r = b.mulI(at[3], b.i64(lanes));
    copyElement(b, b.operand(0), g.offset(b, plane, g.axis, position, r),
                b.operand(2), b.mulI(number, b.i64(lanes)), element);
  };
  return std::make_unique<PointKernel>(target, points, body);
}

/// Clears the result of a scatter_add: a launch, and what it runs, where
/// `group` is the number of the group among those of the launch.
DeviceLaunch clearing(const DeviceTarget &target, const Geometry &g) {
  return pointLaunch(target, g.elements().floorDiv(g.lanes(target)));
}
void clear(DeviceBuilder &b, const DeviceTarget &target, const Geometry &g,
           Value group, Value y, Type element) {
  int64_t lanes = b.lanes = g.lanes(target);
  Value zero = encode(
      b, b.widen(identity(b, plan::ReduceKind::add, registerType(element))),
      element);
  forEachPointOf(
      b, target, group, g.elements().floorDiv(lanes), [&](Value number) {
        Value offset = b.mulI(number, b.i64(lanes));
        b.store(b.address(y, offset, bytesOf(element)), zero, {}, false);
      });
  b.lanes = 1;
}

/// y[b, o, index[b, i], r] += x[b, o, i, r] into zeros, f32, by whoever comes
/// first.
class AtomicScatterAdd final : public DeviceKernel {
public:
  AtomicScatterAdd(plan::ScatterAddOp op, const DeviceTarget &target,
                   const BoundOf &boundOf)
      : g(op, op.getOut()), target(target),
        bound(boundOf(added()).value_or(INT64_MAX)) {
    addsAtomically = true;
    launches = {clearing(target, g), pointLaunch(target, added())};
  }
  LogicalResult emit(int64_t launch, DeviceBuilder &b) override {
    if (launch == 0) {
      clear(b, target, g, b.group(), b.operand(2), b.f32Type());
      return success();
    }
    forEachPoint(b, target, added(), [&](Value number) {
      Values at =
          unflatten(b, number, {g.batch, g.outer, g.indices, g.inner}, bound);
      Value plane = b.addI(b.mulI(at[0], b.extent(g.outer)), at[1]);
      Value position = g.position(b, b.operand(1), at[0], at[2]);
      Value place = g.offset(b, plane, g.axis, position, at[3]);
      b.atomicAdd(b.address(b.operand(2), place, 4),
                  loadFloat(b, b.operand(0), number, b.f32Type()));
    });
    return success();
  }

private:
  DimExpr added() const { return g.batch * g.outer * g.indices * g.inner; }

  Geometry g;
  DeviceTarget target;
  int64_t bound; // of what is added
};

/// The same in an order that is always the same. The first launch clears
/// y and sorts the indices of each batch: how many are less, or equal and
/// before, is the place of one. In the second, the first of equal indices adds
/// up what they bring, in their order.
class ScatterAdd final : public DeviceKernel {
public:
  static std::unique_ptr<DeviceKernel> create(plan::ScatterAddOp op,
                                              const DeviceTarget &target,
                                              const BoundOf &boundOf);
  explicit ScatterAdd(plan::ScatterAddOp op) : g(op, op.getOut()) {}
  LogicalResult emit(int64_t launch, DeviceBuilder &builder) override;

private:
  void sort(DeviceBuilder &b) const;
  void add(DeviceBuilder &b, Value number) const;
  /// Entry `place` of the sorted indices (`table` 0), and of how many there
  /// are from it on if it is the first of equal ones, else 0 (1).
  Value entry(KernelBuilder &b, int64_t table, Value place) const {
    if (table == 1)
      place = b.addI(b.extent(count()), place);
    return b.address(workspace, place, sizeof(int64_t));
  }
  DimExpr count() const { return g.batch * g.indices; }
  DimExpr added() const {
    return g.batch * g.outer * g.indices * g.inner.floorDiv(lanes);
  }

  Geometry g;
  Type element;
  DeviceTarget target;
  int64_t rows = 1, columns = 1; // items of an index, indices of a group
  int64_t lanes = 1;
  int64_t bound = 0; // of what is added
  DimExpr sortGroups;
  Value workspace;
};

std::unique_ptr<DeviceKernel> ScatterAdd::create(plan::ScatterAddOp op,
                                                 const DeviceTarget &target,
                                                 const BoundOf &boundOf) {
  auto kernel = std::make_unique<ScatterAdd>(op);
  ScatterAdd &self = *kernel;
  const Geometry &g = self.g;
  self.element = tensorOf(op.getOut()).getElementType();
  self.target = target;
  self.lanes = g.lanes(target);
  std::optional<int64_t> indices = boundOf(g.indices);
  std::optional<int64_t> count = boundOf(self.count());
  if (!indices || !count) {
    op.emitOpError() << "adds at " << self.count().str()
                     << " indices, which has no bound";
    return nullptr;
  }
  self.bound = boundOf(self.added()).value_or(INT64_MAX);
  self.rows = static_cast<int64_t>(
      llvm::PowerOf2Ceil(std::clamp<int64_t>(*indices, 1, target.groupSize)));
  self.columns = target.groupSize / self.rows;
  self.sortGroups =
      (self.count() + DimExpr(self.columns - 1)).floorDiv(self.columns);
  DeviceLaunch first = clearing(target, g);
  first.groups = first.groups + self.sortGroups;
  self.launches.push_back(first);
  self.target.pointsPerItem = 1; // there is a loop for each point already
  self.launches.push_back(pointLaunch(self.target, self.added()));
  self.workspaceBytes = 2 * *count * int64_t(sizeof(int64_t));
  self.target.pointsPerItem = target.pointsPerItem;
  return kernel;
}

LogicalResult ScatterAdd::emit(int64_t launch, DeviceBuilder &b) {
  workspace = b.operand(3);
  if (launch == 0) {
    Value group = b.subI(b.group(), b.extent(sortGroups));
    Value clears = b.compare(CmpIPredicate::sge, group, b.i64(0));
    b.branch(
        clears,
        [&]() -> Values {
          clear(b, target, g, group, b.operand(2), element);
          return {};
        },
        [&]() -> Values {
          sort(b);
          return {};
        });
    return success();
  }
  DeviceTarget one = target;
  one.pointsPerItem = 1;
  forEachPoint(b, one, added(), [&](Value number) { add(b, number); });
  return success();
}

void ScatterAdd::sort(DeviceBuilder &b) const {
  Value row = b.binary(Binary::DivU, b.item(), b.i32(columns));
  Value column = b.subI(b.item(), b.mulI(row, b.i32(columns)));
  Value number = b.addI(b.mulI(b.group(), b.i64(columns)), wide(b, column));
  Value isInside = b.compare(CmpIPredicate::slt, number, b.extent(count()));
  number = b.select(isInside, number, b.i64(0));
  Value batch = b.binary(Binary::DivU, number, b.extent(g.indices));
  Value first = b.mulI(batch, b.extent(g.indices));
  Value i = b.subI(number, first);
  Value mine = g.position(b, b.operand(1), batch, i);
  // How many are less, equal and before, equal.
  Values counts(3, b.i32(0));
  counts =
      b.loop(wide(b, row), b.extent(g.indices), rows, counts,
             [&](Value j, ValueRange before) -> Values {
               Value other = g.position(b, b.operand(1), batch, j);
               Value isEqual = b.compare(CmpIPredicate::eq, other, mine);
               Value isEarlier = b.compare(CmpIPredicate::slt, j, i);
               Value truths[] = {b.compare(CmpIPredicate::slt, other, mine),
                                 b.andI(isEqual, isEarlier), isEqual};
               Values after;
               for (auto [count, truth] : llvm::zip_equal(before, truths))
                 after.push_back(
                     b.addI(count, b.cast(Cast::ExtU, truth, b.intType(32))));
               return after;
             });
  counts = combineItems(
      b, {plan::ReduceKind::add, plan::ReduceKind::add, plan::ReduceKind::add},
      counts, row, column, rows, columns);
  Value isLeader =
      b.andI(isInside, b.compare(CmpIPredicate::eq, row, b.i32(0)));
  onlyIf(b, isLeader, [&] {
    Value place = b.addI(first, wide(b, b.addI(counts[0], counts[1])));
    Value isFirst = b.compare(CmpIPredicate::eq, counts[1], b.i32(0));
    Value length = b.select(isFirst, wide(b, counts[2]), b.i64(0));
    b.store(entry(b, 0, place), i, {}, false);
    b.store(entry(b, 1, place), length, {}, false);
  });
}

void ScatterAdd::add(DeviceBuilder &b, Value number) const {
  constexpr int64_t kAbreast = 4; // indices whose elements are loaded at once
  Type i64 = b.intType(64);
  Values at = unflatten(
      b, number, {g.batch, g.outer, g.indices, g.inner.floorDiv(lanes)}, bound);
  Value first = b.addI(b.mulI(at[0], b.extent(g.indices)), at[2]);
  Value length = b.load(entry(b, 1, first), i64, false, {});
  Value isFirst = b.compare(CmpIPredicate::sgt, length, b.i64(0));
  onlyIf(b, isFirst, [&] {
    b.lanes = lanes;
    Value plane = b.addI(b.mulI(at[0], b.extent(g.outer)), at[1]);
    Value r = b.mulI(at[3], b.i64(lanes));
    Value none =
        b.widen(identity(b, plan::ReduceKind::add, registerType(element)));
    Value sum =
        b.loop(b.i64(0), length, kAbreast, {none},
               [&](Value step, ValueRange before) -> Values {
                 Values parts;
                 for (int64_t ahead = 0; ahead < kAbreast; ++ahead) {
                   Value index = b.addI(step, b.i64(ahead));
                   Value exists = b.compare(CmpIPredicate::slt, index, length);
                   Value place = b.addI(first, b.select(exists, index, step));
                   Value i = b.load(entry(b, 0, place), i64, false, {});
                   Value offset = g.offset(b, plane, g.indices, i, r);
                   Value raw =
                       b.load(b.address(b.operand(0), offset, bytesOf(element)),
                              storageType(element), true, {});
                   parts.push_back(b.choose(b.widen(exists),
                                            decode(b, raw, element), none));
                 }
                 Value sum = before[0];
                 for (Value part : parts)
                   sum = combine(b, plan::ReduceKind::add, sum, part);
                 return {sum};
               })[0];
    Value i = b.load(entry(b, 0, first), i64, false, {});
    Value position = g.position(b, b.operand(1), at[0], i);
    Value offset = g.offset(b, plane, g.axis, position, r);
    b.store(b.address(b.operand(2), offset, bytesOf(element)),
            encode(b, sum, element), {}, false);
    b.lanes = 1;
  });
}

std::unique_ptr<DeviceKernel> createCopy(plan::CopyOp op,
                                         const DeviceTarget &target,
                                         const BoundOf &boundOf) {
  SmallVector<DimExpr> extents = plan::readExtents(op.getExtents());
  SmallVector<DimExpr> xStrides = plan::readExtents(op.getXStrides());
  SmallVector<DimExpr> yStrides = plan::readExtents(op.getYStrides());
  SmallVector<DimExpr> offsets = plan::readExtents(op.getOffsets());
  Type element = tensorOf(op.getX()).getElementType();
  DimExpr points(1);
  for (const DimExpr &extent : extents)
    points = points * extent;
  int64_t bound = boundOf(points).value_or(INT64_MAX);
  auto body = [=](DeviceBuilder &b, Value number) {
    Values at = unflatten(b, number, extents, bound);
    auto place = [&](ArrayRef<DimExpr> strides, const DimExpr &offset) {
      Value sum = b.extent(offset);
      for (auto [stride, coordinate] : llvm::zip(strides, at))
        sum = b.addI(sum, b.mulI(coordinate, b.extent(stride)));
      return sum;
    };
    copyElement(b, b.operand(0), place(xStrides, offsets[0]), b.operand(1),
                place(yStrides, offsets[1]), element);
  };
  return std::make_unique<PointKernel>(target, points, body);
}

} // namespace

std::unique_ptr<DeviceKernel>
kernels::createDeviceIndexing(Operation *step, const DeviceTarget &target,
                              const BoundOf &boundOf) {
  using Result = std::unique_ptr<DeviceKernel>;
  return TypeSwitch<Operation *, Result>(step)
      .Case(
          [&](plan::GatherOp op) { return createGather(op, target, boundOf); })
      .Case([&](plan::ScatterAddOp op) {
        if (target.addsAtomically &&
            tensorOf(op.getOut()).getElementType().isF32())
          return Result(
              std::make_unique<AtomicScatterAdd>(op, target, boundOf));
        return ScatterAdd::create(op, target, boundOf);
      })
      .Case([&](plan::CopyOp op) { return createCopy(op, target, boundOf); })
      .Default([](Operation *) { return nullptr; });
}
