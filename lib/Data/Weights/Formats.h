//===- Formats.h - One function per format of weights ---------------------===//
#ifndef ASGC_LIB_DATA_WEIGHTS_FORMATS_H
#define ASGC_LIB_DATA_WEIGHTS_FORMATS_H

#include "asgc/Weights.h"

namespace asgc {

Result<std::unique_ptr<WeightFile>> openSafetensors(const std::string &path);
/// A `.index.json` and the files that it names, which lie beside it.
Result<std::unique_ptr<WeightFile>> openSharded(const std::string &path);
Result<std::unique_ptr<WeightFile>> openTorch(const std::string &path);
Result<std::unique_ptr<WeightFile>> openGguf(const std::string &path);

/// `file` with its tensors called as the rules in the file `map` say.
Result<std::unique_ptr<WeightFile>> renamed(std::unique_ptr<WeightFile> file,
                                            const std::string &map);

} // namespace asgc

#endif
