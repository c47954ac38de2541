//===- Items.cpp - How work items share the points of a kernel ------------===//
#include "Items.h"

#include "MatrixContraction.h"

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
    std::optional<int64_t> number = extent.asConstant();
    return !isNarrow ? b.extent(extent)
           : number  ? b.i32(*number)
                     : narrow(b, b.extent(extent));
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

void kernels::forEachPointOf(DeviceBuilder &b, const DeviceTarget &target,
                             Value group, const DimExpr &points,
                             function_ref<void(Value)> body) {
  int64_t block = target.groupSize * target.pointsPerItem;
  Value begin = b.mulI(group, b.i64(block));
  Value first = b.addI(begin, wide(b, b.item()));
  Value end = b.extent(points);
  // Where groups go on in y, there may be some beyond the last.
  if (target.pointsPerItem == 1)
    return onlyIf(b, b.compare(arith::CmpIPredicate::slt, first, end),
                  [&] { body(first); });
  end = b.binary(Binary::MinS, b.addI(begin, b.i64(block)), end);
  b.loop(first, end, target.groupSize, {},
         [&](Value point, ValueRange) -> Values {
           body(point);
           return {};
         });
}

void kernels::forEachPoint(DeviceBuilder &b, const DeviceTarget &target,
                           const DimExpr &points,
                           function_ref<void(Value)> body) {
  forEachPointOf(b, target, b.group(), points, body);
}

bool kernels::liesAlong(const Model &model, const Operand &operand, int64_t dim,
                        int64_t lanes) {
  if (!isMultiple(operand.access.offset, lanes))
    return false;
  for (auto [at, stride] : llvm::enumerate(operand.access.strides)) {
    bool isFit = static_cast<int64_t>(at) == dim
                     ? stride == DimExpr(1)
                     : model.isUnit(at) || isMultiple(stride, lanes);
    if (!isFit)
      return false;
  }
  return true;
}

int64_t kernels::lanesAlong(const Model &model, const DeviceTarget &target) {
  int64_t dim = model.vectorDim;
  if (dim < 0 || !isMultiple(model.space[dim], target.lanes))
    return 1;
  bool isOfUse = false;
  for (ArrayRef<Operand> operands :
       {ArrayRef(model.reads), ArrayRef(model.writes)})
    for (const Operand &operand : operands) {
      if (operand.isWhole || !has(operand.varies, dim))
        continue;
      isOfUse = true;
      if (!liesAlong(model, operand, dim, target.lanes))
        return 1;
    }
  return isOfUse ? target.lanes : 1;
}

void kernels::openPoint(Scope &scope, Dims dims, ArrayRef<Value> coordinates) {
  KernelBuilder &b = scope.b;
  SmallVector<int64_t> single;
  Values at;
  Value lane;
  for (int64_t dim = 0; !coordinates.empty(); ++dim) {
    if (!has(dims, dim))
      continue;
    Value coordinate = coordinates.consume_front();
    if (b.lanes > 1 && dim == scope.model.vectorDim) {
      lane = b.mulI(coordinate, b.i64(b.lanes));
    } else {
      single.push_back(dim);
      at.push_back(coordinate);
    }
  }
  scope.open(single, at);
  if (lane)
    scope.openLanes(lane, {});
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

/// The combination of `count` numbers, neighbours first.
static Value combineTree(KernelBuilder &b, plan::ReduceKind kind,
                         Values values) {
  for (; values.size() > 1; values.truncate(values.size() / 2))
    for (size_t pair = 0; pair < values.size() / 2; ++pair)
      values[pair] = combine(b, kind, values[2 * pair], values[2 * pair + 1]);
  return values.front();
}

SmallVector<plan::ReduceKind>
kernels::kindsOf(ArrayRef<plan::ReduceOp> reduces) {
  return llvm::map_to_vector(
      reduces, [](plan::ReduceOp reduce) { return reduce.getKind(); });
}

Values kernels::combineItems(DeviceBuilder &b, ArrayRef<plan::ReduceKind> kinds,
                             ArrayRef<Value> values, Value row, Value column,
                             int64_t rows, int64_t columns) {
  Values results(values);
  // What is left of the rows: all items read few, or some combine 16 each.
  constexpr int64_t kFew = 32, kStep = 16;
  for (bool isFirst = true; rows > 1 && !results.empty(); isFirst = false) {
    SmallVector<int64_t> arrays;
    int64_t left = rows <= kFew ? 1 : rows / kStep;
    Value isPart;
    if (!isFirst)
      isPart = b.compare(arith::CmpIPredicate::ult, row, b.i32(rows));
    onlyIf(b, isPart, [&] {
      Value place = b.addI(b.mulI(row, b.i32(columns)), column);
      for (Value value : results) {
        arrays.push_back(b.shared(value.getType(), rows * columns));
        b.storeShared(arrays.back(), place, value);
      }
    });
    b.barrier();
    auto read = [&](Value first) {
      Values sums;
      for (auto [array, kind] : llvm::zip_equal(arrays, kinds)) {
        Values parts;
        for (int64_t part = 0; part < rows / left; ++part) {
          Value from = b.addI(first, b.i32(part * left));
          Value at = b.addI(b.mulI(from, b.i32(columns)), column);
          parts.push_back(b.loadShared(array, at));
        }
        sums.push_back(combineTree(b, kind, parts));
      }
      return sums;
    };
    if (left == 1)
      return read(b.i32(0));
    Value isReader = b.compare(arith::CmpIPredicate::ult, row, b.i32(left));
    results = b.branch(
        isReader, [&] { return read(row); }, [&] { return results; });
    rows = left;
  }
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
