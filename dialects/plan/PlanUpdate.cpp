//===- PlanUpdate.cpp - plan.update ---------------------------------------===//
#include "dialects/plan/PlanBody.h"
#include "dialects/plan/PlanSyntax.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::plan;

//===- Queries ------------------------------------------------------------===//

DimExpr UpdateOp::getExtent(int64_t segment) {
  return *readExtent(getExtents()[segment]);
}

OperandRange UpdateOp::getReadGroup(int64_t group) {
  return getReads().slice(group * getSegmentCount(), getSegmentCount());
}

OperandRange UpdateOp::getWriteGroup(int64_t group) {
  return getWrites().slice(group * getSegmentCount(), getSegmentCount());
}

YieldOp UpdateOp::getYield() { return cast<YieldOp>(getBody().front().back()); }

SmallVector<Value> UpdateOp::getReadBuffers() {
  SmallVector<Value> buffers(getShared());
  llvm::append_range(buffers, getReads());
  return buffers;
}

SmallVector<Value> UpdateOp::getWrittenBuffers() {
  SmallVector<Value> buffers(getWrites());
  if (getWorkspace())
    buffers.push_back(getWorkspace());
  return buffers;
}

StringRef UpdateOp::getStepName() { return getName(); }

//===- Text ---------------------------------------------------------------===//

namespace {
struct GroupBuffers {
  SmallVector<OpAsmParser::UnresolvedOperand> operands;
  SmallVector<Type> types;
};

/// `%buffer : type`
ParseResult parseBuffer(OpAsmParser &parser, GroupBuffers &buffers) {
  return failure(parser.parseOperand(buffers.operands.emplace_back()) ||
                 parser.parseColon() ||
                 parseTensor(parser, buffers.types.emplace_back()));
}

/// `[%w : type, %b : type]`
ParseResult parseGroup(OpAsmParser &parser, GroupBuffers &buffers) {
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&] {
    return parseBuffer(parser, buffers);
  });
}

Type getElementArgument(Type bufferType) {
  auto buffer = dyn_cast<BufferType>(bufferType);
  return buffer ? getBodyType(buffer.getTensor().getElementType()) : bufferType;
}

/// Arguments of the body: `%x = …`, of the type of the buffer parsed last.
struct ArgumentParser {
  OpAsmParser &parser;
  SmallVector<OpAsmParser::Argument> arguments;

  ParseResult parse(GroupBuffers &buffers,
                    ParseResult (*parseBuffers)(OpAsmParser &, GroupBuffers &)) {
    if (parser.parseArgument(arguments.emplace_back()) || parser.parseEqual() ||
        parseBuffers(parser, buffers))
      return failure();
    if (buffers.types.empty())
      return parser.emitError(parser.getCurrentLocation(),
                              "expected a group of one buffer per segment");
    arguments.back().type = getElementArgument(buffers.types.back());
    return success();
  }
};
} // namespace

ParseResult UpdateOp::parse(OpAsmParser &parser, OperationState &state) {
  Properties &properties = state.getOrAddProperties<Properties>();
  GroupBuffers shared, reads, writes, workspace;
  ArgumentParser arguments{parser, {}};
  auto parseList = [&](auto parseOne) {
    return parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren,
                                          parseOne);
  };
  if (parser.parseAttribute(properties.name) ||
      parseExtents(parser, properties.extents))
    return failure();
  if (succeeded(parser.parseOptionalKeyword("reduces")))
    properties.reduces = parser.getBuilder().getUnitAttr();
  if (succeeded(parser.parseOptionalKeyword("shared")) &&
      parseList([&] { return arguments.parse(shared, parseBuffer); }))
    return failure();
  if (parser.parseKeyword("reads") ||
      parseList([&] { return arguments.parse(reads, parseGroup); }) ||
      parser.parseArrow() ||
      parseList([&] { return parseGroup(parser, writes); }))
    return failure();
  if (succeeded(parser.parseOptionalKeyword("workspace")) &&
      parseBuffer(parser, workspace))
    return failure();
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseOptionalAttrDictWithKeyword(state.attributes) ||
      parser.parseRegion(*state.addRegion(), arguments.arguments))
    return failure();
  for (auto [part, size] :
       llvm::zip(std::array{&shared, &reads, &writes, &workspace},
                 properties.operandSegmentSizes)) {
    size = part->operands.size();
    if (parser.resolveOperands(part->operands, part->types, loc,
                               state.operands))
      return failure();
  }
  return success();
}

void UpdateOp::print(OpAsmPrinter &printer) {
  printer << " " << getNameAttr() << " ";
  printExtents(printer, *this, getExtents());
  if (getReduces())
    printer << " reduces";
  auto printBuffer = [&](Value buffer) {
    printer << buffer << " : ";
    printTensor(printer, *this, buffer.getType());
  };
  auto printGroup = [&](OperandRange group) {
    printer << "[";
    llvm::interleaveComma(group, printer, printBuffer);
    printer << "]";
  };
  auto startLine = [&] {
    printer.printNewline();
    printer << "    ";
  };
  auto argument = getBody().args_begin();
  if (!getShared().empty()) {
    startLine();
    printer << "shared(";
    llvm::interleaveComma(getShared(), printer, [&](Value buffer) {
      printer << *argument++ << " = ";
      printBuffer(buffer);
    });
    printer << ")";
  }
  startLine();
  printer << "reads(";
  llvm::interleaveComma(llvm::seq(getReadGroupCount()), printer,
                        [&](int64_t group) {
                          printer << *argument++ << " = ";
                          printGroup(getReadGroup(group));
                        });
  printer << ")";
  startLine();
  printer << "-> (";
  llvm::interleaveComma(
      llvm::seq(getWriteGroupCount()), printer,
      [&](int64_t group) { printGroup(getWriteGroup(group)); });
  printer << ")";
  if (getWorkspace()) {
    printer << " workspace ";
    printBuffer(getWorkspace());
  }
  printer.printOptionalAttrDictWithKeyword(
      (*this)->getAttrs(),
      {getNameAttrName(), getExtentsAttrName(), getReducesAttrName(),
       getOperandSegmentSizesAttrName()});
  printer << " ";
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

//===- Verifier -----------------------------------------------------------===//

LogicalResult UpdateOp::verify() {
  if (failed(verifyExtents(*this, "extents", getExtents())))
    return failure();
  for (Attribute extent : getExtents())
    if (!isa<IntegerAttr>(extent))
      return emitOpError() << "extent " << extent
                           << " of a segment is not known at compile time";
  size_t segments = getExtents().size();
  if (segments == 0)
    return emitOpError("has no segment");
  if (getReads().size() % segments != 0 || getWrites().size() % segments != 0)
    return emitOpError() << "has " << getReads().size() << " reads and "
                         << getWrites().size() << " writes, no multiple of its "
                         << segments << " segments";
  if (getWrites().empty())
    return emitOpError("writes nothing");
  if (getWorkspace() && !getReduces())
    return emitOpError("has a workspace, but does not reduce");
  auto isUniform = [&](OperandRange group) {
    return llvm::all_equal(llvm::map_range(group, [](Value buffer) {
      return cast<BufferType>(buffer.getType()).getTensor().getElementType();
    }));
  };
  for (int64_t group = 0; group < getReadGroupCount(); ++group)
    if (!isUniform(getReadGroup(group)))
      return emitOpError() << "element types differ within group " << group
                           << " of the reads";
  for (int64_t group = 0; group < getWriteGroupCount(); ++group)
    if (!isUniform(getWriteGroup(group)))
      return emitOpError() << "element types differ within group " << group
                           << " of the writes";
  return success();
}

LogicalResult UpdateOp::verifyRegions() {
  Block &body = getBody().front();
  SmallVector<Type> expected(
      llvm::map_range(getShared().getTypes(), getElementArgument));
  for (int64_t group = 0; group < getReadGroupCount(); ++group)
    expected.push_back(getElementArgument(getReadGroup(group).front().getType()));
  if (!llvm::equal(body.getArgumentTypes(), expected))
    return emitOpError("arguments of the body do not match the buffers read");
  SmallVector<ValueFacts> arguments(expected.size());
  for (ValueFacts &fact :
       MutableArrayRef(arguments).drop_front(getShared().size()))
    fact.varies.insert(0);
  BodyFacts facts;
  if (failed(facts.analyze(*this, body, arguments, /*spaceRank=*/1)))
    return failure();
  ValueRange values = getYield().getValues();
  if (static_cast<int64_t>(values.size()) != getWriteGroupCount())
    return emitOpError() << "writes " << getWriteGroupCount()
                         << " groups, but its body yields " << values.size()
                         << " values";
  for (auto [index, value] : llvm::enumerate(values)) {
    Type type = getElementArgument(getWriteGroup(index).front().getType());
    if (value.getType() != type)
      return emitOpError() << "value " << index << " of the body has type "
                           << value.getType() << ", expected " << type;
    if (getReduces() && facts.of(value).varies.contains(0))
      return emitOpError() << "value " << index << " is no reduction";
  }
  for (ReduceOp reduce : facts.reduces) {
    if (!getReduces())
      return reduce.emitOpError("stands in an update that does not reduce");
    if (facts.of(reduce.getValue()).dependsOnReduce)
      return reduce.emitOpError("depends on another");
  }
  return success();
}
