//===- Inspect.h - A model at any stage, as JSON or DOT -------------------===//
#ifndef ASGC_INSPECT_H
#define ASGC_INSPECT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/JSON.h"

#include <deque>
#include <string>
#include <vector>

namespace asgc {

/// Collects stages of one compilation into an asgc-dump/1 document
/// (docs/json.md). Deterministic: the same modules give the same bytes.
class DumpWriter {
public:
  /// Finds the category of an op for the `category` field; may be null.
  using CategoryOf = std::string (*)(llvm::StringRef opName);

  /// With `isWhole`, the dump of a module of asg is all that it is.
  explicit DumpWriter(CategoryOf categoryOf = nullptr, bool isWhole = false)
      : categoryOf(categoryOf), isWhole(isWhole) {}

  /// Adds `module` as it stands after `pass`. The first stage also gives the
  /// model's name, layers and variables.
  void addStage(llvm::StringRef pass, mlir::ModuleOp module);

  /// The document; `indent` 0 is one line.
  std::string str(unsigned indent = 0) const;

private:
  CategoryOf categoryOf;
  bool isWhole;
  std::string name, recipe;
  llvm::json::Array layers, variables;
  // A growing array of JSON values copies them, whole graphs here.
  std::deque<llvm::json::Value> stages;
};

/// A module of asg as an asgc-dump/1 document that is also a model: one stage,
/// with whole attributes and what else readModelJson needs. No weights.
std::string writeModelJson(mlir::ModuleOp module,
                           DumpWriter::CategoryOf categoryOf = nullptr);

/// The module that writeModelJson wrote; locations, paths and files included.
/// Null if `*error` says what is wrong with the text and where: a member of the
/// document, such as "stages[0].graphs[1].nodes[7]". Any text is safe to read.
mlir::OwningOpRef<mlir::ModuleOp> readModelJson(llvm::StringRef text,
                                                mlir::MLIRContext &context,
                                                std::string *error);

/// One graph or program of `module` as a Graphviz digraph: clusters are layers,
/// fusions or nothing. All entries if `entry` is empty.
std::string writeDot(mlir::ModuleOp module, llvm::StringRef entry = "");

} // namespace asgc

#endif
