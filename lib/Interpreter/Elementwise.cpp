//===- Elementwise.cpp - Evaluates ops on one element at a time -----------===//
#include "lib/Interpreter/Evaluation.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace asgc::interpreter {

namespace {
// Integers wrap, so sums are made where overflow is defined.
int64_t wrapping(uint64_t value) { return static_cast<int64_t>(value); }

template <double (*f)(double)>
LogicalResult unary(Evaluation &e) {
  for (int64_t i = 0, n = e.out().size(); i < n; ++i)
    e.out().floats[i] = f(e.in(0).floats[i]);
  return success();
}

template <double (*f)(double), int64_t (*g)(int64_t)>
LogicalResult unaryNumber(Evaluation &e) {
  if (e.out().isFloat())
    return unary<f>(e);
  for (int64_t i = 0, n = e.out().size(); i < n; ++i)
    e.out().integers[i] = g(e.in(0).integers[i]);
  return success();
}

template <double (*f)(double, double), int64_t (*g)(int64_t, int64_t)>
LogicalResult binary(Evaluation &e) {
  for (int64_t i = 0, n = e.out().size(); i < n; ++i) {
    if (e.out().isFloat())
      e.out().floats[i] = f(e.in(0).floats[i], e.in(1).floats[i]);
    else
      e.out().integers[i] = g(e.in(0).integers[i], e.in(1).integers[i]);
  }
  return success();
}

//===- Floats -------------------------------------------------------------===//

double negF(double x) { return -x; }
double signF(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }
double rsqrtF(double x) { return 1 / std::sqrt(x); }
double addF(double l, double r) { return l + r; }
double subF(double l, double r) { return l - r; }
double mulF(double l, double r) { return l * r; }
double divF(double l, double r) { return l / r; }
// NaN if either is; −0 is below +0, as in arith.minimumf.
double minF(double l, double r) {
  if (std::isnan(l) || std::isnan(r))
    return std::numeric_limits<double>::quiet_NaN();
  if (l == r)
    return std::signbit(l) ? l : r;
  return l < r ? l : r;
}
double maxF(double l, double r) { return -minF(-l, -r); }

//===- Integers -----------------------------------------------------------===//

int64_t negI(int64_t x) { return wrapping(0 - static_cast<uint64_t>(x)); }
int64_t absI(int64_t x) { return x < 0 ? negI(x) : x; }
int64_t signI(int64_t x) { return (x > 0) - (x < 0); }
int64_t addI(int64_t l, int64_t r) {
  return wrapping(static_cast<uint64_t>(l) + static_cast<uint64_t>(r));
}
int64_t subI(int64_t l, int64_t r) {
  return wrapping(static_cast<uint64_t>(l) - static_cast<uint64_t>(r));
}
int64_t mulI(int64_t l, int64_t r) {
  return wrapping(static_cast<uint64_t>(l) * static_cast<uint64_t>(r));
}
int64_t divI(int64_t l, int64_t r) {
  return r == 0 ? 0 : r == -1 ? negI(l) : l / r;
}
int64_t modI(int64_t l, int64_t r) {
  if (r == 0 || r == -1)
    return 0;
  int64_t rest = l % r;
  return rest != 0 && (rest < 0) != (r < 0) ? rest + r : rest;
}
int64_t minI(int64_t l, int64_t r) { return l < r ? l : r; }
int64_t maxI(int64_t l, int64_t r) { return l > r ? l : r; }
int64_t andI(int64_t l, int64_t r) { return l & r; }
int64_t orI(int64_t l, int64_t r) { return l | r; }
int64_t xorI(int64_t l, int64_t r) { return l ^ r; }
/// Never called: the op takes floats only, or integers only.
double noF(double, double r) { return r; }
int64_t noI(int64_t, int64_t r) { return r; }

// l − ⌊l / r⌋ · r. The quotient is rounded as a backend holds it (f16 and bf16 in
// f32): just below a whole number the floor depends on it.
LogicalResult evaluateMod(Evaluation &e) {
  if (!e.out().isFloat())
    return binary<noF, modI>(e);
  bool inF32 = e.options.roundToStorage && e.out().type != DType::F64;
  for (int64_t i = 0, n = e.out().size(); i < n; ++i) {
    double l = e.in(0).floats[i], r = e.in(1).floats[i], quotient = l / r;
    if (inF32)
      quotient = static_cast<float>(quotient);
    e.out().floats[i] = l - std::floor(quotient) * r;
  }
  return success();
}

//===- Other element types ------------------------------------------------===//

LogicalResult evaluateNot(Evaluation &e) {
  bool isBool = e.out().type == DType::Bool;
  for (int64_t i = 0, n = e.out().size(); i < n; ++i)
    e.out().integers[i] = isBool ? !e.in(0).integers[i] : ~e.in(0).integers[i];
  return success();
}

template <typename T>
bool compare(asg::Predicate predicate, T l, T r) {
  switch (predicate) {
  case asg::Predicate::eq:
    return l == r;
  case asg::Predicate::ne:
    return l != r;
  case asg::Predicate::lt:
    return l < r;
  case asg::Predicate::le:
    return l <= r;
  case asg::Predicate::gt:
    return l > r;
  case asg::Predicate::ge:
    return l >= r;
  }
  return false;
}

LogicalResult evaluateCompare(Evaluation &e) {
  auto predicate = cast<asg::CompareOp>(e.op).getPredicate();
  const Array &lhs = e.in(0), &rhs = e.in(1);
  for (int64_t i = 0, n = e.out().size(); i < n; ++i)
    e.out().integers[i] =
        lhs.isFloat() ? compare(predicate, lhs.floats[i], rhs.floats[i])
                      : compare(predicate, lhs.integers[i], rhs.integers[i]);
  return success();
}

LogicalResult evaluateSelect(Evaluation &e) {
  for (int64_t i = 0, n = e.out().size(); i < n; ++i) {
    const Array &from = e.in(0).integers[i] ? e.in(1) : e.in(2);
    if (from.isFloat())
      e.out().floats[i] = from.floats[i];
    else
      e.out().integers[i] = from.integers[i];
  }
  return success();
}

LogicalResult evaluateCast(Evaluation &e) {
  const Array &x = e.in(0);
  Array &y = e.out();
  for (int64_t i = 0, n = y.size(); i < n; ++i) {
    if (y.isFloat())
      y.floats[i] = x.number(i);
    else if (!x.isFloat())
      y.integers[i] = x.integers[i]; // rounded to y's width by the driver
    else
      y.integers[i] = truncateTo(y.type, x.floats[i]);
  }
  return success();
}

LogicalResult evaluateSame(Evaluation &e) {
  e.out() = e.in(0);
  return success();
}

//===- Sources ------------------------------------------------------------===//

LogicalResult evaluateConstant(Evaluation &e) {
  auto values = cast<DenseElementsAttr>(cast<asg::ConstantOp>(e.op).getValue());
  Array &y = e.out();
  int64_t i = 0;
  if (y.isFloat()) {
    for (APFloat value : values.getValues<APFloat>()) {
      bool isLost;
      value.convert(llvm::APFloat::IEEEdouble(),
                    llvm::APFloat::rmNearestTiesToEven, &isLost);
      y.floats[i++] = value.convertToDouble();
    }
    return success();
  }
  bool isBool = y.type == DType::Bool;
  for (const APInt &value : values.getValues<APInt>())
    y.integers[i++] = isBool ? static_cast<int64_t>(value.getZExtValue())
                             : value.getSExtValue();
  return success();
}

LogicalResult evaluateIota(Evaluation &e) {
  Array &y = e.out();
  Extents strides(y.shape.size(), 0);
  strides[cast<asg::IotaOp>(e.op).getAxis()] = 1;
  Extents places = offsetsOf(y.shape, strides);
  for (size_t i = 0; i < places.size(); ++i) {
    if (y.isFloat())
      y.floats[i] = static_cast<double>(places[i]);
    else
      y.integers[i] = places[i];
  }
  return success();
}

LogicalResult evaluateDim(Evaluation &e) {
  auto expr = DimExpr::parse(cast<asg::DimOp>(e.op).getExtent());
  FailureOr<int64_t> value = e.extent(*expr);
  if (failed(value))
    return failure();
  if (e.out().isFloat())
    e.out().floats[0] = static_cast<double>(*value);
  else
    e.out().integers[0] = *value;
  return success();
}
} // namespace

void addElementwise(Evaluators &evaluators) {
  evaluators["asg.add"] = binary<addF, addI>;
  evaluators["asg.sub"] = binary<subF, subI>;
  evaluators["asg.mul"] = binary<mulF, mulI>;
  evaluators["asg.div"] = binary<divF, divI>;
  evaluators["asg.mod"] = evaluateMod;
  evaluators["asg.pow"] = binary<std::pow, noI>;
  evaluators["asg.min"] = binary<minF, minI>;
  evaluators["asg.max"] = binary<maxF, maxI>;
  evaluators["asg.neg"] = unaryNumber<negF, negI>;
  evaluators["asg.sign"] = unaryNumber<signF, signI>;
  evaluators["asg.abs"] = unaryNumber<std::fabs, absI>;
  evaluators["asg.sin"] = unary<std::sin>;
  evaluators["asg.cos"] = unary<std::cos>;
  evaluators["asg.exp"] = unary<std::exp>;
  evaluators["asg.expm1"] = unary<std::expm1>;
  evaluators["asg.log"] = unary<std::log>;
  evaluators["asg.log1p"] = unary<std::log1p>;
  evaluators["asg.sqrt"] = unary<std::sqrt>;
  evaluators["asg.rsqrt"] = unary<rsqrtF>;
  evaluators["asg.tanh"] = unary<std::tanh>;
  evaluators["asg.erf"] = unary<std::erf>;
  evaluators["asg.floor"] = unary<std::floor>;
  evaluators["asg.ceil"] = unary<std::ceil>;
  evaluators["asg.round"] = unary<std::nearbyint>;
  evaluators["asg.and"] = binary<noF, andI>;
  evaluators["asg.or"] = binary<noF, orI>;
  evaluators["asg.xor"] = binary<noF, xorI>;
  evaluators["asg.not"] = evaluateNot;
  evaluators["asg.compare"] = evaluateCompare;
  evaluators["asg.select"] = evaluateSelect;
  evaluators["asg.cast"] = evaluateCast;
  evaluators["asg.stop_gradient"] = evaluateSame;
  evaluators["asg.constant"] = evaluateConstant;
  evaluators["asg.iota"] = evaluateIota;
  evaluators["asg.dim"] = evaluateDim;
}

} // namespace asgc::interpreter
