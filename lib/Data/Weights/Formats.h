//===- Formats.h - One function per format of weights ---------------------===//
#ifndef ASGC_LIB_DATA_WEIGHTS_FORMATS_H
#define ASGC_LIB_DATA_WEIGHTS_FORMATS_H

#include "asgc/Weights.h"

#include <functional>
#include <string_view>

namespace asgc {

Result<std::unique_ptr<WeightFile>> openSafetensors(const std::string &path);
Result<std::unique_ptr<WeightFile>> openTorch(const std::string &path);
Result<std::unique_ptr<WeightFile>> openGguf(const std::string &path);

/// A `.index.json` and the files that it names, which lie beside it.
Result<std::unique_ptr<WeightFile>> openSharded(const std::string &path);
/// The same for the text of an index; `open` opens the file of a name beside
/// it, `path` stands in messages.
Result<std::unique_ptr<WeightFile>>
joinShards(std::string_view index, const std::string &path,
           const std::function<Result<std::unique_ptr<WeightFile>>(
               const std::string &name)> &open);

/// `file` with its tensors called as the rules in the file `map` say.
Result<std::unique_ptr<WeightFile>> renamed(std::unique_ptr<WeightFile> file,
                                            const std::string &map);
/// The same for the text of that file; `map` stands in messages.
Result<std::unique_ptr<WeightFile>> renamedBy(std::string_view rules,
                                              std::unique_ptr<WeightFile> file,
                                              const std::string &map);

} // namespace asgc

#endif
