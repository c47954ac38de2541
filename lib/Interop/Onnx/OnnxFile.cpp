//===- OnnxFile.cpp - Bytes to onnx::ModelProto, guarded ------------------===//
#include "lib/Interop/Onnx/OnnxFile.h"

#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <google/protobuf/wire_format_lite.h>

namespace asgc::interop {

namespace fs = std::filesystem;
namespace pb = google::protobuf;

namespace {

/// Messages nested deeper than this are refused: every level is a level of our
/// own recursion, too.
constexpr int kMaxNesting = 100;

Fault corrupt(const std::string &name, int64_t offset, const std::string &why) {
  return {FaultKind::Input,
          fmt::format("{}: {} (offset {})", name, why, offset)};
}

/// Walks the wire format to the first place that breaks it.
class FaultFinder {
public:
  explicit FaultFinder(std::string_view bytes)
      : bytes(bytes), stream(reinterpret_cast<const uint8_t *>(bytes.data()),
                             int(bytes.size())) {
    stream.SetTotalBytesLimit(INT_MAX);
  }

  /// True if the message of type `type` up to the current limit is whole.
  bool walk(const pb::Descriptor *type, int depth = 0) {
    if (depth > kMaxNesting)
      return fail(fmt::format("nested deeper than {}", kMaxNesting));
    while (true) {
      fault = stream.CurrentPosition();
      uint32_t tag = stream.ReadTag();
      if (tag == 0)
        return stream.ConsumedEntireMessage() || fail("a field has no number");
      if (!walkField(type, tag, depth))
        return false;
    }
  }

  int64_t fault = 0;
  std::string reason;

private:
  bool fail(std::string why) {
    if (reason.empty())
      reason = std::move(why);
    return false;
  }

  bool walkField(const pb::Descriptor *type, uint32_t tag, int depth) {
    using Wire = pb::internal::WireFormatLite;
    if (Wire::GetTagWireType(tag) != Wire::WIRETYPE_LENGTH_DELIMITED)
      return Wire::SkipField(&stream, tag) ||
             fail("the file ends inside a number, or a field is of no known "
                  "kind");
    uint32_t length = 0;
    if (!stream.ReadVarint32(&length))
      return fail("the file ends inside a length");
    int left = stream.BytesUntilLimit();
    if (left < 0)
      left = int(bytes.size()) - stream.CurrentPosition();
    if (length > uint32_t(left))
      return fail(
          fmt::format("a field of {} bytes, but {} are left", length, left));
    const pb::FieldDescriptor *field =
        type ? type->FindFieldByNumber(Wire::GetTagFieldNumber(tag)) : nullptr;
    if (!field || field->type() != pb::FieldDescriptor::TYPE_MESSAGE)
      return stream.Skip(int(length));
    auto limit = stream.PushLimit(int(length));
    if (!walk(field->message_type(), depth + 1))
      return false;
    stream.PopLimit(limit);
    return true;
  }

  std::string_view bytes;
  pb::io::CodedInputStream stream;
};

/// Calls `visit` for every tensor of `message`, wherever it is.
template <typename Visit>
MaybeFault visitTensors(onnx::GraphProto &graph, const Visit &visit);

template <typename Visit>
MaybeFault visitNode(onnx::NodeProto &node, const Visit &visit) {
  for (onnx::AttributeProto &attribute : *node.mutable_attribute()) {
    if (attribute.has_t())
      if (MaybeFault fault = visit(*attribute.mutable_t()))
        return fault;
    for (onnx::TensorProto &tensor : *attribute.mutable_tensors())
      if (MaybeFault fault = visit(tensor))
        return fault;
    if (attribute.has_g())
      if (MaybeFault fault = visitTensors(*attribute.mutable_g(), visit))
        return fault;
  }
  return std::nullopt;
}

template <typename Visit>
MaybeFault visitTensors(onnx::GraphProto &graph, const Visit &visit) {
  for (onnx::TensorProto &tensor : *graph.mutable_initializer())
    if (MaybeFault fault = visit(tensor))
      return fault;
  for (onnx::NodeProto &node : *graph.mutable_node())
    if (MaybeFault fault = visitNode(node, visit))
      return fault;
  return std::nullopt;
}

template <typename Visit>
MaybeFault visitTensors(onnx::ModelProto &model, const Visit &visit) {
  for (onnx::FunctionProto &function : *model.mutable_functions())
    for (onnx::NodeProto &node : *function.mutable_node())
      if (MaybeFault fault = visitNode(node, visit))
        return fault;
  return visitTensors(*model.mutable_graph(), visit);
}

bool isExternal(const onnx::TensorProto &tensor) {
  return tensor.data_location() == onnx::TensorProto::EXTERNAL ||
         tensor.external_data_size() > 0;
}

std::optional<uint64_t> toNumber(const std::string &text) {
  if (text.empty() || text.size() > 18 ||
      text.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  return std::stoull(text);
}

/// Reads the bytes of one external tensor.
MaybeFault loadTensor(onnx::TensorProto &tensor, const std::string &path) {
  if (!isExternal(tensor))
    return std::nullopt;
  auto fault = [&](FaultKind kind, const std::string &why) {
    return Fault{kind,
                 fmt::format("{}: tensor '{}': {}", path, tensor.name(), why)};
  };
  std::string location;
  std::optional<uint64_t> offset = 0, length;
  for (const onnx::StringStringEntryProto &entry : tensor.external_data()) {
    if (entry.key() == "location")
      location = entry.value();
    else if (entry.key() == "offset")
      offset = toNumber(entry.value());
    else if (entry.key() == "length" && !(length = toNumber(entry.value())))
      offset.reset();
  }
  fs::path relative(location);
  bool isInside = !location.empty() && !relative.is_absolute() &&
                  location.find('\0') == std::string::npos;
  for (const fs::path &part : relative)
    isInside = isInside && part != "..";
  if (!isInside)
    return fault(
        FaultKind::Input,
        fmt::format("external data at '{}', which is not beside the model",
                    location));
  if (!offset)
    return fault(FaultKind::Input,
                 "external data with a malformed offset or length");
  fs::path file = fs::path(path).parent_path() / relative;
  // A link could lead out of the folder all the same.
  std::error_code error;
  fs::path folder =
      fs::weakly_canonical(fs::absolute(fs::path(path)).parent_path(), error);
  fs::path target = fs::weakly_canonical(fs::absolute(file), error);
  auto [end, rest] =
      std::mismatch(folder.begin(), folder.end(), target.begin(), target.end());
  if (error || end != folder.end())
    return fault(
        FaultKind::Input,
        fmt::format("external data at '{}', which is not beside the model",
                    location));
  uint64_t size = fs::file_size(file, error);
  if (error)
    return fault(
        FaultKind::Environment,
        fmt::format("external data '{}': {}", file.string(), error.message()));
  if (!length)
    length = size - std::min(size, *offset);
  if (*offset > size || *length > size - *offset)
    return fault(
        FaultKind::Input,
        fmt::format("external data [{}, {}) of '{}', which has {} bytes",
                    *offset, *offset + *length, location, size));
  std::ifstream stream(file, std::ios::binary);
  stream.seekg(std::streamoff(*offset));
  std::string &raw = *tensor.mutable_raw_data();
  raw.resize(size_t(*length));
  if (!stream.read(raw.data(), std::streamsize(*length)))
    return fault(
        FaultKind::Environment,
        fmt::format("external data '{}' cannot be read", file.string()));
  tensor.clear_external_data();
  tensor.clear_data_location();
  return std::nullopt;
}

} // namespace

MaybeFault parseModel(pb::io::ZeroCopyInputStream &input,
                      const std::function<std::string()> &readAgain,
                      const std::string &name, onnx::ModelProto &model) {
  pb::LogSilencer quiet; // what it would print is in the fault
  pb::io::CodedInputStream stream(&input);
  stream.SetTotalBytesLimit(INT_MAX);
  stream.SetRecursionLimit(kMaxNesting);
  if (!model.ParsePartialFromCodedStream(&stream) ||
      !stream.ConsumedEntireMessage()) {
    std::string bytes = readAgain();
    FaultFinder finder(bytes);
    finder.walk(onnx::ModelProto::descriptor());
    return corrupt(name, finder.fault,
                   finder.reason.empty() ? "not an ONNX model" : finder.reason);
  }
  if (!model.has_graph() || model.opset_import_size() == 0)
    return corrupt(name, 0, "not an ONNX model: it has no graph or no opset");
  return std::nullopt;
}

MaybeFault readModel(const std::string &path, onnx::ModelProto &model) {
  std::error_code error;
  if (fs::is_directory(path, error))
    return Fault{FaultKind::Environment, path + ": is a folder"};
  uint64_t size = fs::file_size(path, error);
  if (error)
    return Fault{FaultKind::Environment,
                 fmt::format("{}: {}", path, error.message())};
  if (size > uint64_t(INT_MAX))
    return Fault{FaultKind::Input,
                 fmt::format("{}: {} bytes; protobuf ends at 2 GiB, larger "
                             "models keep their weights as external data",
                             path, size)};
  int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return Fault{FaultKind::Environment,
                 fmt::format("{}: {}", path, strerror(errno))};
  // Through a small buffer, so that the file is never in memory beside the
  // message that is made of it.
  pb::io::FileInputStream stream(descriptor, 1 << 18);
  stream.SetCloseOnDelete(true);
  auto readAgain = [&] {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  return parseModel(stream, readAgain, path, model);
}

MaybeFault loadExternalData(onnx::ModelProto &model, const std::string &path) {
  return visitTensors(model, [&](onnx::TensorProto &tensor) {
    return loadTensor(tensor, path);
  });
}

MaybeFault refuseExternalData(onnx::ModelProto &model,
                              const std::string &name) {
  return visitTensors(model, [&](onnx::TensorProto &tensor) -> MaybeFault {
    if (!isExternal(tensor))
      return std::nullopt;
    return Fault{FaultKind::Input,
                 fmt::format("{}: tensor '{}' is external data, and the model "
                             "is no file",
                             name, tensor.name())};
  });
}

} // namespace asgc::interop
