//===- TinyMatmul.cpp - Products too small for a call ---------------------===//
#include "Form.h"
#include "SelectKernels.h"

using namespace mlir;

namespace asgc::planner {

namespace {
Type getElementType(Value buffer) {
  return cast<plan::BufferType>(buffer.getType())
      .getTensor()
      .getElementType();
}

/// The access of an operand whose matrix has `axes` of (m, n, k), in the space
/// (batch…, m, n, k) without dims of extent 1.
plan::Access getAccess(ArrayAttr strides, std::array<int, 2> axes,
                       Attribute offset, ArrayRef<DimExpr> extents) {
  SmallVector<DimExpr> all = plan::readExtents(strides);
  size_t batchRank = all.size() - 2;
  std::array<DimExpr, 3> matrix;
  matrix[axes[0]] = all[batchRank];
  matrix[axes[1]] = all[batchRank + 1];
  all.truncate(batchRank);
  all.append(matrix.begin(), matrix.end());
  plan::Access access;
  for (auto [stride, extent] : llvm::zip_equal(all, extents))
    if (!(extent == kOne))
      access.strides.push_back(stride);
  access.offset = *plan::readExtent(offset);
  return access;
}

Value multiplyAndSum(OpBuilder &builder, Location loc, Value a, Value b,
                     int64_t sumDim) {
  bool isFloat = isa<FloatType>(a.getType());
  Value product = isFloat
                      ? arith::MulFOp::create(builder, loc, a, b).getResult()
                      : arith::MulIOp::create(builder, loc, a, b).getResult();
  if (sumDim < 0)
    return product;
  return plan::ReduceOp::create(builder, loc, a.getType(),
                                plan::ReduceKind::add, product, sumDim);
}
} // namespace

bool makeKernelOfTinyMatmul(plan::ProgramOp program, plan::MatmulOp matmul) {
  // A call costs about as much as this many steps of a kernel.
  constexpr int64_t kFewSteps = 1024;
  Type element = getElementType(matmul.getC());
  if (matmul.getBias() || matmul.getResidual() ||
      matmul.getActivation() != plan::Activation::none ||
      getElementType(matmul.getA()) != element)
    return false;
  SmallVector<DimExpr> extents = plan::readExtents(matmul.getBatch());
  extents.append(plan::readExtents(matmul.getSizes()));
  // Without a sum any size is a map; with one, a row per result.
  bool hasSum = !(extents.back() == kOne);
  int64_t steps = 1;
  for (const DimExpr &extent : extents)
    if (__builtin_mul_overflow(steps, evaluateAtBounds(program, extent), &steps))
      return false;
  if (hasSum && steps > kFewSteps)
    return false;

  OpBuilder builder(matmul);
  Location loc = matmul.getLoc();
  SmallVector<DimExpr> space;
  for (const DimExpr &extent : extents)
    if (!(extent == kOne))
      space.push_back(extent);
  auto access = [&](ArrayAttr strides, std::array<int, 2> axes, int offset) {
    return plan::getAccessAttr(
        builder.getContext(),
        getAccess(strides, axes, matmul.getOffsets()[offset], extents));
  };
  plan::Access c = getAccess(matmul.getCStrides(), {0, 1},
                             matmul.getOffsets()[2], extents);
  auto kernel = plan::KernelOp::create(
      builder, loc, matmul.getName(),
      hasSum ? plan::KernelKind::row : plan::KernelKind::map,
      plan::getExtentsAttr(builder.getContext(), space),
      builder.getArrayAttr({access(matmul.getAStrides(), {0, 2}, 0),
                            access(matmul.getBStrides(), {2, 1}, 1)}),
      builder.getArrayAttr(plan::getAccessAttr(builder.getContext(), c)),
      ValueRange{matmul.getA(), matmul.getB()}, matmul.getC(),
      /*workspace=*/Value());
  Block &body = kernel.getBody().emplaceBlock();
  Type type = plan::getBodyType(element);
  Value a = body.addArgument(type, loc), b = body.addArgument(type, loc);
  OpBuilder inner = OpBuilder::atBlockEnd(&body);
  Value sum = multiplyAndSum(inner, loc, a, b,
                             hasSum ? kernel.getSpaceRank() - 1 : -1);
  plan::YieldOp::create(inner, loc, sum);
  matmul.erase();
  return true;
}

} // namespace asgc::planner
