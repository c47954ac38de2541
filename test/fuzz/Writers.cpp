//===- Writers.cpp - What the writers of graphs promise -------------------===//
#include "Writers.h"
#include "StandardLibrary.h"

#include "asgc/Interop.h"
#include "asgc/Interpreter.h"
#include "asgc/Passes.h"
#include "asgc/Raise.h"
#include "dialects/asg/Asg.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

using namespace mlir;

namespace asgc::test {

namespace {
/// More elements than this are not what a writer could be wrong about.
constexpr int64_t kMaxElements = 1 << 16;

void require(bool holds, const std::string &text) {
  if (holds)
    return;
  llvm::errs() << text << "\n";
  std::abort();
}

bool isSmall(ModuleOp module) {
  int64_t elements = 0;
  auto add = [&](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (tensor && tensor.hasStaticShape())
      elements += std::min(tensor.getNumElements(), kMaxElements + 1);
  };
  module.walk([&](Operation *op) {
    if (auto param = dyn_cast<asg::ParamOp>(op))
      add(param.getType());
    else if (auto state = dyn_cast<asg::StateOp>(op))
      add(state.getType());
    for (Type type : op->getResultTypes())
      add(type);
  });
  return elements <= kMaxElements;
}

/// Zeros for every parameter and state.
std::vector<NamedView> makeValues(ModuleOp module) {
  std::vector<NamedView> values;
  auto add = [&](StringRef name, Type type) {
    auto tensor = cast<RankedTensorType>(type);
    Array array{elementTypeOf(getDType(tensor.getElementType())),
                tensor.getShape().vec(),
                {}};
    array.data.resize(size_t(*arrayBytes(array.type, array.shape)));
    values.push_back(viewOf({name.str(), std::move(array)}));
  };
  for (Operation &op : *module.getBody())
    if (auto param = dyn_cast<asg::ParamOp>(op))
      add(param.getSymName(), param.getType());
    else if (auto state = dyn_cast<asg::StateOp>(op))
      add(state.getSymName(), state.getType());
  return values;
}

/// Numbers for the inputs, run-time dims being 3 where that many fit; none if
/// the shapes have no such values.
std::optional<std::vector<HostTensor>> makeInputs(asg::GraphOp graph) {
  auto valueOf = [&](StringRef name) -> std::optional<int64_t> {
    auto bound = graph.getDims().getAs<IntegerAttr>(name);
    if (!bound)
      return std::nullopt;
    return std::min<int64_t>(bound.getInt(), 3);
  };
  std::vector<HostTensor> inputs;
  for (Type type : graph.getArgumentTypes()) {
    std::vector<int64_t> shape;
    for (const DimExpr &dim : asg::getDims(cast<RankedTensorType>(type)))
      shape.push_back(dim.evaluate(valueOf).value_or(-1));
    auto input = HostTensor::make(
        getDType(cast<RankedTensorType>(type).getElementType()), shape);
    if (!input || input->numElements() > kMaxElements)
      return std::nullopt;
    for (int64_t i = 0; i < input->numElements(); ++i)
      input->set(i, double(i * 7 % 11 - 4) / 2);
    inputs.push_back(std::move(*input));
  }
  return inputs;
}

/// What `graph` gives for `inputs`, without rounding: what is written may
/// compute it in another order. Nothing if it has variables, draws numbers or
/// is large.
std::optional<std::vector<HostTensor>>
evaluate(asg::GraphOp graph, const std::vector<HostTensor> &inputs) {
  bool isRandom = false;
  graph.walk([&](Operation *op) {
    isRandom |= op->getName().getStringRef().contains("random");
  });
  auto result = isRandom ? FailureOr<InterpreterResult>(failure())
                         : interpret(graph, inputs, {},
                                     {.roundToStorage = false,
                                      .maxElements = kMaxElements,
                                      .maxSteps = 1 << 20,
                                      .maxIterations = 64});
  if (failed(result))
    return std::nullopt;
  return std::move(result->outputs);
}

/// `again` was read from what was written of `graph`.
void checkSame(asg::GraphOp graph, asg::GraphOp again,
               const std::string &text) {
  auto shapes = [](ArrayRef<Type> types) {
    std::string list;
    for (Type type : types) {
      auto tensor = cast<RankedTensorType>(type);
      list += std::string(nameOf(getDType(tensor.getElementType()))) + " ";
      for (int64_t extent : tensor.getShape())
        list +=
            ShapedType::isDynamic(extent) ? "? " : std::to_string(extent) + " ";
      list += "; ";
    }
    return list;
  };
  require(shapes(graph.getArgumentTypes()) ==
                  shapes(again.getArgumentTypes()) &&
              shapes(graph.getResultTypes()) == shapes(again.getResultTypes()),
          text + "\nhas other types");
  auto inputs = makeInputs(graph);
  auto before = inputs ? evaluate(graph, *inputs) : std::nullopt;
  if (!before)
    return;
  auto after = evaluate(again, *inputs);
  if (!after)
    return;
  require(before->size() == after->size(), text + "\nhas other outputs");
  for (auto [left, right] : llvm::zip_equal(*before, *after)) {
    require(std::ranges::equal(left.shape(), right.shape()),
            text + "\nhas outputs of other shapes");
    for (int64_t i = 0; i < left.numElements(); ++i) {
      double a = left.get(i), b = right.get(i);
      bool isClose = !std::isfinite(a) || !std::isfinite(b) ||
                     std::abs(a - b) <= 1e-6 * (1 + std::abs(a));
      require(isClose, text + "\ncomputes " + std::to_string(b) +
                           " instead of " + std::to_string(a));
    }
  }
}

/// Whether ONNX says something else than asg of what `graph` does: assigned
/// variables become outputs, and places outside of an axis are not empty.
bool isOther(asg::GraphOp graph) {
  return graph
      .walk([](Operation *op) {
        return isa<asg::AssignOp, asg::GatherOp, asg::ScatterAddOp>(op)
                   ? WalkResult::interrupt()
                   : WalkResult::advance();
      })
      .wasInterrupted();
}

void checkOnnx(ModuleOp module, asg::GraphOp graph) {
  Result<OnnxFiles> files =
      exportOnnx(module, graph.getSymName().str(), makeValues(module));
  if (!files)
    return require(!files.fault().message.empty(), "no reason against ONNX");
  MLIRContext context(MLIRContext::Threading::DISABLED);
  auto model =
      parseOnnx(std::as_bytes(std::span(files->model)), "again.onnx", context);
  if (!model) // the importer knows less of run-time extents than the exporter
    return require(model.fault().kind == FaultKind::Unsupported,
                   model.fault().message);
  require(succeeded(verify(*model->module)), "the import is not valid");
  if (!isOther(graph))
    checkSame(graph, model->module->lookupSymbol<asg::GraphOp>("infer"),
              "the ONNX file");
}

void checkText(asg::GraphOp graph) {
  std::string whyNot;
  auto raised = raiseModel(graph, "again", &whyNot);
  if (!raised)
    return require(!whyNot.empty(), "no reason against a text");
  const StandardLibrary &standard = StandardLibrary::get();
  SourceManager sources = standard.sources;
  DiagnosticEngine diagnostics(sources);
  Library library = Library::load(sources.add("again.asg", raised->text),
                                  diagnostics, standard.library);
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.loadDialect<asg::AsgDialect>();
  OwningOpRef<ModuleOp> module;
  ElaborateOptions options;
  options.inferOnly = true;
  if (!diagnostics.hasErrors())
    module = elaborate(library, context, options, diagnostics);
  if (module && !diagnostics.hasErrors()) {
    require(succeeded(verify(*module)), raised->text);
    return checkSame(graph, module->lookupSymbol<asg::GraphOp>("infer"),
                     raised->text);
  }
  std::string text = raised->text;
  for (const Diagnostic &diagnostic : diagnostics.getDiagnostics())
    text += renderShort(diagnostic, sources);
  require(false, text);
}
} // namespace

void checkWriters(ModuleOp module) {
  if (!isSmall(module))
    return;
  ScopedDiagnosticHandler handler(module.getContext(),
                                  [](mlir::Diagnostic &) { return success(); });
  // As `asgc convert` does it.
  PassManager passes(module.getContext());
  passes.addPass(createAsgInlineLayers());
  passes.addPass(createAsgDifferentiate());
  if (failed(passes.run(module)))
    return;
  for (auto graph : module.getOps<asg::GraphOp>()) {
    if (graph.isPrivate())
      continue;
    checkText(graph);
    checkOnnx(module, graph);
  }
}

} // namespace asgc::test
