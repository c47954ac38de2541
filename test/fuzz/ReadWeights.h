//===- ReadWeights.h - What every reader of weights promises --------------===//
#ifndef ASGC_TEST_FUZZ_READWEIGHTS_H
#define ASGC_TEST_FUZZ_READWEIGHTS_H

#include "asgc/Weights.h"

#include <cstdlib>
#include <set>

namespace asgc::test {

inline void require(bool holds) {
  if (!holds)
    std::abort();
}

/// Whatever is refused says why. Whatever is accepted has distinct names, and
/// tensors that have the bytes of their shapes, every one of which can be read;
/// together no more than `maxBytes`.
inline void readWeights(const Result<std::unique_ptr<WeightFile>> &file,
                        double maxBytes) {
  if (!file) {
    require(!file.fault().message.empty());
    return;
  }
  std::set<std::string> names;
  double bytes = 0;
  for (size_t i = 0; i < (*file)->tensors().size(); ++i) {
    const WeightTensor &tensor = (*file)->tensors()[i];
    require(names.insert(tensor.name).second);
    auto elements = (*file)->read(i);
    if (!elements) {
      require(!elements.fault().message.empty());
      continue;
    }
    auto expected = arrayBytes(*tensor.type, tensor.shape);
    require(expected && size_t(*expected) == elements->size());
    bytes += double(elements->size());
    unsigned sum = 0;
    for (std::byte byte : *elements)
      sum += unsigned(byte);
    require(sum <= elements->size() * 255);
  }
  require(bytes <= maxBytes);
}

} // namespace asgc::test

#endif
