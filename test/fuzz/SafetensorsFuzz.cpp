//===- SafetensorsFuzz.cpp - .safetensors files from hostile hands --------===//
#include "asgc/safetensors.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>

static void require(bool holds) {
  if (!holds)
    std::abort();
}

/// Whatever is accepted lies within the bytes, says what it is, and is found by
/// its name; whatever is refused says why.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  asgc_safetensors *file = nullptr;
  asgc_status status =
      asgc_safetensors_open_memory(data, int64_t(size), "fuzz", &file);
  if (status != ASGC_OK) {
    require(file == nullptr && *asgc_last_error() != 0);
    return 0;
  }
  int64_t covered = 0;
  for (int64_t i = 0; i < asgc_safetensors_count(file); ++i) {
    asgc_safetensors_tensor tensor, found;
    require(asgc_safetensors_get(file, i, &tensor) == ASGC_OK);
    require(asgc_safetensors_find(file, tensor.name, &found) == ASGC_OK);
    require(std::strcmp(tensor.name, found.name) == 0);
    const auto *begin = static_cast<const uint8_t *>(tensor.data);
    require(begin >= data && begin + tensor.bytes <= data + size);
    // Every byte can be read.
    for (int64_t j = 0; j < tensor.bytes; ++j)
      covered += begin[j] >= 0;
    for (int32_t j = 0; j < tensor.rank; ++j)
      require(tensor.dims[j] >= 0);
  }
  require(covered <= int64_t(size));
  for (int64_t i = 0; i < asgc_safetensors_metadata_count(file); ++i) {
    const char *key = nullptr, *value = nullptr;
    require(asgc_safetensors_metadata_at(file, i, &key, &value) == ASGC_OK);
    require(asgc_safetensors_metadata(file, key) != nullptr && value);
  }
  asgc_safetensors_close(file);
  return 0;
}
