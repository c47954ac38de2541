//===- Session.cpp - The training loop ------------------------------------===//
#include "Session.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <new>
#include <unistd.h>

namespace asgc {

namespace {
double secondsBetween(std::chrono::steady_clock::time_point from,
                      std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

std::string fieldsOf(std::span<const NamedValue> values) {
  std::string fields;
  for (const NamedValue &value : values)
    fields += "," + jsonField(value.name, value.value);
  return fields;
}
} // namespace

bool isMinimized(const std::string &metric, MetricMode mode) {
  if (mode != MetricMode::Auto)
    return mode == MetricMode::Min;
  constexpr std::string_view falling[] = {"loss", "error", "mse", "mae",
                                          "perplexity"};
  return std::any_of(
      std::begin(falling), std::end(falling),
      [&](std::string_view end) { return metric.ends_with(end); });
}

//===----------------------------------------------------------------------===//
// Ends
//===----------------------------------------------------------------------===//

std::string Session::lastGood() const {
  if (savedStep < 0)
    return "no checkpoint had been saved";
  return "the last good checkpoint is " + folder.checkpoint(savedStep);
}

TrainEnd Session::fail(Fault fault) {
  if (state.step > 0)
    fault.message += fmt::format("; the run stops after step {}, {}",
                                 state.step, lastGood());
  result.fault = std::move(fault);
  return TrainEnd::Failed;
}

TrainEnd Session::diverge(const std::string &what) {
  result.fault = Fault{FaultKind::Input,
                       fmt::format("{} at step {}; nothing of that step was "
                                   "saved, {}",
                                   what, state.step, lastGood())};
  return TrainEnd::Diverged;
}

std::optional<TrainEnd> Session::checkVariables() {
  if (recipe.nonFinite != NonFinitePolicy::Stop)
    return std::nullopt;
  Result<std::string> name = findNonFinite(program);
  if (!name)
    return fail(name.fault());
  if (name->empty())
    return std::nullopt;
  return diverge(fmt::format("'{}' is not finite", *name));
}

TrainEnd Session::interrupt() {
  if (state.step > 0 && savedStep != state.step) {
    if (std::optional<TrainEnd> end = checkVariables())
      return *end;
    if (MaybeFault fault = save())
      return fail(*fault);
  }
  say(MessageKind::Note, fmt::format("interrupted after step {}", state.step));
  if (!options.resumeCommand.empty())
    say(MessageKind::Note, "resume with: " + options.resumeCommand);
  return TrainEnd::Interrupted;
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

MaybeFault Session::logStep(std::span<const double> values) {
  Clock::time_point now = Clock::now();
  state.seconds = secondsBefore + secondsBetween(startTime, now);
  std::string fields = fmt::format("\"epoch\":{},{}", state.position.epoch + 1,
                                   jsonField(recipe.loss, values[lossIndex]));
  // "loss" is what readers look for, whatever the output is called.
  if (recipe.loss != "loss")
    fields += "," + jsonField("loss", values[lossIndex]);
  for (size_t i = 0; i < values.size(); ++i)
    if (i != lossIndex)
      fields += "," + jsonField(trainer->names()[i], values[i]);
  fields += fmt::format(",\"t\":{:.3f}", state.seconds);
  return events.append(state.step, fields);
}

void Session::reportProgress(int64_t epoch, double loss) {
  Clock::time_point now = Clock::now();
  double last = secondsBetween(lastStepTime, now);
  lastStepTime = now;
  // Follows a change of speed within some tens of steps.
  secondsPerStep =
      secondsPerStep == 0 ? last : 0.95 * secondsPerStep + 0.05 * last;
  if (!options.progress)
    return;
  Progress progress;
  progress.step = state.step;
  progress.totalSteps = total;
  progress.epoch = epoch + 1;
  progress.epochs = recipe.steps > 0 ? 0 : recipe.epochs;
  progress.loss = loss;
  progress.stepsPerSecond = secondsPerStep > 0 ? 1 / secondsPerStep : 0;
  progress.secondsLeft = double(total - state.step) * secondsPerStep;
  options.progress(progress);
}

MaybeFault Session::logSummary(const Summary &summary) {
  if (options.summary)
    options.summary(summary);
  return epochs.append(
      summary.step,
      fmt::format("\"epoch\":{},\"part\":\"{}\",\"items\":{}{},\"t\":{:.3f}",
                  summary.epoch, summary.isEvaluation ? "test" : "train",
                  summary.items, fieldsOf(summary.values), state.seconds));
}

/// Compares with the best so far, and counts evaluations in vain.
void Session::judge(const Summary &summary) {
  auto found = std::find_if(
      summary.values.begin(), summary.values.end(),
      [&](const NamedValue &value) { return value.name == watched(); });
  if (found == summary.values.end())
    return; // refused at the start; only `best` may be missing
  // NaN is never better: every comparison with it is false.
  double sign = isMinimized(watched(), recipe.stop.mode) ? -1.0 : 1.0;
  bool isNumber = !std::isnan(found->value);
  isBestNow = isNumber &&
              (state.bestStep < 0 || sign * found->value > sign * state.best);
  if (isBestNow) {
    state.best = found->value;
    state.bestStep = state.step;
  }
  if (isNumber &&
      (!state.hasReference ||
       sign * (found->value - state.reference) > recipe.stop.minDelta)) {
    state.hasReference = true;
    state.reference = found->value;
    state.worseEvaluations = 0;
  } else {
    ++state.worseEvaluations;
  }
}

MaybeFault Session::evaluate(int64_t epoch) {
  Averages averages(evaluator->names());
  for (int64_t i = 0; i < testLoader->batchesPerEpoch(); ++i) {
    Result<const Batch *> batch = testLoader->next();
    if (!batch)
      return batch.fault();
    Result<std::span<const double>> values = evaluator->run(**batch);
    if (!values)
      return values.fault();
    averages.add(*values, (*batch)->items);
  }
  Summary summary{state.step, epoch + 1, averages.items, true,
                  averages.means()};
  evaluatedStep = state.step;
  judge(summary);
  result.lastEvaluation = summary;
  return logSummary(summary);
}

MaybeFault Session::endEpoch(int64_t epoch) {
  Summary summary{state.step, epoch + 1, state.sums.items, false,
                  state.sums.means()};
  state.sums.clear();
  if (!evaluator)
    judge(summary);
  result.lastEpoch = summary;
  return logSummary(summary);
}

bool Session::wantsCheckpoint(bool isEpochEnd, int64_t epoch) const {
  const CheckpointRecipe &when = recipe.checkpoint;
  if (when.everySteps > 0 && state.step % when.everySteps == 0)
    return true;
  if (isEpochEnd && when.everyEpochs > 0 && (epoch + 1) % when.everyEpochs == 0)
    return true;
  bool isEnabled = when.everySteps > 0 || when.everyEpochs > 0;
  return isEnabled && isBestNow && state.bestStep == state.step;
}

bool Session::isOver() const {
  return state.step >= total ||
         (recipe.stop.patience > 0 &&
          state.worseEvaluations >= recipe.stop.patience);
}

MaybeFault Session::save() {
  // First what the checkpoint refers to, so that it never runs ahead.
  if (MaybeFault fault = events.sync())
    return fault;
  if (MaybeFault fault = epochs.sync())
    return fault;
  state.isFinished = isOver();
  CheckpointHeader header{state, recipe.model, recipeJson, data.fingerprint};
  if (MaybeFault fault =
          writeCheckpoint(folder.checkpoint(state.step), program, header))
    return fault;
  savedStep = state.step;
  say(MessageKind::Note, fmt::format("saved checkpoint step {}", state.step));
  folder.rotate(state.step, state.bestStep, recipe.checkpoint.keep);
  return std::nullopt;
}

/// A whole step with all that follows from it; an end, or nothing to go on.
std::optional<TrainEnd> Session::stepOnce() {
  Result<const Batch *> batch = trainLoader->next();
  if (!batch)
    return fail(batch.fault());
  int64_t epoch = (*batch)->position.epoch;
  bool isEpochEnd = (*batch)->isLastOfEpoch;
  Result<std::span<const double>> values = trainer->run(**batch);
  if (!values)
    return fail(values.fault());
  ++state.step;
  isBestNow = false;
  double loss = (*values)[lossIndex];
  if (MaybeFault fault = logStep(*values))
    return fail(*fault);
  if (recipe.nonFinite == NonFinitePolicy::Stop && !std::isfinite(loss))
    return diverge(fmt::format("the loss is {}", loss));
  state.sums.add(*values, (*batch)->items);
  state.position = trainLoader->position();
  reportProgress(epoch, loss);

  if (isEpochEnd)
    if (MaybeFault fault = endEpoch(epoch))
      return fail(*fault);
  bool isDue =
      (isEpochEnd && recipe.evalEveryEpochs > 0 &&
       (epoch + 1) % recipe.evalEveryEpochs == 0) ||
      (recipe.evalEverySteps > 0 && state.step % recipe.evalEverySteps == 0) ||
      state.step >= total;
  if (evaluator && isDue)
    if (MaybeFault fault = evaluate(epoch))
      return fail(*fault);
  if (wantsCheckpoint(isEpochEnd, epoch) || isOver()) {
    // A finite loss can leave variables that are not: the next loss shows it,
    // but by then they would have been saved.
    if (std::optional<TrainEnd> end = checkVariables())
      return end;
    if (MaybeFault fault = save())
      return fail(*fault);
  }
  return std::nullopt;
}

MaybeFault Session::finish() {
  if (MaybeFault fault = saveWeights(program, folder.weights()))
    return fault;
  say(MessageKind::Note, "wrote " + folder.weights());
  return std::nullopt;
}

TrainEnd Session::loop() {
  startTime = lastStepTime = Clock::now();
  secondsBefore = state.seconds;
  while (!isOver()) {
    if (isInterrupted())
      return interrupt();
    if (std::optional<TrainEnd> end = stepOnce())
      return *end;
  }
  if (MaybeFault fault = finish())
    return fail(*fault);
  return state.step >= total ? TrainEnd::Completed : TrainEnd::StoppedEarly;
}

TrainResult Session::run() {
  try {
    if (MaybeFault fault = start())
      result.end = fail(*fault);
    else
      result.end = loop();
  } catch (const std::bad_alloc &) {
    result.end = fail({FaultKind::Environment, "not enough memory to train"});
  }
  result.step = state.step;
  if (state.bestStep >= 0) {
    std::string path = folder.checkpoint(state.bestStep);
    bool isSaved = access(path.c_str(), R_OK) == 0;
    result.best = BestEvaluation{state.bestStep, state.best, watched(),
                                 isSaved ? path : ""};
  }
  return std::move(result);
}

TrainResult train(TrainableProgram &program, const Recipe &recipe,
                  const DataSplit &data, const TrainOptions &options) {
  return Session(program, recipe, data, options).run();
}

int TrainResult::exitStatus() const {
  switch (end) {
  case TrainEnd::Completed:
  case TrainEnd::StoppedEarly:
    return 0;
  case TrainEnd::Interrupted:
    return 130;
  case TrainEnd::Diverged:
    return 1;
  case TrainEnd::Failed:
    break;
  }
  switch (fault ? fault->kind : FaultKind::Internal) {
  case FaultKind::Input:
    return 1;
  case FaultKind::Unsupported:
    return 3;
  case FaultKind::Environment:
    return 4;
  case FaultKind::Internal:
    break;
  }
  return 70;
}

} // namespace asgc
