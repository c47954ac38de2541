//===- Train.h - The training loop and what it leaves on disk -------------===//
#ifndef ASGC_TRAIN_H
#define ASGC_TRAIN_H

#include "asgc/Data.h"
#include "asgc/Recipe.h"
#include "asgc/runtime.h"

#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace asgc {

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

/// One extent of an input or output.
struct PortExtent {
  int64_t value = 0; ///< -1: known at run time only
  int64_t bound = 0; ///< the greatest value then
};

/// An input or output of an entry point.
struct Port {
  std::string name;
  asgc_dtype dtype = ASGC_F32;
  std::vector<PortExtent> shape;
};

struct EntryPorts {
  std::vector<Port> inputs;
  std::vector<Port> outputs;
};

/// A tensor in memory that someone else owns: row-major, contiguous.
struct TensorView {
  void *data = nullptr;
  asgc_dtype dtype = ASGC_F32;
  std::vector<int64_t> shape;
};

/// A parameter, a state, a moment of the optimizer, the step or the seed.
struct ProgramVariable {
  std::string name;
  asgc_dtype dtype = ASGC_F32;
  std::vector<int64_t> shape;
  asgc_variable_role role = ASGC_ROLE_PARAM;
  void *data = nullptr;
  int64_t bytes = 0;
};

/// What the training loop trains. RuntimeProgram is the one that matters; an
/// interface keeps the loop apart from how programs are made.
class TrainableProgram {
public:
  virtual ~TrainableProgram();

  /// The inputs and outputs of an entry ("train_step", "eval_step"), or null if
  /// the program has no such entry.
  virtual const EntryPorts *entry(std::string_view name) const = 0;
  /// All variables, always in the same order; valid as long as the program.
  /// Their memory is that of the last sync().
  virtual std::span<const ProgramVariable> variables() const = 0;
  /// Initial values for everything, with the seed set and the step 0.
  virtual MaybeFault init(int64_t seed) = 0;
  /// Shapes of the outputs of `entry` for inputs of these shapes.
  virtual Result<std::vector<std::vector<int64_t>>>
  outputShapes(std::string_view entry,
               std::span<const TensorView> inputs) const = 0;
  virtual MaybeFault run(std::string_view entry,
                         std::span<const TensorView> inputs,
                         std::span<const TensorView> outputs) = 0;
  /// Brings the memory of `variables` up to date: a program may keep them on a
  /// device.
  virtual MaybeFault sync() const = 0;
  /// Tells that variables were written from outside.
  virtual void touch() = 0;
};

/// A compiled program, run by the runtime. `program` was made from `desc`; both
/// must outlive the result.
std::unique_ptr<TrainableProgram>
makeRuntimeProgram(const asgc_program_desc *desc, asgc_program *program);

//===----------------------------------------------------------------------===//
// Training
//===----------------------------------------------------------------------===//

/// Optimizer steps of a whole run on a train part of so many items; schedules
/// need it before the program is compiled.
int64_t totalSteps(const Recipe &recipe, int64_t trainItems);

/// A named number: the loss or a metric.
struct NamedValue {
  std::string name;
  double value = 0;
  bool operator==(const NamedValue &) const = default;
};

/// The averages over an epoch or an evaluation.
struct Summary {
  int64_t step = 0;
  int64_t epoch = 0; ///< from 1
  int64_t items = 0;
  bool isEvaluation = false;
  std::vector<NamedValue> values;
};

enum class MessageKind { Note, Warning, Error };

/// Where a run is, after every step.
struct Progress {
  int64_t step = 0, totalSteps = 0;
  int64_t epoch = 0, epochs = 0; ///< from 1; epochs is 0 if steps rule
  double loss = 0;
  double stepsPerSecond = 0; ///< lately
  double secondsLeft = 0;
};

struct TrainOptions {
  /// Where everything goes; made if it is not there. A folder that holds a run
  /// is refused unless `resume` is set.
  std::string runFolder;
  bool resume = false;
  /// Shown when a run is interrupted, such as "asgc train … --resume".
  std::string resumeCommand;
  /// Looked at after every step: nonzero ends the run with a checkpoint.
  const volatile std::sig_atomic_t *interrupted = nullptr;
  std::function<void(MessageKind, const std::string &)> message;
  std::function<void(const Progress &)> progress;
  std::function<void(const Summary &)> summary;
};

enum class TrainEnd {
  Completed,
  StoppedEarly, ///< patience ran out
  Interrupted,  ///< a checkpoint was saved if there was a step
  Diverged,     ///< the loss or a variable is not finite
  Failed        ///< see `fault`
};

struct BestEvaluation {
  int64_t step = 0;
  double value = 0;
  std::string metric;
  std::string checkpoint; ///< its path, "" if none was saved
};

struct TrainResult {
  TrainEnd end = TrainEnd::Failed;
  MaybeFault fault; ///< of Diverged and Failed
  int64_t step = 0;
  std::optional<Summary> lastEpoch, lastEvaluation;
  std::optional<BestEvaluation> best;

  /// 0, 1, 3, 4, 70 or 130, as the command line promises.
  int exitStatus() const;
};

/// Trains `program` as `recipe` says. The run folder gets
///
///   recipe.json           the recipe
///   events.jsonl          one line per step, flushed: step, epoch, loss, the
///                         other scalar outputs, t (seconds)
///   epochs.jsonl          averages over epochs and evaluations
///   checkpoints/step-00000120.safetensors
///   weights.safetensors   parameters and state at the end
///
/// A resumed run takes up the newest whole checkpoint and cuts both .jsonl
/// files back to it; apart from `t` they end as if nothing had happened.
TrainResult train(TrainableProgram &program, const Recipe &recipe,
                  const DataSplit &data, const TrainOptions &options);

//===----------------------------------------------------------------------===//
// Checkpoints
//===----------------------------------------------------------------------===//

/// What a checkpoint says about itself.
struct CheckpointInfo {
  int64_t step = 0;
  int64_t epoch = 0; ///< of the next batch, from 0
  int64_t batch = 0; ///< of the next batch in that epoch
  bool isFinished = false;
  std::string model;
  std::string recipeJson;
};

/// Checks a checkpoint: the file as safetensors, the checksum, the metadata.
Result<CheckpointInfo> verifyCheckpoint(const std::string &path);
/// The same for bytes in memory; `name` stands in messages.
Result<CheckpointInfo> verifyCheckpoint(std::span<const std::byte> file,
                                        const std::string &name);

/// The checkpoints of a run folder by rising step (10 after 9).
std::vector<std::pair<int64_t, std::string>>
listCheckpoints(const std::string &runFolder);

/// Writes parameters and state with PyTorch's names; see file.h for what
/// happens to a file that is there.
MaybeFault saveWeights(const TrainableProgram &program,
                       const std::string &path);

//===----------------------------------------------------------------------===//
// Terminals and signals
//===----------------------------------------------------------------------===//

/// Makes SIGINT and SIGTERM set a flag while it lives, the second one end the
/// process as if nothing had been done. One at a time.
class InterruptGuard {
public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard &) = delete;
  /// The number of the signal that came, or 0.
  const volatile std::sig_atomic_t *flag() const;

private:
  struct sigaction previousInt, previousTerm;
};

/// "epoch 3/20  step 57/460 [=====>      ] loss 0.412  81.2 it/s  ETA 0:05",
/// fitted to `columns` without a line end.
std::string progressBar(const Progress &progress, int columns);
/// "step 57/460  loss 0.412  81.2 it/s".
std::string progressLine(const Progress &progress);
/// "epoch 3  loss 0.412  accuracy 0.9" or "epoch 3  test: loss …".
std::string summaryLine(const Summary &summary);

} // namespace asgc

#endif
