//===- Form.cpp - Indices as linear forms over an iteration space ---------===//
#include "Form.h"

#include "llvm/ADT/STLExtras.h"

namespace asgc::planner {

Form Form::constant(size_t rank, const DimExpr &value) {
  Form form;
  form.coefs.resize(rank);
  form.offset = value;
  return form;
}

Form Form::dim(size_t rank, size_t dim) {
  Form form = constant(rank, DimExpr(0));
  form.coefs[dim] = DimExpr(1);
  return form;
}

Form Form::computed(size_t rank, mlir::Value value) {
  Form form = constant(rank, DimExpr(0));
  form.terms.push_back({value, DimExpr(1)});
  return form;
}

Form &Form::operator+=(const Form &other) {
  for (auto [coef, added] : llvm::zip(coefs, other.coefs))
    coef = coef + added;
  for (const auto &[value, coef] : other.terms) {
    auto it = llvm::find_if(
        terms, [&](const auto &term) { return term.first == value; });
    if (it == terms.end())
      terms.push_back({value, coef});
    else
      it->second = it->second + coef;
  }
  offset = offset + other.offset;
  return *this;
}

Form Form::operator*(const DimExpr &factor) const {
  Form result = *this;
  for (DimExpr &coef : result.coefs)
    coef = coef * factor;
  for (auto &[value, coef] : result.terms)
    coef = coef * factor;
  result.offset = offset * factor;
  if (factor == DimExpr(0))
    result.terms.clear();
  return result;
}

bool Form::isUniform() const {
  return terms.empty() && llvm::all_of(coefs, [](const DimExpr &coef) {
           return coef == DimExpr(0);
         });
}

Form dot(llvm::ArrayRef<Form> index, llvm::ArrayRef<DimExpr> factors,
         const DimExpr &offset, size_t rank) {
  Form sum = Form::constant(rank, offset);
  for (auto [form, factor] : llvm::zip(index, factors))
    sum += form * factor;
  return sum;
}

llvm::SmallVector<DimExpr> getRowMajorStrides(llvm::ArrayRef<DimExpr> extents) {
  llvm::SmallVector<DimExpr> strides(extents.size());
  DimExpr stride(1);
  for (size_t axis = extents.size(); axis-- > 0;) {
    strides[axis] = stride;
    stride = stride * extents[axis];
  }
  return strides;
}

DimExpr multiply(llvm::ArrayRef<DimExpr> extents) {
  DimExpr product(1);
  for (const DimExpr &extent : extents)
    product = product * extent;
  return product;
}

llvm::SmallVector<AxisGroup> groupAxes(llvm::ArrayRef<DimExpr> from,
                                       llvm::ArrayRef<DimExpr> to) {
  // A cut after axes [0, i) and [0, j) is one where the products agree.
  llvm::SmallVector<AxisGroup> groups;
  size_t i = 0, j = 0;
  while (i < from.size() || j < to.size()) {
    AxisGroup group{i, from.size(), j, to.size()};
    // The smallest group: the first pair of ends, by number of axes, that
    // match.
    DimExpr fromProduct(1);
    bool isFound = false;
    for (size_t fromEnd = i; fromEnd <= from.size() && !isFound; ++fromEnd) {
      if (fromEnd > i)
        fromProduct = fromProduct * from[fromEnd - 1];
      DimExpr toProduct(1);
      for (size_t toEnd = j; toEnd <= to.size() && !isFound; ++toEnd) {
        if (toEnd > j)
          toProduct = toProduct * to[toEnd - 1];
        // An empty side may only face axes of extent 1.
        if ((fromEnd > i || toEnd > j) && fromProduct == toProduct) {
          group = {i, fromEnd, j, toEnd};
          isFound = true;
        }
      }
    }
    groups.push_back(group);
    i = group.fromEnd;
    j = group.toEnd;
  }
  return groups;
}

} // namespace asgc::planner
