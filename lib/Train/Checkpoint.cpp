//===- Checkpoint.cpp - Everything a run needs to go on, in one file ------===//
#include "Checkpoint.h"
#include "EntryRunner.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <fmt/format.h>

namespace asgc {

namespace {
constexpr const char *kHeaderKey = "asgc";
constexpr const char *kChecksumKey = "asgc.crc32";

uint32_t crcOfText(std::string_view text, uint32_t seed) {
  return crc32Of(std::as_bytes(std::span(text.data(), text.size())), seed);
}

/// Covers what the safetensors format itself does not protect: every tensor's
/// name and bytes in the order of the names, and the header. Each tensor's
/// bytes are (name, data, size).
using NamedBytes = std::pair<std::string_view, std::span<const std::byte>>;
std::string checksumOf(std::string_view header,
                       std::vector<NamedBytes> tensors) {
  std::sort(tensors.begin(), tensors.end(),
            [](auto &a, auto &b) { return a.first < b.first; });
  uint32_t crc = crcOfText(header, 0);
  for (const auto &[name, bytes] : tensors)
    crc = crc32Of(bytes, crcOfText(name, crc));
  return fmt::format("{:08x}", crc);
}

std::span<const std::byte> bytesOf(const void *data, int64_t bytes) {
  return {static_cast<const std::byte *>(data), size_t(bytes)};
}

asgc_safetensors_source sourceOf(const ProgramVariable &variable) {
  return {variable.name.c_str(), variable.shape.data(), variable.data,
          variable.dtype, int32_t(variable.shape.size())};
}

MaybeFault write(const std::string &path,
                 const std::vector<asgc_safetensors_source> &tensors,
                 const std::vector<const char *> &metadata) {
  asgc_status status = asgc_safetensors_write(
      path.c_str(), tensors.data(), int64_t(tensors.size()), metadata.data(),
      int64_t(metadata.size() / 2));
  if (status == ASGC_OK)
    return std::nullopt;
  return Fault{status == ASGC_IO_ERROR || status == ASGC_OUT_OF_MEMORY
                   ? FaultKind::Environment
                   : FaultKind::Internal,
               asgc_last_error()};
}

Fault openFault(asgc_status status) {
  return {status == ASGC_IO_ERROR || status == ASGC_OUT_OF_MEMORY
              ? FaultKind::Environment
              : FaultKind::Input,
          asgc_last_error()};
}

std::string shapeText(asgc_dtype dtype, std::span<const int64_t> shape) {
  return fmt::format("{}[{}]", elementName(elementTypeOf(dtype)),
                     fmt::join(shape, ", "));
}
} // namespace

MaybeFault writeCheckpoint(const std::string &path,
                           const TrainableProgram &program,
                           const CheckpointHeader &header) {
  if (MaybeFault fault = program.sync())
    return fault;
  std::vector<asgc_safetensors_source> sources;
  std::vector<NamedBytes> bytes;
  for (const ProgramVariable &variable : program.variables()) {
    sources.push_back(sourceOf(variable));
    bytes.push_back({variable.name, bytesOf(variable.data, variable.bytes)});
  }
  std::string json = headerToJson(header);
  std::string checksum = checksumOf(json, std::move(bytes));
  // PyTorch's loaders ask for "format".
  return write(path, sources,
               {"format", "pt", kHeaderKey, json.c_str(), kChecksumKey,
                checksum.c_str()});
}

MaybeFault saveWeights(const TrainableProgram &program,
                       const std::string &path) {
  if (MaybeFault fault = program.sync())
    return fault;
  std::vector<asgc_safetensors_source> sources;
  for (const ProgramVariable &variable : program.variables())
    if (variable.role == ASGC_ROLE_PARAM || variable.role == ASGC_ROLE_STATE)
      sources.push_back(sourceOf(variable));
  return write(path, sources, {"format", "pt"});
}

Result<OpenCheckpoint> OpenCheckpoint::open(const std::string &path) {
  OpenCheckpoint result;
  result.path = path;
  asgc_safetensors *file = nullptr;
  if (asgc_status status = asgc_safetensors_open(path.c_str(), &file))
    return openFault(status);
  result.file.reset(file);
  if (MaybeFault fault = result.verify())
    return *fault;
  return result;
}

Result<OpenCheckpoint> OpenCheckpoint::open(std::span<const std::byte> bytes,
                                            const std::string &name) {
  OpenCheckpoint result;
  result.path = name;
  asgc_safetensors *file = nullptr;
  if (asgc_status status = asgc_safetensors_open_memory(
          bytes.data(), int64_t(bytes.size()), name.c_str(), &file))
    return openFault(status);
  result.file.reset(file);
  if (MaybeFault fault = result.verify())
    return *fault;
  return result;
}

MaybeFault OpenCheckpoint::verify() {
  const char *json = asgc_safetensors_metadata(file.get(), kHeaderKey);
  const char *checksum = asgc_safetensors_metadata(file.get(), kChecksumKey);
  if (!json || !checksum)
    return Fault{FaultKind::Input,
                 path + ": expected a checkpoint, found a safetensors file "
                        "without the metadata of one"};
  std::vector<NamedBytes> bytes;
  for (int64_t i = 0; i < asgc_safetensors_count(file.get()); ++i) {
    asgc_safetensors_tensor tensor;
    if (asgc_status status = asgc_safetensors_get(file.get(), i, &tensor))
      return openFault(status);
    bytes.push_back({tensor.name, bytesOf(tensor.data, tensor.bytes)});
  }
  std::string found = checksumOf(json, std::move(bytes));
  if (found != checksum)
    return Fault{FaultKind::Input,
                 fmt::format("{}: the checkpoint is damaged: expected the "
                             "checksum {}, found {}",
                             path, checksum, found)};
  std::string wrong = headerFromJson(json, &header);
  if (!wrong.empty())
    return Fault{FaultKind::Input, path + ": the metadata are wrong: " + wrong};
  return std::nullopt;
}

MaybeFault OpenCheckpoint::restore(TrainableProgram &program) const {
  std::vector<const void *> sources;
  auto refuse = [&](const ProgramVariable &variable, const std::string &found) {
    return Fault{FaultKind::Input,
                 fmt::format("{}: expected '{}' as {}, found {}; the "
                             "checkpoint is of another model",
                             path, variable.name,
                             shapeText(variable.dtype, variable.shape), found)};
  };
  for (const ProgramVariable &variable : program.variables()) {
    asgc_safetensors_tensor tensor;
    if (asgc_safetensors_find(file.get(), variable.name.c_str(), &tensor))
      return refuse(variable, "no tensor of this name");
    std::span shape(tensor.dims, size_t(tensor.rank));
    if (tensor.dtype != variable.dtype ||
        !std::equal(shape.begin(), shape.end(), variable.shape.begin(),
                    variable.shape.end()))
      return refuse(variable, tensor.dtype < 0
                                  ? std::string(tensor.dtype_name)
                                  : shapeText(asgc_dtype(tensor.dtype), shape));
    sources.push_back(tensor.data);
  }
  int64_t extra = asgc_safetensors_count(file.get()) - int64_t(sources.size());
  if (extra > 0)
    return Fault{FaultKind::Input,
                 fmt::format("{}: expected {} tensors, found {}; the "
                             "checkpoint is of another model",
                             path, sources.size(),
                             sources.size() + size_t(extra))};
  if (MaybeFault fault = program.sync())
    return fault;
  for (size_t i = 0; i < sources.size(); ++i) {
    const ProgramVariable &variable = program.variables()[i];
    if (variable.bytes)
      std::memcpy(variable.data, sources[i], size_t(variable.bytes));
  }
  program.touch();
  return std::nullopt;
}

Result<std::string> findNonFinite(const TrainableProgram &program) {
  if (MaybeFault fault = program.sync())
    return *fault;
  std::array<double, 512> chunk;
  for (const ProgramVariable &variable : program.variables()) {
    ElementType type = elementTypeOf(variable.dtype);
    if (!isFloat(type))
      continue;
    size_t count = size_t(variable.bytes) / elementBytes(type);
    for (size_t first = 0; first < count; first += chunk.size()) {
      std::span values(chunk.data(), std::min(chunk.size(), count - first));
      loadElements(type, static_cast<const std::byte *>(variable.data), first,
                   values);
      // The sum of x · 0 is 0 exactly if every x is finite.
      double sum = 0;
      for (double value : values)
        sum += value * 0.0;
      if (sum != 0.0 || std::isnan(sum))
        return variable.name;
    }
  }
  return std::string();
}

Result<CheckpointInfo> infoOf(const Result<OpenCheckpoint> &checkpoint) {
  if (!checkpoint)
    return checkpoint.fault();
  const CheckpointHeader &header = checkpoint->header;
  return CheckpointInfo{header.state.step,
                        header.state.position.epoch,
                        header.state.position.batch,
                        header.state.isFinished,
                        header.model,
                        header.recipeJson};
}

Result<CheckpointInfo> verifyCheckpoint(const std::string &path) {
  return infoOf(OpenCheckpoint::open(path));
}

Result<CheckpointInfo> verifyCheckpoint(std::span<const std::byte> file,
                                        const std::string &name) {
  return infoOf(OpenCheckpoint::open(file, name));
}

} // namespace asgc
