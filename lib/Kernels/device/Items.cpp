//===- Items.cpp - How work items share the points of a kernel ------------===//
#include "Items.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;

Value kernels::narrow(KernelBuilder &b, Value number) {
  return b.cast(Cast::TruncI, number, b.intType(32));
}

Value kernels::wide(KernelBuilder &b, Value number) {
  return b.cast(Cast::ExtS, number, b.intType(64));
}

int64_t kernels::pointBound(ArrayRef<int64_t> bounds) {
  int64_t points = 1;
  for (int64_t bound : bounds)
    if (llvm::MulOverflow(points, bound, points))
      return INT64_MAX;
  return points;
}

Values kernels::unflatten(KernelBuilder &b, Value number,
                          ArrayRef<DimExpr> extents, int64_t bound) {
  // Devices divide 32 bits several times faster than 64.
  bool isNarrow = bound <= INT32_MAX;
  auto value = [&](const DimExpr &extent) {
    return isNarrow ? narrow(b, b.extent(extent)) : b.extent(extent);
  };
  Value rest = isNarrow ? narrow(b, number) : number;
  Values coordinates(extents.size());
  for (size_t left = extents.size(); left-- > 0;) {
    Value coordinate = rest;
    if (left > 0) {
      Value extent = value(extents[left]);
      Value quotient = b.binary(Binary::DivU, rest, extent);
      coordinate = b.subI(rest, b.mulI(quotient, extent));
      rest = quotient;
    }
    coordinates[left] = isNarrow ? wide(b, coordinate) : coordinate;
  }
  return coordinates;
}

//===- Points -------------------------------------------------------------===//

DeviceLaunch kernels::pointLaunch(const DeviceTarget &target,
                                  const DimExpr &points) {
  int64_t block = target.groupSize * target.pointsPerItem;
  return {.groups = (points + DimExpr(block - 1)).floorDiv(block),
          .groupSize = target.groupSize};
}

void kernels::forEachPoint(DeviceBuilder &b, const DeviceTarget &target,
                           const DimExpr &points,
                           function_ref<void(Value)> body) {
  int64_t block = target.groupSize * target.pointsPerItem;
  Value first = b.mulI(b.group(), b.i64(block));
  Value end =
      b.binary(Binary::MinS, b.addI(first, b.i64(block)), b.extent(points));
  b.loop(b.addI(first, wide(b, b.item())), end, target.groupSize, {},
         [&](Value point, ValueRange) -> Values {
           body(point);
           return {};
         });
}

void kernels::onlyIf(KernelBuilder &b, Value condition,
                     function_ref<void()> body) {
  if (!condition)
    return body();
  b.branch(
      condition,
      [&]() -> Values {
        body();
        return {};
      },
      []() -> Values { return {}; });
}

//===- Reductions within a group ------------------------------------------===//

Values kernels::combineItems(DeviceBuilder &b, ArrayRef<plan::ReduceOp> reduces,
                             ArrayRef<Value> values, Value row, Value column,
                             int64_t rows, int64_t columns) {
  if (rows == 1)
    return Values(values);
  SmallVector<int64_t> arrays;
  Value place = b.addI(b.mulI(row, b.i32(columns)), column);
  for (Value value : values) {
    arrays.push_back(b.shared(value.getType(), rows * columns));
    b.storeShared(arrays.back(), place, value);
  }
  b.barrier();
  // A tree: the order of the sum depends on the number of rows alone.
  for (int64_t half = rows / 2; half > 0; half /= 2) {
    Value isUpper = b.compare(arith::CmpIPredicate::ult, row, b.i32(half));
    onlyIf(b, isUpper, [&] {
      Value other = b.addI(place, b.i32(half * columns));
      for (auto [array, reduce] : llvm::zip(arrays, reduces)) {
        Value sum =
            combine(b, const_cast<plan::ReduceOp &>(reduce).getKind(),
                    b.loadShared(array, place), b.loadShared(array, other));
        b.storeShared(array, place, sum);
      }
    });
    b.barrier();
  }
  Values results;
  for (int64_t array : arrays)
    results.push_back(b.loadShared(array, column));
  return results;
}

Values kernels::operandPointers(DeviceBuilder &b, const Model &model) {
  Values pointers;
  size_t count = model.reads.size() + model.writes.size();
  for (size_t index = 0; index < count; ++index) {
    const Operand &operand = index < model.reads.size()
                                 ? model.reads[index]
                                 : model.writes[index - model.reads.size()];
    Value pointer = b.operand(index);
    if (!operand.isWhole && !(operand.access.offset == DimExpr(0)))
      pointer =
          b.address(pointer, b.extent(operand.access.offset),
                    std::max(1u, operand.element.getIntOrFloatBitWidth() / 8));
    pointers.push_back(pointer);
  }
  return pointers;
}
