//===- Simplify.h - The groups of simplifying patterns --------------------===//
#ifndef ASGC_PASSES_ASG_SIMPLIFY_H
#define ASGC_PASSES_ASG_SIMPLIFY_H

#include "mlir/IR/PatternMatch.h"

namespace asgc {

/// Identities of arithmetic, select and compare. `reciprocals`: multiply by
/// 1/c instead of dividing by c, also where 1/c is rounded.
void addArithmeticPatterns(mlir::RewritePatternSet &patterns, bool reciprocals);

/// Casts of casts, and of what is moved.
void addCastPatterns(mlir::RewritePatternSet &patterns);

/// Elementwise ops of constants, and constants seen through layout ops.
void addConstantPatterns(mlir::RewritePatternSet &patterns);

/// Broadcast, reshape, transpose, slice.
void addLayoutPatterns(mlir::RewritePatternSet &patterns);

/// gather and scatter_add of one element for each row.
void addIndexingPatterns(mlir::RewritePatternSet &patterns);

/// Reductions and dot.
void addReductionPatterns(mlir::RewritePatternSet &patterns);

} // namespace asgc

#endif
