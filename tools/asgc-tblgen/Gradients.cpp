//===- Gradients.cpp - buildGradient from the gradient dags ---------------===//
#include "OpRecords.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/TableGen/Error.h"

using namespace llvm;

namespace asgc {

namespace {
/// Writes `buildGradient` of one op: one statement per node of its dags.
class GradientWriter {
public:
  GradientWriter(const OpRecord &record, raw_ostream &os)
      : record(record), os(os) {
    const mlir::tblgen::Operator &op = record.op;
    for (int i = 0; i < op.getNumOperands(); ++i)
      names[op.getOperand(i).name] =
          op.getGetterName(op.getOperand(i).name) + "()";
    for (int i = 0; i < op.getNumResults(); ++i)
      names[op.getResultName(i)] = op.getGetterName(op.getResultName(i)) + "()";
  }

  /// False if a dag is wrong; the errors are printed.
  bool write() {
    const mlir::tblgen::Operator &op = record.op;
    std::vector<const DagInit *> dags;
    for (const Init *init : *record.def->getValueAsListInit("gradient"))
      dags.push_back(cast<DagInit>(init));
    if (!record.hasGradientInterface())
      return error("has a gradient but not the gradient interface");
    if (op.isVariadic() || op.getNumResults() != 1)
      return error("has a gradient dag, which needs one result and no variadic "
                   "operand; write buildGradient in C++");
    if (static_cast<int>(dags.size()) != op.getNumOperands())
      return error(formatv("has {0} operands, but {1} gradients", op.getNumOperands(),
                           dags.size()));
    std::string cotangent = ("d" + op.getResultName(0)).str();
    if (!names.try_emplace(cotangent, "dy").second)
      return error("calls a value " + cotangent + ", the name of its cotangent");

    os << formatv("::llvm::SmallVector<::mlir::Value> {0}::buildGradient(\n"
                  "    ::mlir::OpBuilder &builder, ::mlir::ValueRange "
                  "resultGradients) {{\n"
                  "  ::llvm::SmallVector<::mlir::Value> gradients({1});\n"
                  "  ::mlir::Value dy = resultGradients[0];\n"
                  "  ::mlir::Location loc = getLoc();\n"
                  "  if (!dy)\n    return gradients;\n  (void)loc;\n",
                  op.getCppClassName(), dags.size());
    for (size_t i = 0; i < dags.size(); ++i)
      writeOperand(*dags[i], i);
    os << "  return gradients;\n}\n\n";
    return isValid;
  }

private:
  bool error(const Twine &message) {
    PrintError(record.def->getFieldLoc("gradient"),
               record.op.getOperationName() + " " + message);
    return isValid = false;
  }

  void writeOperand(const DagInit &dag, size_t index) {
    StringRef head = dag.getOperatorAsDef(record.def->getLoc())->getName();
    if (head == "none" || head == "zero") {
      os << formatv("  // {0}: {1}\n", record.op.getOperand(index).name,
                    head == "none" ? "no float tensor" : "zero, on purpose");
      return;
    }
    os << formatv("  if (hasFloatElements({0}().getType())) {{\n",
                  record.op.getGetterName(record.op.getOperand(index).name));
    std::string value = writeNode(dag);
    os << formatv("    gradients[{0}] = {1};\n  }\n", index, value);
  }

  /// Writes the statements of `dag` and gives the name of its value.
  std::string writeNode(const DagInit &dag) {
    const Record *head = dag.getOperatorAsDef(record.def->getLoc());
    StringRef name = head->getName();
    if (name == "id")
      return dag.getNumArgs() == 1 ? writeArgument(dag, 0)
                                   : wrongCount(name, 1, dag);
    if (name == "scalar")
      return writeScalar(dag);
    if (!head->isSubClassOf("Asg_Op")) {
      error("has '" + name + "' in its gradient, which is no asg op");
      return "dy";
    }
    mlir::tblgen::Operator callee(*head);
    if (callee.getNumArgs() != callee.getNumOperands()) {
      error("has " + name + " in its gradient, which needs attributes; write "
            "buildGradient in C++");
      return "dy";
    }
    if (static_cast<int>(dag.getNumArgs()) != callee.getNumOperands())
      return wrongCount(name, callee.getNumOperands(), dag);
    std::string arguments;
    for (unsigned i = 0; i < dag.getNumArgs(); ++i)
      arguments += ", " + writeArgument(dag, i);
    std::string value = newName();
    os << formatv("    ::mlir::Value {0} = {1}::create(builder, loc{2});\n",
                  value, callee.getCppClassName(), arguments);
    return value;
  }

  std::string writeArgument(const DagInit &dag, unsigned index) {
    if (auto *nested = dyn_cast<DagInit>(dag.getArg(index)))
      return writeNode(*nested);
    StringRef name = dag.getArgNameStr(index);
    auto it = names.find(name);
    if (it == names.end()) {
      error("names $" + name + " in its gradient, which is neither an operand, "
            "the result, nor the cotangent");
      return "dy";
    }
    return it->second;
  }

  std::string writeScalar(const DagInit &dag) {
    if (dag.getNumArgs() != 2)
      return wrongCount("scalar", 2, dag);
    auto *text = dyn_cast<StringInit>(dag.getArg(0));
    double number;
    if (!text || text->getValue().getAsDouble(number)) {
      error("has a scalar in its gradient that is no number in quotes");
      return "dy";
    }
    std::string like = writeArgument(dag, 1);
    std::string value = newName();
    os << formatv("    ::mlir::Value {0} = buildSplat(builder, loc, "
                  "::mlir::cast<::mlir::RankedTensorType>("
                  "::mlir::Value({1}).getType()), {2});\n",
                  value, like, text->getValue());
    return value;
  }

  std::string wrongCount(StringRef name, int expected, const DagInit &dag) {
    error(formatv("gives {0} {1} arguments in its gradient, not {2}", name,
                  dag.getNumArgs(), expected));
    return "dy";
  }

  std::string newName() { return "v" + std::to_string(count++); }

  const OpRecord &record;
  raw_ostream &os;
  StringMap<std::string> names;
  int count = 0;
  bool isValid = true;
};
} // namespace

bool emitGradients(const RecordKeeper &records, raw_ostream &os) {
  bool isValid = true;
  for (const OpRecord &record : readOps(records, isValid))
    if (!record.def->getValueAsListInit("gradient")->empty())
      isValid &= GradientWriter(record, os).write();
  return !isValid;
}

} // namespace asgc
