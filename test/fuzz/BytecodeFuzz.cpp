//===- BytecodeFuzz.cpp - Bytecode of asg from hostile hands --------------===//
#include "asgc/BytecodeGuard.h"
#include "dialects/asg/Asg.h"

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include <cstdlib>
#include <string>

using namespace mlir;

static void require(bool holds, llvm::StringRef what) {
  if (holds)
    return;
  llvm::errs() << what << "\n";
  std::abort();
}

static std::string print(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream, OpPrintingFlags().enableDebugInfo(true));
  return text;
}

/// What the guard lets pass, MLIR refuses with a reason or reads as a valid
/// module, which the guard lets pass again and MLIR reads again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::StringRef file(reinterpret_cast<const char *>(data), size);
  if (auto error = asgc::checkBytecode(file)) {
    require(error->offset <= size && !error->message.empty(), "no place");
    return 0;
  }
  DialectRegistry registry;
  registry
      .insert<asgc::asg::AsgDialect, arith::ArithDialect, math::MathDialect>();
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadDialect<asgc::asg::AsgDialect>();
  bool isExplained = false;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &) {
    isExplained = true;
    return success();
  });
  auto module = parseSourceString<ModuleOp>(file, &context);
  require(module || isExplained, "no reason");
  if (!module)
    return 0;
  require(succeeded(verify(*module)), "not valid");
  std::string bytes;
  llvm::raw_string_ostream stream(bytes);
  require(succeeded(writeBytecodeToFile(*module, stream)), "not written");
  auto refused = asgc::checkBytecode(bytes);
  require(!refused, refused ? refused->message : "");
  auto again = parseSourceString<ModuleOp>(bytes, &context);
  require(again && print(*again) == print(*module), "read otherwise");
  return 0;
}
