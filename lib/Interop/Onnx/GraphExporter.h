//===- GraphExporter.h - One asg graph becomes an ONNX graph --------------===//
// Private to lib/Interop.
#ifndef ASGC_LIB_INTEROP_ONNX_GRAPHEXPORTER_H
#define ASGC_LIB_INTEROP_ONNX_GRAPHEXPORTER_H

#include "asgc/OnnxFiles.h"
#include "dialects/asg/Asg.h"
#include "lib/Interop/Onnx/Emitter.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <onnx/onnx_pb.h>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace asgc::interop {

/// A value of the ONNX graph. Its shape is that of the asg value, or one that
/// numpy's rules repeat to it: elementwise operators do that themselves.
struct Exported {
  std::string name;
  Extents dims;
};

/// Writes the ops of a graph as nodes. Layers that an operator of ONNX is
/// become that operator, all others what is in them.
class GraphExporter {
public:
  GraphExporter(mlir::ModuleOp module, asg::GraphOp graph,
                const std::vector<NamedView> &weights,
                const OnnxExportOptions &options);

  /// The model; a fault lists every op that cannot be written.
  Result<onnx::ModelProto> run();
  /// The weights that the model keeps elsewhere.
  std::vector<OnnxDataPart> takeData() { return std::move(data); }

  //===- Values -----------------------------------------------------------===//

  Exported get(mlir::Value value) const { return values.lookup(value); }
  /// The name of the value with all of its shape.
  std::string full(mlir::Value value);
  void set(mlir::Value value, const std::string &name);
  void set(mlir::Value value, Exported exported);

  //===- Nodes ------------------------------------------------------------===//

  /// Adds a node with `outputs` results.
  onnx::NodeProto &add(llvm::StringRef op, llvm::ArrayRef<std::string> inputs,
                       int outputs = 1);
  /// The same without attributes; its first result.
  std::string node(llvm::StringRef op, llvm::ArrayRef<std::string> inputs) {
    return add(op, inputs).output(0);
  }
  std::string reshape(const std::string &x, llvm::ArrayRef<DimExpr> dims);
  std::string transpose(const std::string &x, llvm::ArrayRef<int64_t> perm);
  std::string unsqueeze(const std::string &x, llvm::ArrayRef<int64_t> axes);
  /// Elements [starts, ends) by `steps` of `axes`.
  std::string slice(const std::string &x, const std::string &starts,
                    const std::string &ends, llvm::ArrayRef<int64_t> axes,
                    llvm::ArrayRef<int64_t> steps);
  std::string cast(const std::string &x, mlir::Type element);

  /// A name that no other value or node has: the wanted one if it is free.
  std::string fresh(const std::string &wanted);
  /// Says the name and the type of an input or an output.
  static void describe(onnx::ValueInfoProto &info, const std::string &name,
                       mlir::Type type);

  //===- Constants --------------------------------------------------------===//

  std::string integers(llvm::ArrayRef<int64_t> values); // i64[n]
  std::string scalar(double value, mlir::Type element);
  std::string constant(const HostTensor &tensor, llvm::StringRef hint);
  /// An extent as i64[1], several as i64[n].
  std::string extent(const DimExpr &dim);
  std::string extents(llvm::ArrayRef<DimExpr> dims);
  /// `value` everywhere in a tensor of these extents.
  std::string filled(llvm::ArrayRef<DimExpr> dims, double value,
                     mlir::Type element);
  /// 0, 1, … as a vector.
  std::string iota(const DimExpr &count, mlir::Type element);

  //===- Graphs inside others ---------------------------------------------===//

  onnx::GraphProto writeBody(
      asg::GraphOp body, const std::string &name,
      llvm::function_ref<std::vector<std::string>(onnx::GraphProto &)> fill);
  void addResult(const std::string &name, mlir::Type type);

  /// Says that `op` cannot be written.
  void refuse(mlir::Operation *op, const std::string &what = "");

private:
  void addPorts();
  void writeOps(mlir::Block &block);
  void writeOp(mlir::Operation *op);
  void writeVariable(asg::ReadOp read);
  void addInitializer(const std::string &name, const HostTensor &tensor);
  void addExternal(const std::string &name, const NamedView &weight,
                   mlir::Type element);
  void finish();

  mlir::ModuleOp module;
  asg::GraphOp graph;
  const std::vector<NamedView> &weights;
  const OnnxExportOptions &options;
  bool hasDataFile = false;
  std::vector<OnnxDataPart> data;
  onnx::ModelProto model;
  onnx::GraphProto *out; ///< the one that nodes are added to
  llvm::DenseMap<mlir::Value, Exported> values;
  std::map<std::string, std::string> variables; ///< of asg -> name
  std::map<std::string, std::string> constants; ///< bytes -> initializer
  std::map<std::string, std::string> sizes;     ///< extent -> i64[1]
  std::set<std::string> names;
  std::map<std::string, int> counts; ///< of nodes of one name
  std::string scope;                 ///< of the op at hand: "/fc1/"
  std::map<std::string, int> refused;
  /// What is wrong with the values of the graph's variables.
  std::vector<std::string> wrongValues;
};

/// Writes one op. What it becomes is the first name of the row's `nodes`.
using ExportOp = void (*)(GraphExporter &, mlir::Operation *,
                          llvm::StringRef nodes);
/// Writes one layer as an operator; false if it is of another form.
using ExportLayer = bool (*)(GraphExporter &, asg::LayerOp,
                             llvm::StringRef nodes);

/// A row of the second half of OnnxOps.def.
template <typename Function> struct ExportRow {
  llvm::StringRef what; ///< an op or a block
  llvm::StringRef nodes;
  Function write;
};

llvm::ArrayRef<ExportRow<ExportOp>> allExports();
llvm::ArrayRef<ExportRow<ExportLayer>> allLayerExports();

#define ASG_EXPORT(OP, FUNCTION, NODES)                                        \
  void FUNCTION(GraphExporter &, mlir::Operation *, llvm::StringRef);
#define ASG_EXPORT_LAYER(BLOCK, FUNCTION, NODES)                               \
  bool FUNCTION(GraphExporter &, asg::LayerOp, llvm::StringRef);
#include "lib/Interop/OnnxOps.def"

void exportUnary(GraphExporter &, mlir::Operation *, llvm::StringRef);

void setInteger(onnx::NodeProto &node, const char *name, int64_t value);
void setIntegers(onnx::NodeProto &node, const char *name,
                 llvm::ArrayRef<int64_t> values);
void setNumber(onnx::NodeProto &node, const char *name, double value);
void setText(onnx::NodeProto &node, const char *name, const char *value);

/// The number of ONNX for an element type of the dialect.
int32_t dataTypeOf(mlir::Type element);

} // namespace asgc::interop

#endif
