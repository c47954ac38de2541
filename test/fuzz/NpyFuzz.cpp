//===- NpyFuzz.cpp - .npy files from hostile hands ------------------------===//
#include "asgc/Data.h"

#include <cstdlib>

using namespace asgc;

/// Whatever is accepted must survive being written and read again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::span bytes(reinterpret_cast<const std::byte *>(data), size);
  Result<Array> array = parseNpy(bytes, "fuzz.npy");
  if (!array) {
    if (array.fault().message.empty())
      std::abort();
    return 0;
  }
  if (arrayBytes(array->type, array->shape) != int64_t(array->data.size()))
    std::abort();
  Result<Array> again = parseNpy(formatNpy(*array), "again.npy");
  if (!again || again->type != array->type || again->shape != array->shape ||
      again->data != array->data)
    std::abort();
  return 0;
}
