//===- SafetensorsTypes.h - Element types of safetensors files ------------===//
#ifndef ASGC_RT_SAFETENSORSTYPES_H
#define ASGC_RT_SAFETENSORSTYPES_H

#include "asgc/program.h"
#include <cstdint>
#include <string_view>

namespace asgc::rt {

struct SafetensorsType {
  const char *name;
  int32_t bytes;
  int32_t dtype; ///< asgc_dtype, or -1
};

inline constexpr SafetensorsType safetensorsTypes[] = {
    {"F32", 4, ASGC_F32},   {"F16", 2, ASGC_F16}, {"BF16", 2, ASGC_BF16},
    {"I8", 1, ASGC_I8},     {"I32", 4, ASGC_I32}, {"I64", 8, ASGC_I64},
    {"BOOL", 1, ASGC_BOOL}, {"F64", 8, ASGC_F64}, {"U8", 1, -1},
    {"I16", 2, -1},         {"U16", 2, -1},       {"U32", 4, -1},
    {"U64", 8, -1},         {"F8_E4M3", 1, -1},   {"F8_E5M2", 1, -1},
    {"F8_E8M0", 1, -1},     {"C64", 8, -1},
};

inline const SafetensorsType *findSafetensorsType(std::string_view name) {
  for (const SafetensorsType &type : safetensorsTypes)
    if (name == type.name)
      return &type;
  return nullptr;
}

inline const SafetensorsType *findSafetensorsType(int32_t dtype) {
  for (const SafetensorsType &type : safetensorsTypes)
    if (dtype >= 0 && type.dtype == dtype)
      return &type;
  return nullptr;
}

} // namespace asgc::rt
#endif
