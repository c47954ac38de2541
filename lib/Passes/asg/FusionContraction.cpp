//===- FusionContraction.cpp - What a matrix product takes in -------------===//
#include "asgc/Fusion.h"
#include "Matchers.h"

#include <cmath>

using namespace mlir;

namespace asgc {
namespace {

/// The only op that uses `value`, once or several times; else null.
Operation *getOnlyUser(Value value) {
  Operation *user = nullptr;
  for (Operation *other : value.getUsers()) {
    if (user && user != other)
      return nullptr;
    user = other;
  }
  return user;
}

//===- Activations --------------------------------------------------------===//

struct Activation {
  StringRef name;
  double (*function)(double);
};

// asgc_activation of runtime/include/asgc/program.h, relu aside.
const Activation smoothActivations[] = {
    {"tanh", [](double x) { return std::tanh(x); }},
    {"sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }},
    {"silu", [](double x) { return x / (1 + std::exp(-x)); }},
    {"gelu_erf",
     [](double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }},
    {"gelu_tanh",
     [](double x) {
       double inner = std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
       return x / 2 * (1 + std::tanh(inner));
     }}};

/// The smooth functions that activations are composed of, in f64.
std::optional<double> apply(Operation *op, ArrayRef<double> x) {
  using Answer = std::optional<double>;
  return llvm::TypeSwitch<Operation *, Answer>(op)
      .Case([&](asg::AddOp) { return x[0] + x[1]; })
      .Case([&](asg::SubOp) { return x[0] - x[1]; })
      .Case([&](asg::MulOp) { return x[0] * x[1]; })
      .Case([&](asg::DivOp) { return x[0] / x[1]; })
      .Case([&](asg::NegOp) { return -x[0]; })
      .Case([&](asg::ExpOp) { return std::exp(x[0]); })
      .Case([&](asg::TanhOp) { return std::tanh(x[0]); })
      .Case([&](asg::ErfOp) { return std::erf(x[0]); })
      .Default([](Operation *) { return std::nullopt; });
}

/// A closure of ops between one value and one result, in order.
struct Closure {
  Value input, result;
  SmallVector<Operation *> ops;
};

/// Evaluates a closure at a point.
std::optional<double> evaluate(const Closure &closure, double point) {
  DenseMap<Value, double> values{{closure.input, point}};
  for (Operation *op : closure.ops) {
    SmallVector<double> operands;
    for (Value operand : op->getOperands()) {
      auto found = values.find(operand);
      if (found != values.end()) {
        operands.push_back(found->second);
        continue;
      }
      auto splat = dyn_cast_or_null<FloatAttr>(getSplat(operand));
      // Constants of ordinary size: functions of them that agree at the points
      // below agree between them.
      double constant = splat ? splat.getValueAsDouble() : 0;
      if (!splat || !(std::abs(constant) > 1e-3 && std::abs(constant) < 1e2))
        return std::nullopt;
      operands.push_back(constant);
    }
    std::optional<double> value = apply(op, operands);
    if (!value)
      return std::nullopt;
    values[op->getResult(0)] = *value;
  }
  return values.lookup(closure.result);
}

/// Activations are written in many equal ways (x·0.5·(1 + …), 0.5·(x + x·…)), so a
/// closure is recognized by what it computes: it must agree, up to the rounding of
/// its f32 constants, at more points than it has ops and constants.
StringRef recognize(const Closure &closure) {
  static constexpr double points[] = {-9.7,  -5.3, -3.1, -2.2, -1.6, -1.1, -0.7,
                                      -0.37, -0.1, 0.03, 0.21, 0.52, 0.83, 1.3,
                                      1.9,   2.6,  3.4,  4.7,  6.1,  8.9,  12.5};
  for (const Activation &activation : smoothActivations) {
    bool isEqual = llvm::all_of(points, [&](double point) {
      std::optional<double> value = evaluate(closure, point);
      double expected = activation.function(point);
      return value && std::abs(*value - expected) <=
                          1e-6 * std::max(1.0, std::abs(expected));
    });
    if (isEqual)
      return activation.name;
  }
  return "none";
}

/// max(x, 0) or x > 0 ? x : 0, where x is needed for nothing else.
Operation *matchRelu(Value x) {
  SmallVector<Operation *> users(x.getUsers().begin(), x.getUsers().end());
  for (Operation *user : users) {
    if (auto max = dyn_cast<asg::MaxOp>(user);
        max && getOnlyUser(x) == user &&
        (isSplat(max.getLhs(), 0) || isSplat(max.getRhs(), 0)))
      return user;
    auto select = dyn_cast<asg::SelectOp>(user);
    if (!select || select.getOnTrue() != x || !isSplat(select.getOnFalse(), 0))
      continue;
    auto compare = select.getCondition().getDefiningOp<asg::CompareOp>();
    if (compare && compare.getPredicate() == asg::Predicate::gt &&
        compare.getLhs() == x && isSplat(compare.getRhs(), 0) &&
        getOnlyUser(compare.getResult()) == user &&
        llvm::all_of(users, [&](Operation *other) {
          return other == user || other == compare;
        }))
      return user;
  }
  return nullptr;
}

/// The smallest closure of elementwise ops from x to one result, if nothing but the
/// result is needed outside and its only other operands are constants.
std::optional<Closure> growClosure(Value x) {
  constexpr size_t maxOps = 12;
  Closure closure{x, {}, {}};
  DenseSet<Value> inside{x};
  Block *block = x.getParentBlock();
  // Walks on in block order from x's definition.
  for (Operation *op = x.getDefiningOp()->getNextNode();
       op && closure.ops.size() < maxOps; op = op->getNextNode()) {
    if (llvm::none_of(op->getOperands(),
                      [&](Value value) { return inside.contains(value); }))
      continue;
    bool fits = isElementwise(op) && op->getBlock() == block &&
                op->getResult(0).getType() == x.getType() &&
                llvm::all_of(op->getOperands(), [&](Value value) {
                  return inside.contains(value) || getSplat(value);
                });
    if (!fits)
      return std::nullopt;
    closure.ops.push_back(op);
    inside.insert(op->getResult(0));
    // Complete when all that is inside, the last value aside, is used inside only.
    bool isComplete = llvm::all_of(inside, [&](Value value) {
      return value == op->getResult(0) ||
             llvm::all_of(value.getUsers(), [&](Operation *user) {
               return llvm::is_contained(closure.ops, user);
             });
    });
    if (!isComplete)
      continue;
    closure.result = op->getResult(0);
    if (recognize(closure) != "none")
      return closure;
  }
  return std::nullopt;
}

//===- Sums ---------------------------------------------------------------===//

/// x + other, where x is needed for nothing else: the sum and `other`.
std::pair<asg::AddOp, Value> matchSum(Value x) {
  auto add = dyn_cast_or_null<asg::AddOp>(getOnlyUser(x));
  if (!add || add.getLhs() == add.getRhs())
    return {};
  return {add, add.getLhs() == x ? add.getRhs() : add.getLhs()};
}

/// The vector that `value` repeats along all axes but that of the bias.
Value matchBias(Operation *root, Value value) {
  auto broadcast = value.getDefiningOp<asg::BroadcastOp>();
  if (!broadcast || broadcast.getDims().size() != 1 || getSplat(value))
    return {};
  auto type = getTensorType(value);
  int64_t axis = isa<asg::DotOp>(root) ? type.getRank() - 1 : 1;
  bool repeatsUnit = getTensorType(broadcast.getX()).getDimSize(0) == 1 &&
                     type.getDimSize(axis) != 1;
  return broadcast.getDims()[0] == axis && !repeatsUnit ? broadcast.getX()
                                                        : Value();
}

/// Whether the last axis of a dot's result is one free axis of rhs, along which the
/// library adds a bias.
bool takesBias(Operation *root) {
  auto dot = dyn_cast<asg::DotOp>(root);
  if (!dot)
    return true;
  return getTensorType(dot.getRhs()).getRank() ==
         static_cast<int64_t>(dot.getRhsBatch().size() +
                              dot.getRhsContract().size() + 1);
}

} // namespace

ContractionFusion growContraction(Operation *root) {
  ContractionFusion fusion;
  fusion.op = root;
  fusion.result = root->getResult(0);
  if (!isFloat(fusion.result) || getTensorType(fusion.result).getElementType().isF64())
    return fusion;
  for (int terms = 0; terms < 2; ++terms) {
    auto [add, other] = matchSum(fusion.result);
    if (!add)
      break;
    Value bias = fusion.bias || !takesBias(root) ? Value() : matchBias(root, other);
    if (bias)
      fusion.bias = bias;
    else if (isa<asg::DotOp>(root) && !fusion.residual && !getSplat(other) &&
             !other.getDefiningOp<asg::BroadcastOp>())
      fusion.residual = other;
    else
      break;
    fusion.result = add;
  }
  if (Operation *relu = matchRelu(fusion.result)) {
    fusion.activation = "relu";
    fusion.result = relu->getResult(0);
  } else if (std::optional<Closure> closure = growClosure(fusion.result)) {
    fusion.activation = recognize(*closure);
    fusion.result = closure->result;
  }
  return fusion;
}

FailureOr<ContractionFusion> analyzeContraction(asg::FusionOp fusion) {
  Block &body = fusion.getBody().front();
  auto yield = cast<asg::YieldOp>(body.getTerminator());
  Operation *root = nullptr;
  for (Operation &op : body) {
    if (!isa<asg::DotOp, asg::Conv2dOp>(op))
      continue;
    if (root)
      return op.emitOpError("is the second contraction of its fusion");
    root = &op;
  }
  if (!root)
    return fusion.emitOpError("of kind contraction has no dot or conv2d");
  ContractionFusion found = growContraction(root);
  if (yield.getNumOperands() != 1 || found.result != yield.getValues()[0])
    return fusion.emitOpError("does more than bias, residual and activation");
  return found;
}

} // namespace asgc
