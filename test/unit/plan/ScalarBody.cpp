//===- ScalarBody.cpp - Bodies of kernels, evaluated op by op -------------===//
#include "ScalarBody.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>
#include <limits>
#include <map>

using namespace mlir;

namespace asgc::test {
namespace {

/// As a value of the type is held: f32 is rounded, integers are sign-extended.
Scalar normalize(Type type, Scalar value) {
  if (type.isF32())
    value.f = static_cast<float>(value.f);
  if (type.isInteger(1))
    value.i &= 1;
  else if (type.isInteger(8))
    value.i = static_cast<int8_t>(value.i);
  else if (type.isInteger(32))
    value.i = static_cast<int32_t>(value.i);
  return value;
}

uint64_t asUnsigned(Type type, int64_t value) {
  unsigned width = type.getIntOrFloatBitWidth();
  uint64_t bits = static_cast<uint64_t>(value);
  return width == 64 ? bits : bits & ((uint64_t(1) << width) - 1);
}

bool compareFloats(arith::CmpFPredicate predicate, double a, double b) {
  using P = arith::CmpFPredicate;
  bool unordered = std::isnan(a) || std::isnan(b);
  switch (predicate) {
  case P::OEQ: return !unordered && a == b;
  case P::OGT: return !unordered && a > b;
  case P::OGE: return !unordered && a >= b;
  case P::OLT: return !unordered && a < b;
  case P::OLE: return !unordered && a <= b;
  case P::ONE: return !unordered && a != b;
  case P::ORD: return !unordered;
  case P::UEQ: return unordered || a == b;
  case P::UGT: return unordered || a > b;
  case P::UGE: return unordered || a >= b;
  case P::ULT: return unordered || a < b;
  case P::ULE: return unordered || a <= b;
  case P::UNE: return unordered || a != b;
  case P::UNO: return unordered;
  case P::AlwaysFalse: return false;
  case P::AlwaysTrue: return true;
  }
  return false;
}

bool compareIntegers(arith::CmpIPredicate predicate, Type type, int64_t a,
                     int64_t b) {
  using P = arith::CmpIPredicate;
  uint64_t ua = asUnsigned(type, a), ub = asUnsigned(type, b);
  switch (predicate) {
  case P::eq: return a == b;
  case P::ne: return a != b;
  case P::slt: return a < b;
  case P::sle: return a <= b;
  case P::sgt: return a > b;
  case P::sge: return a >= b;
  case P::ult: return ua < ub;
  case P::ule: return ua <= ub;
  case P::ugt: return ua > ub;
  case P::uge: return ua >= ub;
  }
  return false;
}

double largest(double a, double b) {
  return std::isnan(a) || std::isnan(b) ? NAN : std::fmax(a, b);
}
double smallest(double a, double b) {
  return std::isnan(a) || std::isnan(b) ? NAN : std::fmin(a, b);
}
int64_t wrap(uint64_t value) { return static_cast<int64_t>(value); }

/// One op on operands `x`; nothing for an op that is not known here.
std::optional<Scalar> apply(Operation *op, ArrayRef<Scalar> x) {
  using Result = std::optional<Scalar>;
  auto f = [](double value) { return Result(Scalar{value, 0}); };
  auto i = [](int64_t value) { return Result(Scalar{0, value}); };
  Type type = op->getNumOperands() ? op->getOperand(0).getType() : Type();
  auto u = [&](size_t k) { return asUnsigned(type, x[k].i); };
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case([&](arith::ConstantOp c) -> Result {
        if (auto number = dyn_cast<FloatAttr>(c.getValue()))
          return f(number.getValueAsDouble());
        return i(cast<IntegerAttr>(c.getValue()).getValue().getSExtValue());
      })
      .Case([&](arith::AddFOp) { return f(x[0].f + x[1].f); })
      .Case([&](arith::SubFOp) { return f(x[0].f - x[1].f); })
      .Case([&](arith::MulFOp) { return f(x[0].f * x[1].f); })
      .Case([&](arith::DivFOp) { return f(x[0].f / x[1].f); })
      .Case([&](arith::NegFOp) { return f(-x[0].f); })
      .Case([&](arith::MaximumFOp) { return f(largest(x[0].f, x[1].f)); })
      .Case([&](arith::MinimumFOp) { return f(smallest(x[0].f, x[1].f)); })
      .Case([&](arith::CmpFOp c) {
        return i(compareFloats(c.getPredicate(), x[0].f, x[1].f));
      })
      .Case([&](arith::CmpIOp c) {
        return i(compareIntegers(c.getPredicate(), type, x[0].i, x[1].i));
      })
      .Case([&](arith::SelectOp) { return Result(x[0].i ? x[1] : x[2]); })
      .Case([&](arith::AddIOp) { return i(wrap(u(0) + u(1))); })
      .Case([&](arith::SubIOp) { return i(wrap(u(0) - u(1))); })
      .Case([&](arith::MulIOp) { return i(wrap(u(0) * u(1))); })
      .Case([&](arith::DivSIOp) { return x[1].i ? i(x[0].i / x[1].i) : Result(); })
      .Case([&](arith::RemSIOp) { return x[1].i ? i(x[0].i % x[1].i) : Result(); })
      .Case([&](arith::DivUIOp) { return u(1) ? i(wrap(u(0) / u(1))) : Result(); })
      .Case([&](arith::RemUIOp) { return u(1) ? i(wrap(u(0) % u(1))) : Result(); })
      .Case([&](arith::MaxSIOp) { return i(std::max(x[0].i, x[1].i)); })
      .Case([&](arith::MinSIOp) { return i(std::min(x[0].i, x[1].i)); })
      .Case([&](arith::AndIOp) { return i(x[0].i & x[1].i); })
      .Case([&](arith::OrIOp) { return i(x[0].i | x[1].i); })
      .Case([&](arith::XOrIOp) { return i(x[0].i ^ x[1].i); })
      .Case([&](arith::ShRUIOp) { return i(wrap(u(0) >> u(1))); })
      .Case([&](arith::ShLIOp) { return i(wrap(u(0) << u(1))); })
      .Case([&](arith::ExtSIOp) { return i(x[0].i); })
      .Case([&](arith::ExtUIOp) { return i(wrap(u(0))); })
      .Case([&](arith::TruncIOp) { return i(x[0].i); })
      .Case([&](arith::SIToFPOp) { return f(double(x[0].i)); })
      .Case([&](arith::UIToFPOp) { return f(double(u(0))); })
      .Case([&](arith::FPToSIOp) { return i(int64_t(x[0].f)); })
      .Case([&](arith::ExtFOp) { return f(x[0].f); })
      .Case([&](arith::TruncFOp) { return f(x[0].f); })
      .Case([&](math::AbsIOp) { return i(x[0].i < 0 ? -x[0].i : x[0].i); })
      .Case([&](math::AbsFOp) { return f(std::abs(x[0].f)); })
      .Case([&](math::CeilOp) { return f(std::ceil(x[0].f)); })
      .Case([&](math::CosOp) { return f(std::cos(x[0].f)); })
      .Case([&](math::ErfOp) { return f(std::erf(x[0].f)); })
      .Case([&](math::ExpOp) { return f(std::exp(x[0].f)); })
      .Case([&](math::ExpM1Op) { return f(std::expm1(x[0].f)); })
      .Case([&](math::FloorOp) { return f(std::floor(x[0].f)); })
      .Case([&](math::LogOp) { return f(std::log(x[0].f)); })
      .Case([&](math::Log1pOp) { return f(std::log1p(x[0].f)); })
      .Case([&](math::PowFOp) { return f(std::pow(x[0].f, x[1].f)); })
      .Case([&](math::RoundEvenOp) { return f(std::nearbyint(x[0].f)); })
      .Case([&](math::RsqrtOp) { return f(1 / std::sqrt(x[0].f)); })
      .Case([&](math::SinOp) { return f(std::sin(x[0].f)); })
      .Case([&](math::SqrtOp) { return f(std::sqrt(x[0].f)); })
      .Case([&](math::TanhOp) { return f(std::tanh(x[0].f)); })
      .Default([](Operation *) { return Result(); });
}

using Column = std::vector<Scalar>; // a value at all points

/// What a reduction over nothing gives.
Scalar getStart(plan::ReduceOp op) {
  Type type = op.getResult().getType();
  int64_t most = std::numeric_limits<int64_t>::max();
  if (type.isInteger())
    most >>= 64 - type.getIntOrFloatBitWidth();
  switch (op.getKind()) {
  case plan::ReduceKind::add: return {0, 0};
  case plan::ReduceKind::mul: return {1, 1};
  case plan::ReduceKind::max: return {-INFINITY, -most - 1};
  case plan::ReduceKind::min: return {INFINITY, most};
  }
  return {};
}

/// Joins the values of points that differ along the reduced dims only.
Column reduce(plan::ReduceOp op, const Column &values,
              const std::vector<std::vector<int64_t>> &points) {
  bool isInteger = op.getValue().getType().isInteger();
  std::map<std::vector<int64_t>, Scalar> sums;
  std::vector<std::vector<int64_t>> keys = points;
  for (size_t p = 0; p < points.size(); ++p) {
    for (int64_t dim : op.getDims())
      keys[p][dim] = 0;
    auto [it, isNew] = sums.try_emplace(keys[p], values[p]);
    if (isNew)
      continue;
    Scalar &sum = it->second;
    const Scalar &x = values[p];
    switch (op.getKind()) {
    case plan::ReduceKind::add:
      sum = isInteger ? Scalar{0, wrap(uint64_t(sum.i) + uint64_t(x.i))}
                      : Scalar{sum.f + x.f, 0};
      break;
    case plan::ReduceKind::mul:
      sum = isInteger ? Scalar{0, wrap(uint64_t(sum.i) * uint64_t(x.i))}
                      : Scalar{sum.f * x.f, 0};
      break;
    case plan::ReduceKind::max:
      sum = {largest(sum.f, x.f), std::max(sum.i, x.i)};
      break;
    case plan::ReduceKind::min:
      sum = {smallest(sum.f, x.f), std::min(sum.i, x.i)};
      break;
    }
  }
  Column result;
  for (const auto &key : keys)
    result.push_back(normalize(op.getResult().getType(), sums.at(key)));
  return result;
}

class Evaluator {
public:
  explicit Evaluator(const BodyInputs &inputs) : inputs(inputs) {}

  std::optional<Column> evaluate(Operation &op) {
    size_t count = inputs.points.size();
    auto reduction = dyn_cast<plan::ReduceOp>(op);
    if (reduction && inputs.areNone)
      return Column(count, getStart(reduction));
    if (reduction)
      return reduce(reduction, values.at(reduction.getValue()), inputs.points);
    Column result(count);
    for (size_t p = 0; p < count; ++p) {
      std::optional<Scalar> value = evaluateAt(op, p);
      if (!value)
        return std::nullopt;
      result[p] = normalize(op.getResult(0).getType(), *value);
    }
    return result;
  }

  struct Less {
    bool operator()(Value a, Value b) const {
      return a.getAsOpaquePointer() < b.getAsOpaquePointer();
    }
  };
  std::map<Value, Column, Less> values;

private:
  std::optional<Scalar> evaluateAt(Operation &op, size_t p) {
    if (auto index = dyn_cast<plan::IndexOp>(op))
      return Scalar{0, inputs.points[p][index.getDim()]};
    if (auto extent = dyn_cast<plan::ExtentOp>(op))
      return Scalar{0, inputs.extent(*DimExpr::parse(extent.getExtent()))};
    if (auto load = dyn_cast<plan::LoadOp>(op)) {
      if (load.getGuard() && !values.at(load.getGuard())[p].i)
        return values.at(load.getOtherwise())[p];
      return inputs.load(cast<BlockArgument>(load.getBuffer()).getArgNumber(),
                         values.at(load.getOffset())[p].i);
    }
    SmallVector<Scalar> operands;
    for (Value operand : op.getOperands())
      operands.push_back(values.at(operand)[p]);
    return apply(&op, operands);
  }

  const BodyInputs &inputs;
};
} // namespace

std::optional<std::vector<std::vector<Scalar>>>
evaluateBody(Block &body, const BodyInputs &inputs, std::string &error) {
  Evaluator evaluator(inputs);
  for (BlockArgument argument : body.getArguments())
    evaluator.values[argument] = inputs.readArgument(argument.getArgNumber());
  for (Operation &op : body.without_terminator()) {
    auto column = evaluator.evaluate(op);
    if (!column) {
      error = "cannot evaluate " + op.getName().getStringRef().str();
      return std::nullopt;
    }
    evaluator.values[op.getResult(0)] = std::move(*column);
  }
  std::vector<Column> results;
  for (Value value : body.getTerminator()->getOperands())
    results.push_back(evaluator.values.at(value));
  return results;
}

} // namespace asgc::test
