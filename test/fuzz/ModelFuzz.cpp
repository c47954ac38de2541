//===- ModelFuzz.cpp - Model texts from hostile hands ---------------------===//
#include "StandardLibrary.h"
#include "dialects/asg/Asg.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"

#include <cstdlib>

using namespace asgc;

/// What formats must be read again as the same tree, and format to itself.
static void checkFormat(const ast::Module &tree) {
  SourceManager sources;
  DiagnosticEngine diagnostics(sources);
  std::string text = ast::formatModule(tree);
  ast::Module again =
      ast::parseModule(sources.add("again.asg", text), diagnostics);
  if (diagnostics.hasErrors() || !ast::equal(tree, again) ||
      ast::formatModule(again) != text)
    std::abort();
}

/// Every diagnostic can be shown in every form.
static void checkDiagnostics(const DiagnosticEngine &diagnostics,
                             const SourceManager &sources) {
  for (const Diagnostic &diagnostic : diagnostics.getDiagnostics()) {
    bool isShown = !renderHuman(diagnostic, sources).empty() &&
                   !renderShort(diagnostic, sources).empty() &&
                   !renderJson(diagnostic, sources).empty();
    if (diagnostic.message.empty() || !isShown)
      std::abort();
    // A fault of the compiler is never the text's.
    if (diagnostic.code == Code::ASG0901)
      std::abort();
  }
}

/// A text is refused with a reason, or elaborates to a module that verifies.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const auto &standard = test::StandardLibrary::get();
  SourceManager sources = standard.sources;
  DiagnosticEngine diagnostics(sources);
  // No file is read: `use "…"` of a path is an error of the loader.
  FileId file = sources.add(
      "/dev/null/fuzz.asg",
      std::string(reinterpret_cast<const char *>(data), size));
  Library library = Library::load(file, diagnostics, standard.library);
  if (!diagnostics.hasErrors()) {
    checkFormat(library.getMain());
    mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
    context.loadDialect<asg::AsgDialect>();
    auto module =
        elaborate(library, context, ElaborateOptions(), diagnostics);
    bool isRight = module && mlir::succeeded(mlir::verify(*module));
    if (isRight == diagnostics.hasErrors())
      std::abort();
  }
  checkDiagnostics(diagnostics, sources);
  return 0;
}
