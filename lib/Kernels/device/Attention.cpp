//===- Attention.cpp - Device code for plan.attention ---------------------===//
#include "AttentionMatrices.h"
#include "AttentionTile.h"

#include <limits>

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;
using arith::CmpFPredicate;
using arith::CmpIPredicate;

namespace {

/// A group owns some rows of a result and looks at all rows that these depend
/// on, a tile of weights at a time, which are made again in each launch. No two
/// groups add to the same number, so results do not depend on timing.
class DeviceAttention final : public DeviceKernel {
public:
  explicit DeviceAttention(plan::AttentionOp op) : op(op), step(op) {}
  LogicalResult plan(const BoundOf &boundOf);
  LogicalResult emit(int64_t launch, DeviceBuilder &builder) override;

private:
  using Tile = AttentionTile;
  void emitForward(DeviceBuilder &b, Value firstQuery) const;
  void emitQueries(DeviceBuilder &b, Value firstQuery) const;
  void emitKeys(DeviceBuilder &b, Value firstKey) const;

  plan::AttentionOp op;
  AttentionStep step;
  int64_t widest = 0; ///< most features of a row
};

LogicalResult DeviceAttention::plan(const BoundOf &boundOf) {
  for (Value buffer : op->getOperands())
    if (Type type = tensorOf(buffer).getElementType();
        !type.isF32() && !type.isF16() && !type.isBF16())
      return op.emitOpError()
             << "attends to " << type << ", which the Vulkan backend does not";
  for (const DimExpr &features : {step.depth, step.features}) {
    std::optional<int64_t> count = features.asConstant();
    if (!count || *count > Tile::kMostFeatures)
      return op.emitOpError() << "attends to rows of " << features.str()
                              << " features, which the Vulkan backend does not";
    widest = std::max(widest, *count);
  }
  auto add = [&](const DimExpr &count, StringRef part) {
    llvm::append_range(launches, step.gridOver(count, Tile::kRows)
                                     .launches({.groupSize = Tile::kItems,
                                                .part = part,
                                                .isAlone = true}));
  };
  add(step.queries, {});
  if (step.isBackward)
    add(step.keys, "keys");
  return failure(
      failed(step.gridOver(step.queries, Tile::kRows).check(op, boundOf)) ||
      failed(step.gridOver(step.keys, Tile::kRows).check(op, boundOf)));
}

LogicalResult DeviceAttention::emit(int64_t launch, DeviceBuilder &b) {
  step.gridOver(launch == 0 ? step.queries : step.keys, Tile::kRows)
      .emit(
          b, [&](ArrayRef<Value> batch) { step.open(b, batch); },
          [&](const TileGrid::Tile &part) {
            if (launch == 1)
              emitKeys(b, part.row);
            else if (step.isBackward)
              emitQueries(b, part.row);
            else
              emitForward(b, part.row);
          });
  return success();
}

/// The weights are e^(score − m), with the largest score m so far: where it
/// rises, what has been summed with a smaller one is scaled down.
void DeviceAttention::emitForward(DeviceBuilder &b, Value firstQuery) const {
  ArrayRef<AttentionRows> rows = step.rows;
  const AttentionRows &q = rows[0], &k = rows[1], &v = rows[2], &y = rows[3];
  constexpr int64_t kHeld = Tile::kPerItem;
  Tile tile(b, widest);
  Math math(b);
  Value never = b.f32(-std::numeric_limits<double>::infinity());
  // The largest score of each row, its part of the sum of weights, and sums.
  Values carried(kHeld, never);
  carried.append(kHeld, b.f32(0));
  llvm::append_range(carried, tile.zeroSums(y));
  carried = b.loop(
      b.i64(0), step.keysEnd(b, firstQuery, Tile::kRows), Tile::kColumns,
      carried, [&](Value at, ValueRange before) -> Values {
        Value firstKey = narrow(b, at);
        Values weights = tile.products(q, firstQuery, k, firstKey);
        Values most;
        for (int64_t i = 0; i < kHeld; ++i) {
          Value query = b.addI(firstQuery, tile.row(i));
          for (int64_t j = 0; j < kHeld; ++j) {
            Value key = b.addI(firstKey, tile.column(j));
            Value &score = weights[i * kHeld + j];
            score = b.select(step.sees(b, query, key),
                             b.mulF(score, b.f32(step.scale)), never);
            if (j == 0)
              most.push_back(score);
            else
              most[i] = b.maxOrSecond(most[i], score);
          }
        }
        most = tile.acrossRows(
            most, [&](Value a, Value c) { return b.maxOrSecond(a, c); });
        Values next, totals, sums(before.drop_front(2 * kHeld));
        int64_t perRow = std::ssize(sums) / kHeld;
        for (int64_t i = 0; i < kHeld; ++i) {
          Value largest = b.maxOrSecond(before[i], most[i]);
          // Nothing seen yet: −∞ − −∞ would be NaN.
          Value base = b.select(b.compare(CmpFPredicate::OEQ, largest, never),
                                b.f32(0), largest);
          Value shrunk = math.exp(b.subF(before[i], base));
          Value total = b.mulF(before[kHeld + i], shrunk);
          for (int64_t j = 0; j < kHeld; ++j) {
            Value &weight = weights[i * kHeld + j];
            weight = math.exp(b.subF(weight, base));
            total = b.addF(total, weight);
          }
          for (Value &sum : MutableArrayRef(sums).slice(i * perRow, perRow))
            sum = b.mulF(sum, shrunk);
          next.push_back(largest);
          totals.push_back(total);
        }
        llvm::append_range(next, totals);
        llvm::append_range(next, tile.accumulate(weights, v, firstKey, sums));
        return next;
      });
  // The items still read the weights of the last tile.
  b.barrier();
  Values totals =
      tile.acrossRows(ArrayRef(carried).slice(kHeld, kHeld),
                      [&](Value a, Value c) { return b.addF(a, c); });
  Values shares;
  for (Value total : totals)
    shares.push_back(b.divF(b.f32(1), total));
  tile.store(y, firstQuery, ArrayRef(carried).drop_front(2 * kHeld), shares);
  if (rows.size() == 4)
    return;
  Value isFirst = b.compare(CmpIPredicate::eq, tile.column(0), b.i32(0));
  for (int64_t i = 0; i < kHeld; ++i) {
    Value query = b.addI(firstQuery, tile.row(i));
    Value exists =
        b.compare(CmpIPredicate::slt, query, narrow(b, b.extent(step.queries)));
    onlyIf(b, b.andI(isFirst, exists), [&] {
      rows[4].storeStatistic(b, query, b.addF(carried[i], math.log(totals[i])));
    });
  }
}

/// dq = ds · k, where ds = scale · w · (dy · vᵀ − delta).
void DeviceAttention::emitQueries(DeviceBuilder &b, Value firstQuery) const {
  ArrayRef<AttentionRows> rows = step.rows;
  const AttentionRows &q = rows[0], &k = rows[1], &v = rows[2], &dy = rows[3],
                      &lse = rows[4], &delta = rows[5], &dq = rows[6];
  constexpr int64_t kHeld = Tile::kPerItem;
  Tile tile(b, widest);
  Math math(b);
  Values logarithms, deltas;
  for (int64_t i = 0; i < kHeld; ++i) {
    Value query = b.addI(firstQuery, tile.row(i));
    logarithms.push_back(lse.loadStatistic(b, query));
    deltas.push_back(delta.loadStatistic(b, query));
  }
  Values sums =
      b.loop(b.i64(0), step.keysEnd(b, firstQuery, Tile::kRows), Tile::kColumns,
             tile.zeroSums(dq), [&](Value at, ValueRange before) -> Values {
               Value firstKey = narrow(b, at);
               Values weights = tile.products(q, firstQuery, k, firstKey);
               Values along = tile.products(dy, firstQuery, v, firstKey);
               for (int64_t i = 0; i < kHeld; ++i)
                 for (int64_t j = 0; j < kHeld; ++j) {
                   Value &weight = weights[i * kHeld + j];
                   Value seen = step.sees(b, b.addI(firstQuery, tile.row(i)),
                                          b.addI(firstKey, tile.column(j)));
                   weight = math.exp(b.subF(b.mulF(weight, b.f32(step.scale)),
                                            logarithms[i]));
                   Value excess = b.subF(along[i * kHeld + j], deltas[i]);
                   Value ds = b.mulF(b.mulF(weight, excess), b.f32(step.scale));
                   weight = b.select(seen, ds, b.f32(0));
                 }
               return tile.accumulate(weights, k, firstKey, before);
             });
  tile.store(dq, firstQuery, sums, {});
}

/// dv = wᵀ · dy and dk = dsᵀ · q: the tile's rows are keys, its columns
/// queries.
void DeviceAttention::emitKeys(DeviceBuilder &b, Value firstKey) const {
  ArrayRef<AttentionRows> rows = step.rows;
  const AttentionRows &q = rows[0], &k = rows[1], &v = rows[2], &dy = rows[3],
                      &lse = rows[4], &delta = rows[5], &dk = rows[7],
                      &dv = rows[8];
  constexpr int64_t kHeld = Tile::kPerItem;
  Tile tile(b, widest);
  Math math(b);
  Values carried = tile.zeroSums(dk);
  size_t numDk = carried.size();
  llvm::append_range(carried, tile.zeroSums(dv));
  // No query before its key looks at it.
  static_assert(Tile::kRows % Tile::kColumns == 0);
  Value from = step.isCausal ? wide(b, firstKey) : b.i64(0);
  carried = b.loop(
      from, b.extent(step.queries), Tile::kColumns, carried,
      [&](Value at, ValueRange before) -> Values {
        Value firstQuery = narrow(b, at);
        Values weights = tile.products(k, firstKey, q, firstQuery);
        Values along = tile.products(v, firstKey, dy, firstQuery);
        Values ds(weights.size());
        for (int64_t j = 0; j < kHeld; ++j) {
          Value query = b.addI(firstQuery, tile.column(j));
          Value logarithm = lse.loadStatistic(b, query);
          Value deltaOf = delta.loadStatistic(b, query);
          for (int64_t i = 0; i < kHeld; ++i) {
            Value &weight = weights[i * kHeld + j];
            Value seen = step.sees(b, query, b.addI(firstKey, tile.row(i)));
            weight =
                math.exp(b.subF(b.mulF(weight, b.f32(step.scale)), logarithm));
            Value excess = b.subF(along[i * kHeld + j], deltaOf);
            ds[i * kHeld + j] = b.select(
                seen, b.mulF(b.mulF(weight, excess), b.f32(step.scale)),
                b.f32(0));
            weight = b.select(seen, weight, b.f32(0));
          }
        }
        Values next =
            tile.accumulate(ds, q, firstQuery, before.take_front(numDk));
        b.barrier(); // the items still read ds
        llvm::append_range(next, tile.accumulate(weights, dy, firstQuery,
                                                 before.drop_front(numDk)));
        return next;
      });
  tile.store(dk, firstKey, ArrayRef(carried).take_front(numDk), {});
  tile.store(dv, firstKey, ArrayRef(carried).drop_front(numDk), {});
}

} // namespace

std::unique_ptr<DeviceKernel>
kernels::createDeviceAttention(plan::AttentionOp op, const DeviceTarget &target,
                               const BoundOf &boundOf) {
  auto kernel = std::make_unique<DeviceAttention>(op);
  if (failed(kernel->plan(boundOf)))
    return nullptr;
  if (auto matrices = createMatrixAttention(op, target.unit))
    return matrices;
  return kernel;
}
