//===- Attention.cpp - Attention and rotary positions ---------------------===//
// In the form of dialects/nn/attention.asg, which text conversion recognizes.
#include "lib/Interop/Onnx/Call.h"

#include <cmath>

using namespace mlir;

namespace asgc::interop {

/// [batch, seq, heads · depth] as [batch, seq, heads, depth].
static Value splitHeads(Emitter &e, Value x, int64_t heads, StringRef what) {
  auto width = e.fixedDim(x, 2);
  if (!width)
    return {};
  if (heads < 1 || *width % heads != 0)
    return e.fail(what + " is " + asg::describe(x.getType()) + ", whose " +
                  Twine(*width) + " features do not divide into " +
                  Twine(heads) + " heads");
  Extents dims = Emitter::dims(x);
  return e.reshape(x, {dims[0], dims[1], heads, *width / heads});
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

namespace {
/// Queries, keys and values as [batch, heads, seq, depth].
struct Heads {
  Value q, k, v;
  DimExpr past = 0;  ///< keys before the one of the first query
  int64_t group = 1; ///< heads of queries that share one of keys
};
} // namespace

/// Operand `index` with its heads as axis 1, whether they are an axis of it or
/// `attribute` counts them.
static Value headsFirst(Call &call, size_t index, StringRef attribute,
                        StringRef what) {
  Emitter &e = call.e;
  Value x = call[index];
  int64_t rank = x ? Emitter::rankOf(x) : 0;
  if (!x)
    return e.fail(what + " is missing");
  if ((rank != 3 && rank != 4) || rank != Emitter::rankOf(call[0]))
    return e.fail(what + " is " + asg::describe(x.getType()) +
                  ", but Q, K and V have three axes each, or four each");
  if (rank == 4)
    return x;
  if (!call.hasAttribute(attribute))
    return e.fail("operands of three axes need the attribute '" + attribute +
                  "'");
  Value split = splitHeads(e, x, call.integer(attribute, 0), what);
  return e.transpose(split, {0, 2, 1, 3});
}

/// What operand `index` keeps of earlier calls, before the present.
static Value extend(Call &call, size_t index, Value present, StringRef what) {
  Emitter &e = call.e;
  Value past = call[index];
  if (!past || !present)
    return present;
  Extents expected = Emitter::dims(present);
  if (Emitter::rankOf(past) == 4)
    expected[2] = Emitter::dim(past, 2);
  RankedTensorType type = e.typeFor(expected, Emitter::elementOf(present));
  if (past.getType() != type)
    return e.fail(what + " is " + asg::describe(past.getType()) +
                  ", expected " + asg::describe(type));
  return e.concat({past, present}, 2);
}

static std::optional<Heads> readHeads(Call &call) {
  Emitter &e = call.e;
  Heads heads;
  heads.q = headsFirst(call, 0, "q_num_heads", "Q");
  heads.k = headsFirst(call, 1, "kv_num_heads", "K");
  heads.v = headsFirst(call, 2, "kv_num_heads", "V");
  if (call.has(4) != call.has(5))
    e.fail("past_key and past_value go together");
  heads.k = extend(call, 4, heads.k, "past_key");
  heads.v = extend(call, 5, heads.v, "past_value");
  if (e.hasFailed())
    return std::nullopt;
  if (call.has(4))
    heads.past = Emitter::dim(call[4], 2);
  Extents q = Emitter::dims(heads.q), k = Emitter::dims(heads.k),
          v = Emitter::dims(heads.v);
  if (q[0] != k[0] || q[3] != k[3] || v[0] != k[0] || v[1] != k[1] ||
      v[2] != k[2] ||
      Emitter::elementOf(heads.q) != Emitter::elementOf(heads.k)) {
    e.fail("queries " + asg::describe(heads.q.getType()) + ", keys " +
           asg::describe(heads.k.getType()) + " and values " +
           asg::describe(heads.v.getType()) +
           " (batch, heads, places, depth) do not go together");
    return std::nullopt;
  }
  if (q[1] == k[1])
    return heads;
  auto queries = e.fixedDim(heads.q, 1), keys = e.fixedDim(heads.k, 1);
  if (queries && keys && (*keys < 1 || *queries % *keys != 0))
    e.fail(Twine(*queries) + " heads of queries cannot share " + Twine(*keys) +
           " of keys");
  if (e.hasFailed())
    return std::nullopt;
  heads.group = *queries / *keys;
  return heads;
}

/// x · y for [batch, heads, m, n]; neighbouring heads of x, `group` of them,
/// meet one of y, which is as if their rows were of one matrix.
static Value product(Emitter &e, Value x, Value y, int64_t group,
                     int64_t yContract) {
  if (!x || !y)
    return {};
  Extents dims = Emitter::dims(x);
  Extents grouped = {dims[0], Emitter::dim(y, 1), dims[2] * group, dims[3]};
  Value z = e.dot(e.reshape(x, grouped), y, {0, 1}, {0, 1}, {3}, {yContract});
  if (z)
    dims[3] = Emitter::dim(z, 3);
  return e.reshape(z, dims);
}

/// The scores where a query may look, −∞ elsewhere: at places up to its own,
/// which comes after the past, and where a mask of bools is true.
static Value mask(Call &call, Value scores, const DimExpr &past) {
  Emitter &e = call.e;
  Value given = call[3];
  if (call.integer("is_causal", 0) && scores) {
    DimExpr queries = Emitter::dim(scores, 2), keys = Emitter::dim(scores, 3);
    Value place = e.iota({queries}, 0, e.i64());
    if (!(past == DimExpr(0)))
      place = e.add(place, e.extent(past, e.i64()));
    Value isBefore = e.compare(asg::Predicate::ge, e.unsqueeze(place, {1}),
                               e.iota({keys}, 0, e.i64()));
    scores = e.select(isBefore, scores, e.like(scores, -INFINITY));
  }
  if (given && scores && Emitter::elementOf(given).isInteger(1))
    scores = e.select(given, scores, e.like(scores, -INFINITY));
  return scores;
}

/// Scores are scaled, capped, shifted by a mask of numbers and masked, in this
/// order: opset 23 first had the cap last, which lets masked places through,
/// and corrected it without a new number; so did the modes of the fourth
/// output.
Values importAttention(Call &call) {
  Emitter &e = call.e;
  auto heads = readHeads(call);
  if (!heads)
    return {};
  Type element = Emitter::elementOf(heads->q);
  double scale = call.number("scale", 0);
  if (!call.hasAttribute("scale")) {
    auto depth = e.fixedDim(heads->q, 3);
    if (!depth)
      return {};
    scale = 1 / std::sqrt(double(*depth));
  }
  // Products of narrow floats could overflow before they are scaled.
  bool isNarrow = element.getIntOrFloatBitWidth() < 32;
  Value scores = product(e, isNarrow ? e.mul(heads->q, scale) : heads->q,
                         heads->k, heads->group, 3);
  if (!isNarrow)
    scores = e.mul(scores, scale);
  Values stages = {scores};
  if (double cap = call.number("softcap", 0); cap > 0)
    scores = e.mul(e.unary<asg::TanhOp>(e.div(scores, cap)), cap);
  stages.push_back(scores);
  if (Value bias = call[3]) {
    auto dims = scores ? e.commonDims({scores, bias}) : std::nullopt;
    if (dims && *dims != Emitter::dims(scores))
      e.fail("attn_mask is " + asg::describe(bias.getType()) +
             ", which does not broadcast to the scores, " +
             asg::describe(scores.getType()));
    if (!Emitter::elementOf(bias).isInteger(1))
      scores = e.add(scores, e.cast(bias, element));
  }
  scores = mask(call, scores, heads->past);
  stages.push_back(scores);
  if (int64_t precision = call.integer("softmax_precision", 0)) {
    Type wanted = call.elementType(precision);
    if (wanted && !isa<FloatType>(wanted))
      e.fail("softmax_precision is no type of floats");
    scores = wanted ? e.cast(scores, wanted) : Value();
  }
  Value weights = scores ? e.softmax(scores, 3) : Value();
  stages.push_back(e.cast(weights, element));
  int64_t mode = call.integer("qk_matmul_output_mode", 0);
  if (mode < 0 || mode > 3)
    return {e.fail("qk_matmul_output_mode is " + Twine(mode) +
                   ", not from 0 to 3")};
  Value y = product(e, e.cast(weights, Emitter::elementOf(heads->v)), heads->v,
                    heads->group, 2);
  y = e.cast(y, element);
  if (Emitter::rankOf(call[0]) == 3 && y) {
    Extents dims = Emitter::dims(y);
    y = e.reshape(e.transpose(y, {0, 2, 1, 3}),
                  {dims[0], dims[2], dims[1] * dims[3]});
  }
  return {y, heads->k, heads->v, stages[mode]};
}

//===----------------------------------------------------------------------===//
// RotaryEmbedding
//===----------------------------------------------------------------------===//

/// The row of a table for each place: of operand 3, or in their order.
static Value rotation(Call &call, size_t index, int64_t half, StringRef what) {
  Emitter &e = call.e;
  Value table = call[index], places = call[3];
  if (!table)
    return e.fail(what + " is missing");
  int64_t rank = places ? 2 : 3;
  if (Emitter::rankOf(table) != rank ||
      Emitter::dim(table, rank - 1) != DimExpr(half))
    return e.fail(what + " is " + asg::describe(table.getType()) +
                  ", expected " + Twine(rank) + " axes, the last of " +
                  Twine(half));
  if (places && Emitter::rankOf(places) != 2)
    return e.fail("position_ids is " + asg::describe(places.getType()) +
                  ", expected [batch, places]");
  return places ? e.gather(table, places, 0) : table;
}

/// Pairs of features turned by the angle of their place; features from
/// `rotary_embedding_dim` on stay.
Values importRotaryEmbedding(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  int64_t rank = x ? Emitter::rankOf(x) : 0;
  if (rank != 3 && rank != 4)
    return {e.fail(x ? "X is " + asg::describe(x.getType()) +
                           ", expected 3 or 4 axes"
                     : "X is missing")};
  // [batch, heads, places, depth], or [batch, places, heads · depth].
  Value split =
      rank == 4 ? x : splitHeads(e, x, call.integer("num_heads", 0), "X");
  auto depth = e.fixedDim(split, 3);
  if (!depth)
    return {};
  int64_t turned = call.integer("rotary_embedding_dim", 0);
  if (turned == 0)
    turned = *depth;
  if (turned < 2 || turned > *depth || turned % 2 != 0)
    return {e.fail(Twine(turned) + " of " + Twine(*depth) +
                   " features cannot be turned in pairs")};
  int64_t half = turned / 2;
  bool isInterleaved = call.integer("interleaved", 0);
  Axes headsAxis = {rank == 4 ? 1 : 2};
  Value cos = e.unsqueeze(rotation(call, 1, half, "cos_cache"), headsAxis),
        sin = e.unsqueeze(rotation(call, 2, half, "sin_cache"), headsAxis);
  int64_t stride = isInterleaved ? 2 : 1;
  Value first = e.slice(split, 3, 0, half, stride),
        second = e.slice(split, 3, isInterleaved ? 1 : half, half, stride);
  Value real = e.sub(e.mul(first, cos), e.mul(second, sin)),
        imaginary = e.add(e.mul(first, sin), e.mul(second, cos));
  Extents dims = Emitter::dims(split);
  if (real && Emitter::dims(real) != Emitter::dims(first))
    return {e.fail("the tables are for " + asg::describe(real.getType()) +
                   ", X is " + asg::describe(x.getType()))};
  Value y;
  if (isInterleaved) {
    dims[3] = turned;
    y = e.reshape(
        e.concat({e.unsqueeze(real, {4}), e.unsqueeze(imaginary, {4})}, 4),
        dims);
  } else {
    y = e.concat({real, imaginary}, 3);
  }
  if (turned < *depth)
    y = e.concat({y, e.slice(split, 3, turned, *depth - turned)}, 3);
  return {e.reshape(y, Emitter::dims(x))};
}

} // namespace asgc::interop
