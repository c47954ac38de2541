//===- GraphFile.cpp - IR as a file, and back to a model text -------------===//
#include "State.h"

#include "asgc/BytecodeGuard.h"
#include "asgc/InlineLayers.h"
#include "asgc/Interop.h"
#include "asgc/Interpreter.h"
#include "asgc/NestingGuard.h"
#include "asgc/Passes.h"
#include "asgc/Raise.h"
#include "dialects/asg/Asg.h"

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

using namespace mlir;

namespace asgc {

MaybeFault guardIr(llvm::StringRef bytes, const std::string &path) {
  if (bytes.starts_with("ML\xefR")) {
    if (auto error = checkBytecode(bytes))
      return Fault{FaultKind::Input,
                   fmt::format("{}: {} (offset {})", path, error->message,
                               error->offset)};
  } else if (auto error = checkNesting(bytes)) {
    return Fault{FaultKind::Input,
                 fmt::format("{}:{}:{}: {}", path, error->line, error->column,
                             error->message)};
  }
  return std::nullopt;
}

/// The module in a file of IR, text or bytecode; or why there is none.
static Result<OwningOpRef<ModuleOp>>
parseIr(std::unique_ptr<llvm::MemoryBuffer> buffer, const std::string &path,
        MLIRContext &context) {
  if (MaybeFault fault = guardIr(buffer->getBuffer(), path))
    return *fault;
  llvm::SourceMgr sourceMgr;
  sourceMgr.AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  std::string text;
  llvm::raw_string_ostream stream(text);
  SourceMgrDiagnosticHandler handler(sourceMgr, &context, stream);
  auto module = parseSourceFile<ModuleOp>(sourceMgr, &context);
  while (!text.empty() && text.back() == '\n')
    text.pop_back();
  if (!module)
    return Fault{FaultKind::Input,
                 text.empty() ? path + ": is no MLIR module" : text};
  return module;
}

MaybeFault Compilation::State::importIr(const std::string &path) {
  auto start = std::chrono::steady_clock::now();
  if (!options.model.empty() || !options.settings.empty() ||
      !options.dims.empty())
    return Fault{FaultKind::Input,
                 path + ": a file of IR takes no --model, --set or --dim"};
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return Fault{FaultKind::Environment,
                 path + ": " + buffer.getError().message()};
  context.loadDialect<asg::AsgDialect>();
  if (llvm::StringRef(path).ends_with(".json")) {
    std::string error;
    module = readModelJson((*buffer)->getBuffer(), context, &error);
    if (!module)
      return Fault{FaultKind::Input, path + ": " + error};
  } else {
    auto parsed = parseIr(std::move(*buffer), path, context);
    if (!parsed)
      return parsed.fault();
    module = std::move(*parsed);
  }
  if (!module->lookupSymbol<asg::GraphOp>("infer"))
    return Fault{FaultKind::Input, path + ": has no asg.graph @infer"};
  if (auto text = (*module)->getAttrOfType<StringAttr>("asg.recipe")) {
    std::string wrong = recipeFromJson(text.getValue(), &recipe.emplace());
    if (!wrong.empty())
      return Fault{FaultKind::Input, path + ": asg.recipe: " + wrong};
  }
  return finishElaboration(start);
}

Result<std::string> Compilation::serialize(GraphForm form) {
  if (form == GraphForm::Json)
    return writeModelJson(*state->module, categoryOf) + "\n";
  std::string bytes;
  llvm::raw_string_ostream stream(bytes);
  if (form == GraphForm::Text) {
    state->module->print(stream, OpPrintingFlags().enableDebugInfo(true));
    return bytes + "\n";
  }
  BytecodeWriterConfig config(fmt::format("asgc {}", asgc_version()));
  if (failed(writeBytecodeToFile(*state->module, stream, config)))
    return Fault{FaultKind::Internal, "MLIR cannot write its bytecode"};
  return bytes;
}

static Array toArray(const HostTensor &tensor) {
  auto shape = tensor.shape();
  auto bytes = tensor.bytes();
  return {elementTypeOf(tensor.dtype()),
          {shape.begin(), shape.end()},
          {bytes.begin(), bytes.end()}};
}

std::vector<ModelVariable> Compilation::variables() const {
  std::vector<ModelVariable> result;
  auto add = [&](StringRef name, Type type, bool isWeight) {
    auto tensor = cast<RankedTensorType>(type);
    result.push_back({name.str(),
                      elementTypeOf(getDType(tensor.getElementType())),
                      tensor.getShape().vec(), isWeight});
  };
  for (Operation &op : *state->module->getBody())
    if (auto param = dyn_cast<asg::ParamOp>(op))
      add(param.getSymName(), param.getType(), true);
    else if (auto state = dyn_cast<asg::StateOp>(op))
      add(state.getSymName(), state.getType(), state.getRole() == "state");
  return result;
}

/// Brings `module` to plain ops: no layers, no gradients; for a text, which has
/// neither, no branches and no loops. Layers that a text has a word for stay in
/// one.
static MaybeFault makePlain(ModuleOp module, bool isText) {
  PassManager passes(module.getContext());
  inlineLayers(module,
               [&](asg::LayerOp layer) { return isText && canRaise(layer); });
  AsgUnrollLoopsOptions loops;
  loops.all = isText;
  if (isText)
    loops.maxSteps = 256; // nobody reads more
  passes.addPass(createAsgUnrollLoops(loops));
  passes.addPass(createAsgInlineBranches({.all = isText}));
  passes.addPass(createAsgDifferentiate());
  std::string message;
  ScopedDiagnosticHandler handler(module.getContext(),
                                  [&](mlir::Diagnostic &diagnostic) {
                                    message = diagnostic.str();
                                    return success();
                                  });
  if (failed(passes.run(module)))
    return Fault{FaultKind::Input, message};
  return std::nullopt;
}

Result<OnnxFiles> Compilation::toOnnx(const std::string &entry,
                                      const std::vector<NamedView> &values,
                                      const OnnxExportOptions &options) {
  auto graph = state->module->lookupSymbol<asg::GraphOp>(entry);
  bool hasGradients = false;
  if (graph)
    graph.walk([&](asg::GradientOp) { hasGradients = true; });
  if (hasGradients)
    if (MaybeFault fault = makePlain(*state->module, /*isText=*/false))
      return *fault;
  return exportOnnx(*state->module, entry, values, options);
}

Result<ModelText> Compilation::toText(const std::string &name,
                                      const std::vector<NamedView> &values) {
  if (MaybeFault fault = makePlain(*state->module, /*isText=*/true))
    return *fault;
  std::string whyNot;
  auto raised = raiseModel(state->module->lookupSymbol<asg::GraphOp>("infer"),
                           name, &whyNot);
  if (!raised)
    return Fault{FaultKind::Unsupported,
                 "the language has no words for: " + whyNot};
  ModelText result{std::move(raised->text), {}, {}, std::move(raised->renamed)};
  std::map<std::string_view, const NamedView *> byName;
  for (const NamedView &value : values)
    byName.emplace(value.name, &value);
  for (RaisedWeight &weight : raised->weights) {
    if (weight.source.empty()) {
      result.weights.push_back({viewOf({weight.name, toArray(weight.value)})});
      continue;
    }
    auto found = byName.find(weight.source);
    if (found == byName.end()) {
      result.missing.push_back(weight.source);
      continue;
    }
    NamedView value = *found->second;
    value.name = weight.name;
    result.weights.push_back({std::move(value), weight.isTransposed,
                              std::move(weight.stretches),
                              std::move(weight.shape)});
  }
  return result;
}

} // namespace asgc
