//===- KernelBody.h - From tensor ops to a scalar program -----------------===//
#ifndef ASGC_PASSES_PLAN_KERNELBODY_H
#define ASGC_PASSES_PLAN_KERNELBODY_H

#include "KernelSpace.h"

#include "dialects/plan/Plan.h"

#include <functional>

namespace asgc::planner {

/// Gives the place of a value that is in memory, null for one that a kernel is
/// to compute.
using FindView = std::function<std::optional<View>(mlir::Value)>;

/// Builds the scalar body of a kernel: what its values are at one point.
class KernelBody {
public:
  /// An operand, by the argument of the body that stands for it.
  struct Read {
    mlir::Value buffer;
    std::optional<Form> access; // null: the buffer as a whole, for plan.load
    mlir::BlockArgument argument;
  };
  /// An i64 that stands for an index until the dims of the kernel are final.
  struct Placeholder {
    mlir::Operation *op;
    Form form;
  };

  KernelBody(const KernelSpace &space, FindView findView, mlir::Block *block,
             mlir::MLIRContext *context);

  /// The value at element `index`, in the type that bodies compute with. With a
  /// guard (i1), memory is read only where it is true. Fails where no kernel
  /// can compute it.
  mlir::FailureOr<mlir::Value> evaluate(mlir::Value value, const Index &index,
                                        mlir::Value guard = nullptr);

  const KernelSpace &space;
  llvm::SmallVector<Read> reads;
  llvm::SmallVector<Placeholder> placeholders;
  mlir::OpBuilder builder;

private:
  struct Known {
    Index index;
    mlir::Value guard, result;
  };

  mlir::FailureOr<mlir::Value> compute(mlir::Operation *op, const Index &index,
                                       mlir::Value guard);
  mlir::FailureOr<mlir::Value>
  computeScalarOp(mlir::Operation *op, const Index &index, mlir::Value guard);
  mlir::FailureOr<mlir::Value>
  computeReshape(asg::ReshapeOp op, const Index &index, mlir::Value guard);
  mlir::FailureOr<mlir::Value> computePad(asg::PadOp op, const Index &index,
                                          mlir::Value guard);
  mlir::FailureOr<mlir::Value>
  computeConcat(asg::ConcatOp op, const Index &index, mlir::Value guard);
  mlir::FailureOr<mlir::Value>
  computeGather(asg::GatherOp op, const Index &index, mlir::Value guard);
  mlir::FailureOr<mlir::Value>
  computeReduce(mlir::Operation *op, const Index &index, mlir::Value guard);
  mlir::FailureOr<mlir::Value> computeArg(mlir::Operation *op, bool isMax,
                                          mlir::Value x,
                                          llvm::ArrayRef<int64_t> dims,
                                          const Form &position);
  mlir::FailureOr<mlir::Value> computeRandom(mlir::Operation *op,
                                             mlir::Value seed, mlir::Value step,
                                             int64_t stream, const Index &index,
                                             mlir::Value guard);

  mlir::Value load(const View &view, mlir::Type elementType, const Index &index,
                   mlir::Value guard);
  mlir::BlockArgument getArgument(mlir::Value buffer,
                                  std::optional<Form> access, mlir::Type type);
  /// The form as an i64.
  mlir::Value materialize(const Form &form);
  mlir::Value getExtent(const DimExpr &extent);
  mlir::Value getConstant(mlir::Type type, double value);
  mlir::Value getConstant(int64_t value);
  /// An i64 as a number of a tensor's element type.
  mlir::Value convertIndex(mlir::Value index, mlir::Type elementType);
  mlir::Value andGuards(mlir::Value a, mlir::Value b);

  FindView findView;
  mlir::Location loc;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<Known, 1>> known; // looked up
  int depth = 0;
};

/// Philox4x32-10 on i32 values: four words for a counter and a key.
std::array<mlir::Value, 4> buildPhilox(mlir::OpBuilder &builder,
                                       mlir::Location loc,
                                       std::array<mlir::Value, 4> counter,
                                       std::array<mlir::Value, 2> key);

} // namespace asgc::planner

#endif
