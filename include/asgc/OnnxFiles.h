//===- OnnxFiles.h - What an ONNX model is written as ---------------------===//
#ifndef ASGC_ONNXFILES_H
#define ASGC_ONNXFILES_H

#include "asgc/FileBytes.h"

namespace asgc {

struct OnnxExportOptions {
  /// The name, without a folder, of the file beside the model that takes its
  /// weights if they are too large for it.
  std::string dataFile;
  /// Weights that together have more bytes are. A message of protobuf ends at
  /// 2 GiB, and the graph needs room, too.
  int64_t maxInline = (int64_t(1) << 31) - (int64_t(64) << 20);
};

/// A weight in the file of data.
struct OnnxDataPart {
  int64_t offset = 0;
  NamedView value;
};

struct OnnxFiles {
  std::string model; ///< the bytes of the model
  /// What lies in the file of data, by rising offsets, with gaps; often
  /// nothing.
  std::vector<OnnxDataPart> data;
};

} // namespace asgc

#endif
