//===- Tables.h - Constants of the artifact -------------------------------===//
#ifndef ASGC_CODEGEN_CPU_TABLES_H
#define ASGC_CODEGEN_CPU_TABLES_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace asgc::cpu {

/// Read-only memory that holds a tensor, aligned as buffers are.
void emitConstantData(mlir::OpBuilder &builder, mlir::Location loc,
                      llvm::StringRef symbol, mlir::ElementsAttr value);

/// Writes the structs of program.h as constants of an llvm module.
class TableWriter {
public:
  using Value = mlir::Value;
  /// The fields of a struct, in order.
  using Fields = llvm::SmallVector<std::function<Value()>>;

  TableWriter(mlir::ModuleOp module, llvm::StringRef prefix);

  /// Fields. They are written where `array` or `single` puts them.
  std::function<Value()> i32(int64_t value);
  std::function<Value()> i64(int64_t value);
  std::function<Value()> null();
  /// A text with its final zero; null if `text` is empty and `mayBeNull`.
  std::function<Value()> text(llvm::StringRef text, bool mayBeNull = false);
  std::function<Value()> symbol(llvm::StringRef name);
  std::function<Value()> record(Fields fields);

  /// The symbol of a constant array of structs; empty for no element.
  std::string array(llvm::StringRef name, llvm::ArrayRef<Fields> elements);
  std::string numbers(llvm::StringRef name, llvm::ArrayRef<int64_t> values);
  mlir::LLVM::GlobalOp single(llvm::StringRef name, const Fields &fields,
                              mlir::LLVM::Linkage linkage);
  /// A struct without pointers, by its bytes.
  std::string bytes(llvm::StringRef name, llvm::StringRef data,
                    int64_t alignment);

  /// The same, by a name that follows from the data: of all programs that are
  /// linked together, one has them.
  std::string sharedBytes(llvm::StringRef name, llvm::StringRef data);

private:
  Value build(const Fields &fields);
  Value join(mlir::Type type, mlir::ValueRange values);
  std::string nameOf(llvm::StringRef name);
  mlir::LLVM::GlobalOp makeGlobal(mlir::Type type, llvm::StringRef name,
                                  mlir::LLVM::Linkage linkage,
                                  llvm::function_ref<Value()> init);

  mlir::ModuleOp module;
  mlir::OpBuilder builder;
  std::string prefix;
  int64_t count = 0;
  llvm::StringMap<std::string> texts; // content to symbol
};

} // namespace asgc::cpu

#endif
