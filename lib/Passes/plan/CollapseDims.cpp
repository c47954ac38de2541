//===- CollapseDims.cpp - Fewer, longer dims for a kernel -----------------===//
#include "CollapseDims.h"

using namespace mlir;

namespace asgc::planner {

CollapsedDims::CollapsedDims(ArrayRef<DimExpr> extents, ArrayRef<int64_t> order)
    : original(extents), order(order), joined(extents.size()) {}

void CollapsedDims::require(const Form &form) {
  if (!llvm::is_contained(forms, form))
    forms.push_back(form);
}

void CollapsedDims::requireSet(ArrayRef<int64_t> dims) {
  set.assign(dims.begin(), dims.end());
}

bool CollapsedDims::canJoin(size_t outer, size_t inner) const {
  if (llvm::is_contained(set, static_cast<int64_t>(outer)) !=
      llvm::is_contained(set, static_cast<int64_t>(inner)))
    return false;
  return llvm::all_of(forms, [&](const Form &form) {
    return form.coefs[outer] == form.coefs[inner] * original[inner];
  });
}

void CollapsedDims::collapse() {
  for (int64_t dim : order) {
    // Against the innermost dim joined so far: d_outer · extent + d_inner.
    if (!inners.empty() && canJoin(inners.back(), dim)) {
      inners.back() = dim;
      extents.back() = extents.back() * original[dim];
    } else {
      inners.push_back(dim);
      extents.push_back(original[dim]);
    }
    joined[dim] = inners.size() - 1;
  }
}

plan::Access CollapsedDims::map(const Form &form) const {
  plan::Access access;
  for (size_t inner : inners)
    access.strides.push_back(form.coefs[inner]);
  access.offset = form.offset;
  return access;
}

SmallVector<int64_t> CollapsedDims::map(ArrayRef<int64_t> dims) const {
  SmallVector<int64_t> result;
  for (int64_t dim : dims)
    result.push_back(joined[dim]);
  llvm::sort(result);
  result.erase(llvm::unique(result), result.end());
  return result;
}

Value CollapsedDims::replace(const KernelBody::Placeholder &placeholder) const {
  // Behind the placeholder, and behind the values that the form adds up.
  Operation *behind = placeholder.op;
  for (const auto &[value, factor] : placeholder.form.terms)
    if (Operation *def = value.getDefiningOp();
        def && behind->isBeforeInBlock(def))
      behind = def;
  OpBuilder b(placeholder.op->getContext());
  b.setInsertionPointAfter(behind);
  Location loc = placeholder.op->getLoc();
  Type i64 = b.getI64Type();
  Value sum;
  auto number = [&](const DimExpr &value) -> Value {
    if (auto constant = value.asConstant())
      return arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(*constant));
    return plan::ExtentOp::create(b, loc, i64, value.str());
  };
  auto add = [&](Value value) {
    sum = sum ? arith::AddIOp::create(b, loc, sum, value).getResult() : value;
  };
  auto addTimes = [&](Value value, const DimExpr &factor) {
    add(factor == DimExpr(1)
            ? value
            : arith::MulIOp::create(b, loc, value, number(factor)).getResult());
  };
  for (auto [dim, inner] : llvm::enumerate(inners))
    if (placeholder.form.varies(inner))
      addTimes(plan::IndexOp::create(b, loc, i64, dim),
               placeholder.form.coefs[inner]);
  for (const auto &[value, factor] : placeholder.form.terms)
    addTimes(value, factor);
  if (!(placeholder.form.offset == DimExpr(0)) || !sum)
    add(number(placeholder.form.offset));
  placeholder.op->getResult(0).replaceAllUsesWith(sum);
  placeholder.op->erase();
  return sum;
}

} // namespace asgc::planner
