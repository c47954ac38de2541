//===- Indexing.cpp - Device code for gather, scatter-add and copy --------===//
#include "Contraction.h"
#include "Points.h"
#include "dialects/asg/Asg.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;
using arith::CmpIPredicate;

namespace {

/// An element as it is, whatever its type.
void copyElement(KernelBuilder &b, Value from, Value fromOffset, Value to,
                 Value toOffset, Type element) {
  Value raw = b.load(b.address(from, fromOffset, bytesOf(element)),
                     storageType(element), false, {});
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
  DimExpr points = g.batch * g.outer * g.indices * g.inner;
  int64_t bound = boundOf(points).value_or(INT64_MAX);
  auto body = [=](DeviceBuilder &b, Value number) {
    Values at =
        unflatten(b, number, {g.batch, g.outer, g.indices, g.inner}, bound);
    Value position = g.position(b, b.operand(1), at[0], at[2]);
    Value plane = b.addI(b.mulI(at[0], b.extent(g.outer)), at[1]);
    copyElement(b, b.operand(0), g.offset(b, plane, g.axis, position, at[3]),
                b.operand(2), number, element);
  };
  return std::make_unique<PointKernel>(target, points, body);
}

/// y[b, o, index[b, i], r] += x[b, o, i, r] into zeros: each element of y looks
/// for its indices. Where there are few elements and many indices, parts of the
/// indices are searched at once, and a second launch adds what they found, in
/// order.
class ScatterSearch final : public DeviceKernel {
public:
  ScatterSearch(const Geometry &g, Type element, int64_t numOperands,
                const DeviceTarget &target, const BoundOf &boundOf);
  LogicalResult emit(int64_t launch, DeviceBuilder &builder) override;

private:
  Value search(DeviceBuilder &b, Value number, Value from, Value to) const;

  Geometry g;
  Type element, type;
  int64_t numOperands, chunks = 1;
  int64_t bound = 0; // of the elements
  DimExpr points, chunkSize;
  DeviceTarget target;
};

ScatterSearch::ScatterSearch(const Geometry &g, Type element,
                             int64_t numOperands, const DeviceTarget &given,
                             const BoundOf &boundOf)
    : g(g), element(element), type(registerType(element)),
      numOperands(numOperands), points(g.batch * g.outer * g.axis * g.inner),
      target(given) {
  bound = boundOf(points).value_or(INT64_MAX);
  int64_t indices = boundOf(g.indices).value_or(1);
  target.pointsPerItem = 1; // there is a loop for each point already
  int64_t groups = bound / target.groupSize + 1;
  constexpr int64_t kShortest = 32; // indices worth a part
  int64_t most = std::min(2 * target.busyGroups / groups, indices / kShortest);
  if (element.isF32() && most > 1)
    chunks = most;
  chunkSize = (g.indices + DimExpr(chunks - 1)).floorDiv(chunks);
  launches.push_back(pointLaunch(target, points * DimExpr(chunks)));
  if (chunks > 1) {
    launches.push_back(pointLaunch(target, points));
    workspaceBytes = bound * chunks * bytesOf(element);
  }
}

/// The sum of what indices [from, to) bring to element `number`.
Value ScatterSearch::search(DeviceBuilder &b, Value number, Value from,
                            Value to) const {
  Values at = unflatten(b, number, {g.batch, g.outer, g.axis, g.inner}, bound);
  Value plane = b.addI(b.mulI(at[0], b.extent(g.outer)), at[1]);
  return b.loop(from, to, 1, {identity(b, plan::ReduceKind::add, type)},
                [&](Value i, ValueRange before) -> Values {
                  Value position = g.position(b, b.operand(1), at[0], i);
                  Value isHere = b.compare(CmpIPredicate::eq, position, at[2]);
                  auto add = [&]() -> Values {
                    Value x = loadFloat(b, b.operand(0),
                                        g.offset(b, plane, g.indices, i, at[3]),
                                        element);
                    return {combine(b, plan::ReduceKind::add, before[0], x)};
                  };
                  auto keep = [&]() -> Values { return {before[0]}; };
                  return b.branch(isHere, add, keep);
                })[0];
}

LogicalResult ScatterSearch::emit(int64_t launch, DeviceBuilder &b) {
  if (chunks == 1) {
    forEachPoint(b, target, points, [&](Value number) {
      Value sum = search(b, number, b.i64(0), b.extent(g.indices));
      storeFloat(b, b.operand(2), number, element, sum);
    });
    return success();
  }
  Value workspace = b.operand(numOperands);
  if (launch == 0) {
    forEachPoint(b, target, points * DimExpr(chunks), [&](Value number) {
      Values at = unflatten(b, number, {DimExpr(chunks), points}, INT64_MAX);
      Value size = b.extent(chunkSize);
      Value from = b.mulI(at[0], size);
      Value to =
          b.binary(Binary::MinS, b.addI(from, size), b.extent(g.indices));
      storeFloat(b, workspace, number, element, search(b, at[1], from, to));
    });
    return success();
  }
  forEachPoint(b, target, points, [&](Value number) {
    auto part = [&](Value chunk) {
      Value place = b.addI(b.mulI(chunk, b.extent(points)), number);
      return loadFloat(b, workspace, place, element);
    };
    Value sum = b.loop(
        b.i64(1), b.i64(chunks), 1, {part(b.i64(0))},
        [&](Value chunk, ValueRange before) -> Values {
          return {combine(b, plan::ReduceKind::add, before[0], part(chunk))};
        })[0];
    storeFloat(b, b.operand(2), number, element, sum);
  });
  return success();
}

/// Searches unless the indices are so many that it is better for an item to add
/// a whole column of the plane.
std::unique_ptr<DeviceKernel> createScatterAdd(plan::ScatterAddOp op,
                                               const DeviceTarget &target,
                                               const BoundOf &boundOf) {
  Geometry g(op, op.getOut());
  Type element = tensorOf(op.getOut()).getElementType();
  Type type = registerType(element);
  constexpr int64_t kMostSearched = 1 << 20;
  int64_t searched = boundOf(g.axis * g.indices).value_or(INT64_MAX);
  if (searched <= kMostSearched || type != element)
    return std::make_unique<ScatterSearch>(
        g, element, std::ssize(op->getOperands()), target, boundOf);
  DimExpr points = g.batch * g.outer * g.inner;
  int64_t bound = boundOf(points).value_or(INT64_MAX);
  auto body = [=](DeviceBuilder &b, Value number) {
    Values at = unflatten(b, number, {g.batch, g.outer, g.inner}, bound);
    Value plane = b.addI(b.mulI(at[0], b.extent(g.outer)), at[1]);
    b.loop(b.i64(0), b.extent(g.axis), 1, {},
           [&](Value a, ValueRange) -> Values {
             storeFloat(b, b.operand(2), g.offset(b, plane, g.axis, a, at[2]),
                        element, identity(b, plan::ReduceKind::add, type));
             return {};
           });
    b.loop(b.i64(0), b.extent(g.indices), 1, {},
           [&](Value i, ValueRange) -> Values {
             Value position = g.position(b, b.operand(1), at[0], i);
             Value place = g.offset(b, plane, g.axis, position, at[2]);
             Value x =
                 loadFloat(b, b.operand(0),
                           g.offset(b, plane, g.indices, i, at[2]), element);
             Value before = loadFloat(b, b.operand(2), place, element);
             storeFloat(b, b.operand(2), place, element,
                        combine(b, plan::ReduceKind::add, before, x));
             return {};
           });
  };
  return std::make_unique<PointKernel>(target, points, body);
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
        return createScatterAdd(op, target, boundOf);
      })
      .Case([&](plan::CopyOp op) { return createCopy(op, target, boundOf); })
      .Default([](Operation *) { return nullptr; });
}
