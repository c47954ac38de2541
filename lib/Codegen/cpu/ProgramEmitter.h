//===- ProgramEmitter.h - Programs of a module as an llvm module ----------===//
#ifndef ASGC_CODEGEN_CPU_PROGRAMEMITTER_H
#define ASGC_CODEGEN_CPU_PROGRAMEMITTER_H

#include "../vulkan/DeviceProgram.h"
#include "DimTable.h"
#include "LlvmBuilder.h"

#include "asgc/Codegen.h"
#include "dialects/plan/Plan.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/StringSet.h"

namespace asgc::cpu {

/// A variable of the model (asgc_variable_desc).
struct Variable {
  mlir::StringAttr name;
  mlir::RankedTensorType type;
  int32_t role = 0;
};

/// A line of the profile (asgc_kernel_desc).
struct KernelEntry {
  std::string name;
  mlir::LLVM::LLVMFuncOp functions[ASGC_ISA_COUNT];
  int64_t scratchBytes = 0;
};

/// A step whose kernels have code, that steps which differ only in name and
/// memory share.
struct StepCode {
  mlir::Operation *step = nullptr;
  mlir::DictionaryAttr attributes; // without the name
  mlir::DictionaryAttr dims;       // of its program; null if it uses none
  int64_t line = 0;                // of its first launch; the others follow
};

/// One entry point (asgc_entry_desc) while it is emitted.
struct Entry {
  plan::ProgramOp program;
  DimTable::Names dimNames;
  mlir::LLVM::LLVMFuncOp function;
  bool assignsVariables = false;
};

/// Turns asg variables and plan programs into functions and constants.
class ProgramEmitter {
public:
  ProgramEmitter(mlir::ModuleOp source, const CodegenOptions &options);

  mlir::OwningOpRef<mlir::ModuleOp> emit();

private:
  using Value = mlir::Value;
  using Values = llvm::SmallVector<Value>;

  // ProgramEmitter.cpp
  mlir::LogicalResult collectVariables();
  mlir::LogicalResult emitEntry(Entry &entry);
  mlir::LogicalResult emitDeviceCode();
  mlir::LogicalResult emitStep(Entry &entry, mlir::Operation *step);
  mlir::LogicalResult emitLaunches(Entry &entry, mlir::Operation *step);
  const StepCode *findSameCode(const StepCode &wanted) const;
  mlir::LogicalResult emitKernel(Entry &entry, VectorKernel &kernel,
                                 int64_t launch, mlir::Operation *step,
                                 KernelEntry &line);
  void emitDims();
  void emitPoison(Entry &entry, int64_t step);
  Value pointerOf(Entry &entry, Value buffer);
  Value frameField(int64_t offset);
  void call(llvm::StringRef function, mlir::ValueRange arguments);
  int64_t addLine(llvm::StringRef name);
  int64_t lineOf(llvm::StringRef name);
  std::optional<int64_t> boundOf(Entry &entry, const DimExpr &expr);
  mlir::LLVM::LLVMFuncOp declareFunction(const std::string &name,
                                         mlir::Type type);
  std::string symbolFor(llvm::StringRef name);

  // Calls.cpp
  mlir::LogicalResult emitCall(Entry &entry, mlir::Operation *step);
  void callMatmul(Entry &entry, plan::MatmulOp op);
  void callConv2d(Entry &entry, plan::Conv2dOp op);
  void callMaxPool2d(Entry &entry, plan::MaxPool2dOp op);
  void callAvgPool2d(Entry &entry, plan::AvgPool2dOp op);
  void callPlane(Entry &entry, mlir::Operation *op, const asgc_pool_desc &desc,
                 llvm::StringRef function);
  template <typename Op>
  void callIndexed(Entry &entry, Op op, Value whole, llvm::StringRef function);
  mlir::LogicalResult callCopy(Entry &entry, plan::CopyOp op);
  void callLoop(Entry &entry, plan::LoopOp op);
  void callIf(Entry &entry, plan::IfOp op);
  Value functionOf(mlir::FlatSymbolRefAttr program);
  asgc_pool_desc poolDescriptor(Entry &entry, Value whole, Value pooled);
  template <typename Desc> Value descriptor(const Desc &desc);
  Value descriptor(llvm::StringRef bytes, int64_t alignment);
  Value pointerOrNull(Entry &entry, Value buffer);
  Value offsetPointer(Entry &entry, Value buffer, const DimExpr &offset);
  int32_t variableIndex(Value buffer);

  // Tables.cpp
  mlir::LLVM::GlobalOp emitDescription();

  mlir::ModuleOp source;
  const CodegenOptions &options;
  mlir::OpBuilder builder;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  DimTable dims;
  llvm::SmallVector<Variable> variables;
  llvm::StringMap<int64_t> variableIndices;
  std::vector<KernelEntry> kernels;
  std::vector<Entry> entries;
  std::vector<StepCode> stepCodes;
  bool usesDims = false; // whether the step under way does
  std::optional<vulkan::DeviceProgram> device;
  llvm::StringSet<> symbols;
  llvm::StringMap<mlir::LLVM::LLVMFuncOp> callees; // of abi.def, by name

  // Of the entry under way.
  std::unique_ptr<LlvmBuilder> code;
  Value frame, arena, argumentTable;
  llvm::DenseMap<Value, Value> pointers; // of buffers; looked up only
  mlir::Block *exit = nullptr;           // returns its argument, a status
};

/// asgc_dtype of an element type; null if programs cannot hold it.
std::optional<int32_t> dtypeOf(mlir::Type element);

/// The type of a function of abi.def; null if there is none of this name.
mlir::LLVM::LLVMFunctionType abiType(mlir::MLIRContext *context,
                                     llvm::StringRef name);

} // namespace asgc::cpu

#endif
