//===- Scan.cpp - Device code for sums and recurrences along an axis ------===//
#include "Points.h"
#include "TileGrid.h"

#include "../ScanModel.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;
using arith::CmpIPredicate;

namespace {

/// A group takes `columns` lines and walks down them, `rows` items abreast,
/// each with a run of neighbouring elements. What a run does is one Carry; the
/// items of a line find in the group's memory what all runs before theirs do,
/// always in the same order, and the last state goes on to the next step. Where
/// lines are few and long, each is cut in chunks: a first launch finds what
/// each chunk does, and in the second one a group begins with what those before
/// its own have left.
class DeviceScan final : public DeviceKernel {
public:
  static std::unique_ptr<DeviceKernel>
  create(plan::ScanOp op, const DeviceTarget &target, const BoundOf &boundOf);
  LogicalResult emit(int64_t launch, DeviceBuilder &builder) override;

private:
  /// The lines of an item, as many as lanes, and its place among those that
  /// share them.
  struct Item {
    Value outer, inner;
    Value isInside;    // the lines exist
    Value row, column; // i32
    Value line, chunk; // numbers; the lines in vectors
    Value from, to;    // of the steps
  };
  /// Elements, `packed` at a time, that an item loads together.
  struct Piece {
    Value place, isHere; // null: always
    SmallVector<Carry, 4> carries;
  };

  void chooseShape(const BoundOf &boundOf);
  Item findItem(DeviceBuilder &b) const;
  Value partPlace(DeviceBuilder &b, const Item &item, int64_t part,
                  Value chunk) const;
  void emitCarries(DeviceBuilder &b, const Item &item) const;
  Value emitStart(DeviceBuilder &b, const Item &item) const;
  Piece loadPiece(DeviceBuilder &b, const Item &item, Value step) const;
  void storePiece(DeviceBuilder &b, const Item &item, const Piece &piece,
                  ArrayRef<Value> states) const;
  SmallVector<Piece> loadRun(DeviceBuilder &b, const Item &item,
                             Value step) const;
  static Carry joined(DeviceBuilder &b, ArrayRef<Piece> pieces);
  Value emitStep(DeviceBuilder &b, const Item &item, Value step,
                 Value state) const;
  std::pair<Carry, Carry> scanItems(DeviceBuilder &b, const Item &item,
                                    Carry mine) const;

  ScanModel scan;
  DeviceTarget target;
  int64_t lanes = 1;             // lines that an item takes as a vector
  int64_t packed = 1;            // neighbours in a line that are loaded as one
  int64_t run = 1;               // elements of a line that an item takes
  int64_t rows = 1, columns = 1; // powers of two; items of a group
  bool isAcross = false;         // neighbouring items have neighbouring lines
  bool areWhole = false;         // all steps have an element for each item
  int64_t chunks = 1;
  DimExpr length;    // of a chunk
  DimExpr vectors;   // the inner extent, in vectors
  int64_t bound = 0; // of the lines, in vectors
  Values pointers;   // reads, then y
  Value workspace;
  SmallVector<int64_t> shared; // arrays: two to take turns and one for the end
};

std::unique_ptr<DeviceKernel> DeviceScan::create(plan::ScanOp op,
                                                 const DeviceTarget &target,
                                                 const BoundOf &boundOf) {
  auto kernel = std::make_unique<DeviceScan>();
  if (failed(kernel->scan.read(op)))
    return nullptr;
  kernel->target = target;
  kernel->chooseShape(boundOf);
  return kernel;
}

void DeviceScan::chooseShape(const BoundOf &boundOf) {
  // Half of the 32 bytes of an access.
  constexpr int64_t kFewColumns = 4;
  if (scan.inner == DimExpr(1))
    packed = isMultiple(scan.axis, target.lanes) ? target.lanes : 1;
  else
    lanes = isMultiple(scan.inner, target.lanes) ? target.lanes : 1;
  vectors = scan.inner.floorDiv(lanes);
  DimExpr lines = scan.outer * vectors;
  bound = boundOf(lines).value_or(INT64_MAX);
  int64_t steps = boundOf(scan.axis).value_or(INT64_MAX);
  run = std::clamp<int64_t>(target.numbersOnTheWay / (lanes * scan.readCount()),
                            1, 8);
  auto most = static_cast<int64_t>(llvm::PowerOf2Ceil(
      std::clamp<int64_t>(llvm::divideCeil(steps, run), 1, target.groupSize)));
  isAcross = boundOf(vectors).value_or(INT64_MAX) >= kFewColumns;
  auto groups = [&]() -> int64_t {
    return llvm::divideCeil(bound, target.groupSize / rows);
  };
  rows = most;
  if (isAcross) {
    // One item walks down its lines without waiting for others, if there are
    // enough of them.
    rows = 1;
    while (rows < std::min(most, target.groupSize / kFewColumns) &&
           groups() < target.busyGroups)
      rows *= 2;
  }
  columns = target.groupSize / rows;
  areWhole = isMultiple(scan.axis, rows * run);
  // So many steps of a chunk are worth its part in a launch; a group walks over
  // what all chunks before its own do.
  constexpr int64_t kLeastSteps = 4, kLeastChunks = 4, kMostChunks = 64;
  int64_t unit = rows * run;
  if (steps != INT64_MAX && bound != INT64_MAX)
    chunks = std::min({steps / (kLeastSteps * unit), kMostChunks,
                       target.busyGroups / std::max<int64_t>(1, groups())});
  if (chunks < kLeastChunks)
    chunks = 1;
  length = (scan.axis + DimExpr(chunks * unit - 1)).floorDiv(chunks * unit) *
           DimExpr(unit);
  DeviceLaunch launch{.groups =
                          (lines + DimExpr(columns - 1)).floorDiv(columns) *
                          DimExpr(chunks),
                      .groupSize = target.groupSize};
  if (chunks > 1) {
    launches.push_back(launch);
    launches.back().part = "carry";
    mainLaunch = 1;
    workspaceBytes = chunks * bound * lanes * scan.readCount() *
                     bytesOf(registerType(scan.element));
  }
  launches.push_back(launch);
}

LogicalResult DeviceScan::emit(int64_t launch, DeviceBuilder &b) {
  pointers.clear();
  for (int64_t index = 0; index <= scan.readCount(); ++index)
    pointers.push_back(b.operand(index));
  if (chunks > 1)
    workspace = b.operand(scan.readCount() + 1);
  b.lanes = lanes;
  shared.clear();
  if (rows > 1) {
    Type type = b.widen(scan.zero(b)).getType();
    for (int64_t count = 0; count < 3 * scan.readCount(); ++count)
      shared.push_back(b.shared(type, target.groupSize));
  }
  Item item = findItem(b);
  if (launch != mainLaunch) {
    emitCarries(b, item);
    return success();
  }
  b.loop(item.from, item.to, rows * run, {emitStart(b, item)},
         [&](Value step, ValueRange before) -> Values {
           return {emitStep(b, item, step, before[0])};
         });
  return success();
}

DeviceScan::Item DeviceScan::findItem(DeviceBuilder &b) const {
  Item item;
  Value inner = b.i32(isAcross ? columns : rows);
  Value major = b.binary(Binary::DivU, b.item(), inner);
  Value minor = b.subI(b.item(), b.mulI(major, inner));
  item.row = isAcross ? major : minor;
  item.column = isAcross ? minor : major;
  Value group = b.group();
  item.from = b.i64(0);
  item.to = b.extent(scan.axis);
  if (chunks > 1) {
    Value block = b.binary(Binary::DivU, group, b.i64(chunks));
    item.chunk = b.subI(group, b.mulI(block, b.i64(chunks)));
    group = block;
    item.from = b.mulI(item.chunk, b.extent(length));
    item.to =
        b.binary(Binary::MinS, b.addI(item.from, b.extent(length)), item.to);
  }
  Value line = b.addI(b.mulI(group, b.i64(columns)), wide(b, item.column));
  item.isInside =
      b.compare(CmpIPredicate::slt, line, b.extent(scan.outer * vectors));
  // Items without lines of their own walk down the first ones, and store
  // nothing: all must meet at barriers.
  item.line = b.select(item.isInside, line, b.i64(0));
  Values at = unflatten(b, item.line, {scan.outer, vectors}, bound);
  item.outer = at[0];
  item.inner = b.mulI(at[1], b.i64(lanes));
  return item;
}

//===- Chunks -------------------------------------------------------------===//

/// Of a Carry of a chunk, b is part 0 and a part 1: (part · C + chunk) · lines
/// + line, in vectors.
Value DeviceScan::partPlace(DeviceBuilder &b, const Item &item, int64_t part,
                            Value chunk) const {
  Value row = b.addI(b.i64(part * chunks), chunk);
  Value place = b.addI(b.mulI(row, b.extent(scan.outer * vectors)), item.line);
  return b.address(workspace, place,
                   lanes * bytesOf(registerType(scan.element)));
}

/// What the chunk does.
void DeviceScan::emitCarries(DeviceBuilder &b, const Item &item) const {
  Carry none = scan.none(b);
  Values start = {b.widen(none.b)};
  if (none.a)
    start.push_back(b.widen(none.a));
  Values whole = b.loop(
      item.from, item.to, rows * run, start,
      [&](Value step, ValueRange before) -> Values {
        Carry carry = joined(b, loadRun(b, item, step));
        if (rows > 1)
          carry = scanItems(b, item, carry).second;
        Carry earlier{before.size() > 1 ? before[1] : Value(), before[0]};
        carry = earlier.then(b, carry);
        Values after = {carry.b};
        if (carry.a)
          after.push_back(carry.a);
        return after;
      });
  Value isFirst = b.compare(CmpIPredicate::eq, item.row, b.i32(0));
  onlyIf(b, b.andI(item.isInside, isFirst), [&] {
    for (auto [part, value] : llvm::enumerate(whole))
      b.store(partPlace(b, item, part, item.chunk), value, {}, false);
  });
}

/// The state before the chunk, from what those before it do.
Value DeviceScan::emitStart(DeviceBuilder &b, const Item &item) const {
  Value zero = b.widen(scan.zero(b));
  if (chunks == 1)
    return zero;
  constexpr int64_t kAbreast = 8; // are loaded at once
  Type type = registerType(scan.element);
  Carry none = scan.none(b);
  return b.loop(b.i64(0), item.chunk, kAbreast, {zero},
                [&](Value first, ValueRange before) -> Values {
                  SmallVector<Carry> carries;
                  for (int64_t ahead = 0; ahead < kAbreast; ++ahead) {
                    Value chunk = b.addI(first, b.i64(ahead));
                    Value exists =
                        b.compare(CmpIPredicate::slt, chunk, item.chunk);
                    Value place = b.select(exists, chunk, first);
                    auto part = [&](int64_t index, Value none) {
                      Value value = b.load(partPlace(b, item, index, place),
                                           type, true, {});
                      return b.choose(b.widen(exists), value, b.widen(none));
                    };
                    carries.push_back(
                        {none.a ? part(1, none.a) : Value(), part(0, none.b)});
                  }
                  Value state = before[0];
                  for (const Carry &carry : carries)
                    state = carry.apply(b, state);
                  return {state};
                })[0];
}

//===- Elements -----------------------------------------------------------===//

DeviceScan::Piece DeviceScan::loadPiece(DeviceBuilder &b, const Item &item,
                                        Value step) const {
  Piece piece;
  // Where there is no element, one that does nothing stands for it.
  Value last = b.addI(step, b.i64(packed - 1));
  Value from = step;
  if (!areWhole) {
    piece.isHere = b.compare(CmpIPredicate::slt, last, b.extent(scan.axis));
    from = b.select(piece.isHere, step, b.i64(0));
  }
  // In memory, the last of reversed neighbours comes first.
  Value lowest =
      scan.isReverse && packed > 1 ? b.addI(from, b.i64(packed - 1)) : from;
  piece.place = scan.place(b, item.outer, lowest, item.inner);
  int64_t width = packed > 1 ? packed : lanes;
  b.lanes = width;
  Carry loaded = scan.load(b, pointers, piece.place, {});
  b.lanes = lanes;
  for (int64_t index = 0; index < packed; ++index) {
    auto part = [&](Value value) {
      int64_t lane = scan.isReverse ? packed - 1 - index : index;
      return value && packed > 1 ? b.extract(value, lane) : value;
    };
    Carry carry{part(loaded.a), part(loaded.b)};
    if (index == 0)
      carry = scan.withoutFirst(b, carry, step);
    if (piece.isHere) {
      Carry none = scan.none(b);
      auto orNone = [&](Value value, Value none) {
        return value ? b.choose(b.widen(piece.isHere), value, b.widen(none))
                     : value;
      };
      carry = {orNone(carry.a, none.a), orNone(carry.b, none.b)};
    }
    piece.carries.push_back(carry);
  }
  return piece;
}

void DeviceScan::storePiece(DeviceBuilder &b, const Item &item,
                            const Piece &piece, ArrayRef<Value> states) const {
  Values ordered(states);
  if (scan.isReverse)
    std::reverse(ordered.begin(), ordered.end());
  Value isThere =
      piece.isHere ? b.andI(item.isInside, piece.isHere) : item.isInside;
  onlyIf(b, isThere, [&] {
    int64_t width = packed > 1 ? packed : lanes;
    b.lanes = width;
    Value value = packed > 1 ? b.join(ordered) : ordered.front();
    b.store(b.address(pointers.back(), piece.place, bytesOf(scan.element)),
            encode(b, value, scan.element), {}, false);
    b.lanes = lanes;
  });
}

/// The run of an item in a step of the group.
SmallVector<DeviceScan::Piece>
DeviceScan::loadRun(DeviceBuilder &b, const Item &item, Value step) const {
  Value first = b.addI(step, wide(b, b.mulI(item.row, b.i32(run))));
  SmallVector<Piece> pieces;
  for (int64_t index = 0; index < run; index += packed)
    pieces.push_back(loadPiece(b, item, b.addI(first, b.i64(index))));
  return pieces;
}

Carry DeviceScan::joined(DeviceBuilder &b, ArrayRef<Piece> pieces) {
  std::optional<Carry> whole;
  for (const Piece &piece : pieces)
    for (const Carry &carry : piece.carries)
      whole = whole ? whole->then(b, carry) : carry;
  return *whole;
}

/// Returns the state after the step.
Value DeviceScan::emitStep(DeviceBuilder &b, const Item &item, Value step,
                           Value state) const {
  SmallVector<Piece> pieces = loadRun(b, item, step);
  Value before = state, after;
  if (rows > 1) {
    auto [earlier, all] = scanItems(b, item, joined(b, pieces));
    before = earlier.apply(b, state);
    after = all.apply(b, state);
  }
  for (const Piece &piece : pieces) {
    Values states;
    for (const Carry &carry : piece.carries)
      states.push_back(before = carry.apply(b, before));
    storePiece(b, item, piece, states);
  }
  return rows > 1 ? after : before;
}

/// What the items before this one do to a line, and what all of them do.
std::pair<Carry, Carry>
DeviceScan::scanItems(DeviceBuilder &b, const Item &item, Carry mine) const {
  int64_t parts = scan.readCount();
  auto placeOf = [&](Value row) {
    return b.addI(b.mulI(row, b.i32(columns)), item.column);
  };
  // The last to be read is not the first to be written in the next step.
  auto exchange = [&](int64_t turn) {
    ArrayRef<int64_t> arrays = ArrayRef(shared).slice(turn * parts, parts);
    b.storeShared(arrays[0], placeOf(item.row), mine.b);
    if (mine.a)
      b.storeShared(arrays[1], placeOf(item.row), mine.a);
    b.barrier();
    return [&b, arrays, placeOf, parts](Value row) {
      Carry carry;
      carry.b = b.loadShared(arrays[0], placeOf(row));
      if (parts > 1)
        carry.a = b.loadShared(arrays[1], placeOf(row));
      return carry;
    };
  };
  auto choose = [&](Value condition, const Carry &x, const Carry &y) {
    auto one = [&](Value x, Value y) {
      return x ? b.choose(b.widen(condition), b.widen(x), b.widen(y)) : x;
    };
    return Carry{one(x.a, y.a), one(x.b, y.b)};
  };
  int64_t turn = 0;
  for (int64_t distance = 1; distance < rows; distance *= 2, turn ^= 1) {
    auto of = exchange(turn);
    Value exists = b.compare(CmpIPredicate::sge, item.row, b.i32(distance));
    Value other = b.select(exists, b.subI(item.row, b.i32(distance)), b.i32(0));
    mine = choose(exists, of(other).then(b, mine), mine);
  }
  auto of = exchange(2);
  Value isFirst = b.compare(CmpIPredicate::eq, item.row, b.i32(0));
  Value other = b.select(isFirst, b.i32(0), b.subI(item.row, b.i32(1)));
  return {choose(isFirst, scan.none(b), of(other)), of(b.i32(rows - 1))};
}
} // namespace

std::unique_ptr<DeviceKernel>
kernels::createDeviceScan(plan::ScanOp op, const DeviceTarget &target,
                          const BoundOf &boundOf) {
  return DeviceScan::create(op, target, boundOf);
}
