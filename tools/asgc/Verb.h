//===- Verb.h - What all verbs of the command line share ------------------===//
#ifndef ASGC_TOOLS_VERB_H
#define ASGC_TOOLS_VERB_H

#include "Settings.h"

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

namespace asgc::cli {

/// The exit codes of the command line contract (docs/cli.md).
enum ExitCode {
  ExitOk = 0,
  ExitInput = 1,        ///< an error in what the user gave
  ExitUsage = 2,        ///< in the command line itself
  ExitUnsupported = 3,  ///< well-formed, but not supported
  ExitEnvironment = 4,  ///< device, library, file, memory
  ExitInternal = 70,    ///< our fault; a reproducer is written and named
  ExitInterrupted = 130 ///< Ctrl-C; what was done is saved
};

/// One run of the program: the settings, and what the verb given will do. Verbs
/// act only after the whole command line proved right.
struct Session {
  Settings settings;
  std::function<int()> action;
};

void addNew(CLI::App &app, Session &session);
void addCheck(CLI::App &app, Session &session);
void addFmt(CLI::App &app, Session &session);
void addCompile(CLI::App &app, Session &session);
void addConvert(CLI::App &app, Session &session);
void addRun(CLI::App &app, Session &session);
void addGrad(CLI::App &app, Session &session);
void addTrain(CLI::App &app, Session &session);
void addOpt(CLI::App &app, Session &session);
void addExplain(CLI::App &app, Session &session);
void addBench(CLI::App &app, Session &session);
void addTune(CLI::App &app, Session &session);
void addDoctor(CLI::App &app, Session &session);

/// `asgc opt`, whose arguments mlir-opt's own parser reads; `argv[0]` is "opt".
int runOptVerb(int argc, char **argv);

/// Adds a verb whose `--help` begins with `examples` (lines without indent).
CLI::App *addVerb(CLI::App &app, const std::string &name,
                  const std::string &summary, const std::string &examples);

/// Makes `act(options)` what the verb does.
template <typename Options>
void setAction(CLI::App *verb, Session &session,
               std::shared_ptr<Options> options,
               int (*act)(const Options &, const Session &)) {
  verb->callback([&session, options, act] {
    session.action = [&session, options, act] {
      return act(*options, session);
    };
  });
}

} // namespace asgc::cli

#endif
