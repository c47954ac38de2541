//===- OnnxFile.cpp - Bytes to onnx::ModelProto, guarded ------------------===//
#include "lib/Interop/Onnx/OnnxFile.h"

#include "llvm/ADT/DenseSet.h"

#include <filesystem>
#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <map>

namespace asgc::interop {

namespace fs = std::filesystem;
namespace pb = google::protobuf;

namespace {

/// Messages nested deeper than this are refused: every level is a level of our
/// own recursion, too.
constexpr int kMaxNesting = 100;
/// Smaller data are parsed with the rest.
constexpr size_t kMinStored = 1 << 14;
/// Nodes may name the same external data again until these are so many bytes;
/// beyond, no byte of a file more than once.
constexpr size_t kMaxRepeated = 16 << 20;

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

/// Calls `visit(number, field, content)` for every field of `message`; the
/// content, what follows the length, is null in fields without one. False if
/// the message is malformed, or if `visit` says so.
template <typename Visit>
bool visitFields(std::string_view message, const Visit &visit) {
  using Wire = pb::internal::WireFormatLite;
  pb::io::CodedInputStream stream(
      reinterpret_cast<const uint8_t *>(message.data()), int(message.size()));
  stream.SetTotalBytesLimit(INT_MAX);
  while (true) {
    size_t start = size_t(stream.CurrentPosition());
    uint32_t tag = stream.ReadTag();
    if (tag == 0)
      return stream.ConsumedEntireMessage();
    std::string_view content;
    if (Wire::GetTagWireType(tag) == Wire::WIRETYPE_LENGTH_DELIMITED) {
      uint32_t length = 0;
      if (!stream.ReadVarint32(&length) ||
          length > message.size() - size_t(stream.CurrentPosition()))
        return false;
      content = message.substr(size_t(stream.CurrentPosition()), length);
      stream.Skip(int(length));
    } else if (!Wire::SkipField(&stream, tag)) {
      return false;
    }
    size_t end = size_t(stream.CurrentPosition());
    if (!visit(Wire::GetTagFieldNumber(tag), message.substr(start, end - start),
               content))
      return false;
  }
}

/// Adds what `bytes` hold to `message`, which is `depth` messages deep.
bool merge(pb::Message &message, std::string_view bytes, int depth) {
  pb::io::CodedInputStream stream(
      reinterpret_cast<const uint8_t *>(bytes.data()), int(bytes.size()));
  stream.SetTotalBytesLimit(INT_MAX);
  stream.SetRecursionLimit(kMaxNesting - depth);
  return message.MergePartialFromCodedStream(&stream) &&
         stream.ConsumedEntireMessage();
}

/// Parses a model but for the data of its large weights.
class ModelParser {
public:
  ModelParser(std::shared_ptr<const FileBytes> file, ModelFile &result)
      : file(std::move(file)), result(result) {}

  bool parse(std::string_view bytes) {
    std::string rest;
    return visitFields(bytes,
                       [&](int number, std::string_view field,
                           std::string_view content) {
                         if (number == onnx::ModelProto::kGraphFieldNumber &&
                             content.data())
                           return parseGraph(content);
                         rest += field;
                         return true;
                       }) &&
           merge(result.model, rest, 0);
  }

private:
  bool parseGraph(std::string_view bytes) {
    onnx::GraphProto &graph = *result.model.mutable_graph();
    std::string rest;
    return visitFields(
               bytes,
               [&](int number, std::string_view field,
                   std::string_view content) {
                 if (number == onnx::GraphProto::kInitializerFieldNumber &&
                     content.data())
                   return parseWeight(*graph.add_initializer(), content);
                 if (number == onnx::GraphProto::kNodeFieldNumber &&
                     content.data()) // not through a copy: some hold constants
                   return merge(*graph.add_node(), content, 2);
                 rest += field;
                 return true;
               }) &&
           merge(graph, rest, 1);
  }

  bool parseWeight(onnx::TensorProto &tensor, std::string_view bytes) {
    std::string rest;
    return visitFields(bytes,
                       [&](int number, std::string_view field,
                           std::string_view content) {
                         if (number == onnx::TensorProto::kRawDataFieldNumber &&
                             content.size() >= kMinStored) {
                           result.stored[&tensor] = {
                               std::as_bytes(std::span(content)), file};
                           return true;
                         }
                         rest += field;
                         return true;
                       }) &&
           merge(tensor, rest, 2);
  }

  std::shared_ptr<const FileBytes> file;
  ModelFile &result;
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

/// The files that external tensors lie in, each mapped once.
using DataFiles = std::map<std::string, std::shared_ptr<const FileBytes>>;

/// Where the data of an external tensor lie.
Result<StoredData> findTensor(const onnx::TensorProto &tensor,
                              const std::string &path, DataFiles &files) {
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
  std::shared_ptr<const FileBytes> &mapped = files[target.string()];
  if (!mapped) {
    auto bytes = FileBytes::map(file.string());
    if (!bytes)
      return fault(FaultKind::Environment,
                   "external data " + bytes.fault().message);
    mapped = std::make_shared<const FileBytes>(std::move(*bytes));
  }
  std::span<const std::byte> bytes = *mapped;
  if (!length)
    length = bytes.size() - std::min(bytes.size(), *offset);
  if (*offset > bytes.size() || *length > bytes.size() - *offset)
    return fault(
        FaultKind::Input,
        fmt::format("external data [{}, {}) of '{}', which has {} bytes",
                    *offset, *offset + *length, location, bytes.size()));
  return StoredData{bytes.subspan(*offset, *length), mapped};
}

} // namespace

Result<ModelFile> parseModel(std::shared_ptr<const FileBytes> file,
                             const std::string &name) {
  pb::LogSilencer quiet; // what it would print is in the fault
  std::span<const std::byte> content = *file;
  std::string_view bytes(reinterpret_cast<const char *>(content.data()),
                         content.size());
  if (bytes.size() > size_t(INT_MAX))
    return Fault{FaultKind::Input,
                 fmt::format("{}: {} bytes; protobuf ends at 2 GiB, larger "
                             "models keep their weights as external data",
                             name, bytes.size())};
  ModelFile result;
  if (!ModelParser(file, result).parse(bytes)) {
    FaultFinder finder(bytes);
    finder.walk(onnx::ModelProto::descriptor());
    return corrupt(name, finder.fault,
                   finder.reason.empty() ? "not an ONNX model" : finder.reason);
  }
  if (!result.model.has_graph() || result.model.opset_import_size() == 0)
    return corrupt(name, 0, "not an ONNX model: it has no graph or no opset");
  return result;
}

Result<ModelFile> readModel(const std::string &path) {
  std::error_code error;
  if (fs::is_directory(path, error))
    return Fault{FaultKind::Environment, path + ": is a folder"};
  auto bytes = FileBytes::map(path);
  if (!bytes)
    return bytes.fault();
  return parseModel(std::make_shared<const FileBytes>(std::move(*bytes)), path);
}

static size_t totalBytes(const DataFiles &files) {
  size_t total = 0;
  for (const auto &[path, bytes] : files)
    total += std::span<const std::byte>(*bytes).size();
  return total;
}

MaybeFault findExternalData(ModelFile &file, const std::string &path) {
  DataFiles files;
  llvm::DenseSet<const onnx::TensorProto *> weights;
  for (const onnx::TensorProto &tensor : file.model.graph().initializer())
    weights.insert(&tensor);
  size_t copied = 0;
  return visitTensors(file.model, [&](onnx::TensorProto &tensor) -> MaybeFault {
    if (!isExternal(tensor))
      return std::nullopt;
    auto data = findTensor(tensor, path, files);
    if (!data)
      return data.fault();
    if (weights.contains(&tensor)) {
      file.stored[&tensor] = *data;
    } else { // nodes are copied where functions are inlined
      copied += data->bytes.size();
      if (copied > kMaxRepeated && copied > totalBytes(files))
        return Fault{FaultKind::Input,
                     fmt::format("{}: tensor '{}': with it the nodes have {} "
                                 "bytes of external data, but the files of "
                                 "these have {}",
                                 path, tensor.name(), copied,
                                 totalBytes(files))};
      tensor.set_raw_data(data->bytes.data(), data->bytes.size());
    }
    tensor.clear_external_data();
    tensor.clear_data_location();
    return std::nullopt;
  });
}

MaybeFault refuseExternalData(ModelFile &file, const std::string &name) {
  return visitTensors(file.model, [&](onnx::TensorProto &tensor) -> MaybeFault {
    if (!isExternal(tensor))
      return std::nullopt;
    return Fault{FaultKind::Input,
                 fmt::format("{}: tensor '{}' is external data, and the "
                             "model is no file",
                             name, tensor.name())};
  });
}

} // namespace asgc::interop
