//===- Body.h - A body of control flow as a graph of its own --------------===//
// Private to lib/Interop.
#ifndef ASGC_LIB_INTEROP_ONNX_BODY_H
#define ASGC_LIB_INTEROP_ONNX_BODY_H

#include "lib/Interop/Onnx/GraphImporter.h"

#include "llvm/ADT/SetVector.h"

namespace asgc::interop {

/// Loops of more steps are not written out, if they need not be.
constexpr int64_t kMaxUnrolled = 256;

/// The ops of a body in a block of their own. They may use what stands outside
/// until the block is sealed as a private graph, or put in where its node
/// stands.
class Body {
public:
  Body(GraphImporter &importer, mlir::TypeRange arguments);
  ~Body();
  Body(const Body &) = delete;

  mlir::ValueRange arguments();
  /// Imports ops into the block: `import` gives the outputs, or nothing if
  /// something failed, which is what is returned.
  bool fill(llvm::function_ref<std::optional<Values>()> import);
  const Values &outputs() const { return results; }
  bool hasHeavyWork() const;

  /// Adds what it uses from outside. Weights and constants are read inside.
  void addCaptured(llvm::SetVector<mlir::Value> &captured);
  /// A private graph of the arguments and then of `captured`.
  mlir::FlatSymbolRefAttr seal(llvm::StringRef name,
                               llvm::ArrayRef<mlir::Value> captured);
  /// An asg.loop of the body, whose first argument is the number of the step.
  /// With `condition`, the first output says whether to go on; those after the
  /// carried ones are collected, `places` of them. Fails if a step changes the
  /// type of a carried value.
  Values loop(mlir::Value count, mlir::Value condition,
              llvm::ArrayRef<mlir::Value> carried, const DimExpr &places);
  /// Forgets the first output.
  void dropFirstOutput() { results.erase(results.begin()); }
  /// Moves the ops to where the importer stands; a body without arguments.
  void inlineHere();

private:
  bool isInside(mlir::Value value) const;

  GraphImporter &importer;
  mlir::Block *block;
  Values results;
};

} // namespace asgc::interop

#endif
