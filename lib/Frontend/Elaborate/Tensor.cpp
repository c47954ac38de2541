//===- Tensor.cpp - Builds tensor ops with numpy's rules ------------------===//
#include "Elaborator.h"

#include <algorithm>

using namespace mlir;

namespace asgc {

using ast::BinaryOp;

/// Elements a tensor may have when every dim is at its bound.
static constexpr int64_t kMaxElements = int64_t(1) << 40;

//===----------------------------------------------------------------------===//
// Single ops
//===----------------------------------------------------------------------===//

RankedTensorType Elaborator::tensorType(const Dims &dims, Type element) {
  return asg::getTensorType(builder.getContext(), dims, element);
}

static Dims dimsOf(Value value) {
  auto dims = asg::getDims(cast<RankedTensorType>(value.getType()));
  return {dims.begin(), dims.end()};
}

Value Elaborator::splat(Location loc, RankedTensorType type,
                        const Number &value) {
  return asg::buildSplat(builder, loc, type,
                         toElement(value, type.getElementType()));
}

Value Elaborator::extentTensor(Location loc, const DimExpr &extent,
                               Type element) {
  auto type = RankedTensorType::get({}, element);
  if (auto constant = extent.asConstant())
    return splat(loc, type, *constant);
  if (element.isInteger(1))
    return {};
  return asg::DimOp::create(builder, loc, type, extent.str());
}

Value Elaborator::cast(Location loc, Value x, Type element) {
  auto type = mlir::cast<RankedTensorType>(x.getType());
  if (type.getElementType() == element)
    return x;
  return asg::CastOp::create(builder, loc, asg::withElementType(type, element),
                             x);
}

Value Elaborator::reshape(Location loc, Value x, const Dims &dims) {
  auto type = mlir::cast<RankedTensorType>(x.getType());
  RankedTensorType result = tensorType(dims, type.getElementType());
  if (result == type)
    return x;
  return asg::ReshapeOp::create(builder, loc, result, x);
}

Value Elaborator::transpose(Location loc, Value x,
                            const std::vector<int64_t> &perm) {
  if (std::is_sorted(perm.begin(), perm.end()))
    return x;
  Dims dims = dimsOf(x), result;
  for (int64_t axis : perm)
    result.push_back(dims[axis]);
  auto type = mlir::cast<RankedTensorType>(x.getType());
  return asg::TransposeOp::create(
      builder, loc, tensorType(result, type.getElementType()), x, perm);
}

/// Repeats `x` to `dims`: its axes are the last ones, as in numpy.
Value Elaborator::broadcast(Location loc, Value x, const Dims &dims) {
  auto type = mlir::cast<RankedTensorType>(x.getType());
  RankedTensorType result = tensorType(dims, type.getElementType());
  std::vector<int64_t> axes;
  for (int64_t i = 0; i < type.getRank(); ++i)
    axes.push_back(int64_t(dims.size()) - type.getRank() + i);
  return asg::buildBroadcast(builder, loc, x, result, axes);
}

std::optional<int64_t> Elaborator::atBound(const DimExpr &extent) const {
  return extent.evaluate([&](std::string_view name) -> std::optional<int64_t> {
    auto it = bounds.find(std::string(name));
    if (it == bounds.end())
      return std::nullopt;
    return it->second;
  });
}

bool Elaborator::isWritable(const DimExpr &extent) {
  constexpr size_t kMaxTerms = 64, kMaxText = 1024;
  if (extent.asConstant())
    return true;
  if (extent.numTerms() > kMaxTerms)
    return false;
  std::string text = extent.str();
  return text.size() <= kMaxText && DimExpr::parse(text);
}

std::optional<DimExpr> Elaborator::countElements(const Dims &dims) {
  DimExpr count(1);
  for (const DimExpr &dim : dims) {
    count = count * dim;
    if (count.numTerms() > 256)
      return std::nullopt;
  }
  return count;
}

bool Elaborator::checkShape(const Dims &dims, Span span) {
  if (dims.size() > kMaxRank) {
    report(Diagnostic(Code::ASG0114, "a tensor has at most 8 axes, not " +
                                         std::to_string(dims.size()))
               .at(span, describeDims(dims)));
    return false;
  }
  int64_t count = 1;
  for (const DimExpr &dim : dims) {
    if (!isWritable(dim)) {
      report(Diagnostic(Code::ASG0403, "a run-time extent has too many terms")
                 .at(span));
      return false;
    }
    auto extent = atBound(dim);
    bool isFine =
        extent && *extent >= 0 &&
        !__builtin_mul_overflow(count, std::max<int64_t>(*extent, 1), &count) &&
        count <= kMaxElements;
    if (isFine)
      continue;
    Diagnostic diagnostic(Code::ASG0113,
                          extent && *extent < 0
                              ? "extent " + dim.str() + " is negative"
                              : "a tensor of shape " + describeDims(dims) +
                                    " has too many elements");
    diagnostic.at(span, describeDims(dims))
        .help("at most 2^40 elements, with every run-time dim at its bound");
    report(std::move(diagnostic));
    return false;
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Operands that agree
//===----------------------------------------------------------------------===//

/// Rank of an element type in promotion; 0 for bool.
static int promotionRank(Type type) {
  if (type.isInteger(1))
    return 0;
  if (type.isInteger(8))
    return 1;
  if (type.isInteger(32))
    return 2;
  if (type.isInteger(64))
    return 3;
  if (type.isF16() || type.isBF16())
    return 4;
  return type.isF64() ? 6 : 5;
}

/// The wider of two types; integers give way to floats.
static Type promote(Builder &builder, Type a, Type b) {
  if (promotionRank(a) == promotionRank(b))
    return a == b ? a : builder.getF32Type(); // f16 with bf16
  return promotionRank(a) > promotionRank(b) ? a : b;
}

/// The element type that all operands share. Numbers adapt to the tensors: an
/// int to any, a float to floats; a bool mixes with nothing but bools.
Type Elaborator::commonType(const std::vector<Operand> &operands, Span span,
                            bool mustBeFloat) {
  Type common;
  const Operand *boolean = nullptr, *number = nullptr;
  bool hasFloat = false;
  for (const Operand &operand : operands) {
    hasFloat |= operand.term.is<double>();
    if (operand.term.is<bool>())
      boolean = &operand;
    if (operand.term.isNumber() || operand.term.is<DimExpr>())
      number = &operand;
    if (!operand.term.isTensor())
      continue;
    Type element = operand.term.tensorType().getElementType();
    (element.isInteger(1) ? boolean : number) = &operand;
    common = common ? promote(builder, common, element) : element;
  }
  if (boolean && (number || mustBeFloat)) {
    Diagnostic diagnostic(Code::ASG0104, "a bool is not a number");
    diagnostic.at(boolean->span, describeKind(boolean->term));
    if (number)
      diagnostic.also(number->span, describeKind(number->term));
    if (boolean->term.isTensor())
      diagnostic.fix(
          "make it one", boolean->span,
          "cast(" +
              std::string(diagnostics.getSources().getText(boolean->span)) +
              ", f32)");
    report(std::move(diagnostic));
    return {};
  }
  if (!common)
    common = boolean    ? Type(builder.getI1Type())
             : hasFloat ? Type(builder.getF32Type())
                        : Type(builder.getI64Type());
  bool needsFloat = (hasFloat || mustBeFloat) && !isa<FloatType>(common);
  return needsFloat ? Type(builder.getF32Type()) : common;
}

/// The shape that all operands are repeated to.
std::optional<Dims> Elaborator::commonDims(const std::vector<Operand> &operands,
                                           Span span) {
  Dims common;
  std::vector<const Operand *> owner; // who gave each extent of `common`
  for (const Operand &operand : operands) {
    if (!operand.term.isTensor())
      continue;
    Dims dims = dimsOf(operand.term.tensor());
    if (dims.size() > common.size()) {
      common.insert(common.begin(), dims.size() - common.size(), DimExpr(1));
      owner.insert(owner.begin(), dims.size() - owner.size(), &operand);
    }
    size_t offset = common.size() - dims.size();
    for (size_t i = 0; i < dims.size(); ++i) {
      DimExpr &extent = common[offset + i];
      if (dims[i] == extent || dims[i] == DimExpr(1))
        continue;
      if (extent == DimExpr(1)) {
        extent = dims[i];
        owner[offset + i] = &operand;
        continue;
      }
      reportBroadcast(*owner[offset + i], operand, int64_t(i) - dims.size(),
                      span);
      return std::nullopt;
    }
  }
  return common;
}

void Elaborator::reportBroadcast(const Operand &a, const Operand &b,
                                 int64_t axis, Span span) {
  Dims left = dimsOf(a.term.tensor()), right = dimsOf(b.term.tensor());
  auto extent = [&](const Dims &dims) {
    return dims[dims.size() + axis].str();
  };
  Diagnostic diagnostic(Code::ASG0101,
                        "shapes " + describeDims(left) + " and " +
                            describeDims(right) + " do not fit: axis " +
                            std::to_string(axis) + " is " + extent(left) +
                            " here and " + extent(right) + " there");
  diagnostic.at(span)
      .also(a.span, describeKind(a.term))
      .also(b.span, describeKind(b.term));
  noteOrigin(diagnostic, a);
  noteOrigin(diagnostic, b);
  // A row vector that was meant as a column: [n, m] with [n].
  const Operand &small = left.size() < right.size() ? a : b;
  const Dims &few = left.size() < right.size() ? left : right;
  const Dims &many = left.size() < right.size() ? right : left;
  if (few.size() < many.size() && !few.empty() &&
      std::equal(few.begin(), few.end(), many.begin()))
    diagnostic.fix(
        "to repeat it along the last axes, give it axes of extent 1",
        small.span,
        "unsqueeze(" +
            std::string(diagnostics.getSources().getText(small.span)) +
            ", -1)");
  else
    diagnostic.help(
        "axes are compared from the last; extents must be equal, or "
        "1 to be repeated");
  report(std::move(diagnostic));
}

std::vector<Value> Elaborator::unify(const std::vector<Operand> &operands,
                                     Span span, Location loc,
                                     bool mustBeFloat) {
  for (const Operand &operand : operands) {
    if (operand.term.isPoison())
      return {};
    bool canBe = operand.term.isTensor() || operand.term.isNumber() ||
                 operand.term.is<bool>() || operand.term.is<DimExpr>() ||
                 operand.term.is<Term::List>();
    if (!canBe) {
      wrongKind(operand, quote(operand.span), "a tensor or a number");
      return {};
    }
  }
  std::vector<Operand> tensors = operands;
  for (Operand &operand : tensors)
    if (operand.term.is<Term::List>()) {
      Value value = toTensor(operand, loc);
      if (!value)
        return {};
      operand.term = Term(value, operand.span);
    }
  Type element = commonType(tensors, span, mustBeFloat);
  if (!element)
    return {};
  auto dims = commonDims(tensors, span);
  if (!dims || !checkShape(*dims, span))
    return {};
  std::vector<Value> values;
  for (const Operand &operand : tensors) {
    Value value;
    if (operand.term.isNumber()) {
      // A constant is made in its final shape at once.
      if (!fits(operand, operand.term.asNumber(), element))
        return {};
      value = splat(loc, tensorType(*dims, element), operand.term.asNumber());
    } else {
      value = toTensor(operand, loc, element);
      if (!value)
        return {};
      value = broadcast(loc, cast(loc, value, element), *dims);
    }
    values.push_back(value);
  }
  return values;
}

//===----------------------------------------------------------------------===//
// Operators
//===----------------------------------------------------------------------===//

Term Elaborator::tensorBinary(BinaryOp op, const Operand &lhs,
                              const Operand &rhs, Span opSpan, Frame &frame) {
  Location loc = locate(opSpan, frame);
  if (op == BinaryOp::MatMul)
    return matmul(lhs, rhs, opSpan, loc);
  if (op == BinaryOp::Power)
    return power(lhs, rhs, opSpan, loc);
  if (op == BinaryOp::Except || op == BinaryOp::Range)
    return wrongKind(lhs.term.isTensor() ? lhs : rhs,
                     "an operand of `" + std::string(spelling(op)) + "`",
                     op == BinaryOp::Range ? "an int" : "a list");
  bool isLogic = op == BinaryOp::And || op == BinaryOp::Or;
  // Integers divide to fractions; `//` is the whole quotient.
  std::vector<Value> values =
      unify({lhs, rhs}, opSpan, loc, op == BinaryOp::Divide);
  if (values.empty())
    return Term::poison();
  Value a = values[0], b = values[1];
  auto type = mlir::cast<RankedTensorType>(a.getType());
  bool isBool = type.getElementType().isInteger(1);
  bool isOrder = op >= BinaryOp::Less && op <= BinaryOp::GreaterEqual;
  bool isEquality = op == BinaryOp::Equal || op == BinaryOp::NotEqual;
  if (isBool != isLogic && !isEquality)
    return wrongKind(lhs.term.isTensor() ? lhs : rhs,
                     "an operand of `" + std::string(spelling(op)) + "`",
                     isLogic ? "a tensor of bools" : "a tensor of numbers");
  if (isOrder || isEquality) {
    static constexpr asg::Predicate kPredicates[] = {
        asg::Predicate::eq, asg::Predicate::ne, asg::Predicate::lt,
        asg::Predicate::le, asg::Predicate::gt, asg::Predicate::ge};
    auto predicate = kPredicates[int(op) - int(BinaryOp::Equal)];
    return Term(Value(asg::CompareOp::create(
        builder, loc, asg::withElementType(type, builder.getI1Type()),
        predicate, a, b)));
  }
  bool isFloat = isa<FloatType>(type.getElementType());
  switch (op) {
  case BinaryOp::And:
    return Term(Value(asg::AndOp::create(builder, loc, a, b)));
  case BinaryOp::Or:
    return Term(Value(asg::OrOp::create(builder, loc, a, b)));
  case BinaryOp::Add:
    return Term(Value(asg::AddOp::create(builder, loc, a, b)));
  case BinaryOp::Subtract:
    return Term(Value(asg::SubOp::create(builder, loc, a, b)));
  case BinaryOp::Multiply:
    return Term(Value(asg::MulOp::create(builder, loc, a, b)));
  case BinaryOp::Divide:
    return Term(Value(asg::DivOp::create(builder, loc, a, b)));
  case BinaryOp::Remainder:
    return Term(Value(asg::ModOp::create(builder, loc, a, b)));
  default: { // FloorDivide
    if (isFloat) {
      Value quotient = asg::DivOp::create(builder, loc, a, b);
      return Term(Value(asg::FloorOp::create(builder, loc, quotient)));
    }
    // asg.div rounds towards zero; a - (a mod b) divides exactly.
    Value rest = asg::ModOp::create(builder, loc, a, b);
    Value whole = asg::SubOp::create(builder, loc, a, rest);
    return Term(Value(asg::DivOp::create(builder, loc, whole, b)));
  }
  }
}

/// x ^ n: small whole and half powers without asg.pow, which is slow and has no
/// derivative at zero.
Term Elaborator::power(const Operand &base, const Operand &exponent,
                       Span opSpan, Location loc) {
  if (exponent.term.isNumber() && base.term.isTensor() &&
      isa<FloatType>(base.term.tensorType().getElementType())) {
    Value x = base.term.tensor();
    double n = exponent.term.asDouble();
    auto multiply = [&](Value a, Value b) -> Value {
      return asg::MulOp::create(builder, loc, a, b);
    };
    if (n == 1)
      return Term(x);
    if (n == 2)
      return Term(multiply(x, x));
    if (n == 3)
      return Term(multiply(multiply(x, x), x));
    if (n == 4) {
      Value square = multiply(x, x);
      return Term(multiply(square, square));
    }
    if (n == 0.5)
      return Term(Value(asg::SqrtOp::create(builder, loc, x)));
    if (n == -0.5)
      return Term(Value(asg::RsqrtOp::create(builder, loc, x)));
    if (n == -1) {
      Value one = splat(loc, mlir::cast<RankedTensorType>(x.getType()), 1.0);
      return Term(Value(asg::DivOp::create(builder, loc, one, x)));
    }
  }
  std::vector<Value> values =
      unify({base, exponent}, opSpan, loc, /*mustBeFloat=*/true);
  if (values.empty())
    return Term::poison();
  return Term(Value(asg::PowOp::create(builder, loc, values[0], values[1])));
}

} // namespace asgc
