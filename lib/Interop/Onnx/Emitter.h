//===- Emitter.h - Builds asg with numpy's broadcasting -------------------===//
// Private to lib/Interop.
#ifndef ASGC_LIB_INTEROP_ONNX_EMITTER_H
#define ASGC_LIB_INTEROP_ONNX_EMITTER_H

#include "asgc/HostTensor.h"
#include "dialects/asg/Asg.h"

#include <string>

namespace asgc::interop {

using Axes = llvm::SmallVector<int64_t>;
using Extents = llvm::SmallVector<DimExpr>;
using Values = llvm::SmallVector<mlir::Value>;

/// Tables that are made at import (places, weights, counts) have at most so
/// many elements: a number in a small file must not ask for all memory.
constexpr int64_t kMaxTable = int64_t(1) << 24;

/// The key of a model's metadata under which the bound of a run-time dim stands,
/// with the dim's name after it.
constexpr llvm::StringLiteral kBoundKey = "asgc.bound.";

/// Builds verified ops at the end of a block. The first failure is kept, and
/// from then on every function gives a null value and takes one, so that a
/// composition is written without a check per step.
class Emitter {
public:
  Emitter(mlir::MLIRContext &context)
      : builder(&context), loc(mlir::UnknownLoc::get(&context)) {}

  mlir::OpBuilder builder;
  mlir::Location loc;

  //===- Failures ---------------------------------------------------------===//

  /// Keeps `reason` if it is the first; always null.
  mlir::Value fail(const llvm::Twine &reason, bool unsupported = false);
  mlir::Value refuse(const llvm::Twine &reason) { return fail(reason, true); }
  bool hasFailed() const { return !reason.empty(); }
  /// The reason kept, and forgets it.
  std::string takeFailure(bool &unsupported);

  //===- Types ------------------------------------------------------------===//

  static mlir::RankedTensorType typeOf(mlir::Value x) {
    return mlir::cast<mlir::RankedTensorType>(x.getType());
  }
  static mlir::Type elementOf(mlir::Value x) {
    return typeOf(x).getElementType();
  }
  static int64_t rankOf(mlir::Value x) { return typeOf(x).getRank(); }
  static DimExpr dim(mlir::Value x, int64_t axis) {
    return asg::getDim(typeOf(x), axis);
  }
  static Extents dims(mlir::Value x) { return asg::getDims(typeOf(x)); }
  /// Fails if an extent is negative; the type is then that of a scalar.
  mlir::RankedTensorType typeFor(llvm::ArrayRef<DimExpr> dims,
                                 mlir::Type element);
  mlir::Type f32() { return builder.getF32Type(); }
  mlir::Type i64() { return builder.getI64Type(); }
  mlir::Type i1() { return builder.getI1Type(); }
  /// Extent `axis` as a number; fails if it is known at run time only.
  std::optional<int64_t> fixedDim(mlir::Value x, int64_t axis);
  std::optional<Axes> fixedDims(mlir::Value x);
  /// An axis from the end as one from the start; fails if it is out of range.
  std::optional<int64_t> axis(int64_t axis, int64_t rank);
  std::optional<Axes> axes(llvm::ArrayRef<int64_t> axes, int64_t rank);

  //===- Sources ----------------------------------------------------------===//

  mlir::Value constant(const HostTensor &tensor);
  mlir::Value constant(llvm::ArrayRef<double> values,
                       llvm::ArrayRef<int64_t> shape, mlir::Type element);
  mlir::Value integers(llvm::ArrayRef<int64_t> values); // i64[n]
  /// A scalar of the element type of `x`.
  mlir::Value like(mlir::Value x, double value);
  mlir::Value scalar(double value, mlir::Type element);
  mlir::Value splat(llvm::ArrayRef<DimExpr> dims, mlir::Type element,
                    double value);
  /// 0, 1, … along `axis` of a tensor of the shape `dims`.
  mlir::Value iota(llvm::ArrayRef<DimExpr> dims, int64_t axis,
                   mlir::Type element);
  /// An extent as a scalar.
  mlir::Value extent(const DimExpr &dim, mlir::Type element);

  //===- Elementwise ------------------------------------------------------===//

  template <typename Op> mlir::Value unary(mlir::Value x) {
    return x ? make<Op>(x.getType(), x) : x;
  }
  /// Operands are broadcast to their common shape.
  template <typename Op> mlir::Value binary(mlir::Value x, mlir::Value y) {
    return unify({&x, &y}) ? make<Op>(x.getType(), x, y) : mlir::Value();
  }
  template <typename Op> mlir::Value binary(mlir::Value x, double y) {
    return x ? binary<Op>(x, like(x, y)) : x;
  }
  template <typename T> mlir::Value add(mlir::Value x, T y) {
    return binary<asg::AddOp>(x, y);
  }
  template <typename T> mlir::Value sub(mlir::Value x, T y) {
    return binary<asg::SubOp>(x, y);
  }
  template <typename T> mlir::Value mul(mlir::Value x, T y) {
    return binary<asg::MulOp>(x, y);
  }
  template <typename T> mlir::Value div(mlir::Value x, T y) {
    return binary<asg::DivOp>(x, y);
  }
  template <typename T> mlir::Value min(mlir::Value x, T y) {
    return binary<asg::MinOp>(x, y);
  }
  template <typename T> mlir::Value max(mlir::Value x, T y) {
    return binary<asg::MaxOp>(x, y);
  }
  mlir::Value neg(mlir::Value x) { return unary<asg::NegOp>(x); }
  mlir::Value exp(mlir::Value x) { return unary<asg::ExpOp>(x); }
  mlir::Value log(mlir::Value x) { return unary<asg::LogOp>(x); }
  mlir::Value abs(mlir::Value x) { return unary<asg::AbsOp>(x); }
  mlir::Value compare(asg::Predicate predicate, mlir::Value x, mlir::Value y);
  mlir::Value compare(asg::Predicate predicate, mlir::Value x, double y) {
    return x ? compare(predicate, x, like(x, y)) : x;
  }
  mlir::Value select(mlir::Value condition, mlir::Value x, mlir::Value y);
  mlir::Value cast(mlir::Value x, mlir::Type element);

  //===- Layout -----------------------------------------------------------===//

  /// The common shape of numpy's rules; fails if there is none.
  std::optional<Extents> commonDims(llvm::ArrayRef<mlir::Value> xs);
  mlir::Value broadcast(mlir::Value x, llvm::ArrayRef<DimExpr> dims);
  /// Repeats `x` to `dims`; axis i of x is axis `axes[i]` of the result.
  mlir::Value broadcast(mlir::Value x, llvm::ArrayRef<DimExpr> dims,
                        llvm::ArrayRef<int64_t> axes);
  mlir::Value reshape(mlir::Value x, llvm::ArrayRef<DimExpr> dims);
  /// Adds axes of extent 1 so that they stand at `axes` of the result.
  mlir::Value unsqueeze(mlir::Value x, llvm::ArrayRef<int64_t> axes);
  mlir::Value squeeze(mlir::Value x, llvm::ArrayRef<int64_t> axes);
  mlir::Value transpose(mlir::Value x, llvm::ArrayRef<int64_t> perm);
  mlir::Value moveAxis(mlir::Value x, int64_t from, int64_t to);
  mlir::Value slice(mlir::Value x, llvm::ArrayRef<int64_t> starts,
                    llvm::ArrayRef<DimExpr> sizes,
                    llvm::ArrayRef<int64_t> strides);
  /// Elements [start, start + size) of one axis.
  mlir::Value slice(mlir::Value x, int64_t axis, int64_t start, DimExpr size,
                    int64_t stride = 1);
  /// Element `index` of one axis, which disappears.
  mlir::Value element(mlir::Value x, int64_t axis, int64_t index);
  mlir::Value reverse(mlir::Value x, int64_t axis);
  mlir::Value pad(mlir::Value x, llvm::ArrayRef<int64_t> low,
                  llvm::ArrayRef<int64_t> high, double value,
                  llvm::ArrayRef<int64_t> interior = {});
  mlir::Value concat(llvm::ArrayRef<mlir::Value> xs, int64_t axis);
  mlir::Value gather(mlir::Value x, mlir::Value indices, int64_t axis,
                     int64_t batchDims = 0);

  //===- Sums -------------------------------------------------------------===//

  template <typename Op>
  mlir::Value reduce(mlir::Value x, llvm::ArrayRef<int64_t> axes, bool keep) {
    if (!x)
      return {};
    mlir::Value y = infer<Op>(1, x, axes);
    return keep && y ? unreduce(y, dims(x), axes) : y;
  }
  mlir::Value sum(mlir::Value x, llvm::ArrayRef<int64_t> axes, bool keep) {
    return reduce<asg::ReduceSumOp>(x, axes, keep);
  }
  mlir::Value mean(mlir::Value x, llvm::ArrayRef<int64_t> axes, bool keep);
  /// Product of the extents of `axes` as a scalar of the type of `x`.
  mlir::Value count(mlir::Value x, llvm::ArrayRef<int64_t> axes);
  mlir::Value dot(mlir::Value x, mlir::Value y, llvm::ArrayRef<int64_t> xBatch,
                  llvm::ArrayRef<int64_t> yBatch,
                  llvm::ArrayRef<int64_t> xContract,
                  llvm::ArrayRef<int64_t> yContract);
  /// numpy.matmul.
  mlir::Value matmul(mlir::Value x, mlir::Value y);
  mlir::Value softmax(mlir::Value x, int64_t axis);
  mlir::Value logSoftmax(mlir::Value x, int64_t axis);

  //===- Ops --------------------------------------------------------------===//

  /// Builds an op of the result type `type`.
  template <typename Op, typename... Args>
  mlir::Value make(mlir::Type type, Args &&...args) {
    mlir::OperationState state(loc, Op::getOperationName());
    Op::build(builder, state, type, std::forward<Args>(args)...);
    return insert(state);
  }
  /// Builds an op whose `count` result types are inferred; the first result.
  template <typename Op, typename... Args>
  mlir::Value infer(unsigned count, Args &&...args) {
    mlir::OperationState state(loc, Op::getOperationName());
    // Types stand in until they are inferred: the builders that infer them end
    // the process where there are none.
    llvm::SmallVector<mlir::Type> none(
        count, mlir::NoneType::get(builder.getContext()));
    Op::build(builder, state, mlir::TypeRange(none),
              std::forward<Args>(args)...);
    state.types.clear();
    if (failed(Op::inferReturnTypes(
            builder.getContext(), loc, state.operands,
            state.attributes.getDictionary(builder.getContext()),
            state.getRawProperties(), {}, state.types)))
      return fail(takeDiagnostic());
    return insert(state);
  }

  /// Builds an op of any number of results; they, or nothing.
  template <typename Op, typename... Args>
  Values makeAll(mlir::TypeRange types, Args &&...args) {
    mlir::OperationState state(loc, Op::getOperationName());
    Op::build(builder, state, types, std::forward<Args>(args)...);
    if (hasFailed())
      return {};
    return Values(builder.create(state)->getResults());
  }

  /// What MLIR reported last, for the failure it belongs to.
  std::string diagnostic;

private:
  mlir::Value insert(mlir::OperationState &state);
  mlir::Value fold(mlir::Operation *op);
  bool unify(llvm::ArrayRef<mlir::Value *> xs);
  mlir::Value unreduce(mlir::Value x, Extents dims,
                       llvm::ArrayRef<int64_t> axes);
  std::string takeDiagnostic();

  std::string reason;
  bool isUnsupported = false;
};

/// The elements of a constant op as the host holds them.
HostTensor hostTensorOf(mlir::DenseElementsAttr value);
mlir::Type elementTypeOf(mlir::MLIRContext &context, DType type);

} // namespace asgc::interop

#endif
