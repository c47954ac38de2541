//===- Import.cpp - From an ONNX file to a module --------------------------===//
#include "lib/Interop/Onnx/GraphImporter.h"

#include "lib/Interop/Onnx/OnnxFile.h"

#include "asgc/Interop.h"

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

using namespace mlir;

namespace asgc {

static Result<OnnxModel> importModel(onnx::ModelProto &model,
                                     const std::string &name,
                                     MLIRContext &context,
                                     const OnnxOptions &options) {
  context.loadDialect<asg::AsgDialect>();
  OnnxModel result;
  interop::GraphImporter importer(name, model, context, options);
  if (MaybeFault fault = importer.run(result))
    return *fault;
  return result;
}

Result<OnnxModel> importOnnx(const std::string &path, MLIRContext &context,
                             const OnnxOptions &options) {
  onnx::ModelProto model;
  MaybeFault fault = interop::readModel(path, model);
  if (!fault)
    fault = interop::loadExternalData(model, path);
  if (fault)
    return *fault;
  return importModel(model, path, context, options);
}

Result<OnnxModel> parseOnnx(std::span<const std::byte> file,
                            const std::string &name, MLIRContext &context,
                            const OnnxOptions &options) {
  onnx::ModelProto model;
  google::protobuf::io::ArrayInputStream stream(file.data(), int(file.size()));
  auto readAgain = [&] {
    return std::string(reinterpret_cast<const char *>(file.data()),
                       file.size());
  };
  MaybeFault fault = interop::parseModel(stream, readAgain, name, model);
  if (!fault)
    fault = interop::refuseExternalData(model, name);
  if (fault)
    return *fault;
  return importModel(model, name, context, options);
}

static void
addOperators(const google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes,
             std::set<std::string> &names) {
  for (const onnx::NodeProto &node : nodes) {
    names.insert(node.op_type());
    for (const onnx::AttributeProto &attribute : node.attribute())
      addOperators(attribute.g().node(), names);
  }
}

Result<std::vector<std::string>> operatorsOf(const std::string &path) {
  onnx::ModelProto model;
  if (MaybeFault fault = interop::readModel(path, model))
    return *fault;
  std::set<std::string> names;
  addOperators(model.graph().node(), names);
  return std::vector<std::string>(names.begin(), names.end());
}

} // namespace asgc
