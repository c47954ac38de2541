//===- SliceBounds.h - A slice as begin and end ---------------------------===//
#ifndef ASGC_DIALECTS_ASG_SLICEBOUNDS_H
#define ASGC_DIALECTS_ASG_SLICEBOUNDS_H

#include "dialects/asg/Asg.h"

#include <optional>

namespace asgc::asg {

/// What a slice takes of an axis, as the language and ONNX write it: a negative
/// constant counts from the end of the axis, and without an end it is the
/// axis'.
struct SliceBounds {
  int64_t begin = 0;
  std::optional<DimExpr> end;
};

/// The bounds of `op` along `axis`. `begin` is negative only if the extent is
/// known at run time only. A slice of no elements is empty at 0, where every
/// axis has a place for it.
SliceBounds boundsOf(SliceOp op, int64_t axis);

} // namespace asgc::asg

#endif
