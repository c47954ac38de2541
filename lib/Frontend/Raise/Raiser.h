//===- Raiser.h - Writes the ops of a graph as statements -----------------===//
// Private to lib/Frontend/Raise.
#ifndef ASGC_LIB_FRONTEND_RAISE_RAISER_H
#define ASGC_LIB_FRONTEND_RAISE_RAISER_H

#include "lib/Frontend/Raise/Names.h"
#include "lib/Frontend/Raise/Pattern.h"

#include "asgc/Raise.h"

#include "llvm/ADT/DenseMap.h"

#include <map>

namespace asgc::raise {

using Extents = llvm::SmallVector<DimExpr>;

/// An expression of the text under construction. Variables stand in it as
/// references until all statements are known.
struct Text {
  std::string code;
  /// The shape that the language gives it: that of the value, or one that
  /// numpy's rules repeat to it.
  Extents dims;
  bool isPipe = false;   ///< ends in `|> something`
  bool isNumber = false; ///< a number without an element type
  int weight = 1;        ///< ops in it
};

/// `dims` with axes of extent 1 before them, `rank` in all.
Extents padFront(llvm::ArrayRef<DimExpr> dims, size_t rank);

/// `code[index]`
std::string indexed(const std::string &code, const std::string &index);

/// The axes that `reshape` drops of its operand because the slice took one
/// place of each; nothing if that is not all it does.
std::optional<Axes> droppedAxes(asg::ReshapeOp reshape, asg::SliceOp slice);

/// Writes one graph.
class Raiser {
public:
  Raiser(asg::GraphOp graph, const std::string &name);

  /// Null if something cannot be written; see raiseModel.
  std::optional<RaisedModel> run(std::string *whyNot);

private:
  /// An op, or a composition of ops, that becomes one expression.
  struct Unit {
    mlir::Operation *op;
    std::optional<Layer> layer;
    asg::SliceOp slice; ///< whose axes of extent 1 the op, a reshape, drops
  };

  //===- Plan -------------------------------------------------------------===//
  void planUnits();
  void need(mlir::Value value);

  //===- Text -------------------------------------------------------------===//
  std::string writeSignature();
  void writeUnit(const Unit &unit);
  Text writeLayer(const Layer &layer, mlir::Value result);
  void writeRecurrent(const Unit &unit);
  std::string nameInstance(const Layer &layer, mlir::Operation *op);
  void bind(mlir::Value value, Text text);
  Text textOf(mlir::Value value);
  /// The text with all of the value's shape, for ops that are not elementwise.
  std::string full(mlir::Value value);
  /// The same as the operand of `|>`, or between the brackets of a call.
  std::string piped(mlir::Value value);
  std::string numberTyped(const Text &text, mlir::Value value);
  std::string declareParameter(asg::ReadOp read);
  Text writeConstant(asg::ConstantOp op);
  void declareTable(const std::string &name, mlir::DenseElementsAttr elements,
                    bool isInline);
  std::string dimText(const DimExpr &dim);
  std::string dimList(llvm::ArrayRef<DimExpr> dims);
  std::string typeText(mlir::Type type);
  void refuse(mlir::Operation *op, const std::string &why = "");

  // One function per family; nothing if the op is of another.
  std::optional<Text> writeSource(mlir::Operation *op);
  std::optional<Text> writeElementwise(mlir::Operation *op);
  std::optional<Text> writeReduction(mlir::Operation *op);
  std::optional<Text> writeLayout(mlir::Operation *op);
  std::optional<Text> writeContraction(mlir::Operation *op);
  std::optional<Text> writeWindow(mlir::Operation *op);

  Text writeBinary(mlir::Operation *op, const char *symbol);
  Text writeCall(mlir::Operation *op, const std::string &function);
  Text applied(const std::string &function, mlir::Value x,
               std::vector<std::string> arguments, mlir::Value result);
  Text writeDot(asg::DotOp op);
  Text writeReshape(asg::ReshapeOp op);
  /// The axes in `dropped` have extent 1 and go: `x[:, 0]`.
  Text writeSlice(asg::SliceOp op, llvm::ArrayRef<int64_t> dropped,
                  mlir::Value result);
  Text writePad(asg::PadOp op);
  Text writeInnerGather(asg::GatherOp op);
  Text writeBroadcast(asg::BroadcastOp op);
  Text writeTransposedConvolution(asg::Conv2dInputGradOp op);
  /// x with both axes of its windows padded unevenly by `value`.
  std::string paddedWindow(mlir::Value x, llvm::ArrayRef<int64_t> low,
                           llvm::ArrayRef<int64_t> high, const char *value);
  Text made(std::string code, mlir::Value result, bool isPipe = false);

  asg::GraphOp graph;
  NamePool names;
  std::string modelName;
  std::vector<Unit> units; ///< in program order
  llvm::DenseMap<mlir::Value, int> uses;
  llvm::DenseMap<mlir::Value, Text> texts;
  std::map<std::string, std::string> dimNames;   ///< symbol -> name
  std::map<std::string, std::string> parameters; ///< variable -> name
  std::map<std::string, std::string> tables;     ///< type and bytes -> name
  std::vector<std::string> declarations;
  std::vector<Statement> statements;
  std::map<std::string, int> refused; ///< op -> how often
  RaisedModel result;
};

} // namespace asgc::raise

#endif
