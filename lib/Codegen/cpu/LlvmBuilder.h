//===- LlvmBuilder.h - A kernel builder that writes the llvm dialect ------===//
#ifndef ASGC_CODEGEN_CPU_LLVMBUILDER_H
#define ASGC_CODEGEN_CPU_LLVMBUILDER_H

#include "asgc/Kernels.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"

namespace asgc::cpu {

/// The vector extensions that kernels are compiled for; ASGC_ISA_* of
/// program.h.
enum class Isa { Avx2, Avx512 };

/// Writes instructions at the end of a block of an llvm.func.
class LlvmBuilder final : public KernelBuilder {
public:
  /// `dimIndex` gives the place of an extent in the table of dims.
  LlvmBuilder(mlir::OpBuilder &builder, mlir::Location loc, Isa target,
              std::function<int64_t(const DimExpr &)> dimIndex);

  /// Starts at the entry block of a function whose table of dims is `dims`.
  void enterFunction(mlir::Block *entry, Value dims);

  Value constant(mlir::TypedAttr value) override;
  Value unary(Unary kind, Value x) override;
  Value binary(Binary kind, Value x, Value y) override;
  Value fma(Value x, Value y, Value z) override;
  Value compare(mlir::arith::CmpFPredicate predicate, Value x,
                Value y) override;
  Value compare(mlir::arith::CmpIPredicate predicate, Value x,
                Value y) override;
  Value select(Value condition, Value x, Value y) override;
  Value cast(Cast kind, Value x, Type element) override;
  Value splat(Value scalar, int64_t count) override;
  Value extract(Value vector, int64_t lane) override;
  std::pair<Value, Value> halves(Value vector) override;
  Value any(Value mask) override;
  Value scaleByPowerOfTwo(Value x, Value n) override;

  Value address(Value pointer, Value offset, int64_t bytes) override;
  Value loadPointer(Value table, Value index) override;
  Value table(llvm::ArrayRef<int64_t> numbers) override;
  Value load(Value pointer, Type element, bool isVector, Value mask) override;
  void store(Value pointer, Value value, Value mask, bool streaming) override;
  Value minOrSecond(Value x, Value y) override;
  Value maxOrSecond(Value x, Value y) override;
  void prefetch(Value pointer, bool forWrite) override;
  Value gather(Value pointer, Value offsets, Type element) override;
  void scatter(Value pointer, Value offsets, Value value, Value mask) override;
  bool canMask(Type element) override;
  Value isAligned(Value pointer, int64_t bytes) override;
  void streamingFence() override;

  Values loop(Value from, Value to, int64_t step, mlir::ValueRange carried,
              llvm::function_ref<Values(Value, mlir::ValueRange)> body,
              bool isRolled = false) override;
  Values branch(Value condition, llvm::function_ref<Values()> then,
                llvm::function_ref<Values()> otherwise) override;

  Value extent(const DimExpr &extent) override;

private:
  Value intrinsic(llvm::StringRef name, mlir::ValueRange operands);
  Value extremum(bool isMax, Value x, Value y);

  Type vectorOf(Type element, int64_t count);
  Type withElement(Value like, Type element);
  Value constantAttr(Type type, mlir::Attribute value);
  Value pointers(Value pointer, Value offsets, Type element);

  Isa target;
  std::function<int64_t(const DimExpr &)> dimIndex;
  mlir::Block *entry = nullptr;
  Value dims;
  // Both looked up only. Constants and extents stand in the entry block.
  llvm::DenseMap<std::pair<mlir::Attribute, Type>, Value> constants;
  llvm::StringMap<Value> extents;
};

} // namespace asgc::cpu

#endif
