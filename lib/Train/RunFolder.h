//===- RunFolder.h - Files of a run, and who may write them ---------------===//
#ifndef ASGC_LIB_TRAIN_RUNFOLDER_H
#define ASGC_LIB_TRAIN_RUNFOLDER_H

#include "asgc/Train.h"

namespace asgc {

/// A run folder that this process has locked.
class RunFolder {
public:
  RunFolder() = default;
  RunFolder(RunFolder &&other) noexcept;
  RunFolder &operator=(RunFolder &&other) noexcept;
  ~RunFolder();

  /// Makes the folder if need be, locks it, and removes what an interrupted
  /// write left. Fails if another process holds the lock.
  static Result<RunFolder> open(const std::string &path);

  const std::string &path() const { return folder; }
  /// True if a run has begun here.
  bool holdsRun() const;
  std::string events() const { return folder + "/events.jsonl"; }
  std::string epochs() const { return folder + "/epochs.jsonl"; }
  std::string recipe() const { return folder + "/recipe.json"; }
  std::string weights() const { return folder + "/weights.safetensors"; }
  /// ".../checkpoints/step-00000120.safetensors".
  std::string checkpoint(int64_t step) const;

  /// Removes checkpoints up to `newest`, but never the `keep` newest of them
  /// nor `best`. keep = 0 keeps all. A file that cannot be removed stays.
  void rotate(int64_t newest, int64_t best, int64_t keep) const;

private:
  std::string folder;
  int lock = -1;
};

} // namespace asgc

#endif
