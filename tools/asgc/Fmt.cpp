//===- Fmt.cpp - asgc fmt: the one true text of a model -------------------===//
#include "Output.h"
#include "Verb.h"

#include "asgc/Syntax.h"

#include <iostream>
#include <iterator>

namespace asgc::cli {

namespace {

struct FmtOptions {
  std::vector<std::string> files;
  bool check = false;
};

/// The canonical text of `file`; nothing, after saying why, if it does not parse.
std::optional<std::string> formatFile(FileId file, SourceManager &sources,
                                      bool color) {
  DiagnosticEngine diagnostics(sources);
  ast::Module module = ast::parseModule(file, diagnostics);
  for (const Diagnostic &diagnostic : diagnostics.getDiagnostics())
    sayText(renderHuman(diagnostic, sources, color));
  if (diagnostics.hasErrors())
    return std::nullopt;
  return ast::formatModule(module);
}

int formatStandardInput(bool color) {
  std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  if (text.size() > SourceManager::kMaxBytes) {
    complain("standard input: {} bytes; a model text has at most {}",
             text.size(), SourceManager::kMaxBytes);
    return ExitInput;
  }
  SourceManager sources;
  auto result =
      formatFile(sources.add("<stdin>", std::move(text)), sources, color);
  if (!result)
    return ExitInput;
  printText(*result);
  return ExitOk;
}

int runFmt(const FmtOptions &options, const Session &session) {
  bool color = session.settings.colorErrors();
  if (options.files == std::vector<std::string>{"-"} && !options.check)
    return formatStandardInput(color);
  int worst = ExitOk;
  for (const std::string &path : options.files) {
    SourceManager sources;
    std::string error;
    std::optional<FileId> file = sources.load(path, &error);
    if (!file) {
      complain("{}: {}", path, error);
      worst = std::max<int>(worst, ExitEnvironment);
      continue;
    }
    std::optional<std::string> text = formatFile(*file, sources, color);
    if (!text) {
      worst = std::max<int>(worst, ExitInput);
      continue;
    }
    if (*text == sources.getFile(*file).getText())
      continue;
    if (options.check) {
      print("{}\n", path);
      worst = std::max<int>(worst, ExitInput);
    } else if (MaybeFault fault = writeFile(path, *text)) {
      worst = std::max(worst, reportFault(*fault));
    }
  }
  return worst;
}

} // namespace

void addFmt(CLI::App &app, Session &session) {
  auto options = std::make_shared<FmtOptions>();
  CLI::App *verb = addVerb(app, "fmt", "Rewrite model texts in the one true form",
                           "asgc fmt digits.asg\n"
                           "asgc fmt --check models/*.asg    for CI: names what would change\n"
                           "asgc fmt - < in.asg > out.asg");
  verb->add_option("FILE", options->files, "Model texts; - is standard input")
      ->required();
  verb->add_flag("--check", options->check,
                 "Change nothing; print the files that would, and fail");
  setAction(verb, session, options, runFmt);
}

} // namespace asgc::cli
