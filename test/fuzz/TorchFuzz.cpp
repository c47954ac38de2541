//===- TorchFuzz.cpp - Checkpoints of PyTorch from hostile hands ----------===//
#include "ReadWeights.h"

using namespace asgc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::span bytes(reinterpret_cast<const std::byte *>(data), size);
  // 16 times the file, and four bytes of f32 for one of f8.
  test::readWeights(parseTorchWeights(bytes, "fuzz.pt"),
                    4 * (16.0 * double(size) + (1 << 20)));
  return 0;
}
