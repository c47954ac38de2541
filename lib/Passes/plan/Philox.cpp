//===- Philox.cpp - Random words as scalar code ---------------------------===//
#include "KernelBody.h"

using namespace mlir;

namespace asgc::planner {

namespace {
Value constant(OpBuilder &b, Location loc, Type type, uint64_t value) {
  return arith::ConstantOp::create(
      b, loc,
      IntegerAttr::get(type, APInt(type.getIntOrFloatBitWidth(), value)));
}

/// The 64-bit product of two words, as (high, low).
std::pair<Value, Value> multiplyWide(OpBuilder &b, Location loc, Value word,
                                     uint32_t factor) {
  Type i32 = b.getI32Type(), i64 = b.getI64Type();
  Value wide = arith::ExtUIOp::create(b, loc, i64, word);
  Value product =
      arith::MulIOp::create(b, loc, wide, constant(b, loc, i64, factor));
  Value high =
      arith::ShRUIOp::create(b, loc, product, constant(b, loc, i64, 32));
  return {arith::TruncIOp::create(b, loc, i32, high),
          arith::TruncIOp::create(b, loc, i32, product)};
}
} // namespace

std::array<Value, 4> buildPhilox(OpBuilder &b, Location loc,
                                 std::array<Value, 4> counter,
                                 std::array<Value, 2> key) {
  // Multipliers and key increments of Salmon et al. 2011.
  constexpr uint32_t kFactor0 = 0xD2511F53, kFactor1 = 0xCD9E8D57;
  constexpr uint32_t kBump0 = 0x9E3779B9, kBump1 = 0xBB67AE85;
  Value bump0 = constant(b, loc, b.getI32Type(), kBump0);
  Value bump1 = constant(b, loc, b.getI32Type(), kBump1);
  auto exclusiveOr = [&](Value x, Value y, Value z) -> Value {
    return arith::XOrIOp::create(b, loc, arith::XOrIOp::create(b, loc, x, y),
                                 z);
  };
  for (int round = 0; round < 10; ++round) {
    if (round != 0)
      key = {arith::AddIOp::create(b, loc, key[0], bump0),
             arith::AddIOp::create(b, loc, key[1], bump1)};
    auto [high0, low0] = multiplyWide(b, loc, counter[0], kFactor0);
    auto [high1, low1] = multiplyWide(b, loc, counter[2], kFactor1);
    counter = {exclusiveOr(high1, counter[1], key[0]), low1,
               exclusiveOr(high0, counter[3], key[1]), low0};
  }
  return counter;
}

} // namespace asgc::planner
