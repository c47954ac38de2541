//===- PlanKernel.cpp - plan.kernel ---------------------------------------===//
#include "dialects/plan/PlanBody.h"
#include "dialects/plan/PlanSyntax.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::plan;

//===- Queries ------------------------------------------------------------===//

DimExpr KernelOp::getExtent(int64_t dim) {
  return *readExtent(getSpace()[dim]);
}

std::optional<Access> KernelOp::getReadAccess(int64_t read) {
  Attribute access = getReadAccesses()[read];
  if (isa<UnitAttr>(access))
    return std::nullopt;
  return readAccess(access);
}

Access KernelOp::getWriteAccess(int64_t write) {
  return readAccess(getWriteAccesses()[write]);
}

YieldOp KernelOp::getYield() { return cast<YieldOp>(getBody().front().back()); }

SmallVector<Value> KernelOp::getReadBuffers() {
  return SmallVector<Value>(getReads());
}

SmallVector<Value> KernelOp::getWrittenBuffers() {
  SmallVector<Value> buffers(getWrites());
  if (getWorkspace())
    buffers.push_back(getWorkspace());
  return buffers;
}

StringRef KernelOp::getStepName() { return getName(); }

//===- Text ---------------------------------------------------------------===//

namespace {
using Operands = SmallVector<OpAsmParser::UnresolvedOperand>;

struct Buffers {
  Operands operands;
  SmallVector<Type> types;
  SmallVector<Attribute> accesses;
};

/// `%buffer at [10, 1] : type`
ParseResult parseBuffer(OpAsmParser &parser, Buffers &buffers) {
  return failure(parser.parseOperand(buffers.operands.emplace_back()) ||
                 parseAccess(parser, buffers.accesses.emplace_back()) ||
                 parser.parseColon() ||
                 parseTensor(parser, buffers.types.emplace_back()));
}

FailureOr<KernelKind> parseKind(OpAsmParser &parser) {
  StringRef word;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&word))
    return failure();
  if (auto kind = symbolizeKernelKind(word))
    return *kind;
  parser.emitError(loc) << "unknown kind of kernel '" << word
                        << "'; it is map, row or reduce";
  return failure();
}

/// The type of the body's argument for a read.
Type getArgumentType(Type bufferType, Attribute access) {
  auto buffer = dyn_cast<BufferType>(bufferType);
  return buffer && !isa<UnitAttr>(access)
             ? getBodyType(buffer.getTensor().getElementType())
             : bufferType;
}
} // namespace

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &state) {
  Properties &properties = state.getOrAddProperties<Properties>();
  Buffers reads, writes;
  SmallVector<OpAsmParser::Argument> arguments;
  auto parseRead = [&] {
    return failure(parser.parseArgument(arguments.emplace_back()) ||
                   parser.parseEqual() || parseBuffer(parser, reads));
  };
  auto parseWrite = [&] { return parseBuffer(parser, writes); };
  FailureOr<KernelKind> kind;
  ArrayAttr space;
  if (parser.parseAttribute(properties.name) ||
      failed(kind = parseKind(parser)) || parser.parseKeyword("space") ||
      parseExtents(parser, space) ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, parseRead) ||
      parser.parseArrow() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, parseWrite))
    return failure();
  Buffers workspace;
  if (succeeded(parser.parseOptionalKeyword("workspace")) &&
      parseBuffer(parser, workspace))
    return failure();
  if (parser.parseOptionalAttrDictWithKeyword(state.attributes))
    return failure();
  for (auto [index, argument] : llvm::enumerate(arguments))
    argument.type = getArgumentType(reads.types[index], reads.accesses[index]);
  SMLoc loc = parser.getCurrentLocation();
  Region *body = state.addRegion();
  if (parser.parseRegion(*body, arguments))
    return failure();
  Builder &builder = parser.getBuilder();
  properties.kind = KernelKindAttr::get(parser.getContext(), *kind);
  properties.space = space;
  properties.readAccesses = builder.getArrayAttr(reads.accesses);
  properties.writeAccesses = builder.getArrayAttr(writes.accesses);
  for (auto [part, size] : llvm::zip(std::array{&reads, &writes, &workspace},
                                     properties.operandSegmentSizes)) {
    size = part->operands.size();
    if (parser.resolveOperands(part->operands, part->types, loc,
                               state.operands))
      return failure();
  }
  return success();
}

void KernelOp::print(OpAsmPrinter &printer) {
  printer << " " << getNameAttr() << " " << stringifyKernelKind(getKind())
          << " space ";
  printExtents(printer, *this, getSpace());
  auto printBuffer = [&](Value buffer, Attribute access) {
    printer << buffer;
    printAccess(printer, access);
    printer << " : ";
    printTensor(printer, *this, buffer.getType());
  };
  auto separate = [&, isFirst = true]() mutable {
    if (!isFirst)
      printer << ",";
    isFirst = false;
    printer.printNewline();
    printer << "    ";
  };
  printer << " (";
  auto startRead = separate;
  for (auto [argument, buffer, access] :
       llvm::zip(getBody().getArguments(), getReads(), getReadAccesses())) {
    startRead();
    printer << argument << " = ";
    printBuffer(buffer, access);
  }
  printer << ") -> (";
  auto startWrite = separate;
  for (auto [buffer, access] : llvm::zip(getWrites(), getWriteAccesses())) {
    startWrite();
    printBuffer(buffer, access);
  }
  printer << ")";
  if (getWorkspace()) {
    printer << " workspace ";
    printBuffer(getWorkspace(), UnitAttr::get(getContext()));
  }
  printer.printOptionalAttrDictWithKeyword(
      (*this)->getAttrs(),
      {getNameAttrName(), getKindAttrName(), getSpaceAttrName(),
       getReadAccessesAttrName(), getWriteAccessesAttrName(),
       getOperandSegmentSizesAttrName()});
  printer << " ";
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

//===- Verifier -----------------------------------------------------------===//

namespace {
LogicalResult verifyAccesses(KernelOp kernel, StringRef what,
                             OperandRange buffers, ArrayAttr accesses,
                             bool mayBeWhole) {
  if (accesses.size() != buffers.size())
    return kernel.emitOpError()
           << "has " << buffers.size() << " " << what << "s, but "
           << accesses.size() << " accesses of them";
  for (Attribute access : accesses) {
    if (mayBeWhole && isa<UnitAttr>(access))
      continue;
    auto entries = dyn_cast<ArrayAttr>(access);
    if (!entries)
      return kernel.emitOpError() << "access " << access << " of a " << what
                                  << " is no list of strides and an offset";
    if (failed(verifyExtents(kernel, "an access", entries,
                             kernel.getSpaceRank() + 1)))
      return failure();
  }
  return success();
}

LogicalResult verifyArguments(KernelOp kernel) {
  Block &body = kernel.getBody().front();
  if (body.getNumArguments() != kernel.getReads().size())
    return kernel.emitOpError() << "reads " << kernel.getReads().size()
                                << " buffers, but its body has "
                                << body.getNumArguments() << " arguments";
  for (auto [argument, buffer, access] : llvm::zip(
           body.getArguments(), kernel.getReads(), kernel.getReadAccesses())) {
    Type expected = getArgumentType(buffer.getType(), access);
    if (argument.getType() != expected)
      return kernel.emitOpError()
             << "argument " << argument.getArgNumber()
             << " of the body has type " << argument.getType() << ", expected "
             << expected;
  }
  return success();
}

/// Rules on plan.reduce that go with the kind of the kernel.
LogicalResult verifyReduces(KernelOp kernel, BodyFacts &facts) {
  ArrayRef<int64_t> dims;
  int64_t inner = kernel.getSpaceRank() - 1;
  for (auto [index, reduce] : llvm::enumerate(facts.reduces)) {
    switch (kernel.getKind()) {
    case KernelKind::map:
      return reduce.emitOpError("stands in a kernel of kind map");
    case KernelKind::row:
      if (reduce.getDims() != ArrayRef(inner))
        return reduce.emitOpError() << "is not over the innermost dim " << inner
                                    << " alone, in a kernel of kind row";
      break;
    case KernelKind::reduce:
      if (index == 0)
        dims = reduce.getDims();
      if (reduce.getDims() != dims)
        return reduce.emitOpError("is over other dims than the kernel's first");
      if (facts.of(reduce.getValue()).dependsOnReduce)
        return reduce.emitOpError(
            "depends on another, in a kernel of kind reduce");
      break;
    }
  }
  return success();
}

LogicalResult verifyWrites(KernelOp kernel, BodyFacts &facts) {
  YieldOp yield = kernel.getYield();
  if (yield.getValues().size() != kernel.getWrites().size())
    return kernel.emitOpError() << "writes " << kernel.getWrites().size()
                                << " buffers, but its body yields "
                                << yield.getValues().size() << " values";
  for (auto [index, value] : llvm::enumerate(yield.getValues())) {
    auto buffer = cast<BufferType>(kernel.getWrites()[index].getType());
    Type expected = getBodyType(buffer.getTensor().getElementType());
    if (value.getType() != expected)
      return kernel.emitOpError()
             << "value " << index << " of the body has type " << value.getType()
             << ", expected " << expected;
    const ValueFacts &fact = facts.of(value);
    Access access = kernel.getWriteAccess(index);
    for (auto [dim, stride] : llvm::enumerate(access.strides)) {
      bool isStatic = stride == DimExpr(0);
      if (isStatic && fact.varies.contains(dim) &&
          !(kernel.getExtent(dim) == DimExpr(1)))
        return kernel.emitOpError() << "value " << index << " varies along dim "
                                    << dim << ", but its write does not";
      if (!isStatic && fact.dependsOnReduce &&
          kernel.getKind() == KernelKind::reduce &&
          llvm::is_contained(facts.reduces.front().getDims(), dim))
        return kernel.emitOpError()
               << "value " << index << " depends on a reduction over dim "
               << dim << " and is written along it, in a kernel of kind reduce";
    }
  }
  return success();
}
} // namespace

LogicalResult KernelOp::verify() {
  if (failed(verifyExtents(*this, "space", getSpace())) ||
      failed(verifyAccesses(*this, "read", getReads(), getReadAccesses(),
                            /*mayBeWhole=*/true)) ||
      failed(verifyAccesses(*this, "write", getWrites(), getWriteAccesses(),
                            /*mayBeWhole=*/false)))
    return failure();
  if (getSpaceRank() > kMaxSpaceRank)
    return emitOpError() << "space has " << getSpaceRank()
                         << " dims, more than " << kMaxSpaceRank;
  if (getWrites().empty())
    return emitOpError("writes nothing");
  if (getWorkspace() && getKind() != KernelKind::reduce)
    return emitOpError("has a workspace, but no kind reduce");
  return success();
}

LogicalResult KernelOp::verifyRegions() {
  if (failed(verifyArguments(*this)))
    return failure();
  // What each argument varies along follows from its access.
  SmallVector<ValueFacts> arguments(getReads().size());
  for (auto [index, fact] : llvm::enumerate(arguments)) {
    std::optional<Access> access = getReadAccess(index);
    for (int64_t dim = 0; access && dim < getSpaceRank(); ++dim)
      if (!(access->strides[dim] == DimExpr(0)))
        fact.varies.insert(dim);
  }
  BodyFacts facts;
  if (failed(
          facts.analyze(*this, getBody().front(), arguments, getSpaceRank())) ||
      failed(verifyReduces(*this, facts)) || failed(verifyWrites(*this, facts)))
    return failure();
  if (getWorkspace() && facts.reduces.empty())
    return emitOpError("has a workspace, but no plan.reduce");
  return success();
}
