//===- Session.h - One call of train() ------------------------------------===//
#ifndef ASGC_LIB_TRAIN_SESSION_H
#define ASGC_LIB_TRAIN_SESSION_H

#include "Checkpoint.h"
#include "EntryRunner.h"
#include "EventLog.h"
#include "RunFolder.h"

#include <chrono>

namespace asgc {

/// True if less is better for a metric of this name.
bool isMinimized(const std::string &metric, MetricMode mode);

/// Holds what a run needs while it goes on. The steps of train() are members
/// in the order in which they are called.
class Session {
public:
  Session(TrainableProgram &program, const Recipe &recipe,
          const DataSplit &data, const TrainOptions &options)
      : program(program), recipe(recipe), data(data), options(options) {}

  TrainResult run();

private:
  // Start (Start.cpp).
  MaybeFault start();
  MaybeFault checkOutputs() const;
  MaybeFault checkMetric(const std::string &metric, const char *user) const;
  MaybeFault makeRunners();
  MaybeFault makeLoaders();
  void warnOfLabels();
  MaybeFault openFolder();
  MaybeFault beginFresh();
  MaybeFault resume();
  MaybeFault checkSameRun(const OpenCheckpoint &checkpoint);
  MaybeFault takeUp(const OpenCheckpoint &checkpoint);

  // Loop (Session.cpp).
  TrainEnd loop();
  std::optional<TrainEnd> stepOnce();
  MaybeFault logStep(std::span<const double> values);
  MaybeFault endEpoch(int64_t epoch);
  MaybeFault evaluate(int64_t epoch);
  MaybeFault logSummary(const Summary &summary);
  void judge(const Summary &summary);
  bool wantsCheckpoint(bool isEpochEnd, int64_t epoch) const;
  bool isOver() const;
  MaybeFault save();
  MaybeFault finish();
  void reportProgress(int64_t epoch, double loss);

  TrainEnd fail(Fault fault);
  TrainEnd diverge(const std::string &what);
  /// Ends a run that stops at numbers that are not finite, if a variable holds
  /// one.
  std::optional<TrainEnd> checkVariables();
  TrainEnd interrupt();
  /// "the last good checkpoint is …", or that there is none.
  std::string lastGood() const;
  void say(MessageKind kind, const std::string &text) const {
    if (options.message)
      options.message(kind, text);
  }
  bool isInterrupted() const {
    return options.interrupted && *options.interrupted;
  }
  const std::string &watched() const {
    return recipe.stop.patience > 0 ? recipe.stop.metric : recipe.best;
  }

  TrainableProgram &program;
  const Recipe &recipe;
  const DataSplit &data;
  const TrainOptions &options;

  int64_t total = 0;
  std::optional<EntryRunner> trainer, evaluator;
  size_t lossIndex = 0;
  std::unique_ptr<Loader> trainLoader, testLoader;
  RunFolder folder;
  EventLog events, epochs;
  std::string recipeJson;

  TrainState state;
  TrainResult result;
  int64_t savedStep = -1;     ///< of the newest checkpoint of this run
  int64_t evaluatedStep = -1; ///< of the last evaluation
  bool isBestNow = false;     ///< the last evaluation was the best

  using Clock = std::chrono::steady_clock;
  Clock::time_point startTime, lastStepTime;
  double secondsBefore = 0; ///< of the parts of the run before this one
  double secondsPerStep = 0;
};

} // namespace asgc

#endif
