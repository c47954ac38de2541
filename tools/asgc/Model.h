//===- Model.h - Flags that name a model, and compiling it ----------------===//
#ifndef ASGC_TOOLS_MODEL_H
#define ASGC_TOOLS_MODEL_H

#include "Verb.h"

#include "asgc/Compiler.h"

namespace asgc::cli {

/// Which model of which file, with what changed.
struct ModelFlags {
  std::string file;
  std::string model;
  std::vector<std::string> settings, dims;
  int64_t blockBytes = 0;
  std::string precision;
};

void addModelFlags(CLI::App *verb, ModelFlags &flags);
/// `--precision`, for verbs that infer.
void addPrecisionFlag(CLI::App *verb, ModelFlags &flags);
CompileOptions compileOptions(const ModelFlags &flags);
/// The same for a program that runs here: code for this machine only.
CompileOptions hostOptions(const ModelFlags &flags, const Session &session);

enum class DiagnosticsForm { Human, Json, Short };

/// Reads and elaborates the model. Failing that, says why and returns the exit
/// code; nothing on success. Warnings are shown either way.
std::optional<int> loadModel(Compilation &compilation, const ModelFlags &flags,
                             const Session &session);

/// Shows the diagnostics not shown yet.
void showDiagnostics(const Compilation &compilation, const Session &session,
                     DiagnosticsForm form = DiagnosticsForm::Human);

/// Shows the diagnostics and `fault`; the exit code.
int reportCompilation(const Compilation &compilation, const Fault &fault,
                      const Session &session);

} // namespace asgc::cli

#endif
