//===- OnnxTensor.cpp - onnx::TensorProto to arrays -----------------------===//
#include "lib/Interop/Onnx/GraphImporter.h"

#include <cstring>
#include <fmt/format.h>

namespace asgc::interop {

using onnx::TensorProto;

static std::optional<DType> dtypeOf(int32_t dataType) {
  if (const Carrier *carrier = findCarrier(dataType))
    return carrier->dtype;
  switch (dataType) {
  case TensorProto::FLOAT:
    return DType::F32;
  case TensorProto::FLOAT16:
    return DType::F16;
  case TensorProto::BFLOAT16:
    return DType::BF16;
  case TensorProto::DOUBLE:
    return DType::F64;
  case TensorProto::INT8:
    return DType::I8;
  case TensorProto::INT32:
    return DType::I32;
  case TensorProto::INT64:
    return DType::I64;
  case TensorProto::BOOL:
    return DType::Bool;
  default:
    return std::nullopt;
  }
}

llvm::StringRef nameOfDataType(int32_t dataType) {
  static constexpr llvm::StringRef names[] = {
      "undefined", "f32", "u8",        "i8",         "u16", "i16",
      "i32",       "i64", "string",    "bool",       "f16", "f64",
      "u32",       "u64", "complex64", "complex128", "bf16"};
  return dataType >= 0 && dataType < int32_t(std::size(names)) ? names[dataType]
                                                               : "f8 or i4";
}

mlir::Type elementTypeOf(mlir::MLIRContext &context, int32_t dataType) {
  auto type = dtypeOf(dataType);
  return type ? elementTypeOf(context, *type) : mlir::Type();
}

/// Copies one of the typed fields, whose elements are wider than `type`.
template <typename Field>
static bool copyField(const Field &field, HostTensor &tensor) {
  if (field.size() != tensor.numElements())
    return false;
  int64_t index = 0;
  for (auto value : field) {
    if (tensor.dtype() == DType::F16 || tensor.dtype() == DType::BF16) {
      uint16_t bits = uint16_t(value);
      std::memcpy(tensor.bytes().data() + 2 * index++, &bits, 2);
    } else if (isFloat(tensor.dtype())) {
      tensor.set(index++, double(value));
    } else {
      tensor.setInteger(index++, int64_t(value));
    }
  }
  return true;
}

std::optional<NamedView> viewLargeFloats(const TensorProto &tensor,
                                         const StoredData &stored) {
  ElementType element = ElementType::F32;
  if (tensor.data_type() == TensorProto::FLOAT16)
    element = ElementType::F16;
  else if (tensor.data_type() == TensorProto::BFLOAT16)
    element = ElementType::BF16;
  else if (tensor.data_type() != TensorProto::FLOAT)
    return std::nullopt;
  std::vector<int64_t> shape(tensor.dims().begin(), tensor.dims().end());
  auto bytes = arrayBytes(element, shape);
  if (!bytes || uint64_t(*bytes) != stored.bytes.size() ||
      *bytes <= kMaxKnownWeight * int64_t(elementBytes(element)))
    return std::nullopt;
  return NamedView{tensor.name(), element, std::move(shape), stored.bytes,
                   stored.file};
}

Result<HostTensor> readTensor(const TensorProto &proto,
                              const std::string &path) {
  auto fault = [&](FaultKind kind, const std::string &why) {
    return Fault{kind,
                 fmt::format("{}: tensor '{}': {}", path, proto.name(), why)};
  };
  auto type = dtypeOf(proto.data_type());
  if (!type)
    return fault(FaultKind::Unsupported,
                 fmt::format("elements of type {} are not supported",
                             nameOfDataType(proto.data_type()).str()));
  std::vector<int64_t> shape(proto.dims().begin(), proto.dims().end());
  // What is stored bounds what is allocated.
  auto bytes = arrayBytes(ElementType::I8, shape);
  uint64_t stored = proto.raw_data().size() + proto.float_data_size() +
                    proto.int32_data_size() + proto.int64_data_size() +
                    proto.double_data_size() + proto.uint64_data_size();
  if (!bytes || uint64_t(*bytes) > stored)
    return fault(
        FaultKind::Input,
        fmt::format("the shape [{}] wants more elements than are there",
                    fmt::join(shape, ", ")));
  auto tensor = HostTensor::make(*type, shape);
  if (!tensor)
    return fault(FaultKind::Input, "the shape is too large");
  const Carrier *carrier = findCarrier(proto.data_type());
  bool fits = false;
  if (carrier && proto.has_raw_data()) {
    auto raw = std::as_bytes(std::span(proto.raw_data()));
    auto carried =
        toHostTensor({carrier->element, shape, {raw.begin(), raw.end()}});
    fits = carried.has_value();
    if (fits)
      tensor = std::move(carried);
  } else if (proto.has_raw_data()) {
    fits = proto.raw_data().size() == tensor->bytes().size();
    if (fits && !tensor->bytes().empty())
      std::memcpy(tensor->bytes().data(), proto.raw_data().data(),
                  proto.raw_data().size());
  } else if (*type == DType::F32) {
    fits = copyField(proto.float_data(), *tensor);
  } else if (*type == DType::F64) {
    fits = copyField(proto.double_data(), *tensor);
  } else if (carrier && *type == DType::I64) {
    fits = copyField(proto.uint64_data(), *tensor);
  } else if (*type == DType::I64) {
    fits = copyField(proto.int64_data(), *tensor);
  } else {
    fits = copyField(proto.int32_data(), *tensor);
  }
  if (!fits)
    return fault(FaultKind::Input,
                 fmt::format("its data do not fit the shape [{}] of {}",
                             fmt::join(shape, ", "), nameOf(*type)));
  return std::move(*tensor);
}

} // namespace asgc::interop
