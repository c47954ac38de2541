//===- MatrixContraction.cpp - Products by matrix units -------------------===//
#include "SliceLoader.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;
using arith::CmpIPredicate;

// The group's memory is one array of four words each, so that the tile of c can
// lie where the slices were.

namespace {

/// f32 numbers in four words.
constexpr int64_t kSums = 4;
/// Of those an item stores so many in a turn, which do not wait for each other.
constexpr int64_t kStoresInTurn = 2;
} // namespace

//===- Sizes --------------------------------------------------------------===//

bool MatrixContraction::chooseTile(const DeviceTarget &target,
                                   const BoundOf &boundOf) {
  unit = target.unit;
  auto bound = [&](const DimExpr &extent) {
    return std::max<int64_t>(1, boundOf(extent).value_or(1));
  };
  if (!unit || bound(grid.rows) < unit.rows ||
      bound(grid.columns) < unit.columns || bound(grid.depth) < unit.depth)
    return false;
  grid.chooseTile(target, ArrayRef(target.matrixTiles), boundOf, tile);
  return tile.subgroupRows % unit.rows == 0 &&
         tile.subgroupColumns % unit.columns == 0 &&
         tile.depth % unit.depth == 0 &&
         (!isSplit ||
          (unit.depth == kSplitDepth && tile.depth % (2 * kSplitDepth) == 0));
}

//===- Emission -----------------------------------------------------------===//

void MatrixContraction::emit(int64_t launch, DeviceBuilder &k,
                             Value workspace) const {
  if (launch == 1)
    return grid.combine(
        k, workspace, open,
        [&](Value row, Value column, Value sum) { store(row, column, {sum}); });
  grid.emit(k, open,
            [&](const TileGrid::Tile &part) { emitTile(k, part, workspace); });
}

void MatrixContraction::emitTile(DeviceBuilder &k, const TileGrid::Tile &part,
                                 Value workspace) const {
  SliceLayout aLayout(a, tile.rows, tile.depth);
  SliceLayout bLayout(b, tile.columns, tile.depth);
  int64_t stage =
      tile.subgroups() * unit.rows * (tile.subgroupColumns / kSums + 1);
  int64_t array = k.shared(VectorType::get(4, k.intType(32)),
                           std::max(aLayout.size() + bLayout.size(), stage));

  SliceLoader aLoader(k, *this, a, tile.rows, array, 0);
  SliceLoader bLoader(k, *this, b, tile.columns, array, aLayout.size());
  aLoader.open(part.row, narrow(k, k.extent(a.extent)),
               isMultiple(a.extent, tile.rows));
  bLoader.open(part.column, narrow(k, k.extent(b.extent)),
               isMultiple(b.extent, tile.columns));
  // A slice that may go beyond the end of the depth has zeros there.
  bool isWhole =
      isMultiple(grid.depthHere ? grid.depthStep : grid.depth, tile.depth);
  Value end = narrow(k, part.to);
  auto load = [&](Value from, Value end) {
    return std::pair(aLoader.load(from, end), bLoader.load(from, end));
  };
  auto store = [&](const std::pair<Values, Values> &loaded) {
    aLoader.store(loaded.first);
    bLoader.store(loaded.second);
    k.barrier();
  };

  // Where the subgroup's part of either slice begins.
  Value subgroup = k.subgroup();
  int64_t down = tile.rows / tile.subgroupRows;
  Value across = k.binary(Binary::DivU, subgroup, k.i32(down));
  Value row = k.subI(subgroup, k.mulI(across, k.i32(down)));
  auto begin = [&](const Factor &factor, const SliceLayout &layout,
                   Value number, int64_t extent) {
    int64_t step =
        factor.isDepthFast ? layout.stride() * extent : extent / kPacked;
    return k.mulI(number, k.i32(step));
  };
  Value firstA = begin(a, aLayout, row, tile.subgroupRows);
  Value firstB = k.addI(begin(b, bLayout, across, tile.subgroupColumns),
                        k.i32(aLayout.size()));

  // A chunk may be empty.
  bool mayBeEmpty = grid.chunks > 1 || grid.depthHere;
  store(load(narrow(k, part.from), isWhole && !mayBeEmpty ? Value() : end));
  Values sums(tile.subgroupRows / unit.rows *
                  (tile.subgroupColumns / unit.columns),
              k.zeroSum());
  auto advance = [&](Value from, Value end, ValueRange before) {
    auto next = load(from, end);
    Values after = multiply(k, array, firstA, firstB, before);
    k.barrier();
    store(next);
    return after;
  };
  // The whole slices after the first.
  Value second = k.addI(part.from, k.i64(tile.depth)), wholeEnd = part.to;
  if (!isWhole) {
    Value size = k.i64(tile.depth);
    Value slices = k.binary(Binary::DivS, k.subI(part.to, part.from), size);
    wholeEnd = k.addI(part.from, k.mulI(slices, size));
  }
  sums = k.loop(
      second, wholeEnd, tile.depth, sums,
      [&](Value from, ValueRange before) -> Values {
        return advance(narrow(k, from), {}, before);
      },
      /*isRolled=*/true);
  if (!isWhole)
    sums =
        advance(narrow(k, k.binary(Binary::MaxS, wholeEnd, second)), end, sums);
  sums = multiply(k, array, firstA, firstB, sums);
  storeTile(k, array, subgroup, sums, part, workspace);
}

/// sums + what the slices in the group's memory add.
Values MatrixContraction::multiply(DeviceBuilder &k, int64_t array,
                                   Value firstA, Value firstB,
                                   ValueRange sums) const {
  SliceLayout aLayout(a, tile.rows, tile.depth);
  SliceLayout bLayout(b, tile.columns, tile.depth);
  // Matrix (across, depth) of a factor, both in elements.
  auto load = [&](DeviceBuilder::Factor which, Value first,
                  const Factor &factor, const SliceLayout &layout,
                  int64_t across, int64_t depth) {
    int64_t line = factor.isDepthFast ? across : depth;
    int64_t fast = factor.isDepthFast ? depth : across;
    int64_t place = line * layout.stride() + fast / kPacked;
    bool isTransposed =
        factor.isDepthFast != (which == DeviceBuilder::Factor::A);
    return k.loadFactor(which, element, array, k.addI(first, k.i32(place)),
                        layout.stride(), isTransposed);
  };
  auto loadLeft = [&](int64_t depth) {
    Values left;
    for (int64_t i = 0; i < tile.subgroupRows; i += unit.rows)
      left.push_back(
          load(DeviceBuilder::Factor::A, firstA, a, aLayout, i, depth));
    return left;
  };
  auto loadRight = [&](int64_t depth) {
    Values right;
    for (int64_t j = 0; j < tile.subgroupColumns; j += unit.columns)
      right.push_back(
          load(DeviceBuilder::Factor::B, firstB, b, bLayout, j, depth));
    return right;
  };
  Values now(sums);
  auto addProducts = [&](ArrayRef<Value> left, ArrayRef<Value> right) {
    for (size_t i = 0; i < left.size(); ++i)
      for (size_t j = 0; j < right.size(); ++j) {
        Value &sum = now[i * right.size() + j];
        sum = k.multiplyAdd(left[i], right[j], sum);
      }
  };
  if (isSplit) { // small products first: they lose least that way
    for (int64_t at = 0; at < tile.depth; at += 2 * kSplitDepth) {
      Values high = loadLeft(at), rightLow = loadRight(at + kSplitDepth);
      addProducts(high, rightLow);
      Values low = loadLeft(at + kSplitDepth), rightHigh = loadRight(at);
      addProducts(low, rightHigh);
      addProducts(high, rightHigh);
    }
    return now;
  }
  for (int64_t at = 0; at < tile.depth; at += unit.depth) {
    Values left = loadLeft(at), right = loadRight(at);
    addProducts(left, right);
  }
  return now;
}

/// Each subgroup writes a strip as high as one matrix, then all items store
/// these.
void MatrixContraction::storeTile(DeviceBuilder &k, int64_t array,
                                  Value subgroup, ArrayRef<Value> sums,
                                  const TileGrid::Tile &part,
                                  Value workspace) const {
  int64_t quads = tile.subgroupColumns / kSums, stride = quads + 1;
  int64_t stripSize = unit.rows * stride;
  int64_t matrices = tile.subgroupColumns / unit.columns;
  int64_t down = tile.rows / tile.subgroupRows;
  Value begin = k.mulI(subgroup, k.i32(stripSize));
  for (int64_t strip = 0; strip < tile.subgroupRows / unit.rows; ++strip) {
    k.barrier();
    for (int64_t j = 0; j < matrices; ++j)
      k.storeSum(array, k.addI(begin, k.i32(j * unit.columns / kSums)), stride,
                 sums[strip * matrices + j]);
    k.barrier();
    int64_t total = tile.subgroups() * unit.rows * quads;
    assert(total % (kStoresInTurn * items()) == 0 && "uneven strip");
    auto storeNumber = [&](Value number) {
      Value line = k.binary(Binary::DivU, number, k.i32(quads));
      Value quad = k.subI(number, k.mulI(line, k.i32(quads)));
      Value which = k.binary(Binary::DivU, line, k.i32(unit.rows));
      Value rowInStrip = k.subI(line, k.mulI(which, k.i32(unit.rows)));
      Value across = k.binary(Binary::DivU, which, k.i32(down));
      Value below = k.subI(which, k.mulI(across, k.i32(down)));
      Value row =
          k.addI(k.addI(part.row, k.mulI(below, k.i32(tile.subgroupRows))),
                 k.addI(rowInStrip, k.i32(strip * unit.rows)));
      Value column = k.addI(
          k.addI(part.column, k.mulI(across, k.i32(tile.subgroupColumns))),
          k.mulI(quad, k.i32(kSums)));
      Value place = k.addI(k.mulI(line, k.i32(stride)), quad);
      storeQuad(k, k.loadShared(array, place), row, column, part, workspace);
    };
    k.loop(k.i64(0), k.i64(total), kStoresInTurn * items(), {},
           [&](Value from, ValueRange) -> Values {
             Value number = k.addI(k.item(), narrow(k, from));
             for (int64_t i = 0; i < kStoresInTurn; ++i)
               storeNumber(k.addI(number, k.i32(i * items())));
             return {};
           });
  }
}

void MatrixContraction::storeQuad(DeviceBuilder &k, Value quad, Value row,
                                  Value column, const TileGrid::Tile &part,
                                  Value workspace) const {
  Value rowCount = narrow(k, k.extent(grid.rows));
  Value columnCount = narrow(k, k.extent(grid.columns));
  Value hasRow = k.compare(CmpIPredicate::slt, row, rowCount);
  Values sums;
  for (int64_t i = 0; i < kSums; ++i)
    sums.push_back(k.cast(Cast::Bits, k.extract(quad, i), k.f32Type()));
  int64_t width =
      workspace ? (isMultiple(grid.columns, kSums) ? kSums : 1) : storeWidth;
  for (int64_t i = 0; i < kSums; i += width) {
    Value at = k.addI(column, k.i32(i));
    Value isInside =
        k.andI(hasRow, k.compare(CmpIPredicate::slt, at, columnCount));
    if (isMultiple(grid.rows, tile.rows) &&
        isMultiple(grid.columns, tile.columns))
      isInside = {};
    onlyIf(k, isInside, [&] {
      ArrayRef<Value> run = ArrayRef(sums).slice(i, width);
      if (workspace)
        grid.storePartial(k, workspace, part, row, at, run);
      else
        store(row, at, run);
    });
  }
}
