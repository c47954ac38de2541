//===- Asg.cpp - The dialect, its types and its helpers -------------------===//
#include "dialects/asg/AsgBytecode.h"
#include "dialects/asg/AsgChecks.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::asg;

#include "dialects/asg/AsgDialect.cpp.inc"
#include "dialects/asg/AsgEnums.cpp.inc"
#include "dialects/asg/AsgInterfaces.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/asg/AsgAttributes.cpp.inc"

void AsgDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/asg/AsgAttributes.cpp.inc"
      >();
  registerAsgDialectOperations(this);
  addInterfaces<AsgBytecodeInterface>();
}

Operation *AsgDialect::materializeConstant(OpBuilder &builder, Attribute value,
                                           Type type, Location loc) {
  auto elements = dyn_cast<ElementsAttr>(value);
  if (!elements || elements.getType() != type)
    return nullptr;
  return ConstantOp::create(builder, loc, elements);
}

//===- #asg.dims ----------------------------------------------------------===//

Attribute DimsAttr::parse(AsmParser &parser, Type) {
  SmallVector<Attribute> dims;
  MLIRContext *context = parser.getContext();
  auto parseDim = [&]() -> ParseResult {
    int64_t value;
    OptionalParseResult number = parser.parseOptionalInteger(value);
    if (number.has_value()) {
      dims.push_back(IntegerAttr::get(IntegerType::get(context, 64), value));
      return *number;
    }
    std::string text;
    SMLoc loc = parser.getCurrentLocation();
    if (failed(parser.parseOptionalKeywordOrString(&text)))
      return parser.emitError(loc, "expected an extent: a number, a name, or a "
                                   "quoted expression");
    std::optional<DimExpr> expr = DimExpr::parse(text);
    if (!expr)
      return parser.emitError(loc) << "malformed extent '" << text << "'";
    if (auto constant = expr->asConstant())
      dims.push_back(IntegerAttr::get(IntegerType::get(context, 64), *constant));
    else
      dims.push_back(StringAttr::get(context, expr->str()));
    return success();
  };
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::LessGreater,
                                     parseDim))
    return {};
  return parser.getChecked<DimsAttr>(loc, context, dims);
}

void DimsAttr::print(AsmPrinter &printer) const {
  printer << "<";
  llvm::interleaveComma(getDims(), printer, [&](Attribute dim) {
    if (auto value = dyn_cast<IntegerAttr>(dim))
      printer << value.getInt();
    else
      printer.printKeywordOrString(cast<StringAttr>(dim).getValue());
  });
  printer << ">";
}

LogicalResult DimsAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                               ArrayRef<Attribute> dims) {
  for (Attribute dim : dims) {
    if (auto text = dyn_cast<StringAttr>(dim)) {
      auto expr = DimExpr::parse(text.getValue());
      if (!expr || expr->asConstant() || expr->str() != text.getValue())
        return emitError() << "extent '" << text.getValue()
                           << "' is not in normal form";
    } else if (!isa<IntegerAttr>(dim)) {
      return emitError() << "an extent is a number or an expression, not "
                         << dim;
    }
  }
  return success();
}

/// Whether an encoding may say `dim` of an axis of `extent`.
static bool isNameOf(Attribute dim, int64_t extent) {
  auto value = dyn_cast<IntegerAttr>(dim);
  return value ? value.getInt() == extent : ShapedType::isDynamic(extent);
}

LogicalResult DimsAttr::verifyEncoding(
    ArrayRef<int64_t> shape, Type elementType,
    function_ref<InFlightDiagnostic()> emitError) const {
  if (shape.size() != getDims().size())
    return emitError() << "the type has " << shape.size()
                       << " dims, its encoding " << getDims().size();
  if (!llvm::is_contained(shape, ShapedType::kDynamic))
    return emitError() << "a type without run-time extents has no encoding";
  for (auto [extent, dim] : llvm::zip(shape, getDims())) {
    if (!isNameOf(dim, extent))
      return emitError() << "extent " << dim << " of the encoding differs from "
                         << "the type's";
  }
  return success();
}

//===- Types --------------------------------------------------------------===//

SmallVector<DimExpr> asg::getDims(RankedTensorType type) {
  SmallVector<DimExpr> dims;
  for (int64_t axis = 0; axis < type.getRank(); ++axis)
    dims.push_back(getDim(type, axis));
  return dims;
}

DimExpr asg::getDim(RankedTensorType type, int64_t axis) {
  if (!type.isDynamicDim(axis))
    return DimExpr(type.getDimSize(axis));
  auto encoding = dyn_cast_or_null<DimsAttr>(type.getEncoding());
  // A bare `?` is refused by the verifiers; until they run it is a symbol that
  // equals nothing. So is an extent too long to be read back.
  std::optional<DimExpr> extent;
  if (encoding && axis < int64_t(encoding.getDims().size()))
    if (auto text = dyn_cast<StringAttr>(encoding.getDims()[axis]))
      extent = DimExpr::parse(text.getValue());
  return extent ? *extent : DimExpr::symbol("unknown");
}

bool asg::hasLegalShape(RankedTensorType type) {
  constexpr int64_t kMaxRank = 32, kMaxElements = int64_t(1) << 40;
  bool isNamed = isa_and_nonnull<DimsAttr>(type.getEncoding());
  if (type.getRank() > kMaxRank || isNamed == type.hasStaticShape() ||
      (type.getEncoding() && !isNamed))
    return false;
  if (isNamed) { // which bytecode brings in without verifyEncoding
    ArrayRef<Attribute> dims = cast<DimsAttr>(type.getEncoding()).getDims();
    if (int64_t(dims.size()) != type.getRank())
      return false;
    for (auto [dim, extent] : llvm::zip_equal(dims, type.getShape())) {
      auto text = dyn_cast<StringAttr>(dim);
      if (!isNameOf(dim, extent) || (text && !DimExpr::parse(text.getValue())))
        return false;
    }
  }
  int64_t count = 1;
  for (int64_t extent : type.getShape()) {
    if (ShapedType::isDynamic(extent))
      continue;
    // Zero extents do not hide the others: their products are formed too.
    if (extent < 0 || __builtin_mul_overflow(
                          count, std::max<int64_t>(extent, 1), &count))
      return false;
    if (count > kMaxElements)
      return false;
  }
  return true;
}

bool asg::hasFloatElements(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && isa<FloatType>(tensor.getElementType());
}

RankedTensorType asg::getTensorType(MLIRContext *context,
                                    ArrayRef<DimExpr> dims, Type elementType) {
  SmallVector<int64_t> shape;
  SmallVector<Attribute> entries;
  bool isStatic = true;
  for (const DimExpr &dim : dims) {
    if (auto constant = dim.asConstant()) {
      shape.push_back(*constant);
      entries.push_back(
          IntegerAttr::get(IntegerType::get(context, 64), *constant));
    } else {
      isStatic = false;
      shape.push_back(ShapedType::kDynamic);
      entries.push_back(StringAttr::get(context, dim.str()));
    }
  }
  if (isStatic)
    return RankedTensorType::get(shape, elementType);
  return RankedTensorType::get(shape, elementType,
                               DimsAttr::get(context, entries));
}

RankedTensorType asg::withDims(RankedTensorType type, ArrayRef<DimExpr> dims) {
  return getTensorType(type.getContext(), dims, type.getElementType());
}

RankedTensorType asg::withElementType(RankedTensorType type, Type elementType) {
  return RankedTensorType::get(type.getShape(), elementType,
                               type.getEncoding());
}

DimExpr asg::getNumElements(RankedTensorType type) {
  DimExpr count(1);
  for (const DimExpr &dim : getDims(type))
    count = count * dim;
  return count;
}

std::string asg::describe(Type type) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor) {
    stream << type;
    return text;
  }
  Type element = tensor.getElementType();
  if (element.isInteger(1))
    stream << "bool";
  else
    stream << element;
  if (tensor.getRank() != 0) {
    stream << "[";
    llvm::interleaveComma(getDims(tensor), stream,
                          [&](const DimExpr &dim) { stream << dim.str(); });
    stream << "]";
  }
  return text;
}

LogicalResult asg::verifyInferredTypes(Operation *op) {
  SmallVector<Type> expected;
  if (failed(cast<InferTypeOpInterface>(op).inferReturnTypes(
          op->getContext(), op->getLoc(), op->getOperands(),
          op->getRawDictionaryAttrs(), op->getPropertiesStorage(),
          op->getRegions(), expected)))
    return failure();
  for (auto [type, actual] : llvm::zip_equal(expected, op->getResultTypes()))
    if (failed(checkResult(Fault(op), type, actual)))
      return failure();
  return success();
}

//===- Building -----------------------------------------------------------===//

Value asg::buildSplat(OpBuilder &builder, Location loc, RankedTensorType type,
                      TypedAttr value) {
  // A splat of a run-time shape is a scalar constant, repeated.
  if (type.hasStaticShape())
    return ConstantOp::create(builder, loc,
                              DenseElementsAttr::get(type, value));
  auto scalarType = RankedTensorType::get({}, type.getElementType());
  Value scalar = ConstantOp::create(builder, loc,
                                    DenseElementsAttr::get(scalarType, value));
  return BroadcastOp::create(builder, loc, type, scalar, ArrayRef<int64_t>());
}

Value asg::buildSplat(OpBuilder &builder, Location loc, RankedTensorType type,
                      double value) {
  Type element = type.getElementType();
  TypedAttr splat;
  if (isa<FloatType>(element))
    splat = FloatAttr::get(element, value);
  else
    splat = IntegerAttr::get(element, static_cast<int64_t>(value));
  return buildSplat(builder, loc, type, splat);
}

Value asg::buildBroadcast(OpBuilder &builder, Location loc, Value x,
                          RankedTensorType type, ArrayRef<int64_t> dims) {
  if (x.getType() == type)
    return x;
  return BroadcastOp::create(builder, loc, type, x, dims);
}

Value asg::buildUnreduce(OpBuilder &builder, Location loc, Value x,
                         RankedTensorType type, ArrayRef<int64_t> axes) {
  SmallVector<int64_t> kept;
  for (int64_t axis = 0; axis < type.getRank(); ++axis)
    if (!llvm::is_contained(axes, axis))
      kept.push_back(axis);
  return buildBroadcast(builder, loc, x, type, kept);
}
