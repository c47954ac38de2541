//===- Permutation.cpp - Shuffles that a key alone determines -------------===//
#include "asgc/Data.h"

#include <array>
#include <numeric>

namespace asgc {

namespace {
/// Philox 4x32-10 (Salmon, Moraes, Dror, Shaw 2011): a bijection of the counter
/// under the key, so that any draw can be had without those before it.
std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, uint32_t key0,
                               uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    uint64_t product0 = uint64_t(0xD2511F53) * counter[0];
    uint64_t product1 = uint64_t(0xCD9E8D57) * counter[2];
    counter = {uint32_t(product1 >> 32) ^ counter[1] ^ key0, uint32_t(product1),
               uint32_t(product0 >> 32) ^ counter[3] ^ key1,
               uint32_t(product0)};
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return counter;
}
} // namespace

std::vector<uint32_t> permutation(uint32_t count, uint64_t seed,
                                  uint64_t stream) {
  std::vector<uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0u);
  for (uint32_t i = count; i-- > 1;) {
    std::array<uint32_t, 4> draw =
        philox({i, 0, uint32_t(stream), uint32_t(stream >> 32)}, uint32_t(seed),
               uint32_t(seed >> 32));
    uint64_t random = uint64_t(draw[1]) << 32 | draw[0];
    // Scales to [0, i]; the bias is below i / 2⁶⁴.
    uint32_t other =
        uint32_t((unsigned __int128)random * (uint64_t(i) + 1) >> 64);
    std::swap(order[i], order[other]);
  }
  return order;
}

} // namespace asgc
