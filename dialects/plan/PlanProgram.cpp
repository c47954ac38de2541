//===- PlanProgram.cpp - plan.program -------------------------------------===//
#include "dialects/plan/PlanSyntax.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::plan;

ValueRange ProgramOp::getInputs() {
  return getBody().getArguments().take_front(getInputNames().size());
}

ValueRange ProgramOp::getOutputs() {
  return getBody().getArguments().drop_front(getInputNames().size());
}

std::optional<int64_t> ProgramOp::getDimBound(StringRef name) {
  auto bound = getDims().getAs<IntegerAttr>(name);
  return bound ? std::optional<int64_t>(bound.getInt()) : std::nullopt;
}

void ProgramOp::getAsmBlockArgumentNames(Region &region,
                                         OpAsmSetValueNameFn setName) {
  SmallVector<Attribute> names(getInputNames().getValue());
  llvm::append_range(names, getOutputNames().getValue());
  for (auto [argument, name] : llvm::zip(region.getArguments(), names))
    setName(argument, cast<StringAttr>(name).getValue());
}

namespace {
using Arguments = SmallVector<OpAsmParser::Argument>;

/// `("image" %image: tensor<…>, …)`
ParseResult parseBoundary(OpAsmParser &parser, Arguments &arguments,
                          ArrayAttr &names) {
  SmallVector<Attribute> list;
  auto parseOne = [&]() -> ParseResult {
    StringAttr name;
    OpAsmParser::Argument &argument = arguments.emplace_back();
    if (parser.parseAttribute(name) || parser.parseArgument(argument) ||
        parser.parseColon() || parseTensor(parser, argument.type))
      return failure();
    list.push_back(name);
    return success();
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, parseOne))
    return failure();
  names = parser.getBuilder().getArrayAttr(list);
  return success();
}

void printBoundary(OpAsmPrinter &printer, ValueRange arguments,
                   ArrayAttr names) {
  printer << "(";
  llvm::interleaveComma(llvm::zip(arguments, names), printer, [&](auto pair) {
    auto [argument, name] = pair;
    printer.printAttributeWithoutType(name);
    printer << " ";
    printer.printRegionArgument(cast<BlockArgument>(argument),
                                /*argAttrs=*/{}, /*omitType=*/true);
    printer << ": ";
    printTensor(printer, nullptr, argument.getType());
  });
  printer << ")";
}

/// `{batch = 64, seq = 128}`
ParseResult parseDims(OpAsmParser &parser, DictionaryAttr &dims) {
  NamedAttrList list;
  auto parseOne = [&]() -> ParseResult {
    std::string name;
    int64_t bound;
    SMLoc loc = parser.getCurrentLocation();
    if (parser.parseKeywordOrString(&name) || parser.parseEqual() ||
        parser.parseInteger(bound))
      return failure();
    if (list.get(name))
      return parser.emitError(loc) << "dim '" << name << "' has two bounds";
    list.append(name, parser.getBuilder().getI64IntegerAttr(bound));
    return success();
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Braces, parseOne))
    return failure();
  dims = list.getDictionary(parser.getContext());
  return success();
}

ParseResult parseSize(OpAsmParser &parser, StringRef keyword,
                      IntegerAttr &size) {
  int64_t value;
  if (failed(parser.parseOptionalKeyword(keyword)))
    return success();
  if (parser.parseInteger(value))
    return failure();
  size = parser.getBuilder().getI64IntegerAttr(value);
  return success();
}

/// `arena 5120 lower_bound 4096 waste 1024 block 4096`. The waste is the
/// difference, for the reader.
ParseResult parseArena(OpAsmParser &parser, IntegerAttr &arena,
                       IntegerAttr &lowerBound, IntegerAttr &block) {
  IntegerAttr waste;
  if (parseSize(parser, "arena", arena) ||
      parseSize(parser, "lower_bound", lowerBound))
    return failure();
  SMLoc loc = parser.getCurrentLocation();
  if (parseSize(parser, "waste", waste))
    return failure();
  if (waste && (!arena || !lowerBound ||
                arena.getInt() - lowerBound.getInt() != waste.getInt()))
    return parser.emitError(loc, "waste is not arena − lower_bound");
  return parseSize(parser, "block", block);
}
} // namespace

ParseResult ProgramOp::parse(OpAsmParser &parser, OperationState &state) {
  Properties &properties = state.getOrAddProperties<Properties>();
  Arguments arguments;
  properties.dims = parser.getBuilder().getDictionaryAttr({});
  if (succeeded(parser.parseOptionalKeyword("private")))
    state.addAttribute(SymbolTable::getVisibilityAttrName(),
                       parser.getBuilder().getStringAttr("private"));
  if (parser.parseSymbolName(properties.sym_name) ||
      (succeeded(parser.parseOptionalKeyword("dims")) &&
       parseDims(parser, properties.dims)) ||
      parser.parseKeyword("inputs") ||
      parseBoundary(parser, arguments, properties.inputNames) ||
      parser.parseKeyword("outputs") ||
      parseBoundary(parser, arguments, properties.outputNames) ||
      parseArena(parser, properties.arena, properties.lowerBound,
                 properties.block) ||
      parser.parseOptionalAttrDictWithKeyword(state.attributes))
    return failure();
  Region *body = state.addRegion();
  if (parser.parseRegion(*body, arguments))
    return failure();
  if (body->empty()) {
    Block &block = body->emplaceBlock();
    for (OpAsmParser::Argument &argument : arguments)
      block.addArgument(argument.type,
                        argument.sourceLoc.value_or(state.location));
  }
  return success();
}

void ProgramOp::print(OpAsmPrinter &printer) {
  printer << " ";
  if (isPrivate())
    printer << "private ";
  printer.printSymbolName(getSymName());
  if (!getDims().empty()) {
    printer << " dims {";
    llvm::interleaveComma(getDims(), printer, [&](NamedAttribute dim) {
      printer.printKeywordOrString(dim.getName());
      printer << " = " << cast<IntegerAttr>(dim.getValue()).getInt();
    });
    printer << "}";
  }
  auto startLine = [&]() -> raw_ostream & {
    printer.printNewline();
    return printer.getStream() << "    ";
  };
  startLine() << "inputs";
  printBoundary(printer, getInputs(), getInputNames());
  startLine() << "outputs";
  printBoundary(printer, getOutputs(), getOutputNames());
  if (getArena())
    startLine() << "arena " << *getArena();
  if (getLowerBound())
    printer << " lower_bound " << *getLowerBound();
  if (getArena() && getLowerBound())
    printer << " waste "
            << static_cast<int64_t>(*getArena()) -
                   static_cast<int64_t>(*getLowerBound());
  if (getBlock())
    printer << " block " << *getBlock();
  printer.printOptionalAttrDictWithKeyword(
      (*this)->getAttrs(),
      {getSymNameAttrName(), getDimsAttrName(), getInputNamesAttrName(),
       getOutputNamesAttrName(), getArenaAttrName(), getLowerBoundAttrName(),
       getBlockAttrName(), SymbolTable::getVisibilityAttrName()});
  printer << " ";
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

LogicalResult ProgramOp::verify() {
  size_t names = getInputNames().size() + getOutputNames().size();
  if (getBody().getNumArguments() != names)
    return emitOpError() << "has " << getBody().getNumArguments()
                         << " buffers, but names of " << names;
  for (BlockArgument argument : getBody().getArguments())
    if (!isa<BufferType>(argument.getType()))
      return emitOpError() << "argument " << argument.getArgNumber()
                           << " is no buffer but " << argument.getType();
  for (NamedAttribute dim : getDims()) {
    auto bound = dyn_cast<IntegerAttr>(dim.getValue());
    if (!bound || !bound.getType().isSignlessInteger(64) || bound.getInt() < 1)
      return emitOpError() << "bound of dim '" << dim.getName().getValue()
                           << "' is no positive number";
  }
  for (std::optional<uint64_t> size : {getArena(), getLowerBound()})
    if (size && static_cast<int64_t>(*size) < 0)
      return emitOpError() << "has the negative size "
                           << static_cast<int64_t>(*size);
  if (getBlock() && static_cast<int64_t>(*getBlock()) < 1)
    return emitOpError() << "has blocks of "
                         << static_cast<int64_t>(*getBlock()) << " bytes";
  return success();
}
