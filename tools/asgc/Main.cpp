//===- Main.cpp - The command line of asgc --------------------------------===//
#include "Crash.h"
#include "Heap.h"
#include "Output.h"
#include "Usage.h"
#include "asgc/runtime.h"

#include <csignal>
#include <string_view>

using namespace asgc;
using namespace asgc::cli;

/// Options that stand before or after any verb.
static void addSettings(CLI::App &app, Session &session) {
  auto flag = [&](CLI::App *to, const char *name, const char *text,
                  const char *what) {
    to->add_option_function<std::string>(
          std::string("--") + name,
          [&session, name](const std::string &value) {
            session.settings.setFlag(name, value);
          },
          what)
        ->option_text(text)
        ->group(kEverywhere);
  };
  for (CLI::App *verb : app.get_subcommands({})) {
    bool runsModels = verb->get_name() == "run" || verb->get_name() == "grad" ||
                      verb->get_name() == "train" ||
                      verb->get_name() == "bench" || verb->get_name() == "tune";
    if (runsModels) {
      flag(verb, "threads", "N", "Threads to compute with; 0: all cores");
      flag(verb, "isa", "NAME", "auto, avx2 or avx512");
      flag(verb, "device", "NAME", "cpu, vulkan, or auto: a Vulkan device if one can be used");
      flag(verb, "device-memory", "BYTES", "Bytes of a Vulkan device to use at most; 0: all");
    }
    if (runsModels || verb->get_name() == "compile") {
      flag(verb, "f32", "HOW", "Products of f32 on Vulkan devices: exact, or tensor3 (bf16)");
      flag(verb, "device-table", "FILE",
           "Times of a Vulkan device, from asgc tune, to choose tiles by");
      flag(verb, "scatter", "HOW",
           "scatter_add on Vulkan devices: ordered, or atomic (faster)");
    }
    flag(verb, "color", "WHEN", "auto, always or never (NO_COLOR counts)");
    verb->add_flag_callback(
            "-q,--quiet", [&session] { session.settings.setFlag("quiet", "true"); },
            "Only errors")
        ->group(kEverywhere);
    verb->set_help_flag("-h,--help", "This text")->group(kEverywhere);
  }
}

static int parseAndAct(int argc, char **argv) {
  Session session;
  CLI::App app("asgc: a graph compiler for neural networks", "asgc");
  setHelpFormat(app);
  app.allow_extras();
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("asgc ") + asgc_version());
  addNew(app, session);
  addCheck(app, session);
  addFmt(app, session);
  addTrain(app, session);
  addCompile(app, session);
  addConvert(app, session);
  addRun(app, session);
  addGrad(app, session);
  addBench(app, session);
  addTune(app, session);
  addExplain(app, session);
  addOpt(app, session);
  addDoctor(app, session);
  if (auto error = session.settings.load()) {
    complainText(*error);
    return ExitUsage;
  }
  addSettings(app, session);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    return reportParseError(app, error);
  }
  if (auto code = reportExtras(app))
    return *code;
  if (auto error = session.settings.verify()) {
    complainText(*error);
    return ExitUsage;
  }
  if (MaybeFault fault = session.settings.loadTiles())
    return reportFault(*fault);
  return session.action ? session.action() : ExitUsage;
}

int main(int argc, char **argv) {
  useHugePages();
  installCrashHandler(argc, argv);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN); // then a write fails, and says so
  if (argc <= 1) {
    printText(kTour);
    return finishOutput(ExitOk);
  }
  if (argv[1] == std::string_view("opt"))
    return finishOutput(runOptVerb(argc - 1, argv + 1));
  return finishOutput(parseAndAct(argc, argv));
}
