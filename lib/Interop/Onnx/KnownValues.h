//===- KnownValues.h - What is known of values at import ------------------===//
// Private to lib/Interop.
#ifndef ASGC_LIB_INTEROP_ONNX_KNOWNVALUES_H
#define ASGC_LIB_INTEROP_ONNX_KNOWNVALUES_H

#include "lib/Interop/Onnx/Emitter.h"

#include "llvm/ADT/DenseMap.h"

#include <functional>
#include <map>
#include <set>

namespace asgc::interop {

/// The bounds of run-time dims by their names.
using DimBounds = std::map<std::string, int64_t>;
/// What `extent` is at most within the bounds; nothing beyond 2^53.
std::optional<int64_t> maximumOf(const DimExpr &extent,
                                 const DimBounds &bounds);
/// Lowers the bounds of the run-time dims in `extent`, as little as it takes
/// with one number for all of them, until it is at most `most`; false if dims
/// of one element are too many.
bool limit(const DimExpr &extent, int64_t most, DimBounds &bounds);

/// Shapes, axes, counts: operands of ONNX that decide types must be known when
/// the graph is built, whether they are constants, made of constants, made of
/// extents, or inputs whose values were given.
class KnownValues {
public:
  /// The value of `x`, if all that decides it is known: what it is computed
  /// from, or the extents that it picks from a shape; else null.
  const HostTensor *find(mlir::Value x);
  /// The elements of a scalar or vector of integers as extents.
  std::optional<Extents> findExtents(mlir::Value x);
  /// A number that no element of `x`, integers, is above when no run-time dim
  /// is above its bound; nothing if none is known.
  std::optional<int64_t> findMaximum(mlir::Value x, const DimBounds &bounds);

  /// Says that an input or variable holds `value`, in case it is asked for.
  void assume(mlir::Value x, const HostTensor *value) { given[x] = value; }
  /// Inputs whose assumed values were used.
  const llvm::DenseMap<mlir::Value, const HostTensor *> &used() const {
    return usedValues;
  }

private:
  const HostTensor *evaluate(mlir::Value x, int depth);
  const HostTensor *findAt(mlir::Value x, int depth);
  std::optional<Extents> evaluateExtents(mlir::Value x, int depth);
  std::optional<Extents> computeExtents(mlir::Value x, int depth);

  llvm::DenseMap<mlir::Value, const HostTensor *> given, usedValues;
  std::map<const void *, std::optional<HostTensor>> values;
  std::map<const void *, std::optional<Extents>> extents;
};

} // namespace asgc::interop

#endif
