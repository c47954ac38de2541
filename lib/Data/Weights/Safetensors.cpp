//===- Safetensors.cpp - Weights in safetensors files ---------------------===//
#include "asgc/safetensors.h"
#include "Float8.h"
#include "Formats.h"
#include "runtime/src/Weights.h"

#include <algorithm>

namespace asgc {

namespace {
struct Close {
  void operator()(asgc_safetensors *file) const {
    asgc_safetensors_close(file);
  }
};

struct StoredType {
  std::string_view name; ///< in the file
  ElementType type;
};
constexpr StoredType kTypes[] = {
    {"F64", ElementType::F64},  {"F32", ElementType::F32},
    {"F16", ElementType::F16},  {"BF16", ElementType::BF16},
    {"I64", ElementType::I64},  {"I32", ElementType::I32},
    {"I16", ElementType::I16},  {"I8", ElementType::I8},
    {"U64", ElementType::U64},  {"U32", ElementType::U32},
    {"U16", ElementType::U16},  {"U8", ElementType::U8},
    {"BOOL", ElementType::Bool}};

std::optional<Float8> float8Of(std::string_view name) {
  if (name == "F8_E4M3")
    return Float8::E4M3;
  if (name == "F8_E5M2")
    return Float8::E5M2;
  if (name == "F8_E8M0")
    return Float8::E8M0;
  return std::nullopt;
}

std::optional<ElementType> typeOf(std::string_view name) {
  for (const StoredType &stored : kTypes)
    if (stored.name == name)
      return stored.type;
  if (float8Of(name))
    return ElementType::F32;
  return std::nullopt;
}

class SafetensorsFile final : public WeightFile {
public:
  SafetensorsFile(const std::string &path, asgc_safetensors *open)
      : WeightFile(path), file(open) {
    for (int64_t i = 0; i < asgc_safetensors_count(open); ++i) {
      asgc_safetensors_tensor tensor;
      asgc_safetensors_get(open, i, &tensor);
      std::string name = tensor.dtype_name;
      std::transform(name.begin(), name.end(), name.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
      });
      list.push_back({tensor.name,
                      std::move(name),
                      typeOf(tensor.dtype_name),
                      {tensor.dims, tensor.dims + tensor.rank}});
    }
  }
  bool isCheckpoint() const override { return rt::holdsMore(*file); }
  bool isMapped(size_t index) const override {
    return !float8Of(tensorAt(index).dtype_name);
  }

private:
  asgc_safetensors_tensor tensorAt(size_t index) const {
    asgc_safetensors_tensor tensor;
    asgc_safetensors_get(file.get(), int64_t(index), &tensor);
    return tensor;
  }
  Result<std::span<const std::byte>> readElements(size_t index) override {
    asgc_safetensors_tensor tensor = tensorAt(index);
    std::span bytes(static_cast<const std::byte *>(tensor.data),
                    size_t(tensor.bytes));
    auto small = float8Of(tensor.dtype_name);
    if (!small)
      return bytes;
    floats.resize(bytes.size());
    decodeFloat8(*small, bytes, floats);
    return std::as_bytes(std::span(floats));
  }

  std::unique_ptr<asgc_safetensors, Close> file;
  std::vector<float> floats; ///< what was read last, if it was converted
};
} // namespace

Result<std::unique_ptr<WeightFile>> openSafetensors(const std::string &path) {
  asgc_safetensors *file = nullptr;
  if (asgc_status status = asgc_safetensors_open(path.c_str(), &file))
    return Fault{status == ASGC_IO_ERROR || status == ASGC_OUT_OF_MEMORY
                     ? FaultKind::Environment
                     : FaultKind::Input,
                 asgc_last_error()};
  return std::unique_ptr<WeightFile>(
      std::make_unique<SafetensorsFile>(path, file));
}

} // namespace asgc
