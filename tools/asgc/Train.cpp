//===- Train.cpp - asgc train: runs the recipe of a model text ------------===//
#include "Execution.h"
#include "Model.h"
#include "Output.h"

#include <chrono>
#include <filesystem>
#include <sys/ioctl.h>
#include <unistd.h>

namespace asgc::cli {

namespace fs = std::filesystem;

namespace {

struct TrainFlags {
  ModelFlags model;
  WeightFlags weights;
  std::string out = "run";
  bool resume = false, view = false;
};

/// A program whose variables begin as in a file, not as drawn.
class StartedProgram final : public TrainableProgram {
public:
  StartedProgram(Execution &execution, WeightFlags weights)
      : execution(execution), base(execution.program()),
        weights(std::move(weights)) {}

  const EntryPorts *entry(std::string_view name) const override {
    return base.entry(name);
  }
  std::span<const ProgramVariable> variables() const override {
    return base.variables();
  }
  MaybeFault init(int64_t seed) override {
    MaybeFault fault = base.init(seed);
    return fault || weights.file.empty() ? fault
                                         : execution.loadWeights(weights);
  }
  Result<std::vector<std::vector<int64_t>>>
  outputShapes(std::string_view entry,
               std::span<const TensorView> inputs) const override {
    return base.outputShapes(entry, inputs);
  }
  MaybeFault run(std::string_view entry, std::span<const TensorView> inputs,
                 std::span<const TensorView> outputs) override {
    return base.run(entry, inputs, outputs);
  }
  MaybeFault sync() const override { return base.sync(); }
  void touch() override { base.touch(); }

private:
  Execution &execution;
  TrainableProgram &base;
  WeightFlags weights;
};

/// Shows a run on standard error: a bar on a terminal, else a line now and then.
class RunDisplay {
public:
  RunDisplay(const Settings &settings, int64_t logEverySteps)
      : isQuiet(settings.isQuiet()), isTerminal(isatty(STDERR_FILENO)),
        logEverySteps(logEverySteps) {}
  ~RunDisplay() { clear(); }

  void progress(const Progress &progress) {
    if (isQuiet)
      return;
    if (!isTerminal) {
      if (logEverySteps > 0 && progress.step % logEverySteps == 0)
        sayText(progressLine(progress));
      return;
    }
    auto now = std::chrono::steady_clock::now();
    if (now - lastDrawn < std::chrono::milliseconds(100))
      return;
    lastDrawn = now;
    winsize size = {};
    int columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col
                      ? size.ws_col
                      : 80;
    std::string text = "\r\x1b[K" + progressBar(progress, columns - 1);
    (void)!write(STDERR_FILENO, text.data(), text.size());
    isDrawn = true;
  }

  void summary(const Summary &summary) {
    if (isQuiet)
      return;
    clear();
    sayText(summaryLine(summary));
  }

  void message(MessageKind kind, const std::string &text) {
    if (isQuiet && kind == MessageKind::Note)
      return;
    clear();
    sayText(kind == MessageKind::Note      ? text
            : kind == MessageKind::Warning ? "asgc: warning: " + text
                                           : "asgc: " + text);
  }

private:
  void clear() {
    if (isDrawn)
      (void)!write(STDERR_FILENO, "\r\x1b[K", 4);
    isDrawn = false;
  }

  bool isQuiet, isTerminal, isDrawn = false;
  int64_t logEverySteps;
  std::chrono::steady_clock::time_point lastDrawn;
};

/// The command that goes on with this run.
std::string resumeCommand(const TrainFlags &flags, const Settings &settings) {
  std::string command = fmt::format("asgc train {} --out {} --resume",
                                    flags.model.file, flags.out);
  if (!flags.model.model.empty())
    command += " --model " + flags.model.model;
  for (const std::string &setting : flags.model.settings)
    command += " --set '" + setting + "'";
  for (const std::string &dim : flags.model.dims)
    command += " --dim " + dim;
  // Where and with what it computes is part of which numbers come out.
  for (const Setting &setting : settings.all())
    for (const char *name : {"isa", "device", "device-memory"})
      if (setting.name == name && setting.origin == "--" + setting.name)
        command += fmt::format(" --{} {}", setting.name, setting.value);
  return command;
}

std::optional<int> refuse(const TrainFlags &flags) {
  if (flags.view) {
    complain("--view is not supported yet; read the run's events.jsonl");
    return ExitUnsupported;
  }
  if (flags.resume && !flags.weights.file.empty()) {
    complain("--weights begins a run, --resume goes on with one");
    return ExitUsage;
  }
  return std::nullopt;
}

int runTraining(Execution &execution, const Recipe &recipe,
                const DataSplit &data, const TrainFlags &flags,
                const Session &session) {
  StartedProgram program(execution, flags.weights);
  RunDisplay display(session.settings, recipe.logEverySteps);
  InterruptGuard interrupts;
  TrainOptions options;
  options.runFolder = flags.out;
  options.resume = flags.resume;
  options.resumeCommand = resumeCommand(flags, session.settings);
  options.interrupted = interrupts.flag();
  options.message = [&](MessageKind kind, const std::string &text) {
    display.message(kind, text);
  };
  options.progress = [&](const Progress &p) { display.progress(p); };
  options.summary = [&](const Summary &s) { display.summary(s); };
  TrainResult result = train(program, recipe, data, options);
  if (result.fault) {
    display.message(MessageKind::Error, result.fault->message);
    if (result.fault->kind == FaultKind::Internal)
      return reportFault({FaultKind::Internal, ""});
  }
  if (result.best && !session.settings.isQuiet())
    display.message(MessageKind::Note,
                    fmt::format("best {}: {:.4g} at step {} ({})",
                                result.best->metric, result.best->value,
                                result.best->step, result.best->checkpoint));
  return result.exitStatus();
}

int act(const TrainFlags &flags, const Session &session) {
  if (auto code = refuse(flags))
    return *code;
  Compilation compilation(hostOptions(flags.model, session));
  if (auto code = loadModel(compilation, flags.model, session))
    return *code;
  showDiagnostics(compilation, session);
  const Recipe *recipe = compilation.recipe();
  if (!recipe) {
    complain("{}: there is no 'train' block for the model '{}'; 'asgc new' "
             "shows one",
             flags.model.file, compilation.name());
    return ExitInput;
  }
  if (std::string wrong = verifyRecipe(*recipe); !wrong.empty()) {
    complain("{}: {}", flags.model.file, wrong);
    return ExitInput;
  }
  // The data first: they are read in no time, and often wrong.
  std::string folder = fs::path(flags.model.file).parent_path().string();
  auto data = loadData(recipe->data, folder.empty() ? "." : folder);
  if (!data)
    return reportFault(data.fault());
  size_t shown = compilation.diagnostics().getDiagnostics().size();
  auto execution = Execution::create(compilation, session.settings);
  if (!execution) {
    if (compilation.diagnostics().getDiagnostics().size() > shown)
      return reportCompilation(compilation, execution.fault(), session);
    return reportFault(execution.fault());
  }
  return runTraining(**execution, *recipe, *data, flags, session);
}

} // namespace

void addTrain(CLI::App &app, Session &session) {
  auto flags = std::make_shared<TrainFlags>();
  CLI::App *verb =
      addVerb(app, "train", "Train a model as its 'train' block says",
              "asgc train digits.asg --out run\n"
              "asgc train digits.asg --out run --resume      go on after Ctrl-C or a crash\n"
              "asgc train digits.asg --out run2 --set epochs=40 --set optimizer.lr=1e-3");
  addModelFlags(verb, flags->model);
  verb->add_option("-o,--out", flags->out,
                   "Folder of the run: checkpoints, events.jsonl, weights (run)")
      ->option_text("DIR");
  verb->add_flag("--resume", flags->resume, "Go on with the run in that folder");
  addWeightFlags(verb, flags->weights,
                 "Begin with these parameters: .safetensors, .pt, .gguf, …");
  addPartialFlag(verb, flags->weights);
  verb->add_flag("--view", flags->view, "Not supported yet");
  setAction(verb, session, flags, act);
}

} // namespace asgc::cli
