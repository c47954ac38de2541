//===- Places.h - Tensors that their places tell --------------------------===//
//---------------------------===//
// Private to lib/Interop.
#ifndef ASGC_LIB_INTEROP_ONNX_PLACES_H
#define ASGC_LIB_INTEROP_ONNX_PLACES_H

#include "lib/Interop/Onnx/Emitter.h"

namespace asgc::interop {

/// The number that every element of a constant, repeated or not, is.
std::optional<double> splatOf(mlir::Value x);

/// What holds where a comparison of whole numbers, repeated or not, does not;
/// null for any other condition.
mlir::Value negated(Emitter &e, mlir::Value condition);

/// `value` as a comparison of row and column, if it is a matrix (with axes of
/// extent 1 before it) of two values on either side of its diagonal: a mask of
/// bools, or of numbers of which one is 0 and the other 1 or −∞. Null
/// otherwise.
mlir::Value triangleOf(Emitter &e, const HostTensor &value);

/// Elements [start, start + count) of one axis of an `x` that is computed from
/// places and repeated numbers alone, computed so for these; null for any
/// other.
mlir::Value windowOf(Emitter &e, mlir::Value x, int64_t axis,
                     const DimExpr &start, const DimExpr &count);

} // namespace asgc::interop

#endif
