//===- DeviceProgram.cpp - Programs as shaders and lists of dispatches ----===//
#include "DeviceProgram.h"

#include "SpirvBuilder.h"

#include "mlir/Target/SPIRV/Serialization.h"

#include <map>

using namespace mlir;
using namespace asgc;
using namespace asgc::vulkan;

namespace {
/// Alignment of constants and workspaces.
constexpr size_t kAlignment = 64;
/// Workspaces take turns in so much memory behind the plan's arena.
constexpr int64_t kWorkspaceBytes = int64_t(64) << 20;

/// Leaves of a target's tiles the one that is asked for, if it is among them.
template <typename Tile>
void keepOnly(const DeviceTile &tile, SmallVector<Tile> &tiles) {
  auto isAnother = [&](const Tile &one) {
    return one.rows != tile.rows || one.columns != tile.columns ||
           one.depth != tile.depth;
  };
  if (!llvm::all_of(tiles, isAnother))
    llvm::erase_if(tiles, isAnother);
}

/// What forms are made for, from the most demanding to the one that all devices
/// can run.
SmallVector<DeviceTarget, 2> targetsOf(const DeviceOptions &options) {
  SmallVector<DeviceTarget, 2> targets;
  const bool isScalar = options.onlyTile && !options.onlyTile->usesUnit;
  for (const MatrixUnit &unit : options.matrixUnits) {
    if (isScalar)
      break;
    DeviceTarget &target = targets.emplace_back();
    target.unit = unit;
    target.splitsF32 = options.splitsF32;
  }
  if (options.addsAtomically)
    targets.emplace_back().addsAtomically = true;
  targets.emplace_back();
  for (DeviceTarget &target : targets) {
    target.times = options.times;
    if (options.onlyTile && options.onlyTile->usesUnit)
      keepOnly(*options.onlyTile, target.matrixTiles);
    else if (options.onlyTile)
      keepOnly(*options.onlyTile, target.tiles);
  }
  return targets;
}

class Emitter {
public:
  Emitter(ModuleOp source, ModuleOp modules, const Numbering &numbering,
          const DeviceOptions &options)
      : source(source), builder(modules.getBodyRegion()), numbering(numbering),
        targets(targetsOf(options)), hasOneForm(options.onlyTile.has_value()) {
    builder.setInsertionPointToEnd(modules.getBody());
  }

  FailureOr<DeviceProgram> emit();

private:
  LogicalResult emitEntry(plan::ProgramOp program, size_t number);
  LogicalResult emitStep(plan::ProgramOp program, size_t number);
  LogicalResult emitForm(DeviceKernel &kernel, size_t number, Operation *step,
                         const DeviceProgram::Dispatch &common);
  Use takeWorkspace(int64_t bytes);
  int64_t skipBorder(int64_t offset, int64_t bytes) const;
  FailureOr<int64_t> addShader(spirv::ModuleOp module, const SpirvBuilder &code,
                               const MatrixUnit &unit);
  FailureOr<asgc_place> placeOf(plan::ProgramOp program, Value buffer);
  asgc_place addConstant(const std::string &bytes);
  SmallVector<Use> usesOf(Operation *step) const;
  bool areApart(size_t a, size_t b) const;

  ModuleOp source;
  OpBuilder builder;
  const Numbering &numbering;
  SmallVector<DeviceTarget, 2> targets;
  bool hasOneForm;
  DeviceProgram result;
  std::map<std::vector<uint32_t>, int64_t> known; // shaders
  llvm::DenseMap<Value, asgc_place> constants;    // looked up only
  std::vector<Operation *> steps;                 // of the entry
  std::vector<SmallVector<Use>> uses;             // of its dispatches
  std::vector<bool> isAlone;                      // likewise
  int64_t arenaEnd = 0, nextWorkspace = 0;        // of the entry
  std::vector<Range> ranges; // of the arena, used by any entry
};

FailureOr<DeviceProgram> Emitter::emit() {
  for (auto program : source.getOps<plan::ProgramOp>())
    if (program.isPrivate())
      return program.emitError(
          "how often a loop runs is decided at run time, which the Vulkan "
          "backend does not compute; compile for the CPU");
  for (auto program : source.getOps<plan::ProgramOp>())
    if (auto block = program.getBlock())
      result.blockBytes = std::min<int64_t>(result.blockBytes, *block);
  for (auto [number, program] :
       llvm::enumerate(source.getOps<plan::ProgramOp>()))
    if (failed(emitEntry(program, number)))
      return failure();
  result.arenaBlocks = cutArena(std::move(ranges), result.blockBytes);
  return std::move(result);
}

LogicalResult Emitter::emitEntry(plan::ProgramOp program, size_t number) {
  result.entries.emplace_back();
  uses.clear(), isAlone.clear();
  arenaEnd = static_cast<int64_t>(
      llvm::alignTo(program.getArena().value_or(0), kAlignment));
  nextWorkspace = arenaEnd;
  result.arenaBytes.push_back(
      static_cast<int64_t>(program.getArena().value_or(0)));
  steps.clear();
  for (Operation &op : program.getBody().front())
    if (isa<plan::StepInterface>(op)) {
      steps.push_back(&op);
      if (failed(emitStep(program, number)))
        return failure();
    }
  std::vector<DeviceProgram::Dispatch> &list = result.entries.back();
  auto areApart = [&](size_t a, size_t b) { return this->areApart(a, b); };
  std::vector<int64_t> levels = assignLevels(uses, areApart);
  if (auto pair = findConflict(uses, levels, areApart))
    return program.emitOpError()
           << "has dispatches '" << list[pair->first].name << "' and '"
           << list[pair->second].name << "' without a barrier between them";
  for (auto [dispatch, level] : llvm::zip_equal(list, levels))
    dispatch.level = level;
  std::stable_sort(list.begin(), list.end(), [](const auto &a, const auto &b) {
    return a.level < b.level;
  });
  return success();
}

/// Whether nothing has to stand between two dispatches though they use the same
/// memory: they are never both run, or write parts of it that do not meet.
bool Emitter::areApart(size_t a, size_t b) const {
  const DeviceProgram::Dispatch &first = result.entries.back()[a],
                                &second = result.entries.back()[b];
  if (first.step == second.step)
    return first.form != second.form || (isAlone[a] && isAlone[b]);
  auto copy = dyn_cast<plan::CopyOp>(steps[first.step]);
  auto other = dyn_cast<plan::CopyOp>(steps[second.step]);
  return copy && other && writeApart(copy, other);
}

LogicalResult Emitter::emitStep(plan::ProgramOp program, size_t number) {
  Operation *step = steps.back();
  auto boundOf = [&](const DimExpr &expr) {
    return expr.evaluate([&](std::string_view name) {
      return program.getDimBound(StringRef(name));
    });
  };
  DeviceProgram::Dispatch dispatch;
  dispatch.name = cast<plan::StepInterface>(step).getStepName().str();
  dispatch.step = std::ssize(steps) - 1;
  for (Value operand : step->getOperands()) {
    FailureOr<asgc_place> place = placeOf(program, operand);
    if (failed(place))
      return failure();
    dispatch.operands.push_back(*place);
  }
  for (const DeviceTarget &target : targets) {
    std::unique_ptr<DeviceKernel> kernel =
        DeviceKernel::create(step, target, boundOf);
    if (!kernel)
      return failure();
    if (!kernel->isOptional() && &target != &targets.back())
      continue;
    if (failed(emitForm(*kernel, number, step, dispatch)))
      return failure();
    if (hasOneForm)
      break;
    ++dispatch.form;
  }
  return success();
}

/// The first place at or after `offset` where `bytes` lie in one block.
int64_t Emitter::skipBorder(int64_t offset, int64_t bytes) const {
  const int64_t left = result.blockBytes - offset % result.blockBytes;
  return bytes > left && bytes <= result.blockBytes ? offset + left : offset;
}

/// Bytes behind the arena. Whoever had them before is done first: the same
/// bytes make a barrier.
Use Emitter::takeWorkspace(int64_t bytes) {
  int64_t begin = skipBorder(nextWorkspace, bytes);
  if (begin + bytes > arenaEnd + kWorkspaceBytes)
    begin = skipBorder(arenaEnd, bytes);
  Use use{0, begin, begin + bytes, true};
  nextWorkspace = static_cast<int64_t>(llvm::alignTo(use.end, kAlignment));
  result.arenaBytes.back() = std::max(result.arenaBytes.back(), use.end);
  return use;
}

LogicalResult Emitter::emitForm(DeviceKernel &kernel, size_t number,
                                Operation *step,
                                const DeviceProgram::Dispatch &given) {
  DeviceProgram::Dispatch common = given;
  SmallVector<Use> used = usesOf(step);
  if (kernel.workspaceBytes > 0) {
    used.push_back(takeWorkspace(kernel.workspaceBytes));
    common.operands.push_back({ASGC_PLACE_ARENA, 0, used.back().begin});
  }
  std::string suffix = kernel.usesUnit()       ? ".matrix"
                       : kernel.addsAtomically ? ".atomic"
                                               : "";
  if (common.form > 0 && kernel.usesUnit())
    suffix += std::to_string(common.form);
  for (auto [index, launch] : llvm::enumerate(kernel.launches)) {
    SpirvBuilder::Options options{.groupSize = launch.groupSize,
                                  .numOperands = std::ssize(common.operands),
                                  .isIndirect = launch.isIndirect,
                                  .unit = launch.unit,
                                  .dimIndex = [&](const DimExpr &expr) {
                                    return numbering.dimIndex(number, expr);
                                  }};
    DeviceProgram::Dispatch dispatch = common;
    auto number = static_cast<int64_t>(index);
    if (number != kernel.mainLaunch)
      dispatch.name += !launch.part.empty()         ? "." + launch.part.str()
                       : number < kernel.mainLaunch ? ".pack"
                                                    : ".combine";
    SpirvBuilder code(builder, step->getLoc(), dispatch.name + suffix, options);
    if (failed(kernel.emit(index, code)))
      return failure();
    FailureOr<int64_t> shader = addShader(code.finish(), code, launch.unit);
    if (failed(shader))
      return failure();
    dispatch.shader = *shader;
    dispatch.groups = launch.groups;
    for (ArrayRef<int64_t> table : code.getTables())
      dispatch.operands.push_back(
          addConstant(std::string(reinterpret_cast<const char *>(table.data()),
                                  table.size() * sizeof(int64_t))));
    result.entries.back().push_back(std::move(dispatch));
    for (const Use &use : used)
      if (use.space == 0)
        ranges.push_back({use.begin, use.end});
    uses.push_back(used);
    isAlone.push_back(launch.isAlone);
  }
  return success();
}

/// The number of the shader; equal ones are one.
FailureOr<int64_t> Emitter::addShader(spirv::ModuleOp module,
                                      const SpirvBuilder &code,
                                      const MatrixUnit &unit) {
  SmallVector<uint32_t, 0> words;
  // No one asks what things are called.
  spirv::SerializationOptions options;
  options.emitSymbolName = false;
  if (failed(spirv::serialize(module, words, options)))
    return failure();
  std::vector<uint32_t> key(words.begin(), words.end());
  auto [entry, isNew] = known.try_emplace(key, std::ssize(result.shaders));
  if (isNew)
    result.shaders.push_back(
        {std::move(key), code.getFeatures(), code.isIndirect(), unit});
  return entry->second;
}

//===- Memory -------------------------------------------------------------===//

asgc_place Emitter::addConstant(const std::string &bytes) {
  result.constants.resize(llvm::alignTo(result.constants.size(), kAlignment));
  asgc_place place{ASGC_PLACE_CONSTANT, 0, std::ssize(result.constants)};
  result.constants += bytes;
  return place;
}

FailureOr<asgc_place> Emitter::placeOf(plan::ProgramOp program, Value buffer) {
  Value root = plan::getRootBuffer(buffer);
  if (auto argument = dyn_cast<BlockArgument>(root)) {
    auto index = static_cast<int32_t>(argument.getArgNumber());
    auto inputs = static_cast<int32_t>(program.getInputs().size());
    return index < inputs ? asgc_place{ASGC_PLACE_INPUT, index, 0}
                          : asgc_place{ASGC_PLACE_OUTPUT, index - inputs, 0};
  }
  Operation *owner = root.getDefiningOp();
  if (auto variable = dyn_cast<plan::VariableOp>(owner)) {
    int64_t index = numbering.variableIndex(variable.getVariable());
    if (index < 0)
      return variable.emitOpError() << "names no variable of the module: '"
                                    << variable.getVariable() << "'";
    return asgc_place{ASGC_PLACE_VARIABLE, static_cast<int32_t>(index), 0};
  }
  if (auto constant = dyn_cast<plan::ConstantOp>(owner)) {
    auto [place, isNew] = constants.try_emplace(root);
    if (isNew)
      place->second = addConstant(constantBytes(constant.getValue()));
    return place->second;
  }
  auto alloc = cast<plan::AllocOp>(owner);
  if (!alloc.getOffset())
    return alloc.emitOpError(
        "has no place in the arena; run plan-assign-memory first");
  return asgc_place{ASGC_PLACE_ARENA, 0,
                    static_cast<int64_t>(*alloc.getOffset())};
}

/// The memory that a step reads and writes. Buffers of the arena are ranges of
/// bytes, as they share memory; of others each has a space of its own.
SmallVector<Use> Emitter::usesOf(Operation *step) const {
  SmallVector<Use> uses;
  auto add = [&](Value buffer, bool isWrite) {
    Value root = plan::getRootBuffer(buffer);
    if (auto alloc = dyn_cast_or_null<plan::AllocOp>(root.getDefiningOp())) {
      auto begin = static_cast<int64_t>(alloc.getOffset().value_or(0));
      auto bytes = static_cast<int64_t>(alloc.getBytes().value_or(1));
      uses.push_back({0, begin, begin + bytes, isWrite});
      return;
    }
    int64_t space = 0;
    if (auto variable =
            dyn_cast_or_null<plan::VariableOp>(root.getDefiningOp()))
      space = 1 + 2 * numbering.variableIndex(variable.getVariable());
    else if (auto argument = dyn_cast<BlockArgument>(root))
      space = 2 + 2 * static_cast<int64_t>(argument.getArgNumber());
    else
      return; // constants are never written
    uses.push_back({space, 0, 1, isWrite});
  };
  auto interface = cast<plan::StepInterface>(step);
  for (Value buffer : interface.getReadBuffers())
    add(buffer, false);
  for (Value buffer : interface.getWrittenBuffers())
    add(buffer, true);
  return uses;
}

} // namespace

std::string vulkan::constantBytes(ElementsAttr value) {
  Type element = cast<RankedTensorType>(value.getType()).getElementType();
  std::string data;
  unsigned bits = element.getIntOrFloatBitWidth();
  auto append = [&](const APInt &number) {
    uint64_t word = number.getZExtValue();
    data.append(reinterpret_cast<const char *>(&word), std::max(1u, bits / 8));
  };
  if (isa<FloatType>(element))
    for (const APFloat &number : value.getValues<APFloat>())
      append(number.bitcastToAPInt());
  else
    for (const APInt &number : value.getValues<APInt>())
      append(number);
  return data;
}

FailureOr<DeviceProgram>
vulkan::emitDeviceProgram(ModuleOp source, ModuleOp modules,
                          const Numbering &numbering,
                          const DeviceOptions &options) {
  source.getContext()->getOrLoadDialect<spirv::SPIRVDialect>();
  return Emitter(source, modules, numbering, options).emit();
}
