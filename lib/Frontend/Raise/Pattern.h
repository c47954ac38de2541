//===- Pattern.h - Finds compositions in asg graphs -----------------------===//
// Private to lib/Frontend/Raise.
#ifndef ASGC_LIB_FRONTEND_RAISE_PATTERN_H
#define ASGC_LIB_FRONTEND_RAISE_PATTERN_H

#include "asgc/Stretch.h"
#include "dialects/asg/Asg.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace asgc::raise {

using Axes = llvm::SmallVector<int64_t>;

/// A parameter or state of a block, and the variable that it stands for.
struct LayerVariable {
  std::string name;     ///< in the block: "weight"
  std::string variable; ///< of the module
  bool isTransposed = false;
  std::vector<Stretch> stretches = {}; ///< of the variable; empty: all of it
  std::vector<int64_t> shape = {};     ///< of these, one after the other
};

/// A use of a block or function: `operands[0] |> path: block(operands[1…],
/// arguments, named[0].first = named[0].second…)`.
struct Layer {
  std::string block;
  llvm::SmallVector<mlir::Value> operands;
  std::vector<std::string> arguments;
  std::vector<LayerVariable> variables;
  bool isFunction = false; ///< written f(x) rather than x |> f
  /// Operands that the block broadcasts.
  std::vector<std::pair<std::string, mlir::Value>> named = {};
};

/// The block whose result `value` is, found in the ops above it; nothing if
/// there is none. The largest composition wins.
std::optional<Layer> matchLayer(mlir::Value value);

//===- Parts of compositions ----------------------------------------------===//

/// `value` as another one with axes added and repeated: `axes[i]` is where axis
/// i of the source lies in the value, -1 if it has extent 1 and is gone.
struct Repetition {
  mlir::Value source;
  Axes axes;
};
Repetition lookThrough(mlir::Value value);

/// The number that every element of `value` is.
std::optional<double> splatOf(mlir::Value value);
bool isSplat(mlir::Value value, double number);

/// The axis along which `value` is 0, 1, 2 …, whether it is computed so or a
/// constant of integers.
std::optional<int64_t> countedAxis(mlir::Value value);

/// `value` = x · factor, also written as a quotient or the other way round.
struct Scaled {
  mlir::Value x;
  double factor;
};
std::optional<Scaled> matchScaled(mlir::Value value);

/// Takes `value` = x op y apart, for the commutative ops in both orders:
/// `match` is asked with (x, y), then with (y, x), until it agrees.
template <typename Op, typename Match>
bool matchEither(mlir::Value value, Match match) {
  auto op = value.getDefiningOp<Op>();
  if (!op)
    return false;
  mlir::Value lhs = op->getOperand(0), rhs = op->getOperand(1);
  return match(lhs, rhs) || match(rhs, lhs);
}

/// The parameter that `value` repeats along `axis`, read for this alone.
std::optional<std::string> matchVector(mlir::Value value, int64_t axis);
/// The variable that `value` is, read for this use alone.
std::optional<std::string> matchVariable(mlir::Value value);

/// `value` is the mean of x over `axes`, repeated to the shape of x.
bool isMeanOf(mlir::Value value, mlir::Value x, llvm::ArrayRef<int64_t> axes);
/// `value` is the reduction Op of x over `axes`, repeated to the shape of x.
template <typename Op>
bool isReductionOf(mlir::Value value, mlir::Value x,
                   llvm::ArrayRef<int64_t> axes) {
  Repetition repeated = lookThrough(value);
  if (auto op = repeated.source.getDefiningOp<asg::StopGradientOp>()) {
    Repetition inner = lookThrough(op.getX());
    for (int64_t &axis : inner.axes)
      axis = axis < 0 ? axis : repeated.axes[axis];
    repeated = inner;
  }
  auto op = repeated.source.getDefiningOp<Op>();
  if (!op || op.getX() != x || op.getAxes() != axes)
    return false;
  Axes kept;
  int64_t rank = mlir::cast<mlir::RankedTensorType>(x.getType()).getRank();
  for (int64_t axis = 0; axis < rank; ++axis)
    if (!llvm::is_contained(axes, axis))
      kept.push_back(axis);
  return repeated.axes == kept;
}

std::optional<Layer> matchActivation(mlir::Value value);
std::optional<Layer> matchNormalization(mlir::Value value);
std::optional<Layer> matchAttention(mlir::Value value);
std::optional<Layer> matchAffine(mlir::Value value);
/// An asg.layer of the import of ONNX; see AsgRecurrent.h.
std::optional<Layer> matchRecurrent(mlir::Operation *op);
/// mean(x, axis), and reductions that keep their axes; of any element type.
std::optional<Layer> matchReduction(mlir::Value value);

/// `axis = 1`, `axis = [1, 2]`, or nothing where all axes are meant.
std::vector<std::string> axisArgument(llvm::ArrayRef<int64_t> axes,
                                      int64_t rank);
/// A number as the language writes it; the shortest that is it, as f32 if that
/// is exact.
std::string writeNumber(double number);
/// `n` for [n, n], else `[a, b]`.
std::string writePair(llvm::ArrayRef<int64_t> pair);
/// `[a, b, c]`
std::string writeList(llvm::ArrayRef<int64_t> numbers);

inline mlir::RankedTensorType typeOf(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}
inline int64_t rankOf(mlir::Value value) { return typeOf(value).getRank(); }

} // namespace asgc::raise

#endif
