//===- BuiltinReduction.cpp - Functions that join elements ----------------===//
#include "Elaborator.h"

#include <algorithm>

using namespace mlir;

namespace asgc {

namespace {

/// The parts of a reduction that all have in common.
struct Reduction {
  Value x;
  std::vector<int64_t> axes;
  Dims kept;     ///< the shape without the axes
  Dims ones;     ///< the shape with extent 1 for the axes
  DimExpr count; ///< elements that become one
};

/// The first argument, a tensor of numbers; null after an error. Bools are
/// refused with a hint to cast them.
Value readNumbers(Elaborator &e, BuiltinCall &call, bool mustBeFloat) {
  Operand x = operand(call, 0);
  if (!x.term.isTensor()) {
    e.wrongKind(x, "the argument of `" + call.builtin.name + "`", "a tensor");
    return {};
  }
  std::vector<Value> values = e.unify({x}, call.span, call.loc, mustBeFloat);
  if (values.empty())
    return {};
  if (getElementTypeOrSelf(values[0].getType()).isInteger(1)) {
    e.report(
        Diagnostic(Code::ASG0104, "a bool is not a number")
            .at(x.span, describeKind(x.term))
            .fix("make it one", x.span,
                 "cast(" +
                     std::string(e.diagnostics.getSources().getText(x.span)) +
                     ", f32)"));
    return {};
  }
  return values[0];
}

std::optional<Reduction> readReduction(Elaborator &e, BuiltinCall &call,
                                       size_t axisIndex, bool mustBeFloat) {
  Value x = readNumbers(e, call, mustBeFloat);
  if (!x)
    return std::nullopt;
  auto type = cast<RankedTensorType>(x.getType());
  auto axes = e.toAxes(operand(call, axisIndex), type.getRank());
  if (!axes)
    return std::nullopt;
  Reduction result{x, *axes, {}, {}, DimExpr(1)};
  Dims reduced;
  for (int64_t axis = 0; axis < type.getRank(); ++axis) {
    DimExpr extent = asg::getDim(type, axis);
    bool isReduced = std::binary_search(axes->begin(), axes->end(), axis);
    result.ones.push_back(isReduced ? DimExpr(1) : extent);
    (isReduced ? reduced : result.kept).push_back(extent);
  }
  auto count = Elaborator::countElements(reduced);
  if (!count || !Elaborator::isWritable(*count)) {
    e.report(Diagnostic(Code::ASG0403, "a run-time extent has too many terms")
                 .at(call.span));
    return std::nullopt;
  }
  result.count = *count;
  return result;
}

template <typename Op>
Value reduce(Elaborator &e, BuiltinCall &call, const Reduction &r, Value x) {
  auto type = cast<RankedTensorType>(x.getType());
  return Op::create(e.builder, call.loc,
                    e.tensorType(r.kept, type.getElementType()), x, r.axes);
}

/// Puts the axes back with extent 1 if `keep` asks for it.
Term finish(Elaborator &e, BuiltinCall &call, const Reduction &r, Value y,
            size_t keepIndex) {
  auto keep = e.toBool(operand(call, keepIndex), "`keep`");
  if (!keep)
    return Term::poison();
  return e.made(*keep ? e.reshape(call.loc, y, r.ones) : y, call.span);
}

Value meanOf(Elaborator &e, BuiltinCall &call, const Reduction &r, Value x,
             const DimExpr &count) {
  Value sum = reduce<asg::ReduceSumOp>(e, call, r, x);
  auto type = cast<RankedTensorType>(sum.getType());
  Value divisor =
      count.asConstant()
          ? e.splat(call.loc, type, *count.asConstant())
          : e.broadcast(call.loc,
                        e.extentTensor(call.loc, count, type.getElementType()),
                        r.kept);
  return asg::DivOp::create(e.builder, call.loc, sum, divisor);
}

/// sum([1, 2, 3]) and the like, of compile-time numbers.
std::optional<Term> foldList(Elaborator &e, BuiltinCall &call, ast::BinaryOp op,
                             Term start) {
  if (!call[0].is<Term::List>())
    return std::nullopt;
  for (const Term &element : call[0].asList()) {
    start = e.foldBinary(op, {start, call.span}, {element, call.spans[0]},
                         call.span);
    if (start.isPoison())
      break;
  }
  return start;
}

Term sum(Elaborator &e, BuiltinCall &call) {
  if (auto total = foldList(e, call, ast::BinaryOp::Add, Term(int64_t(0))))
    return *total;
  auto r = readReduction(e, call, 1, false);
  if (!r)
    return Term::poison();
  return finish(e, call, *r, reduce<asg::ReduceSumOp>(e, call, *r, r->x), 2);
}

Term product(Elaborator &e, BuiltinCall &call) {
  if (auto total = foldList(e, call, ast::BinaryOp::Multiply, Term(int64_t(1))))
    return *total;
  auto r = readReduction(e, call, 1, false);
  if (!r)
    return Term::poison();
  return finish(e, call, *r, reduce<asg::ReduceProdOp>(e, call, *r, r->x), 2);
}

Term mean(Elaborator &e, BuiltinCall &call) {
  auto r = readReduction(e, call, 1, true);
  if (!r)
    return Term::poison();
  return finish(e, call, *r, meanOf(e, call, *r, r->x, r->count), 2);
}

/// mean((x − mean(x))²), with `correction` taken off the count.
Term variance(Elaborator &e, BuiltinCall &call) {
  auto r = readReduction(e, call, 1, true);
  auto correction = e.toInt(operand(call, 3), "`correction`");
  if (!r || !correction)
    return Term::poison();
  auto type = cast<RankedTensorType>(r->x.getType());
  auto extents = asg::getDims(type);
  Dims dims(extents.begin(), extents.end());
  Value center = meanOf(e, call, *r, r->x, r->count);
  center = e.broadcast(call.loc, e.reshape(call.loc, center, r->ones), dims);
  Value away = asg::SubOp::create(e.builder, call.loc, r->x, center);
  Value square = asg::MulOp::create(e.builder, call.loc, away, away);
  return finish(e, call, *r,
                meanOf(e, call, *r, square, r->count - DimExpr(*correction)),
                2);
}

/// The larger of two, or the largest along axes.
template <typename Binary, typename Reduce, bool isMax>
Term extreme(Elaborator &e, BuiltinCall &call) {
  Operand x = operand(call, 0), other = operand(call, 1);
  if (other.term.isNone()) {
    if (x.term.is<Term::List>() && !x.term.asList().empty()) {
      Term best = x.term.asList()[0];
      for (const Term &element : x.term.asList()) {
        Term isBetter =
            e.foldCompare(isMax ? ast::BinaryOp::Greater : ast::BinaryOp::Less,
                          {element, x.span}, {best, x.span}, call.span);
        if (isBetter.isPoison())
          return isBetter;
        if (isBetter.as<bool>())
          best = element;
      }
      return best;
    }
    auto r = readReduction(e, call, 2, false);
    if (!r)
      return Term::poison();
    return finish(e, call, *r, reduce<Reduce>(e, call, *r, r->x), 3);
  }
  if (call.isGiven[2])
    return e.fail(Diagnostic(Code::ASG0205, "`" + call.builtin.name +
                                                "` takes a second value or "
                                                "axes, not both")
                      .at(call.spans[2], "axes")
                      .also(call.spans[1], "a second value"));
  if (!x.term.isTensor() && !other.term.isTensor()) {
    // max(seq, 1) is seq: an extent is never below 1.
    if (x.term.isExtent() && other.term.isExtent()) {
      DimExpr difference = x.term.asExtent() - other.term.asExtent();
      if (difference.minimum().value_or(-1) >= 0)
        return isMax ? x.term : other.term;
      if ((DimExpr(0) - difference).minimum().value_or(-1) >= 0)
        return isMax ? other.term : x.term;
    }
    Term isBetter =
        e.foldCompare(isMax ? ast::BinaryOp::Less : ast::BinaryOp::Greater, x,
                      other, call.span);
    if (isBetter.isPoison())
      return isBetter;
    return isBetter.as<bool>() ? other.term : x.term;
  }
  std::vector<Value> values = e.unify({x, other}, call.span, call.loc);
  if (values.empty())
    return Term::poison();
  if (cast<RankedTensorType>(values[0].getType()).getElementType().isInteger(1))
    return e.wrongKind(x, "an argument of `" + call.builtin.name + "`",
                       "a tensor of numbers");
  return e.made(Binary::create(e.builder, call.loc, values[0], values[1]),
                call.span);
}

template <typename Op> Term argExtreme(Elaborator &e, BuiltinCall &call) {
  Operand x = operand(call, 0);
  if (!x.term.isTensor() || x.term.tensorType().getElementType().isInteger(1))
    return e.wrongKind(x, "the argument of `" + call.builtin.name + "`",
                       "a tensor of numbers");
  RankedTensorType type = x.term.tensorType();
  auto axis = e.toAxis(operand(call, 1), type.getRank());
  if (!axis)
    return Term::poison();
  Dims dims;
  for (int64_t i = 0; i < type.getRank(); ++i)
    if (i != *axis)
      dims.push_back(asg::getDim(type, i));
  return e.made(Op::create(e.builder, call.loc,
                           e.tensorType(dims, e.builder.getI64Type()),
                           x.term.tensor(), *axis),
                call.span);
}

/// Sums of all elements up to each one along an axis.
Term cumsum(Elaborator &e, BuiltinCall &call) {
  Value x = readNumbers(e, call, false);
  if (!x)
    return Term::poison();
  auto type = cast<RankedTensorType>(x.getType());
  if (type.getElementType().isInteger(8))
    return e.wrongKind(operand(call, 0), "the argument of `cumsum`",
                       "a tensor of floats, i32 or i64");
  auto axis = e.toAxis(operand(call, 1), type.getRank());
  auto reverse = e.toBool(operand(call, 2), "`reverse`");
  if (!axis || !reverse)
    return Term::poison();
  return e.made(asg::CumsumOp::create(e.builder, call.loc, x, *axis, *reverse),
                call.span);
}

/// h[t] = a[t] · h[t − 1] + b[t]; a and b are repeated to their common shape.
Term linearScan(Elaborator &e, BuiltinCall &call) {
  Operand a = operand(call, 0), b = operand(call, 1);
  if (!a.term.isTensor() && !b.term.isTensor())
    return e.wrongKind(b, "the second argument of `linear_scan`", "a tensor");
  std::vector<Value> values =
      e.unify({a, b}, call.span, call.loc, /*mustBeFloat=*/true);
  if (values.empty())
    return Term::poison();
  auto type = cast<RankedTensorType>(values[0].getType());
  if (!asg::hasFloatElements(type))
    return e.wrongKind(a, "an argument of `linear_scan`",
                       "a tensor of numbers");
  auto axis = e.toAxis(operand(call, 2), type.getRank());
  auto reverse = e.toBool(operand(call, 3), "`reverse`");
  if (!axis || !reverse)
    return Term::poison();
  return e.made(asg::LinearScanOp::create(e.builder, call.loc, values[0],
                                          values[1], *axis, *reverse),
                call.span);
}

/// count(x, axes): how many elements a reduction would join.
Term count(Elaborator &e, BuiltinCall &call) {
  auto r = readReduction(e, call, 1, false);
  return r ? Term::dim(r->count) : Term::poison();
}

Term allAxes(Elaborator &e, BuiltinCall &call) {
  if (!call[0].isTensor())
    return e.wrongKind(operand(call, 0), "the argument of `all_axes`",
                       "a tensor");
  std::vector<Term> axes;
  for (int64_t axis = 0; axis < call[0].tensorType().getRank(); ++axis)
    axes.push_back(Term(axis));
  return Term::list(std::move(axes));
}

} // namespace

void addReductionBuiltins(std::vector<Builtin> &table) {
  using Parameters = std::vector<Builtin::Parameter>;
  Parameters reduction = {
      {"x", {}}, {"axis", Term::none()}, {"keep", Term(false)}};
  Parameters binary = {{"x", {}},
                       {"other", Term::none()},
                       {"axis", Term::none()},
                       {"keep", Term(false)}};
  Parameters moments = reduction;
  moments.push_back({"correction", Term(int64_t(0))});
  table.push_back({"sum", reduction, sum, false, ""});
  table.push_back({"prod", reduction, product, false, ""});
  table.push_back({"mean", reduction, mean, false, ""});
  table.push_back({"variance", moments, variance, false, ""});
  table.push_back(
      {"max", binary, extreme<asg::MaxOp, asg::ReduceMaxOp, true>, false, ""});
  table.push_back(
      {"min", binary, extreme<asg::MinOp, asg::ReduceMinOp, false>, false, ""});
  Parameters along = {{"x", {}}, {"axis", Term(int64_t(-1))}};
  table.push_back({"argmax", along, argExtreme<asg::ArgMaxOp>, false, ""});
  table.push_back({"argmin", along, argExtreme<asg::ArgMinOp>, false, ""});
  Parameters scan = along;
  scan.push_back({"reverse", Term(false)});
  table.push_back({"cumsum", scan, cumsum, false, ""});
  table.push_back({"linear_scan",
                   {{"a", {}},
                    {"b", {}},
                    {"axis", Term(int64_t(-1))},
                    {"reverse", Term(false)}},
                   linearScan,
                   false,
                   ""});
  table.push_back(
      {"count", {{"x", {}}, {"axis", Term::none()}}, count, false, ""});
  table.push_back({"all_axes", {{"x", {}}}, allAxes, false, ""});
}

} // namespace asgc
