//===- Contraction.cpp - Products of tiles in the memory of a group -------===//
#include "Contraction.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;
using arith::CmpIPredicate;

// In the group's memory a slice is an array of quads, four neighbours across
// each; lines, one for each depth, are a quad longer than what they hold, so
// that items which store along the depth meet in few banks.

namespace {

/// Numbers in a quad, depths that a turn of the inner loop multiplies, and
/// elements that an item reads at once where each has to be found.
constexpr int64_t kQuad = 4, kUnrolled = 2, kFoundAtOnce = 4;

Value zeroOf(KernelBuilder &b, Type type) {
  return b.constant(b.builder.getZeroAttr(type));
}

int64_t strideOf(int64_t across) { return across / kQuad + 1; }

/// An item's part in bringing the slices of one factor to the group's memory.
/// Runs of four are on their way in registers while items multiply. Elements
/// that have to be found one by one are copied after that, in a loop: the code
/// that finds one may be long, and copies of it would make most of a shader.
class FactorLoader {
public:
  FactorLoader(DeviceBuilder &b, const Contraction::Factor &factor,
               int64_t across, int64_t depth, int64_t items, int64_t array)
      : b(b), factor(factor), across(across), items(items), array(array),
        fast(factor.isDepthFast ? depth : across),
        lines(factor.isDepthFast ? across : depth) {}

  /// Finds the item's runs of slices of what comes at `first`; elements from
  /// `count` on do not exist. With a null `count` all of them do.
  void open(Value first, Value count);
  /// Reads the item's runs of the slice from `depth` on; elements from `end`
  /// (null: none) on are zeros.
  Values load(Value depth, Value end) const;
  void store(ArrayRef<Value> numbers) const;
  /// Copies the item's elements of that slice, if there are no runs.
  void copy(Value depth, Value end) const;

private:
  struct Slot {
    Value isMine; // null: always
    Value place,
        lane; // of the first element; `lane` where runs lie along depth
    Value across, along; // along: from the slice's start
  };
  /// Where an element of the slice lies in the group's memory.
  std::pair<Value, Value> placeOf(Value inTile, Value along) const {
    Value quad = b.binary(Binary::DivU, inTile, b.i32(kQuad));
    return {b.addI(b.mulI(along, b.i32(strideOf(across))), quad),
            b.subI(inTile, b.mulI(quad, b.i32(kQuad)))};
  }
  /// What `read` finds at (x, d), zeros where nothing exists.
  Values readInside(Value x, Value d, Value end,
                    function_ref<Values(Value, Value)> read) const;

  DeviceBuilder &b;
  const Contraction::Factor &factor;
  int64_t across, items, array;
  int64_t fast, lines; // elements along which neighbours lie, and lines of such
  Value first, count;
  SmallVector<Slot> slots;
};

void FactorLoader::open(Value theFirst, Value theCount) {
  first = theFirst, count = theCount;
  if (!factor.readRun)
    return;
  int64_t runs = fast / kQuad, total = lines * runs;
  for (int64_t from = 0; from < total; from += items) {
    Slot slot;
    Value number = b.addI(b.item(), b.i32(from));
    if (from + items > total)
      slot.isMine = b.compare(CmpIPredicate::slt, number, b.i32(total));
    Value line = b.binary(Binary::DivU, number, b.i32(runs));
    Value inLine =
        b.mulI(b.subI(number, b.mulI(line, b.i32(runs))), b.i32(kQuad));
    Value inTile = factor.isDepthFast ? line : inLine;
    slot.along = factor.isDepthFast ? inLine : line;
    std::tie(slot.place, slot.lane) = placeOf(inTile, slot.along);
    slot.across = b.addI(first, inTile);
    slots.push_back(slot);
  }
}

Values FactorLoader::readInside(Value x, Value d, Value end,
                                function_ref<Values(Value, Value)> read) const {
  // Outside, what comes first is read and dropped. Each coordinate is held back
  // alone, so that neighbours share what is computed of the other one.
  Value isInside;
  auto hold = [&](Value at, Value limit) {
    if (!limit)
      return at;
    Value isBefore = b.compare(CmpIPredicate::slt, at, limit);
    isInside = isInside ? b.andI(isInside, isBefore) : isBefore;
    return b.select(isBefore, at, b.i32(0));
  };
  x = hold(x, count), d = hold(d, end);
  Values numbers = read(x, d);
  if (isInside)
    for (Value &number : numbers)
      number = b.select(isInside, number, zeroOf(b, number.getType()));
  return numbers;
}

Values FactorLoader::load(Value depth, Value end) const {
  Values numbers;
  for (const Slot &slot : slots) // inside or outside as a whole
    llvm::append_range(numbers,
                       readInside(slot.across, b.addI(depth, slot.along), end,
                                  factor.readRun));
  return numbers;
}

void FactorLoader::store(ArrayRef<Value> numbers) const {
  for (auto [index, slot] : llvm::enumerate(slots)) {
    ArrayRef<Value> run = numbers.slice(index * kQuad, kQuad);
    onlyIf(b, slot.isMine, [&] {
      if (!factor.isDepthFast)
        return b.storeShared(array, slot.place, b.join(run));
      for (auto [i, number] : llvm::enumerate(run))
        b.storeSharedLane(array,
                          b.addI(slot.place, b.i32(static_cast<int64_t>(i) *
                                                   strideOf(across))),
                          slot.lane, number);
    });
  }
}

void FactorLoader::copy(Value depth, Value end) const {
  if (factor.readRun)
    return;
  // Neighbours are read by neighbours. Tiles are such that the items have whole
  // lines, and each has the same place in all of its own.
  int64_t linesAtOnce = items / fast;
  int64_t abreast = std::min(kFoundAtOnce, lines / linesAtOnce);
  Value line = b.binary(Binary::DivU, b.item(), b.i32(fast));
  Value inLine = b.subI(b.item(), b.mulI(line, b.i32(fast)));
  b.loop(b.i64(0), b.i64(lines), linesAtOnce * abreast, {},
         [&](Value from, ValueRange) -> Values {
           Values numbers, places, lanes;
           for (int64_t i = 0; i < abreast; ++i) {
             Value mine =
                 b.addI(narrow(b, from), b.addI(line, b.i32(i * linesAtOnce)));
             Value inTile = factor.isDepthFast ? mine : inLine;
             Value along = factor.isDepthFast ? inLine : mine;
             auto [place, lane] = placeOf(inTile, along);
             places.push_back(place), lanes.push_back(lane);
             llvm::append_range(numbers,
                                readInside(b.addI(first, inTile),
                                           b.addI(depth, along), end,
                                           [&](Value x, Value d) -> Values {
                                             return {factor.read(x, d)};
                                           }));
           }
           for (auto [place, lane, number] :
                llvm::zip_equal(places, lanes, numbers))
             b.storeSharedLane(array, place, lane, number);
           return {};
         });
}

} // namespace

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
  int64_t aArray = k.shared(quad, tile.depth * strideOf(tile.rows));
  int64_t bArray = k.shared(quad, tile.depth * strideOf(tile.columns));
  FactorLoader aLoader(k, a, tile.rows, tile.depth, tile.items(), aArray);
  FactorLoader bLoader(k, b, tile.columns, tile.depth, tile.items(), bArray);
  auto countOf = [&](const DimExpr &extent, int64_t size) {
    return isMultiple(extent, size) ? Value() : narrow(k, k.extent(extent));
  };
  aLoader.open(part.row, countOf(grid.rows, tile.rows));
  bLoader.open(part.column, countOf(grid.columns, tile.columns));
  // Whole slices need no guard; a chunk may be empty.
  bool isWhole = isMultiple(grid.depth, tile.depth) && grid.chunks == 1 &&
                 grid.depth.minimum().value_or(0) > 0;
  Value end = isWhole ? Value() : narrow(k, part.to);
  Value last = k.subI(part.to, k.i64(tile.depth));
  auto load = [&](Value depth) {
    return std::pair(aLoader.load(depth, end), bLoader.load(depth, end));
  };
  auto store = [&](const std::pair<Values, Values> &numbers, Value depth) {
    aLoader.store(numbers.first);
    bLoader.store(numbers.second);
    aLoader.copy(depth, end);
    bLoader.copy(depth, end);
    k.barrier();
  };
  Values zeros(tile.itemRows * tile.itemColumns / kQuad,
               k.splat(zeroOf(k, grid.elementType(k)), kQuad));
  // The first turn only brings a slice, the last one brings one that nobody
  // needs: so there is one copy of that code, which may be long.
  Value first = k.subI(part.from, k.i64(tile.depth));
  Values sums =
      k.loop(first, part.to, tile.depth, zeros,
             [&](Value at, ValueRange before) -> Values {
               Value depth = k.addI(at, k.i64(tile.depth));
               if (isWhole)
                 depth = k.binary(Binary::MinS, depth, last);
               depth = narrow(k, depth);
               auto next = load(depth);
               Values after = k.branch(
                   k.compare(CmpIPredicate::sge, at, part.from),
                   [&] { return multiply(k, aArray, bArray, before); },
                   [&] { return Values(before); });
               k.barrier();
               store(next, depth);
               return after;
             });
  storeTile(k, part, sums, workspace);
}

/// sums (quads of a row) + what the slices in the group's memory add.
Values Contraction::multiply(DeviceBuilder &k, int64_t aArray, int64_t bArray,
                             ValueRange sums) const {
  int64_t itemsAcross = tile.columns / tile.itemColumns;
  Value itemRow = k.binary(Binary::DivU, k.item(), k.i32(itemsAcross));
  Value itemColumn = k.subI(k.item(), k.mulI(itemRow, k.i32(itemsAcross)));
  // Of each kQuad x kQuad block of the tile an item has, the next is as far
  // away as all items are wide: then neighbours read neighbouring quads.
  auto loadQuads = [&](int64_t array, Value depth, int64_t across,
                       int64_t perItem, Value number) {
    Values quads;
    Value line = k.addI(k.mulI(depth, k.i32(strideOf(across))), number);
    for (int64_t i = 0; i < perItem / kQuad; ++i)
      quads.push_back(
          k.loadShared(array, k.addI(line, k.i32(i * across / perItem))));
    return quads;
  };
  return k.loop(k.i64(0), k.i64(tile.depth), kUnrolled, sums,
                [&](Value at, ValueRange before) -> Values {
                  Values now(before);
                  for (int64_t step = 0; step < kUnrolled; ++step) {
                    Value depth = k.addI(narrow(k, at), k.i32(step));
                    Values left = loadQuads(aArray, depth, tile.rows,
                                            tile.itemRows, itemRow);
                    Values right = loadQuads(bArray, depth, tile.columns,
                                             tile.itemColumns, itemColumn);
                    for (int64_t i = 0; i < tile.itemRows; ++i) {
                      Value number = k.extract(left[i / kQuad], i % kQuad);
                      Value same = k.splat(number, kQuad);
                      for (size_t j = 0; j < right.size(); ++j) {
                        Value &sum = now[i * right.size() + j];
                        sum = grid.element ? k.addI(k.mulI(same, right[j]), sum)
                                           : k.fma(same, right[j], sum);
                      }
                    }
                  }
                  return now;
                });
}

void Contraction::storeTile(DeviceBuilder &k, const TileGrid::Tile &part,
                            ArrayRef<Value> sums, Value workspace) const {
  int64_t itemsAcross = tile.columns / tile.itemColumns;
  int64_t itemsDown = tile.rows / tile.itemRows;
  Value itemRow = k.binary(Binary::DivU, k.item(), k.i32(itemsAcross));
  Value itemColumn = k.subI(k.item(), k.mulI(itemRow, k.i32(itemsAcross)));
  Value rowCount = narrow(k, k.extent(grid.rows));
  Value columnCount = narrow(k, k.extent(grid.columns));
  // The place of an item's number `i` in the tile.
  auto placeOf = [&](Value number, int64_t i, int64_t items) {
    return k.addI(k.mulI(number, k.i32(kQuad)),
                  k.i32(i / kQuad * kQuad * items + i % kQuad));
  };
  int64_t width =
      workspace ? (isMultiple(grid.columns, kQuad) ? kQuad : 1) : storeWidth;
  for (int64_t i = 0; i < tile.itemRows; ++i)
    for (int64_t j = 0; j < tile.itemColumns; j += width) {
      Value row = k.addI(part.row, placeOf(itemRow, i, itemsDown));
      Value column = k.addI(part.column, placeOf(itemColumn, j, itemsAcross));
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
