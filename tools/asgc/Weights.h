//===- Weights.h - Parameters as files ------------------------------------===//
#ifndef ASGC_TOOLS_WEIGHTS_H
#define ASGC_TOOLS_WEIGHTS_H

#include "asgc/Data.h"

#include <string>
#include <vector>

namespace asgc::cli {

/// Whether `path` is called like a file of weights that can be read.
bool isWeightFile(const std::string &path);

/// All arrays of a .safetensors or .npz file.
Result<std::vector<NamedArray>> readWeights(const std::string &path);

/// Writes `arrays` as safetensors, atomically.
MaybeFault writeWeights(const std::string &path,
                        const std::vector<NamedArray> &arrays);

} // namespace asgc::cli

#endif
