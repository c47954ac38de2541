//===- Layers.cpp - Finds linear layers, convolutions, norms, attention ---===//
#include "lib/Frontend/Raise/Pattern.h"

#include <cmath>

using namespace mlir;

namespace asgc::raise {

/// `value` = x · x.
static bool isSquareOf(Value value, Value x) {
  if (auto mul = value.getDefiningOp<asg::MulOp>())
    return mul.getLhs() == x && mul.getRhs() == x;
  auto pow = value.getDefiningOp<asg::PowOp>();
  return pow && pow.getLhs() == x && isSplat(pow.getRhs(), 2);
}

/// Whether every axis of the source lies where it lay, or has extent 1.
static bool isInPlace(const Repetition &repeated) {
  for (size_t i = 0; i < repeated.axes.size(); ++i)
    if (repeated.axes[i] >= 0 && repeated.axes[i] != int64_t(i))
      return false;
  return true;
}

/// `value` = mean(squared²) + ε, over `axes`; ε.
static std::optional<double> matchVariance(Value value, Value squared,
                                           ArrayRef<int64_t> axes) {
  std::optional<double> epsilon;
  matchEither<asg::AddOp>(value, [&](Value mean, Value number) {
    auto splat = splatOf(number);
    if (!splat)
      return false;
    // The mean lies under the axes that its user puts back.
    Repetition repeated = lookThrough(mean);
    auto scaled = matchScaled(repeated.source);
    if (!scaled)
      return false;
    Repetition total = lookThrough(scaled->x);
    auto op = total.source.getDefiningOp<asg::ReduceSumOp>();
    if (!op || !isInPlace(repeated) || !isInPlace(total) ||
        op.getAxes() != axes || !isSquareOf(op.getX(), squared))
      return false;
    DimExpr count(1);
    for (int64_t axis : axes)
      count = count * asg::getDim(typeOf(squared), axis);
    auto extent = count.asConstant();
    if (!extent || std::abs(scaled->factor * double(*extent) - 1) > 1e-5)
      return false;
    epsilon = *splat;
    return true;
  });
  return epsilon;
}

/// `value` = centered / √(mean(centered²) + ε), of the last axis; ε.
static std::optional<double> matchNormalized(Value value, Value &centered) {
  auto lastOf = [](Value x) { return Axes{rankOf(x) - 1}; };
  auto matchRoot = [&](Value root, Value x) -> std::optional<double> {
    Repetition repeated = lookThrough(root);
    if (auto op = repeated.source.getDefiningOp<asg::RsqrtOp>())
      return matchVariance(op.getX(), x, lastOf(x));
    if (auto op = repeated.source.getDefiningOp<asg::DivOp>();
        op && isSplat(op.getLhs(), 1))
      if (auto inner =
              lookThrough(op.getRhs()).source.getDefiningOp<asg::SqrtOp>())
        return matchVariance(inner.getX(), x, lastOf(x));
    return std::nullopt;
  };
  auto liesRight = [&](Value root, Value x) {
    return rankOf(root) == rankOf(x) && isInPlace(lookThrough(root));
  };
  std::optional<double> epsilon;
  matchEither<asg::MulOp>(value, [&](Value x, Value root) {
    if (rankOf(x) > 0 && liesRight(root, x))
      epsilon = matchRoot(root, x);
    if (epsilon)
      centered = x;
    return epsilon.has_value();
  });
  if (auto div = value.getDefiningOp<asg::DivOp>();
      div && rankOf(value) > 0 && liesRight(div.getRhs(), div.getLhs()))
    if (auto root =
            lookThrough(div.getRhs()).source.getDefiningOp<asg::SqrtOp>()) {
      centered = div.getLhs();
      epsilon = matchVariance(root.getX(), centered, lastOf(centered));
    }
  return epsilon;
}

/// x − mean(x) along the last axis; null if `value` is none.
static Value matchCentered(Value value) {
  auto sub = value.getDefiningOp<asg::SubOp>();
  if (!sub || rankOf(value) == 0 ||
      !isMeanOf(sub.getRhs(), sub.getLhs(), {rankOf(value) - 1}))
    return {};
  return sub.getLhs();
}

static std::vector<std::string> epsilonArgument(double epsilon,
                                                double otherwise) {
  if (std::abs(epsilon - otherwise) <= 1e-6 * otherwise)
    return {};
  return {"eps = " + writeNumber(epsilon)};
}

/// norm(x) · weight + bias along the last axis, or norm(x) alone.
static std::optional<Layer> matchLayerNorm(Value value) {
  std::optional<Layer> found;
  int64_t last = rankOf(value) - 1;
  matchEither<asg::AddOp>(value, [&](Value scaled, Value shift) {
    auto bias = matchVector(shift, last);
    return bias && matchEither<asg::MulOp>(scaled, [&](Value y, Value gain) {
             auto weight = matchVector(gain, last);
             Value centered;
             auto epsilon =
                 weight ? matchNormalized(y, centered) : std::nullopt;
             Value x = epsilon ? matchCentered(centered) : Value();
             if (x)
               found = Layer{"layer_norm",
                             {x},
                             epsilonArgument(*epsilon, 1e-5),
                             {{"weight", *weight}, {"bias", *bias}}};
             return bool(x);
           });
  });
  if (found)
    return found;
  matchEither<asg::MulOp>(value, [&](Value y, Value gain) {
    auto weight = matchVector(gain, last);
    Value x;
    auto epsilon = weight ? matchNormalized(y, x) : std::nullopt;
    if (epsilon && !matchCentered(x))
      found = Layer{"rms_norm",
                    {x},
                    epsilonArgument(*epsilon, 1e-6),
                    {{"weight", *weight}}};
    return found.has_value();
  });
  if (found)
    return found;
  Value centered;
  auto epsilon = matchNormalized(value, centered);
  if (Value x = epsilon ? matchCentered(centered) : Value()) {
    found = Layer{"layer_norm", {x}, epsilonArgument(*epsilon, 1e-5), {}};
    found->arguments.push_back("affine = false");
  }
  return found;
}

/// (x − mean) · (weight / √(variance + ε)) + bias along axis 1, with the
/// statistics of training.
static std::optional<Layer> matchBatchNorm(Value value) {
  std::optional<Layer> found;
  if (rankOf(value) < 2)
    return found;
  matchEither<asg::AddOp>(value, [&](Value scaled, Value shift) {
    auto bias = matchVector(shift, 1);
    return bias && matchEither<asg::MulOp>(scaled, [&](Value y, Value gain) {
             auto sub = y.getDefiningOp<asg::SubOp>();
             auto mean = sub ? matchVector(sub.getRhs(), 1) : std::nullopt;
             Repetition factor = lookThrough(gain);
             if (!mean || factor.axes != Axes{1})
               return false;
             return matchEither<asg::MulOp>(
                 factor.source, [&](Value a, Value b) {
                   auto weight = matchVector(a, 0);
                   auto root = b.getDefiningOp<asg::RsqrtOp>();
                   return weight && root &&
                          matchEither<asg::AddOp>(
                              root.getX(), [&](Value v, Value eps) {
                                auto variance = matchVector(v, 0);
                                auto epsilon = splatOf(eps);
                                if (variance && epsilon)
                                  found = Layer{"batch_norm",
                                                {sub.getLhs()},
                                                epsilonArgument(*epsilon, 1e-5),
                                                {{"weight", *weight},
                                                 {"bias", *bias},
                                                 {"running_mean", *mean},
                                                 {"running_var", *variance}}};
                                return found.has_value();
                              });
                 });
           });
  });
  return found;
}

std::optional<Layer> matchNormalization(Value value) {
  if (rankOf(value) == 0)
    return std::nullopt;
  if (auto found = matchLayerNorm(value))
    return found;
  return matchBatchNorm(value);
}

//===----------------------------------------------------------------------===//
// Layers with weights
//===----------------------------------------------------------------------===//

/// x · Wᵀ, with W the parameter [out, in] or its transpose.
static std::optional<Layer> matchProduct(Value value) {
  auto dot = value.getDefiningOp<asg::DotOp>();
  if (!dot || !dot.getLhsBatch().empty() || dot.getLhsContract().size() != 1 ||
      rankOf(dot.getRhs()) != 2 || rankOf(dot.getLhs()) == 0 ||
      dot.getLhsContract()[0] != rankOf(dot.getLhs()) - 1)
    return std::nullopt;
  Value matrix = dot.getRhs();
  bool isTransposed = dot.getRhsContract()[0] == 0;
  if (auto transpose = matrix.getDefiningOp<asg::TransposeOp>();
      transpose && matrix.hasOneUse()) {
    matrix = transpose.getX();
    isTransposed = !isTransposed;
  }
  auto weight = matchVariable(matrix);
  if (!weight)
    return std::nullopt;
  int64_t out = typeOf(matrix).getDimSize(isTransposed ? 1 : 0);
  return Layer{"linear",
               {dot.getLhs()},
               {std::to_string(out)},
               {{"weight", *weight, isTransposed}}};
}

static std::vector<std::string>
windowArguments(std::vector<std::string> arguments, ArrayRef<int64_t> stride,
                ArrayRef<int64_t> padding, ArrayRef<int64_t> dilation,
                int64_t groups) {
  auto add = [&](const char *name, ArrayRef<int64_t> pair, int64_t usual) {
    if (pair[0] != usual || pair[1] != usual)
      arguments.push_back(std::string(name) + " = " + writePair(pair));
  };
  add("stride", stride, 1);
  add("padding", padding, 0);
  add("dilation", dilation, 1);
  if (groups != 1)
    arguments.push_back("groups = " + std::to_string(groups));
  return arguments;
}

static std::optional<Layer> matchConvolution(Value value) {
  auto conv = value.getDefiningOp<asg::Conv2dOp>();
  auto weight = conv ? matchVariable(conv.getWeight()) : std::nullopt;
  if (!weight || conv.getPadLow() != conv.getPadHigh())
    return std::nullopt;
  ArrayRef<int64_t> shape = typeOf(conv.getWeight()).getShape();
  std::vector<std::string> arguments = {
      std::to_string(shape[0]), "kernel = " + writePair(shape.drop_front(2))};
  return Layer{"conv2d",
               {conv.getX()},
               windowArguments(arguments, conv.getStrides(), conv.getPadLow(),
                               conv.getDilations(), conv.getGroups()),
               {{"weight", *weight}}};
}

static std::optional<Layer> matchTransposedConvolution(Value value) {
  auto conv = value.getDefiningOp<asg::Conv2dInputGradOp>();
  auto weight = conv ? matchVariable(conv.getWeight()) : std::nullopt;
  if (!weight || conv.getPadLow() != conv.getPadHigh())
    return std::nullopt;
  ArrayRef<int64_t> shape = typeOf(conv.getWeight()).getShape(),
                    kernel = shape.drop_front(2), padding = conv.getPadLow(),
                    stride = conv.getStrides(), dilation = conv.getDilations();
  Axes extra;
  for (int i = 0; i < 2; ++i) {
    // (n − 1) · stride + reach of the kernel − padding on both sides
    DimExpr usual = (asg::getDim(typeOf(conv.getDy()), 2 + i) - DimExpr(1)) *
                        DimExpr(stride[i]) +
                    DimExpr(dilation[i] * (kernel[i] - 1) + 1 - 2 * padding[i]);
    auto more = (asg::getDim(typeOf(value), 2 + i) - usual).asConstant();
    if (!more || *more < 0 || *more >= stride[i])
      return std::nullopt;
    extra.push_back(*more);
  }
  Layer layer{"conv_transpose2d",
              {conv.getDy()},
              windowArguments({std::to_string(shape[1] * conv.getGroups()),
                               "kernel = " + writePair(kernel)},
                              stride, padding, dilation, conv.getGroups()),
              {{"weight", *weight}}};
  if (extra[0] || extra[1])
    layer.arguments.push_back("output_padding = " + writePair(extra));
  return layer;
}

static std::optional<Layer> matchEmbedding(Value value) {
  auto gather = value.getDefiningOp<asg::GatherOp>();
  if (!gather || gather.getAxis() != 0 || gather.getBatchDims() != 0 ||
      rankOf(gather.getX()) != 2 ||
      !typeOf(gather.getIndices()).getElementType().isInteger(64))
    return std::nullopt;
  auto weight = matchVariable(gather.getX());
  if (!weight)
    return std::nullopt;
  ArrayRef<int64_t> shape = typeOf(gather.getX()).getShape();
  return Layer{"embedding",
               {gather.getIndices()},
               {std::to_string(shape[0]), std::to_string(shape[1])},
               {{"weight", *weight}}};
}

std::optional<Layer> matchAffine(Value value) {
  std::optional<Layer> found;
  matchEither<asg::AddOp>(value, [&](Value product, Value shift) {
    if (!product.hasOneUse())
      return false;
    auto layer = matchProduct(product);
    int64_t axis = rankOf(value) - 1;
    if (!layer) {
      layer = matchConvolution(product);
      if (!layer)
        layer = matchTransposedConvolution(product);
      axis = 1;
    }
    auto bias = layer ? matchVector(shift, axis) : std::nullopt;
    if (!bias)
      return false;
    layer->variables.push_back({"bias", *bias});
    found = std::move(layer);
    return true;
  });
  if (found)
    return found;
  found = matchProduct(value);
  if (!found)
    found = matchConvolution(value);
  if (!found)
    found = matchTransposedConvolution(value);
  if (found)
    found->arguments.push_back("bias = false");
  else
    found = matchEmbedding(value);
  return found;
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// `value` with its axes in the order `perm`, looking through one transpose.
static Value matchTransposed(Value value, ArrayRef<int64_t> perm) {
  auto transpose = value.getDefiningOp<asg::TransposeOp>();
  return transpose && transpose.getPerm() == perm ? transpose.getX() : Value();
}

/// A constant matrix of bools, true up to its diagonal.
static bool isLowerTriangle(Value value) {
  auto op = value.getDefiningOp<asg::ConstantOp>();
  auto elements = op ? dyn_cast<DenseElementsAttr>(op.getValue()) : nullptr;
  auto type = typeOf(value);
  if (!elements || !type.getElementType().isInteger(1) || type.getRank() != 2 ||
      type.getDimSize(0) != type.getDimSize(1))
    return false;
  int64_t index = 0, columns = type.getDimSize(1);
  for (bool isTrue : elements.getValues<bool>()) {
    if (isTrue != (index / columns >= index % columns))
      return false;
    ++index;
  }
  return true;
}

/// −∞, or a number that softmax makes 0 of beside any score.
static bool isHidden(Value value) {
  constexpr double kLowest = -1e30;
  auto number = splatOf(value);
  return number && *number < kLowest;
}

/// Whether `condition` is row >= column in the last two of `rank` axes.
static bool isCausal(Value condition, int64_t rank) {
  Repetition mask = lookThrough(condition);
  auto compare = mask.source.getDefiningOp<asg::CompareOp>();
  if (isLowerTriangle(mask.source) && mask.axes == Axes{rank - 2, rank - 1})
    return true;
  if (!compare)
    return false;
  Value early = compare.getRhs(), late = compare.getLhs();
  if (compare.getPredicate() == asg::Predicate::le)
    std::swap(early, late);
  else if (compare.getPredicate() != asg::Predicate::ge)
    return false;
  auto liesAlong = [&](Value places, int64_t axis) {
    Repetition repeated = lookThrough(places);
    auto counted = countedAxis(repeated.source);
    int64_t at = counted ? repeated.axes[*counted] : -1;
    return at >= 0 && mask.axes[at] == axis;
  };
  return liesAlong(late, rank - 2) && liesAlong(early, rank - 1);
}

/// select(row >= column, scores, −∞), or scores + select(row >= column, 0, −∞):
/// a place sees itself and those before. The scores.
static Value matchCausal(Value value) {
  int64_t rank = rankOf(value);
  if (auto select = value.getDefiningOp<asg::SelectOp>())
    return isHidden(select.getOnFalse()) &&
                   isCausal(select.getCondition(), rank)
               ? select.getOnTrue()
               : Value();
  Value scores;
  matchEither<asg::AddOp>(value, [&](Value x, Value y) {
    Repetition bias = lookThrough(y);
    auto select = bias.source.getDefiningOp<asg::SelectOp>();
    int64_t own = rankOf(bias.source);
    bool isPlaced = select && own >= 2 && bias.axes[own - 2] == rank - 2 &&
                    bias.axes[own - 1] == rank - 1;
    if (isPlaced && isSplat(select.getOnTrue(), 0) &&
        isHidden(select.getOnFalse()) && isCausal(select.getCondition(), own))
      scores = x;
    return bool(scores);
  });
  return scores;
}

/// select(mask, scores, −inf); the scores.
static Value matchMasked(Value value, Value &mask) {
  auto select = value.getDefiningOp<asg::SelectOp>();
  auto below = select ? splatOf(select.getOnFalse()) : std::nullopt;
  if (!below || !std::isinf(*below) || *below > 0)
    return {};
  mask = select.getCondition();
  return select.getOnTrue();
}

/// softmax(q · kᵀ / √depth + bias, masked) · v, with q, k and v [batch, seq,
/// heads, depth] and the heads moved forward and back.
std::optional<Layer> matchAttention(Value value) {
  Value product = matchTransposed(value, {0, 2, 1, 3});
  auto mix = product ? product.getDefiningOp<asg::DotOp>() : nullptr;
  auto isPlain = [](asg::DotOp dot, int64_t rhsAxis) {
    return rankOf(dot.getLhs()) == 4 &&
           dot.getLhsBatch() == ArrayRef<int64_t>{0, 1} &&
           dot.getRhsBatch() == ArrayRef<int64_t>{0, 1} &&
           dot.getLhsContract() == ArrayRef<int64_t>{3} &&
           dot.getRhsContract() == ArrayRef<int64_t>{rhsAxis};
  };
  if (!mix || !isPlain(mix, 2))
    return std::nullopt;
  auto softmax = matchActivation(mix.getLhs());
  if (!softmax || softmax->block != "softmax" || !softmax->arguments.empty())
    return std::nullopt;
  Value scores = softmax->operands[0], mask, bias;
  std::optional<Scaled> scaled;
  asg::DotOp likeness;
  bool isOrdered = false;
  while (true) { // in any order, since each leaves −inf where it was
    if (Value visible = isOrdered ? Value() : matchCausal(scores)) {
      isOrdered = true;
      scores = visible;
    } else if (Value seen = mask ? Value() : matchMasked(scores, mask)) {
      scores = seen;
    } else {
      break;
    }
  }
  auto isScaledProduct = [&](Value value) {
    scaled = matchScaled(value);
    likeness = scaled ? scaled->x.getDefiningOp<asg::DotOp>() : nullptr;
    return bool(likeness);
  };
  if (!isScaledProduct(scores))
    matchEither<asg::AddOp>(scores, [&](Value x, Value y) {
      bias = y;
      return isScaledProduct(x);
    });
  if (!likeness)
    return std::nullopt;
  Value q = matchTransposed(likeness.getLhs(), {0, 2, 1, 3}), k;
  if (isPlain(likeness,
              2)) // the keys were transposed to [batch, heads, depth, seq]
    k = matchTransposed(likeness.getRhs(), {0, 2, 3, 1});
  else if (isPlain(likeness, 3))
    k = matchTransposed(likeness.getRhs(), {0, 2, 1, 3});
  Value v = matchTransposed(mix.getRhs(), {0, 2, 1, 3});
  if (!q || !k || !v ||
      asg::getDim(typeOf(q), 3) != asg::getDim(typeOf(v), 3))
    return std::nullopt;
  auto depth = asg::getDim(typeOf(q), 3).asConstant();
  if (!depth || std::abs(scaled->factor * std::sqrt(double(*depth)) - 1) > 1e-5)
    return std::nullopt;
  Layer layer{"attention", {q, k, v}, {}, {}};
  if (isOrdered)
    layer.arguments.push_back("causal = true");
  if (mask)
    layer.named.emplace_back("mask", mask);
  if (bias)
    layer.named.emplace_back("bias", bias);
  return layer;
}

} // namespace asgc::raise
