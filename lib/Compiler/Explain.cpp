//===- Explain.cpp - What the definitions of a model text are for ---------===//
#include "asgc/Explain.h"

#include "asgc/Compiler.h"
#include "asgc/Frontend.h"
#include "asgc/Functions.h"
#include "asgc/Registry.h"

#include "mlir/Pass/PassRegistry.h"

namespace asgc {

Result<std::vector<BlockExplanation>> explainBlocks(const std::string &file,
                                                    const std::string &lang) {
  SourceManager sources;
  DiagnosticEngine diagnostics(sources);
  Library library = file.empty() ? Library::standard(diagnostics)
                                 : Library::load(file, diagnostics);
  if (diagnostics.hasErrors()) {
    std::string text;
    for (const Diagnostic &diagnostic : diagnostics.getDiagnostics())
      text += (text.empty() ? "" : "\n") + renderShort(diagnostic, sources);
    return Fault{FaultKind::Input, text};
  }
  std::vector<BlockExplanation> result;
  for (const ast::Item *item : library.getItems()) {
    Explanation found = explain(*item, sources, lang);
    BlockExplanation block{found.kind,        found.name,
                           found.signature,   found.place,
                           found.doc.meaning, found.doc.formula,
                           found.doc.why,     found.doc.source,
                           {},                found.source};
    for (const Explanation::Field &field : found.fields)
      block.fields.push_back(
          {field.kind, field.name, field.type, field.initial, field.role});
    result.push_back(std::move(block));
  }
  return result;
}

std::vector<BuiltinExplanation> explainBuiltins(const std::string &lang) {
  std::vector<BuiltinExplanation> result;
  for (FunctionExplanation &function : explainFunctions(lang))
    result.push_back({std::move(function.name), std::move(function.signature),
                      std::move(function.family), std::move(function.meaning)});
  return result;
}

std::vector<PassExplanation> explainPasses() {
  registerAllPasses();
  std::vector<PassExplanation> result;
  for (const std::string &name : passNames())
    if (const mlir::PassInfo *info = mlir::PassInfo::lookup(name))
      result.push_back({name, info->getPassDescription().str()});
  return result;
}

} // namespace asgc
