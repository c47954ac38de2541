//===- GgufBlocks.h - Quantized blocks of GGUF files ----------------------===//
#ifndef ASGC_LIB_DATA_WEIGHTS_GGUFBLOCKS_H
#define ASGC_LIB_DATA_WEIGHTS_GGUFBLOCKS_H

#include "asgc/Data.h"

namespace asgc {

/// How a GGUF file stores elements: `elements` of them in a block of `bytes`.
struct GgufType {
  uint32_t id; ///< in the file
  std::string_view name;
  int64_t elements, bytes;
  /// What they are read as; nothing if they cannot be.
  std::optional<ElementType> type;
  /// Makes f32 of a block; null if the elements stand there as `type`.
  void (*dequantize)(const std::byte *block, float *out) = nullptr;
};

/// The type that `id` stands for; null if there is none.
const GgufType *findGgufType(uint32_t id);

} // namespace asgc

#endif
