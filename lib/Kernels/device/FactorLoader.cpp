//===- FactorLoader.cpp - Slices of factors in the memory of a group ------===//
//---------===//
#include "FactorLoader.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;
using arith::CmpIPredicate;

/// Elements that an item reads at once where each has to be found.
static constexpr int64_t kFoundAtOnce = 4;

Value kernels::zeroOf(KernelBuilder &b, Type type) {
  return b.constant(b.builder.getZeroAttr(type));
}

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

void FactorLoader::store(ArrayRef<Value> numbers, Value depth,
                         Value end) const {
  if (!factor.readRun)
    return copy(depth, end);
  for (auto [index, slot] : llvm::enumerate(slots)) {
    ArrayRef<Value> run = numbers.slice(index * kQuad, kQuad);
    onlyIf(b, slot.isMine, [&] {
      if (!factor.isDepthFast)
        return b.storeShared(array, slot.place, b.join(run));
      for (auto [i, number] : llvm::enumerate(run))
        b.storeSharedLane(array,
                          b.addI(slot.place, b.i32(static_cast<int64_t>(i) *
                                                   lineLength(across))),
                          slot.lane, number);
    });
  }
}

void FactorLoader::copy(Value depth, Value end) const {
  // Neighbours are read by neighbours. Each item has the same place in all of
  // its lines; those that no whole line is left for have none.
  int64_t linesAtOnce = items / fast;
  int64_t abreast = std::min(kFoundAtOnce, lines / linesAtOnce);
  Value line = b.binary(Binary::DivU, b.item(), b.i32(fast));
  Value inLine = b.subI(b.item(), b.mulI(line, b.i32(fast)));
  Value isMine;
  if (items % fast != 0)
    isMine = b.compare(CmpIPredicate::slt, line, b.i32(linesAtOnce));
  auto copyOnce = [&](Value from) {
    Values numbers, places, lanes;
    for (int64_t i = 0; i < abreast; ++i) {
      Value mine = b.addI(from, b.addI(line, b.i32(i * linesAtOnce)));
      Value inTile = factor.isDepthFast ? mine : inLine;
      Value along = factor.isDepthFast ? inLine : mine;
      auto [place, lane] = placeOf(inTile, along);
      places.push_back(place), lanes.push_back(lane);
      llvm::append_range(numbers,
                         readInside(b.addI(first, inTile), b.addI(depth, along),
                                    end, [&](Value x, Value d) -> Values {
                                      return {factor.read(x, d)};
                                    }));
    }
    for (auto [place, lane, number] : llvm::zip_equal(places, lanes, numbers))
      b.storeSharedLane(array, place, lane, number);
  };
  b.loop(b.i64(0), b.i64(lines), linesAtOnce * abreast, {},
         [&](Value from, ValueRange) -> Values {
           onlyIf(b, isMine, [&] { copyOnce(narrow(b, from)); });
           return {};
         });
}

std::pair<Value, Value> kernels::itemPlace(DeviceBuilder &b,
                                           const DeviceTarget::Tile &tile) {
  int64_t across = tile.columns / tile.itemColumns;
  Value row = b.binary(Binary::DivU, b.item(), b.i32(across));
  return {row, b.subI(b.item(), b.mulI(row, b.i32(across)))};
}

Value kernels::placeInTile(DeviceBuilder &b, Value number, int64_t i,
                           int64_t items) {
  return b.addI(b.mulI(number, b.i32(kQuad)),
                b.i32(i / kQuad * kQuad * items + i % kQuad));
}

Values kernels::multiplySlices(DeviceBuilder &k, const DeviceTarget::Tile &tile,
                               int64_t aArray, int64_t bArray, ValueRange sums,
                               Value aLine, int64_t unrolled) {
  std::pair<Value, Value> item = itemPlace(k, tile);
  bool isInteger = KernelBuilder::elementOf(sums.front()).isInteger();
  auto loadQuads = [&](int64_t array, Value depth, int64_t across,
                       int64_t perItem, Value number) {
    Values quads;
    Value line = k.addI(k.mulI(depth, k.i32(lineLength(across))), number);
    for (int64_t i = 0; i < perItem / kQuad; ++i)
      quads.push_back(
          k.loadShared(array, k.addI(line, k.i32(i * across / perItem))));
    return quads;
  };
  return k.loop(k.i64(0), k.i64(tile.depth), unrolled, sums,
                [&](Value at, ValueRange before) -> Values {
                  Values now(before);
                  for (int64_t step = 0; step < unrolled; ++step) {
                    Value depth = k.addI(narrow(k, at), k.i32(step));
                    Values left =
                        loadQuads(aArray, aLine ? k.addI(aLine, depth) : depth,
                                  tile.rows, tile.itemRows, item.first);
                    Values right = loadQuads(bArray, depth, tile.columns,
                                             tile.itemColumns, item.second);
                    for (int64_t i = 0; i < tile.itemRows; ++i) {
                      Value number = k.extract(left[i / kQuad], i % kQuad);
                      Value same = k.splat(number, kQuad);
                      for (size_t j = 0; j < right.size(); ++j) {
                        Value &sum = now[i * right.size() + j];
                        sum = isInteger ? k.addI(k.mulI(same, right[j]), sum)
                                        : k.fma(same, right[j], sum);
                      }
                    }
                  }
                  return now;
                });
}
