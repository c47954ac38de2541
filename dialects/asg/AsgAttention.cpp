//===- AsgAttention.cpp - Attention as one op -----------------------------===//
#include "dialects/asg/AsgChecks.h"

#include "llvm/ADT/Sequence.h"

#include <limits>

using namespace mlir;
using namespace asgc;
using namespace asgc::asg;

//===- Types --------------------------------------------------------------===//

namespace {
/// The types of y and lse; nothing, with an error, if there are none.
std::optional<std::pair<RankedTensorType, RankedTensorType>>
inferAttention(Fault fault, ValueRange operands) {
  if (failed(checkTensors(fault, operands)))
    return std::nullopt;
  RankedTensorType q = tensorType(operands[0]), k = tensorType(operands[1]),
                   v = tensorType(operands[2]);
  if (failed(checkSameElements(fault, q, k)) ||
      failed(checkSameElements(fault, q, v)))
    return std::nullopt;
  auto refuse = [&](const Twine &why) {
    (void)fault("cannot attend from ", describe(q), " to ", describe(k),
                " and ", describe(v), ": ", why.str());
    return std::nullopt;
  };
  int64_t rank = q.getRank();
  if (rank < 2 || k.getRank() != rank || v.getRank() != rank)
    return refuse("each is [batch…, sequence, features]");
  for (int64_t axis = 0; axis < rank - 2; ++axis)
    if (getDim(q, axis) != getDim(k, axis) ||
        getDim(q, axis) != getDim(v, axis))
      return refuse("axis " + Twine(axis) + " differs");
  if (getDim(q, rank - 1) != getDim(k, rank - 1))
    return refuse("queries and keys have other features");
  if (getDim(k, rank - 2) != getDim(v, rank - 2))
    return refuse("there is a value for each key");
  if (getDim(k, rank - 2) == DimExpr(0))
    return refuse("there is no key");
  SmallVector<DimExpr> dims = getDims(q);
  dims.back() = getDim(v, rank - 1);
  RankedTensorType y = withDims(q, dims);
  dims.pop_back();
  Type statistic = q.getElementType();
  if (!statistic.isF64())
    statistic = Float32Type::get(q.getContext());
  return std::pair(y, getTensorType(q.getContext(), dims, statistic));
}
} // namespace

LogicalResult AttentionOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> location,
                                            ValueRange operands, DictionaryAttr,
                                            OpaqueProperties, RegionRange,
                                            SmallVectorImpl<Type> &results) {
  auto types = inferAttention(Fault(location, getOperationName()), operands);
  if (!types)
    return failure();
  results.assign({types->first, types->second});
  return success();
}

LogicalResult AttentionGradOp::inferReturnTypes(
    MLIRContext *, std::optional<Location> location, ValueRange operands,
    DictionaryAttr, OpaqueProperties, RegionRange,
    SmallVectorImpl<Type> &results) {
  Fault fault(location, getOperationName());
  if (failed(checkTensors(fault, operands)))
    return failure();
  auto types = inferAttention(fault, operands.take_front(3));
  if (!types)
    return failure();
  const Type wanted[] = {types->first, types->second, types->second};
  const char *names[] = {"dy", "lse", "delta"};
  for (auto [name, type, value] :
       llvm::zip_equal(names, wanted, operands.drop_front(3)))
    if (value.getType() != type)
      return fault("takes ", describe(type), " for ", name, ", not ",
                   describe(value.getType()));
  llvm::append_range(results, operands.take_front(3).getTypes());
  return success();
}

//===- Compositions -------------------------------------------------------===//

namespace {
/// Builds of products and elementwise ops what an attention computes; all in
/// the type of `lse`.
struct Composer {
  OpBuilder &builder;
  Location loc;
  Type element; ///< that of lse
  double scale;
  bool causal;

  template <typename Op>
  Composer(OpBuilder &builder, Op op)
      : builder(builder), loc(op.getLoc()),
        element(tensorType(op.getQ()).getElementType()),
        scale(op.getScale().convertToDouble()), causal(op.getCausal()) {
    if (!element.isF64())
      element = builder.getF32Type();
  }

  Value cast(Value x, Type to) const {
    RankedTensorType type = tensorType(x);
    if (type.getElementType() == to)
      return x;
    return CastOp::create(builder, loc, withElementType(type, to), x);
  }
  Value wide(Value x) const { return cast(x, element); }

  Value add(Value x, Value y) const {
    return AddOp::create(builder, loc, x, y);
  }
  Value sub(Value x, Value y) const {
    return SubOp::create(builder, loc, x, y);
  }
  Value mul(Value x, Value y) const {
    return MulOp::create(builder, loc, x, y);
  }
  Value neg(Value x) const { return NegOp::create(builder, loc, x); }
  Value exp(Value x) const { return ExpOp::create(builder, loc, x); }
  Value scaled(Value x) const {
    return mul(x, buildSplat(builder, loc, tensorType(x), scale));
  }

  /// Σ over the last axis, and a value for each row put at all of its places.
  Value sumRows(Value x) const {
    return ReduceSumOp::create(builder, loc, x, lastAxis(x));
  }
  Value alongRows(Value row, Value like) const {
    return buildUnreduce(builder, loc, row, tensorType(like), lastAxis(like));
  }

  /// x · yᵀ, x · y, xᵀ · y of matrices in batches.
  Value timesTransposed(Value x, Value y) const { return product(x, 1, y, 1); }
  Value times(Value x, Value y) const { return product(x, 1, y, 2); }
  Value transposedTimes(Value x, Value y) const { return product(x, 2, y, 2); }

  /// scale · q · kᵀ, and −∞ where a query may not look.
  Value scores(Value q, Value k) const {
    Value scores = scaled(timesTransposed(q, k));
    if (!causal)
      return scores;
    RankedTensorType type = tensorType(scores);
    auto place = withElementType(type, builder.getI64Type());
    Value row = IotaOp::create(builder, loc, place, type.getRank() - 2);
    Value column = IotaOp::create(builder, loc, place, type.getRank() - 1);
    Value sees = CompareOp::create(builder, loc, Predicate::ge, row, column);
    Value never = buildSplat(builder, loc, type,
                             -std::numeric_limits<double>::infinity());
    return SelectOp::create(builder, loc, sees, scores, never);
  }

private:
  static SmallVector<int64_t> lastAxis(Value x) {
    return {tensorType(x).getRank() - 1};
  }
  /// Sums over the axes that are so far from the end.
  Value product(Value x, int64_t xAxis, Value y, int64_t yAxis) const {
    int64_t rank = tensorType(x).getRank();
    auto batch = llvm::to_vector(llvm::seq<int64_t>(0, rank - 2));
    return DotOp::create(builder, loc, x, y, batch, batch,
                         ArrayRef<int64_t>{rank - xAxis},
                         ArrayRef<int64_t>{rank - yAxis});
  }
};

/// What both the gradient and its own gradient are made of.
struct Backward : Composer {
  Value q, k, v, dy;
  Value weights; ///< exp(scores − lse)
  Value excess;  ///< dy · vᵀ − delta

  Backward(OpBuilder &builder, AttentionGradOp op)
      : Composer(builder, op), q(wide(op.getQ())), k(wide(op.getK())),
        v(wide(op.getV())), dy(wide(op.getDy())) {
    Value scores = this->scores(q, k);
    weights = exp(sub(scores, alongRows(op.getLse(), scores)));
    Value along = timesTransposed(dy, v);
    excess = sub(along, alongRows(op.getDelta(), along));
  }
};
} // namespace

SmallVector<Value> AttentionOp::expand(OpBuilder &builder) {
  Composer c(builder, *this);
  Value scores = c.scores(c.wide(getQ()), c.wide(getK()));
  int64_t last = tensorType(scores).getRank() - 1;
  // The largest score changes nothing but keeps the exponentials small.
  Value most = StopGradientOp::create(
      builder, getLoc(),
      ReduceMaxOp::create(builder, getLoc(), scores, ArrayRef<int64_t>{last}));
  Value e = c.exp(c.sub(scores, c.alongRows(most, scores)));
  Value sum = c.sumRows(e);
  Value one = buildSplat(builder, getLoc(), tensorType(sum), 1);
  Value share = DivOp::create(builder, getLoc(), one, sum);
  Value y = c.times(c.mul(e, c.alongRows(share, e)), c.wide(getV()));
  Value lse = c.add(most, LogOp::create(builder, getLoc(), sum));
  return {c.cast(y, tensorType(getY()).getElementType()), lse};
}

SmallVector<Value> AttentionGradOp::expand(OpBuilder &builder) {
  Backward b(builder, *this);
  Value ds = b.mul(b.weights, b.excess);
  SmallVector<Value> results = {b.scaled(b.times(ds, b.k)),
                                b.scaled(b.transposedTimes(ds, b.q)),
                                b.transposedTimes(b.weights, b.dy)};
  for (Value &result : results)
    result = b.cast(result, tensorType(getQ()).getElementType());
  return results;
}

//===- Gradients ----------------------------------------------------------===//

SmallVector<Value> AttentionOp::buildGradient(OpBuilder &builder,
                                              ValueRange resultGradients) {
  Value dy = resultGradients[0], dlse = resultGradients[1];
  if (!dy && !dlse)
    return SmallVector<Value>(3);
  Composer c(builder, *this);
  if (!dy)
    dy = buildSplat(builder, getLoc(), tensorType(getY()), 0);
  Value delta = c.sumRows(c.mul(c.wide(dy), c.wide(getY())));
  // The derivative of lse by the scores are the weights.
  if (dlse)
    delta = c.sub(delta, dlse);
  auto grad =
      AttentionGradOp::create(builder, getLoc(), getQ(), getK(), getV(), dy,
                              getLse(), delta, getScaleAttr(), getCausalAttr());
  return llvm::to_vector_of<Value>(grad->getResults());
}

SmallVector<Value> AttentionGradOp::buildGradient(OpBuilder &builder,
                                                  ValueRange resultGradients) {
  if (llvm::none_of(resultGradients, [](Value value) { return bool(value); }))
    return SmallVector<Value>(getNumOperands());
  Backward b(builder, *this);
  // What comes back to dq, dk and dv.
  SmallVector<Value> given(resultGradients);
  for (auto [value, result] : llvm::zip_equal(given, getResults()))
    value = b.wide(
        value ? value : buildSplat(builder, getLoc(), tensorType(result), 0));
  Value toQ = given[0], toK = given[1], toV = given[2];
  Value ds = b.mul(b.weights, b.excess);
  Value toDs =
      b.scaled(b.add(b.timesTransposed(toQ, b.k), b.timesTransposed(b.q, toK)));
  Value toExcess = b.mul(toDs, b.weights);
  Value toWeights = b.add(b.timesTransposed(b.dy, toV), b.mul(toDs, b.excess));
  Value toScores = b.mul(toWeights, b.weights);
  SmallVector<Value> results = {
      b.scaled(b.add(b.times(toScores, b.k), b.times(ds, toK))),
      b.scaled(
          b.add(b.transposedTimes(toScores, b.q), b.transposedTimes(ds, toQ))),
      b.transposedTimes(toExcess, b.dy),
      b.add(b.times(b.weights, toV), b.times(toExcess, b.v)),
      b.neg(b.sumRows(toScores)),
      b.neg(b.sumRows(toExcess))};
  for (auto [result, operand] : llvm::zip_equal(results, getOperands()))
    result = b.cast(result, tensorType(operand).getElementType());
  return results;
}
