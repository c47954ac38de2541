//===- Dtype.cpp - Element types: sizes, names, DLPack --------------------===//
#include "Dtype.h"
#include "Error.h"

namespace asgc::rt {

namespace {

struct Entry {
  const char *name;
  uint8_t code;
  uint8_t bytes;
};

/// Indexed by asgc_dtype.
constexpr Entry entries[] = {
    {"f32", kDLFloat, 4}, {"f16", kDLFloat, 2}, {"bf16", kDLBfloat, 2},
    {"i8", kDLInt, 1},    {"i32", kDLInt, 4},   {"i64", kDLInt, 8},
    {"bool", kDLUInt, 1}, {"f64", kDLFloat, 8},
};

/// Newer DLPack headers have a code for bool.
constexpr uint8_t dlpackBool = 6;

const Entry *find(int32_t dtype) {
  return dtype >= 0 && dtype < int32_t(std::size(entries)) ? &entries[dtype]
                                                           : nullptr;
}

} // namespace

int64_t sizeOf(int32_t dtype) {
  const Entry *entry = find(dtype);
  return entry ? entry->bytes : 0;
}

const char *nameOf(int32_t dtype) {
  const Entry *entry = find(dtype);
  return entry ? entry->name : "?";
}

DLDataType toDlpack(int32_t dtype) {
  const Entry *entry = find(dtype);
  if (!entry)
    return {kDLOpaqueHandle, 0, 1};
  return {entry->code, uint8_t(entry->bytes * 8), 1};
}

bool isSameType(DLDataType given, int32_t dtype) {
  DLDataType wanted = toDlpack(dtype);
  if (given.lanes != 1 || given.bits != wanted.bits)
    return false;
  return given.code == wanted.code ||
         (dtype == ASGC_BOOL && given.code == dlpackBool);
}

std::string nameOf(DLDataType given) {
  static constexpr const char *prefixes[] = {"i",  "u", "f",   "handle",
                                             "bf", "c", "bool"};
  std::string name = given.code < std::size(prefixes)
                         ? prefixes[given.code]
                         : text("type", int(given.code), ":");
  if (given.code != dlpackBool)
    name += std::to_string(given.bits);
  if (given.lanes != 1)
    name += text("x", given.lanes);
  return name;
}

} // namespace asgc::rt

DLDataType asgc_dlpack_type(int32_t dtype) { return asgc::rt::toDlpack(dtype); }
