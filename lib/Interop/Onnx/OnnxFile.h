//===- OnnxFile.h - Bytes to onnx::ModelProto, guarded --------------------===//
// Private to lib/Interop.
#ifndef ASGC_LIB_INTEROP_ONNX_ONNXFILE_H
#define ASGC_LIB_INTEROP_ONNX_ONNXFILE_H

#include "asgc/FileBytes.h"

#include "llvm/ADT/DenseMap.h"

#include <onnx/onnx_pb.h>

namespace asgc::interop {

/// Bytes of a file, and the file, which they keep open.
struct StoredData {
  std::span<const std::byte> bytes;
  std::shared_ptr<const FileBytes> file;
};

/// A model without the data of its large weights: a copy of them would be as
/// large as the file.
struct ModelFile {
  onnx::ModelProto model;
  /// Where the data lie that initializers of the graph lack: in the model's own
  /// file, or in one beside it.
  llvm::DenseMap<const onnx::TensorProto *, StoredData> stored;
};

/// Parses a model; `name` stands in messages.
Result<ModelFile> parseModel(std::shared_ptr<const FileBytes> file,
                             const std::string &name);
Result<ModelFile> readModel(const std::string &path);

/// Finds the tensors that the model keeps in files beside it.
MaybeFault findExternalData(ModelFile &file, const std::string &path);
/// Refuses a model with such tensors.
MaybeFault refuseExternalData(ModelFile &file, const std::string &name);

} // namespace asgc::interop

#endif
