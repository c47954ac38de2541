//===- OpRecords.cpp - The op records, read and checked -------------------===//
#include "OpRecords.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/TableGen/Error.h"

using namespace llvm;

namespace asgc {

bool OpRecord::hasGradientInterface() const {
  return hasTrait("::asgc::asg::GradientInterface::Trait");
}

bool OpRecord::hasScalarInterface() const {
  return hasTrait("::asgc::asg::ScalarInterface::Trait");
}

namespace {
const StringSet<> &categories() {
  static const StringSet<> names = {
      "arithmetic", "activation", "comparison", "reduction",
      "contraction", "convolution", "pooling", "layout",
      "indexing", "random", "structural", "gradient"};
  return names;
}

/// Says what `record` lacks; true if it lacks nothing.
bool checkText(const OpRecord &record) {
  bool isComplete = true;
  auto missing = [&](StringRef field) {
    PrintError(record.def->getLoc(), "record of " +
                                         record.op.getOperationName() +
                                         " has no " + field);
    isComplete = false;
  };
  if (!record.op.hasSummary())
    missing("summary");
  for (StringRef field : {"category", "role", "summaryRu", "roleRu", "example"})
    if (record.text(field).trim().empty())
      missing(field);
  StringRef category = record.text("category");
  if (category.empty())
    return false;
  if (!categories().contains(category)) {
    PrintError(record.def->getFieldLoc("category"),
               "unknown category '" + category + "' of " +
                   record.op.getOperationName());
    isComplete = false;
  }
  // Structural ops stand for parts of a program, not for a function.
  if (record.text("formula").empty() && category != "structural")
    missing("formula");
  return isComplete;
}
} // namespace

std::vector<OpRecord> readOps(const RecordKeeper &records, bool &isComplete) {
  std::vector<OpRecord> ops;
  isComplete = true;
  std::vector<const Record *> defs(
      records.getAllDerivedDefinitions("Asg_Op").begin(),
      records.getAllDerivedDefinitions("Asg_Op").end());
  llvm::sort(defs, [](const Record *left, const Record *right) {
    return left->getID() < right->getID();
  });
  for (const Record *def : defs) {
    ops.push_back({def, mlir::tblgen::Operator(*def)});
    isComplete &= checkText(ops.back());
  }
  return ops;
}

} // namespace asgc
