//===- Start.cpp - What happens before the first step ---------------------===//
#include "Session.h"

#include "asgc/file.h"

#include <algorithm>
#include <fmt/format.h>

namespace asgc {

int64_t totalSteps(const Recipe &recipe, int64_t trainItems) {
  if (recipe.steps > 0)
    return recipe.steps;
  int64_t batches = trainItems / recipe.batch;
  if (!recipe.dropLast && trainItems % recipe.batch)
    ++batches;
  return batches * recipe.epochs;
}

MaybeFault Session::makeRunners() {
  total = totalSteps(recipe, int64_t(data.train.items.size()));
  Result<EntryRunner> training = EntryRunner::create(
      program, "train_step", recipe, *data.train.data, total);
  if (!training)
    return training.fault();
  trainer.emplace(std::move(*training));
  bool isEvaluated = recipe.evalEveryEpochs > 0 || recipe.evalEverySteps > 0;
  if (!isEvaluated || data.test.items.empty() || !program.entry("eval_step"))
    return std::nullopt;
  Result<EntryRunner> testing =
      EntryRunner::create(program, "eval_step", recipe, *data.test.data, total);
  if (!testing)
    return testing.fault();
  evaluator.emplace(std::move(*testing));
  return std::nullopt;
}

MaybeFault Session::checkMetric(const std::string &metric,
                                const char *user) const {
  const EntryRunner &judge = evaluator ? *evaluator : *trainer;
  if (std::find(judge.names().begin(), judge.names().end(), metric) !=
      judge.names().end())
    return std::nullopt;
  return Fault{FaultKind::Input,
               fmt::format("{} '{}': expected an output of {} that is one "
                           "number, found {}",
                           user, metric, evaluator ? "eval_step" : "train_step",
                           fmt::join(judge.names(), ", "))};
}

MaybeFault Session::checkOutputs() const {
  const std::vector<std::string> &names = trainer->names();
  if (std::find(names.begin(), names.end(), recipe.loss) == names.end())
    return Fault{FaultKind::Input,
                 fmt::format("loss '{}': expected an output of train_step "
                             "that is one number, found {}",
                             recipe.loss, fmt::join(names, ", "))};
  for (const std::string &metric : recipe.metrics)
    if (std::find(names.begin(), names.end(), metric) == names.end())
      if (MaybeFault fault = checkMetric(metric, "metric"))
        return fault;
  return checkMetric(watched(), recipe.stop.patience > 0 ? "stop" : "best");
}

MaybeFault Session::makeLoaders() {
  LoaderOptions training{trainer->columns(), recipe.batch, recipe.dropLast,
                         recipe.shuffle, uint64_t(recipe.seed)};
  int64_t items = int64_t(data.train.items.size());
  if (trainer->hasFixedBatch() && !recipe.dropLast && items % recipe.batch)
    return Fault{FaultKind::Input,
                 fmt::format("the model takes batches of {} only, but {} items "
                             "leave a last one of {}; make the batch a "
                             "run-time dim, or set drop_last",
                             recipe.batch, items, items % recipe.batch)};
  Result<std::unique_ptr<Loader>> loader =
      Loader::create(data.train, std::move(training));
  if (!loader)
    return loader.fault();
  trainLoader = std::move(*loader);
  if (!evaluator)
    return std::nullopt;
  LoaderOptions testing{evaluator->columns(), recipe.batch,
                        evaluator->hasFixedBatch(), false, 0};
  int64_t rest = int64_t(data.test.items.size()) % recipe.batch;
  if (evaluator->hasFixedBatch() && rest)
    say(MessageKind::Warning,
        fmt::format("evaluations leave out the last {} items: the model takes "
                    "batches of {} only",
                    rest, recipe.batch));
  loader = Loader::create(data.test, std::move(testing));
  if (!loader)
    return loader.fault();
  testLoader = std::move(*loader);
  return std::nullopt;
}

/// A class beyond the model's last extent would be trained on in silence.
void Session::warnOfLabels() {
  const EntryPorts *infer = program.entry("infer");
  const Column *label = data.train.data->find("label");
  bool isClass = std::any_of(
      trainer->columns().begin(), trainer->columns().end(), [](auto &column) {
        return column.column == "label" && !isFloat(column.type);
      });
  if (!infer || infer->outputs.empty() || infer->outputs[0].shape.empty() ||
      !label || !isClass || label->itemElements != 1)
    return;
  int64_t classes = infer->outputs[0].shape.back().value;
  if (classes < 2)
    return;
  for (const DataPart *part : {&data.train, &data.test})
    for (uint32_t item : part->items) {
      double value;
      loadElements(label->type, part->data->find("label")->item(item), 0,
                   {&value, 1});
      if (value < double(classes))
        continue;
      say(MessageKind::Warning,
          fmt::format("{}: item {} has the label {}, but the model's output "
                      "'{}' has {} classes (0 to {})",
                      part->data->source, item, value, infer->outputs[0].name,
                      classes, classes - 1));
      return;
    }
}

MaybeFault Session::openFolder() {
  Result<RunFolder> opened = RunFolder::open(options.runFolder);
  if (!opened)
    return opened.fault();
  folder = std::move(*opened);
  if (!options.resume && folder.holdsRun())
    return Fault{FaultKind::Input,
                 folder.path() + ": there is a run in this folder; resume it, "
                                 "or choose another folder"};
  for (auto [log, path] : {std::pair(&events, folder.events()),
                           std::pair(&epochs, folder.epochs())}) {
    Result<EventLog> file = EventLog::open(path);
    if (!file)
      return file.fault();
    *log = std::move(*file);
  }
  return std::nullopt;
}

MaybeFault Session::beginFresh() {
  state.sums = Averages(trainer->names());
  for (EventLog *log : {&events, &epochs}) {
    Result<int64_t> cut = log->cutAfter(0);
    if (!cut)
      return cut.fault();
  }
  return program.init(recipe.seed);
}

MaybeFault Session::checkSameRun(const OpenCheckpoint &checkpoint) {
  if (checkpoint.header.dataFingerprint != data.fingerprint)
    return Fault{FaultKind::Input,
                 fmt::format("{}: the data set is not the one of the "
                             "checkpoint (checksum {:08x} then, {:08x} now)",
                             checkpoint.path, checkpoint.header.dataFingerprint,
                             data.fingerprint)};
  for (const RecipeDifference &change :
       compareRecipes(checkpoint.header.recipeJson, recipeJson)) {
    if (change.isEssential)
      return Fault{FaultKind::Input,
                   fmt::format("{}: the recipe is not the one of the "
                               "checkpoint: {} was {}, is now {}; set it back, "
                               "or choose another folder",
                               checkpoint.path, change.field, change.before,
                               change.now)};
    say(MessageKind::Note, fmt::format("{} was {}, is now {}", change.field,
                                    change.before, change.now));
  }
  if (checkpoint.header.state.sums.names != trainer->names())
    return Fault{
        FaultKind::Input,
        fmt::format("{}: expected the outputs {} of train_step, found "
                    "{}; the checkpoint is of another model",
                    checkpoint.path, fmt::join(trainer->names(), ", "),
                    fmt::join(checkpoint.header.state.sums.names, ", "))};
  return std::nullopt;
}

/// Makes everything as it was when the checkpoint was written.
MaybeFault Session::takeUp(const OpenCheckpoint &checkpoint) {
  if (MaybeFault fault = checkSameRun(checkpoint))
    return fault;
  const TrainState &saved = checkpoint.header.state;
  if (MaybeFault fault = trainLoader->seek(saved.position))
    return Fault{fault->kind, checkpoint.path + ": " + fault->message};
  if (MaybeFault fault = checkpoint.restore(program))
    return fault;
  state = saved;
  savedStep = state.step;
  for (EventLog *log : {&events, &epochs}) {
    Result<int64_t> last = log->cutAfter(state.step);
    if (!last)
      return last.fault();
    if (log == &events && *last != state.step)
      say(MessageKind::Warning,
          fmt::format("{} ends at step {}, the checkpoint at step {}",
                      folder.events(), *last, state.step));
  }
  say(MessageKind::Note,
      fmt::format("resumed at step {} of {}", state.step, checkpoint.path));
  return std::nullopt;
}

MaybeFault Session::resume() {
  std::vector<std::pair<int64_t, std::string>> all =
      listCheckpoints(folder.path());
  for (size_t i = all.size(); i-- > 0;) {
    const auto &[step, path] = all[i];
    Result<OpenCheckpoint> checkpoint = OpenCheckpoint::open(path);
    if (checkpoint)
      return takeUp(*checkpoint);
    if (i == 0)
      return Fault{checkpoint.fault().kind,
                   checkpoint.fault().message +
                       "; there is no other checkpoint to resume from"};
    say(MessageKind::Warning,
        fmt::format("{}; taking step {} instead", checkpoint.fault().message,
                    all[i - 1].first));
  }
  say(MessageKind::Note, folder.path() + ": no checkpoint yet, starting at the "
                                      "beginning");
  return beginFresh();
}

MaybeFault Session::start() {
  std::string wrong = verifyRecipe(recipe);
  if (!wrong.empty())
    return Fault{FaultKind::Input, wrong};
  if (options.runFolder.empty())
    return Fault{FaultKind::Input, "the run folder has no name"};
  if (MaybeFault fault = makeRunners())
    return fault;
  if (MaybeFault fault = checkOutputs())
    return fault;
  lossIndex = size_t(
      std::find(trainer->names().begin(), trainer->names().end(), recipe.loss) -
      trainer->names().begin());
  if (MaybeFault fault = makeLoaders())
    return fault;
  warnOfLabels();
  recipeJson = recipeToJson(recipe);
  if (MaybeFault fault = openFolder())
    return fault;
  if (MaybeFault fault = options.resume ? resume() : beginFresh())
    return fault;
  if (asgc_file_replace(folder.recipe().c_str(), recipeJson.data(),
                        recipeJson.size()))
    return Fault{FaultKind::Environment, asgc_last_error()};
  return std::nullopt;
}

} // namespace asgc
