//===- Regions.cpp - The operations of a file of bytecode -----------------===//
#include "Parts.h"

#include "asgc/NestingGuard.h"

#include <algorithm>

namespace asgc::bytecode {
namespace {

/// What an operation has, by bits of its second byte.
enum OpMask : uint8_t {
  kHasAttributes = 1,
  kHasResults = 2,
  kHasOperands = 4,
  kHasSuccessors = 8,
  kHasRegions = 16,
  kHasUseOrders = 32,
  kHasProperties = 64
};

struct Value {
  uint32_t uses = 0;
  /// One more than the last use that its order moves, 0 if it has no such
  /// order.
  uint64_t movedUses = 0;
  size_t orderOffset = 0;
};

/// Values that operations can name: those of the regions around them, up to one
/// that is isolated from what is around it.
using Scope = std::vector<Value>;

/// A region that is being read.
struct Region {
  size_t firstValue = 0;
  size_t nextValue = 0;
  size_t lastValue = 0;
  uint64_t blocks = 1;
};

class Regions {
public:
  Regions(const Sizes &sizes, size_t bytes) : sizes(sizes), valuesLeft(bytes) {}

  void readBlock(Cursor &in, Scope &scope, Region &region, unsigned depth);

private:
  void readRegion(Cursor &in, Scope &scope, unsigned depth);
  void readArguments(Cursor &in, Scope &scope, Region &region);
  void readOp(Cursor &in, Scope &scope, Region &region, unsigned depth);
  void readUseOrders(Cursor &in, Scope &scope, size_t firstValue,
                     uint64_t values);
  void define(Cursor &in, Region &region, uint64_t values, size_t place);
  void checkUses(Cursor &in, const Scope &scope, const Region &region);

  const Sizes &sizes;
  /// Each value is defined in bytes of its own, so all regions together cannot
  /// define more.
  size_t valuesLeft;
};

void Regions::readRegion(Cursor &in, Scope &scope, unsigned depth) {
  size_t place = in.offset();
  if (depth > maxNesting)
    return in.fail(place, "has regions that nest deeper than ", maxNesting,
                   " levels");
  Region region;
  region.blocks = in.readCount("blocks");
  if (region.blocks == 0)
    return;
  place = in.offset();
  uint64_t values = in.readNumber();
  values = in.atMost(values, std::min(valuesLeft, in.left()), "values", place);
  valuesLeft -= values;
  region.firstValue = region.nextValue = scope.size();
  region.lastValue = region.firstValue + values;
  scope.resize(region.lastValue);
  for (uint64_t i = 0; i < region.blocks && !in.failed(); ++i)
    readBlock(in, scope, region, depth);
  in.atMost(values, region.nextValue - region.firstValue, "values", place);
  checkUses(in, scope, region);
  scope.resize(region.firstValue);
}

/// MLIR moves the uses by the numbers in the file.
void Regions::checkUses(Cursor &in, const Scope &scope, const Region &region) {
  for (size_t i = region.firstValue; i < region.lastValue; ++i)
    if (scope[i].uses > 1)
      in.atMost(scope[i].movedUses, scope[i].uses, "uses of a value",
                scope[i].orderOffset);
}

void Regions::define(Cursor &in, Region &region, uint64_t values,
                     size_t place) {
  in.atMost(values, region.lastValue - region.nextValue, "values", place);
  if (!in.failed())
    region.nextValue += values;
}

void Regions::readBlock(Cursor &in, Scope &scope, Region &region,
                        unsigned depth) {
  size_t place = in.offset();
  uint64_t number = in.readNumber();
  // MLIR has no values outside of all regions, and writes them nowhere.
  if ((number & 1) && depth == 0)
    return in.fail(place, "has arguments outside of all regions");
  if (number & 1)
    readArguments(in, scope, region);
  uint64_t ops = in.atMost(number >> 1, in.left(), "operations", place);
  for (uint64_t i = 0; i < ops && !in.failed(); ++i)
    readOp(in, scope, region, depth);
}

void Regions::readArguments(Cursor &in, Scope &scope, Region &region) {
  size_t place = in.offset();
  uint64_t arguments = in.readCount("arguments");
  for (uint64_t i = 0; i < arguments && !in.failed(); ++i) {
    bool hasLocation = false;
    in.readIndex(sizes.types, "types", hasLocation);
    if (hasLocation)
      in.readIndex(sizes.attributes, "attributes");
  }
  size_t first = region.nextValue;
  define(in, region, arguments, place);
  if (in.readByte() != 0)
    readUseOrders(in, scope, first, arguments);
}

/// For some of `values` values, in which order their uses stand: either the
/// place of each, or pairs of places for those that move.
void Regions::readUseOrders(Cursor &in, Scope &scope, size_t firstValue,
                            uint64_t values) {
  uint64_t orders = values > 1 ? in.readCount("orders of uses") : 1;
  for (uint64_t i = 0; i < orders && !in.failed(); ++i) {
    uint64_t index = values > 1 ? in.readIndex(values, "ordered values") : 0;
    size_t place = in.offset();
    uint64_t number = in.readNumber();
    bool isPairs = number & 1;
    uint64_t count = in.atMost(number >> 1, in.left(), "places of uses", place);
    uint64_t moved = 0;
    for (uint64_t k = 0; k < count && !in.failed(); ++k) {
      // MLIR keeps the lower half.
      uint64_t use = static_cast<uint32_t>(in.readNumber());
      if (isPairs && k % 2 == 0)
        moved = std::max(moved, use + 1);
    }
    if (in.failed() || firstValue + index >= scope.size())
      continue;
    Value &value = scope[firstValue + index];
    if (moved > value.movedUses) {
      value.movedUses = moved;
      value.orderOffset = place;
    }
  }
}

void Regions::readOp(Cursor &in, Scope &scope, Region &region, unsigned depth) {
  in.readIndex(sizes.names, "operation names");
  uint8_t mask = in.readByte();
  in.readIndex(sizes.attributes, "attributes"); // where it comes from
  if (mask & kHasAttributes)
    in.readIndex(sizes.attributes, "attributes");
  if (mask & kHasProperties)
    in.readIndex(sizes.properties, "properties");
  size_t place = in.offset();
  uint64_t results = mask & kHasResults ? in.readCount("results") : 0;
  for (uint64_t i = 0; i < results && !in.failed(); ++i)
    in.readIndex(sizes.types, "types");
  uint64_t operands = mask & kHasOperands ? in.readCount("operands") : 0;
  for (uint64_t i = 0; i < operands && !in.failed(); ++i) {
    uint64_t index = in.readIndex(scope.size(), "values");
    if (!in.failed())
      ++scope[index].uses;
  }
  uint64_t successors = mask & kHasSuccessors ? in.readCount("successors") : 0;
  for (uint64_t i = 0; i < successors && !in.failed(); ++i)
    in.readIndex(region.blocks, "blocks");
  size_t first = region.nextValue;
  if (depth > 0) // MLIR lets nobody name results outside of all regions
    define(in, region, results, place);
  if (mask & kHasUseOrders)
    readUseOrders(in, scope, first, results);
  if (!(mask & kHasRegions))
    return;
  place = in.offset();
  uint64_t number = in.readNumber();
  bool isIsolated = number & 1;
  uint64_t regions = in.atMost(number >> 1, in.left(), "regions", place);
  if (regions == 0)
    return;
  Scope inner;
  Cursor section;
  if (isIsolated) {
    SectionAt found = readSection(in);
    if (found.number != kIr)
      in.fail(found.offset, "has no section of operations for a region");
    section = found.bytes;
  }
  for (uint64_t i = 0; i < regions && !in.failed(); ++i)
    readRegion(isIsolated ? section : in, isIsolated ? inner : scope,
               depth + 1);
}

} // namespace

void checkRegions(Cursor in, const Sizes &sizes) {
  Scope scope;
  Region top;
  Regions(sizes, in.left()).readBlock(in, scope, top, 0);
}

} // namespace asgc::bytecode
