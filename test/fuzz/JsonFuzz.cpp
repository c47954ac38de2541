//===- JsonFuzz.cpp - Models as JSON from hostile hands -------------------===//
#include "asgc/BytecodeGuard.h"
#include "asgc/Inspect.h"
#include "dialects/asg/Asg.h"

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include <cstdlib>
#include <string>

using namespace mlir;

static void require(bool holds, const std::string &what) {
  if (holds)
    return;
  llvm::errs() << what << "\n";
  std::abort();
}

static std::string print(ModuleOp module, bool hasLocations) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream, OpPrintingFlags().enableDebugInfo(hasLocations));
  return text;
}

/// The module is the same after each of its forms. Locations are read back, but
/// not compared: equal ones share a line of the text in one order or another.
static void checkForms(ModuleOp module, std::string &error) {
  MLIRContext *context = module.getContext();
  const std::string text = print(module, false);
  auto compare = [&](const char *form, OwningOpRef<ModuleOp> again) {
    std::string found = again ? print(*again, false) : error;
    require(found == text, std::string("not the same as ") + form + ":\n" +
                               text + "\n" + found);
  };
  compare("JSON",
          asgc::readModelJson(asgc::writeModelJson(module), *context, &error));
  compare("text", parseSourceString<ModuleOp>(print(module, true), context));
  std::string bytes;
  llvm::raw_string_ostream stream(bytes);
  require(succeeded(writeBytecodeToFile(module, stream)), "no bytecode");
  auto refused = asgc::checkBytecode(bytes);
  require(!refused, refused ? refused->message : "");
  compare("bytecode", parseSourceString<ModuleOp>(bytes, context));
}

/// The model of a file of JSON is refused with a reason, or is valid, and the
/// same in all forms.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.loadDialect<asgc::asg::AsgDialect>();
  std::string error;
  ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
    error += diagnostic.str();
    return success();
  });
  auto module = asgc::readModelJson(
      {reinterpret_cast<const char *>(data), size}, context, &error);
  if (!module) {
    require(!error.empty(), "refused without a reason");
    return 0;
  }
  require(succeeded(verify(*module)), error);
  checkForms(*module, error);
  return 0;
}
