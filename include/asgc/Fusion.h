//===- Fusion.h - What an asg.fusion says to whoever makes a kernel of it -===//
#ifndef ASGC_FUSION_H
#define ASGC_FUSION_H

#include "dialects/asg/Asg.h"

#include "mlir/IR/AffineExpr.h"

#include <vector>

namespace asgc {

/// Coordinates in a tensor as functions of a point of an iteration space: one
/// expression per axis, over the space's dims and over extents as symbols.
using IndexMap = llvm::SmallVector<mlir::AffineExpr>;

/// The run-time extents that index maps name as symbols s0, s1, …
class ExtentSymbols {
public:
  /// The extent as an expression: a number or a symbol.
  mlir::AffineExpr get(mlir::MLIRContext *context, const DimExpr &extent);
  llvm::ArrayRef<DimExpr> all() const { return extents; }

private:
  llvm::SmallVector<DimExpr> extents;
};

IndexMap getIdentityMap(mlir::MLIRContext *context, size_t rank);

/// `map` after the coordinates it is a function of have been replaced.
IndexMap compose(const IndexMap &map, const IndexMap &coordinates);

/// The operand's coordinates that the element at `result` of an elementwise or
/// layout op is made of. None for other ops, for what is no affine function, and for
/// the tensor that an asg.gather takes elements of. For a pad, coordinates below 0 or
/// beyond the operand mean the padding, as does `result − low` if it is no multiple of
/// `interior + 1`.
std::optional<IndexMap> mapToOperand(mlir::OpOperand &operand,
                                     const IndexMap &result,
                                     ExtentSymbols &symbols);

/// One space and its ops. An asg.fusion has one; an `update`, and a `reduce` with
/// segments, several, each with equal ops.
struct FusionSegment {
  llvm::SmallVector<DimExpr> space;
  /// The dims of the space that reductions run over; rising.
  llvm::SmallVector<int64_t> reduced;
  llvm::SmallVector<mlir::Operation *> ops;
  /// What this segment yields.
  llvm::SmallVector<mlir::Value> results;
  /// Of every tensor made inside: its coordinates at a point of the space.
  llvm::DenseMap<mlir::Value, IndexMap> maps;
};

/// The spaces of a fusion of kind map, row, reduce or update.
struct FusionShape {
  ExtentSymbols symbols;
  std::vector<FusionSegment> segments;

  /// The coordinates at which `segment` reads an operand of one of its ops. None for
  /// the tensor that an asg.gather takes elements of.
  std::optional<IndexMap> getOperandMap(const FusionSegment &segment,
                                        mlir::OpOperand &operand);
};

/// Failure, with a diagnostic at the op, if some tensor has no index map.
mlir::FailureOr<FusionShape> analyzeFusion(asg::FusionOp fusion);

/// An activation that ops compute of one value.
struct FoundActivation {
  llvm::StringRef name; // relu, tanh, gelu_erf, gelu_tanh, sigmoid or silu
  mlir::Value result;
};

/// The activation that ops behind `x`, the result of an op, compute of it, if `x`
/// and what lies between are needed for nothing else.
std::optional<FoundActivation> findActivation(mlir::Value x);

/// The cast, if all that a product of halves is needed for is an f32; else
/// null.
asg::CastOp findWidening(mlir::Value product);

/// A fusion of kind `contraction`: activation(op + bias + residual), which may
/// be widened at last.
struct ContractionFusion {
  mlir::Operation *op = nullptr; // asg.dot or asg.conv2d
  mlir::Value bias;     // rank 1; along the last axis (dot) or axis 1 (conv2d)
  mlir::Value residual; // of the result's type
  /// none, relu, tanh, gelu_erf, gelu_tanh, sigmoid or silu
  llvm::StringRef activation = "none";
  mlir::Value result; // what the fusion yields
};

/// Failure, with a diagnostic, if the fusion's ops are not of that form.
mlir::FailureOr<ContractionFusion> analyzeContraction(asg::FusionOp fusion);

/// What the ops from `root` on, a dot or a conv2d, are together as far as each
/// value is needed for the next only; `result` is the last value taken in. With
/// `widens` a widening cast too.
ContractionFusion growContraction(mlir::Operation *root, bool widens = false);

} // namespace asgc

#endif
