//===- MatMul.cpp - The operator @ ----------------------------------------===//
#include "Elaborator.h"

#include <algorithm>
#include <numeric>

using namespace mlir;

namespace asgc {

static Dims dimsOf(const Operand &operand) {
  auto dims = asg::getDims(operand.term.tensorType());
  return {dims.begin(), dims.end()};
}

/// `x @ w` where the extents that are summed differ.
static Term reportInner(Elaborator &e, const Operand &lhs, const Operand &rhs,
                        const DimExpr &columns, const DimExpr &rows,
                        Span opSpan) {
  Diagnostic diagnostic(Code::ASG0107,
                        "inner extents of the matrix product differ: " +
                            columns.str() + " and " + rows.str());
  diagnostic
      .at(opSpan, columns.str() + " columns on the left, " + rows.str() +
                      " rows on the right")
      .also(lhs.span, describeKind(lhs.term))
      .also(rhs.span, describeKind(rhs.term));
  e.noteOrigin(diagnostic, lhs);
  e.noteOrigin(diagnostic, rhs);
  Dims left = dimsOf(lhs), right = dimsOf(rhs);
  auto transposed = [&](const Operand &x) {
    std::string text(e.diagnostics.getSources().getText(x.span));
    return text + ".T";
  };
  if (right.size() >= 2 && right.back() == columns)
    diagnostic.fix("transposed, the right side fits", rhs.span,
                   transposed(rhs));
  else if (left.size() >= 2 && left[left.size() - 2] == rows)
    diagnostic.fix("transposed, the left side fits", lhs.span, transposed(lhs));
  else
    diagnostic.help("make both " + columns.str() + " or both " + rows.str());
  return e.fail(std::move(diagnostic));
}

/// The product over the last two axes; the axes before them are repeated to
/// each other. A matrix on the right of a larger tensor needs no repetition:
/// the left side's rows are all the axes but its last.
Term Elaborator::matmul(const Operand &lhs, const Operand &rhs, Span opSpan,
                        Location loc) {
  for (const Operand *operand : {&lhs, &rhs}) {
    if (!operand->term.isTensor())
      return wrongKind(*operand, "an operand of `@`", "a tensor");
    if (operand->term.tensorType().getRank() == 0)
      return fail(Diagnostic(Code::ASG0103, "`@` takes no scalar")
                      .at(operand->span, describeKind(operand->term))
                      .help("`*` multiplies by a scalar"));
  }
  Type element = commonType({lhs, rhs}, opSpan, false);
  if (!element)
    return Term::poison();
  if (element.isInteger(1))
    return wrongKind(lhs, "an operand of `@`", "a tensor of numbers");
  Value a = cast(loc, lhs.term.tensor(), element);
  Value b = cast(loc, rhs.term.tensor(), element);
  Dims left = dimsOf(lhs), right = dimsOf(rhs);
  const DimExpr &columns = left.back();
  const DimExpr &rows = right.size() == 1 ? right[0] : right[right.size() - 2];
  if (columns != rows)
    return reportInner(*this, lhs, rhs, columns, rows, opSpan);

  int64_t leftRank = left.size(), rightRank = right.size();
  std::vector<int64_t> batch;
  Dims result;
  if (rightRank <= 2) {
    result.assign(left.begin(), left.end() - 1);
    if (rightRank == 2)
      result.push_back(right[1]);
  } else {
    // Repeat the axes before the matrices to their common extents.
    auto common = commonBatch(lhs, rhs, opSpan);
    if (!common)
      return Term::poison();
    Dims fullLeft = *common, fullRight = *common;
    if (leftRank >= 2)
      fullLeft.push_back(left[leftRank - 2]);
    fullLeft.push_back(columns);
    fullRight.insert(fullRight.end(), right.end() - 2, right.end());
    if (!checkShape(fullLeft, opSpan) || !checkShape(fullRight, opSpan))
      return Term::poison();
    a = broadcast(loc, a, fullLeft);
    b = broadcast(loc, b, fullRight);
    leftRank = fullLeft.size();
    rightRank = fullRight.size();
    batch.resize(common->size());
    std::iota(batch.begin(), batch.end(), 0);
    result = *common;
    if (left.size() >= 2)
      result.push_back(left[left.size() - 2]);
    result.push_back(right.back());
  }
  if (!checkShape(result, opSpan))
    return Term::poison();
  int64_t leftAxis = leftRank - 1;
  int64_t rightAxis = rightRank == 1 ? 0 : rightRank - 2;
  Type resultElement =
      element.isInteger(8) ? Type(builder.getI32Type()) : element;
  return made(asg::DotOp::create(builder, loc,
                                 tensorType(result, resultElement), a, b, batch,
                                 batch, ArrayRef<int64_t>(leftAxis),
                                 ArrayRef<int64_t>(rightAxis)),
              opSpan);
}

/// The common extents of the axes before the last two.
std::optional<Dims> Elaborator::commonBatch(const Operand &lhs,
                                            const Operand &rhs, Span opSpan) {
  Dims common, left = dimsOf(lhs), right = dimsOf(rhs);
  left.resize(left.size() < 2 ? 0 : left.size() - 2);
  right.resize(right.size() - 2);
  size_t rank = std::max(left.size(), right.size());
  for (size_t i = 0; i < rank; ++i) {
    auto at = [&](const Dims &dims) {
      size_t missing = rank - dims.size();
      return i < missing ? DimExpr(1) : dims[i - missing];
    };
    DimExpr a = at(left), b = at(right);
    if (a != b && a != DimExpr(1) && b != DimExpr(1)) {
      reportBroadcast(lhs, rhs, int64_t(i) - int64_t(rank) - 2, opSpan);
      return std::nullopt;
    }
    common.push_back(a == DimExpr(1) ? b : a);
  }
  return common;
}

} // namespace asgc
