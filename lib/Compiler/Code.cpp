//===- Code.cpp - From the plan to an object, and into this process -------===//
#include "State.h"

#include "asgc/Codegen.h"
#include "asgc/Package.h"
#include "asgc/abi.h"
#include "dialects/plan/Plan.h"

#include <chrono>
#include <set>

using namespace mlir;

namespace asgc {

namespace {

/// Code of the program `name`, alive with its object.
class OrcProgram final : public LinkedProgram {
public:
  explicit OrcProgram(std::unique_ptr<LoadedProgram> loaded)
      : loaded(std::move(loaded)) {}
  const asgc_program_desc &description() const final {
    return loaded->getDescription();
  }

private:
  std::unique_ptr<LoadedProgram> loaded;
};

/// Everything that compiled code may call.
std::vector<RuntimeFunction> runtimeFunctions() {
  return {
#define ASGC_ABI(name, ...) {#name, reinterpret_cast<void *>(&name)},
#include "asgc/abi.def"
  };
}

DeviceOptions deviceOptions(const CompileOptions &options) {
  DeviceOptions device;
  device.splitsF32 = options.splitsF32;
  device.addsAtomically = options.addsAtomically;
  device.times = options.tileTimes;
  device.onlyTile = options.onlyTile;
  return device;
}

} // namespace

std::vector<DeviceTile> deviceTiles() {
  const DeviceTarget target;
  std::vector<DeviceTile> tiles;
  for (const DeviceTarget::MatrixTile &tile : target.matrixTiles)
    tiles.push_back({tile.rows, tile.columns, tile.depth, true});
  for (const DeviceTarget::Tile &tile : target.tiles)
    tiles.push_back({tile.rows, tile.columns, tile.depth, false});
  return tiles;
}

Result<std::vector<ProductShape>> Compilation::products() {
  if (MaybeFault fault = state->lowerTo(Level::Plan))
    return *fault;
  std::set<ProductShape> shapes;
  state->module->walk([&](plan::MatmulOp op) {
    auto program = op->getParentOfType<plan::ProgramOp>();
    auto bound = [&](const DimExpr &extent) {
      return extent
          .evaluate([&](std::string_view name) {
            return program.getDimBound(StringRef(name));
          })
          .value_or(1);
    };
    ProductShape shape;
    for (const DimExpr &extent : plan::readExtents(op.getBatch()))
      shape.batch *= bound(extent);
    llvm::SmallVector<DimExpr> sizes = plan::readExtents(op.getSizes());
    shape.m = bound(sizes[0]), shape.n = bound(sizes[1]);
    shape.k = bound(sizes[2]);
    shapes.insert(shape);
  });
  return std::vector<ProductShape>(shapes.begin(), shapes.end());
}

int32_t bestIsa() {
  std::vector<int32_t> isas = hostIsas();
  return isas.empty() ? -1 : isas.back();
}

MaybeFault Compilation::State::lowerToLlvm() {
  if (llvmModule)
    return std::nullopt;
  if (MaybeFault fault = lowerTo(Level::Plan))
    return fault;
  CodegenOptions codegen;
  codegen.name = toIdentifier(module->getSymName().value_or("model").str());
  if (!options.isas.empty())
    codegen.isas = options.isas;
  codegen.cpu = options.cpu;
  codegen.vulkan = options.vulkan;
  codegen.device = deviceOptions(options);
  codegen.poison = options.poison;
  if (!options.stripMetadata)
    codegen.metadata = metadata.str();
  codegen.weights = embedded;

  DialectRegistry codegenDialects;
  registerCodegenDialects(codegenDialects);
  context.appendDialectRegistry(codegenDialects);
  auto start = std::chrono::steady_clock::now();
  size_t errorsBefore = diagnostics.getNumErrors();
  OwningOpRef<ModuleOp> before = module->clone();
  DiagnosticBridge bridge(context, diagnostics, remarks, Code::ASG0602);
  llvmModule = lowerPlanToLlvm(*module, codegen);
  std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  times.push_back({"plan-to-llvm", seconds.count()});
  if (llvmModule)
    return std::nullopt;
  if (diagnostics.getNumErrors() > errorsBefore)
    return Fault{FaultKind::Unsupported, ""};
  reproducer = "// pass that failed: plan-to-llvm\n" + printModule(*before);
  return Fault{FaultKind::Internal, "pass 'plan-to-llvm' failed"};
}

Result<std::string> Compilation::State::printSpirv() {
  DialectRegistry codegenDialects;
  registerCodegenDialects(codegenDialects);
  context.appendDialectRegistry(codegenDialects);
  size_t errorsBefore = diagnostics.getNumErrors();
  DiagnosticBridge bridge(context, diagnostics, remarks, Code::ASG0602);
  OwningOpRef<ModuleOp> shaders =
      lowerPlanToSpirv(*module, deviceOptions(options));
  if (!shaders) {
    bool isReported = diagnostics.getNumErrors() > errorsBefore;
    return isReported ? Fault{FaultKind::Unsupported, ""}
                      : Fault{FaultKind::Internal, "plan-to-spirv failed"};
  }
  std::string text;
  llvm::raw_string_ostream stream(text);
  for (Operation &shader : *shaders->getBody()) {
    // The line of the model that the shader comes from.
    if (auto place = dyn_cast<FileLineColLoc>(shader.getLoc()))
      stream << "// " << place.getFilename().getValue() << ":"
             << place.getLine() << ":" << place.getColumn() << "\n";
    stream << shader << "\n\n";
  }
  return text;
}

Result<std::string> Compilation::State::generate(Emit form) {
  if (MaybeFault fault = lowerToLlvm())
    return *fault;
  DiagnosticBridge bridge(context, diagnostics, remarks, Code::ASG0602);
  CodeFormat format = form == Emit::Llvm  ? CodeFormat::LlvmIr
                      : form == Emit::Asm ? CodeFormat::Assembly
                                          : CodeFormat::Object;
  std::string code = emitCode(*llvmModule, format);
  if (code.empty())
    return Fault{FaultKind::Internal, "no code could be generated"};
  return code;
}

Result<const std::vector<std::string> *> Compilation::State::generateObjects() {
  if (!objects.empty())
    return &objects;
  if (MaybeFault fault = lowerToLlvm())
    return *fault;
  auto start = std::chrono::steady_clock::now();
  DiagnosticBridge bridge(context, diagnostics, remarks, Code::ASG0602);
  objects = emitObjects(*llvmModule);
  std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  times.push_back({"emit-code", seconds.count()});
  if (objects.empty())
    return Fault{FaultKind::Internal, "no code could be generated"};
  return &objects;
}

void Compilation::embed(std::string weights) {
  state->embedded = std::move(weights);
}

Result<std::vector<std::string>> Compilation::makeObjects() {
  auto objects = state->generateObjects();
  if (!objects)
    return objects.fault();
  return **objects;
}

Result<std::unique_ptr<LinkedProgram>> Compilation::link() {
  auto objects = state->generateObjects();
  if (!objects)
    return objects.fault();
  std::string error;
  auto loaded =
      loadProgram(**objects, toIdentifier(name()), runtimeFunctions(), &error);
  if (!loaded)
    return Fault{FaultKind::Internal, "the program does not link: " + error};
  return std::unique_ptr<LinkedProgram>(
      std::make_unique<OrcProgram>(std::move(loaded)));
}

} // namespace asgc
