//===- PlanSyntax.cpp - Pieces of the plan dialect's textual form ---------===//
#include "dialects/plan/PlanSyntax.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::plan;

Attribute plan::getExtentAttr(MLIRContext *context, const DimExpr &extent) {
  if (auto constant = extent.asConstant())
    return IntegerAttr::get(IntegerType::get(context, 64), *constant);
  return StringAttr::get(context, extent.str());
}

ArrayAttr plan::getExtentsAttr(MLIRContext *context,
                               ArrayRef<DimExpr> extents) {
  return ArrayAttr::get(
      context, llvm::map_to_vector(extents, [&](const DimExpr &extent) {
        return getExtentAttr(context, extent);
      }));
}

std::optional<DimExpr> plan::readExtent(Attribute attribute) {
  if (auto number = dyn_cast<IntegerAttr>(attribute)) {
    if (!number.getType().isSignlessInteger(64))
      return std::nullopt;
    return DimExpr(number.getInt());
  }
  auto text = dyn_cast<StringAttr>(attribute);
  if (!text)
    return std::nullopt;
  auto extent = DimExpr::parse(text.getValue());
  if (!extent || extent->asConstant() || extent->str() != text.getValue())
    return std::nullopt;
  return extent;
}

SmallVector<DimExpr> plan::readExtents(ArrayAttr extents) {
  return llvm::map_to_vector(
      extents, [](Attribute extent) { return *readExtent(extent); });
}

ArrayAttr plan::getAccessAttr(MLIRContext *context, const Access &access) {
  SmallVector<DimExpr> entries(access.strides);
  entries.push_back(access.offset);
  return getExtentsAttr(context, entries);
}

Access plan::readAccess(Attribute access) {
  SmallVector<DimExpr> entries = readExtents(cast<ArrayAttr>(access));
  DimExpr offset = entries.pop_back_val();
  return {std::move(entries), std::move(offset)};
}

ParseResult plan::parseExtent(AsmParser &parser, Attribute &extent) {
  int64_t value;
  OptionalParseResult number = parser.parseOptionalInteger(value);
  if (number.has_value()) {
    extent = parser.getBuilder().getI64IntegerAttr(value);
    return *number;
  }
  std::string text;
  SMLoc loc = parser.getCurrentLocation();
  if (failed(parser.parseOptionalKeywordOrString(&text)))
    return parser.emitError(
        loc, "expected an extent: a number, a name, or a quoted expression");
  std::optional<DimExpr> expr = DimExpr::parse(text);
  if (!expr)
    return parser.emitError(loc) << "malformed extent '" << text << "'";
  extent = getExtentAttr(parser.getContext(), *expr);
  return success();
}

void plan::printExtent(AsmPrinter &printer, Attribute extent) {
  if (auto number = dyn_cast<IntegerAttr>(extent))
    printer << number.getValue().getSExtValue();
  else if (auto text = dyn_cast<StringAttr>(extent))
    printer.printKeywordOrString(text.getValue());
  else
    printer << extent;
}

ParseResult plan::parseExtents(AsmParser &parser, ArrayAttr &extents) {
  SmallVector<Attribute> entries;
  auto parseEntry = [&] { return parseExtent(parser, entries.emplace_back()); };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseEntry))
    return failure();
  extents = parser.getBuilder().getArrayAttr(entries);
  return success();
}

void plan::printExtents(AsmPrinter &printer, Operation *, ArrayAttr extents) {
  printer << "[";
  llvm::interleaveComma(extents, printer, [&](Attribute extent) {
    printExtent(printer, extent);
  });
  printer << "]";
}

ParseResult plan::parseAccess(AsmParser &parser, Attribute &access) {
  if (failed(parser.parseOptionalKeyword("at"))) {
    access = parser.getBuilder().getUnitAttr();
    return success();
  }
  ArrayAttr strides;
  if (parseExtents(parser, strides))
    return failure();
  Attribute offset = parser.getBuilder().getI64IntegerAttr(0);
  if (succeeded(parser.parseOptionalKeyword("offset")) &&
      parseExtent(parser, offset))
    return failure();
  SmallVector<Attribute> entries(strides.getValue());
  entries.push_back(offset);
  access = parser.getBuilder().getArrayAttr(entries);
  return success();
}

void plan::printAccess(AsmPrinter &printer, Attribute access) {
  auto entries = dyn_cast<ArrayAttr>(access);
  if (!entries || entries.empty())
    return;
  printer << " at ";
  printExtents(
      printer, nullptr,
      ArrayAttr::get(access.getContext(), entries.getValue().drop_back()));
  auto offset = dyn_cast<IntegerAttr>(entries.getValue().back());
  if (offset && offset.getValue().isZero())
    return;
  printer << " offset ";
  printExtent(printer, entries.getValue().back());
}

ParseResult
plan::parsePlaced(OpAsmParser &parser,
                  SmallVectorImpl<OpAsmParser::UnresolvedOperand> &buffers,
                  SmallVectorImpl<Type> &types, ArrayAttr &accesses) {
  SmallVector<Attribute> entries;
  auto parseOne = [&] {
    return failure(parser.parseOperand(buffers.emplace_back()) ||
                   parseAccess(parser, entries.emplace_back()) ||
                   parser.parseColon() ||
                   parseTensor(parser, types.emplace_back()));
  };
  if (parser.parseCommaSeparatedList(parseOne))
    return failure();
  accesses = parser.getBuilder().getArrayAttr(entries);
  return success();
}

void plan::printPlaced(OpAsmPrinter &printer, Operation *op,
                       OperandRange buffers, TypeRange types,
                       ArrayAttr accesses) {
  llvm::interleaveComma(llvm::enumerate(buffers), printer, [&](auto entry) {
    printer << entry.value();
    printAccess(printer, accesses[entry.index()]);
    printer << " : ";
    printTensor(printer, op, types[entry.index()]);
  });
}

ParseResult
plan::parseBuffers(OpAsmParser &parser,
                   SmallVectorImpl<OpAsmParser::UnresolvedOperand> &buffers,
                   SmallVectorImpl<Type> &types) {
  OpAsmParser::UnresolvedOperand buffer;
  OptionalParseResult first = parser.parseOptionalOperand(buffer);
  if (!first.has_value())
    return success();
  auto parseType = [&]() -> ParseResult {
    buffers.push_back(buffer);
    return failure(parser.parseColon() ||
                   parseTensor(parser, types.emplace_back()));
  };
  if (failed(*first) || parseType())
    return failure();
  while (succeeded(parser.parseOptionalComma()))
    if (parser.parseOperand(buffer) || parseType())
      return failure();
  return success();
}

void plan::printBuffers(OpAsmPrinter &printer, Operation *op,
                        OperandRange buffers, TypeRange types) {
  llvm::interleaveComma(llvm::zip_equal(buffers, types), printer,
                        [&](auto pair) {
                          printer << std::get<0>(pair) << " : ";
                          printTensor(printer, op, std::get<1>(pair));
                        });
}

ParseResult plan::parseTensor(AsmParser &parser, Type &buffer) {
  RankedTensorType tensor;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseType(tensor))
    return failure();
  buffer = parser.getChecked<BufferType>(loc, parser.getContext(), tensor);
  return success(static_cast<bool>(buffer));
}

void plan::printTensor(AsmPrinter &printer, Operation *, Type buffer) {
  printer << cast<BufferType>(buffer).getTensor();
}

LogicalResult plan::verifyExtents(Operation *op, StringRef what,
                                  ArrayAttr extents, int64_t count) {
  if (count >= 0 && static_cast<int64_t>(extents.size()) != count)
    return op->emitOpError() << what << " has " << extents.size()
                             << " entries, expected " << count;
  for (Attribute entry : extents) {
    std::optional<DimExpr> extent = readExtent(entry);
    if (!extent)
      return op->emitOpError()
             << what << " has " << entry
             << ", which is neither a number nor an expression in normal form";
    if (auto number = extent->asConstant(); number && *number < 0)
      return op->emitOpError()
             << what << " has the negative number " << *number;
  }
  return success();
}
