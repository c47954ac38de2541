//===- Operators.cpp - The operators that can be imported -----------------===//
#include "lib/Interop/Onnx/GraphImporter.h"

#include "asgc/Interop.h"

using namespace mlir;

namespace asgc {
namespace interop {

llvm::ArrayRef<OperatorRow> allOperators() {
  static const OperatorRow rows[] = {
#define ONNX_OP(DOMAIN, NAME, SINCE, IMPORT, FAMILY, LIMITS)                   \
  {DOMAIN, NAME, SINCE, FAMILY, LIMITS, IMPORT},
#define ONNX_UNARY(NAME, SINCE, OP)                                            \
  {"", #NAME, SINCE, "arithmetic", "", importUnary<OP>},
#include "lib/Interop/OnnxOps.def"
  };
  return rows;
}

const OperatorRow *findOperator(StringRef domain, StringRef name) {
  static const llvm::StringMap<const OperatorRow *> byName = [] {
    llvm::StringMap<const OperatorRow *> map;
    for (const OperatorRow &row : allOperators())
      map[(row.domain + "." + row.name).str()] = &row;
    return map;
  }();
  return byName.lookup((domain + "." + name).str());
}

} // namespace interop

std::vector<OnnxOperator> onnxOperators() {
  std::vector<OnnxOperator> all;
  for (const interop::OperatorRow &row : interop::allOperators())
    all.push_back({row.domain.str(), row.name.str(), row.family.str(),
                   row.limits.str(), row.since,
                   interop::carryingOf(row.domain, row.name) !=
                       interop::Carrying::refuse});
  return all;
}

} // namespace asgc
