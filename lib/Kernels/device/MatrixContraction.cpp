//===- MatrixContraction.cpp - Products by matrix units -------------------===//
#include "MatrixContraction.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;
using arith::CmpIPredicate;

// The group's memory is one array of four words each, so that the tile of c can
// lie where the slices were. Lines are a quad longer than what they hold: then
// the rows of a matrix start in different banks.

namespace {

/// f32 numbers in four words.
constexpr int64_t kSums = 4;

Value zeroQuad(DeviceBuilder &b) {
  Values zeros(4, b.i32(0));
  return b.join(zeros);
}

/// How a slice lies in the group's memory: lines along the factor's fast axis.
struct SliceLayout {
  int64_t lines, quads; // quads of a line that hold something

  SliceLayout(const MatrixContraction::Factor &factor, int64_t across,
              int64_t depth)
      : lines(factor.isDepthFast ? across : depth),
        quads((factor.isDepthFast ? depth : across) / kPacked) {}
  int64_t stride() const { return quads + 1; }
  int64_t size() const { return lines * stride(); }
};

/// An item's part in bringing the slices of one factor to the group's memory.
class SliceLoader {
public:
  /// `begin` is the slice's place in `array`.
  SliceLoader(DeviceBuilder &b, const MatrixContraction::Factor &factor,
              SliceLayout layout, int64_t items, int64_t array, int64_t begin)
      : b(b), factor(factor), layout(layout), items(items), array(array),
        begin(begin) {}

  /// Finds the item's quads of the slices for `first` and what comes after it,
  /// `count` in all. With `isWhole` no tile goes beyond those.
  void open(Value first, Value count, bool isWhole);
  /// Reads the item's quads of the slice from `depth` on. With a `depthCount`
  /// elements from there on are zeros.
  Values load(Value depth, Value depthCount) const;
  void store(ArrayRef<Value> quads) const;

private:
  struct Slot {
    Value place;         // in the array
    Value across, along; // of its first element; `along` from the slice's start
    Value pointer;       // where it is at depth `along`
    Value room;          // elements that follow it across; null: enough
  };
  Value read(const Slot &slot, Value bytes) const;
  Value readGuarded(const Slot &slot, Value bytes, Value depth,
                    Value depthCount) const;
  Value elementAt(const Slot &slot, Value bytes, int64_t number) const;
  Value pack(llvm::function_ref<Value(int64_t)> element) const;

  DeviceBuilder &b;
  const MatrixContraction::Factor &factor;
  SliceLayout layout;
  int64_t items, array, begin;
  Value count;
  SmallVector<Slot> slots;
};

void SliceLoader::open(Value first, Value theCount, bool isWhole) {
  count = theCount;
  assert(layout.lines * layout.quads % items == 0 && "uneven slice");
  for (int64_t from = 0; from < layout.lines * layout.quads; from += items) {
    Slot slot;
    Value number = b.addI(b.item(), b.i32(from));
    Value line = b.binary(Binary::DivU, number, b.i32(layout.quads));
    Value quad = b.subI(number, b.mulI(line, b.i32(layout.quads)));
    slot.place = b.addI(b.addI(b.mulI(line, b.i32(layout.stride())), quad),
                        b.i32(begin));
    Value fast = b.mulI(quad, b.i32(kPacked));
    slot.along = factor.isDepthFast ? fast : line;
    slot.across = b.addI(first, factor.isDepthFast ? line : fast);
    // What is beyond the end only reaches sums that nobody stores; any element
    // will do.
    if (!isWhole) {
      bool isRun = factor.isPacked && !factor.isDepthFast;
      Value last = b.subI(count, b.i32(isRun ? kPacked : 1));
      slot.across = b.binary(Binary::MinS, slot.across, last);
      if (!factor.isPacked && !factor.isDepthFast)
        slot.room = b.subI(last, slot.across);
    }
    slot.pointer = factor.pointer(slot.across, slot.along);
    slots.push_back(slot);
  }
}

/// The address of an element of the slot, `bytes` further along the depth.
Value SliceLoader::elementAt(const Slot &slot, Value bytes,
                             int64_t number) const {
  Value place = b.addI(slot.pointer, bytes);
  if (number == 0)
    return place;
  Value step =
      b.extent(factor.isDepthFast ? factor.depthBytes : factor.acrossBytes);
  Value steps = b.i64(number);
  if (slot.room)
    steps = wide(b, b.binary(Binary::MinS, b.i32(number), slot.room));
  return b.addI(place, b.mulI(step, steps));
}

/// Eight halves (i16) as a quad.
Value SliceLoader::pack(function_ref<Value(int64_t)> element) const {
  Values words;
  for (int64_t i = 0; i < kPacked; i += 2) {
    Value low = b.cast(Cast::ExtU, element(i), b.intType(32));
    Value high = b.cast(Cast::ExtU, element(i + 1), b.intType(32));
    words.push_back(b.orI(low, b.shl(high, b.i32(16))));
  }
  return b.join(words);
}

Value SliceLoader::read(const Slot &slot, Value bytes) const {
  if (factor.isPacked)
    return b.load(elementAt(slot, bytes, 0), VectorType::get(4, b.intType(32)),
                  false, {});
  return pack([&](int64_t i) {
    return b.load(elementAt(slot, bytes, i), b.intType(16), false, {});
  });
}

/// The same with zeros from `depthCount` on.
Value SliceLoader::readGuarded(const Slot &slot, Value bytes, Value depth,
                               Value depthCount) const {
  // Outside, the first element is read and dropped.
  Value start = factor.pointer(slot.across, b.i32(0));
  auto isInside = [&](int64_t i) {
    Value at = b.addI(depth, slot.along);
    if (factor.isDepthFast)
      at = b.addI(at, b.i32(i));
    return b.compare(CmpIPredicate::slt, at, depthCount);
  };
  if (factor.isPacked) { // along the depth too it is inside as a whole
    Value inside = isInside(0);
    Value quad = b.load(b.select(inside, elementAt(slot, bytes, 0), start),
                        VectorType::get(4, b.intType(32)), false, {});
    return b.select(inside, quad, zeroQuad(b));
  }
  return pack([&](int64_t i) {
    Value inside = isInside(i);
    Value half = b.load(b.select(inside, elementAt(slot, bytes, i), start),
                        b.intType(16), false, {});
    return b.select(inside, half, b.integer(0, 16));
  });
}

Values SliceLoader::load(Value depth, Value depthCount) const {
  Value bytes = b.mulI(wide(b, depth), b.extent(factor.depthBytes));
  Values quads;
  for (const Slot &slot : slots)
    quads.push_back(depthCount ? readGuarded(slot, bytes, depth, depthCount)
                               : read(slot, bytes));
  return quads;
}

void SliceLoader::store(ArrayRef<Value> quads) const {
  for (auto [slot, quad] : llvm::zip_equal(slots, quads))
    b.storeShared(array, slot.place, quad);
}

} // namespace

//===- Sizes --------------------------------------------------------------===//

bool MatrixContraction::chooseTile(const DeviceTarget &target,
                                   const BoundOf &boundOf) {
  unit = target.unit;
  auto bound = [&](const DimExpr &extent) {
    return std::max<int64_t>(1, boundOf(extent).value_or(1));
  };
  if (!unit || bound(rows) < unit.rows || bound(columns) < unit.columns ||
      bound(depth) < unit.depth)
    return false;
  for (const DeviceTarget::MatrixTile &candidate : target.matrixTiles) {
    tile = candidate;
    bool isFilled =
        2 * bound(rows) > tile.rows && 2 * bound(columns) > tile.columns;
    if (isFilled && bound(grid().groups()) >= target.busyGroups)
      break;
  }
  return tile.subgroupRows % unit.rows == 0 &&
         tile.subgroupColumns % unit.columns == 0 &&
         tile.depth % unit.depth == 0;
}

DeviceLaunch MatrixContraction::launch() const {
  return {.groups = grid().groups(), .groupSize = items(), .unit = unit};
}

//===- Emission -----------------------------------------------------------===//

void MatrixContraction::emit(DeviceBuilder &b) const {
  grid().emit(b, open, [&](Value firstRow, Value firstColumn) {
    emitTile(b, firstRow, firstColumn);
  });
}

void MatrixContraction::emitTile(DeviceBuilder &builder, Value firstRow,
                                 Value firstColumn) const {
  DeviceBuilder &k = builder;
  SliceLayout aLayout(a, tile.rows, tile.depth);
  SliceLayout bLayout(b, tile.columns, tile.depth);
  int64_t stage =
      tile.subgroups() * unit.rows * (tile.subgroupColumns / kSums + 1);
  int64_t array = k.shared(VectorType::get(4, k.intType(32)),
                           std::max(aLayout.size() + bLayout.size(), stage));

  SliceLoader aLoader(k, a, aLayout, items(), array, 0);
  SliceLoader bLoader(k, b, bLayout, items(), array, aLayout.size());
  aLoader.open(firstRow, narrow(k, k.extent(rows)),
               isMultiple(rows, tile.rows));
  bLoader.open(firstColumn, narrow(k, k.extent(columns)),
               isMultiple(columns, tile.columns));
  // A slice that may go beyond the end of the depth has zeros there.
  bool isWhole = isMultiple(depth, tile.depth);
  Value depthCount = isWhole ? Value() : narrow(k, k.extent(depth));
  auto load = [&](Value from, Value end) {
    return std::pair(aLoader.load(from, end), bLoader.load(from, end));
  };
  auto store = [&](const std::pair<Values, Values> &quads) {
    aLoader.store(quads.first);
    bLoader.store(quads.second);
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

  store(load(k.i32(0), depthCount));
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
  DimExpr wholeDepth = depth.floorDiv(tile.depth) * DimExpr(tile.depth);
  sums = k.loop(k.i64(tile.depth), k.extent(wholeDepth), tile.depth, sums,
                [&](Value from, ValueRange before) -> Values {
                  return advance(narrow(k, from), {}, before);
                });
  if (!isWhole)
    sums = advance(k.binary(Binary::MaxS, narrow(k, k.extent(wholeDepth)),
                            k.i32(tile.depth)),
                   depthCount, sums);
  sums = multiply(k, array, firstA, firstB, sums);
  storeTile(k, array, subgroup, sums, firstRow, firstColumn);
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
  Values now(sums);
  for (int64_t at = 0; at < tile.depth; at += unit.depth) {
    Values left, right;
    for (int64_t i = 0; i < tile.subgroupRows; i += unit.rows)
      left.push_back(load(DeviceBuilder::Factor::A, firstA, a, aLayout, i, at));
    for (int64_t j = 0; j < tile.subgroupColumns; j += unit.columns)
      right.push_back(
          load(DeviceBuilder::Factor::B, firstB, b, bLayout, j, at));
    for (size_t i = 0; i < left.size(); ++i)
      for (size_t j = 0; j < right.size(); ++j) {
        Value &sum = now[i * right.size() + j];
        sum = k.multiplyAdd(left[i], right[j], sum);
      }
  }
  return now;
}

/// Each subgroup writes a strip as high as one matrix, then all items store
/// these.
void MatrixContraction::storeTile(DeviceBuilder &k, int64_t array,
                                  Value subgroup, ArrayRef<Value> sums,
                                  Value firstRow, Value firstColumn) const {
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
    for (int64_t from = 0; from < total; from += items()) {
      assert(total % items() == 0 && "uneven strip");
      Value number = k.addI(k.item(), k.i32(from));
      Value line = k.binary(Binary::DivU, number, k.i32(quads));
      Value quad = k.subI(number, k.mulI(line, k.i32(quads)));
      Value which = k.binary(Binary::DivU, line, k.i32(unit.rows));
      Value rowInStrip = k.subI(line, k.mulI(which, k.i32(unit.rows)));
      Value across = k.binary(Binary::DivU, which, k.i32(down));
      Value part = k.subI(which, k.mulI(across, k.i32(down)));
      Value row =
          k.addI(k.addI(firstRow, k.mulI(part, k.i32(tile.subgroupRows))),
                 k.addI(rowInStrip, k.i32(strip * unit.rows)));
      Value column = k.addI(
          k.addI(firstColumn, k.mulI(across, k.i32(tile.subgroupColumns))),
          k.mulI(quad, k.i32(kSums)));
      Value place = k.addI(k.mulI(line, k.i32(stride)), quad);
      storeQuad(k, k.loadShared(array, place), row, column);
    }
  }
}

void MatrixContraction::storeQuad(DeviceBuilder &k, Value quad, Value row,
                                  Value column) const {
  Value rowCount = narrow(k, k.extent(rows));
  Value columnCount = narrow(k, k.extent(columns));
  Value hasRow = k.compare(CmpIPredicate::slt, row, rowCount);
  Values sums;
  for (int64_t i = 0; i < kSums; ++i)
    sums.push_back(k.cast(Cast::Bits, k.extract(quad, i), k.f32Type()));
  for (int64_t i = 0; i < kSums; i += storeWidth) {
    Value at = k.addI(column, k.i32(i));
    Value isInside =
        k.andI(hasRow, k.compare(CmpIPredicate::slt, at, columnCount));
    if (isMultiple(rows, tile.rows) && isMultiple(columns, tile.columns))
      isInside = {};
    onlyIf(k, isInside,
           [&] { store(row, at, ArrayRef(sums).slice(i, storeWidth)); });
  }
}
