//===- Attention.cpp - One op for an attention, or its products -----------===//
#include "Matchers.h"

#include "asgc/Passes.h"
#include "dialects/asg/AsgAxes.h"

#include "llvm/ADT/SetVector.h"

#include <limits>

using namespace mlir;

namespace asgc {
#define GEN_PASS_DEF_ASGATTENTION
#include "asgc/Passes.h.inc"

namespace {

/// What a kernel has room for in the memory of a group.
constexpr int64_t kMostFeatures = 128;

bool isCount(ArrayRef<int64_t> axes) {
  for (auto [index, axis] : llvm::enumerate(axes))
    if (axis != static_cast<int64_t>(index))
      return false;
  return true;
}

/// An attention as products and a softmax, from its last product upwards.
class Composed {
public:
  /// Whether `dot` ends one of which nothing else is needed.
  bool match(asg::DotOp dot);
  /// dot(softmax(scale · dot(q, k)), v) -> attention(q, k, v)
  void replace();

private:
  /// The op that makes `value`, as a part of the attention; null for a null
  /// value or another op.
  template <typename Op> Op take(Value value) {
    auto op = value ? value.getDefiningOp<Op>() : Op();
    if (op)
      parts.insert(op);
    return op;
  }
  bool matchWeights(Value weights);
  bool matchScores(Value scores);
  bool matchScale(Value scores);
  Value matchRow(Value repeated, bool mayStopGradient);
  bool fits();
  bool isAlone();

  llvm::SetVector<Operation *> parts;
  asg::DotOp scores, product;
  double scale = 1;
  bool isCausal = false;
};

/// The value for each row, [b, m] or [b, m, 1], that is repeated along the
/// rows.
Value Composed::matchRow(Value repeated, bool mayStopGradient) {
  auto broadcast = take<asg::BroadcastOp>(repeated);
  if (!broadcast || broadcast.getDims().empty() ||
      !isCount(broadcast.getDims()))
    return {};
  SmallVector<DimExpr> rows = asg::getDims(broadcast.getType());
  rows.pop_back();
  Value row = broadcast.getX();
  while (true) {
    SmallVector<DimExpr> dims = asg::getDims(getTensorType(row));
    if (dims.size() > rows.size() && dims.back() == DimExpr(1))
      dims.pop_back();
    if (dims != rows)
      return {};
    if (auto reshape = take<asg::ReshapeOp>(row))
      row = reshape.getX();
    else if (auto stop = mayStopGradient ? take<asg::StopGradientOp>(row)
                                         : asg::StopGradientOp())
      row = stop.getX();
    else
      return row;
  }
}

/// Whether `reduce` is over the last axis alone.
template <typename Op> bool isOverRows(Op reduce) {
  if (!reduce || reduce.getAxes().size() != 1)
    return false;
  return reduce.getAxes()[0] == getTensorType(reduce.getX()).getRank() - 1;
}

/// e · (1 / Σ e) or e / Σ e, where e = exp(s − max s).
bool Composed::matchWeights(Value weights) {
  Value e, sumRow;
  if (auto mul = take<asg::MulOp>(weights)) {
    e = mul.getLhs();
    auto share = take<asg::DivOp>(matchRow(mul.getRhs(), false));
    if (!share || !isSplat(share.getLhs(), 1))
      return false;
    sumRow = share.getRhs();
    if (auto reshape = take<asg::ReshapeOp>(sumRow))
      sumRow = reshape.getX();
  } else if (auto div = take<asg::DivOp>(weights)) {
    e = div.getLhs();
    sumRow = matchRow(div.getRhs(), false);
  }
  auto sum = take<asg::ReduceSumOp>(sumRow);
  auto exp = take<asg::ExpOp>(e);
  if (!isOverRows(sum) || !exp || sum.getX() != e)
    return false;
  auto shift = take<asg::SubOp>(exp.getX());
  if (!shift)
    return false;
  auto max = take<asg::ReduceMaxOp>(matchRow(shift.getRhs(), true));
  return isOverRows(max) && max.getX() == shift.getLhs() &&
         matchScores(shift.getLhs());
}

/// The axis of a view's operand that is `axis` of its result, with as many
/// elements; none if there is none, or `op` is another view.
std::optional<int64_t> findSource(Operation *op, int64_t axis) {
  int64_t from = -1;
  if (auto broadcast = dyn_cast<asg::BroadcastOp>(op)) {
    const auto *at = llvm::find(broadcast.getDims(), axis);
    if (at != broadcast.getDims().end())
      from = at - broadcast.getDims().begin();
  } else if (auto reshape = dyn_cast<asg::ReshapeOp>(op)) {
    if (auto axes =
            matchUnitReshape(getTensorType(reshape.getX()), reshape.getType()))
      from = (*axes)[axis];
  }
  if (from < 0 || asg::getDim(getTensorType(op->getOperand(0)), from) !=
                      asg::getDim(getTensorType(op->getResult(0)), axis))
    return std::nullopt;
  return from;
}

/// Whether each element is its own index along `axis`.
bool countsAlong(Value value, std::optional<int64_t> axis) {
  while (Operation *op = value.getDefiningOp()) {
    if (auto iota = dyn_cast<asg::IotaOp>(op))
      return static_cast<int64_t>(iota.getAxis()) == axis;
    if (!axis || !isa<asg::BroadcastOp, asg::ReshapeOp>(op))
      return false;
    axis = findSource(op, *axis);
    value = op->getOperand(0);
  }
  return false;
}

/// Whether `mask`, of the shape of scores, is row ≥ column, both from 0.
bool isCausalMask(Value mask) {
  int64_t rank = getTensorType(mask).getRank();
  std::optional<int64_t> row = rank - 2, column = rank - 1;
  while (auto broadcast = mask.getDefiningOp<asg::BroadcastOp>()) {
    row = findSource(broadcast, *row);
    column = findSource(broadcast, *column);
    if (!row || !column)
      return false;
    mask = broadcast.getX();
  }
  auto compare = mask.getDefiningOp<asg::CompareOp>();
  if (!compare)
    return false;
  if (compare.getPredicate() == asg::Predicate::ge)
    return countsAlong(compare.getLhs(), row) &&
           countsAlong(compare.getRhs(), column);
  return compare.getPredicate() == asg::Predicate::le &&
         countsAlong(compare.getRhs(), row) &&
         countsAlong(compare.getLhs(), column);
}

/// select(row ≥ column, s, −∞) or s, where s = scale · dot(q, k).
bool Composed::matchScores(Value value) {
  auto select = value.getDefiningOp<asg::SelectOp>();
  if (!select)
    return matchScale(value);
  parts.insert(select);
  isCausal = true;
  return isSplat(select.getOnFalse(),
                 -std::numeric_limits<double>::infinity()) &&
         isCausalMask(select.getCondition()) && matchScale(select.getOnTrue());
}

bool Composed::matchScale(Value value) {
  auto factorOf = [](Value factor) -> std::optional<double> {
    if (auto number = dyn_cast_or_null<FloatAttr>(getSplat(factor)))
      return number.getValueAsDouble();
    return std::nullopt;
  };
  if (auto mul = take<asg::MulOp>(value)) {
    for (auto [x, factor] : {std::pair(mul.getLhs(), mul.getRhs()),
                             std::pair(mul.getRhs(), mul.getLhs())})
      if (std::optional<double> number = factorOf(factor)) {
        scale = *number;
        return (scores = take<asg::DotOp>(x)) != nullptr;
      }
    return false;
  }
  if (auto div = take<asg::DivOp>(value)) {
    std::optional<double> number = factorOf(div.getRhs());
    scale = 1 / number.value_or(1);
    return number && (scores = take<asg::DotOp>(div.getLhs())) != nullptr;
  }
  return (scores = take<asg::DotOp>(value)) != nullptr;
}

/// Whether a kernel takes such shapes and types.
bool Composed::fits() {
  RankedTensorType type = getTensorType(product.getY());
  Type element = type.getElementType();
  if (!element.isF32() && !element.isF16() && !element.isBF16())
    return false;
  int64_t rank = type.getRank();
  auto axes = [](asg::DotOp dot, bool isLhs) {
    return asg::getFreeAxes(
        getTensorType(isLhs ? dot.getLhs() : dot.getRhs()).getRank(),
        isLhs ? dot.getLhsBatch() : dot.getRhsBatch(),
        isLhs ? dot.getLhsContract() : dot.getRhsContract());
  };
  for (asg::DotOp dot : {scores, product})
    if (static_cast<int64_t>(dot.getLhsBatch().size()) != rank - 2 ||
        dot.getLhsContract().size() != 1 || axes(dot, true).size() != 1 ||
        axes(dot, false).size() != 1)
      return false;
  if (!isCount(product.getLhsBatch()) ||
      product.getLhsContract()[0] != rank - 1)
    return false;
  auto isSmall = [](const DimExpr &extent) {
    std::optional<int64_t> number = extent.asConstant();
    return number && *number >= 1 && *number <= kMostFeatures;
  };
  RankedTensorType weights = getTensorType(product.getLhs());
  return isSmall(asg::getDim(type, rank - 1)) &&
         isSmall(asg::getDim(getTensorType(scores.getLhs()),
                             scores.getLhsContract()[0])) &&
         asg::getDim(weights, rank - 1).minimum().value_or(0) >= 1;
}

/// Whether nothing outside needs what the parts compute.
bool Composed::isAlone() {
  return llvm::all_of(parts, [&](Operation *op) {
    return op == product || llvm::all_of(op->getUsers(), [&](Operation *user) {
             return parts.contains(user);
           });
  });
}

bool Composed::match(asg::DotOp dot) {
  product = dot;
  parts.insert(dot);
  return matchWeights(dot.getLhs()) && fits() && isAlone();
}

void Composed::replace() {
  OpBuilder builder(product);
  // [batch…, rows, features] by one transposition of what lies in memory.
  auto ordered = [&](Value x, ArrayRef<int64_t> batch, int64_t rows,
                     int64_t features) -> Value {
    SmallVector<int64_t> order(batch);
    order.append({rows, features});
    while (auto turned = x.getDefiningOp<asg::TransposeOp>()) {
      for (int64_t &axis : order)
        axis = turned.getPerm()[axis];
      x = turned.getX();
    }
    return isCount(order)
               ? x
               : asg::TransposeOp::create(builder, x.getLoc(), x, order);
  };
  auto freeAxis = [](Value x, ArrayRef<int64_t> batch,
                     ArrayRef<int64_t> contract) {
    return asg::getFreeAxes(getTensorType(x).getRank(), batch, contract)[0];
  };
  Value q = scores.getLhs(), k = scores.getRhs(), v = product.getRhs();
  ArrayRef<int64_t> qSum = scores.getLhsContract(),
                    kSum = scores.getRhsContract(),
                    vSum = product.getRhsContract();
  q = ordered(q, scores.getLhsBatch(), freeAxis(q, scores.getLhsBatch(), qSum),
              qSum[0]);
  k = ordered(k, scores.getRhsBatch(), freeAxis(k, scores.getRhsBatch(), kSum),
              kSum[0]);
  v = ordered(v, product.getRhsBatch(), vSum[0],
              freeAxis(v, product.getRhsBatch(), vSum));
  auto attention = asg::AttentionOp::create(
      builder, product.getLoc(), q, k, v, builder.getF64FloatAttr(scale),
      isCausal ? builder.getUnitAttr() : UnitAttr());
  product.getY().replaceAllUsesWith(attention.getY());
  // Users before what they use.
  while (!parts.empty())
    for (Operation *op : llvm::to_vector(parts))
      if (op->use_empty()) {
        parts.remove(op);
        op->erase();
      }
}

struct AttentionPass final : impl::AsgAttentionBase<AttentionPass> {
  using AsgAttentionBase::AsgAttentionBase;

  void runOnOperation() final {
    for (auto graph : getOperation().getOps<asg::GraphOp>())
      hasKernel ? raise(graph) : expand(graph);
  }

private:
  void raise(asg::GraphOp graph) {
    for (auto dot : llvm::to_vector(graph.getBody().getOps<asg::DotOp>()))
      if (Composed composed; composed.match(dot)) {
        composed.replace();
        ++raised;
      }
  }

  static void expand(asg::GraphOp graph) {
    SmallVector<Operation *> ops;
    graph.walk([&](Operation *op) {
      if (isa<asg::AttentionOp, asg::AttentionGradOp>(op))
        ops.push_back(op);
    });
    for (Operation *op : ops) {
      OpBuilder builder(op);
      SmallVector<Value> results;
      if (auto attention = dyn_cast<asg::AttentionOp>(op))
        results = attention.expand(builder);
      else
        results = cast<asg::AttentionGradOp>(op).expand(builder);
      op->replaceAllUsesWith(results);
      op->erase();
    }
  }
};

} // namespace
} // namespace asgc
