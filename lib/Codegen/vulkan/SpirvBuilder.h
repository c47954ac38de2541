//===- SpirvBuilder.h - A device builder that writes the spirv dialect ----===//
#ifndef ASGC_CODEGEN_VULKAN_SPIRVBUILDER_H
#define ASGC_CODEGEN_VULKAN_SPIRVBUILDER_H

#include "asgc/DeviceKernels.h"

#include "mlir/Dialect/SPIRV/IR/SPIRVDialect.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"

namespace asgc::vulkan {

/// Writes one compute shader, a spirv.module with the function `main`.
///
/// Operands and the table of dims are reached by their addresses, which are
/// push constants (see asgc_shader). f16 is handled as its 16 bits, so that
/// conversions round the same way on every device.
class SpirvBuilder final : public DeviceBuilder {
public:
  struct Options {
    int64_t groupSize = 1;
    int64_t numOperands = 0;
    bool isIndirect = false;
    MatrixUnit unit{};
    /// The place of an extent in the table of dims.
    std::function<int64_t(const DimExpr &)> dimIndex;
  };

  /// Begins a module called `name` at `builder`'s insertion point.
  SpirvBuilder(mlir::OpBuilder &builder, mlir::Location loc,
               llvm::StringRef name, Options options);

  /// Ends the shader and its module.
  mlir::spirv::ModuleOp finish();

  /// Tables of numbers that the shader reads: operands after the step's.
  llvm::ArrayRef<llvm::SmallVector<int64_t>> getTables() const {
    return tables;
  }
  bool isIndirect() const { return options.isIndirect; }
  /// ASGC_SHADER_* that the shader needs.
  int32_t getFeatures() const { return features; }

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
  Value scaleByPowerOfTwo(Value x, Value n) override;
  Value powerOfTwo(Value n) override;
  Value splat(Value scalar, int64_t count) override;
  Value extract(Value vector, int64_t lane) override;
  std::pair<Value, Value> halves(Value vector) override;
  Value any(Value mask) override;
  bool divides() const override { return true; }

  Value address(Value pointer, Value offset, int64_t bytes) override;
  Value loadPointer(Value table, Value index) override;
  Value table(llvm::ArrayRef<int64_t> numbers) override;
  Value load(Value pointer, Type element, bool isVector, Value mask) override;
  void store(Value pointer, Value value, Value mask, bool streaming) override;
  Value gather(Value pointer, Value offsets, Type element) override;
  void scatter(Value pointer, Value offsets, Value value, Value mask) override;
  bool canMask(Type element) override;
  bool loadsAnywhere() const override { return false; }
  Value isAligned(Value pointer, int64_t bytes) override;
  void streamingFence() override {}
  /// Other subgroups run while one waits for memory; nothing to ask for.
  void prefetch(Value, bool) override {}

  Values loop(Value from, Value to, int64_t step, mlir::ValueRange carried,
              llvm::function_ref<Values(Value, mlir::ValueRange)> body,
              bool isRolled = false) override;
  Values branch(Value condition, llvm::function_ref<Values()> then,
                llvm::function_ref<Values()> otherwise) override;
  Value extent(const DimExpr &extent) override;

  Value operand(int64_t index) override;
  Value operandAt(Value index) override;
  Value item() override;
  Value group() override;
  int64_t shared(Type element, int64_t count) override;
  Value loadShared(int64_t array, Value index) override;
  void storeShared(int64_t array, Value index, Value value) override;
  void storeSharedLane(int64_t array, Value index, Value lane,
                       Value value) override;
  void barrier() override;
  void atomicAdd(Value pointer, Value number) override;
  Value join(llvm::ArrayRef<Value> parts) override;

  Value subgroup() override;
  Value loadFactor(Factor factor, Type element, int64_t array, Value index,
                   int64_t stride, bool isTransposed) override;
  Value joinRounded(Value first, Value second) override;
  Value zeroSum() override;
  Value multiplyAdd(Value a, Value b, Value sum) override;
  void storeSum(int64_t array, Value index, int64_t stride, Value sum) override;
  Value loadSum(int64_t array, Value index, int64_t stride) override;
  Value multiplySums(Value x, Value y) override;
  Value nativeExp2(Value x) override;

private:
  /// An instruction, or what is known to be its result.
  template <typename Op, typename... Args> Value make(Args &&...args) {
    return builder.createOrFold<Op>(loc, std::forward<Args>(args)...);
  }
  /// An instruction on floats that the driver may not reorder or join with
  /// others: math expansions rely on each rounding, and NaN must stay NaN.
  template <typename Op, typename... Args> Value makeExact(Args &&...args) {
    auto op = Op::create(builder, loc, std::forward<Args>(args)...);
    op->setAttr("no_contraction", builder.getUnitAttr());
    return op;
  }
  mlir::spirv::GlobalVariableOp addGlobal(llvm::StringRef name, Type type,
                                          mlir::spirv::StorageClass storage);
  Value builtIn(llvm::StringRef name, mlir::spirv::BuiltIn builtIn, Type type);
  Value pushed(int64_t word);
  Value atEntry(llvm::function_ref<Value()> emit);
  Value variable(Type type);
  Value loadVariable(Value variable);
  void storeVariable(Value variable, Value value);
  Value pointerTo(Value address, Type element);
  Value sharedPlace(int64_t array, Value index);
  mlir::spirv::MemoryAccessAttr sharedAccess();
  Type matrixType(Type element, mlir::spirv::CooperativeMatrixUseKHR use);
  void need(Type type, bool isMemory);
  /// `element`, or a vector of it with as many lanes as `like`.
  Type typeLike(Value like, Type element);
  Value logical(Binary kind, Value x, Value y);
  Value truncate(Value x);
  Value floatToIntSat(Value x, Type type);
  Value halfToFloat(Value bits);
  Value floatToHalf(Value x);

  Options options;
  mlir::spirv::ModuleOp module;
  mlir::spirv::FuncOp function;
  mlir::Block *entry = nullptr, *body = nullptr;
  llvm::SmallVector<mlir::spirv::GlobalVariableOp> globals;
  llvm::SmallVector<mlir::spirv::GlobalVariableOp> sharedArrays;
  llvm::SmallVector<llvm::SmallVector<int64_t>> tables;
  llvm::SmallSetVector<mlir::spirv::Capability, 8> capabilities;
  llvm::SmallSetVector<mlir::spirv::Extension, 2> extensions;
  int32_t features = 0;
  // Looked up only. All stand in the entry block.
  llvm::DenseMap<std::pair<mlir::Attribute, Type>, Value> constants;
  llvm::StringMap<Value> known; // extents, built-ins, push constants
  llvm::DenseMap<Value, Value> narrow; // i64 to the i32 it was made of
};

} // namespace asgc::vulkan

#endif
