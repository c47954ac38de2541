//===- Tables.cpp - Constants of the artifact -----------------------------===//
#include "Tables.h"

#include "ProgramEmitter.h"
#include "dialects/asg/Asg.h"
#include "runtime/src/vulkan/ShaderCode.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::cpu;

//===- TableWriter --------------------------------------------------------===//

TableWriter::TableWriter(ModuleOp module, StringRef prefix)
    : module(module), builder(module.getBodyRegion()), prefix(prefix) {
  builder.setInsertionPointToEnd(module.getBody());
}

std::string TableWriter::nameOf(StringRef name) {
  return prefix + "." + name.str() + "." + std::to_string(count++);
}

LLVM::GlobalOp TableWriter::makeGlobal(Type type, StringRef name,
                                       LLVM::Linkage linkage,
                                       function_ref<Value()> init) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(module.getBody());
  auto global =
      LLVM::GlobalOp::create(builder, module.getLoc(), type,
                             /*isConstant=*/true, linkage, name, Attribute());
  builder.createBlock(&global.getInitializerRegion());
  Value value = init();
  LLVM::ReturnOp::create(builder, module.getLoc(), value);
  return global;
}

static Type pointerType(OpBuilder &builder) {
  return LLVM::LLVMPointerType::get(builder.getContext());
}

std::function<Value()> TableWriter::i32(int64_t value) {
  return [=, this]() -> Value {
    return LLVM::ConstantOp::create(builder, module.getLoc(),
                                    builder.getI32IntegerAttr(value));
  };
}

std::function<Value()> TableWriter::i64(int64_t value) {
  return [=, this]() -> Value {
    return LLVM::ConstantOp::create(builder, module.getLoc(),
                                    builder.getI64IntegerAttr(value));
  };
}

std::function<Value()> TableWriter::null() {
  return [this]() -> Value {
    return LLVM::ZeroOp::create(builder, module.getLoc(), pointerType(builder));
  };
}

std::function<Value()> TableWriter::symbol(StringRef name) {
  if (name.empty())
    return null();
  return [name = name.str(), this]() -> Value {
    return LLVM::AddressOfOp::create(builder, module.getLoc(),
                                     pointerType(builder), name);
  };
}

std::function<Value()> TableWriter::text(StringRef text, bool mayBeNull) {
  if (text.empty() && mayBeNull)
    return null();
  std::string &known = texts[text];
  if (known.empty())
    known = bytes("text", (text + StringRef("\0", 1)).str(), 1);
  return symbol(known);
}

std::function<Value()> TableWriter::record(Fields fields) {
  return [fields = std::move(fields), this] { return build(fields); };
}

Value TableWriter::build(const Fields &fields) {
  SmallVector<Value> values;
  for (const auto &field : fields)
    values.push_back(field());
  auto type = LLVM::LLVMStructType::getLiteral(
      builder.getContext(), SmallVector<Type>(ValueRange(values).getTypes()));
  return join(type, values);
}

/// The struct or array of these values.
Value TableWriter::join(Type type, ValueRange values) {
  Value whole = LLVM::UndefOp::create(builder, module.getLoc(), type);
  for (auto [index, value] : llvm::enumerate(values))
    whole = LLVM::InsertValueOp::create(builder, module.getLoc(), whole, value,
                                        static_cast<int64_t>(index));
  return whole;
}

std::string TableWriter::array(StringRef name, ArrayRef<Fields> elements) {
  if (elements.empty())
    return {};
  // The type of the elements is known once one has been built.
  std::string symbol = nameOf(name);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(module.getBody());
  auto global = LLVM::GlobalOp::create(
      builder, module.getLoc(), builder.getI32Type(), /*isConstant=*/true,
      LLVM::Linkage::Internal, symbol, Attribute());
  builder.createBlock(&global.getInitializerRegion());
  SmallVector<Value> values;
  for (const Fields &fields : elements)
    values.push_back(fields.size() == 1 ? fields[0]() : build(fields));
  // A value inserted is a new constant of the whole array for LLVM: a long one
  // is made of short ones, which lie in memory as if it were one.
  constexpr size_t kLength = 64;
  SmallVector<Value> parts;
  for (ArrayRef<Value> rest = values; !rest.empty();) {
    ArrayRef<Value> part = rest.take_front(kLength);
    rest = rest.drop_front(part.size());
    parts.push_back(
        join(LLVM::LLVMArrayType::get(values[0].getType(), part.size()), part));
  }
  SmallVector<Type> types(ValueRange(parts).getTypes());
  Value table =
      parts.size() == 1
          ? parts[0]
          : join(LLVM::LLVMStructType::getLiteral(builder.getContext(), types),
                 parts);
  global.setGlobalType(table.getType());
  LLVM::ReturnOp::create(builder, module.getLoc(), table);
  return symbol;
}

LLVM::GlobalOp TableWriter::single(StringRef name, const Fields &fields,
                                   LLVM::Linkage linkage) {
  Type type;
  {
    // Built once to know its type.
    OpBuilder::InsertionGuard guard(builder);
    Block scratch;
    builder.setInsertionPointToEnd(&scratch);
    type = build(fields).getType();
  }
  return makeGlobal(type, name, linkage, [&] { return build(fields); });
}

std::string TableWriter::numbers(StringRef name, ArrayRef<int64_t> values) {
  if (values.empty())
    return {};
  std::string symbol = nameOf(name);
  auto type = LLVM::LLVMArrayType::get(builder.getI64Type(), values.size());
  auto tensor =
      RankedTensorType::get({std::ssize(values)}, builder.getI64Type());
  LLVM::GlobalOp::create(builder, module.getLoc(), type, /*isConstant=*/true,
                         LLVM::Linkage::Internal, symbol,
                         DenseElementsAttr::get(tensor, values));
  return symbol;
}

std::string TableWriter::bytes(StringRef name, StringRef data,
                               int64_t alignment) {
  std::string symbol = nameOf(name);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(module.getBody());
  auto type = LLVM::LLVMArrayType::get(builder.getI8Type(), data.size());
  LLVM::GlobalOp::create(builder, module.getLoc(), type, /*isConstant=*/true,
                         LLVM::Linkage::Internal, symbol,
                         builder.getStringAttr(data), alignment);
  return symbol;
}

std::string TableWriter::sharedBytes(StringRef name, StringRef data) {
  constexpr const char *kComdats = "asgc.shared";
  llvm::BLAKE3 hasher;
  hasher.update(data);
  std::string symbol = "asgc." + name.str() + "." +
                       llvm::toHex(hasher.final<16>(), /*LowerCase=*/true);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(module.getBody());
  auto comdats = module.lookupSymbol<LLVM::ComdatOp>(kComdats);
  if (!comdats)
    comdats = LLVM::ComdatOp::create(builder, module.getLoc(), kComdats);
  auto type = LLVM::LLVMArrayType::get(builder.getI8Type(), data.size());
  auto global =
      LLVM::GlobalOp::create(builder, module.getLoc(), type,
                             /*isConstant=*/true, LLVM::Linkage::LinkonceODR,
                             symbol, builder.getStringAttr(data));
  global.setVisibility_(LLVM::Visibility::Hidden);
  builder.setInsertionPointToEnd(&comdats.getBody().back());
  LLVM::ComdatSelectorOp::create(builder, module.getLoc(), symbol,
                                 LLVM::comdat::Comdat::Any);
  global.setComdatAttr(
      SymbolRefAttr::get(builder.getStringAttr(kComdats),
                         FlatSymbolRefAttr::get(builder.getContext(), symbol)));
  return symbol;
}

//===- Constant buffers ---------------------------------------------------===//

void cpu::emitConstantData(OpBuilder &builder, Location loc, StringRef symbol,
                           ElementsAttr value) {
  std::string data = vulkan::constantBytes(value);
  if (data.empty())
    data.push_back(0); // an address needs something to stand for
  auto array = LLVM::LLVMArrayType::get(builder.getI8Type(), data.size());
  LLVM::GlobalOp::create(builder, loc, array, /*isConstant=*/true,
                         LLVM::Linkage::Internal, symbol,
                         builder.getStringAttr(data), /*alignment=*/64);
}

//===- The description ----------------------------------------------------===//

namespace {
/// The parts of a description, each written by a function of its own.
struct DescriptionWriter {
  TableWriter &tables;
  DimTable &dims;
  const CodegenOptions &options;

  TableWriter::Fields tensor(StringRef name, RankedTensorType type,
                             const DimTable::Names &names) {
    SmallVector<int64_t> extents;
    for (int64_t axis = 0; axis < type.getRank(); ++axis)
      extents.push_back(dims.encode(asg::getDim(type, axis), names));
    return {tables.text(name), tables.symbol(tables.numbers("dims", extents)),
            tables.i32(type.getRank()),
            tables.i32(*dtypeOf(type.getElementType()))};
  }

  std::string boundary(ValueRange buffers, ArrayAttr bufferNames,
                       const DimTable::Names &names) {
    SmallVector<TableWriter::Fields> elements;
    for (auto [buffer, name] : llvm::zip(buffers, bufferNames))
      elements.push_back(
          tensor(cast<StringAttr>(name).getValue(),
                 cast<plan::BufferType>(buffer.getType()).getTensor(), names));
    return tables.array("tensors", elements);
  }

  TableWriter::Fields entry(Entry &entry) {
    plan::ProgramOp program = entry.program;
    return {tables.text(program.getSymName()),
            tables.symbol(boundary(program.getInputs(), program.getInputNames(),
                                   entry.dimNames)),
            tables.symbol(boundary(program.getOutputs(),
                                   program.getOutputNames(), entry.dimNames)),
            tables.i32(program.getInputs().size()),
            tables.i32(program.getOutputs().size()),
            tables.i64(program.getArena().value_or(0)),
            tables.i32(entry.assignsVariables),
            tables.i32(0),
            entry.function ? tables.symbol(entry.function.getName())
                           : tables.null()};
  }

  TableWriter::Fields variable(const Variable &variable) {
    return {tables.record(tensor(variable.name.getValue(), variable.type, {})),
            tables.i32(variable.role), tables.i32(0)};
  }

  TableWriter::Fields kernel(KernelEntry &kernel) {
    TableWriter::Fields fields{tables.text(kernel.name)};
    for (LLVM::LLVMFuncOp function : kernel.functions)
      fields.push_back(function ? tables.symbol(function.getName())
                                : tables.null());
    fields.push_back(tables.i64(kernel.scratchBytes));
    return fields;
  }

  /// An asgc_vulkan_desc; empty if there is no code for devices.
  std::string device(const vulkan::DeviceProgram *program,
                     ArrayRef<Entry> entries,
                     function_ref<int64_t(StringRef)> lineOf) {
    if (!program)
      return {};
    SmallVector<TableWriter::Fields> shaders, lists;
    for (const vulkan::DeviceProgram::Shader &shader : program->shaders) {
      std::string code = rt::vulkan::packShader(shader.words);
      shaders.push_back(
          {tables.symbol(tables.sharedBytes("shader", code)),
           tables.i64(code.size()), tables.i64(shader.words.size()),
           tables.i32(shader.features), tables.i32(shader.isIndirect),
           tables.i32(shader.unit.rows), tables.i32(shader.unit.columns),
           tables.i32(shader.unit.depth),
           tables.i32(shader.unit.subgroupSize)});
    }
    for (auto [entry, list, arenaBytes] : llvm::zip_equal(
             entries, program->entries, program->arenaBytes)) {
      SmallVector<TableWriter::Fields> dispatches;
      for (const vulkan::DeviceProgram::Dispatch &dispatch : list) {
        StringRef places(
            reinterpret_cast<const char *>(dispatch.operands.data()),
            dispatch.operands.size() * sizeof(asgc_place));
        dispatches.push_back(
            {tables.i32(lineOf(dispatch.name)), tables.i32(dispatch.shader),
             tables.i32(dispatch.level), tables.i32(dispatch.operands.size()),
             tables.symbol(tables.bytes("places", places, 8)),
             tables.i64(dims.encode(dispatch.groups, entry.dimNames)),
             tables.i32(dispatch.step), tables.i32(dispatch.form)});
      }
      lists.push_back({tables.symbol(tables.array("dispatches", dispatches)),
                       tables.i32(list.size()), tables.i32(0),
                       tables.i64(arenaBytes)});
    }
    const std::string &constants = program->constants;
    TableWriter::Fields fields{
        tables.symbol(tables.array("shaders", shaders)),
        tables.symbol(tables.array("lists", lists)),
        constants.empty()
            ? tables.null()
            : tables.symbol(tables.bytes("constants", constants, 64)),
        tables.i64(constants.size()),
        tables.i32(shaders.size()),
        tables.i32(program->arenaBlocks.size()),
        tables.symbol(tables.numbers("blocks", program->arenaBlocks)),
        tables.i64(program->blockBytes)};
    return tables.array("vulkan", {fields});
  }

  std::string symbolNames() {
    SmallVector<TableWriter::Fields> names;
    for (const DimTable::Symbol &symbol : dims.getSymbols())
      names.push_back({tables.text(symbol.name)});
    return tables.array("symbols", names);
  }

  std::string symbolBounds() {
    SmallVector<int64_t> bounds;
    for (const DimTable::Symbol &symbol : dims.getSymbols())
      bounds.push_back(symbol.bound);
    return tables.numbers("bounds", bounds);
  }
};
} // namespace

LLVM::GlobalOp ProgramEmitter::emitDescription() {
  TableWriter tables(*module, options.name);
  DescriptionWriter writer{tables, dims, options};
  SmallVector<TableWriter::Fields> entryFields, variableFields, kernelFields;
  for (Entry &entry : entries) {
    for (Value buffer : entry.program.getBody().getArguments()) {
      Type element =
          cast<plan::BufferType>(buffer.getType()).getTensor().getElementType();
      if (!dtypeOf(element)) {
        entry.program.emitOpError() << "has an input or output of " << element
                                    << ", which programs cannot hold";
        return nullptr;
      }
    }
    if (!entry.program.isPrivate())
      entryFields.push_back(writer.entry(entry));
  }
  for (const Variable &variable : variables)
    variableFields.push_back(writer.variable(variable));
  std::string deviceCode =
      writer.device(device ? &*device : nullptr, entries,
                    [&](StringRef name) { return lineOf(name); });
  for (KernelEntry &kernel : kernels)
    kernelFields.push_back(writer.kernel(kernel));
  emitDims();
  bool hasExpressions = !dims.getExpressions().empty();
  TableWriter::Fields fields{
      tables.i32(ASGC_ABI_VERSION),
      tables.i32(entryFields.size()),
      tables.text(options.name),
      tables.symbol(tables.array("entries", entryFields)),
      tables.symbol(tables.array("variables", variableFields)),
      tables.symbol(tables.array("kernels", kernelFields)),
      tables.i32(variables.size()),
      tables.i32(kernels.size()),
      tables.symbol(writer.symbolNames()),
      tables.symbol(writer.symbolBounds()),
      tables.i32(dims.getSymbols().size()),
      tables.i32(dims.size()),
      tables.symbol(hasExpressions ? options.name + ".dims" : ""),
      tables.text(options.metadata, /*mayBeNull=*/true),
      tables.i64(options.metadata.size()),
      options.weights.empty()
          ? tables.null()
          : tables.symbol(tables.bytes("weights", options.weights, 64)),
      tables.i64(options.weights.size()),
      tables.symbol(deviceCode)};
  return tables.single(options.name + "_program", fields,
                       LLVM::Linkage::External);
}

/// The function eval_dims of the description.
void ProgramEmitter::emitDims() {
  if (dims.getExpressions().empty())
    return;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(module->getBody());
  MLIRContext *context = builder.getContext();
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context),
                                          LLVM::LLVMPointerType::get(context));
  LLVM::LLVMFuncOp function = declareFunction(options.name + ".dims", type);
  Block *block = function.addEntryBlock(builder);
  LlvmBuilder b(builder, source.getLoc(), Isa::Avx2,
                [](const DimExpr &) { return 0; });
  b.enterFunction(block, function.getArgument(0));
  Value table = function.getArgument(0);
  auto placeOf = [&](int64_t index) {
    return b.address(table, b.i64(index), 8);
  };
  int64_t index = dims.getSymbols().size();
  for (const DimExpr &expr : dims.getExpressions()) {
    Value value = expr.evaluateWith<Value>(
        [&](int64_t number) { return b.i64(number); },
        [&](std::string_view name) {
          int64_t symbol = std::stoll(std::string(name.substr(1)));
          return b.load(placeOf(symbol), builder.getI64Type(), false, {});
        },
        [&](Value x, Value y) { return b.addI(x, y); },
        [&](Value x, Value y) { return b.mulI(x, y); },
        [&](Value x, int64_t divisor) {
          // Rounds down, where the instruction rounds towards zero.
          Value quotient = b.binary(Binary::DivS, x, b.i64(divisor));
          Value rest = b.subI(x, b.mulI(quotient, b.i64(divisor)));
          Value isNegative =
              b.compare(arith::CmpIPredicate::slt, rest, b.i64(0));
          return b.select(isNegative, b.subI(quotient, b.i64(1)), quotient);
        });
    b.store(placeOf(index++), value, {}, false);
  }
  LLVM::ReturnOp::create(builder, source.getLoc(), ValueRange());
}
