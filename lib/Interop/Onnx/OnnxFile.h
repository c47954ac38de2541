//===- OnnxFile.h - Bytes to onnx::ModelProto, guarded --------------------===//
// Private to lib/Interop.
#ifndef ASGC_LIB_INTEROP_ONNX_ONNXFILE_H
#define ASGC_LIB_INTEROP_ONNX_ONNXFILE_H

#include "asgc/Data.h"

#include <functional>

#include <onnx/onnx_pb.h>

namespace asgc::interop {

/// Parses a model of `size` bytes from `stream`. `readAgain` gives the bytes
/// once more, to find where they are malformed.
MaybeFault parseModel(google::protobuf::io::ZeroCopyInputStream &stream,
                      const std::function<std::string()> &readAgain,
                      const std::string &name, onnx::ModelProto &model);
MaybeFault readModel(const std::string &path, onnx::ModelProto &model);

/// Brings the tensors that the model keeps in files beside it into the model.
MaybeFault loadExternalData(onnx::ModelProto &model, const std::string &path);
/// Refuses a model with such tensors.
MaybeFault refuseExternalData(onnx::ModelProto &model, const std::string &name);

} // namespace asgc::interop

#endif
