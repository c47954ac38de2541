//===- ProgramEmitter.cpp - Programs of a module as an llvm module --------===//
#include "ProgramEmitter.h"

#include "Tables.h"
#include "dialects/asg/Asg.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::cpu;

namespace {
/// Work below this is not worth another thread.
constexpr double kGrainNanoseconds = 10000;

/// How each instruction set is called and what it is for LLVM.
struct Target {
  Isa isa;
  const char *suffix, *cpu, *vectorBits;
};
constexpr Target kTargets[ASGC_ISA_COUNT] = {
    {Isa::Avx2, ".avx2", "x86-64-v3", "256"},
    {Isa::Avx512, ".avx512", "x86-64-v4", "512"},
};

// Offsets in asgc_frame.
constexpr int64_t kArena = offsetof(asgc_frame, arena);
constexpr int64_t kInputs = offsetof(asgc_frame, inputs);
constexpr int64_t kOutputs = offsetof(asgc_frame, outputs);
constexpr int64_t kVariables = offsetof(asgc_frame, variables);
constexpr int64_t kDims = offsetof(asgc_frame, dims);
} // namespace

std::optional<int32_t> cpu::dtypeOf(Type element) {
  if (element.isF32())
    return ASGC_F32;
  if (element.isF16())
    return ASGC_F16;
  if (element.isBF16())
    return ASGC_BF16;
  if (element.isInteger(8))
    return ASGC_I8;
  if (element.isInteger(32))
    return ASGC_I32;
  if (element.isInteger(64))
    return ASGC_I64;
  if (element.isInteger(1))
    return ASGC_BOOL;
  return std::nullopt;
}

ProgramEmitter::ProgramEmitter(ModuleOp source, const CodegenOptions &options)
    : source(source), options(options), builder(source.getContext()) {}

OwningOpRef<ModuleOp> ProgramEmitter::emit() {
  module = ModuleOp::create(source.getLoc());
  builder.setInsertionPointToEnd(module->getBody());
  if (failed(collectVariables()))
    return nullptr;
  for (auto program : source.getOps<plan::ProgramOp>()) {
    Entry &entry = entries.emplace_back();
    entry.program = program;
    for (NamedAttribute dim : program.getDims())
      entry.dimNames[dim.getName()] = dims.addSymbol(
          dim.getName(), cast<IntegerAttr>(dim.getValue()).getInt());
    for (auto step : program.getBody().getOps<plan::StepInterface>())
      for (Value buffer : step.getWrittenBuffers())
        entry.assignsVariables |= isa_and_nonnull<plan::VariableOp>(
            plan::getRootBuffer(buffer).getDefiningOp());
  }
  for (Entry &entry : entries)
    if (options.cpu && failed(emitEntry(entry)))
      return nullptr;
  if (options.vulkan && failed(emitDeviceCode()))
    return nullptr;
  if (!emitDescription())
    return nullptr;
  return std::move(module);
}

LogicalResult ProgramEmitter::collectVariables() {
  auto add = [&](Operation *op, StringAttr name, Type type,
                 int32_t role) -> LogicalResult {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor || !tensor.hasStaticShape())
      return op->emitError()
             << "variable '" << name.getValue() << "' has no static shape";
    if (!dtypeOf(tensor.getElementType()))
      return op->emitError()
             << "variable '" << name.getValue() << "' holds "
             << tensor.getElementType() << ", which programs cannot";
    variableIndices[name.getValue()] = variables.size();
    variables.push_back({name, tensor, role});
    return success();
  };
  for (Operation &op : *source.getBody()) {
    if (auto param = dyn_cast<asg::ParamOp>(op)) {
      if (failed(add(&op, param.getSymNameAttr(), param.getType(),
                     ASGC_ROLE_PARAM)))
        return failure();
    } else if (auto state = dyn_cast<asg::StateOp>(op)) {
      int32_t role = llvm::StringSwitch<int32_t>(state.getRole())
                         .Case("optimizer", ASGC_ROLE_OPTIMIZER)
                         .Case("step", ASGC_ROLE_STEP)
                         .Case("seed", ASGC_ROLE_SEED)
                         .Default(ASGC_ROLE_STATE);
      if (failed(add(&op, state.getSymNameAttr(), state.getType(), role)))
        return failure();
    }
  }
  return success();
}

//===- Functions ----------------------------------------------------------===//

/// A symbol for the kernel or entry `name`: unique, of plain characters.
std::string ProgramEmitter::symbolFor(StringRef name) {
  std::string symbol = options.name + ".";
  for (char c : name)
    symbol += llvm::isAlnum(c) || c == '_' || c == '.' ? c : '_';
  std::string unique = symbol;
  for (int64_t number = 2; !symbols.insert(unique).second; ++number)
    unique = symbol + "." + std::to_string(number);
  return unique;
}

LLVM::LLVMFuncOp ProgramEmitter::declareFunction(const std::string &name,
                                                 Type type) {
  auto function =
      LLVM::LLVMFuncOp::create(builder, source.getLoc(), name, type,
                               LLVM::Linkage::Internal, /*dsoLocal=*/true);
  function.setNoUnwind(true);
  // Frame information, for those who walk the stack.
  function.setUwtableKindAttr(LLVM::UWTableKindAttr::get(
      builder.getContext(), LLVM::uwtable::UWTableKind::Async));
  return function;
}

int64_t ProgramEmitter::addLine(StringRef name) {
  kernels.emplace_back().name = name.str();
  return std::ssize(kernels) - 1;
}

/// The line of the profile called `name`, new if there is none.
int64_t ProgramEmitter::lineOf(StringRef name) {
  auto found = llvm::find_if(
      kernels, [&](const KernelEntry &line) { return line.name == name; });
  return found == kernels.end() ? addLine(name) : found - kernels.begin();
}

LogicalResult ProgramEmitter::emitDeviceCode() {
  OwningOpRef<ModuleOp> modules = ModuleOp::create(source.getLoc());
  vulkan::Numbering numbering;
  numbering.dimIndex = [&](size_t entry, const DimExpr &expr) {
    return dims.indexOf(expr, entries[entry].dimNames);
  };
  numbering.variableIndex = [&](StringRef name) -> int64_t {
    auto found = variableIndices.find(name);
    return found == variableIndices.end() ? -1 : found->second;
  };
  FailureOr<vulkan::DeviceProgram> made =
      vulkan::emitDeviceProgram(source, *modules, numbering, options.device);
  if (failed(made))
    return failure();
  device = std::move(*made);
  return success();
}

std::optional<int64_t> ProgramEmitter::boundOf(Entry &entry,
                                               const DimExpr &expr) {
  usesDims |= !expr.asConstant();
  return expr.evaluate([&](std::string_view name) {
    return entry.program.getDimBound(StringRef(name));
  });
}

LogicalResult ProgramEmitter::emitKernel(Entry &entry, VectorKernel &kernel,
                                         int64_t launch, Operation *step,
                                         KernelEntry &line) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(module->getBody());
  MLIRContext *context = builder.getContext();
  auto pointer = LLVM::LLVMPointerType::get(context);
  Type i64 = builder.getI64Type();
  auto type = LLVM::LLVMFunctionType::get(
      LLVM::LLVMVoidType::get(context), {pointer, pointer, i64, i64, pointer});
  std::string symbol = symbolFor(line.name);
  // What runs once is not worth a form for each kind of processor.
  ArrayRef<int32_t> isas = options.isas;
  if (entry.program.getSymName() == "init")
    isas = isas.take_front();
  for (int32_t isa : isas) {
    const Target &target = kTargets[isa];
    builder.setInsertionPointToEnd(module->getBody());
    LLVM::LLVMFuncOp function = declareFunction(symbol + target.suffix, type);
    function.setTargetCpu(target.cpu);
    function.setPreferVectorWidth(target.vectorBits);
    function.setPassthroughAttr(builder.getArrayAttr({builder.getStrArrayAttr(
        {"min-legal-vector-width", target.vectorBits})}));
    // The tables are not written while the kernel runs.
    for (unsigned table : {0, 1})
      function.setArgAttr(table, LLVM::LLVMDialect::getReadonlyAttrName(),
                          builder.getUnitAttr());
    LlvmBuilder kernelCode(builder, step->getLoc(), target.isa,
                           [&](const DimExpr &expr) {
                             usesDims = true;
                             return dims.indexOf(expr, entry.dimNames);
                           });
    Block *block = function.addEntryBlock(builder);
    kernelCode.enterFunction(block, function.getArgument(1));
    KernelArguments arguments{.buffers = function.getArgument(0),
                              .begin = function.getArgument(2),
                              .end = function.getArgument(3),
                              .scratch = function.getArgument(4)};
    if (failed(kernel.emit(launch, kernelCode, arguments)))
      return failure();
    LLVM::ReturnOp::create(builder, step->getLoc(), ValueRange());
    line.functions[isa] = function;
  }
  for (int32_t isa : options.isas)
    if (!line.functions[isa])
      line.functions[isa] = line.functions[isas.front()];
  return success();
}

//===- Entries ------------------------------------------------------------===//

Value ProgramEmitter::frameField(int64_t offset) {
  Value place = code->address(frame, code->i64(offset), 1);
  return LLVM::LoadOp::create(builder, code->loc, frame.getType(), place);
}

LogicalResult ProgramEmitter::emitEntry(Entry &entry) {
  plan::ProgramOp program = entry.program;
  MLIRContext *context = builder.getContext();
  auto pointer = LLVM::LLVMPointerType::get(context);
  builder.setInsertionPointToEnd(module->getBody());
  entry.function = declareFunction(
      symbolFor(program.getSymName()),
      LLVM::LLVMFunctionType::get(builder.getI32Type(), pointer));
  // Tests poison, and compile many entries: all that takes time is in kernels.
  if (options.poison)
    entry.function.setPassthroughAttr(
        builder.getStrArrayAttr({"optnone", "noinline"}));
  Block *block = entry.function.addEntryBlock(builder);
  code = std::make_unique<LlvmBuilder>(
      builder, program.getLoc(), Isa::Avx2,
      [&](const DimExpr &expr) { return dims.indexOf(expr, entry.dimNames); });
  code->lanes = 1;
  code->enterFunction(block, {});
  frame = entry.function.getArgument(0);
  // A block of its own, so that what belongs to the entry block goes there.
  size_t most = 1;
  for (Operation &op : program.getBody().front())
    most = std::max<size_t>(
        most, op.getNumOperands() * (isa<plan::LoopOp>(op) ? 2 : 1) + 4);
  auto table = LLVM::LLVMArrayType::get(pointer, most);
  argumentTable = LLVM::AllocaOp::create(builder, code->loc, pointer, table,
                                         code->i32(1), /*alignment=*/8);
  arena = frameField(kArena);
  code->enterFunction(block, frameField(kDims));
  pointers.clear();
  exit = builder.createBlock(&entry.function.getBody(),
                             entry.function.getBody().end(),
                             builder.getI32Type(), code->loc);
  LLVM::ReturnOp::create(builder, code->loc, exit->getArgument(0));
  Block *body = builder.createBlock(&entry.function.getBody(),
                                    std::next(block->getIterator()));
  builder.setInsertionPointToEnd(body);
  int64_t number = 0;
  for (Operation &op : program.getBody().front()) {
    if (!isa<plan::StepInterface>(op))
      continue;
    code->loc = op.getLoc();
    if (failed(emitStep(entry, &op)))
      return failure();
    if (options.poison)
      emitPoison(entry, number);
    ++number;
  }
  LLVM::BrOp::create(builder, code->loc, code->i32(0), exit);
  builder.setInsertionPointToEnd(block);
  LLVM::BrOp::create(builder, program.getLoc(), ValueRange(), body);
  return success();
}

/// The address of a buffer in this run.
Value ProgramEmitter::pointerOf(Entry &entry, Value buffer) {
  Value root = plan::getRootBuffer(buffer);
  Value &known = pointers[root];
  if (known)
    return known;
  OpBuilder::InsertionGuard guard(builder);
  Block *block = &entry.function.getBody().front();
  builder.setInsertionPointToEnd(block);
  if (auto argument = dyn_cast<BlockArgument>(root)) {
    int64_t index = argument.getArgNumber();
    int64_t inputs = entry.program.getInputs().size();
    bool isInput = index < inputs;
    return known =
               code->loadPointer(frameField(isInput ? kInputs : kOutputs),
                                 code->i64(isInput ? index : index - inputs));
  }
  if (auto variable = dyn_cast<plan::VariableOp>(root.getDefiningOp()))
    return known = code->loadPointer(
               frameField(kVariables),
               code->i64(variableIndices.lookup(variable.getVariable())));
  if (auto constant = dyn_cast<plan::ConstantOp>(root.getDefiningOp())) {
    std::string symbol = symbolFor("constant");
    {
      OpBuilder::InsertionGuard outside(builder);
      builder.setInsertionPointToStart(module->getBody());
      emitConstantData(builder, constant.getLoc(), symbol, constant.getValue());
    }
    return known = LLVM::AddressOfOp::create(builder, code->loc,
                                             frame.getType(), symbol);
  }
  auto alloc = cast<plan::AllocOp>(root.getDefiningOp());
  return known =
             code->address(arena, code->i64(alloc.getOffset().value_or(0)), 1);
}

/// Calls a function of abi.def, and returns from the entry if it fails.
void ProgramEmitter::call(StringRef name, ValueRange arguments) {
  LLVM::LLVMFuncOp &callee = callees[name];
  if (!callee) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(module->getBody());
    callee = LLVM::LLVMFuncOp::create(builder, source.getLoc(), name,
                                      abiType(builder.getContext(), name));
    callee.setNoUnwind(true);
  }
  Value status =
      LLVM::CallOp::create(builder, code->loc, callee, arguments).getResult();
  Value isBad = code->compare(arith::CmpIPredicate::ne, status, code->i32(0));
  Block *before = builder.getInsertionBlock();
  Block *next = builder.createBlock(before->getParent(),
                                    std::next(before->getIterator()));
  builder.setInsertionPointToEnd(before);
  LLVM::CondBrOp::create(builder, code->loc, isBad, exit, status, next,
                         ValueRange());
  builder.setInsertionPointToEnd(next);
}

LogicalResult ProgramEmitter::emitStep(Entry &entry, Operation *step) {
  for (Value operand : step->getOperands()) {
    auto alloc = dyn_cast_or_null<plan::AllocOp>(
        plan::getRootBuffer(operand).getDefiningOp());
    if (alloc && !alloc.getOffset())
      return alloc.emitOpError(
          "has no place in the arena; run plan-assign-memory first");
    auto variable = dyn_cast_or_null<plan::VariableOp>(
        plan::getRootBuffer(operand).getDefiningOp());
    if (variable && !variableIndices.contains(variable.getVariable()))
      return variable.emitOpError() << "names no variable of the module: '"
                                    << variable.getVariable() << "'";
  }
  if (isa<plan::KernelOp, plan::UpdateOp, plan::ScanOp>(step))
    return emitLaunches(entry, step);
  return emitCall(entry, step);
}

const StepCode *ProgramEmitter::findSameCode(const StepCode &wanted) const {
  // Types say what a kernel needs to know of its memory, attributes how it
  // walks it.
  auto found = llvm::find_if(stepCodes, [&](const StepCode &code) {
    return code.attributes == wanted.attributes &&
           (!code.dims || code.dims == wanted.dims) &&
           code.step->getName() == wanted.step->getName() &&
           code.step->getOperandTypes() == wanted.step->getOperandTypes() &&
           llvm::equal(code.step->getRegions(), wanted.step->getRegions(),
                       [](Region &one, Region &other) {
                         return OperationEquivalence::isRegionEquivalentTo(
                             &one, &other,
                             OperationEquivalence::IgnoreLocations);
                       });
  });
  return found == stepCodes.end() ? nullptr : &*found;
}

LogicalResult ProgramEmitter::emitLaunches(Entry &entry, Operation *step) {
  usesDims = false;
  std::unique_ptr<VectorKernel> kernel = VectorKernel::create(
      step, [&](const DimExpr &expr) { return boundOf(entry, expr); });
  if (!kernel)
    return failure();
  for (auto [index, operand] : llvm::enumerate(step->getOperands())) {
    Value place = code->address(argumentTable, code->i64(index), 8);
    LLVM::StoreOp::create(builder, code->loc, pointerOf(entry, operand), place);
  }
  StringRef name = cast<plan::StepInterface>(step).getStepName();
  NamedAttrList attributes(step->getAttrDictionary());
  attributes.erase("name");
  StepCode own{step, attributes.getDictionary(builder.getContext()),
               entry.program.getDims(), std::ssize(kernels)};
  const StepCode *twin = findSameCode(own);
  for (auto [index, launch] : llvm::enumerate(kernel->launches)) {
    int64_t line = addLine(index == 0 ? name.str() : name.str() + ".combine");
    kernels[line].scratchBytes = launch.scratchBytes;
    if (twin)
      llvm::copy(kernels[twin->line + index].functions,
                 kernels[line].functions);
    else if (failed(emitKernel(entry, *kernel, index, step, kernels[line])))
      return failure();
    double grainPoints = kGrainNanoseconds / launch.nanosecondsPerPoint;
    Value grain;
    if (auto points = launch.pointsPerTask.asConstant())
      grain = code->i64(std::max<int64_t>(
          1,
          static_cast<int64_t>(grainPoints / std::max<int64_t>(1, *points))));
    else
      grain = code->binary(
          Binary::DivS, code->i64(static_cast<int64_t>(grainPoints)),
          code->binary(Binary::MaxS, code->extent(launch.pointsPerTask),
                       code->i64(1)));
    call("asgc_rt_parallel", {frame, code->i32(line), argumentTable,
                              code->extent(launch.tasks), grain});
  }
  if (twin)
    return success();
  if (!usesDims)
    own.dims = {};
  stepCodes.push_back(own);
  return success();
}

/// Fills what died with step `step` with NaN, but not what lives on in the same
/// place.
void ProgramEmitter::emitPoison(Entry &entry, int64_t step) {
  SmallVector<std::pair<int64_t, int64_t>> alive, dead; // from, to
  for (auto alloc : entry.program.getBody().getOps<plan::AllocOp>()) {
    if (!alloc.getOffset() || !alloc.getBytes() || !alloc.getFirst() ||
        !alloc.getLast())
      continue;
    int64_t first = *alloc.getFirst(), last = *alloc.getLast();
    int64_t from = *alloc.getOffset(), to = from + *alloc.getBytes();
    if (last == step)
      dead.push_back({from, to});
    else if (first <= step && last > step)
      alive.push_back({from, to});
  }
  llvm::sort(alive);
  for (auto [from, to] : dead) {
    auto fill = [&](int64_t begin, int64_t end) {
      if (begin < end)
        call("asgc_rt_poison",
             {frame, code->i64(begin), code->i64(end - begin)});
    };
    for (auto [aliveFrom, aliveTo] : alive) {
      fill(from, std::min(to, aliveFrom));
      from = std::max(from, aliveTo);
    }
    fill(from, to);
  }
}

OwningOpRef<ModuleOp> asgc::lowerPlanToLlvm(ModuleOp source,
                                            const CodegenOptions &options) {
  source.getContext()->getOrLoadDialect<LLVM::LLVMDialect>();
  return ProgramEmitter(source, options).emit();
}
