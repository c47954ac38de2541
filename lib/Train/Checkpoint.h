//===- Checkpoint.h - Everything a run needs to go on, in one file --------===//
#ifndef ASGC_LIB_TRAIN_CHECKPOINT_H
#define ASGC_LIB_TRAIN_CHECKPOINT_H

#include "Averages.h"

#include "asgc/safetensors.h"

namespace asgc {

/// What the loop carries from step to step besides the variables.
struct TrainState {
  int64_t step = 0;
  LoaderPosition position; ///< of the next batch
  Averages sums;           ///< of the epoch so far
  double seconds = 0;
  /// The best evaluation; none yet if bestStep is -1.
  int64_t bestStep = -1;
  double best = 0;
  /// What patience compares with, and for how many evaluations in vain.
  bool hasReference = false;
  double reference = 0;
  int64_t worseEvaluations = 0;
  bool isFinished = false;
};

/// What stands beside the tensors in a checkpoint, as JSON.
struct CheckpointHeader {
  TrainState state;
  std::string model;
  std::string recipeJson;
  uint32_t dataFingerprint = 0;
};

/// Canonical JSON of the header; doubles as their bits.
std::string headerToJson(const CheckpointHeader &header);
/// Reads it back; empty on success.
std::string headerFromJson(std::string_view json, CheckpointHeader *header);

/// A checkpoint whose checksum holds.
struct OpenCheckpoint {
  struct Close {
    void operator()(asgc_safetensors *file) const {
      asgc_safetensors_close(file);
    }
  };
  std::string path;
  std::unique_ptr<asgc_safetensors, Close> file;
  CheckpointHeader header;

  static Result<OpenCheckpoint> open(const std::string &path);
  static Result<OpenCheckpoint> open(std::span<const std::byte> bytes,
                                     const std::string &name);

  /// Copies every variable of `program` out of the file. On failure (another
  /// model) nothing has changed.
  MaybeFault restore(TrainableProgram &program) const;

private:
  MaybeFault verify();
};

MaybeFault writeCheckpoint(const std::string &path,
                           const TrainableProgram &program,
                           const CheckpointHeader &header);

/// Names a float variable that holds NaN or an infinity; empty if none does.
Result<std::string> findNonFinite(const TrainableProgram &program);

/// A field in which two recipes differ.
struct RecipeDifference {
  std::string field, before, now;
  /// True if the curve depends on it; then a run cannot go on.
  bool isEssential = false;
};
std::vector<RecipeDifference> compareRecipes(const std::string &before,
                                             const std::string &now);

} // namespace asgc

#endif
