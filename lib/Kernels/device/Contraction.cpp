//===- Contraction.cpp - Products of tiles in the memory of a group -------===//
#include "Contraction.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;

namespace {
DimExpr blocksOf(const DimExpr &extent, int64_t size) {
  return (extent + DimExpr(size - 1)).floorDiv(size);
}
DimExpr productOf(ArrayRef<DimExpr> extents) {
  DimExpr product(1);
  for (const DimExpr &extent : extents)
    product = product * extent;
  return product;
}

/// An item adds the parts of one sum: there are few.
const DeviceTarget kCombining{.pointsPerItem = 1};
/// The workspace is no larger.
constexpr int64_t kMostBytes = int64_t(16) << 20;
} // namespace

//===- Sizes --------------------------------------------------------------===//

SmallVector<DimExpr> TileGrid::blocks() const {
  SmallVector<DimExpr> extents(batch);
  extents.push_back(blocksOf(rows, tileRows));
  extents.push_back(blocksOf(columns, tileColumns));
  return extents;
}

DimExpr TileGrid::groups() const {
  DimExpr groups(1);
  for (const DimExpr &extent : blocks())
    groups = groups * extent;
  return groups;
}

SmallVector<DimExpr> Contraction::points() const {
  SmallVector<DimExpr> extents(batch);
  extents.push_back(rows);
  extents.push_back(columns);
  return extents;
}

SmallVector<DeviceLaunch> Contraction::launches() const {
  SmallVector<DeviceLaunch> launches = {
      {.groups = grid().groups() * DimExpr(chunks), .groupSize = tile.items()}};
  if (chunks > 1)
    launches.push_back(pointLaunch(kCombining, productOf(points())));
  return launches;
}

int64_t Contraction::workspaceBytes(const BoundOf &boundOf) const {
  if (chunks == 1)
    return 0;
  DimExpr sums = productOf(points()) * DimExpr(chunks);
  return 4 * boundOf(sums).value_or(0);
}

void Contraction::chooseTile(const DeviceTarget &target,
                             const BoundOf &boundOf) {
  auto bound = [&](const DimExpr &extent) {
    return std::max<int64_t>(1, boundOf(extent).value_or(1));
  };
  for (const DeviceTarget::Tile &candidate : target.tiles) {
    tile = candidate;
    bool isFilled =
        2 * bound(rows) > tile.rows && 2 * bound(columns) > tile.columns;
    if (isFilled && bound(grid().groups()) >= target.busyGroups)
      return;
  }
  // Two groups to each processor, with enough to sum to be worth a launch.
  int64_t most = std::min({2 * target.busyGroups / bound(grid().groups()),
                           bound(depth) / (4 * tile.depth),
                           kMostBytes / 4 / bound(productOf(points()))});
  chunks = std::max<int64_t>(1, most);
}

LogicalResult kernels::checkSizes(Operation *op, const TileGrid &grid,
                                  const DimExpr &depth,
                                  const BoundOf &boundOf) {
  for (const DimExpr &extent :
       {grid.rows, grid.columns, depth, grid.groups()}) {
    std::optional<int64_t> bound = boundOf(extent);
    // The end of the last tile must be in range too.
    if (!bound || *bound > INT32_MAX - 4096)
      return op->emitOpError()
             << "has an extent of " << extent.str()
             << ", more than a contraction on a device may have";
  }
  return success();
}

//===- Emission -----------------------------------------------------------===//

void TileGrid::emit(DeviceBuilder &b, function_ref<void(ArrayRef<Value>)> open,
                    function_ref<void(Value, Value)> body) const {
  // Groups beyond the last one have nothing to do.
  Value exists =
      b.compare(arith::CmpIPredicate::slt, b.group(), b.extent(groups()));
  onlyIf(b, exists, [&] {
    Values place = unflatten(b, b.group(), blocks(), INT32_MAX);
    Value column = place.pop_back_val(), row = place.pop_back_val();
    open(place);
    body(narrow(b, b.mulI(row, b.i64(tileRows))),
         narrow(b, b.mulI(column, b.i64(tileColumns))));
  });
}

void Contraction::emit(int64_t launch, DeviceBuilder &b,
                       Value workspace) const {
  if (launch == 1)
    return combine(b, workspace);
  if (chunks == 1)
    return grid().emit(b, open, [&](Value firstRow, Value firstColumn) {
      emitTile(b, firstRow, firstColumn, b.i64(0), b.extent(depth), store);
    });
  TileGrid parts = grid();
  parts.batch.push_back(DimExpr(chunks));
  Value from, to, first; // of the depth, and in the workspace
  auto openPart = [&](ArrayRef<Value> place) {
    open(place.drop_back());
    DimExpr slices = blocksOf(blocksOf(depth, tile.depth), chunks);
    Value size = b.extent(slices * DimExpr(tile.depth));
    from = b.mulI(place.back(), size);
    to = b.binary(Binary::MinS, b.addI(from, size), b.extent(depth));
    first = place.back();
    for (auto [extent, at] : llvm::zip(batch, place))
      first = b.addI(b.mulI(first, b.extent(extent)), at);
  };
  parts.emit(b, openPart, [&](Value firstRow, Value firstColumn) {
    emitTile(b, firstRow, firstColumn, from, to,
             [&](Value row, Value column, Value sum) {
               Value place =
                   b.addI(b.mulI(first, b.extent(rows)), wide(b, row));
               place =
                   b.addI(b.mulI(place, b.extent(columns)), wide(b, column));
               storeFloat(b, workspace, place, b.f32Type(), sum);
             });
  });
}

/// Adds the parts of each sum, always in the same order.
void Contraction::combine(DeviceBuilder &b, Value workspace) const {
  DimExpr count = productOf(points());
  forEachPoint(b, kCombining, count, [&](Value number) {
    auto part = [&](Value chunk) {
      Value place = b.addI(b.mulI(chunk, b.extent(count)), number);
      return loadFloat(b, workspace, place, b.f32Type());
    };
    Value sum = b.loop(b.i64(1), b.i64(chunks), 1, {part(b.i64(0))},
                       [&](Value chunk, ValueRange before) -> Values {
                         return {b.addF(before[0], part(chunk))};
                       })[0];
    Values place = unflatten(b, number, points(), INT32_MAX);
    Value column = place.pop_back_val(), row = place.pop_back_val();
    open(place);
    store(narrow(b, row), narrow(b, column), sum);
  });
}

void Contraction::emitTile(DeviceBuilder &b, Value firstRow, Value firstColumn,
                           Value from, Value to,
                           function_ref<void(Value, Value, Value)> put) const {
  using arith::CmpIPredicate;
  Value rowCount = narrow(b, b.extent(rows));
  Value columnCount = narrow(b, b.extent(columns));
  Value depthCount = narrow(b, b.extent(depth));
  int64_t aTile = b.shared(b.f32Type(), tile.depth * tile.rows);
  int64_t bTile = b.shared(b.f32Type(), tile.depth * tile.columns);
  int64_t items = tile.items();
  // Of each of its rows and columns an item takes every `rowStep`-th, so that
  // neighbouring items read and write neighbouring elements.
  int64_t rowStep = tile.rows / tile.itemRows;
  int64_t columnStep = tile.columns / tile.itemColumns;
  Value item = b.item();
  Value itemRow = b.binary(Binary::DivU, item, b.i32(columnStep));
  Value itemColumn = b.subI(item, b.mulI(itemRow, b.i32(columnStep)));

  // Brings a slice of `width` x depth to the group's memory.
  auto bring = [&](int64_t array, int64_t width, bool isDepthFast, Value first,
                   Value count, Value firstDepth,
                   function_ref<Value(Value, Value)> load) {
    for (int64_t from = 0; from < width * tile.depth; from += items) {
      Value number = b.addI(item, b.i32(from));
      Value fast = b.i32(isDepthFast ? tile.depth : width);
      Value slow = b.binary(Binary::DivU, number, fast);
      Value rest = b.subI(number, b.mulI(slow, fast));
      Value across = isDepthFast ? slow : rest;
      Value along = isDepthFast ? rest : slow;
      auto bringOne = [&] {
        Value at = b.addI(first, across), inDepth = b.addI(firstDepth, along);
        Value isInside =
            b.andI(b.compare(CmpIPredicate::slt, at, count),
                   b.compare(CmpIPredicate::slt, inDepth, depthCount));
        // Outside, the first element is read and dropped.
        Value value = load(b.select(isInside, at, b.i32(0)),
                           b.select(isInside, inDepth, b.i32(0)));
        b.storeShared(array, b.addI(b.mulI(along, b.i32(width)), across),
                      b.select(isInside, value, b.f32(0)));
      };
      bool isWhole = from + items <= width * tile.depth;
      onlyIf(b,
             isWhole ? Value()
                     : b.compare(CmpIPredicate::slt, number,
                                 b.i32(width * tile.depth)),
             bringOne);
    }
  };

  Values zeros(tile.itemRows * tile.itemColumns, b.f32(0));
  auto multiply = [&](Value at, ValueRange before) -> Values {
    Value slice = narrow(b, at);
    Values left, right, after;
    for (int64_t i = 0; i < tile.itemRows; ++i)
      left.push_back(
          b.loadShared(aTile, b.addI(b.mulI(slice, b.i32(tile.rows)),
                                     b.addI(itemRow, b.i32(i * rowStep)))));
    for (int64_t j = 0; j < tile.itemColumns; ++j)
      right.push_back(b.loadShared(
          bTile, b.addI(b.mulI(slice, b.i32(tile.columns)),
                        b.addI(itemColumn, b.i32(j * columnStep)))));
    for (int64_t i = 0; i < tile.itemRows; ++i)
      for (int64_t j = 0; j < tile.itemColumns; ++j)
        after.push_back(b.fma(left[i], right[j], before[after.size()]));
    return after;
  };
  Values sums = b.loop(
      from, to, tile.depth, zeros, [&](Value at, ValueRange before) -> Values {
        Value firstDepth = narrow(b, at);
        bring(aTile, tile.rows, isADepthFast, firstRow, rowCount, firstDepth,
              loadA);
        bring(bTile, tile.columns, isBDepthFast, firstColumn, columnCount,
              firstDepth,
              [&](Value column, Value at) { return loadB(at, column); });
        b.barrier();
        Values after = b.loop(b.i64(0), b.i64(tile.depth), 1, before, multiply);
        b.barrier();
        return after;
      });
  for (int64_t i = 0; i < tile.itemRows; ++i)
    for (int64_t j = 0; j < tile.itemColumns; ++j) {
      Value row = b.addI(firstRow, b.addI(itemRow, b.i32(i * rowStep)));
      Value column =
          b.addI(firstColumn, b.addI(itemColumn, b.i32(j * columnStep)));
      Value isInside =
          b.andI(b.compare(CmpIPredicate::slt, row, rowCount),
                 b.compare(CmpIPredicate::slt, column, columnCount));
      onlyIf(b, isInside,
             [&] { put(row, column, sums[i * tile.itemColumns + j]); });
    }
}

//===- Elements -----------------------------------------------------------===//

Value kernels::loadFloat(KernelBuilder &b, Value pointer, Value offset,
                         Type element) {
  Value place = b.address(pointer, offset, bytesOf(element));
  return decode(b, b.load(place, storageType(element), false, {}), element);
}

void kernels::storeFloat(KernelBuilder &b, Value pointer, Value offset,
                         Type element, Value value) {
  Value place = b.address(pointer, offset, bytesOf(element));
  b.store(place, encode(b, value, element), {}, false);
}

Value kernels::activate(KernelBuilder &b, plan::Activation activation,
                        Value x) {
  Math math(b);
  auto sigmoid = [&](Value of) {
    return b.divF(b.f32(1), b.addF(b.f32(1), math.exp(b.negF(of))));
  };
  switch (activation) {
  case plan::Activation::none:
    return x;
  case plan::Activation::relu: // NaN stays
    return b.select(b.compare(arith::CmpFPredicate::OLT, x, b.f32(0)), b.f32(0),
                    x);
  case plan::Activation::tanh:
    return math.tanh(x);
  case plan::Activation::gelu_erf: {
    Value erf = math.erf(b.mulF(x, b.f32(0.70710678118654752)));
    return b.mulF(b.mulF(x, b.f32(0.5)), b.addF(b.f32(1), erf));
  }
  case plan::Activation::gelu_tanh: {
    Value cube = b.mulF(b.mulF(x, x), x);
    Value inner = b.mulF(b.addF(x, b.mulF(cube, b.f32(0.044715))),
                         b.f32(0.79788456080286536));
    return b.mulF(b.mulF(x, b.f32(0.5)), b.addF(b.f32(1), math.tanh(inner)));
  }
  case plan::Activation::sigmoid:
    return sigmoid(x);
  case plan::Activation::silu:
    return b.mulF(x, sigmoid(x));
  }
  return {};
}
