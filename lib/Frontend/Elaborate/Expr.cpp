//===- Expr.cpp - Evaluates expressions -----------------------------------===//
#include "Elaborator.h"

#include <cmath>
#include <limits>
#include <numbers>

using namespace mlir;

namespace asgc {

using ast::BinaryOp;
using ast::Expr;

/// Evaluations within each other, over all calls; bounds the stack.
static constexpr unsigned kMaxEvalDepth = 1500;

std::optional<std::string> Elaborator::evalString(const Expr &expr,
                                                  Frame &frame) {
  if (expr.kind == Expr::Kind::Name)
    return expr.text;
  constexpr size_t kMaxString = 1 << 16;
  std::string result;
  for (const ast::StringPart &part : expr.parts) {
    if (part.value) {
      Term value = eval(*part.value, frame);
      if (value.isPoison())
        return std::nullopt;
      result += describeValue(value);
    } else {
      result += part.text;
    }
    if (result.size() > kMaxString) {
      report(Diagnostic(Code::ASG0403, "string is longer than 65536 bytes")
                 .at(expr.span));
      return std::nullopt;
    }
  }
  return result;
}

/// Constants that any text may name.
static std::optional<Term> findConstant(const std::string &name) {
  if (name == "pi")
    return Term(std::numbers::pi);
  if (name == "inf")
    return Term(std::numeric_limits<double>::infinity());
  if (name == "nan")
    return Term(std::numeric_limits<double>::quiet_NaN());
  return std::nullopt;
}

std::optional<Term> Elaborator::lookup(const std::string &name, Frame &frame) {
  if (auto it = frame.names.find(name); it != frame.names.end())
    return it->second;
  if (auto it = frame.dims.find(name); it != frame.dims.end()) {
    Term term = Term::dim(it->second.extent);
    term.origin = it->second.argument;
    return term;
  }
  if (auto constant = findConstant(name))
    return constant;
  if (name == "training")
    return Term(graph && graph->isTraining);
  if (name == "step" && graph)
    return Term(step());
  if (auto type = findDType(name))
    return Term(*type);
  if (const ast::Item *item = findItem(name, frame)) {
    BlockRef ref;
    ref.item = item;
    return Term(Term::Block(std::make_shared<const BlockRef>(ref)));
  }
  if (const Builtin *builtin = findBuiltin(name)) {
    BlockRef ref;
    ref.builtin = builtin;
    return Term(Term::Block(std::make_shared<const BlockRef>(ref)));
  }
  return std::nullopt;
}

Term Elaborator::unknownName(const Expr &expr, Frame &frame) {
  std::vector<std::string> candidates;
  for (const auto &[name, value] : frame.names)
    candidates.push_back(name);
  for (const auto &[name, value] : frame.dims)
    candidates.push_back(name);
  for (const ast::Item *item : library.getItems())
    candidates.push_back(item->name.text);
  candidates.insert(candidates.end(), getBuiltinNames().begin(),
                    getBuiltinNames().end());
  candidates.insert(candidates.end(), {"training", "step", "pi", "inf"});
  Diagnostic diagnostic(Code::ASG0201, "nothing is called `" + expr.text + "`");
  diagnostic.at(expr.span, "unknown name");
  if (auto nearest = findNearest(expr.text, candidates))
    diagnostic.fix("did you mean `" + *nearest + "`?", expr.span, *nearest);
  else
    diagnostic.help("give it a value before: `" + expr.text + " = …`");
  return fail(std::move(diagnostic));
}

Term Elaborator::eval(const Expr &expr, Frame &frame) {
  DepthGuard guard(depth);
  if (depth > kMaxEvalDepth)
    return fail(
        Diagnostic(Code::ASG0401, "blocks and expressions nest too deep")
            .at(expr.span, "here")
            .help("look for a block that calls itself without end"));
  if (!spend(expr.span))
    return Term::poison();
  switch (expr.kind) {
  case Expr::Kind::Name: {
    auto value = lookup(expr.text, frame);
    return value ? *value : unknownName(expr, frame);
  }
  case Expr::Kind::Number:
    return expr.isFloat ? Term(expr.floatValue, expr.span)
                        : Term(expr.intValue, expr.span);
  case Expr::Kind::Quantity: {
    const Expr &number = expr.operand(0);
    if (number.isFloat)
      return wrongKind({Term(number.floatValue), number.span},
                       "a number of " + expr.text, "an int");
    std::string unit = expr.text;
    if (unit.back() == 's')
      unit.pop_back();
    return Term(Quantity{number.intValue, unit}, expr.span);
  }
  case Expr::Kind::String: {
    auto text = evalString(expr, frame);
    return text ? Term(*text, expr.span) : Term::poison();
  }
  case Expr::Kind::Bool:
    return Term(expr.boolValue, expr.span);
  case Expr::Kind::None:
    return Term(Term::None(), expr.span);
  case Expr::Kind::List: {
    std::vector<Term> elements;
    bool isPoison = false;
    for (const ast::ExprPtr &operand : expr.operands) {
      elements.push_back(eval(*operand, frame));
      isPoison |= elements.back().isPoison();
    }
    if (isPoison)
      return Term::poison();
    Term result = Term::list(std::move(elements));
    result.origin = expr.span;
    return checkSize(result, expr.span) ? result : Term::poison();
  }
  case Expr::Kind::Unary: {
    Operand operand{eval(expr.operand(0), frame), expr.operand(0).span};
    return expr.unaryOp == ast::UnaryOp::Negate
               ? negate(operand, expr.span, frame)
               : invert(operand, expr.span, frame);
  }
  case Expr::Kind::Binary:
    return evalBinaryExpr(expr, frame);
  case Expr::Kind::Conditional: {
    Operand condition{eval(expr.operand(0), frame), expr.operand(0).span};
    if (condition.term.isTensor())
      return fail(
          Diagnostic(Code::ASG0302, "a tensor cannot choose between values")
              .at(condition.span, describeKind(condition.term))
              .help("`where(condition, a, b)` chooses element by element"));
    auto isTrue = toBool(condition, "the condition");
    if (!isTrue)
      return Term::poison();
    return eval(expr.operand(*isTrue ? 1 : 2), frame);
  }
  case Expr::Kind::IsNone: {
    Term value = eval(expr.operand(0), frame);
    if (value.isPoison())
      return value;
    return Term(value.isNone() != expr.boolValue, expr.span);
  }
  case Expr::Kind::Call:
  case Expr::Kind::Instance:
    return evalCall(expr, frame);
  case Expr::Kind::Index:
    return evalIndex(expr, frame);
  case Expr::Kind::Member:
    return evalMember(expr, frame);
  }
  return Term::poison();
}

Term Elaborator::evalBinaryExpr(const Expr &expr, Frame &frame) {
  Operand lhs{eval(expr.operand(0), frame), expr.operand(0).span};
  if (expr.binaryOp == BinaryOp::Pipe) {
    GivenArgument piped{{}, lhs.term, lhs.span};
    return evalStage(expr.operand(1), piped, frame);
  }
  bool isLogic =
      expr.binaryOp == BinaryOp::And || expr.binaryOp == BinaryOp::Or;
  // The right side of `and` and `or` counts only if the left leaves it open.
  if (isLogic && lhs.term.is<bool>() &&
      lhs.term.as<bool>() == (expr.binaryOp == BinaryOp::Or))
    return Term(lhs.term.as<bool>(), expr.span);
  Operand rhs{eval(expr.operand(1), frame), expr.operand(1).span};
  Term result = evalBinary(expr.binaryOp, lhs, rhs, expr.opSpan, frame);
  if (!result.isPoison())
    result.origin = expr.span;
  return result;
}

Term Elaborator::evalBinary(BinaryOp op, const Operand &lhs, const Operand &rhs,
                            Span opSpan, Frame &frame) {
  if (lhs.term.isPoison() || rhs.term.isPoison())
    return Term::poison();
  for (const Operand *operand : {&lhs, &rhs})
    if (operand->term.is<Hole>())
      return unknownInput(*operand);
  if (lhs.term.isTensor() || rhs.term.isTensor())
    return tensorBinary(op, lhs, rhs, opSpan, frame);
  return foldBinary(op, lhs, rhs, opSpan);
}

/// The type of a recipe's input follows only from a block it is passed to.
Term Elaborator::unknownInput(const Operand &operand) {
  const std::string &name = operand.term.as<Hole>().name;
  return fail(Diagnostic(Code::ASG0505,
                         "the type of input `" + name + "` is not known here")
                  .at(operand.span, "used here")
                  .help("declare it in the recipe, such as `" + name +
                        ": i64[batch]`"));
}

Term Elaborator::negate(const Operand &x, Span span, Frame &frame) {
  if (x.term.isPoison())
    return x.term;
  if (x.term.is<double>())
    return Term(-x.term.as<double>(), span);
  if (x.term.isTensor()) {
    Type element = x.term.tensorType().getElementType();
    if (!element.isInteger(1))
      return made(
          asg::NegOp::create(builder, locate(span, frame), x.term.tensor()),
          span);
  } else if (x.term.isExtent()) {
    return foldBinary(BinaryOp::Subtract, {Term(int64_t(0)), x.span}, x, span);
  }
  return wrongKind(x, "the operand of `-`", "a number or a tensor of numbers");
}

Term Elaborator::invert(const Operand &x, Span span, Frame &frame) {
  if (x.term.isPoison())
    return x.term;
  if (x.term.is<bool>())
    return Term(!x.term.as<bool>(), span);
  if (x.term.isTensor() && x.term.tensorType().getElementType().isInteger(1))
    return made(
        asg::NotOp::create(builder, locate(span, frame), x.term.tensor()),
        span);
  return wrongKind(x, "the operand of `not`", "a bool");
}

} // namespace asgc
