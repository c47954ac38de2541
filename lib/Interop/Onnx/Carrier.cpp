//===- Carrier.cpp - Integers of ONNX that the dialect lacks --------------===//
#include "lib/Interop/Onnx/Carrier.h"

#include "asgc/Interop.h"

#include "llvm/ADT/StringMap.h"

#include <onnx/onnx_pb.h>

using namespace mlir;

namespace asgc {
namespace interop {

using onnx::TensorProto;

static constexpr Carrier carriers[] = {
    {TensorProto::UINT8, ElementType::U8, DType::I32},
    {TensorProto::UINT16, ElementType::U16, DType::I32},
    {TensorProto::INT16, ElementType::I16, DType::I32},
    {TensorProto::UINT32, ElementType::U32, DType::I64}};

static int64_t valuesOf(const Carrier &carrier) {
  return int64_t(1) << 8 * elementBytes(carrier.element);
}

int64_t Carrier::least() const { return isSigned() ? -valuesOf(*this) / 2 : 0; }
int64_t Carrier::largest() const { return least() + valuesOf(*this) - 1; }

const Carrier *findCarrier(int32_t dataType) {
  for (const Carrier &carrier : carriers)
    if (carrier.dataType == dataType)
      return &carrier;
  return nullptr;
}

const Carrier *findCarrier(ElementType element) {
  for (const Carrier &carrier : carriers)
    if (carrier.element == element)
      return &carrier;
  return nullptr;
}

Carrying carryingOf(StringRef domain, StringRef name) {
  static const llvm::StringMap<Carrying> rows = {
#define ONNX_CARRIED(NAME, HOW) {#NAME, Carrying::HOW},
#include "lib/Interop/OnnxOps.def"
  };
  return domain.empty() ? rows.lookup(name) : Carrying::refuse;
}

Value wrap(Emitter &e, Value x, const Carrier &carrier) {
  if (!x)
    return x;
  Value low = e.binary<asg::AndOp>(x, double(valuesOf(carrier) - 1));
  if (!carrier.isSigned())
    return low;
  // The sign bit counts −2^(bits − 1).
  double sign = double(valuesOf(carrier) / 2);
  return e.sub(e.binary<asg::XorOp>(low, sign), sign);
}

} // namespace interop

ElementType elementTypeOf(DType type) {
  static constexpr ElementType types[] = {
      ElementType::F32, ElementType::F16, ElementType::BF16, ElementType::F64,
      ElementType::I8,  ElementType::I32, ElementType::I64,  ElementType::Bool};
  return types[size_t(type)];
}

std::optional<HostTensor> toHostTensor(const NamedView &array) {
  const interop::Carrier *carrier = interop::findCarrier(array.type);
  auto type = carrier ? carrier->dtype : parseDType(elementName(array.type));
  auto tensor = type ? HostTensor::make(*type, array.shape) : std::nullopt;
  auto bytes = arrayBytes(array.type, array.shape);
  if (!tensor || !bytes || uint64_t(*bytes) != array.data.size())
    return std::nullopt;
  if (!carrier) {
    llvm::copy(array.data, tensor->bytes().begin());
    return tensor;
  }
  std::vector<double> values(size_t(tensor->numElements()));
  loadElements(array.type, array.data.data(), 0, values);
  for (size_t i = 0; i < values.size(); ++i)
    tensor->set(int64_t(i), values[i]);
  return tensor;
}

std::optional<HostTensor> toHostTensor(const Array &array) {
  return toHostTensor(NamedView{"", array.type, array.shape, array.data, {}});
}

} // namespace asgc
