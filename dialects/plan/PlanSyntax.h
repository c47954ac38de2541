//===- PlanSyntax.h - Pieces of the plan dialect's textual form -----------===//
#ifndef ASGC_DIALECTS_PLAN_PLANSYNTAX_H
#define ASGC_DIALECTS_PLAN_PLANSYNTAX_H

#include "dialects/plan/Plan.h"

namespace asgc::plan {

/// `batch`, `64`, `"2*batch"`.
mlir::ParseResult parseExtent(mlir::AsmParser &parser, mlir::Attribute &extent);
void printExtent(mlir::AsmPrinter &printer, mlir::Attribute extent);

/// `[4, batch]`.
mlir::ParseResult parseExtents(mlir::AsmParser &parser,
                               mlir::ArrayAttr &extents);
void printExtents(mlir::AsmPrinter &printer, mlir::Operation *op,
                  mlir::ArrayAttr extents);

/// `at [10, 1] offset 5`, or nothing for a buffer taken whole (a unit
/// attribute).
mlir::ParseResult parseAccess(mlir::AsmParser &parser, mlir::Attribute &access);
void printAccess(mlir::AsmPrinter &printer, mlir::Attribute access);

/// `%a at [10, 1] : tensor<…>, %b at [1] : tensor<…>`.
mlir::ParseResult parsePlaced(
    mlir::OpAsmParser &parser,
    llvm::SmallVectorImpl<mlir::OpAsmParser::UnresolvedOperand> &buffers,
    llvm::SmallVectorImpl<mlir::Type> &types, mlir::ArrayAttr &accesses);
void printPlaced(mlir::OpAsmPrinter &printer, mlir::Operation *op,
                 mlir::OperandRange buffers, mlir::TypeRange types,
                 mlir::ArrayAttr accesses);

/// `%a : tensor<…>, %b : tensor<…>`, or nothing.
mlir::ParseResult parseBuffers(
    mlir::OpAsmParser &parser,
    llvm::SmallVectorImpl<mlir::OpAsmParser::UnresolvedOperand> &buffers,
    llvm::SmallVectorImpl<mlir::Type> &types);
void printBuffers(mlir::OpAsmPrinter &printer, mlir::Operation *op,
                  mlir::OperandRange buffers, mlir::TypeRange types);

/// The type of a buffer, written as that of its tensor.
mlir::ParseResult parseTensor(mlir::AsmParser &parser, mlir::Type &buffer);
void printTensor(mlir::AsmPrinter &printer, mlir::Operation *op,
                 mlir::Type buffer);

/// Fails, with a message that names `what`, unless `extents` holds `count`
/// extents (any number if negative), none of them a negative number.
mlir::LogicalResult verifyExtents(mlir::Operation *op, llvm::StringRef what,
                                  mlir::ArrayAttr extents, int64_t count = -1);

} // namespace asgc::plan

#endif
