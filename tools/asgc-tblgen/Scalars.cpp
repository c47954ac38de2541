//===- Scalars.cpp - buildScalar from scalarFloat and scalarInt -----------===//
#include "OpRecords.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/TableGen/Error.h"

using namespace llvm;

namespace asgc {

namespace {
/// True if the record takes tensors of one kind only, by its first operand.
bool takesOnly(const OpRecord &record, StringRef constraint) {
  return record.op.getOperand(0).constraint.getDef().getName() == constraint;
}

bool checkName(const OpRecord &record, StringRef field) {
  StringRef name = record.text(field);
  if (name.empty() || name.starts_with("arith.") || name.starts_with("math."))
    return true;
  PrintError(record.def->getFieldLoc(field),
             record.op.getOperationName() + " has " + field + " '" + name +
                 "', which is no op of arith or math");
  return false;
}

void writeScalar(const OpRecord &record, raw_ostream &os) {
  StringRef floatOp = record.text("scalarFloat");
  StringRef intOp = record.text("scalarInt");
  StringRef className = record.op.getCppClassName();
  constexpr const char *parameters =
      "::mlir::OpBuilder &builder, ::mlir::Location loc,\n"
      "    ::mlir::ValueRange operands, ::mlir::Type resultType";
  constexpr const char *call = "builder, loc, operands, resultType";
  bool writesInt = !intOp.empty() || !takesOnly(record, "Asg_FloatTensor");
  if (writesInt && intOp.empty())
    os << formatv("::mlir::Value buildIntegerScalar({0},\n    {1});\n",
                  className, parameters);
  os << formatv("::mlir::Value {0}::buildScalar({1}) {{\n", className,
                parameters);
  std::string body =
      formatv("return buildScalarOp(\"{0}\", {1});\n", floatOp, call);
  if (floatOp.empty())
    os << formatv("  return buildScalarOp(\"{0}\", {1});\n", intOp, call);
  else if (!writesInt)
    os << "  " << body;
  else {
    os << "  if (isFloatPoint(operands.front()))\n    " << body;
    if (intOp.empty())
      os << formatv("  return buildIntegerScalar(*this, {0});\n", call);
    else
      os << formatv("  return buildScalarOp(\"{0}\", {1});\n", intOp, call);
  }
  os << "}\n\n";
}
} // namespace

bool emitScalars(const RecordKeeper &records, raw_ostream &os) {
  bool isValid = true;
  for (const OpRecord &record : readOps(records, isValid)) {
    if (!record.hasScalarInterface())
      continue;
    // Ops with other fields, or with both empty, are written in C++.
    if (!record.def->getValue("scalarFloat") ||
        (record.text("scalarFloat").empty() && record.text("scalarInt").empty()))
      continue;
    isValid &= checkName(record, "scalarFloat") & checkName(record, "scalarInt");
    if (record.op.getNumResults() != 1 || record.op.getNumOperands() == 0) {
      PrintError(record.def->getLoc(),
                 record.op.getOperationName() +
                     " names a scalar op, but is no function of elements");
      isValid = false;
      continue;
    }
    writeScalar(record, os);
  }
  return !isValid;
}

} // namespace asgc
