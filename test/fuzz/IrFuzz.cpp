//===- IrFuzz.cpp - Texts of asg and plan from hostile hands --------------===//
#include "Writers.h"
#include "asgc/NestingGuard.h"
#include "dialects/asg/Asg.h"
#include "dialects/plan/Plan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"

#include <cstdlib>
#include <string>

using namespace mlir;

/// What is read and printed must be read again.
static void checkPrinted(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  if (!parseSourceString<ModuleOp>(text, module.getContext()))
    std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string text(reinterpret_cast<const char *>(data), size);
  if (asgc::checkNesting(text))
    return 0;
  DialectRegistry registry;
  registry.insert<asgc::asg::AsgDialect, asgc::plan::PlanDialect,
                  arith::ArithDialect, math::MathDialect>();
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  bool isExplained = false;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    isExplained = true;
    return success();
  });
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  if (!module && !isExplained)
    std::abort();
  if (!module)
    return 0;
  checkPrinted(*module);
  asgc::test::checkWriters(*module);
  return 0;
}
