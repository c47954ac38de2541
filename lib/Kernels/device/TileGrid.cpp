//===- TileGrid.cpp - How the groups of a launch share a product ----------===//
#include "TileGrid.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;

namespace {
/// An item adds the parts of one sum: there are few.
const DeviceTarget kCombining{.pointsPerItem = 1};
/// The workspace of sums is no larger.
constexpr int64_t kMostSumBytes = int64_t(16) << 20;
/// Slices that a chunk has at least.
constexpr int64_t kFewestSlices = 4;
} // namespace

Value kernels::addNumbers(KernelBuilder &b, Value x, Value y) {
  return KernelBuilder::elementOf(x).isInteger() ? b.addI(x, y) : b.addF(x, y);
}

DimExpr kernels::productOf(ArrayRef<DimExpr> extents) {
  DimExpr product(1);
  for (const DimExpr &extent : extents)
    product = product * extent;
  return product;
}

DimExpr kernels::blocksOf(const DimExpr &extent, int64_t size) {
  return (extent + DimExpr(size - 1)).floorDiv(size);
}

DimExpr kernels::roundUp(const DimExpr &extent, int64_t size) {
  return isMultiple(extent, size) ? extent
                                  : blocksOf(extent, size) * DimExpr(size);
}

SmallVector<DimExpr> TileGrid::points() const {
  SmallVector<DimExpr> extents(batch);
  extents.push_back(rows);
  extents.push_back(columns);
  return extents;
}

DimExpr TileGrid::groups() const {
  return productOf(batch) * blocksOf(rows, tileRows) *
         blocksOf(columns, tileColumns);
}

double TileGrid::chooseChunks(const DeviceTarget &target,
                              const DeviceTarget::TileSpeed &speed,
                              const BoundOf &boundOf) {
  auto bound = [&](const DimExpr &extent) {
    return std::max<int64_t>(1, boundOf(extent).value_or(1));
  };
  int64_t slices = bound(blocksOf(depth, tileDepth));
  int64_t points = bound(productOf(this->points()));
  // Microseconds in which so many groups of a processor each do a slice.
  auto sliceMicros = [&](int64_t abreast) {
    double macs = double(abreast * tileRows * tileColumns * tileDepth);
    return std::max(speed.latency, macs / speed.macs);
  };
  double best = std::numeric_limits<double>::infinity();
  int64_t most = std::min(slices / kFewestSlices, kMostSumBytes / 4 / points);
  for (int64_t count = 1; count == 1 || count <= most; ++count) {
    int64_t each = llvm::divideCeil(bound(groups()) * count, target.busyGroups);
    int64_t rounds = each / speed.abreast, rest = each % speed.abreast;
    double perSlice = double(rounds) * sliceMicros(speed.abreast) +
                      (rest > 0 ? sliceMicros(rest) : 0);
    double micros = perSlice * double(llvm::divideCeil(slices, count)) +
                    speed.ends * double(rounds + (rest > 0));
    if (count > 1) // sums are written and read
      micros += target.launchMicros +
                double(8 * count * points) / target.bytesPerMicro;
    if (micros < best)
      best = micros, chunks = count;
  }
  // As many as so many slices each make.
  chunks = llvm::divideCeil(slices, llvm::divideCeil(slices, chunks));
  return best;
}

bool TileGrid::mayBeEmpty() const {
  if (depthHere)
    return true;
  if (chunks == 1)
    return depth.minimum().value_or(0) <= 0;
  std::optional<int64_t> extent = depth.asConstant();
  return !extent || groupSlices() * (chunks - 1) * tileDepth >= *extent;
}

int64_t TileGrid::groupSlices() const {
  std::optional<int64_t> extent = depth.asConstant();
  if (!extent)
    return std::numeric_limits<int64_t>::max();
  return llvm::divideCeil(llvm::divideCeil(*extent, tileDepth), chunks);
}

double TileGrid::measured(double micros, const DeviceTarget &target,
                          const DeviceTarget::TileSpeed &speed, bool usesUnit,
                          const BoundOf &boundOf) const {
  auto bound = [&](const DimExpr &extent) {
    return boundOf(extent).value_or(1);
  };
  const ProductShape mine{bound(productOf(batch)), bound(rows), bound(columns),
                          bound(depth)};
  const DeviceTile tile{tileRows, tileColumns, tileDepth, usesUnit};
  double logs = 0;
  int64_t count = 0;
  for (const TileTime &time : target.times) {
    if (time.tile != tile)
      continue;
    if (time.shape == mine)
      return time.micros;
    TileGrid other = *this;
    other.batch = {DimExpr(time.shape.batch)};
    other.rows = DimExpr(time.shape.m);
    other.columns = DimExpr(time.shape.n);
    other.depth = DimExpr(time.shape.k);
    logs += std::log(time.micros / other.chooseChunks(target, speed, boundOf));
    ++count;
  }
  return count > 0 ? micros * std::exp(logs / double(count)) : micros;
}

int64_t TileGrid::workspaceBytes(const BoundOf &boundOf) const {
  if (chunks == 1)
    return 0;
  DimExpr sums = productOf(points()) * DimExpr(chunks);
  return 4 * boundOf(sums).value_or(0);
}

SmallVector<DeviceLaunch> TileGrid::launches(DeviceLaunch tile) const {
  tile.groups = groups() * DimExpr(chunks);
  SmallVector<DeviceLaunch> launches = {tile};
  if (chunks > 1)
    launches.push_back(pointLaunch(kCombining, productOf(points())));
  return launches;
}

LogicalResult TileGrid::check(Operation *op, const BoundOf &boundOf) const {
  for (const DimExpr &extent : {rows, columns, depth, groups()}) {
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
                    function_ref<void(const Tile &)> body) const {
  SmallVector<DimExpr> extents(batch);
  if (chunks > 1)
    extents.push_back(DimExpr(chunks));
  extents.push_back(blocksOf(rows, tileRows));
  extents.push_back(blocksOf(columns, tileColumns));
  // Groups beyond the last one have nothing to do.
  Value exists = b.compare(arith::CmpIPredicate::slt, b.group(),
                           b.extent(productOf(extents)));
  onlyIf(b, exists, [&] {
    Values place = unflatten(b, b.group(), extents, INT32_MAX);
    Tile tile;
    tile.column = narrow(b, b.mulI(place.pop_back_val(), b.i64(tileColumns)));
    tile.row = narrow(b, b.mulI(place.pop_back_val(), b.i64(tileRows)));
    Value chunk = chunks > 1 ? place.pop_back_val() : Value();
    open(place);
    tile.from = b.i64(0), tile.to = depthHere ? depthHere() : b.extent(depth);
    if (chunk) {
      DimExpr slices = blocksOf(blocksOf(depth, tileDepth), chunks);
      Value size = b.extent(slices * DimExpr(tileDepth));
      tile.from = b.mulI(chunk, size);
      tile.to = b.binary(Binary::MinS, b.addI(tile.from, size), tile.to);
      tile.first = chunk;
      for (auto [extent, at] : llvm::zip_equal(batch, place))
        tile.first = b.addI(b.mulI(tile.first, b.extent(extent)), at);
    }
    body(tile);
  });
}

void TileGrid::storePartial(DeviceBuilder &b, Value workspace, const Tile &tile,
                            Value row, Value column,
                            ArrayRef<Value> sums) const {
  Value place = b.addI(b.mulI(tile.first, b.extent(rows)), wide(b, row));
  place = b.addI(b.mulI(place, b.extent(columns)), wide(b, column));
  storeFloats(b, workspace, place, elementType(b), sums);
}

void TileGrid::combine(DeviceBuilder &b, Value workspace,
                       function_ref<void(ArrayRef<Value>)> open,
                       function_ref<void(Value, Value, Value)> store) const {
  DimExpr count = productOf(points());
  forEachPoint(b, kCombining, count, [&](Value number) {
    auto part = [&](Value chunk) {
      Value place = b.addI(b.mulI(chunk, b.extent(count)), number);
      return loadFloat(b, workspace, place, elementType(b));
    };
    Value sum = b.loop(b.i64(1), b.i64(chunks), 1, {part(b.i64(0))},
                       [&](Value chunk, ValueRange before) -> Values {
                         return {addNumbers(b, before[0], part(chunk))};
                       })[0];
    Values place = unflatten(b, number, points(), INT32_MAX);
    Value column = place.pop_back_val(), row = place.pop_back_val();
    open(place);
    store(narrow(b, row), narrow(b, column), sum);
  });
}
