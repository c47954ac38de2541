//===- MatrixAttention.cpp - Device code for plan.attention by a unit -----===//
#include "AttentionMatrices.h"
#include "MatrixContraction.h"

#include <limits>
#include <numbers>

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;
using arith::CmpFPredicate;
using arith::CmpIPredicate;

namespace {

/// The same as the scalar form, with weights rounded to the operands' type. The
/// gradients of keys and of values are launches of their own, as registers have
/// room for the sums of one.
class MatrixAttention final : public DeviceKernel {
public:
  MatrixAttention(plan::AttentionOp op, const MatrixUnit &unit) : step(op) {
    layout.unit = unit;
  }
  /// Whether the unit takes such operands.
  bool plan();
  LogicalResult emit(int64_t launch, DeviceBuilder &builder) override;

private:
  void emitForward(DeviceBuilder &b, Value firstQuery) const;
  void emitQueries(DeviceBuilder &b, Value firstQuery) const;
  void emitKeys(DeviceBuilder &b, Value firstKey) const;
  void emitValues(DeviceBuilder &b, Value firstKey) const;
  Value firstQueryOf(DeviceBuilder &b, Value firstKey) const {
    return step.isCausal ? wide(b, firstKey) : b.i64(0);
  }
  /// What a turn of a walk gets: its first row, `put`, which leaves what it
  /// has of an operand in the group's memory, and what the turn before
  /// returned.
  using Turn = function_ref<Values(Value, function_ref<void(int)>, ValueRange)>;
  Values walk(DeviceBuilder &b, const AttentionMatrices &tile, Value from,
              Value to, ArrayRef<const AttentionRows *> operands,
              ValueRange carried, Turn turn) const;
  Value keysSeen(DeviceBuilder &b, Value query, Value firstKey) const;
  Value weigh(DeviceBuilder &b, Value score, Value logarithm) const;

  AttentionStep step;
  AttentionLayout layout;
  int64_t depth = 0, features = 0;
};

bool MatrixAttention::plan() {
  layout.element = step.rows.front().element;
  if (!layout.element.isF16() && !layout.element.isBF16())
    return false;
  depth = step.depth.asConstant().value_or(0);
  features = step.features.asConstant().value_or(0);
  layout.widest = std::max(depth, features);
  if (!layout.isEven() || !layout.isWhole(depth) || !layout.isWhole(features))
    return false;
  for (const AttentionRows &rows : step.rows)
    if (rows.element == layout.element && !rows.arePacked(kPacked))
      return false;
  auto add = [&](const DimExpr &count, StringRef part) {
    llvm::append_range(launches, step.gridOver(count, layout.rows())
                                     .launches({.groupSize = layout.items(),
                                                .unit = layout.unit,
                                                .part = part,
                                                .isAlone = true}));
  };
  add(step.queries, {});
  if (step.isBackward) {
    add(step.keys, "keys");
    add(step.keys, "values");
  }
  return true;
}

LogicalResult MatrixAttention::emit(int64_t launch, DeviceBuilder &b) {
  step.gridOver(launch == 0 ? step.queries : step.keys, layout.rows())
      .emit(
          b, [&](ArrayRef<Value> batch) { step.open(b, batch); },
          [&](const TileGrid::Tile &part) {
            if (launch == 2)
              emitValues(b, part.row);
            else if (launch == 1)
              emitKeys(b, part.row);
            else if (step.isBackward)
              emitQueries(b, part.row);
            else
              emitForward(b, part.row);
          });
  return success();
}

/// Walks over rows of two operands, and statistics of those rows, kColumns at a
/// time. As they take about a turn to come, what the next turn needs is asked
/// for as soon as the registers of this one's are free.
Values MatrixAttention::walk(DeviceBuilder &b, const AttentionMatrices &tile,
                             Value from, Value to,
                             ArrayRef<const AttentionRows *> operands,
                             ValueRange carried, Turn turn) const {
  constexpr int64_t kColumns = AttentionLayout::kColumns;
  constexpr size_t kSlices = 2;
  auto load = [&](size_t which, Value first) -> Values {
    if (which < kSlices)
      return tile.loadRows(*operands[which], first, kColumns);
    return {tile.loadStatistic(*operands[which], first)};
  };
  SmallVector<Values> parts;
  for (size_t which = 0; which < operands.size(); ++which)
    parts.push_back(load(which, narrow(b, from)));
  parts.push_back(Values(carried));
  auto joined = [&] {
    Values all;
    for (const Values &part : parts)
      llvm::append_range(all, part);
    return all;
  };
  auto separate = [&](ValueRange all) {
    for (Values &part : parts) {
      size_t count = part.size();
      part.assign(all.begin(), all.begin() + count);
      all = all.drop_front(count);
    }
  };
  separate(b.loop(
      from, to, kColumns, joined(),
      [&](Value at, ValueRange before) -> Values {
        separate(before);
        Value first = narrow(b, at);
        auto put = [&](int which) {
          if (size_t(which) < kSlices)
            tile.storeSlice(*operands[which], parts[which]);
          else
            tile.putStatistics(which - kSlices, parts[which].front());
          parts[which] = load(which, b.addI(first, b.i32(kColumns)));
        };
        parts.back() = turn(first, put, Values(parts.back()));
        return joined();
      },
      /*isRolled=*/true));
  return parts.back();
}

/// How many keys from `firstKey` on a query looks at; may be negative.
Value MatrixAttention::keysSeen(DeviceBuilder &b, Value query,
                                Value firstKey) const {
  Value end = narrow(b, b.extent(step.keys));
  if (step.isCausal)
    end = b.binary(Binary::MinS, end, b.addI(query, b.i32(1)));
  return b.subI(end, firstKey);
}

/// The weights are 2^(score · log2 e − m), with the largest m so far: where it
/// rises, what has been summed with a smaller one is scaled down.
void MatrixAttention::emitForward(DeviceBuilder &b, Value firstQuery) const {
  const AttentionRows &q = step.rows[0], &k = step.rows[1], &v = step.rows[2],
                      &y = step.rows[3];
  AttentionMatrices tile(b, layout);
  Values factors = tile.loadFactors(q, firstQuery);
  Value query = b.addI(firstQuery, tile.row());
  Value never = b.f32(-std::numeric_limits<double>::infinity());
  Value scale = b.f32(step.scale * std::numbers::log2e);
  // The largest score of the item's row, its part of the sum of weights, sums.
  Values carried = {never, b.f32(0)};
  llvm::append_range(carried, tile.zeroSums(features));
  carried = walk(
      b, tile, b.i64(0), step.keysEnd(b, firstQuery, layout.rows()), {&k, &v},
      carried,
      [&](Value firstKey, function_ref<void(int)> put,
          ValueRange before) -> Values {
        b.barrier();
        put(0);
        b.barrier();
        tile.multiplyTransposed(factors, depth);
        b.barrier();
        put(1);
        Value seen = keysSeen(b, query, firstKey);
        Values scores; // the item's own first, then all others of its row
        Value most = before[0];
        for (int64_t part = 0; part < layout.itemsPerRow(); ++part) {
          Value left = b.subI(seen, tile.columnsFurther(part));
          for (auto [i, sum] : llvm::enumerate(tile.readSums(part))) {
            Value isSeen = b.compare(CmpIPredicate::sgt, left,
                                     b.i32(static_cast<int64_t>(i)));
            Value score = b.select(isSeen, b.mulF(sum, scale), never);
            most = b.maxOrSecond(most, score);
            if (part == 0)
              scores.push_back(score);
          }
        }
        b.barrier();
        // Nothing seen yet: −∞ − −∞ would be NaN.
        Value base = b.select(b.compare(CmpFPredicate::OEQ, most, never),
                              b.f32(0), most);
        Value shrunk = b.nativeExp2(b.subF(before[0], base));
        Value total = b.mulF(before[1], shrunk);
        for (Value &score : scores) {
          score = b.nativeExp2(b.subF(score, base));
          total = b.addF(total, score);
        }
        tile.putWeights(scores);
        tile.putFactor(shrunk);
        b.barrier();
        Values next = {most, total};
        Values sums(before.drop_front(2));
        tile.scaleRows(sums);
        llvm::append_range(next, tile.addProducts(sums, features));
        return next;
      });
  Value total = tile.addAcrossRow(carried[1]);
  tile.putFactor(b.divF(b.f32(1), total));
  b.barrier();
  MutableArrayRef<Value> sums = MutableArrayRef(carried).drop_front(2);
  tile.scaleRows(sums);
  tile.store(y, firstQuery, sums);
  if (step.rows.size() == 4)
    return;
  Value exists =
      b.compare(CmpIPredicate::slt, query, narrow(b, b.extent(step.queries)));
  onlyIf(b, b.andI(tile.isFirstOfRow(), exists), [&] {
    Value logarithm = b.addF(b.mulF(carried[0], b.f32(std::numbers::ln2)),
                             Math(b).log(total));
    step.rows[4].storeStatistic(b, query, logarithm);
  });
}

/// e^(scale · score − logarithm).
Value MatrixAttention::weigh(DeviceBuilder &b, Value score,
                             Value logarithm) const {
  Value base = b.mulF(logarithm, b.f32(std::numbers::log2e));
  Value scale = b.f32(step.scale * std::numbers::log2e);
  return b.nativeExp2(b.subF(b.mulF(score, scale), base));
}

/// dq = ds · k, where ds = scale · w · (dy · vᵀ − delta).
void MatrixAttention::emitQueries(DeviceBuilder &b, Value firstQuery) const {
  const AttentionRows &q = step.rows[0], &k = step.rows[1], &v = step.rows[2],
                      &dy = step.rows[3], &dq = step.rows[6];
  AttentionMatrices tile(b, layout);
  Values queries = tile.loadFactors(q, firstQuery);
  Values cotangents = tile.loadFactors(dy, firstQuery);
  Value query = b.addI(firstQuery, tile.row());
  Value logarithm = step.rows[4].loadStatistic(b, query);
  Value delta = step.rows[5].loadStatistic(b, query);
  Values sums = walk(
      b, tile, b.i64(0), step.keysEnd(b, firstQuery, layout.rows()), {&v, &k},
      tile.zeroSums(depth),
      [&](Value firstKey, function_ref<void(int)> put,
          ValueRange before) -> Values {
        b.barrier();
        put(0);
        b.barrier();
        tile.multiplyTransposed(cotangents, features);
        b.barrier();
        Values along = tile.readSums();
        put(1);
        b.barrier();
        tile.multiplyTransposed(queries, depth);
        b.barrier();
        Values weights = tile.readSums();
        Value left = b.subI(keysSeen(b, query, firstKey), tile.firstColumn());
        for (auto [i, weight] : llvm::enumerate(weights)) {
          Value isSeen = b.compare(CmpIPredicate::sgt, left,
                                   b.i32(static_cast<int64_t>(i)));
          Value excess = b.mulF(b.subF(along[i], delta), b.f32(step.scale));
          weight = b.select(isSeen, b.mulF(weigh(b, weight, logarithm), excess),
                            b.f32(0));
        }
        b.barrier();
        tile.putWeights(weights);
        b.barrier();
        return tile.addProducts(before, depth);
      });
  tile.store(dq, firstQuery, sums);
}

/// dk = dsᵀ · q: the tile's rows are keys, its columns queries.
void MatrixAttention::emitKeys(DeviceBuilder &b, Value firstKey) const {
  const AttentionRows &q = step.rows[0], &k = step.rows[1], &v = step.rows[2],
                      &dy = step.rows[3], &dk = step.rows[7];
  AttentionMatrices tile(b, layout);
  Values keys = tile.loadFactors(k, firstKey);
  Values values = tile.loadFactors(v, firstKey);
  Values sums =
      walk(b, tile, firstQueryOf(b, firstKey), b.extent(step.queries),
           {&dy, &q, &step.rows[4], &step.rows[5]}, tile.zeroSums(depth),
           [&](Value firstQuery, function_ref<void(int)> put,
               ValueRange before) -> Values {
             b.barrier();
             put(0);
             put(2);
             put(3);
             b.barrier();
             tile.multiplyTransposed(values, features);
             b.barrier();
             Values along = tile.readSums();
             put(1);
             b.barrier();
             tile.multiplyTransposed(keys, depth);
             b.barrier();
             Values weights = tile.readSums();
             Values logarithms = tile.readStatistics(0);
             Values deltas = tile.readStatistics(1);
             for (auto [i, weight] : llvm::enumerate(weights)) {
               Value excess =
                   b.mulF(b.subF(along[i], deltas[i]), b.f32(step.scale));
               weight = b.select(
                   step.sees(b,
                             b.addI(b.addI(firstQuery, tile.firstColumn()),
                                    b.i32(static_cast<int64_t>(i))),
                             b.addI(firstKey, tile.row())),
                   b.mulF(weigh(b, weight, logarithms[i]), excess), b.f32(0));
             }
             b.barrier();
             tile.putWeights(weights);
             b.barrier();
             return tile.addProducts(before, depth);
           });
  tile.store(dk, firstKey, sums);
}

/// dv = wᵀ · dy, likewise.
void MatrixAttention::emitValues(DeviceBuilder &b, Value firstKey) const {
  const AttentionRows &q = step.rows[0], &k = step.rows[1], &dy = step.rows[3],
                      &dv = step.rows[8];
  AttentionMatrices tile(b, layout);
  Values keys = tile.loadFactors(k, firstKey);
  Values sums = walk(
      b, tile, firstQueryOf(b, firstKey), b.extent(step.queries),
      {&q, &dy, &step.rows[4]}, tile.zeroSums(features),
      [&](Value firstQuery, function_ref<void(int)> put,
          ValueRange before) -> Values {
        b.barrier();
        put(0);
        put(2);
        b.barrier();
        tile.multiplyTransposed(keys, depth);
        b.barrier();
        put(1);
        Values weights = tile.readSums();
        Values logarithms = tile.readStatistics(0);
        for (auto [i, weight] : llvm::enumerate(weights))
          weight =
              b.select(step.sees(b,
                                 b.addI(b.addI(firstQuery, tile.firstColumn()),
                                        b.i32(static_cast<int64_t>(i))),
                                 b.addI(firstKey, tile.row())),
                       weigh(b, weight, logarithms[i]), b.f32(0));
        b.barrier();
        tile.putWeights(weights);
        b.barrier();
        return tile.addProducts(before, features);
      });
  tile.store(dv, firstKey, sums);
}

} // namespace

std::unique_ptr<DeviceKernel>
kernels::createMatrixAttention(plan::AttentionOp op, const MatrixUnit &unit) {
  auto kernel = std::make_unique<MatrixAttention>(op, unit);
  return kernel->plan() ? std::move(kernel) : nullptr;
}
