//===- Contraction.cpp - Products of tiles in the memory of a group -------===//
#include "Contraction.h"
#include "FactorLoader.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;
using arith::CmpIPredicate;

/// Depths that a turn of the inner loop multiplies where whole slices come in
/// runs, and slices of a group that are too few for that.
static constexpr int64_t kUnrolledRuns = 8, kFewSlices = 12;

void Contraction::chooseTile(const DeviceTarget &target,
                             const BoundOf &boundOf) {
  grid.chooseTile(target, ArrayRef(target.tiles), boundOf, tile);
}

//===- Emission -----------------------------------------------------------===//

void Contraction::emit(int64_t launch, DeviceBuilder &b,
                       Value workspace) const {
  if (launch == 1)
    return grid.combine(
        b, workspace, open,
        [&](Value row, Value column, Value sum) { store(row, column, {sum}); });
  grid.emit(b, open,
            [&](const TileGrid::Tile &part) { emitTile(b, part, workspace); });
}

void Contraction::emitTile(DeviceBuilder &k, const TileGrid::Tile &part,
                           Value workspace) const {
  auto quad = VectorType::get(kQuad, grid.elementType(k));
  int64_t aArray = k.shared(quad, tile.depth * lineLength(tile.rows));
  int64_t bArray = k.shared(quad, tile.depth * lineLength(tile.columns));
  FactorLoader aLoader(k, a, tile.rows, tile.depth, tile.items(), aArray);
  FactorLoader bLoader(k, b, tile.columns, tile.depth, tile.items(), bArray);
  auto countOf = [&](const DimExpr &extent, int64_t size) {
    return isMultiple(extent, size) ? Value() : narrow(k, k.extent(extent));
  };
  aLoader.open(part.row, countOf(grid.rows, tile.rows));
  bLoader.open(part.column, countOf(grid.columns, tile.columns));
  // Whole slices need no guard.
  bool isWhole = isMultiple(grid.depth, tile.depth) && !grid.mayBeEmpty();
  Value end = isWhole ? Value() : narrow(k, part.to);
  Value last = k.subI(part.to, k.i64(tile.depth));
  auto load = [&](Value depth) {
    return std::pair(aLoader.load(depth, end), bLoader.load(depth, end));
  };
  auto store = [&](const std::pair<Values, Values> &numbers, Value depth) {
    aLoader.store(numbers.first, depth, end);
    bLoader.store(numbers.second, depth, end);
    k.barrier();
  };
  Values zeros(tile.itemRows * tile.itemColumns / kQuad,
               k.splat(zeroOf(k, grid.elementType(k)), kQuad));
  // There may be two copies of code that is short. With guards it is not, and
  // takes up to a third longer than the loop below, as it does for few slices.
  if (isWhole && a.readRun && b.readRun && grid.groupSlices() > kFewSlices) {
    auto fetch = [&](Value at) {
      Value depth = narrow(k, at);
      return std::pair(load(depth), depth);
    };
    auto multiply = [&](ValueRange before) {
      return multiplySlices(k, tile, aArray, bArray, before, /*aLine=*/{},
                            kUnrolledRuns);
    };
    auto [start, startDepth] = fetch(part.from);
    store(start, startDepth);
    Values sums = k.loop(
        k.addI(part.from, k.i64(tile.depth)), part.to, tile.depth, zeros,
        [&](Value at, ValueRange before) -> Values {
          auto [next, depth] = fetch(at);
          Values after = multiply(before);
          k.barrier();
          store(next, depth);
          return after;
        },
        /*isRolled=*/true);
    return storeTile(k, part, multiply(sums), workspace);
  }
  // The first turn only brings a slice, the last one brings one that nobody
  // needs: so there is one copy of that code, which may be long.
  Value first = k.subI(part.from, k.i64(tile.depth));
  Values sums = k.loop(
      first, part.to, tile.depth, zeros,
      [&](Value at, ValueRange before) -> Values {
        Value depth = k.addI(at, k.i64(tile.depth));
        if (isWhole)
          depth = k.binary(Binary::MinS, depth, last);
        depth = narrow(k, depth);
        auto next = load(depth);
        Values after = k.branch(
            k.compare(CmpIPredicate::sge, at, part.from),
            [&] { return multiplySlices(k, tile, aArray, bArray, before); },
            [&] { return Values(before); });
        k.barrier();
        store(next, depth);
        return after;
      });
  storeTile(k, part, sums, workspace);
}

void Contraction::storeTile(DeviceBuilder &k, const TileGrid::Tile &part,
                            ArrayRef<Value> sums, Value workspace) const {
  int64_t itemsAcross = tile.columns / tile.itemColumns;
  int64_t itemsDown = tile.rows / tile.itemRows;
  auto [itemRow, itemColumn] = itemPlace(k, tile);
  Value rowCount = narrow(k, k.extent(grid.rows));
  Value columnCount = narrow(k, k.extent(grid.columns));
  int64_t width =
      workspace ? (isMultiple(grid.columns, kQuad) ? kQuad : 1) : storeWidth;
  for (int64_t i = 0; i < tile.itemRows; ++i)
    for (int64_t j = 0; j < tile.itemColumns; j += width) {
      Value row = k.addI(part.row, placeInTile(k, itemRow, i, itemsDown));
      Value column =
          k.addI(part.column, placeInTile(k, itemColumn, j, itemsAcross));
      Value isInside =
          k.andI(k.compare(CmpIPredicate::slt, row, rowCount),
                 k.compare(CmpIPredicate::slt, column, columnCount));
      onlyIf(k, isInside, [&] {
        Value quad = sums[(i * tile.itemColumns + j) / kQuad];
        Values run;
        for (int64_t lane = 0; lane < width; ++lane)
          run.push_back(k.extract(quad, j % kQuad + lane));
        if (workspace)
          grid.storePartial(k, workspace, part, row, column, run);
        else
          store(row, column, run);
      });
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

static Value activateOne(KernelBuilder &b, plan::Activation activation,
                         Value x) {
  Math math(b);
  auto sigmoid = [&](Value of) {
    return b.divF(b.f32(1), b.addF(b.f32(1), math.exp(b.negF(of))));
  };
  switch (activation) {
  case plan::Activation::none:
    return x;
  case plan::Activation::relu: // NaN stays
    return b.choose(b.test(arith::CmpFPredicate::OLE, x, b.f32(0)), b.f32(0),
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

void kernels::activate(DeviceBuilder &b, plan::Activation activation,
                       Values &numbers) {
  if (activation == plan::Activation::none)
    return;
  if (numbers.front().getType().isInteger()) { // whose only one is relu
    for (Value &number : numbers)
      number = b.binary(Binary::MaxS, number, b.i32(0));
    return;
  }
  int64_t lanes = std::exchange(b.lanes, std::ssize(numbers));
  Value joined = activateOne(b, activation, b.join(numbers));
  for (auto [lane, number] : llvm::enumerate(numbers))
    number = b.extract(joined, static_cast<int64_t>(lane));
  b.lanes = lanes;
}
