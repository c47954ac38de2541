//===- PackFactor.cpp - Factors brought into the layout of a matrix unit --===//
#include "PackFactor.h"
#include "MatrixContraction.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;
using arith::CmpIPredicate;

namespace {
/// A group brings so many lines of so many neighbours through its memory. It
/// is kept small, so that many groups share a processor and wait for memory
/// together.
constexpr int64_t kPackLines = 64, kPackFast = 32, kPackItems = 256;
constexpr int64_t kPackStride = kPackLines + 1; // against bank conflicts
/// Reads of an item that are under way at once.
constexpr int64_t kInFlight = 4;
/// A larger workspace is not worth what the matrix unit saves.
constexpr int64_t kMostPackedBytes = int64_t(1) << 30;
} // namespace

DimExpr PackedFactor::pitch() const {
  return split == Split::fast ? fast * DimExpr(2) : fast;
}

DimExpr PackedFactor::batchPitch() const {
  bool isDouble = split == Split::fast || split == Split::lines;
  return lines * fast * DimExpr(isDouble ? 2 : 1);
}

DimExpr PackedFactor::lowOffset() const {
  switch (split) {
  case Split::none:
    return DimExpr(0);
  case Split::lines:
    return fast * DimExpr(kSplitDepth);
  case Split::fast:
    return DimExpr(kSplitDepth);
  case Split::apart:
    return productOf(batch) * lines * fast;
  }
  return {};
}

DimExpr PackedFactor::elements() const {
  return productOf(batch) * lines * fast *
         DimExpr(split == Split::none ? 1 : 2);
}

DimExpr PackedFactor::groups() const {
  return productOf(batch) * blocksOf(lines, kPackLines) *
         blocksOf(fast, kPackFast);
}

void PackedFactor::emit(DeviceBuilder &b, Value workspace, Value group,
                        int64_t array) const {
  SmallVector<DimExpr> extents(batch);
  extents.push_back(blocksOf(lines, kPackLines));
  extents.push_back(blocksOf(fast, kPackFast));
  Values place = unflatten(b, group, extents, INT32_MAX);
  Value firstFast = b.mulI(narrow(b, place.pop_back_val()), b.i32(kPackFast));
  Value firstLine = b.mulI(narrow(b, place.pop_back_val()), b.i32(kPackLines));
  Value lineCount = narrow(b, b.extent(lines));
  Value fastCount = narrow(b, b.extent(fast));
  auto exists = [&](Value line, Value at) {
    return b.andI(b.compare(CmpIPredicate::slt, line, lineCount),
                  b.compare(CmpIPredicate::slt, at, fastCount));
  };
  // Neighbours of the source are read together, neighbours of the workspace
  // written together.
  Value abreast = b.i32(isTransposed ? kPackLines : kPackFast);
  Value slow = b.binary(Binary::DivU, b.item(), abreast);
  Value quick = b.subI(b.item(), b.mulI(slow, abreast));
  int64_t depth = isTransposed ? kPackFast : kPackLines;
  int64_t step = kPackItems * depth / (kPackLines * kPackFast);
  b.loop(b.i64(0), b.i64(depth), step * kInFlight, {},
         [&](Value from, ValueRange) -> Values {
           Values places, numbers;
           for (int64_t i = 0; i < kInFlight; ++i) {
             Value below =
                 b.addI(b.addI(slow, narrow(b, from)), b.i32(i * step));
             Value line = isTransposed ? quick : below;
             Value at = isTransposed ? below : quick;
             places.push_back(b.addI(b.mulI(at, b.i32(kPackStride)), line));
             line = b.addI(firstLine, line), at = b.addI(firstFast, at);
             Value isInside = exists(line, at);
             Value number = read(place, b.select(isInside, line, b.i32(0)),
                                 b.select(isInside, at, b.i32(0)));
             numbers.push_back(b.select(isInside, number, b.f32(0)));
           }
           for (auto [where, number] : llvm::zip_equal(places, numbers))
             b.storeShared(array, where, number);
           return {};
         });
  b.barrier();

  Value start = b.i64(0);
  for (auto [extent, at] : llvm::zip_equal(batch, place))
    start = b.addI(b.mulI(start, b.extent(extent)), at);
  start = b.mulI(start, b.extent(batchPitch()));
  // The place of a high part along an axis of which halves are split.
  auto spread = [&](Value at) {
    Value block = b.binary(Binary::DivU, at, b.i32(kSplitDepth));
    return b.addI(at, b.mulI(block, b.i32(kSplitDepth)));
  };
  constexpr int64_t kRuns = kPackFast / kPacked;
  static_assert(kPackLines * kRuns == kPackItems, "an item writes one run");
  Value inLine = b.binary(Binary::DivU, b.item(), b.i32(kRuns));
  Value run = b.subI(b.item(), b.mulI(inLine, b.i32(kRuns)));
  Value line = b.addI(firstLine, inLine);
  Value at = b.addI(firstFast, b.mulI(run, b.i32(kPacked)));
  onlyIf(b, exists(line, at), [&] {
    Values high, low;
    for (int64_t i = 0; i < kPacked; ++i) {
      Value row = b.addI(b.mulI(run, b.i32(kPacked)), b.i32(i));
      Value x =
          b.loadShared(array, b.addI(b.mulI(row, b.i32(kPackStride)), inLine));
      high.push_back(encode(b, x, element));
      if (split != Split::none)
        low.push_back(encode(
            b, b.subF(x, decode(b, high.back(), element)), element));
    }
    Value wideLine = wide(b, split == Split::lines ? spread(line) : line);
    Value wideAt = wide(b, split == Split::fast ? spread(at) : at);
    Value offset =
        b.addI(start, b.addI(b.mulI(wideLine, b.extent(pitch())), wideAt));
    auto put = [&](ArrayRef<Value> halves, Value where) {
      b.store(b.address(pointer(b, workspace), where, 2),
              b.join(joinHalves(b, halves)), {}, false);
    };
    put(high, offset);
    if (split != Split::none)
      put(low, b.addI(offset, b.extent(lowOffset())));
  });
}

bool PackLaunch::place(const BoundOf &boundOf) {
  for (PackedFactor &factor : factors) {
    std::optional<int64_t> elements = boundOf(factor.elements());
    if (!elements || *elements > kMostPackedBytes / 2 ||
        !boundOf(factor.groups()))
      return false;
    factor.begin = bytes;
    bytes = static_cast<int64_t>(llvm::alignTo(bytes + 2 * *elements, 64));
  }
  return bytes <= kMostPackedBytes;
}

DeviceLaunch PackLaunch::launch() const {
  DimExpr groups(0);
  for (const PackedFactor &factor : factors)
    groups = groups + factor.groups();
  return {.groups = groups, .groupSize = kPackItems};
}

void PackLaunch::emit(DeviceBuilder &b, Value workspace) const {
  int64_t array = b.shared(b.f32Type(), kPackFast * kPackStride);
  Value first = b.i64(0);
  for (const PackedFactor &factor : factors) {
    Value end = b.addI(first, b.extent(factor.groups()));
    Value isMine = b.andI(b.compare(CmpIPredicate::sge, b.group(), first),
                          b.compare(CmpIPredicate::slt, b.group(), end));
    onlyIf(b, isMine,
           [&] { factor.emit(b, workspace, b.subI(b.group(), first), array); });
    first = end;
  }
}
