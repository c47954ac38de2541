//===- Interpolation.h - Elements between elements ------------------------===//
// Private to lib/Interop.
#ifndef ASGC_LIB_INTEROP_ONNX_INTERPOLATION_H
#define ASGC_LIB_INTEROP_ONNX_INTERPOLATION_H

#include "lib/Interop/Onnx/Emitter.h"

#include <array>

namespace asgc::interop {

/// Elements of `flat` [n, c, h · w] at whole places `row`, `column` [n, p]
/// inside the image: [n, c, p].
mlir::Value sampleAt(Emitter &e, mlir::Value flat, mlir::Value row,
                     mlir::Value column, int64_t width);

} // namespace asgc::interop

#endif
