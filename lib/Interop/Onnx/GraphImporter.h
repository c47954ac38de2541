//===- GraphImporter.h - ONNX graphs become ops of one asg graph ----------===//
// Private to lib/Interop.
#ifndef ASGC_LIB_INTEROP_ONNX_GRAPHIMPORTER_H
#define ASGC_LIB_INTEROP_ONNX_GRAPHIMPORTER_H

#include "asgc/Interop.h"

#include "lib/Interop/Onnx/Call.h"
#include "lib/Interop/Onnx/KnownValues.h"
#include "lib/Interop/Onnx/OnnxFile.h"

#include "llvm/ADT/StringMap.h"

#include <onnx/onnx_pb.h>

#include <deque>
#include <map>
#include <set>

namespace asgc::interop {

/// The elements of larger parameters are not known at import: a shape or the
/// scales of a Resize are small.
constexpr int64_t kMaxKnownWeight = 4096;
/// Constants of floats with more elements are parameters.
constexpr int64_t kMaxInline = 64;

/// Values by the names of one graph, function or body.
struct Scope {
  Scope *parent = nullptr;
  llvm::StringMap<mlir::Value> values;
  llvm::StringMap<const Carrier *> carriers; ///< of those that have one

  /// Null: none.
  void keepCarrier(llvm::StringRef name, const Carrier *carrier) {
    if (carrier)
      carriers[name] = carrier;
  }
};

/// Imports the nodes of a model, its functions and the bodies of its control
/// flow into one block.
class GraphImporter {
public:
  GraphImporter(const std::string &path, ModelFile &file,
                mlir::MLIRContext &context, const OnnxOptions &options);

  /// The whole model; a fault lists everything that is wrong or unsupported.
  MaybeFault run(OnnxModel &result);

  /// Imports a body into the current block with `arguments` for its inputs; its
  /// outputs, or nothing if something failed.
  std::optional<Values> importBody(const onnx::GraphProto &body,
                                   llvm::ArrayRef<mlir::Value> arguments);

  /// Adds `body`, which ends with asg.return, to the module and takes it.
  mlir::FlatSymbolRefAttr addPrivateGraph(llvm::StringRef name,
                                          mlir::Block *body);

  Emitter e;
  KnownValues known;
  DimBounds bounds; ///< of the model's run-time dims

  /// Whether ops go into the graph itself, not into a body of control flow.
  bool isOutermost() const { return e.builder.getInsertionBlock() == block; }

  mlir::Value lookUp(llvm::StringRef name);
  /// The carrier of what lookUp() finds; null if it needs none.
  const Carrier *findCarrierOf(llvm::StringRef name) const;
  mlir::FailureOr<mlir::RankedTensorType>
  tensorTypeOf(const onnx::ValueInfoProto &info);

private:
  std::optional<Fault> findUnsupported();
  void
  scanNodes(const google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes,
            const std::map<std::string, int64_t> &opsets, int depth);
  mlir::LogicalResult importInputs(onnx::GraphProto &graph);
  mlir::Value importWeight(llvm::StringRef name, onnx::TensorProto &tensor);
  mlir::Value importInitializer(llvm::StringRef name,
                                const onnx::TensorProto &tensor);
  void
  importNodes(const google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes);
  void importNode(const onnx::NodeProto &node);
  /// Gives the scope a value that a node computes; a second one fails.
  void define(const std::string &name, mlir::Value value,
              const Carrier *carrier);
  /// The value of a Constant node; one number that is repeated often stands
  /// there once.
  mlir::Value importTable(llvm::StringRef name, HostTensor value);
  mlir::Value importTensor(llvm::StringRef name, HostTensor value,
                           int64_t maxInline);
  mlir::Value addParameter(llvm::StringRef name, mlir::Type element,
                           NamedView value);
  Values importFunction(const onnx::NodeProto &node,
                        const onnx::FunctionProto &function,
                        llvm::ArrayRef<mlir::Value> operands,
                        Carriers &carriers);
  Values importOperator(const onnx::NodeProto &node, Values operands,
                        Carriers &carriers);
  const onnx::FunctionProto *findFunction(const onnx::NodeProto &node) const;
  mlir::Value importConstant(const onnx::NodeProto &node);
  mlir::LogicalResult finish(OnnxModel &result);
  void report(const onnx::NodeProto &node);
  DimExpr dimOf(const onnx::TensorShapeProto::Dimension &dim,
                const std::string &input, int axis);

  const std::string &path;
  ModelFile &file;
  onnx::ModelProto &model; ///< of the file
  mlir::MLIRContext &context;
  const OnnxOptions &options;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::Block *block = nullptr;
  Scope *scope = nullptr;
  std::map<std::string, int64_t> opsets;
  llvm::StringMap<onnx::TensorProto *> initializers;
  std::vector<NamedView> weights;
  std::vector<std::string> inputNames;
  std::map<std::string, std::string> symbols; ///< dim_param -> name
  /// Operator -> names of nodes, and what is wrong with nodes.
  std::map<std::string, std::vector<std::string>> unsupported;
  std::vector<std::string> faults;
  std::set<std::string, std::less<>> brokenNames; ///< of nodes that failed
  std::deque<HostTensor> givenValues;
  bool isUnsupported = false;
  unsigned numPlaces = 0;
  int depth = 0;
  int64_t numNodes = 0, numSteps = 0;
};

/// The elements of a tensor of the file as the dialect takes them; why not.
Result<HostTensor> readTensor(const onnx::TensorProto &tensor,
                              const std::string &path);
/// A large tensor of floats where it lies; nothing if it is another, or if its
/// data do not fit.
std::optional<NamedView> viewLargeFloats(const onnx::TensorProto &tensor,
                                         const StoredData &stored);
/// The element type of ONNX; null if the dialect has none.
mlir::Type elementTypeOf(mlir::MLIRContext &context, int32_t dataType);
llvm::StringRef nameOfDataType(int32_t dataType);

} // namespace asgc::interop

#endif
