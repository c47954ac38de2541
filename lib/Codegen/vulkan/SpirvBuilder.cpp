//===- SpirvBuilder.cpp - Modules, memory and control flow of shaders -----===//
#include "SpirvBuilder.h"

#include "asgc/program.h"

#include "mlir/IR/Dominance.h"
#include "mlir/IR/Iterators.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/CSE.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::vulkan;

namespace {
/// The first place in a file, which debug lines can name.
Location fileLocation(Location loc) {
  Location found = loc;
  loc->walk([&](Location part) {
    if (!isa<FileLineColLoc>(part))
      return WalkResult::advance();
    found = part;
    return WalkResult::interrupt();
  });
  return found;
}

/// Whole numbers that do not depend on a branch leave it. They may be computed
/// in vain then, but once for all branches that need them.
void hoistIntegers(spirv::ModuleOp module) {
  auto isInteger = [](Value value) {
    auto type = dyn_cast<IntegerType>(getElementTypeOrSelf(value.getType()));
    return type && type.getWidth() > 1;
  };
  // The innermost first: what leaves one may leave the next.
  module.walk([&](spirv::SelectionOp selection) {
    Region &body = selection.getBody();
    for (Block &block : body)
      for (Operation &op : llvm::make_early_inc_range(block))
        if (op.getNumResults() == 1 && isInteger(op.getResult(0)) &&
            isPure(&op) && llvm::all_of(op.getOperands(), [&](Value operand) {
              return isInteger(operand) &&
                     !body.isAncestor(operand.getParentRegion());
            }))
          op.moveBefore(selection);
  });
}

/// Templates compute places where they need them, most of them many times.
void shrink(spirv::ModuleOp module) {
  IRRewriter rewriter(module.getContext());
  auto eraseDead = [&](Operation *op) {
    if (isOpTriviallyDead(op))
      op->erase();
  };
  module->walk<WalkOrder::PostOrder, ReverseIterator>(eraseDead);
  hoistIntegers(module);
  DominanceInfo dominance(module);
  eliminateCommonSubExpressions(rewriter, dominance, module);
}

constexpr int64_t kPushWords = ASGC_PUSH_BYTES / 8;

int64_t bytesOf(Type type) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.getNumElements() * bytesOf(vector.getElementType());
  return std::max(1u, type.getIntOrFloatBitWidth() / 8);
}

/// What an element or a vector in memory is a multiple of: no more than what
/// the runtime asks of tensors.
int64_t alignmentOf(Type type) { return std::min<int64_t>(bytesOf(type), 16); }
} // namespace

//===- Module -------------------------------------------------------------===//

SpirvBuilder::SpirvBuilder(OpBuilder &builder, Location at, StringRef name,
                           Options given)
    : DeviceBuilder(builder, fileLocation(at)), options(std::move(given)) {
  // A table of numbers may come to the operands.
  options.isIndirect |= options.numOperands + 2 > kPushWords;
  module = spirv::ModuleOp::create(
      builder, loc, spirv::AddressingModel::PhysicalStorageBuffer64,
      options.unit ? spirv::MemoryModel::Vulkan : spirv::MemoryModel::GLSL450,
      std::nullopt, name);
  capabilities.insert(spirv::Capability::Shader);
  capabilities.insert(spirv::Capability::PhysicalStorageBufferAddresses);
  capabilities.insert(spirv::Capability::Int64);
  builder.setInsertionPointToEnd(module.getBody());
  function = spirv::FuncOp::create(builder, loc, "main",
                                   builder.getFunctionType({}, {}));
  entry = builder.createBlock(&function.getBody());
  body = builder.createBlock(&function.getBody());
}

spirv::ModuleOp SpirvBuilder::finish() {
  spirv::ReturnOp::create(builder, loc);
  builder.setInsertionPointToEnd(entry);
  spirv::BranchOp::create(builder, loc, body);
  builder.setInsertionPointToEnd(module.getBody());
  SmallVector<Attribute> interface;
  for (spirv::GlobalVariableOp variable : globals)
    interface.push_back(FlatSymbolRefAttr::get(variable.getSymNameAttr()));
  spirv::EntryPointOp::create(builder, loc, spirv::ExecutionModel::GLCompute,
                              function, interface);
  spirv::ExecutionModeOp::create(
      builder, loc, function, spirv::ExecutionMode::LocalSize,
      {static_cast<int32_t>(options.groupSize), 1, 1});
  module.setVceTripleAttr(spirv::VerCapExtAttr::get(
      spirv::Version::V_1_5, capabilities.getArrayRef(),
      extensions.getArrayRef(), builder.getContext()));
  shrink(module);
  builder.setInsertionPointAfter(module);
  return module;
}

/// Notes what values of `type` need, in registers or in memory.
void SpirvBuilder::need(Type type, bool isMemory) {
  type = getElementTypeOrSelf(type);
  if (type.isF64()) {
    capabilities.insert(spirv::Capability::Float64);
    features |= ASGC_SHADER_FLOAT64;
  }
  if (type.isInteger(8)) {
    capabilities.insert(spirv::Capability::Int8);
    if (isMemory)
      capabilities.insert(spirv::Capability::StorageBuffer8BitAccess);
  }
  if (type.isInteger(16)) {
    capabilities.insert(spirv::Capability::Int16);
    if (isMemory)
      capabilities.insert(spirv::Capability::StorageBuffer16BitAccess);
  }
}

spirv::GlobalVariableOp SpirvBuilder::addGlobal(StringRef name, Type type,
                                                spirv::StorageClass storage) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(function);
  auto variable = spirv::GlobalVariableOp::create(
      builder, loc, TypeAttr::get(spirv::PointerType::get(type, storage)),
      builder.getStringAttr(name));
  globals.push_back(variable);
  return variable;
}

/// What `emit` writes goes to the end of the entry block.
Value SpirvBuilder::atEntry(function_ref<Value()> emit) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(entry);
  return emit();
}

Value SpirvBuilder::builtIn(StringRef name, spirv::BuiltIn which, Type type) {
  Value &value = known[name];
  if (value)
    return value;
  spirv::GlobalVariableOp variable =
      addGlobal(name, type, spirv::StorageClass::Input);
  variable->setAttr(
      spirv::SPIRVDialect::getAttributeName(spirv::Decoration::BuiltIn),
      builder.getStringAttr(spirv::stringifyBuiltIn(which)));
  return value = atEntry([&] {
           return make<spirv::LoadOp>(make<spirv::AddressOfOp>(variable));
         });
}

/// A word of the push constants.
Value SpirvBuilder::pushed(int64_t word) {
  Value &value = known["push." + std::to_string(word)];
  if (value)
    return value;
  auto variable = module.lookupSymbol<spirv::GlobalVariableOp>("push");
  if (!variable) {
    Type i64 = builder.getI64Type();
    auto words = spirv::ArrayType::get(i64, kPushWords, 8);
    variable = addGlobal("push", spirv::StructType::get({words}, {0}),
                         spirv::StorageClass::PushConstant);
  }
  return value = atEntry([&] {
           Value place =
               make<spirv::AccessChainOp>(make<spirv::AddressOfOp>(variable),
                                          ValueRange{i32(0), i32(word)});
           return make<spirv::LoadOp>(place);
         });
}

//===- Work items ---------------------------------------------------------===//

Value SpirvBuilder::item() {
  return builtIn("item", spirv::BuiltIn::LocalInvocationIndex,
                 builder.getI32Type());
}

Value SpirvBuilder::group() {
  Value &value = known["group"];
  if (value)
    return value;
  auto vector = VectorType::get(3, builder.getI32Type());
  Value id = builtIn("group_id", spirv::BuiltIn::WorkgroupId, vector);
  Value count = builtIn("group_count", spirv::BuiltIn::NumWorkgroups, vector);
  return value = atEntry([&] {
           auto at = [&](Value of, int32_t axis) {
             return make<spirv::CompositeExtractOp>(of,
                                                    ArrayRef<int32_t>(axis));
           };
           // Groups beyond the end of x go on in y.
           Value number = make<spirv::IAddOp>(
               make<spirv::IMulOp>(at(id, 1), at(count, 0)), at(id, 0));
           return make<spirv::UConvertOp>(builder.getI64Type(), number);
         });
}

int64_t SpirvBuilder::shared(Type element, int64_t count) {
  need(element, false);
  auto array = spirv::ArrayType::get(element, count);
  sharedArrays.push_back(
      addGlobal("shared_" + std::to_string(sharedArrays.size()), array,
                spirv::StorageClass::Workgroup));
  return std::ssize(sharedArrays) - 1;
}

Value SpirvBuilder::sharedPlace(int64_t array, Value index) {
  return make<spirv::AccessChainOp>(
      make<spirv::AddressOfOp>(sharedArrays[array]), ValueRange{index});
}

/// Under Vulkan's memory model (which matrices need) other items see only what
/// is said to be not private.
spirv::MemoryAccessAttr SpirvBuilder::sharedAccess() {
  return options.unit
             ? spirv::MemoryAccessAttr::get(
                   builder.getContext(), spirv::MemoryAccess::NonPrivatePointer)
             : spirv::MemoryAccessAttr();
}

Value SpirvBuilder::loadShared(int64_t array, Value index) {
  return make<spirv::LoadOp>(sharedPlace(array, index), sharedAccess(),
                             IntegerAttr());
}

void SpirvBuilder::storeShared(int64_t array, Value index, Value value) {
  spirv::StoreOp::create(builder, loc, sharedPlace(array, index), value,
                         sharedAccess(), IntegerAttr());
}

void SpirvBuilder::storeSharedLane(int64_t array, Value index, Value lane,
                                   Value value) {
  Value place = make<spirv::AccessChainOp>(
      make<spirv::AddressOfOp>(sharedArrays[array]), ValueRange{index, lane});
  spirv::StoreOp::create(builder, loc, place, value, sharedAccess(),
                         IntegerAttr());
}

void SpirvBuilder::barrier() {
  using spirv::MemorySemantics;
  MemorySemantics semantics =
      MemorySemantics::AcquireRelease | MemorySemantics::WorkgroupMemory;
  if (options.unit)
    semantics = semantics | MemorySemantics::MakeAvailable |
                MemorySemantics::MakeVisible;
  spirv::ControlBarrierOp::create(builder, loc, spirv::Scope::Workgroup,
                                  spirv::Scope::Workgroup, semantics);
}

void SpirvBuilder::atomicAdd(Value pointer, Value number) {
  capabilities.insert(spirv::Capability::AtomicFloat32AddEXT);
  extensions.insert(spirv::Extension::SPV_EXT_shader_atomic_float_add);
  features |= ASGC_SHADER_ATOMIC_F32;
  spirv::EXTAtomicFAddOp::create(
      builder, loc, number.getType(), pointerTo(pointer, number.getType()),
      spirv::Scope::Device, spirv::MemorySemantics::None, number);
}

//===- Memory -------------------------------------------------------------===//

Value SpirvBuilder::operand(int64_t index) {
  if (!options.isIndirect)
    return pushed(1 + index);
  Value &value = known["operand." + std::to_string(index)];
  if (!value)
    value = atEntry([&] { return loadPointer(pushed(1), i64(index)); });
  return value;
}

Value SpirvBuilder::operandAt(Value index) {
  return loadPointer(pushed(1), index);
}

Value SpirvBuilder::extent(const DimExpr &extent) {
  if (auto number = extent.asConstant())
    return i64(*number);
  Value &value = known["extent." + extent.str()];
  if (!value)
    value = atEntry(
        [&] { return loadPointer(pushed(0), i64(options.dimIndex(extent))); });
  return value;
}

Value SpirvBuilder::address(Value pointer, Value offset, int64_t bytes) {
  return addI(pointer, bytes == 1 ? offset : mulI(offset, i64(bytes)));
}

Value SpirvBuilder::loadPointer(Value table, Value index) {
  return load(address(table, index, 8), builder.getI64Type(), false, {});
}

Value SpirvBuilder::table(ArrayRef<int64_t> numbers) {
  int64_t index = options.numOperands + std::ssize(tables);
  tables.emplace_back(numbers);
  return operand(index);
}

Value SpirvBuilder::pointerTo(Value address, Type element) {
  return make<spirv::ConvertUToPtrOp>(
      spirv::PointerType::get(element,
                              spirv::StorageClass::PhysicalStorageBuffer),
      address);
}

Value SpirvBuilder::load(Value pointer, Type element, bool isVector, Value) {
  if (element.isF16())
    element = builder.getI16Type();
  if (isVector && lanes > 1)
    element = VectorType::get(lanes, element);
  need(element, true);
  return make<spirv::LoadOp>(
      pointerTo(pointer, element),
      spirv::MemoryAccessAttr::get(builder.getContext(),
                                   spirv::MemoryAccess::Aligned),
      builder.getI32IntegerAttr(alignmentOf(element)));
}

void SpirvBuilder::store(Value pointer, Value value, Value mask, bool) {
  auto write = [&] {
    need(value.getType(), true);
    spirv::StoreOp::create(
        builder, loc, pointerTo(pointer, value.getType()), value,
        spirv::MemoryAccessAttr::get(builder.getContext(),
                                     spirv::MemoryAccess::Aligned),
        builder.getI32IntegerAttr(alignmentOf(value.getType())));
    return Values();
  };
  if (mask)
    branch(mask, write, [] { return Values(); });
  else
    write();
}

bool SpirvBuilder::canMask(Type) { return false; }
Value SpirvBuilder::isAligned(Value, int64_t) { return boolean(false); }

//===- Control flow -------------------------------------------------------===//

// Values that leave a loop or a branch go through variables of the function,
// which drivers turn into registers.

Value SpirvBuilder::variable(Type type) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(entry);
  return make<spirv::VariableOp>(
      spirv::PointerType::get(type, spirv::StorageClass::Function),
      spirv::StorageClass::Function, Value());
}

Value SpirvBuilder::loadVariable(Value variable) {
  return make<spirv::LoadOp>(variable);
}

void SpirvBuilder::storeVariable(Value variable, Value value) {
  spirv::StoreOp::create(builder, loc, variable, value);
}

SpirvBuilder::Values
SpirvBuilder::loop(Value from, Value to, int64_t step, ValueRange carried,
                   function_ref<Values(Value, ValueRange)> emitBody,
                   bool isRolled) {
  Value counter = variable(from.getType());
  storeVariable(counter, from);
  Values variables;
  for (Value value : carried) {
    variables.push_back(variable(value.getType()));
    storeVariable(variables.back(), value);
  }
  auto loadAll = [&] {
    Values values;
    for (Value variable : variables)
      values.push_back(loadVariable(variable));
    return values;
  };
  auto loop = spirv::LoopOp::create(builder, loc,
                                    isRolled ? spirv::LoopControl::DontUnroll
                                             : spirv::LoopControl::None);
  loop.addEntryAndMergeBlock(builder);
  {
    OpBuilder::InsertionGuard guard(builder);
    Block *merge = loop.getMergeBlock();
    auto newBlock = [&] { return builder.createBlock(merge); };
    Block *header = newBlock(), *inside = newBlock(), *next = newBlock();
    builder.setInsertionPointToEnd(loop.getEntryBlock());
    spirv::BranchOp::create(builder, loc, header);
    builder.setInsertionPointToEnd(header);
    Value index = loadVariable(counter);
    Value goesOn = make<spirv::SLessThanOp>(index, to);
    spirv::BranchConditionalOp::create(builder, loc, goesOn, inside,
                                       ValueRange(), merge, ValueRange());
    builder.setInsertionPointToEnd(inside);
    Values results = emitBody(index, loadAll());
    for (auto [variable, value] : llvm::zip_equal(variables, results))
      storeVariable(variable, value);
    spirv::BranchOp::create(builder, loc, next);
    builder.setInsertionPointToEnd(next);
    storeVariable(counter, addI(index, integer(step, 64)));
    spirv::BranchOp::create(builder, loc, header);
  }
  return loadAll();
}

SpirvBuilder::Values SpirvBuilder::branch(Value condition,
                                          function_ref<Values()> then,
                                          function_ref<Values()> otherwise) {
  Values variables;
  auto selection =
      spirv::SelectionOp::create(builder, loc, spirv::SelectionControl::None);
  selection.addMergeBlock(builder);
  {
    OpBuilder::InsertionGuard guard(builder);
    Block *merge = selection.getMergeBlock();
    Block *header = builder.createBlock(merge);
    Block *yes = builder.createBlock(merge), *no = builder.createBlock(merge);
    builder.setInsertionPointToEnd(header);
    spirv::BranchConditionalOp::create(builder, loc, condition, yes,
                                       ValueRange(), no, ValueRange());
    for (auto [block, emit] :
         {std::pair(yes, then), std::pair(no, otherwise)}) {
      builder.setInsertionPointToEnd(block);
      Values results = emit();
      for (auto [index, value] : llvm::enumerate(results)) {
        if (index == variables.size())
          variables.push_back(variable(value.getType()));
        storeVariable(variables[index], value);
      }
      spirv::BranchOp::create(builder, loc, merge);
    }
  }
  Values results;
  for (Value variable : variables)
    results.push_back(loadVariable(variable));
  return results;
}
