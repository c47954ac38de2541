//===- Weights.h - Parameters as files ------------------------------------===//
#ifndef ASGC_TOOLS_WEIGHTS_H
#define ASGC_TOOLS_WEIGHTS_H

#include "Verb.h"

#include "asgc/Compiler.h"
#include "asgc/Weights.h"

#include <string>
#include <vector>

namespace asgc::cli {

/// Where parameters come from.
struct WeightFlags {
  std::string file; ///< empty if none was given
  std::string map;
  bool isPartial = false;
};

/// Adds `--weights` and `--map`; `what` is the help of the first.
void addWeightFlags(CLI::App *verb, WeightFlags &flags, const char *what);
/// Adds `--partial`, where there are values to begin with.
void addPartialFlag(CLI::App *verb, WeightFlags &flags);

/// All arrays of the file, under the names that `--map` gives them.
Result<std::vector<NamedView>> readWeights(const WeightFlags &flags);
/// What the file holds for the variables of a model, in their types. Weights
/// must all be there, and nothing else; other variables may be.
Result<std::vector<NamedView>>
readWeights(const WeightFlags &flags,
            const std::vector<ModelVariable> &variables,
            const std::string &model);

/// Writes safetensors, atomically. The pages of files that values lie in leave
/// memory once they are written.
MaybeFault writeWeights(const std::string &path,
                        const std::vector<NamedView> &values);
MaybeFault writeWeights(const std::string &path,
                        const std::vector<TextWeight> &weights);
/// The bytes of that file; `path` stands in messages.
Result<std::string> formatWeights(const std::string &path,
                                  const std::vector<NamedView> &values);

} // namespace asgc::cli

#endif
