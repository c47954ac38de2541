//===- Maker.cpp - Compiles the op suite for devices without a compiler ---===//
//
// kit-maker FOLDER [--share=N] [--nn=FILE.asg]... [--matrix=FILE.asg]
//     [--unit=ROWS,COLUMNS,DEPTH,SUBGROUP]
//
// Every case is a graph with inputs and what the reference interpreter makes of
// them. It writes an object for each program (k0.o, k1.o, …, which define
// k0_program, …), kit.c, a table of them, and cases.safetensors:
// "k0/GRAPH/in/0", "k0/GRAPH/out/0", "k0/GRAPH/before/VARIABLE",
// "k0/GRAPH/after/VARIABLE", and as metadata for each "k0/GRAPH" its group, its
// tolerance and what it shows. An entry is called GRAPH.PIPELINE. --share=N
// takes each N-th case. Products of f32 in the models of --matrix are made for
// matrix units too. Those are what GPUs have most often, or --unit.
#include "asgc/Frontend.h"
#include "asgc/Passes.h"
#include "asgc/safetensors.h"
#include "test/ops/Backward.h"
#include "test/ops/CpuBackend.h"
#include "test/ops/Example.h"
#include "test/ops/RandomGraph.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <list>

using namespace asgc;
using namespace asgc::test;

namespace {

/// f32 kernels sum in another order than the interpreter; gradients and random
/// graphs are a dozen ops deep and divide.
constexpr double kTolerance = 1e-5, kDeepTolerance = 2e-4;
constexpr uint64_t kRandomGraphs = 150, kRandomBatch = 5;

int32_t dtypeOf(DType type) {
  switch (type) {
  case DType::F32:
    return ASGC_F32;
  case DType::F16:
    return ASGC_F16;
  case DType::BF16:
    return ASGC_BF16;
  case DType::F64:
    return ASGC_F64;
  case DType::I8:
    return ASGC_I8;
  case DType::I32:
    return ASGC_I32;
  case DType::I64:
    return ASGC_I64;
  case DType::Bool:
    return ASGC_BOOL;
  }
  return -1;
}

/// One graph of a program, and what it must compute.
struct Case {
  std::string graph, group, label;
  std::vector<HostTensor> inputs;
  Variables variables;
  InterpreterResult expected;
  double tolerance = kTolerance;
};

class Kit {
public:
  Kit(std::filesystem::path folder, std::vector<MatrixUnit> units)
      : folder(std::move(folder)), units(std::move(units)) {}

  /// Compiles a module of these cases, by each pipeline.
  bool add(mlir::ModuleOp module, std::vector<Case> cases,
           llvm::ArrayRef<CpuOptions> pipelines);
  bool finish();

  int lacking = 0;

private:
  void addTensor(const std::string &name, const HostTensor &value) {
    names.push_back(name);
    tensors.push_back(value);
  }

  std::filesystem::path folder;
  std::vector<MatrixUnit> units;
  std::vector<std::string> programs;
  std::list<std::string> names;
  std::list<HostTensor> tensors;
  std::vector<std::string> metadata;
};

const CpuOptions kOptimized = {.suffix = ".optimized",
                               .asgPasses = "asg-pipeline{attention=true}",
                               .vulkan = true};
/// Matrix units multiply f32.
const CpuOptions kSplit = {.suffix = ".split",
                           .asgPasses = "asg-pipeline{attention=true}",
                           .vulkan = true,
                           .device = {.splitsF32 = true}};
/// A kernel for each op.
const CpuOptions kPlain = {.suffix = ".plain",
                           .asgPasses = "asg-inline-layers,asg-differentiate",
                           .vulkan = true};

bool Kit::add(mlir::ModuleOp module, std::vector<Case> cases,
              llvm::ArrayRef<CpuOptions> pipelines) {
  const std::string name = "k" + std::to_string(programs.size());
  std::string error;
  std::vector<CpuOptions> options(pipelines.begin(), pipelines.end());
  options.front().device.matrixUnits = units;
  auto object = compileObject(module, options, name, error);
  if (mlir::failed(object)) {
    const bool isKnown =
        error.find("which the Vulkan backend does not") != std::string::npos;
    std::fprintf(stderr, "%s: %s: %s\n", isKnown ? "lacks" : "FAILED",
                 cases.front().group.c_str(), error.c_str());
    lacking += isKnown;
    return isKnown;
  }
  programs.push_back(name);
  std::ofstream(folder / (name + ".o"), std::ios::binary) << object->bytes;
  for (const Case &one : cases) {
    const std::string prefix = name + "/" + one.graph;
    metadata.push_back(prefix);
    metadata.push_back(one.group + "\t" + std::to_string(one.tolerance) + "\t" +
                       one.label);
    for (size_t i = 0; i < one.inputs.size(); ++i)
      addTensor(prefix + "/in/" + std::to_string(i), one.inputs[i]);
    for (size_t i = 0; i < one.expected.outputs.size(); ++i)
      addTensor(prefix + "/out/" + std::to_string(i), one.expected.outputs[i]);
    for (const auto &[variable, value] : one.variables) {
      auto assigned = one.expected.assigned.find(variable);
      addTensor(prefix + "/before/" + variable, value);
      addTensor(prefix + "/after/" + variable,
                assigned == one.expected.assigned.end() ? value
                                                        : assigned->second);
    }
  }
  return true;
}

bool Kit::finish() {
  std::string table = "#include <asgc/program.h>\n\n";
  for (const std::string &name : programs)
    table += "extern const asgc_program_desc " + name + "_program;\n";
  table += "const asgc_program_desc *const kit_programs[] = {\n";
  for (const std::string &name : programs)
    table += "    &" + name + "_program,\n";
  table += "    0};\n";
  std::ofstream(folder / "kit.c") << table;
  std::vector<std::vector<int64_t>> shapes;
  std::vector<asgc_safetensors_source> sources;
  for (const HostTensor &tensor : tensors)
    shapes.emplace_back(tensor.shape().begin(), tensor.shape().end());
  auto name = names.begin();
  auto shape = shapes.begin();
  for (const HostTensor &tensor : tensors)
    sources.push_back({(name++)->c_str(), shape->data(), tensor.bytes().data(),
                       dtypeOf(tensor.dtype()), int32_t((shape++)->size())});
  std::vector<const char *> pairs;
  for (const std::string &text : metadata)
    pairs.push_back(text.c_str());
  if (asgc_safetensors_write((folder / "cases.safetensors").c_str(),
                             sources.data(), int64_t(sources.size()),
                             pairs.data(), int64_t(pairs.size() / 2))) {
    std::fprintf(stderr, "%s\n", asgc_last_error());
    return false;
  }
  std::printf("%zu programs, %zu graphs, %d that the backend lacks\n",
              programs.size(), metadata.size() / 2, lacking);
  return true;
}

/// Makes the gradients of a weighted sum of the outputs, by all float inputs
/// and variables that are read, outputs beside the graph's own. False if no
/// output depends on them.
bool addGradients(asg::GraphOp graph) {
  llvm::SmallVector<mlir::Value> wrt, outputs;
  auto isFloats = [](mlir::Value value) {
    return asg::hasFloatElements(value.getType());
  };
  llvm::copy_if(graph.getArguments(), std::back_inserter(wrt), isFloats);
  graph.walk([&](asg::ReadOp read) {
    if (isFloats(read))
      wrt.push_back(read);
  });
  mlir::Operation *end = graph.getBody().front().getTerminator();
  llvm::append_range(outputs, end->getOperands());
  mlir::Value loss = buildWeightedSum(graph);
  if (!loss)
    return false;
  const size_t before = outputs.size();
  for (mlir::Value gradient : buildBackward(loss, wrt))
    if (gradient)
      outputs.push_back(gradient);
  setOutputs(graph, outputs);
  return outputs.size() > before;
}

enum class Added { Failed, Nothing, Program };

/// The values of a graph, and its gradients if asked for, as a program for each
/// pipeline. Nothing if the graph has no gradients.
Added addGraph(Kit &kit, Reader &reader, mlir::ModuleOp source,
               const CatalogOp &op, const std::string &group,
               const std::string &label, bool wantsGradients,
               llvm::ArrayRef<CpuOptions> pipelines) {
  mlir::OwningOpRef<mlir::ModuleOp> module(
      mlir::cast<mlir::ModuleOp>(source->clone()));
  asg::GraphOp graph = firstEntry(*module);
  if (!graph.getOps<asg::LoopOp>().empty()) // has no code for devices
    return Added::Nothing;
  const bool hasFusions = !graph.getOps<asg::FusionOp>().empty();
  expandGradients(graph);
  if (wantsGradients && (hasFusions || !addGradients(graph)))
    return Added::Nothing;
  const bool isForUnits = pipelines.front().suffix == kSplit.suffix;
  Case one{graph.getSymName().str(),
           group,
           label + (wantsGradients ? ", gradients" : ""),
           drawInputs(graph, op, false, 1),
           drawVariables(*module, op, 2),
           {},
           wantsGradients || isForUnits ? kDeepTolerance : kTolerance};
  auto expected = interpret(graph, one.inputs, one.variables);
  if (mlir::failed(expected)) {
    std::fprintf(stderr, "FAILED: %s: %s\n", group.c_str(),
                 reader.errors.c_str());
    return Added::Failed;
  }
  one.expected = std::move(*expected);
  std::vector<Case> cases;
  cases.push_back(std::move(one));
  // The optimizer makes fusions itself, and so takes none.
  if (hasFusions)
    pipelines = kPlain;
  return kit.add(*module, std::move(cases), pipelines) ? Added::Program
                                                       : Added::Failed;
}

/// A graph by itself and with its gradients. The latter gives the values too, so
/// that a graph by itself is only of interest where it is optimized.
bool addBoth(Kit &kit, Reader &reader, mlir::ModuleOp source,
             const CatalogOp &op, const std::string &group,
             const std::string &label, bool isDifferentiable, bool isForUnits) {
  const CpuOptions general[] = {kOptimized, kPlain};
  llvm::ArrayRef<CpuOptions> all = general;
  if (isForUnits)
    all = kSplit;
  Added gradients = Added::Nothing;
  if (isDifferentiable)
    gradients = addGraph(kit, reader, source, op, group, label, true, all);
  if (gradients == Added::Program && isForUnits)
    return true;
  if (gradients == Added::Program)
    all = kOptimized;
  return addGraph(kit, reader, source, op, group, label, false, all) !=
             Added::Failed &&
         gradients != Added::Failed;
}

bool addExamples(Kit &kit, size_t share) {
  bool isGood = true;
  size_t number = 0;
  for (const NamedExample &named : allExamples()) {
    if (number++ % share != 0)
      continue;
    Reader reader;
    Example example = readExample(reader, named.text);
    if (!example) {
      std::fprintf(stderr, "FAILED: %s: %s\n", named.op->name.c_str(),
                   reader.errors.c_str());
      return false;
    }
    // stop_gradient differs from its values on purpose.
    isGood &= addBoth(kit, reader, *example.module, *named.op, named.op->name,
                      named.text,
                      !example.isWholeModule && named.op->isDifferentiable,
                      /*isForUnits=*/false);
  }
  return isGood;
}

/// Graphs with the same run-time dims share a program, and so kernels.
bool addRandomGraphs(Kit &kit, size_t share) {
  bool isGood = true;
  const uint64_t last = kRandomGraphs / share;
  for (uint64_t begin = 0; begin < last; begin += kRandomBatch * kRandomBatch)
    for (uint64_t residue = 0; residue < kRandomBatch; ++residue) {
      Reader reader;
      mlir::OwningOpRef<mlir::ModuleOp> module;
      std::vector<Case> cases;
      for (uint64_t i = 0; i < kRandomBatch; ++i) {
        const uint64_t seed = begin + residue + i * kRandomBatch;
        if (seed >= last)
          continue;
        auto made = makeRandomGraph(reader.context, seed);
        asg::GraphOp graph = *made->getOps<asg::GraphOp>().begin();
        Case one{"g" + std::to_string(seed),
                 "random graphs",
                 "seed " + std::to_string(seed),
                 drawRandomInputs(graph, seed),
                 drawRandomVariables(*made, seed),
                 {},
                 kDeepTolerance};
        mlir::OwningOpRef<mlir::ModuleOp> clone(made->clone());
        asg::GraphOp reference = *clone->getOps<asg::GraphOp>().begin();
        expandGradients(reference);
        auto expected = interpret(reference, one.inputs, one.variables);
        if (mlir::failed(expected))
          return false;
        one.expected = std::move(*expected);
        graph.setSymName(one.graph);
        cases.push_back(std::move(one));
        if (!module) {
          module = std::move(made);
          continue;
        }
        graph->remove();
        module->push_back(graph);
      }
      if (module)
        isGood &= kit.add(*module, std::move(cases), {kOptimized});
    }
  return isGood;
}

bool raiseAttention(mlir::ModuleOp module) {
  mlir::PassManager passes(module.getContext());
  passes.addPass(createAsgInlineLayers());
  passes.addPass(createAsgAttention({.hasKernel = true}));
  return mlir::succeeded(passes.run(module));
}

/// The models of a text that uses the standard library.
bool addModels(Kit &kit, const std::string &path, size_t share,
               bool isForUnits) {
  bool isGood = true;
  SourceManager sources;
  DiagnosticEngine diagnostics(sources);
  Library library = Library::load(path, diagnostics);
  CatalogOp any;
  any.domainLow = -1, any.domainHigh = 1;
  const std::string group =
      isForUnits ? "matrix units"
                 : "nn " + std::filesystem::path(path).stem().string();
  size_t number = 0;
  for (const ast::Item *model : library.getModels()) {
    if (number++ % share != 0)
      continue;
    Reader reader;
    ElaborateOptions options;
    options.model = model->name.text;
    options.inferOnly = true;
    auto module = elaborate(library, reader.context, options, diagnostics);
    if (!module) {
      std::fprintf(stderr, "FAILED: %s of %s\n", options.model.c_str(),
                   path.c_str());
      return false;
    }
    for (auto graph :
         llvm::make_early_inc_range(module->getOps<asg::GraphOp>()))
      if (graph.getSymName() != "infer")
        graph.erase();
    // The values of an attention and its gradient are to be those of one op.
    if (isForUnits && !raiseAttention(*module))
      return false;
    isGood &= addBoth(kit, reader, *module, any, group, options.model,
                      /*isDifferentiable=*/true, isForUnits);
  }
  return isGood;
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 2)
    return 2;
  size_t share = 1;
  std::vector<std::string> texts, matrixTexts;
  std::vector<MatrixUnit> units = commonMatrixUnits();
  for (int i = 2; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.rfind("--share=", 0) == 0)
      share = std::max(1, std::atoi(argument.c_str() + 8));
    else if (argument.rfind("--nn=", 0) == 0)
      texts.push_back(argument.substr(5));
    else if (argument.rfind("--matrix=", 0) == 0)
      matrixTexts.push_back(argument.substr(9));
    else if (MatrixUnit unit;
             std::sscanf(argument.c_str(), "--unit=%ld,%ld,%ld,%ld", &unit.rows,
                         &unit.columns, &unit.depth, &unit.subgroupSize) == 4)
      units = {unit};
    else
      return 2;
  }
  Kit kit(argv[1], units);
  bool isGood = addExamples(kit, share) && addRandomGraphs(kit, share);
  for (const std::string &path : texts)
    isGood = addModels(kit, path, share, false) && isGood;
  for (const std::string &path : matrixTexts)
    isGood = addModels(kit, path, 1, true) && isGood;
  return isGood && kit.finish() ? 0 : 1;
}
