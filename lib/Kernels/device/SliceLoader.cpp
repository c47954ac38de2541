//===- SliceLoader.cpp - How factors reach the memory of a group ----------===//
#include "SliceLoader.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;
using arith::CmpIPredicate;

namespace {
/// f32 numbers in a quad.
constexpr int64_t kWide = 4;
} // namespace

SliceLoader::SliceLoader(DeviceBuilder &b, const MatrixContraction &product,
                         const MatrixContraction::Factor &factor,
                         int64_t across, int64_t array, int64_t begin)
    : b(b), product(product), factor(factor),
      layout(factor, across, product.tile.depth), array(array), begin(begin) {
  assert((isWide() ? product.isSplit : factor.stored == product.element) &&
         "not what the unit takes");
}

SliceLoader::Run SliceLoader::openRun(Value across, Value along, Value first,
                                      int64_t shift, bool isWhole) const {
  Run run;
  run.along = along;
  if (factor.isDepthFast)
    run.along = b.addI(along, b.i32(shift));
  else
    across = b.addI(across, b.i32(shift));
  // What is beyond the end only reaches sums that nobody stores; any element
  // will do.
  if (!isWhole) {
    int64_t together = factor.isDepthFast ? 1 : factor.run;
    Value last = b.subI(count, b.i32(together));
    across = b.binary(Binary::MinS, across, last);
    if (factor.run == 1 && !factor.isDepthFast)
      run.room = b.subI(last, across);
  }
  // Runs of a line share its start.
  run.start = factor.isDepthFast && first ? first : factor.at(across);
  if (factor.isLinear)
    run.base = b.addI(run.start, factor.along(run.along));
  return run;
}

/// A run `lines` after `first`, at depth `along`.
SliceLoader::Run SliceLoader::shiftRun(const Run &first, Value along,
                                       int64_t lines) const {
  Run run = first;
  run.along = along;
  run.shift = b.mulI(b.extent(*factor.lineBytes), b.i64(lines));
  return run;
}

void SliceLoader::open(Value first, Value theCount, bool isWhole) {
  count = theCount;
  int64_t items = product.items(), parts = isWide() ? 2 : 1;
  int64_t lines = factor.isDepthFast ? layout.lines : layout.lines / parts;
  int64_t quads = factor.isDepthFast ? layout.quads / parts : layout.quads;
  assert(lines * quads % items == 0 && "uneven slice");
  // Where high parts are: each kSplitDepth of them are followed by low ones.
  auto spread = [&](Value number, int64_t block) {
    if (parts == 1)
      return number;
    Value before = b.binary(Binary::DivU, number, b.i32(block));
    return b.addI(number, b.mulI(before, b.i32(block)));
  };
  // Slots are then as far from each other in memory: one address serves all.
  bool isRegular = isWhole && factor.isLinear && factor.lineBytes &&
                   factor.run == kPacked && items % quads == 0;
  for (int64_t from = 0; from < lines * quads; from += items) {
    Slot slot;
    Value number = b.addI(b.item(), b.i32(from));
    Value line = b.binary(Binary::DivU, number, b.i32(quads));
    Value quad = b.subI(number, b.mulI(line, b.i32(quads)));
    Value inLine =
        factor.isDepthFast ? spread(quad, kSplitDepth / kPacked) : quad;
    Value atLine = factor.isDepthFast ? line : spread(line, kSplitDepth);
    slot.place = b.addI(b.addI(b.mulI(atLine, b.i32(layout.stride())), inLine),
                        b.i32(begin));
    Value fast = b.mulI(quad, b.i32(kPacked));
    Value across = b.addI(first, factor.isDepthFast ? line : fast);
    Value along = factor.isDepthFast ? fast : line;
    if (from > 0 && isRegular)
      slot.runs.push_back(
          shiftRun(slots.front().runs.front(), along, from / quads));
    else
      for (int64_t shift = 0; shift < kPacked; shift += runLength())
        slot.runs.push_back(openRun(across, along,
                                    shift ? slot.runs.front().start : Value(),
                                    shift, isWhole));
    slots.push_back(slot);
  }
}

/// The address of an element of a run whose first is at `pointer`.
Value SliceLoader::elementAt(const Run &run, Value pointer,
                             int64_t number) const {
  if (number == 0)
    return pointer;
  Value steps = b.i64(number);
  if (run.room)
    steps = wide(b, b.binary(Binary::MinS, b.i32(number), run.room));
  return b.addI(pointer, b.mulI(b.extent(factor.fastBytes), steps));
}

/// The elements of a run in the slice from `depth` on, which begins `bytes`
/// along the factor, with zeros from `end` on: numbers, or words of two halves.
Values SliceLoader::read(const Run &run, Value depth, Value bytes,
                         Value end) const {
  Value at = b.addI(depth, run.along);
  Value pointer =
      run.base ? b.addI(run.base, bytes) : b.addI(run.start, factor.along(at));
  if (run.shift)
    pointer = b.addI(pointer, run.shift);
  // Outside, an element at depth 0 is read and dropped. Runs along the depth
  // are inside or outside as a whole.
  auto isInside = [&](int64_t i) {
    Value place = factor.isDepthFast ? b.addI(at, b.i32(i)) : at;
    return b.compare(CmpIPredicate::slt, place, end);
  };
  auto load = [&](Value place, Type type, int64_t number, Value zero) {
    if (!end)
      return b.load(place, type, false, {});
    Value inside = isInside(number);
    Value value = b.load(b.select(inside, place, run.start), type, false, {});
    return b.select(inside, value, zero);
  };
  if (factor.run > 1) {
    int64_t words = isWide() ? factor.run : factor.run / 2;
    Type word = isWide() ? b.f32Type() : b.intType(32);
    Values zeros(words, isWide() ? b.f32(0) : b.i32(0));
    Value value = load(pointer, VectorType::get(words, word), 0, b.join(zeros));
    Values parts;
    for (int64_t i = 0; i < words; ++i)
      parts.push_back(b.extract(value, i));
    return parts;
  }
  Values elements;
  for (int64_t i = 0; i < kPacked; ++i)
    elements.push_back(load(elementAt(run, pointer, i),
                            isWide() ? b.f32Type() : b.intType(16), i,
                            isWide() ? b.f32(0) : b.integer(0, 16)));
  return isWide() ? elements : joinHalves(b, elements);
}

Values SliceLoader::load(Value depth, Value end) const {
  if (isWide()) { // memory has no low parts
    depth = b.shrU(depth, b.i32(1));
    if (end)
      end = b.shrU(end, b.i32(1));
  }
  Value bytes = factor.isLinear ? factor.along(depth) : Value();
  Values quads;
  for (const Slot &slot : slots) {
    Values words;
    for (const Run &run : slot.runs)
      llvm::append_range(words, read(run, depth, bytes, end));
    for (size_t i = 0; i < words.size(); i += kWide)
      quads.push_back(b.join(ArrayRef(words).slice(i, kWide)));
  }
  return quads;
}

void SliceLoader::store(ArrayRef<Value> loaded) const {
  if (!isWide()) {
    for (auto [slot, quad] : llvm::zip_equal(slots, loaded))
      b.storeShared(array, slot.place, quad);
    return;
  }
  int64_t toLow = factor.isDepthFast ? kSplitDepth / kPacked
                                     : kSplitDepth * layout.stride();
  for (auto [index, slot] : llvm::enumerate(slots)) {
    Values high, low;
    for (Value quad : loaded.slice(index * kPacked / kWide, kPacked / kWide))
      for (int64_t i = 0; i < kWide; i += 2) {
        Value first = b.extract(quad, i), second = b.extract(quad, i + 1);
        Value word = b.joinRounded(first, second);
        auto restOf = [&](Value number, Value bits) {
          return b.subF(number, b.cast(Cast::Bits, bits, b.f32Type()));
        };
        high.push_back(word);
        low.push_back(
            b.joinRounded(restOf(first, b.shl(word, b.i32(16))),
                          restOf(second, b.andI(word, b.i32(0xffff0000)))));
      }
    b.storeShared(array, slot.place, b.join(high));
    b.storeShared(array, b.addI(slot.place, b.i32(toLow)), b.join(low));
  }
}
