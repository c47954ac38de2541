//===- Compilation.cpp - The facade over the stages -----------------------===//
#include "State.h"

#include "asgc/Frontend.h"
#include "asgc/Interop.h"
#include "dialects/asg/Asg.h"

#include <algorithm>
#include <chrono>

namespace asgc {

LinkedProgram::~LinkedProgram() = default;

const std::vector<std::string> &emitNames() {
  static const std::vector<std::string> names = {"asg", "plan", "llvm", "spirv",
                                                 "asm", "obj",  "dot",  "json"};
  return names;
}

std::optional<Emit> parseEmit(std::string_view name) {
  const std::vector<std::string> &names = emitNames();
  auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end())
    return std::nullopt;
  return static_cast<Emit>(found - names.begin());
}

Compilation::Compilation(CompileOptions options)
    : state(std::make_unique<State>(std::move(options))) {}
Compilation::~Compilation() = default;

MaybeFault Compilation::State::elaborate(FileId file) {
  auto start = std::chrono::steady_clock::now();
  Library library = Library::load(file, diagnostics);
  if (diagnostics.hasErrors())
    return Fault{FaultKind::Input, ""};
  context.loadDialect<asg::AsgDialect>();
  ElaborateOptions elaboration;
  elaboration.model = options.model;
  elaboration.settings = options.settings;
  elaboration.dims = options.dims;
  elaboration.inferOnly = options.inferOnly || options.wantsGradients;
  Recipe found;
  module = asgc::elaborate(library, context, elaboration, diagnostics, &found);
  if (!module || diagnostics.hasErrors())
    return Fault{FaultKind::Input, ""};
  if (module->getOperation()->hasAttr("asg.recipe"))
    recipe = std::move(found);
  return finishElaboration(start);
}

MaybeFault Compilation::State::importOnnx(const std::string &path) {
  auto start = std::chrono::steady_clock::now();
  if (!options.model.empty() || !options.settings.empty())
    return Fault{FaultKind::Input,
                 path + ": an ONNX model takes no --model and no --set"};
  OnnxOptions onnx;
  onnx.dims = options.dims;
  onnx.inputs = options.inputs;
  auto model = asgc::importOnnx(path, context, onnx);
  if (!model)
    return model.fault();
  module = std::move(model->module);
  weights = std::move(model->weights);
  carried = std::move(model->carried);
  return finishElaboration(start);
}

MaybeFault Compilation::State::finishElaboration(
    std::chrono::steady_clock::time_point start) {
  level = Level::Elaborated;
  if (options.wantsGradients)
    if (MaybeFault fault = addGradientGraph(*module))
      return fault;
  if (options.precision == "f16" || options.precision == "bf16") {
    mlir::Builder builder(&context);
    mlir::Type type = options.precision == "f16"
                          ? mlir::Type(builder.getF16Type())
                          : builder.getBF16Type();
    for (auto graph : module->getOps<asg::GraphOp>())
      if (graph.isPrivate() || graph.getSymName() == "infer")
        graph->setAttr("asg.precision", mlir::TypeAttr::get(type));
  }
  isStopped = options.after == "elaborate";
  std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  times.push_back({"elaborate", seconds.count()});
  return writeDump("elaborate");
}

MaybeFault Compilation::load(const std::string &path) {
  if (std::string_view(path).ends_with(".onnx"))
    return state->importOnnx(path);
  for (std::string_view form : {".mlir", ".mlirbc", ".json"})
    if (std::string_view(path).ends_with(form))
      return state->importIr(path);
  std::string error;
  std::optional<FileId> file = state->sources.load(path, &error);
  if (!file)
    return Fault{FaultKind::Environment, path + ": " + error};
  return state->elaborate(*file);
}

MaybeFault Compilation::loadText(const std::string &path, std::string text) {
  return state->elaborate(state->sources.add(path, std::move(text)));
}

MaybeFault Compilation::check() { return state->check(); }

Result<std::string> Compilation::emit(Emit form) {
  bool isAsg = form == Emit::Asg;
  if (MaybeFault fault = state->lowerTo(isAsg ? Level::Asg : Level::Plan))
    return *fault;
  switch (form) {
  case Emit::Asg:
  case Emit::Plan:
    return state->printModule();
  case Emit::Dot:
    return writeDot(*state->module);
  case Emit::Json:
    return state->dumpJson();
  case Emit::Spirv:
    return state->printSpirv();
  case Emit::Llvm:
  case Emit::Asm:
  case Emit::Obj:
    return state->generate(form);
  }
  return Fault{FaultKind::Internal, "unknown form"};
}

Result<std::string> Compilation::State::dumpJson() { return snapshots.str(2); }

const Recipe *Compilation::recipe() const {
  return state->recipe ? &*state->recipe : nullptr;
}
const std::vector<NamedView> &Compilation::weights() const {
  return state->weights;
}

const std::map<std::string, ElementType> &Compilation::carried() const {
  return state->carried;
}
std::string Compilation::name() const {
  return state->module ? state->module->getSymName().value_or("model").str()
                       : "";
}
SourceManager &Compilation::sources() { return state->sources; }
const DiagnosticEngine &Compilation::diagnostics() const {
  return state->diagnostics;
}
const std::vector<std::string> &Compilation::remarks() const {
  return state->remarks;
}
const std::vector<PassTime> &Compilation::times() const { return state->times; }
const std::string &Compilation::reproducer() const { return state->reproducer; }

} // namespace asgc
