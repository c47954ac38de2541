//===- BuiltinMath.cpp - Functions of single elements ---------------------===//
#include "Elaborator.h"

#include <cmath>

using namespace mlir;

namespace asgc {

namespace {

/// A function of numbers and of tensors; integers become f32.
template <typename Op, double (*fold)(double)>
Term applyFloat(Elaborator &e, BuiltinCall &call) {
  if (call[0].isNumber())
    return Term(fold(call[0].asDouble()), call.span);
  std::vector<Value> x = e.unify({operand(call, 0)}, call.span, call.loc, true);
  if (x.empty())
    return Term::poison();
  return e.made(Op::create(e.builder, call.loc, x[0]), call.span);
}

/// The same for functions that leave integers alone (floor) or map them to
/// integers (abs).
template <typename Op, double (*fold)(double),
          int64_t (*foldInt)(int64_t) = nullptr>
Term applyNumber(Elaborator &e, BuiltinCall &call) {
  constexpr bool keepsInt = foldInt == nullptr;
  const Term &x = call[0];
  if (x.is<int64_t>()) {
    if constexpr (keepsInt)
      return x;
    else if (x.as<int64_t>() == INT64_MIN)
      return e.fail(Diagnostic(Code::ASG0305, "the result does not fit 64 bits")
                        .at(call.span));
    else
      return Term(foldInt(x.as<int64_t>()), call.span);
  }
  if (x.is<double>())
    return Term(fold(x.as<double>()), call.span);
  bool isInt = x.isTensor() &&
               isa<IntegerType>(x.tensorType().getElementType()) &&
               !x.tensorType().getElementType().isInteger(1);
  if (isInt && keepsInt)
    return x;
  std::vector<Value> values =
      e.unify({operand(call, 0)}, call.span, call.loc, keepsInt);
  if (values.empty())
    return Term::poison();
  if (!isInt &&
      cast<RankedTensorType>(values[0].getType()).getElementType().isInteger(1))
    return e.wrongKind(operand(call, 0),
                       "the argument of `" + call.builtin.name + "`",
                       "a tensor of numbers");
  return e.made(Op::create(e.builder, call.loc, values[0]), call.span);
}

// The same functions of compile-time numbers.
double foldExp(double x) { return std::exp(x); }
double foldExpm1(double x) { return std::expm1(x); }
double foldLog(double x) { return std::log(x); }
double foldLog1p(double x) { return std::log1p(x); }
double foldSqrt(double x) { return std::sqrt(x); }
double foldRsqrt(double x) { return 1 / std::sqrt(x); }
double foldTanh(double x) { return std::tanh(x); }
double foldErf(double x) { return std::erf(x); }
double foldSin(double x) { return std::sin(x); }
double foldCos(double x) { return std::cos(x); }
double foldAbs(double x) { return std::fabs(x); }
int64_t foldAbsInt(int64_t x) { return x < 0 ? -x : x; }
int64_t foldSignInt(int64_t x) { return (x > 0) - (x < 0); }
double foldSign(double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }
double foldFloor(double x) { return std::floor(x); }
double foldCeil(double x) { return std::ceil(x); }
double foldRound(double x) { return std::nearbyint(x); }

Term where(Elaborator &e, BuiltinCall &call) {
  Operand condition = operand(call, 0);
  if (condition.term.is<bool>())
    return condition.term.as<bool>() ? call[1] : call[2];
  bool isBool = condition.term.isTensor() &&
                condition.term.tensorType().getElementType().isInteger(1);
  if (!isBool)
    return e.wrongKind(condition, "the condition of `where`",
                       "a tensor of bools");
  std::vector<Value> values =
      e.unify({operand(call, 1), operand(call, 2)}, call.span, call.loc);
  if (values.empty())
    return Term::poison();
  // The condition takes part in the shape, not in the element type.
  Operand first{Term(values[0]), call.spans[1]};
  auto dims = e.commonDims({condition, first}, call.span);
  if (!dims || !e.checkShape(*dims, call.span))
    return Term::poison();
  Value mask = e.broadcast(call.loc, condition.term.tensor(), *dims);
  Value a = e.broadcast(call.loc, values[0], *dims);
  Value b = e.broadcast(call.loc, values[1], *dims);
  return e.made(
      asg::SelectOp::create(e.builder, call.loc, a.getType(), mask, a, b),
      call.span);
}

Term clamp(Elaborator &e, BuiltinCall &call) {
  Term x = call[0];
  for (size_t i : {1, 2}) {
    if (call[i].isNone())
      continue;
    if (x.isNumber() && call[i].isNumber()) {
      Term isBeyond =
          e.foldCompare(i == 1 ? ast::BinaryOp::Less : ast::BinaryOp::Greater,
                        {x, call.spans[0]}, operand(call, i), call.span);
      if (isBeyond.as<bool>())
        x = call[i];
      continue;
    }
    std::vector<Value> values =
        e.unify({{x, call.spans[0]}, operand(call, i)}, call.span, call.loc);
    if (values.empty())
      return Term::poison();
    x = i == 1 ? e.made(asg::MaxOp::create(e.builder, call.loc, values[0],
                                           values[1]),
                        call.span)
               : e.made(asg::MinOp::create(e.builder, call.loc, values[0],
                                           values[1]),
                        call.span);
  }
  return x;
}

Term castTo(Elaborator &e, BuiltinCall &call) {
  auto element = e.toDType(operand(call, 1), "the dtype");
  if (!element)
    return Term::poison();
  const Term &x = call[0];
  Type from = x.is<double>() ? Type(e.builder.getF32Type())
              : x.is<bool>() ? Type(e.builder.getI1Type())
                             : Type(e.builder.getI64Type());
  Value value = e.toTensor(operand(call, 0), call.loc,
                           x.isTensor() || x.is<Term::List>() ? Type() : from);
  if (!value)
    return Term::poison();
  return e.made(e.cast(call.loc, value, *element), call.span);
}

Term stopGradient(Elaborator &e, BuiltinCall &call) {
  if (call[0].isNumber())
    return call[0];
  Value value = e.toTensor(operand(call, 0), call.loc);
  if (!value)
    return Term::poison();
  return e.made(asg::StopGradientOp::create(e.builder, call.loc, value),
                call.span);
}

/// grad(loss, x): the gradient, of the shape of x; of a list, a list.
Term grad(Elaborator &e, BuiltinCall &call) {
  bool isScalar = call[0].isTensor() && call[0].tensorType().getRank() == 0 &&
                  isa<FloatType>(call[0].tensorType().getElementType());
  if (!isScalar)
    return e.wrongKind(operand(call, 0), "what `grad` differentiates",
                       "a scalar tensor of floats");
  bool isList = call[1].is<Term::List>();
  std::vector<Term> terms = {call[1]};
  if (isList)
    terms = call[1].asList();
  SmallVector<Value> wrt;
  for (const Term &term : terms) {
    if (!term.isTensor() || !isa<FloatType>(term.tensorType().getElementType()))
      return e.wrongKind({term, call.spans[1]}, "what `grad` differentiates by",
                         "a tensor of floats");
    wrt.push_back(term.tensor());
  }
  if (wrt.empty())
    return Term::list({});
  auto op =
      asg::GradientOp::create(e.builder, call.loc, TypeRange(ValueRange(wrt)),
                              call[0].tensor(), wrt, false);
  std::vector<Term> results;
  for (Value result : op.getGradients())
    results.push_back(e.made(result, call.span));
  return isList ? Term::list(std::move(results)) : results[0];
}

Term isNan(Elaborator &e, BuiltinCall &call) {
  if (call[0].isNumber())
    return Term(std::isnan(call[0].asDouble()));
  Operand x = operand(call, 0);
  return e.tensorBinary(ast::BinaryOp::NotEqual, x, x, call.span, call.frame);
}

} // namespace

void addMathBuiltins(std::vector<Builtin> &table) {
  auto add = [&](const char *name, BuiltinHandler handler) {
    table.push_back({name, {{"x", {}}}, handler, false, ""});
  };
  add("exp", applyFloat<asg::ExpOp, foldExp>);
  add("expm1", applyFloat<asg::Expm1Op, foldExpm1>);
  add("log", applyFloat<asg::LogOp, foldLog>);
  add("log1p", applyFloat<asg::Log1pOp, foldLog1p>);
  add("sqrt", applyFloat<asg::SqrtOp, foldSqrt>);
  add("rsqrt", applyFloat<asg::RsqrtOp, foldRsqrt>);
  add("tanh", applyFloat<asg::TanhOp, foldTanh>);
  add("erf", applyFloat<asg::ErfOp, foldErf>);
  add("sin", applyFloat<asg::SinOp, foldSin>);
  add("cos", applyFloat<asg::CosOp, foldCos>);
  add("abs", applyNumber<asg::AbsOp, foldAbs, foldAbsInt>);
  add("sign", applyNumber<asg::SignOp, foldSign, foldSignInt>);
  add("floor", applyNumber<asg::FloorOp, foldFloor>);
  add("ceil", applyNumber<asg::CeilOp, foldCeil>);
  add("round", applyNumber<asg::RoundOp, foldRound>);
  add("stop_gradient", stopGradient);
  add("is_nan", isNan);
  table.push_back(
      {"where", {{"condition", {}}, {"a", {}}, {"b", {}}}, where, false, ""});
  table.push_back({"clamp",
                   {{"x", {}}, {"low", Term::none()}, {"high", Term::none()}},
                   clamp,
                   false,
                   ""});
  table.push_back({"cast", {{"x", {}}, {"dtype", {}}}, castTo, false, ""});
  table.push_back({"grad", {{"loss", {}}, {"x", {}}}, grad, false, ""});
}

} // namespace asgc
