//===- SpirvVectors.cpp - Values of several lanes -------------------------===//
#include "SpirvBuilder.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::vulkan;

Type SpirvBuilder::typeLike(Value like, Type element) {
  auto vector = dyn_cast<VectorType>(like.getType());
  return vector ? vector.cloneWith(std::nullopt, element) : element;
}

Value SpirvBuilder::splat(Value scalar, int64_t count) {
  if (count == 1)
    return scalar;
  auto type = VectorType::get(count, scalar.getType());
  if (auto known = scalar.getDefiningOp<spirv::ConstantOp>())
    return constant(DenseElementsAttr::get(type, known.getValue()));
  return make<spirv::CompositeConstructOp>(
      type, Values(static_cast<size_t>(count), scalar));
}

Value SpirvBuilder::extract(Value vector, int64_t lane) {
  return isa<VectorType>(vector.getType())
             ? make<spirv::CompositeExtractOp>(
                   vector, ArrayRef<int32_t>(static_cast<int32_t>(lane)))
             : vector;
}

Value SpirvBuilder::join(ArrayRef<Value> parts) {
  if (parts.size() == 1)
    return parts.front();
  auto type = VectorType::get(std::ssize(parts), parts.front().getType());
  return make<spirv::CompositeConstructOp>(type, ValueRange(parts));
}

std::pair<Value, Value> SpirvBuilder::halves(Value vector) {
  int64_t half = lanesOf(vector) / 2;
  auto part = [&](int64_t first) {
    Values parts;
    for (int64_t lane = first; lane < first + half; ++lane)
      parts.push_back(extract(vector, lane));
    return join(parts);
  };
  return {part(0), part(half)};
}

Value SpirvBuilder::any(Value mask) {
  Value result = extract(mask, 0);
  for (int64_t lane = 1; lane < lanesOf(mask); ++lane)
    result = orI(result, extract(mask, lane));
  return result;
}

//===- Memory -------------------------------------------------------------===//

Value SpirvBuilder::gather(Value pointer, Value offsets, Type element) {
  if (elementOf(offsets).isInteger(32))
    offsets = cast(Cast::ExtS, offsets, builder.getI64Type());
  int64_t bytes = std::max(1u, element.getIntOrFloatBitWidth() / 8);
  Values values;
  for (int64_t lane = 0; lane < lanesOf(offsets); ++lane)
    values.push_back(
        load(address(pointer, extract(offsets, lane), bytes),
             element, false, {}));
  return join(values);
}

void SpirvBuilder::scatter(Value pointer, Value offsets, Value value,
                           Value mask) {
  if (elementOf(offsets).isInteger(32))
    offsets = cast(Cast::ExtS, offsets, builder.getI64Type());
  int64_t bytes =
      std::max(1u, elementOf(value).getIntOrFloatBitWidth() / 8);
  for (int64_t lane = 0; lane < lanesOf(offsets); ++lane)
    store(address(pointer, extract(offsets, lane), bytes),
          extract(value, lane), mask ? extract(mask, lane) : Value(), false);
}
