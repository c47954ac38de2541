//===- Plan.cpp - The dialect, its types and its buffers ------------------===//
#include "dialects/plan/Plan.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::plan;

#include "dialects/plan/PlanDialect.cpp.inc"
#include "dialects/plan/PlanEnums.cpp.inc"
#include "dialects/plan/PlanInterfaces.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/plan/PlanTypes.cpp.inc"

void PlanDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/plan/PlanTypes.cpp.inc"
      >();
  registerPlanDialectOperations(this);
}

LogicalResult BufferType::verify(function_ref<InFlightDiagnostic()> emitError,
                                 RankedTensorType tensor) {
  Type element = tensor.getElementType();
  if (element.isF32() || element.isF16() || element.isBF16() ||
      element.isF64() || element.isSignlessInteger(1) ||
      element.isSignlessInteger(8) || element.isSignlessInteger(32) ||
      element.isSignlessInteger(64))
    return success();
  return emitError() << "no buffer holds elements of type " << element;
}

Type plan::getBodyType(Type elementType) {
  if (elementType.isF16() || elementType.isBF16())
    return Float32Type::get(elementType.getContext());
  return elementType;
}

Value plan::getRootBuffer(Value buffer) {
  while (auto alias = buffer.getDefiningOp<AliasOp>())
    buffer = alias.getSource();
  return buffer;
}

namespace {
/// The innermost name and the first source line of a location.
void findSource(Location loc, std::string &name, std::string &line) {
  if (auto named = dyn_cast<NameLoc>(loc)) {
    if (name.empty())
      name = named.getName().str();
    findSource(named.getChildLoc(), name, line);
  } else if (auto file = dyn_cast<FileLineColLoc>(loc)) {
    if (line.empty())
      line = (llvm::sys::path::filename(file.getFilename()) + ":" +
              Twine(file.getLine()) + ":" + Twine(file.getColumn()))
                 .str();
  } else if (auto fused = dyn_cast<FusedLoc>(loc)) {
    for (Location part : fused.getLocations())
      findSource(part, name, line);
  } else if (auto call = dyn_cast<CallSiteLoc>(loc)) {
    findSource(call.getCallee(), name, line);
    findSource(call.getCaller(), name, line);
  }
}
} // namespace

std::string plan::describeSource(Location loc) {
  std::string name, line;
  findSource(loc, name, line);
  return name.empty() || line.empty() ? name + line : name + " " + line;
}

//===- Buffers ------------------------------------------------------------===//

void VariableOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getBuffer(), getVariable());
}

LogicalResult ConstantOp::verify() {
  if (getValue().getShapedType() != getBuffer().getType().getTensor())
    return emitOpError() << "value of type " << getValue().getShapedType()
                         << " in a buffer of "
                         << getBuffer().getType().getTensor();
  return success();
}

LogicalResult AllocOp::verify() {
  if (auto offset = getOffset(); offset && *offset % 64 != 0)
    return emitOpError() << "offset " << *offset << " is no multiple of 64";
  for (std::optional<uint64_t> value :
       {getOffset(), getBytes(), getFirst(), getLast()})
    if (value && static_cast<int64_t>(*value) < 0)
      return emitOpError() << "has the negative number "
                           << static_cast<int64_t>(*value);
  if (getFirst().has_value() != getLast().has_value())
    return emitOpError("has one end of a lifetime only");
  if (getFirst() && *getFirst() > *getLast())
    return emitOpError() << "lifetime ends at step " << *getLast()
                         << ", before it starts at step " << *getFirst();
  return success();
}

LogicalResult AliasOp::verify() {
  RankedTensorType from = getSource().getType().getTensor();
  RankedTensorType to = getBuffer().getType().getTensor();
  if (from.getElementType() != to.getElementType())
    return emitOpError() << "element type changes from "
                         << from.getElementType() << " to "
                         << to.getElementType();
  if (!from.hasStaticShape() || !to.hasStaticShape())
    return success(); // plan-verify compares extents known at run time
  auto count = [](RankedTensorType type) {
    DimExpr elements(1);
    for (int64_t extent : type.getShape())
      elements = elements * DimExpr(extent);
    return elements;
  };
  if (!(count(from) == count(to)))
    return emitOpError() << "number of elements changes from "
                         << count(from).str() << " to " << count(to).str();
  return success();
}

LogicalResult ExtentOp::verify() {
  if (!DimExpr::parse(getExtent()))
    return emitOpError() << "malformed extent '" << getExtent() << "'";
  return success();
}

LogicalResult LoadOp::verify() {
  Type bodyType =
      getBodyType(getBuffer().getType().getTensor().getElementType());
  if (getValue().getType() != bodyType)
    return emitOpError() << "gives " << getValue().getType()
                         << ", but elements of the buffer are computed with as "
                         << bodyType;
  if (static_cast<bool>(getGuard()) != static_cast<bool>(getOtherwise()))
    return emitOpError("has only one of guard and alternative");
  if (getOtherwise() && getOtherwise().getType() != bodyType)
    return emitOpError() << "alternative has type " << getOtherwise().getType()
                         << ", expected " << bodyType;
  return success();
}
