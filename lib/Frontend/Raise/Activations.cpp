//===- Activations.cpp - Finds the blocks of activations.asg --------------===//
// Each form that importers and the standard library write is matched; two forms
// of one block differ by rounding alone.
#include "lib/Frontend/Raise/Pattern.h"

#include <cmath>

using namespace mlir;

namespace asgc::raise {

static std::optional<Layer> layer(StringRef block, Value x,
                                  std::vector<std::string> arguments = {}) {
  return Layer{block.str(), {x}, std::move(arguments), {}};
}

/// x compared with a number: the predicate as if the number stood on the right.
struct Comparison {
  Value x;
  asg::Predicate predicate;
  double number;
};

static std::optional<Comparison> matchComparison(Value value) {
  auto op = value.getDefiningOp<asg::CompareOp>();
  if (!op)
    return std::nullopt;
  if (auto number = splatOf(op.getRhs()))
    return Comparison{op.getLhs(), op.getPredicate(), *number};
  return std::nullopt;
}

/// value = condition ? a : b with a comparison of x to `number`, turned so that
/// a is taken above it.
struct Choice {
  Value x, above, below;
};

static std::optional<Choice> matchChoice(Value value, double number) {
  auto op = value.getDefiningOp<asg::SelectOp>();
  auto comparison = op ? matchComparison(op.getCondition()) : std::nullopt;
  if (!comparison || comparison->number != number)
    return std::nullopt;
  switch (comparison->predicate) {
  case asg::Predicate::gt:
  case asg::Predicate::ge:
    return Choice{comparison->x, op.getOnTrue(), op.getOnFalse()};
  case asg::Predicate::lt:
  case asg::Predicate::le:
    return Choice{comparison->x, op.getOnFalse(), op.getOnTrue()};
  default:
    return std::nullopt;
  }
}

/// max(x, 0), as a choice or as a maximum; null if it is none.
static Value matchRelu(Value value) {
  Value x;
  if (auto choice = matchChoice(value, 0);
      choice && choice->above == choice->x && isSplat(choice->below, 0))
    return choice->x;
  matchEither<asg::MaxOp>(value, [&](Value a, Value b) {
    return isSplat(b, 0) && !splatOf(a) && (x = a, true);
  });
  return x;
}

/// min(max(x, low), high), in any form.
static Value matchClamp(Value value, double low, double high) {
  Value inner, x;
  if (auto choice = matchChoice(value, high);
      choice && isSplat(choice->above, high) && choice->below == choice->x)
    inner = choice->x;
  matchEither<asg::MinOp>(value, [&](Value a, Value b) {
    return isSplat(b, high) && !splatOf(a) && (inner = a, true);
  });
  // x <= low ? low : (x >= high ? high : x)
  if (auto outer = matchChoice(value, low); outer && isSplat(outer->below, low))
    if (auto choice = matchChoice(outer->above, high);
        choice && isSplat(choice->above, high) && choice->x == outer->x &&
        choice->below == outer->x)
      return outer->x;
  if (!inner)
    return {};
  if (auto choice = matchChoice(inner, low);
      choice && isSplat(choice->below, low) && choice->above == choice->x)
    return choice->x;
  matchEither<asg::MaxOp>(inner, [&](Value a, Value b) {
    return isSplat(b, low) && !splatOf(a) && (x = a, true);
  });
  return x;
}

/// min(max(x / 6 + 1/2, 0), 1)
static Value matchHardSigmoid(Value value) {
  Value inner = matchClamp(value, 0, 1), x;
  if (inner)
    matchEither<asg::AddOp>(inner, [&](Value a, Value half) {
      auto scaled = matchScaled(a);
      return isSplat(half, 0.5) && scaled &&
             std::abs(scaled->factor * 6 - 1) < 1e-5 && (x = scaled->x, true);
    });
  if (x)
    return x;
  if (auto scaled = matchScaled(value);
      scaled && std::abs(scaled->factor * 6 - 1) < 1e-5)
    if (Value inner = matchClamp(scaled->x, 0, 6))
      matchEither<asg::AddOp>(inner, [&](Value a, Value three) {
        return isSplat(three, 3) && !splatOf(a) && (x = a, true);
      });
  return x;
}

/// e^(−|x|), which never overflows.
static Value matchSmallExponential(Value value) {
  auto exp = value.getDefiningOp<asg::ExpOp>();
  auto choice = exp ? matchChoice(exp.getX(), 0) : std::nullopt;
  auto negated = choice ? choice->above.getDefiningOp<asg::NegOp>() : nullptr;
  if (negated && negated.getX() == choice->x && choice->below == choice->x)
    return choice->x;
  return {};
}

static Value matchSigmoid(Value value) {
  auto div = value.getDefiningOp<asg::DivOp>();
  if (!div)
    return {};
  Value x;
  // (x > 0 ? 1 : small) / (1 + small)
  matchEither<asg::AddOp>(div.getRhs(), [&](Value one, Value small) {
    Value inner = isSplat(one, 1) ? matchSmallExponential(small) : Value();
    auto choice = matchChoice(div.getLhs(), 0);
    if (inner && choice && choice->x == inner && isSplat(choice->above, 1) &&
        choice->below == small)
      x = inner;
    // 1 / (1 + exp(−x))
    auto exp = small.getDefiningOp<asg::ExpOp>();
    auto negated = exp ? exp.getX().getDefiningOp<asg::NegOp>() : nullptr;
    if (!x && isSplat(one, 1) && isSplat(div.getLhs(), 1) && negated)
      x = negated.getX();
    return bool(x);
  });
  return x;
}

static Value matchSoftplus(Value value) {
  Value x;
  matchEither<asg::AddOp>(value, [&](Value positive, Value rest) {
    Value relu = matchRelu(positive);
    auto log = rest.getDefiningOp<asg::Log1pOp>();
    if (relu && log && matchSmallExponential(log.getX()) == relu)
      x = relu;
    return bool(x);
  });
  return x;
}

/// x · f(x) for the f that `match` finds.
static Value matchGate(Value value, Value (*match)(Value)) {
  Value found;
  matchEither<asg::MulOp>(value, [&](Value x, Value gate) {
    Value inner = match(gate);
    return inner && inner == x && (found = x, true);
  });
  return found;
}

static Value matchTanhOfSoftplus(Value value) {
  auto op = value.getDefiningOp<asg::TanhOp>();
  return op ? matchSoftplus(op.getX()) : Value();
}

/// The factors of a product, taken apart; numbers are multiplied together.
struct Product {
  double number = 1;
  SmallVector<Value> factors;
};

static void collectFactors(Value value, Product &product, int depth = 0) {
  auto mul = value.getDefiningOp<asg::MulOp>();
  if (auto number = splatOf(value)) {
    product.number *= *number;
  } else if (auto scaled = matchScaled(value)) {
    product.number *= scaled->factor;
    collectFactors(scaled->x, product, depth + 1);
  } else if (mul && depth < 4) {
    collectFactors(mul.getLhs(), product, depth + 1);
    collectFactors(mul.getRhs(), product, depth + 1);
  } else {
    product.factors.push_back(value);
  }
}

static bool isCubeOf(Value value, Value x) {
  if (auto op = value.getDefiningOp<asg::PowOp>())
    return op.getLhs() == x && isSplat(op.getRhs(), 3);
  Product product;
  collectFactors(value, product);
  return product.number == 1 && product.factors == SmallVector<Value>{x, x, x};
}

/// √(2/π) · (x + 0.044715 · x³)
static bool isGeluPolynomial(Value value, Value x) {
  auto scaled = matchScaled(value);
  return scaled && std::abs(scaled->factor - std::sqrt(2 / M_PI)) < 1e-5 &&
         matchEither<asg::AddOp>(scaled->x, [&](Value a, Value b) {
           if (a != x)
             return false;
           Product cube;
           collectFactors(b, cube);
           if (std::abs(cube.number - 0.044715) > 1e-6)
             return false;
           return cube.factors == SmallVector<Value>{x, x, x} ||
                  (cube.factors.size() == 1 && isCubeOf(cube.factors[0], x));
         });
}

/// x / 2 · (1 + erf(x / √2)), or with tanh, in any order of the factors.
static std::optional<Layer> matchGelu(Value value) {
  if (!value.getDefiningOp<asg::MulOp>() && !value.getDefiningOp<asg::DivOp>())
    return std::nullopt;
  Product product;
  collectFactors(value, product);
  if (product.factors.size() != 2 || std::abs(product.number - 0.5) > 1e-6)
    return std::nullopt;
  std::optional<Layer> found;
  auto match = [&](Value x, Value other) {
    return matchEither<asg::AddOp>(other, [&](Value one, Value curve) {
      if (!isSplat(one, 1))
        return false;
      if (auto erf = curve.getDefiningOp<asg::ErfOp>())
        if (auto scaled = matchScaled(erf.getX());
            scaled && scaled->x == x &&
            std::abs(scaled->factor - std::sqrt(0.5)) < 1e-5)
          found = layer("gelu", x);
      if (auto tanh = curve.getDefiningOp<asg::TanhOp>();
          tanh && isGeluPolynomial(tanh.getX(), x))
        found = layer("gelu_tanh", x);
      return found.has_value();
    });
  };
  if (!match(product.factors[0], product.factors[1]))
    match(product.factors[1], product.factors[0]);
  return found;
}

/// x > 0 ? x : alpha · (eˣ − 1); x > 0 ? x : slope · x
static std::optional<Layer> matchLeaky(Value value) {
  auto choice = matchChoice(value, 0);
  if (!choice || choice->above != choice->x)
    return std::nullopt;
  Value x = choice->x;
  auto scaled = matchScaled(choice->below);
  Value curve = scaled ? scaled->x : choice->below;
  double factor = scaled ? scaled->factor : 1;
  if (scaled && curve == x)
    return layer("leaky_relu", x,
                 factor == double(0.01f) ? std::vector<std::string>()
                                         : std::vector{writeNumber(factor)});
  auto expm1 = curve.getDefiningOp<asg::Expm1Op>();
  if (!expm1)
    return std::nullopt;
  Value inner = expm1.getX();
  if (auto negative = matchChoice(inner, 0); negative && negative->x == x &&
                                             isSplat(negative->above, 0) &&
                                             negative->below == x)
    inner = x;
  if (inner != x)
    return std::nullopt;
  return layer("elu", x,
               factor == 1 ? std::vector<std::string>()
                           : std::vector{writeNumber(factor)});
}

/// e^(x − max) / Σ, or times 1 / Σ, along one axis.
static std::optional<Layer> matchSoftmax(Value value) {
  auto axisOf = [](Value power, Value total) -> std::optional<int64_t> {
    auto sum = lookThrough(total).source.getDefiningOp<asg::ReduceSumOp>();
    if (!sum || sum.getX() != power || sum.getAxes().size() != 1 ||
        !isReductionOf<asg::ReduceSumOp>(total, power, sum.getAxes()))
      return std::nullopt;
    return sum.getAxes()[0];
  };
  Value power;
  std::optional<int64_t> axis;
  if (auto div = value.getDefiningOp<asg::DivOp>()) {
    power = div.getLhs();
    axis = axisOf(power, div.getRhs());
  }
  matchEither<asg::MulOp>(value, [&](Value a, Value b) {
    Repetition inverse = lookThrough(b);
    auto div = inverse.source.getDefiningOp<asg::DivOp>();
    if (!div || !isSplat(div.getLhs(), 1))
      return false;
    Repetition total = lookThrough(div.getRhs());
    auto sum = total.source.getDefiningOp<asg::ReduceSumOp>();
    if (!sum || sum.getX() != a || sum.getAxes().size() != 1)
      return false;
    int64_t reduced = sum.getAxes()[0];
    for (size_t i = 0; i < total.axes.size(); ++i) {
      int64_t at = total.axes[i] < 0 ? -1 : inverse.axes[total.axes[i]];
      if (at != int64_t(i) + (int64_t(i) >= reduced))
        return false;
    }
    power = a;
    axis = reduced;
    return true;
  });
  auto exp = power ? power.getDefiningOp<asg::ExpOp>() : nullptr;
  auto shifted = exp ? exp.getX().getDefiningOp<asg::SubOp>() : nullptr;
  if (!axis || !shifted)
    return std::nullopt;
  Value x = shifted.getLhs();
  if (!isReductionOf<asg::ReduceMaxOp>(shifted.getRhs(), x, {*axis}))
    return std::nullopt;
  bool isLast = *axis == rankOf(x) - 1;
  return layer("softmax", x,
               isLast ? std::vector<std::string>()
                      : std::vector{"axis = " + std::to_string(*axis)});
}

/// shifted − ln Σ e^shifted
static std::optional<Layer> matchLogSoftmax(Value value) {
  auto sub = value.getDefiningOp<asg::SubOp>();
  auto shifted = sub ? sub.getLhs().getDefiningOp<asg::SubOp>() : nullptr;
  if (!shifted)
    return std::nullopt;
  Repetition repeated = lookThrough(sub.getRhs());
  auto log = repeated.source.getDefiningOp<asg::LogOp>();
  if (!log)
    return std::nullopt;
  Repetition total = lookThrough(log.getX());
  auto sum = total.source.getDefiningOp<asg::ReduceSumOp>();
  auto exp = sum ? sum.getX().getDefiningOp<asg::ExpOp>() : nullptr;
  if (!exp || exp.getX() != sub.getLhs() || sum.getAxes().size() != 1)
    return std::nullopt;
  int64_t axis = sum.getAxes()[0];
  for (size_t i = 0; i < total.axes.size(); ++i) {
    int64_t at = total.axes[i] < 0 ? -1 : repeated.axes[total.axes[i]];
    if (at != int64_t(i) + (int64_t(i) >= axis))
      return std::nullopt;
  }
  Value x = shifted.getLhs();
  if (!isReductionOf<asg::ReduceMaxOp>(shifted.getRhs(), x, {axis}))
    return std::nullopt;
  bool isLast = axis == rankOf(x) - 1;
  return layer("log_softmax", x,
               isLast ? std::vector<std::string>()
                      : std::vector{"axis = " + std::to_string(axis)});
}

std::optional<Layer> matchActivation(Value value) {
  if (auto found = matchSoftmax(value))
    return found;
  if (auto found = matchLogSoftmax(value))
    return found;
  if (auto found = matchGelu(value))
    return found;
  if (Value x = matchGate(value, matchSigmoid))
    return layer("silu", x);
  if (Value x = matchGate(value, matchTanhOfSoftplus))
    return layer("mish", x);
  if (Value x = matchGate(value, matchHardSigmoid))
    return layer("hardswish", x);
  // x · clamp(x + 3, 0, 6) / 6
  if (auto scaled = matchScaled(value);
      scaled && std::abs(scaled->factor * 6 - 1) < 1e-5) {
    Value x;
    matchEither<asg::MulOp>(scaled->x, [&](Value a, Value b) {
      Value inner = matchClamp(b, 0, 6);
      return inner && matchEither<asg::AddOp>(inner, [&](Value c, Value three) {
               return c == a && isSplat(three, 3) && (x = a, true);
             });
    });
    if (x)
      return layer("hardswish", x);
  }
  if (Value x = matchHardSigmoid(value))
    return layer("hardsigmoid", x);
  if (Value x = matchClamp(value, 0, 6))
    return layer("relu6", x);
  if (Value x = matchRelu(value))
    return layer("relu", x);
  if (Value x = matchSigmoid(value))
    return layer("sigmoid", x);
  if (Value x = matchSoftplus(value))
    return layer("softplus", x);
  return matchLeaky(value);
}

} // namespace asgc::raise
