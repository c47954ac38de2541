//===- Activation.cpp - Activations among elementwise ops -----------------===//
#include "Relu.h"
#include "Matchers.h"
#include "asgc/Fusion.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;

namespace asgc {
namespace {

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

/// The functions that activations are composed of, in f64.
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
      .Case([&](asg::CompareOp) { return x[0] > x[1]; })
      .Case([&](asg::SelectOp) { return x[0] != 0 ? x[1] : x[2]; })
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
      bool isOrdinary = std::abs(constant) > 1e-3 && std::abs(constant) < 1e2;
      if (!splat || !(isOrdinary || isa<asg::CompareOp>(op)))
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

/// max(x, 0) or x <= 0 ? 0 : x, which keep NaN, where x is needed for nothing
/// else. (x > 0 ? x : 0 makes a 0 of NaN.)
std::optional<FoundActivation> matchRelu(Value x) {
  if (auto select = findReluSelect(x);
      select && select.getCondition().hasOneUse())
    return FoundActivation{"relu", select.getResult()};
  if (!x.hasOneUse())
    return std::nullopt;
  auto max = dyn_cast<asg::MaxOp>(*x.user_begin());
  if (max && (isSplat(max.getLhs(), 0) || isSplat(max.getRhs(), 0)))
    return FoundActivation{"relu", max.getResult()};
  return std::nullopt;
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
    // x > 0 divides the function where both sides are sampled.
    auto compare = dyn_cast<asg::CompareOp>(op);
    bool fits = isElementwise(op) && op->getBlock() == block &&
                (compare ? compare.getPredicate() == asg::Predicate::gt &&
                               compare.getLhs() == x &&
                               isSplat(compare.getRhs(), 0)
                         : op->getResult(0).getType() == x.getType()) &&
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

} // namespace

asg::SelectOp getReluSelect(Value y) {
  auto select = y.getDefiningOp<asg::SelectOp>();
  auto compare = select ? select.getCondition().getDefiningOp<asg::CompareOp>()
                        : asg::CompareOp();
  bool isRelu = compare && compare.getPredicate() == asg::Predicate::le &&
                compare.getLhs() == select.getOnFalse() &&
                isSplat(compare.getRhs(), 0) && isSplat(select.getOnTrue(), 0);
  return isRelu ? select : asg::SelectOp();
}

asg::SelectOp findReluSelect(Value x) {
  asg::SelectOp found;
  for (Operation *user : x.getUsers())
    if (auto select = dyn_cast<asg::SelectOp>(user);
        select && select.getOnFalse() == x && getReluSelect(select.getResult()))
      found = select;
  bool isAllOfIt = found && llvm::all_of(x.getUsers(), [&](Operation *user) {
    return user == found || user == found.getCondition().getDefiningOp();
  });
  return isAllOfIt ? found : asg::SelectOp();
}

std::optional<FoundActivation> findActivation(Value x) {
  if (std::optional<FoundActivation> relu = matchRelu(x))
    return relu;
  if (std::optional<Closure> closure = growClosure(x))
    return FoundActivation{recognize(*closure), closure->result};
  return std::nullopt;
}

} // namespace asgc
