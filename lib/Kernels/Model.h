//===- Model.h - A kernel as the emitters see it --------------------------===//
#ifndef ASGC_KERNELS_MODEL_H
#define ASGC_KERNELS_MODEL_H

#include "asgc/Kernels.h"
#include "dialects/plan/Plan.h"

#include "llvm/ADT/DenseMap.h"

namespace asgc::kernels {

using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::SmallVectorImpl;
using mlir::Block;
using mlir::Operation;
using mlir::Type;
using mlir::Value;
using Values = KernelBuilder::Values;
using BoundOf = std::function<std::optional<int64_t>(const DimExpr &)>;

/// A set of dims of the space, one bit each.
using Dims = uint32_t;
inline bool has(Dims dims, int64_t dim) { return dims >> dim & 1; }

/// Of an element in memory; a bool takes a byte.
inline int64_t bytesOf(Type element) {
  return std::max(1u, element.getIntOrFloatBitWidth() / 8);
}

/// An operand of the step: where its element of a point lies.
struct Operand {
  Type element;         // of the buffer
  plan::Access access;  // unless isWhole
  bool isWhole = false; // the buffer itself, for plan.load
  Dims varies = 0;      // dims with a stride other than 0
};

/// The body of a step with its space and operands, and facts about its values.
///
/// A pass is one walk over the reduced dims. A value is known in pass p if it
/// needs the results of p passes before; a reduction of a value known in pass p
/// is computed by pass p and known from p + 1 on.
struct Model {
  Operation *op = nullptr;
  Block *body = nullptr;
  SmallVector<DimExpr> space;
  SmallVector<int64_t> bounds; // of the space's extents
  SmallVector<Operand> reads, writes;
  SmallVector<plan::ReduceOp> reduces;
  Dims reduced = 0;
  int64_t passes = 0; // that reductions need
  int64_t vectorDim =
      -1; // the dim that lies in the lanes; -1: none, scalar code

  Dims varies(Value value) const { return facts.lookup(value).varies; }
  int64_t passOf(Value value) const { return facts.lookup(value).pass; }
  mlir::OperandRange yields() const { return body->back().getOperands(); }
  Dims allDims() const {
    return space.size() == 32 ? ~0u : (1u << space.size()) - 1;
  }
  /// Whether the extent is 1 whatever the run-time dims are.
  bool isUnit(int64_t dim) const { return space[dim] == DimExpr(1); }
  DimExpr points(Dims dims) const;

  /// The ops of the body that `roots` need, in order; not those before and at
  /// values for which `isKnown` holds.
  SmallVector<Operation *> slice(ArrayRef<Value> roots,
                                 llvm::function_ref<bool(Value)> isKnown) const;

  /// A rough number of vector instructions.
  static double costOf(Operation *op);
  double costOfPoint() const;
  /// A rough time: of arithmetic, and of memory for what differs from point to
  /// point.
  double nanosecondsPerPoint() const;

  /// Takes over the space, the operands and the body of a kernel.
  void read(plan::KernelOp kernel);
  /// Fills in the facts; reports what a body on the CPU may not have.
  mlir::LogicalResult analyze(const BoundOf &boundOf);
  void chooseVectorDim();

private:
  struct Facts {
    Dims varies = 0;
    int64_t pass = 0;
  };
  llvm::DenseMap<Value, Facts> facts; // looked up only
};

/// The type in registers of a value of the body: f16 and bf16 are f32 that have
/// been rounded, index is i64.
Type registerType(Type type);
/// The type of an element in memory as it is loaded: a bool is i8, a bf16 i16.
Type storageType(Type element);

/// A loaded element as the body sees it, and the reverse.
Value decode(KernelBuilder &builder, Value raw, Type element);
Value encode(KernelBuilder &builder, Value value, Type element);

/// Emits one op of a body; `operands` are scalars or vectors. False if there is
/// no code for it.
bool emitScalarOp(KernelBuilder &builder, Operation *op,
                  ArrayRef<Value> operands, SmallVectorImpl<Value> &results);

Value combine(KernelBuilder &builder, plan::ReduceKind kind, Value x, Value y);
/// What a reduction over nothing gives; a scalar.
Value identity(KernelBuilder &builder, plan::ReduceKind kind, Type type);
/// Combines the lanes of a vector, always in the same order.
Value combineLanes(KernelBuilder &builder, plan::ReduceKind kind, Value vector);

} // namespace asgc::kernels

#endif
