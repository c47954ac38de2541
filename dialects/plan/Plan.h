//===- Plan.h - The plan dialect ------------------------------------------===//
#ifndef ASGC_DIALECTS_PLAN_PLAN_H
#define ASGC_DIALECTS_PLAN_PLAN_H

#include "asgc/DimExpr.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace asgc::plan {

/// Where an operand of a kernel lies: at the point (d0, d1, …) of the space it
/// is element `offset` + Σ `strides[i]` · di of its buffer.
struct Access {
  llvm::SmallVector<DimExpr> strides;
  DimExpr offset;

  bool operator==(const Access &) const = default;
};

} // namespace asgc::plan

#include "dialects/plan/PlanDialect.h.inc"
#include "dialects/plan/PlanEnums.h.inc"
#include "dialects/plan/PlanInterfaces.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/plan/PlanTypes.h.inc"
#define GET_OP_CLASSES
#include "dialects/plan/PlanOps.h.inc"

namespace asgc::plan {

/// An extent, stride or offset as it stands in IR: a number or, when it is
/// known only at run time, the canonical text of a DimExpr.
mlir::Attribute getExtentAttr(mlir::MLIRContext *context,
                              const DimExpr &extent);
mlir::ArrayAttr getExtentsAttr(mlir::MLIRContext *context,
                               llvm::ArrayRef<DimExpr> extents);
/// The reverse; null if `attribute` is no extent in normal form.
std::optional<DimExpr> readExtent(mlir::Attribute attribute);
/// The extents of an array that a verifier has passed.
llvm::SmallVector<DimExpr> readExtents(mlir::ArrayAttr extents);

/// An access as it stands in IR: the strides, then the offset.
mlir::ArrayAttr getAccessAttr(mlir::MLIRContext *context, const Access &access);
/// The reverse, of an access that a verifier has passed.
Access readAccess(mlir::Attribute access);

/// The type a body computes with: f16 and bf16 are widened to f32.
mlir::Type getBodyType(mlir::Type elementType);

/// The buffer that owns the memory of `buffer`: looks through plan.alias.
mlir::Value getRootBuffer(mlir::Value buffer);

/// The names of a buffer and of its source line, for messages; empty if the
/// location has none. `fc1 digits.asg:12:3`.
std::string describeSource(mlir::Location loc);

} // namespace asgc::plan

#endif
