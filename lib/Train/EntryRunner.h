//===- EntryRunner.h - Feeds batches to an entry point --------------------===//
#ifndef ASGC_LIB_TRAIN_ENTRYRUNNER_H
#define ASGC_LIB_TRAIN_ENTRYRUNNER_H

#include "asgc/Train.h"

namespace asgc {

/// An entry point whose inputs are bound to columns of a data set and whose
/// scalar outputs are read.
class EntryRunner {
public:
  /// Binds by the recipe, then by name, then the first input that is left to
  /// the features or tokens. Checks shapes and the batch size.
  static Result<EntryRunner> create(TrainableProgram &program,
                                    std::string entry, const Recipe &recipe,
                                    const Dataset &data, int64_t totalSteps);

  /// What a loader must deliver, in the order run() expects.
  const std::vector<BatchColumn> &columns() const { return wanted; }
  /// True if the program takes batches of one size only.
  bool hasFixedBatch() const { return fixedBatch; }
  /// Names of the outputs that are single numbers.
  const std::vector<std::string> &names() const { return scalarNames; }

  /// Runs the entry and returns its numbers, valid until the next call.
  Result<std::span<const double>> run(const Batch &batch);

private:
  /// An input: column `column` of a batch, or the total of steps if negative.
  struct Input {
    int column = -1;
    asgc_dtype dtype = ASGC_F32;
    std::vector<int64_t> itemShape;
  };

  EntryRunner(TrainableProgram &program, std::string entry)
      : program(&program), entry(std::move(entry)) {}
  MaybeFault bind(const Port &port, const std::string &column,
                  const Recipe &recipe, const Dataset &data);
  MaybeFault prepareOutputs(int64_t items);

  TrainableProgram *program;
  std::string entry;
  std::vector<BatchColumn> wanted;
  bool fixedBatch = false;
  std::vector<Input> inputs;
  std::vector<std::string> scalarNames;
  std::vector<size_t> scalarOutputs;
  int64_t totalSteps = 0;

  int64_t preparedItems = -1;
  std::vector<TensorView> inputViews, outputViews;
  std::vector<AlignedBytes> outputBytes;
  std::vector<double> values;
};

/// The data files' name of a type of compiled programs.
ElementType elementTypeOf(asgc_dtype dtype);

} // namespace asgc

#endif
