//===- Import.cpp - From an ONNX file to a module --------------------------===//
#include "lib/Interop/Onnx/GraphImporter.h"

#include "lib/Interop/Onnx/OnnxFile.h"

#include "asgc/Interop.h"

using namespace mlir;

namespace asgc {

static Result<OnnxModel> importModel(interop::ModelFile &file,
                                     const std::string &name,
                                     MLIRContext &context,
                                     const OnnxOptions &options) {
  context.loadDialect<asg::AsgDialect>();
  OnnxModel result;
  interop::GraphImporter importer(name, file, context, options);
  if (MaybeFault fault = importer.run(result))
    return *fault;
  return result;
}

Result<OnnxModel> importOnnx(const std::string &path, MLIRContext &context,
                             const OnnxOptions &options) {
  auto file = interop::readModel(path);
  if (!file)
    return file.fault();
  if (MaybeFault fault = interop::findExternalData(*file, path))
    return *fault;
  return importModel(*file, path, context, options);
}

Result<OnnxModel> parseOnnx(std::span<const std::byte> bytes,
                            const std::string &name, MLIRContext &context,
                            const OnnxOptions &options) {
  // The weights of the result outlive what the caller has.
  auto file = interop::parseModel(
      std::make_shared<const FileBytes>(
          std::vector<std::byte>(bytes.begin(), bytes.end())),
      name);
  if (!file)
    return file.fault();
  if (MaybeFault fault = interop::refuseExternalData(*file, name))
    return *fault;
  return importModel(*file, name, context, options);
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
  auto file = interop::readModel(path);
  if (!file)
    return file.fault();
  std::set<std::string> names;
  addOperators(file->model.graph().node(), names);
  return std::vector<std::string>(names.begin(), names.end());
}

} // namespace asgc
