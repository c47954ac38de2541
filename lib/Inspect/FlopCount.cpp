//===- FlopCount.cpp - How much a step of the plan computes ---------------===//
#include "DumpParts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace asgc;

namespace {

DimExpr product(ArrayRef<DimExpr> factors) {
  DimExpr result(1);
  for (const DimExpr &factor : factors)
    result = result * factor;
  return result;
}

DimExpr elementsOf(Value buffer) {
  return asg::getNumElements(
      cast<plan::BufferType>(buffer.getType()).getTensor());
}

/// A product and a sum for each of m · n · k.
DimExpr countOf(plan::MatmulOp matmul) {
  return DimExpr(2) * product(plan::readExtents(matmul.getBatch())) *
         product(plan::readExtents(matmul.getSizes()));
}

/// Two products of queries and keys, or five for the gradient, of which two are
/// as deep as the values; with `causal` of half of the pairs.
DimExpr countOf(plan::AttentionOp attention) {
  SmallVector<DimExpr> sizes = plan::readExtents(attention.getSizes());
  DimExpr pairs =
      product(plan::readExtents(attention.getBatch())) * sizes[0] * sizes[1];
  DimExpr macs = attention.getBackward()
                     ? DimExpr(3) * sizes[2] + DimExpr(2) * sizes[3]
                     : sizes[2] + sizes[3];
  return attention.getCausal() ? pairs * macs : DimExpr(2) * pairs * macs;
}

/// A sum for each element, and a product where there are coefficients.
DimExpr countOf(plan::ScanOp scan) {
  auto type = cast<plan::BufferType>(scan.getX().getType()).getTensor();
  if (!isa<FloatType>(type.getElementType()))
    return DimExpr(0);
  return DimExpr(scan.getCoefficients() ? 2 : 1) * elementsOf(scan.getX());
}

/// A product and a sum for each element of y [n, o, oh, ow] and each that the
/// kernel [o, c / groups, kh, kw] reaches; padding counts.
DimExpr countOf(plan::Conv2dOp conv) {
  bool isForward = conv.getKind() == plan::ConvKind::forward;
  bool isWeights = conv.getKind() == plan::ConvKind::weight_grad;
  Value y = isForward   ? conv.getOut()
            : isWeights ? conv.getIn1()
                        : conv.getIn0();
  Value w = isWeights ? conv.getOut() : conv.getIn1();
  int64_t reached = 1;
  auto kernel = cast<plan::BufferType>(w.getType()).getTensor().getShape();
  for (int64_t extent : kernel.drop_front())
    reached *= extent;
  return DimExpr(2 * reached) * elementsOf(y);
}

/// Whether `op` is one operation on floats; functions such as exp are one.
bool isFloatWork(Operation &op) {
  if (isa<plan::ReduceOp>(op))
    return isa<FloatType>(op.getResult(0).getType());
  if (isa<arith::ConstantOp, arith::SelectOp, arith::BitcastOp>(op))
    return false;
  StringRef dialect = op.getDialect()->getNamespace();
  return (dialect == "arith" || dialect == "math") &&
         llvm::any_of(op.getOperandTypes(), llvm::IsaPred<FloatType>);
}

/// The work of a body at a point. What depends on reductions alone is done once
/// for all points along them, and not counted.
int64_t countPerPoint(Block &body) {
  llvm::DenseSet<Value> isShared;
  int64_t count = 0;
  for (Operation &op : body.without_terminator()) {
    auto operands = op.getOperands();
    bool isAll =
        isa<plan::ReduceOp>(op) || llvm::all_of(operands, [&](Value operand) {
          return isShared.contains(operand);
        });
    if (isAll && !isa<plan::IndexOp>(op))
      isShared.insert(op.result_begin(), op.result_end());
    if (isFloatWork(op) && (!isAll || isa<plan::ReduceOp>(op)))
      ++count;
  }
  return count;
}

DimExpr pointsOf(Operation *step) {
  if (auto kernel = dyn_cast<plan::KernelOp>(step))
    return product(plan::readExtents(kernel.getSpace()));
  DimExpr sum(0);
  for (const DimExpr &extent :
       plan::readExtents(cast<plan::UpdateOp>(step).getExtents()))
    sum = sum + extent;
  return sum;
}

} // namespace

DimExpr asgc::countFlop(Operation *step) {
  if (auto matmul = dyn_cast<plan::MatmulOp>(step))
    return countOf(matmul);
  if (auto conv = dyn_cast<plan::Conv2dOp>(step))
    return countOf(conv);
  if (auto attention = dyn_cast<plan::AttentionOp>(step))
    return countOf(attention);
  if (isa<plan::KernelOp, plan::UpdateOp>(step))
    return DimExpr(countPerPoint(step->getRegion(0).front())) * pointsOf(step);
  if (auto scan = dyn_cast<plan::ScanOp>(step))
    return countOf(scan);
  return DimExpr(0); // calls that move elements, or add a few
}
