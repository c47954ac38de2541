//===- ProgramBuilder.h - From a graph to a program -----------------------===//
#ifndef ASGC_PASSES_PLAN_PROGRAMBUILDER_H
#define ASGC_PASSES_PLAN_PROGRAMBUILDER_H

#include "KernelBuilder.h"

#include "llvm/ADT/StringSet.h"

namespace asgc::planner {

/// What a contraction does beyond its products.
struct Epilogue {
  mlir::Value result;         // what the call computes, epilogue included
  mlir::Value bias, residual; // null if there is none; not broadcast yet
  plan::Activation activation = plan::Activation::none;
};

/// Turns one graph into a plan.program.
class ProgramBuilder {
public:
  /// `names` holds the names of steps already taken in the module.
  ProgramBuilder(asg::GraphOp graph, llvm::StringSet<> &names);

  /// Builds the program before the graph. Emits the error.
  mlir::FailureOr<plan::ProgramOp> build();

private:
  using Ops = llvm::ArrayRef<mlir::Operation *>;

  //===- Places (ProgramBuilder.cpp) --------------------------------------===//

  std::optional<View> findView(mlir::Value value);
  /// Puts the value in memory if it is not there.
  mlir::FailureOr<View> getView(mlir::Value value);
  /// A buffer of exactly the value's type that holds it.
  mlir::FailureOr<mlir::Value> getBuffer(mlir::Value value);
  mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  getBuffers(mlir::ValueRange values);
  /// `view`, which covers its buffer, as a buffer of `type`.
  mlir::Value getTyped(const View &view, mlir::RankedTensorType type);
  /// Where a value that is about to be computed goes.
  View getDestination(mlir::Value value);
  View allocate(mlir::RankedTensorType type, mlir::Location loc);
  mlir::Value getVariable(llvm::StringRef name, mlir::RankedTensorType type,
                          mlir::Location loc);
  void copy(const View &from, const View &to, mlir::Location loc,
            llvm::StringRef what);
  std::string nameStep(mlir::Location loc, llvm::StringRef what);

  void createProgram();
  void chooseDestinations();
  mlir::LogicalResult buildOp(mlir::Operation *op);
  mlir::LogicalResult finish();
  void settleVariables(); // SettleVariables.cpp

  //===- Kernels (BuildKernels.cpp) ---------------------------------------===//

  mlir::LogicalResult buildFusion(asg::FusionOp fusion);
  /// Builds the ops of a fusion, or some op alone, one by one.
  mlir::LogicalResult buildApart(asg::FusionOp fusion);
  mlir::LogicalResult buildKernels(Ops ops, llvm::ArrayRef<mlir::Value> roots,
                                   mlir::Location loc, llvm::StringRef what);
  mlir::FailureOr<llvm::SmallVector<plan::KernelOp>>
  buildGroup(Ops ops, llvm::ArrayRef<KernelRoot> roots, mlir::Location loc,
             llvm::StringRef what);
  /// The parts of a concatenation that is only written become roots.
  void addRoot(mlir::Value value, const View &destination, Ops ops,
               llvm::SmallVectorImpl<KernelRoot> &roots);
  /// Names kernels, and makes one update of those that have the same body.
  void joinSegments(llvm::ArrayRef<plan::KernelOp> kernels, mlir::Location loc,
                    llvm::StringRef what);
  plan::UpdateOp joinKernels(llvm::ArrayRef<plan::KernelOp> kernels,
                             llvm::StringRef name);

  //===- Calls (BuildMatmul.cpp, BuildCall.cpp, BuildContraction.cpp) -----===//

  mlir::LogicalResult buildContraction(asg::FusionOp fusion);
  mlir::LogicalResult buildDot(asg::DotOp dot, const Epilogue &epilogue);
  View pack(const View &view, llvm::ArrayRef<int64_t> order, mlir::Value value);
  /// The same, written transposed at once if its users look at it like that:
  /// all of them or, if `mayReadPlain`, some.
  View getTransposedDestination(mlir::Value value, bool mayReadPlain = false);
  mlir::LogicalResult buildAttention(mlir::Operation *op);
  mlir::LogicalResult buildConv(mlir::Operation *op, const Epilogue &epilogue);
  mlir::LogicalResult buildPool(mlir::Operation *op);
  mlir::LogicalResult buildIndexed(mlir::Operation *op);
  mlir::LogicalResult buildScan(mlir::Operation *op);
  mlir::LogicalResult buildConcat(asg::ConcatOp concat);
  /// Result `index` of an op, as the buffer that a call writes.
  mlir::Value getResultBuffer(mlir::Value result);

  //===- Programs that this one runs (BuildControl.cpp) -------------------===//

  mlir::LogicalResult buildLoop(asg::LoopOp loop);
  mlir::LogicalResult buildIf(asg::IfOp choice);
  mlir::Value allocateWorkspace(mlir::Location loc);

  asg::GraphOp graph;
  llvm::StringSet<> &names;
  plan::ProgramOp program;
  mlir::OpBuilder builder;
  FindView finder;
  llvm::DenseMap<mlir::Value, View> views;        // looked up only
  llvm::DenseMap<mlir::Value, View> destinations; // looked up only
  llvm::SmallVector<mlir::Operation *> order;

  /// A variable written in place. Its old and its new value have handles of
  /// their own until it is known that no step reads the old one too late.
  struct Variable {
    asg::AssignOp assign;
    mlir::Value newValue;
  };
  llvm::StringMap<mlir::Value> oldValues;
  llvm::SmallVector<Variable> inPlace;
  llvm::SmallVector<asg::AssignOp> copied; // assigned by a copy at the end
  llvm::SmallVector<unsigned> copiedOutputs;
};

/// The order in which to build a graph's ops: the given one, but steps that
/// read a variable before the step that may write it in place. `writers` has
/// the op that computes each assigned value; assigns without one are null.
llvm::SmallVector<mlir::Operation *> orderForInPlace(
    asg::GraphOp graph,
    llvm::ArrayRef<std::pair<asg::AssignOp, mlir::Operation *>> writers);

/// The op whose result `value` is but for reshapes; null for inputs, variables,
/// constants, and views of other kinds.
mlir::Value findComputed(mlir::Value value);

/// Whether a kernel computes the op wherever it is needed, so that its result
/// never needs memory: splat constants, iota, dim.
bool isGenerator(mlir::Operation *op);

} // namespace asgc::planner

#endif
