//===- Recipe.h - What a `train` block says about data and the loop -------===//
#ifndef ASGC_RECIPE_H
#define ASGC_RECIPE_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace asgc {

/// The half-open range `begin..end` of columns in a CSV file.
struct ColumnRange {
  int64_t begin = 0;
  int64_t end = 0;
  bool operator==(const ColumnRange &) const = default;
};

/// Spelled in the language as the constructor: csv(…), idx(…), npy(…), npz(…),
/// text(…).
enum class DataFormat { Csv, Idx, Npy, Npz, Text };

/// Whether the first line of a CSV file names the columns.
enum class CsvHeader { Auto, Present, Absent };

/// How `split` chooses the items of the test part.
enum class SplitOrder {
  Shuffled, ///< by a permutation that `splitSeed` alone determines
  File      ///< the last items of the file; always so for text
};

/// What one id of a text data set stands for.
enum class Tokenizer {
  Bytes, ///< one byte: ids 0..255
  Chars  ///< one UTF-8 character: ids in ascending order of the code points
         ///< that occur
};

/// `data = …`: a file, and how its items become tensors.
///
/// The resulting columns are "features" and "label" (csv, idx, npy, npz), or
/// "tokens" and "next" (text). Relative paths are relative to the model's file.
struct DataRecipe {
  DataFormat format = DataFormat::Csv;
  std::string path;      ///< all columns, or the features (idx, npy)
  std::string labelPath; ///< `labels = "…"`: csv, idx, npy
  /// `test = "…"`, `test_labels = "…"`: a fixed test set of the same format;
  /// `split` is then ignored.
  std::string testPath;
  std::string testLabelPath;

  /// `features = 0..64`, `label = 64`: csv. No features means every column but
  /// the label. Negative columns count from the end.
  std::vector<ColumnRange> features;
  std::optional<int64_t> label;
  /// `features = ["width", "height"]`, `label = "species"`: csv columns by the
  /// names in the header; they win over the numbers.
  std::vector<std::string> featureNames;
  std::string labelName;
  /// `header = true|false`, `delimiter = ";"`: csv.
  CsvHeader header = CsvHeader::Auto;
  char delimiter = ',';

  /// `features = "x"`, `label = "y"`: names of the arrays in an npz file.
  std::string featuresKey = "features";
  std::string labelKey = "label";

  /// `tokenizer = bytes|chars`, `window = 128`: text. Windows do not overlap.
  Tokenizer tokenizer = Tokenizer::Bytes;
  int64_t window = 128;

  /// `split = 0.8`: the fraction that is trained on; 1 leaves nothing to test.
  double split = 0.8;
  SplitOrder splitOrder = SplitOrder::Shuffled;
  int64_t splitSeed = 0;

  /// `scale = 1/16`, `offset = 0`: features become x · scale + offset.
  double scale = 1.0;
  double offset = 0.0;
  /// `standardize = true`: then each feature gets mean 0 and deviation 1, as
  /// measured on the train part.
  bool standardize = false;
  /// `shape = [1, 8, 8]`: the shape of one item's features; empty keeps the
  /// file's.
  std::vector<int64_t> shape;
  /// `one_hot = 10`: the label becomes f32[10]; 0 leaves it a number.
  int64_t oneHot = 0;

  bool operator==(const DataRecipe &) const = default;
};

/// Gives a column of the data set to an input of the compiled graphs.
///
/// The columns are those of DataRecipe, and "total_steps": an i64 scalar, the
/// number of optimizer steps of the whole run, for schedules.
struct InputBinding {
  std::string input;
  std::string column;
  bool operator==(const InputBinding &) const = default;
};

/// Which way a metric gets better. Auto: "loss" and names that end in "loss",
/// "error", "mse", "mae" or "perplexity" fall, all others rise.
enum class MetricMode { Auto, Min, Max };

/// `stop = patience(accuracy, 5)`: ends the run after `patience` evaluations
/// in a row that are not better than the best by more than `minDelta`.
struct StopRecipe {
  std::string metric = "loss";
  int64_t patience = 0; ///< 0: never stop early
  MetricMode mode = MetricMode::Auto;
  double minDelta = 0.0;
  bool operator==(const StopRecipe &) const = default;
};

/// `checkpoint = every(200 steps, keep = 3)`.
struct CheckpointRecipe {
  int64_t everySteps = 0;  ///< 0: not by steps
  int64_t everyEpochs = 1; ///< 0: not by epochs
  int64_t keep = 3; ///< the newest kept, besides the best; 0 keeps all of them
  bool operator==(const CheckpointRecipe &) const = default;
};

/// What happens when the loss is NaN or infinite.
enum class NonFinitePolicy {
  Stop,    ///< the run ends with an error; nothing of that step is saved
  Continue ///< the step counts, the number is recorded as it is
};

/// A `train` block: everything the training loop needs to know that is not
/// compiled into the graphs. Plain data; two equal recipes on the same program
/// give the same run, bit for bit.
struct Recipe {
  std::string model; ///< name of the model, for messages and metadata
  DataRecipe data;
  /// Inputs of train_step and eval_step. An input not listed is bound by name
  /// ("label" or "target", "next", "total_steps"), and the first one that is
  /// left gets the features or tokens.
  std::vector<InputBinding> inputs;

  int64_t batch = 32;
  bool dropLast = false; ///< `drop_last = true`: skip a smaller last batch
  bool shuffle = true;   ///< a new order of the train part every epoch
  /// `epochs = 20` or `steps = 2000`; steps wins when both are positive.
  int64_t epochs = 1;
  int64_t steps = 0;
  int64_t seed = 0; ///< of initial values, random ops and the shuffling

  std::string loss = "loss";        ///< the output that is the loss
  std::vector<std::string> metrics; ///< outputs averaged and reported
  /// Evaluations on the test part: after every so many epochs (0: never), or
  /// after every so many steps.
  int64_t evalEveryEpochs = 1;
  int64_t evalEverySteps = 0;
  /// The best checkpoint is chosen by this metric of the evaluation (of the
  /// epoch's training when there is no test part): the one of `stop` if that
  /// is in use, else `best`.
  std::string best = "loss";

  StopRecipe stop;
  CheckpointRecipe checkpoint;
  NonFinitePolicy nonFinite = NonFinitePolicy::Stop;
  int64_t logEverySteps = 0; ///< plain progress lines; 0: one per epoch

  bool operator==(const Recipe &) const = default;
};

/// Canonical JSON of `recipe` (all fields, fixed order, two spaces of indent).
std::string recipeToJson(const Recipe &recipe);

/// Reads what recipeToJson writes; missing fields keep their defaults. On
/// failure `*recipe` is unchanged and the result says what is wrong; it is
/// empty on success.
std::string recipeFromJson(std::string_view json, Recipe *recipe);

/// Checks ranges and contradictions ("batch must be positive, got 0"); empty
/// if the recipe makes sense.
std::string verifyRecipe(const Recipe &recipe);
/// The part of it that concerns the data.
std::string verifyDataRecipe(const DataRecipe &recipe);

} // namespace asgc

#endif
