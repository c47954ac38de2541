//===- Asg.h - The asg dialect --------------------------------------------===//
#ifndef ASGC_DIALECTS_ASG_ASG_H
#define ASGC_DIALECTS_ASG_ASG_H

#include "asgc/DimExpr.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/TensorEncoding.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace asgc::asg {

/// What every tensor of the dialect keeps to: each run-time extent is named by
/// `#asg.dims`, a static tensor has no encoding, the rank is at most 32, and the
/// product of the known extents is at most 2^40.
bool hasLegalShape(mlir::RankedTensorType type);

/// Verifies an op whose result types follow from its operands and attributes.
mlir::LogicalResult verifyInferredTypes(mlir::Operation *op);

} // namespace asgc::asg

#include "dialects/asg/AsgDialect.h.inc"
#include "dialects/asg/AsgEnums.h.inc"
#include "dialects/asg/AsgInterfaces.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/asg/AsgAttributes.h.inc"
#define GET_OP_CLASSES
#include "dialects/asg/AsgOps.h.inc"

namespace asgc::asg {

/// The extents of a tensor type; constants where the type is static.
llvm::SmallVector<DimExpr> getDims(mlir::RankedTensorType type);
/// Extent `axis` of a tensor type.
DimExpr getDim(mlir::RankedTensorType type, int64_t axis);

/// The tensor type with these extents: with an `#asg.dims` encoding exactly when
/// one of them is no constant.
mlir::RankedTensorType getTensorType(mlir::MLIRContext *context,
                                     llvm::ArrayRef<DimExpr> dims,
                                     mlir::Type elementType);
/// `type` with other extents, or with another element type.
mlir::RankedTensorType withDims(mlir::RankedTensorType type,
                                llvm::ArrayRef<DimExpr> dims);
mlir::RankedTensorType withElementType(mlir::RankedTensorType type,
                                       mlir::Type elementType);

/// True for a tensor of floats: a value that gradients flow through.
bool hasFloatElements(mlir::Type type);

/// Number of elements.
DimExpr getNumElements(mlir::RankedTensorType type);

/// Writes a type as the language does: `f32[batch, 64]`. For messages.
std::string describe(mlir::Type type);

/// A constant of `type` (any dims) with every element `value`, an attribute of
/// the element type or a number, which integers beyond 2^53 are not.
mlir::Value buildSplat(mlir::OpBuilder &builder, mlir::Location loc,
                       mlir::RankedTensorType type, mlir::TypedAttr value);
mlir::Value buildSplat(mlir::OpBuilder &builder, mlir::Location loc,
                       mlir::RankedTensorType type, double value);

/// `x` repeated to `type`: axis `dims[i]` of the result is axis i of `x`.
/// `x` itself if that is its type already.
mlir::Value buildBroadcast(mlir::OpBuilder &builder, mlir::Location loc,
                           mlir::Value x, mlir::RankedTensorType type,
                           llvm::ArrayRef<int64_t> dims);

/// `x` moved by one place along `axis`, to higher places if `isForward`; what
/// leaves is lost, and a zero comes in.
mlir::Value buildShift(mlir::OpBuilder &builder, mlir::Location loc,
                       mlir::Value x, int64_t axis, bool isForward);

/// Puts reduced `axes` back: y has `type`, x is y reduced over `axes`.
mlir::Value buildUnreduce(mlir::OpBuilder &builder, mlir::Location loc,
                          mlir::Value x, mlir::RankedTensorType type,
                          llvm::ArrayRef<int64_t> axes);

} // namespace asgc::asg

#endif
