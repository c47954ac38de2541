//===- AttentionTile.cpp - Products between rows of an attention ----------===//
#include "AttentionTile.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;
using arith::CmpIPredicate;

namespace {
constexpr DeviceTarget::Tile kWeights{
    AttentionTile::kRows,    AttentionTile::kColumns, AttentionTile::kDepth,
    AttentionTile::kPerItem, AttentionTile::kPerItem, {}};

/// The number of features, if slices are to be guarded.
Value countUnless(DeviceBuilder &b, bool isWhole, const DimExpr &extent) {
  return isWhole ? Value() : narrow(b, b.extent(extent));
}

int64_t widthOf(int64_t features) {
  return static_cast<int64_t>(
      llvm::alignTo(features, AttentionTile::kItemsAcross * kQuad));
}
} // namespace

DeviceTarget::Tile AttentionTile::sumTile(const AttentionRows &y) {
  int64_t width = widthOf(*y.features.asConstant());
  return {kRows, width, kDepth, kPerItem, width / kItemsAcross, {}};
}

AttentionTile::AttentionTile(DeviceBuilder &builder, int64_t features)
    : b(builder) {
  auto quad = VectorType::get(kQuad, b.f32Type());
  int64_t widest = std::max(kColumns, widthOf(features));
  aSlice = b.shared(quad, kDepth * lineLength(kRows));
  bSlice = b.shared(quad, kDepth * lineLength(widest));
  weightLines = b.shared(quad, kColumns * lineLength(kRows));
  std::tie(itemRow, itemColumn) = itemPlace(b, kWeights);
}

Value AttentionTile::row(int64_t i) const {
  return placeInTile(b, itemRow, i, kRows / kPerItem);
}

Value AttentionTile::column(int64_t j) const {
  return placeInTile(b, itemColumn, j, kItemsAcross);
}

Values AttentionTile::products(const AttentionRows &x, Value firstX,
                               const AttentionRows &y, Value firstY) const {
  Contraction::Factor left = x.byRow(b), right = y.byRow(b);
  FactorLoader leftLoader(b, left, kRows, kDepth, kItems, aSlice);
  FactorLoader rightLoader(b, right, kColumns, kDepth, kItems, bSlice);
  leftLoader.open(firstX, narrow(b, b.extent(x.rows)));
  rightLoader.open(firstY, narrow(b, b.extent(y.rows)));
  Value end = countUnless(b, isMultiple(x.features, kDepth), x.features);
  Values quads =
      b.loop(b.i64(0), b.extent(x.features), kDepth,
             Values(kPerItem, b.splat(b.f32(0), kQuad)),
             [&](Value at, ValueRange before) -> Values {
               Value depth = narrow(b, at);
               Values leftRuns = leftLoader.load(depth, end);
               Values rightRuns = rightLoader.load(depth, end);
               b.barrier();
               leftLoader.store(leftRuns, depth, end);
               rightLoader.store(rightRuns, depth, end);
               b.barrier();
               return multiplySlices(b, kWeights, aSlice, bSlice, before);
             });
  Values numbers;
  for (Value quad : quads)
    for (int64_t lane = 0; lane < kQuad; ++lane)
      numbers.push_back(b.extract(quad, lane));
  return numbers;
}

Values
AttentionTile::acrossRows(ArrayRef<Value> values,
                          function_ref<Value(Value, Value)> combine) const {
  constexpr int64_t down = kRows / kPerItem;
  b.storeShared(weightLines, b.addI(b.mulI(itemColumn, b.i32(down)), itemRow),
                b.join(values));
  b.barrier();
  Values combined;
  for (int64_t other = 0; other < kItemsAcross; ++other) {
    Value quad =
        b.loadShared(weightLines, b.addI(itemRow, b.i32(other * down)));
    for (int64_t i = 0; i < kPerItem; ++i) {
      Value value = b.extract(quad, i);
      if (other == 0)
        combined.push_back(value);
      else
        combined[i] = combine(combined[i], value);
    }
  }
  b.barrier();
  return combined;
}

Values AttentionTile::zeroSums(const AttentionRows &y) const {
  return Values(kPerItem * sumTile(y).itemColumns / kQuad,
                b.splat(b.f32(0), kQuad));
}

Values AttentionTile::accumulate(ArrayRef<Value> weights,
                                 const AttentionRows &y, Value firstY,
                                 ValueRange sums) const {
  DeviceTarget::Tile tile = sumTile(y);
  // A line for each column of weights, a quad for each item's rows.
  for (int64_t j = 0; j < kPerItem; ++j) {
    Values rows;
    for (int64_t i = 0; i < kPerItem; ++i)
      rows.push_back(weights[i * kPerItem + j]);
    Value line = b.mulI(column(j), b.i32(lineLength(kRows)));
    b.storeShared(weightLines, b.addI(line, itemRow), b.join(rows));
  }
  Contraction::Factor right = y.byFeature(b);
  FactorLoader loader(b, right, tile.columns, kDepth, kItems, bSlice);
  loader.open(b.i32(0),
              countUnless(b, isMultiple(y.features, tile.columns), y.features));
  Value end = narrow(b, b.extent(y.rows));
  return b.loop(b.i64(0), b.i64(kColumns), kDepth, sums,
                [&](Value at, ValueRange before) -> Values {
                  Value line = narrow(b, at);
                  Value depth = b.addI(firstY, line);
                  Values runs = loader.load(depth, end);
                  b.barrier();
                  loader.store(runs, depth, end);
                  b.barrier();
                  return multiplySlices(b, tile, weightLines, bSlice, before,
                                        line);
                });
}

void AttentionTile::store(const AttentionRows &y, Value firstY,
                          ArrayRef<Value> sums, ArrayRef<Value> factors) const {
  DeviceTarget::Tile tile = sumTile(y);
  int64_t width = y.storeWidth();
  Value rowCount = narrow(b, b.extent(y.rows));
  Value featureCount = narrow(b, b.extent(y.features));
  for (int64_t i = 0; i < kPerItem; ++i)
    for (int64_t j = 0; j < tile.itemColumns; j += width) {
      Value at = b.addI(firstY, row(i));
      Value feature = placeInTile(b, itemColumn, j, kItemsAcross);
      Value exists =
          b.andI(b.compare(CmpIPredicate::slt, at, rowCount),
                 b.compare(CmpIPredicate::slt, feature, featureCount));
      onlyIf(b, exists, [&] {
        Value quad = sums[(i * tile.itemColumns + j) / kQuad];
        if (!factors.empty())
          quad = b.mulF(quad, factors[i]);
        Values values;
        for (int64_t lane = 0; lane < width; ++lane)
          values.push_back(b.extract(quad, j % kQuad + lane));
        y.store(b, at, feature, values);
      });
    }
}
