//===- PlanBody.h - What the values of a kernel's body depend on ----------===//
#ifndef ASGC_DIALECTS_PLAN_PLANBODY_H
#define ASGC_DIALECTS_PLAN_PLANBODY_H

#include "dialects/plan/Plan.h"

#include "llvm/ADT/DenseMap.h"

namespace asgc::plan {

/// Spaces of more dims than this are refused.
constexpr int64_t kMaxSpaceRank = 32;

/// A set of dims of a space.
struct DimSet {
  uint32_t bits = 0;

  bool contains(int64_t dim) const { return bits >> dim & 1; }
  void insert(int64_t dim) { bits |= 1u << dim; }
  void erase(int64_t dim) { bits &= ~(1u << dim); }
};

struct ValueFacts {
  DimSet varies; // dims along which the value may differ from point to point
  bool dependsOnReduce = false;
};

/// Facts about each value of a body, found while the body is verified.
class BodyFacts {
public:
  /// Checks that `body` holds nothing but the ops a body may have and ends in
  /// plan.yield; `arguments` are the facts of its arguments. Emits the error.
  mlir::LogicalResult analyze(mlir::Operation *step, mlir::Block &body,
                              llvm::ArrayRef<ValueFacts> arguments,
                              int64_t spaceRank);

  const ValueFacts &of(mlir::Value value) const {
    return facts.find(value)->second;
  }

  llvm::SmallVector<ReduceOp> reduces; // in order

private:
  mlir::LogicalResult analyzeOp(mlir::Operation *op, int64_t spaceRank);

  llvm::DenseMap<mlir::Value, ValueFacts> facts; // looked up, never iterated
};

} // namespace asgc::plan

#endif
