//===- Random.cpp - Evaluates draws that replay ---------------------------===//
#include "lib/Interpreter/Evaluation.h"

#include <array>
#include <cmath>
#include <numbers>

using namespace mlir;

namespace asgc::interpreter {

namespace {
using Words = std::array<uint32_t, 4>;

/// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
/// 2011).
Words philox(Words counter, uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    uint64_t product0 = uint64_t(0xD2511F53) * counter[0];
    uint64_t product1 = uint64_t(0xCD9E8D57) * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key0,
               static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key1,
               static_cast<uint32_t>(product0)};
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return counter;
}

/// The words of blocks of one draw, by seed, step and stream.
class Draw {
public:
  Draw(const Evaluation &e, int64_t stream)
      : seed(static_cast<uint64_t>(e.in(0).integers[0])),
        step(static_cast<uint64_t>(e.in(1).integers[0])),
        stream(static_cast<uint32_t>(stream)) {}

  Words block(int64_t index) const {
    return philox({static_cast<uint32_t>(index), stream,
                   static_cast<uint32_t>(step), static_cast<uint32_t>(step >> 32)},
                  static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32));
  }

private:
  uint64_t seed, step;
  uint32_t stream;
};

constexpr double kUnit = 1.0 / (1 << 24);

LogicalResult evaluateUniform(Evaluation &e) {
  Draw draw(e, cast<asg::RandomUniformOp>(e.op).getStream());
  for (int64_t i = 0, n = e.out().size(); i < n; ++i)
    e.out().floats[i] = (draw.block(i / 4)[i % 4] >> 8) * kUnit;
  return success();
}

LogicalResult evaluateNormal(Evaluation &e) {
  Draw draw(e, cast<asg::RandomNormalOp>(e.op).getStream());
  for (int64_t i = 0, n = e.out().size(); i < n; ++i) {
    Words words = draw.block(i);
    double u1 = ((words[0] >> 8) + 1) * kUnit, u2 = (words[1] >> 8) * kUnit;
    e.out().floats[i] = std::sqrt(-2 * std::log(u1)) *
                        std::cos(2 * std::numbers::pi * u2);
  }
  return success();
}
} // namespace

void addRandom(Evaluators &evaluators) {
  evaluators["asg.random_uniform"] = evaluateUniform;
  evaluators["asg.random_normal"] = evaluateNormal;
}

} // namespace asgc::interpreter
