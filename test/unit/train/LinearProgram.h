//===- LinearProgram.h - A classifier in plain loops, to train in tests ---===//
#ifndef ASGC_TEST_UNIT_TRAIN_LINEARPROGRAM_H
#define ASGC_TEST_UNIT_TRAIN_LINEARPROGRAM_H

#include "asgc/Train.h"

#include <functional>

namespace asgc::test {

/// Softmax regression on 2 features and 3 classes: SGD with momentum, a
/// learning rate that falls with the step, and noise on the inputs drawn from
/// (seed, step), so that every kind of state matters for the next step.
class LinearProgram final : public TrainableProgram {
public:
  static constexpr int kFeatures = 2, kClasses = 3;

  explicit LinearProgram(int64_t batchBound = 64, int64_t fixedBatch = -1);

  const EntryPorts *entry(std::string_view name) const override;
  std::span<const ProgramVariable> variables() const override { return vars; }
  MaybeFault init(int64_t seed) override;
  Result<std::vector<std::vector<int64_t>>>
  outputShapes(std::string_view entry,
               std::span<const TensorView> inputs) const override;
  MaybeFault run(std::string_view entry, std::span<const TensorView> inputs,
                 std::span<const TensorView> outputs) override;
  MaybeFault sync() const override { return std::nullopt; }
  void touch() override { ++touched; }

  /// Called after every training step with its number; may change the loss,
  /// the variables, or fail the run.
  std::function<MaybeFault(int64_t step, float &loss)> afterStep;
  /// Called after every evaluated batch; may change the accuracy.
  std::function<void(int64_t step, float &accuracy)> afterEvaluation;

  EntryPorts trainPorts, evalPorts, inferPorts;
  bool hasEval = true;
  int touched = 0;
  float weight[kClasses][kFeatures], bias[kClasses];
  float velocity[kClasses][kFeatures + 1];
  int64_t step = 0, seed = 0;

private:
  float lossAndGradient(const float *x, const int64_t *label, int64_t items,
                        bool isTraining, float *logits, float *accuracy,
                        float gradient[kClasses][kFeatures + 1]);

  std::vector<ProgramVariable> vars;
};

/// A data set of `items` points around three centres, all of them to train on
/// but the last quarter.
DataSplit threeClouds(uint32_t items);

/// A recipe for them: batch 8, 6 epochs, no checkpoints but the last.
Recipe cloudRecipe();

} // namespace asgc::test

#endif
