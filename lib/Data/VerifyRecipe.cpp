//===- VerifyRecipe.cpp - Ranges and contradictions in a recipe -----------===//
#include "asgc/Recipe.h"

#include <cmath>
#include <fmt/format.h>

namespace asgc {

namespace {
/// Larger than any window, batch or count of classes that fits in memory.
constexpr int64_t kLarge = int64_t(1) << 40;

std::string outside(const char *field, int64_t value, int64_t least,
                    int64_t greatest) {
  if (value >= least && value <= greatest)
    return {};
  if (greatest == kLarge)
    return fmt::format("{} must be at least {}, got {}", field, least, value);
  return fmt::format("{} must be from {} to {}, got {}", field, least, greatest,
                     value);
}

/// The first of `problems` that is one.
std::string first(std::initializer_list<std::string> problems) {
  for (const std::string &problem : problems)
    if (!problem.empty())
      return problem;
  return {};
}

std::string verifyCsv(const DataRecipe &data) {
  for (ColumnRange range : data.features)
    if (range.begin >= range.end || (range.begin < 0 && range.end > 0))
      return fmt::format("features must be a range of columns that rises, got "
                         "{}..{}",
                         range.begin, range.end);
  if (data.header == CsvHeader::Absent &&
      (!data.featureNames.empty() || !data.labelName.empty()))
    return "columns chosen by name need a header, but header is false";
  if (data.delimiter == '"' || data.delimiter == '\n' ||
      data.delimiter == '\r' || data.delimiter == 0)
    return "delimiter must not be a quote or the end of a line";
  return {};
}
} // namespace

std::string verifyDataRecipe(const DataRecipe &data) {
  if (data.path.empty())
    return "data names no file";
  bool isText = data.format == DataFormat::Text;
  bool isPaired = data.format == DataFormat::Csv ||
                  data.format == DataFormat::Idx ||
                  data.format == DataFormat::Npy;
  if (!data.labelPath.empty() && !isPaired)
    return "labels in a file of their own are for csv, idx and npy";
  if (!data.testLabelPath.empty() && data.testPath.empty())
    return "test_labels needs test";
  if (!data.testPath.empty() &&
      data.labelPath.empty() != data.testLabelPath.empty())
    return data.labelPath.empty() ? "test_labels needs labels"
                                  : "labels needs test_labels beside test";
  if (!(data.split > 0.0 && data.split <= 1.0))
    return fmt::format("split must be above 0 and at most 1, got {}",
                       data.split);
  if (!std::isfinite(data.scale) || !std::isfinite(data.offset))
    return "scale and offset must be finite";
  for (int64_t extent : data.shape)
    if (std::string problem = outside("an extent of shape", extent, 1, kLarge);
        !problem.empty())
      return problem;
  return first({
      isText ? outside("window", data.window, 1, kLarge) : "",
      outside("one_hot", data.oneHot, 0, 1 << 24),
      data.format == DataFormat::Csv ? verifyCsv(data) : "",
  });
}

std::string verifyRecipe(const Recipe &recipe) {
  if (std::string problem = verifyDataRecipe(recipe.data); !problem.empty())
    return problem;
  if (recipe.epochs <= 0 && recipe.steps <= 0)
    return "epochs or steps must be positive";
  if (recipe.loss.empty())
    return "loss names no output";
  if (!(recipe.stop.minDelta >= 0))
    return fmt::format("min_delta must be at least 0, got {}",
                       recipe.stop.minDelta);
  return first({
      outside("batch", recipe.batch, 1, int64_t(1) << 31),
      outside("epochs", recipe.epochs, 0, kLarge),
      outside("steps", recipe.steps, 0, kLarge),
      outside("the epochs between evaluations", recipe.evalEveryEpochs, 0,
              kLarge),
      outside("the steps between evaluations", recipe.evalEverySteps, 0,
              kLarge),
      outside("patience", recipe.stop.patience, 0, kLarge),
      outside("the steps between checkpoints", recipe.checkpoint.everySteps, 0,
              kLarge),
      outside("the epochs between checkpoints", recipe.checkpoint.everyEpochs,
              0, kLarge),
      outside("keep", recipe.checkpoint.keep, 0, kLarge),
      outside("the steps between lines of progress", recipe.logEverySteps, 0,
              kLarge),
  });
}

} // namespace asgc
