//===- Dtype.h - Element types: sizes, names, DLPack ----------------------===//
#ifndef ASGC_RT_DTYPE_H
#define ASGC_RT_DTYPE_H

#include "asgc/runtime.h"
#include <optional>
#include <string>

namespace asgc::rt {

/// Bytes of one element; 0 if `dtype` is none of asgc_dtype.
int64_t sizeOf(int32_t dtype);

/// "f32"; "?" if `dtype` is none of asgc_dtype.
const char *nameOf(int32_t dtype);

/// DLPack's type for `dtype`. bool is an unsigned byte, as in DLPack 0.6.
DLDataType toDlpack(int32_t dtype);

/// Whether a tensor of type `given` may be read as `dtype`.
bool isSameType(DLDataType given, int32_t dtype);

/// "f32", "u16", "f32x4": what a caller passed.
std::string nameOf(DLDataType given);

inline bool isFloat(int32_t dtype) {
  return dtype == ASGC_F32 || dtype == ASGC_F16 || dtype == ASGC_BF16 ||
         dtype == ASGC_F64;
}

} // namespace asgc::rt
#endif
