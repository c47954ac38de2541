//===- Carrier.h - Integers of ONNX that the dialect lacks ----------------===//
// Private to lib/Interop.
#ifndef ASGC_LIB_INTEROP_ONNX_CARRIER_H
#define ASGC_LIB_INTEROP_ONNX_CARRIER_H

#include "lib/Interop/Onnx/Emitter.h"

#include "asgc/Data.h"

namespace asgc::interop {

/// An integer type whose values a wider type of the dialect carries.
struct Carrier {
  int32_t dataType; ///< onnx::TensorProto::DataType
  ElementType element;
  DType dtype; ///< what carries it

  bool isSigned() const { return element == ElementType::I16; }
  int64_t least() const;
  int64_t largest() const;
};

using Carriers = llvm::SmallVector<const Carrier *>;

/// The carrier of a type of ONNX or of an array; null if it needs none, or has
/// none.
const Carrier *findCarrier(int32_t dataType);
const Carrier *findCarrier(ElementType element);

/// What an operator does with carried operands.
enum class Carrying {
  refuse, ///< it takes none
  pass,   ///< their values reach its first result as they are
  wrap,   ///< its result is taken modulo the range of the operands' type
  own     ///< it says what its results are, which is nothing carried by default
};

/// The rows ONNX_CARRIED of OnnxOps.def.
Carrying carryingOf(llvm::StringRef domain, llvm::StringRef name);

/// `x`, as its carrier holds it, modulo the range of the type.
mlir::Value wrap(Emitter &e, mlir::Value x, const Carrier &carrier);

} // namespace asgc::interop

#endif
