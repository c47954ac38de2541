//===- AsgStructural.cpp - Entry points, variables, layers, fusions -------===//
#include "dialects/asg/AsgChecks.h"

#include "mlir/Interfaces/FunctionImplementation.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::asg;

//===- Graph: text --------------------------------------------------------===//

namespace {
/// `dims = {batch = 256, seq = 128}`: the bound of each run-time dim.
ParseResult parseBounds(OpAsmParser &parser, DictionaryAttr &bounds) {
  SmallVector<NamedAttribute> entries;
  Builder &builder = parser.getBuilder();
  auto parseEntry = [&]() -> ParseResult {
    std::string name;
    int64_t bound;
    SMLoc loc = parser.getCurrentLocation();
    if (parser.parseKeywordOrString(&name) || parser.parseEqual() ||
        parser.parseInteger(bound))
      return failure();
    for (NamedAttribute entry : entries)
      if (entry.getName() == name)
        return parser.emitError(loc) << "dim '" << name << "' has two bounds";
    entries.push_back({builder.getStringAttr(name),
                       builder.getI64IntegerAttr(bound)});
    return success();
  };
  if (parser.parseEqual() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Braces, parseEntry))
    return failure();
  bounds = builder.getDictionaryAttr(entries);
  return success();
}
} // namespace

ParseResult GraphOp::parse(OpAsmParser &parser, OperationState &result) {
  StringAttr name;
  SmallVector<OpAsmParser::Argument> arguments;
  SmallVector<Type> resultTypes;
  SmallVector<DictionaryAttr> resultAttrs;
  bool isVariadic = false;
  Builder &builder = parser.getBuilder();
  if (succeeded(parser.parseOptionalKeyword("private")))
    result.addAttribute(SymbolTable::getVisibilityAttrName(),
                        builder.getStringAttr("private"));
  if (parser.parseSymbolName(name, getSymNameAttrName(result.name),
                             result.attributes) ||
      function_interface_impl::parseFunctionSignatureWithArguments(
          parser, /*allowVariadic=*/false, arguments, isVariadic, resultTypes,
          resultAttrs))
    return failure();
  SmallVector<Type> argumentTypes;
  for (const OpAsmParser::Argument &argument : arguments)
    argumentTypes.push_back(argument.type);
  result.addAttribute(
      getFunctionTypeAttrName(result.name),
      TypeAttr::get(builder.getFunctionType(argumentTypes, resultTypes)));
  DictionaryAttr bounds = builder.getDictionaryAttr({});
  if (succeeded(parser.parseOptionalKeyword("dims")) &&
      parseBounds(parser, bounds))
    return failure();
  result.addAttribute(getDimsAttrName(result.name), bounds);
  if (parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();
  call_interface_impl::addArgAndResultAttrs(
      builder, result, arguments, resultAttrs, getArgAttrsAttrName(result.name),
      getResAttrsAttrName(result.name));
  Region *body = result.addRegion();
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseRegion(*body, arguments, /*enableNameShadowing=*/false))
    return failure();
  if (body->empty())
    return parser.emitError(loc, "expected a graph with a body");
  return success();
}

void GraphOp::print(OpAsmPrinter &printer) {
  printer << ' ';
  if (isPrivate())
    printer << "private ";
  printer.printSymbolName(getSymName());
  function_interface_impl::printFunctionSignature(
      printer, *this, getArgumentTypes(), /*isVariadic=*/false,
      getResultTypes());
  if (!getDims().empty()) {
    printer << " dims = {";
    llvm::interleaveComma(getDims(), printer, [&](NamedAttribute bound) {
      printer.printKeywordOrString(bound.getName().getValue());
      printer << " = " << cast<IntegerAttr>(bound.getValue()).getInt();
    });
    printer << "}";
  }
  printer.printOptionalAttrDictWithKeyword(
      (*this)->getAttrs(),
      {getSymNameAttrName(), getFunctionTypeAttrName(), getDimsAttrName(),
       getArgAttrsAttrName(), getResAttrsAttrName(),
       SymbolTable::getVisibilityAttrName()});
  printer << ' ';
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

//===- Graph: meaning -----------------------------------------------------===//

StringRef GraphOp::getInputName(unsigned index) {
  auto name = getArgAttrOfType<StringAttr>(index, "asg.name");
  return name ? name.getValue() : StringRef();
}

StringRef GraphOp::getOutputName(unsigned index) {
  auto name = getResultAttrOfType<StringAttr>(index, "asg.name");
  return name ? name.getValue() : StringRef();
}

std::optional<int64_t> GraphOp::getDimBound(StringRef name) {
  auto bound = getDims().getAs<IntegerAttr>(name);
  if (!bound)
    return std::nullopt;
  return bound.getInt();
}

namespace {
LogicalResult verifyBounds(GraphOp graph) {
  Fault fault(graph);
  for (NamedAttribute entry : graph.getDims()) {
    StringRef name = entry.getName();
    auto symbol = DimExpr::parse(name);
    if (!symbol || symbol->asSymbol() != name.str())
      return fault("has a dim '", name, "', which is no name");
    auto bound = dyn_cast<IntegerAttr>(entry.getValue());
    if (!bound || !bound.getType().isInteger(64) || bound.getInt() < 1 ||
        bound.getInt() > kMaxGeometry)
      return fault("needs a bound between 1 and ", kMaxGeometry, " for dim '",
                   name, "'");
  }
  return success();
}

LogicalResult verifyNames(GraphOp graph) {
  Fault fault(graph);
  auto check = [&](unsigned count, auto getName, StringRef kind) {
    llvm::StringSet<> seen;
    for (unsigned i = 0; i < count; ++i) {
      StringRef name = getName(i);
      if (name.empty())
        return fault("has no asg.name for ", kind, " ", i);
      if (!seen.insert(name).second)
        return fault("has two ", kind, "s named '", name, "'");
    }
    return success();
  };
  if (failed(check(graph.getNumArguments(),
                   [&](unsigned i) { return graph.getInputName(i); }, "input")))
    return failure();
  return check(graph.getNumResults(),
               [&](unsigned i) { return graph.getOutputName(i); }, "output");
}

/// Checks that `type` names only dims of the graph and that it is of a
/// reasonable size when they are at their bounds.
LogicalResult verifyAtBounds(GraphOp graph, Location loc, Type type) {
  Fault fault(loc, graph.getOperationName());
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !hasLegalShape(tensor))
    return fault("holds tensors with known or named extents, not ", type);
  constexpr int64_t kMaxElements = int64_t(1) << 40;
  int64_t count = 1;
  for (const DimExpr &extent : getDims(tensor)) {
    for (const std::string &name : extent.symbols())
      if (!graph.getDimBound(name))
        return fault("has no dim '", name, "', which ", describe(tensor),
                     " names");
    auto value = extent.evaluate(
        [&](std::string_view name) { return graph.getDimBound(name); });
    if (!value || *value < 0)
      return fault("has no extent ", extent.str(), " in ", describe(tensor),
                   " when its dims are at their bounds");
    if (__builtin_mul_overflow(count, std::max<int64_t>(*value, 1), &count) ||
        count > kMaxElements)
      return fault("holds ", describe(tensor), ", more than ", kMaxElements,
                   " elements when its dims are at their bounds");
  }
  return success();
}

LogicalResult verifySignature(GraphOp graph) {
  for (BlockArgument argument : graph.getArguments())
    if (failed(verifyAtBounds(graph, argument.getLoc(), argument.getType())))
      return failure();
  for (Type type : graph.getResultTypes())
    if (failed(verifyAtBounds(graph, graph.getLoc(), type)))
      return failure();
  return success();
}

/// Checks that asg.dim names dims of the graph.
LogicalResult verifyDim(GraphOp graph, DimOp dim) {
  for (const std::string &name : DimExpr::parse(dim.getExtent())->symbols())
    if (!graph.getDimBound(name))
      return Fault(dim)("names dim '", name, "', which the graph has not");
  return success();
}

/// Checks that the places in an image, h · W + w, fit in i32.
LogicalResult verifyPlane(GraphOp graph, Operation *op) {
  Value images = isa<MaxUnpool2dOp>(op) ? op->getResult(0) : op->getOperand(0);
  auto type = cast<RankedTensorType>(images.getType());
  DimExpr plane = getDim(type, 2) * getDim(type, 3);
  auto value = plane.evaluate(
      [&](std::string_view name) { return graph.getDimBound(name); });
  if (!value || *value > kMaxGeometry)
    return Fault(op)("needs planes of at most ", kMaxGeometry,
                     " elements when dims are at their bounds, not ",
                     describe(type));
  return success();
}

LogicalResult verifyTensors(GraphOp graph) {
  DenseSet<Type> seen;
  auto checkTypes = [&](Operation *op) -> LogicalResult {
    for (Type type : op->getResultTypes())
      if (isa<RankedTensorType>(type) && seen.insert(type).second &&
          failed(verifyAtBounds(graph, op->getLoc(), type)))
        return failure();
    return success();
  };
  WalkResult walk = graph.getBody().walk([&](Operation *op) -> WalkResult {
    auto dim = dyn_cast<DimOp>(op);
    bool hasPlaces = isa<MaxPool2dOp, MaxUnpool2dOp, PoolGather2dOp>(op);
    if (failed(checkTypes(op)) || (dim && failed(verifyDim(graph, dim))) ||
        (hasPlaces && failed(verifyPlane(graph, op))))
      return WalkResult::interrupt();
    return WalkResult::advance();
  });
  return failure(walk.wasInterrupted());
}

LogicalResult verifyAssignments(GraphOp graph) {
  DenseMap<StringAttr, Operation *> assigned;
  WalkResult walk = graph.getBody().walk([&](AssignOp assign) {
    if (graph.isPrivate()) {
      (void)Fault(assign)("assigns @", assign.getVariable(),
                          " in a private graph");
      return WalkResult::interrupt();
    }
    auto [it, isNew] = assigned.try_emplace(
        assign.getVariableAttr().getAttr(), assign.getOperation());
    if (isNew)
      return WalkResult::advance();
    InFlightDiagnostic diagnostic = assign.emitOpError()
                                    << "assigns @" << assign.getVariable()
                                    << " a second time";
    diagnostic.attachNote(it->second->getLoc()) << "it is assigned here first";
    return WalkResult::interrupt();
  });
  return failure(walk.wasInterrupted());
}
} // namespace

LogicalResult GraphOp::verify() {
  if (getSymName().empty())
    return Fault(*this)("has no name");
  if (failed(verifyBounds(*this)) || failed(verifyNames(*this)) ||
      failed(verifySignature(*this)))
    return failure();
  if (getBody().front().empty() || !isa<ReturnOp>(getBody().front().back()))
    return Fault(*this)("does not end with asg.return");
  return success();
}

// After the ops inside, so that their own faults are reported first.
LogicalResult GraphOp::verifyRegions() {
  return success(succeeded(verifyTensors(*this)) &&
                 succeeded(verifyAssignments(*this)));
}

namespace {
/// Checks that the values at the end of a region are the results of the op
/// around it.
LogicalResult verifyEnd(Operation *end, ValueRange values, TypeRange types) {
  Fault fault(end);
  if (values.size() != types.size())
    return fault("returns ", values.size(), " values from an op with ",
                 types.size(), " results");
  for (unsigned i = 0; i < types.size(); ++i)
    if (values[i].getType() != types[i])
      return fault("returns ", describe(values[i].getType()), " as result ", i,
                   ", which is ", describe(types[i]));
  return success();
}

LogicalResult verifyRegion(Operation *op) {
  Block &block = op->getRegion(0).front();
  if (block.empty() || !isa<YieldOp>(block.back()))
    return Fault(op)("does not end with asg.yield");
  return verifyEnd(&block.back(), block.back().getOperands(),
                   op->getResultTypes());
}
} // namespace

LogicalResult ReturnOp::verify() {
  auto graph = cast<GraphOp>((*this)->getParentOp());
  return verifyEnd(*this, getValues(), graph.getResultTypes());
}

LogicalResult LayerOp::verify() { return verifyRegion(*this); }

LogicalResult FusionOp::verify() {
  static constexpr StringRef kinds[] = {"map", "row", "reduce", "update",
                                        "contraction"};
  if (!llvm::is_contained(kinds, getKind()))
    return Fault(*this)("has kind '", getKind(),
                        "', not map, row, reduce, update or contraction");
  bool mayHaveSegments = getKind() == "update" || getKind() == "reduce";
  if (getSegments() && (!mayHaveSegments || static_cast<int64_t>(*getSegments()) < 2))
    return Fault(*this)("of kind ", getKind(), " has ",
                        static_cast<int64_t>(*getSegments()),
                        " segments; only update and reduce have, and at least 2");
  return verifyRegion(*this);
}

//===- Variables ----------------------------------------------------------===//

namespace {
LogicalResult verifyVariable(Operation *op, Type type) {
  if (SymbolTable::getSymbolName(op).empty())
    return Fault(op)("has no name");
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape() || !hasLegalShape(tensor))
    return Fault(op)("holds a tensor with extents known at compile time, not ",
                     type);
  return success();
}

/// Checks that `variable` names a variable of the type of `value`.
LogicalResult verifyUse(Operation *op, FlatSymbolRefAttr variable, Value value,
                        SymbolTableCollection &symbols) {
  Operation *target = symbols.lookupNearestSymbolFrom(op, variable);
  Type type;
  if (auto param = dyn_cast_or_null<ParamOp>(target))
    type = param.getType();
  else if (auto state = dyn_cast_or_null<StateOp>(target))
    type = state.getType();
  else
    return Fault(op)("names @", variable.getValue(),
                     ", which is no param or state");
  if (type == value.getType())
    return success();
  InFlightDiagnostic diagnostic =
      op->emitOpError() << "has " << describe(value.getType())
                        << " for variable @" << variable.getValue() << ", a "
                        << describe(type);
  diagnostic.attachNote(target->getLoc()) << "it is declared here";
  return diagnostic;
}
} // namespace

LogicalResult ParamOp::verify() { return verifyVariable(*this, getType()); }

LogicalResult StateOp::verify() {
  static constexpr StringRef roles[] = {"state", "optimizer", "step", "seed"};
  if (!llvm::is_contained(roles, getRole()))
    return Fault(*this)("has role '", getRole(),
                        "', not state, optimizer, step or seed");
  return verifyVariable(*this, getType());
}

LogicalResult ReadOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyUse(*this, getVariableAttr(), getY(), symbols);
}

LogicalResult AssignOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyUse(*this, getVariableAttr(), getValue(), symbols);
}

//===- Gradient and random ------------------------------------------------===//

LogicalResult GradientOp::verify() {
  Fault fault(*this);
  auto loss = cast<RankedTensorType>(getLoss().getType());
  if (loss.getRank() != 0)
    return fault("differentiates a scalar, not ", describe(loss));
  if (getWrt().size() != getGradients().size())
    return fault("has ", getGradients().size(), " results for ",
                 getWrt().size(), " values");
  for (auto [value, gradient] : llvm::zip_equal(getWrt(), getGradients()))
    if (value.getType() != gradient.getType())
      return fault("gives ", describe(gradient.getType()),
                   " as the gradient of ", describe(value.getType()));
  return success();
}

namespace {
/// The counter of a draw has 32 bits for the stream and 32 for the block.
LogicalResult verifyRandom(Fault fault, int64_t stream, RankedTensorType type) {
  constexpr int64_t kWords = int64_t(1) << 32;
  if (stream < 0 || stream >= kWords)
    return fault("needs a stream between 0 and 2^32 - 1, not ", stream);
  auto count = getNumElements(type).asConstant();
  if (count && *count > kWords)
    return fault("draws at most 2^32 elements, not ", describe(type));
  return success();
}
} // namespace

LogicalResult RandomUniformOp::verify() {
  return verifyRandom(Fault(*this), getStream(), getY().getType());
}

LogicalResult RandomNormalOp::verify() {
  return verifyRandom(Fault(*this), getStream(), getY().getType());
}
