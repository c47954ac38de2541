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

/// Shapes, axes, counts: operands of ONNX that decide types must be known when
/// the graph is built, whether they are constants, made of constants, made of
/// extents, or inputs whose values were given.
class KnownValues {
public:
  /// The value of `x`, if all that it is computed from is known; else null.
  const HostTensor *find(mlir::Value x);
  /// The elements of a scalar or vector of integers as extents.
  std::optional<Extents> findExtents(mlir::Value x);

  /// Says that an input or variable holds `value`, in case it is asked for.
  void assume(mlir::Value x, const HostTensor *value) { given[x] = value; }
  /// Inputs whose assumed values were used.
  const llvm::DenseMap<mlir::Value, const HostTensor *> &used() const {
    return usedValues;
  }

private:
  const HostTensor *evaluate(mlir::Value x, int depth);
  std::optional<Extents> evaluateExtents(mlir::Value x, int depth);

  llvm::DenseMap<mlir::Value, const HostTensor *> given, usedValues;
  std::map<const void *, std::optional<HostTensor>> values;
};

} // namespace asgc::interop

#endif
