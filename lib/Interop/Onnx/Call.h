//===- Call.h - One node, as the function that imports it sees it ---------===//
// Private to lib/Interop.
#ifndef ASGC_LIB_INTEROP_ONNX_CALL_H
#define ASGC_LIB_INTEROP_ONNX_CALL_H

#include "lib/Interop/Onnx/Carrier.h"

namespace onnx {
class AttributeProto;
class NodeProto;
} // namespace onnx

namespace asgc::interop {

class GraphImporter;

/// A node with its operands' values. What it gives back is one value per
/// result, null for those nobody asked for; or nothing, when the emitter has
/// failed.
class Call {
public:
  Call(GraphImporter &importer, Emitter &e, const onnx::NodeProto &node,
       int64_t opset, Values operands, Carriers carriers)
      : importer(importer), e(e), node(node), opset(opset),
        operands(std::move(operands)), carriers(std::move(carriers)) {}

  GraphImporter &importer;
  Emitter &e;
  const onnx::NodeProto &node;
  int64_t opset;           ///< of the node's domain
  Values operands;         ///< null where an optional one is left out
  Carriers carriers;       ///< of the operands, null where none is needed
  Carriers resultCarriers; ///< of the results, as far as they need one

  mlir::Value operator[](size_t index) const {
    return index < operands.size() ? operands[index] : mlir::Value();
  }
  bool has(size_t index) const { return bool((*this)[index]); }
  size_t size() const { return operands.size(); }
  int numOutputs() const;
  const Carrier *carrier(size_t index) const {
    return index < carriers.size() ? carriers[index] : nullptr;
  }
  /// The type of result `index`; null: its own.
  void setCarrier(size_t index, const Carrier *carrier) {
    resultCarriers.resize(std::max(resultCarriers.size(), index + 1));
    resultCarriers[index] = carrier;
  }
  /// Whether result `index` has a name.
  bool wants(int index) const;

  //===- Attributes -------------------------------------------------------===//

  bool hasAttribute(llvm::StringRef name) const { return attribute(name); }
  int64_t integer(llvm::StringRef name, int64_t otherwise) const;
  double number(llvm::StringRef name, double otherwise) const;
  std::string text(llvm::StringRef name, llvm::StringRef otherwise) const;
  std::optional<Axes> integers(llvm::StringRef name) const;
  std::vector<double> numbers(llvm::StringRef name) const;
  std::vector<std::string> texts(llvm::StringRef name) const;
  /// The tensor, and its carrier; nothing, and the emitter has failed, if it
  /// cannot be read.
  std::optional<HostTensor> tensor(llvm::StringRef name,
                                   const Carrier **carrier = nullptr);
  /// The element type that a number of ONNX names, or carries what it names;
  /// null, and the emitter has failed, if the dialect has none.
  mlir::Type elementType(int64_t dataType);

  //===- Bodies -----------------------------------------------------------===//

  /// Outputs of the graph in attribute `name`; -1 if there is none.
  int numBodyOutputs(llvm::StringRef name) const;
  /// Imports that graph here; its outputs, or nothing if something failed.
  std::optional<Values> importBody(llvm::StringRef name,
                                   llvm::ArrayRef<mlir::Value> arguments);
  /// The value called `name` where the node stands; null if there is none.
  mlir::Value lookUp(llvm::StringRef name);

  //===- Values known at import -------------------------------------------===//

  /// The elements of `x`, or null.
  const HostTensor *find(mlir::Value x);
  /// The elements of a scalar or vector as extents, some known at run time
  /// only.
  std::optional<Extents> findExtents(mlir::Value x);
  /// What no element of `x`, and what `extent` is not, above; nothing if that
  /// is not known.
  std::optional<int64_t> findMaximum(mlir::Value x);
  std::optional<int64_t> findMaximum(const DimExpr &extent);
  /// Takes models only whose `extent` is at most `most`: lowers the bounds of
  /// its run-time dims where they allow more. False if that is not possible.
  bool limit(const DimExpr &extent, int64_t most);
  /// The elements of operand `index` if they are known at import; else null,
  /// and the emitter has failed.
  const HostTensor *known(size_t index, llvm::StringRef what);
  std::optional<double> knownNumber(size_t index, llvm::StringRef what);
  std::optional<Axes> knownIntegers(size_t index, llvm::StringRef what);
  /// The same, or attribute `name` of older opsets, or nothing if both are
  /// missing.
  std::optional<Axes> integersOf(size_t index, llvm::StringRef name);
  std::optional<Extents> knownExtents(size_t index, llvm::StringRef what);

private:
  const onnx::AttributeProto *attribute(llvm::StringRef name) const;
};

/// Imports one operator.
using Import = Values (*)(Call &);

/// A row of OnnxOps.def.
struct OperatorRow {
  llvm::StringRef domain, name;
  int64_t since; ///< the first opset that has it
  llvm::StringRef family, limits;
  Import import;
};

/// The row of an operator; null if it is not supported.
const OperatorRow *findOperator(llvm::StringRef domain, llvm::StringRef name);
llvm::ArrayRef<OperatorRow> allOperators();

/// An activation by the name it has in recurrent operators.
mlir::Value importActivation(Emitter &e, llvm::StringRef name, mlir::Value x,
                             double alpha, double beta);

/// An operator that asg has under its own name.
template <typename Op> Values importUnary(Call &call) {
  return {call.e.unary<Op>(call[0])};
}

#define ONNX_OP(DOMAIN, NAME, SINCE, IMPORT, FAMILY, LIMITS)                   \
  Values IMPORT(Call &call);
#include "lib/Interop/OnnxOps.def"

} // namespace asgc::interop

#endif
