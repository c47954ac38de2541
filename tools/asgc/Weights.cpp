//===- Weights.cpp - Parameters as files ----------------------------------===//
#include "Weights.h"

#include "Execution.h"
#include "asgc/safetensors.h"

#include <filesystem>
#include <fmt/format.h>

namespace asgc::cli {

namespace fs = std::filesystem;

bool isWeightFile(const std::string &path) {
  std::string extension = fs::path(path).extension().string();
  return extension == ".safetensors" || extension == ".npz";
}

static Result<std::vector<NamedArray>>
readSafetensors(const std::string &path) {
  asgc_safetensors *file = nullptr;
  asgc_status status = asgc_safetensors_open(path.c_str(), &file);
  if (MaybeFault fault = faultOf(status, asgc_last_error()))
    return *fault;
  std::vector<NamedArray> arrays;
  MaybeFault fault;
  for (int64_t i = 0; i < asgc_safetensors_count(file) && !fault; ++i) {
    asgc_safetensors_tensor tensor;
    asgc_safetensors_get(file, i, &tensor);
    if (tensor.dtype < 0) {
      fault = Fault{FaultKind::Unsupported,
                    fmt::format("{}: tensor '{}': elements of type {} are not "
                                "supported",
                                path, tensor.name, tensor.dtype_name)};
      break;
    }
    auto bytes = static_cast<const std::byte *>(tensor.data);
    arrays.push_back({tensor.name,
                      {elementTypeOf(asgc_dtype(tensor.dtype)),
                       {tensor.dims, tensor.dims + tensor.rank},
                       {bytes, bytes + tensor.bytes}}});
  }
  asgc_safetensors_close(file);
  if (fault)
    return *fault;
  return arrays;
}

Result<std::vector<NamedArray>> readWeights(const std::string &path) {
  if (fs::path(path).extension() == ".npz")
    return readNpz(path);
  return readSafetensors(path);
}

/// The type of the runtime that holds `type`; nothing if there is none.
static std::optional<asgc_dtype> runtimeTypeOf(ElementType type) {
  switch (type) {
  case ElementType::F32:
    return ASGC_F32;
  case ElementType::F16:
    return ASGC_F16;
  case ElementType::BF16:
    return ASGC_BF16;
  case ElementType::F64:
    return ASGC_F64;
  case ElementType::I8:
    return ASGC_I8;
  case ElementType::I32:
    return ASGC_I32;
  case ElementType::I64:
    return ASGC_I64;
  case ElementType::Bool:
    return ASGC_BOOL;
  default:
    return std::nullopt;
  }
}

MaybeFault writeWeights(const std::string &path,
                        const std::vector<NamedArray> &arrays) {
  std::vector<asgc_safetensors_source> sources;
  for (const auto &[name, array] : arrays) {
    auto type = runtimeTypeOf(array.type);
    if (!type)
      return Fault{FaultKind::Unsupported,
                   fmt::format("{}: tensor '{}': elements of type {} are not "
                               "supported",
                               path, name, elementName(array.type))};
    sources.push_back({name.c_str(), array.shape.data(), array.data.data(),
                       *type, int32_t(array.shape.size())});
  }
  asgc_status status = asgc_safetensors_write(
      path.c_str(), sources.data(), int64_t(sources.size()), nullptr, 0);
  return faultOf(status, asgc_last_error());
}

} // namespace asgc::cli
