//===- CheckIr.cpp - Is a text of IR all right? ---------------------------===//
#include "State.h"

#include "asgc/Registry.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;

namespace asgc {

MaybeFault checkIr(const std::string &path,
                   std::vector<std::string> *messages) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!buffer)
    return Fault{FaultKind::Environment,
                 path + ": " + buffer.getError().message()};
  if (MaybeFault fault = guardIr((*buffer)->getBuffer(), path))
    return fault;
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.printOpOnDiagnostic(false);
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(*buffer), llvm::SMLoc());
  std::string text;
  llvm::raw_string_ostream stream(text);
  SourceMgrDiagnosticHandler handler(sources, &context, stream);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(sources, &context);
  if (!text.empty())
    messages->push_back(text);
  if (!module)
    return Fault{FaultKind::Input,
                 text.empty() ? path + ": is no MLIR module" : ""};
  return std::nullopt;
}

} // namespace asgc
