//===- Activation.cpp - Activations among elementwise ops -----------------===//
#include "Activation.h"

#include "llvm/ADT/SetVector.h"

#include <cmath>

using namespace mlir;

namespace asgc::planner {

std::optional<double> getSplatNumber(Value value) {
  while (auto broadcast = value.getDefiningOp<asg::BroadcastOp>())
    value = broadcast.getX();
  auto constant = value.getDefiningOp<asg::ConstantOp>();
  auto elements =
      constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : nullptr;
  if (!elements || !elements.isSplat() ||
      !isa<FloatType>(elements.getElementType()))
    return std::nullopt;
  return elements.getSplatValue<APFloat>().convertToDouble();
}

namespace {
/// Matches expressions over one value, and collects the ops they consist of.
class Matcher {
public:
  explicit Matcher(Value x) : x(x) {}

  std::optional<plan::Activation> match(Value result) {
    using Kind = plan::Activation;
    auto tryKind = [&](bool (Matcher::*matches)(Value)) {
      used.clear();
      return (this->*matches)(result);
    };
    if (tryKind(&Matcher::isRelu))
      return Kind::relu;
    if (tryKind(&Matcher::isTanh))
      return Kind::tanh;
    if (tryKind(&Matcher::isSigmoid))
      return Kind::sigmoid;
    if (tryKind(&Matcher::isSilu))
      return Kind::silu;
    if (tryKind(&Matcher::isGeluErf))
      return Kind::gelu_erf;
    if (tryKind(&Matcher::isGeluTanh))
      return Kind::gelu_tanh;
    return std::nullopt;
  }

  /// The ops of the last match.
  llvm::SmallSetVector<Operation *, 16> used;

private:
  bool isNumber(Value value, double expected) {
    std::optional<double> number = getSplatNumber(value);
    // Constants are written with as many digits as f32 has.
    return number && std::abs(*number - expected) <= 2e-7 * std::abs(expected);
  }

  template <typename Op> Op take(Value value) {
    auto op = value.getDefiningOp<Op>();
    if (op)
      used.insert(op);
    return op;
  }

  /// The operands of a commutative op in the order in which `first` holds for
  /// the first of them; `second` is told the other.
  template <typename Op>
  bool either(Value value, llvm::function_ref<bool(Value)> first,
              llvm::function_ref<bool(Value)> second) {
    auto op = take<Op>(value);
    if (!op)
      return false;
    auto saved = used;
    if (first(op.getLhs()) && second(op.getRhs()))
      return true;
    used = saved;
    return first(op.getRhs()) && second(op.getLhs());
  }

  bool isX(Value value) { return value == x; }

  bool isTimes(Value value, double factor, llvm::function_ref<bool(Value)> of) {
    return either<asg::MulOp>(
        value, [&](Value v) { return isNumber(v, factor); }, of);
  }

  bool isRelu(Value value) {
    return either<asg::MaxOp>(
        value, [&](Value v) { return isX(v); },
        [&](Value v) { return isNumber(v, 0); });
  }

  bool isTanh(Value value) {
    auto tanh = take<asg::TanhOp>(value);
    return tanh && isX(tanh.getX());
  }

  /// 1 / (1 + e⁻ˣ)
  bool isSigmoid(Value value) {
    auto div = take<asg::DivOp>(value);
    return div && isNumber(div.getLhs(), 1) &&
           either<asg::AddOp>(
               div.getRhs(), [&](Value v) { return isNumber(v, 1); },
               [&](Value v) {
                 auto exp = take<asg::ExpOp>(v);
                 auto neg = exp ? take<asg::NegOp>(exp.getX()) : asg::NegOp();
                 return neg && isX(neg.getX());
               });
  }

  /// x · sigmoid(x), or x / (1 + e⁻ˣ)
  bool isSilu(Value value) {
    return either<asg::MulOp>(
        value, [&](Value v) { return isX(v); },
        [&](Value v) { return isSigmoid(v); });
  }

  bool isOnePlus(Value value, llvm::function_ref<bool(Value)> rest) {
    return either<asg::AddOp>(
        value, [&](Value v) { return isNumber(v, 1); }, rest);
  }

  /// x · ½ · (1 + inner), the factors in any order.
  bool isHalfTimes(Value value, llvm::function_ref<bool(Value)> inner) {
    auto half = [&](Value v) { return isNumber(v, 0.5); };
    auto itself = [&](Value v) { return isX(v); };
    auto onePlus = [&](Value v) { return isOnePlus(v, inner); };
    auto product = [&](llvm::function_ref<bool(Value)> a,
                       llvm::function_ref<bool(Value)> b) {
      return [this, a, b](Value v) { return either<asg::MulOp>(v, a, b); };
    };
    auto any = [&](llvm::function_ref<bool(Value)> a,
                   llvm::function_ref<bool(Value)> b,
                   llvm::function_ref<bool(Value)> c) {
      auto saved = used;
      if (either<asg::MulOp>(value, a, product(b, c)))
        return true;
      used = saved;
      return false;
    };
    return any(half, itself, onePlus) || any(itself, half, onePlus) ||
           any(onePlus, half, itself);
  }

  /// erf(x / √2)
  bool isGeluErf(Value value) {
    return isHalfTimes(value, [&](Value v) {
      auto erf = take<asg::ErfOp>(v);
      if (!erf)
        return false;
      auto itself = [&](Value w) { return isX(w); };
      if (auto div = erf.getX().getDefiningOp<asg::DivOp>()) {
        used.insert(div);
        return isX(div.getLhs()) && isNumber(div.getRhs(), std::sqrt(2.0));
      }
      return isTimes(erf.getX(), std::sqrt(0.5), itself);
    });
  }

  /// tanh(√(2/π) · (x + 0.044715 · x³))
  bool isGeluTanh(Value value) {
    return isHalfTimes(value, [&](Value v) {
      auto tanh = take<asg::TanhOp>(v);
      return tanh && isTimes(tanh.getX(), std::sqrt(2 / M_PI), [&](Value w) {
               return either<asg::AddOp>(
                   w, [&](Value a) { return isX(a); },
                   [&](Value b) { return isScaledCube(b); });
             });
    });
  }

  /// c · x · x · x in any association.
  bool isScaledCube(Value value) {
    int numbers = 0, factors = 0;
    SmallVector<Value> worklist{value};
    while (!worklist.empty()) {
      Value next = worklist.pop_back_val();
      if (isX(next)) {
        ++factors;
      } else if (isNumber(next, 0.044715)) {
        ++numbers;
      } else if (auto mul = take<asg::MulOp>(next);
                 mul && factors + static_cast<int>(worklist.size()) < 8) {
        worklist.append({mul.getLhs(), mul.getRhs()});
      } else {
        return false;
      }
    }
    return numbers == 1 && factors == 3;
  }

  Value x;
};

/// Whether everything that uses `x` or what lies between it and `result` is
/// among `ops`.
bool isClosed(Value x, Value result,
              const llvm::SmallSetVector<Operation *, 16> &ops) {
  auto usersAreIn = [&](Value value) {
    return llvm::all_of(value.getUsers(),
                        [&](Operation *user) { return ops.contains(user); });
  };
  return usersAreIn(x) && llvm::all_of(ops, [&](Operation *op) {
           return op->getResult(0) == result || usersAreIn(op->getResult(0));
         });
}
} // namespace

std::optional<FoundActivation> findActivation(Value x) {
  // Activations are a few ops deep: looks at everything computed from x so far.
  constexpr size_t kMaxOps = 64;
  llvm::SmallSetVector<Operation *, 16> reached;
  for (Operation *user : x.getUsers())
    reached.insert(user);
  std::optional<FoundActivation> found;
  size_t foundOps = 0;
  for (size_t next = 0; next < reached.size() && next < kMaxOps; ++next) {
    Operation *op = reached[next];
    if (op->getNumResults() != 1 || !isa<asg::ScalarInterface>(op) ||
        op->getBlock() != x.getParentBlock())
      continue;
    Matcher matcher(x);
    auto kind = matcher.match(op->getResult(0));
    if (kind && matcher.used.size() > foundOps &&
        isClosed(x, op->getResult(0), matcher.used)) {
      found = FoundActivation{*kind, op->getResult(0)};
      foundOps = matcher.used.size();
    }
    for (Operation *user : op->getResult(0).getUsers())
      reached.insert(user);
  }
  return found;
}

} // namespace asgc::planner
