//===- GgufFuzz.cpp - GGUF files from hostile hands -----------------------===//
#include "ReadWeights.h"

using namespace asgc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::span bytes(reinterpret_cast<const std::byte *>(data), size);
  // Blocks of 84 bytes become 1024.
  test::readWeights(parseGgufWeights(bytes, "fuzz.gguf"), 13.0 * double(size));
  return 0;
}
