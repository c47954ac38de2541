//===- Model.cpp - Flags that name a model, and compiling it --------------===//
#include "Model.h"

#include "Crash.h"
#include "Output.h"

namespace asgc::cli {

void addModelFlags(CLI::App *verb, ModelFlags &flags) {
  verb->add_option("MODEL", flags.file,
                   "The model: a text such as digits.asg, .onnx, or IR\n"
                   "(.mlir, .mlirbc, .json)")
      ->required();
  verb->add_option("--model", flags.model, "Which model, if the file has several")
      ->option_text("NAME");
  verb->add_option("--set", flags.settings,
                   "Change a setting: epochs=40, optimizer.lr=1e-3, layers=4")
      ->option_text("KEY=VALUE")
      ->expected(1)
      ->take_all();
  verb->add_option("--dim", flags.dims, "Fix a run-time dim: batch=64")
      ->option_text("NAME=N")
      ->expected(1)
      ->take_all();
  verb->add_option(
          "--block-bytes", flags.blockBytes,
          "Memory for a Vulkan device in blocks of at most N bytes (2 GiB)")
      ->option_text("N")
      ->check([](const std::string &text) -> std::string {
        int64_t bytes = 0;
        if (CLI::detail::lexical_cast(text, bytes) && bytes > 0 &&
            bytes % 64 == 0)
          return "";
        return "expected a multiple of 64, got '" + text + "'";
      });
}

void addPrecisionFlag(CLI::App *verb, ModelFlags &flags) {
  verb->add_option("--precision", flags.precision,
                   "Type of products in infer: f32 (default), bf16, f16")
      ->option_text("TYPE")
      ->check(CLI::IsMember({"f32", "bf16", "f16"}));
}

CompileOptions compileOptions(const ModelFlags &flags) {
  CompileOptions options;
  options.model = flags.model;
  options.settings = flags.settings;
  options.dims = flags.dims;
  options.blockBytes = flags.blockBytes;
  options.precision = flags.precision;
  return options;
}

CompileOptions hostOptions(const ModelFlags &flags, const Session &session) {
  CompileOptions options = compileOptions(flags);
  int wanted = session.settings.isa(); // 0, or 1 + ASGC_ISA_*
  if (int32_t isa = wanted ? wanted - 1 : bestIsa(); isa >= 0)
    options.isas = {isa};
  options.cpu = session.settings.device() != ASGC_DEVICE_VULKAN;
  options.vulkan = session.settings.device() != ASGC_DEVICE_CPU;
  options.splitsF32 = session.settings.splitsF32();
  options.addsAtomically = session.settings.addsAtomically();
  options.tileTimes = session.settings.tiles().times;
  return options;
}

void showDiagnostics(const Compilation &compilation, const Session &session,
                     DiagnosticsForm form) {
  SourceManager &sources = const_cast<Compilation &>(compilation).sources();
  bool color = session.settings.colorErrors();
  for (const Diagnostic &diagnostic :
       compilation.diagnostics().getDiagnostics()) {
    switch (form) {
    case DiagnosticsForm::Human:
      if (diagnostic.severity == Severity::Error ||
          !session.settings.isQuiet())
        sayText(renderHuman(diagnostic, sources, color));
      break;
    case DiagnosticsForm::Short:
      sayText(renderShort(diagnostic, sources));
      break;
    case DiagnosticsForm::Json:
      printText(renderJson(diagnostic, sources));
      break;
    }
  }
}

int reportCompilation(const Compilation &compilation, const Fault &fault,
                      const Session &session) {
  showDiagnostics(compilation, session);
  if (!compilation.reproducer().empty())
    rememberForCrash("IR before the pass that failed",
                     compilation.reproducer());
  return reportFault(fault);
}

std::optional<int> loadModel(Compilation &compilation, const ModelFlags &flags,
                             const Session &session) {
  MaybeFault fault = compilation.load(flags.file);
  SourceManager &sources = compilation.sources();
  if (auto file = sources.find(flags.file))
    rememberForCrash(flags.file, std::string(sources.getFile(*file).getText()));
  if (!fault)
    return std::nullopt;
  return reportCompilation(compilation, *fault, session);
}

} // namespace asgc::cli
