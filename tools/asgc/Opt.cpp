//===- Opt.cpp - asgc opt: passes over IR text ----------------------------===//
#include "Output.h"
#include "Verb.h"

#include "asgc/Explain.h"
#include "asgc/Registry.h"
#include "tools/asgc-opt/Opt.h"

#include <string_view>

namespace asgc::cli {

namespace {

constexpr const char *kSummary = "Run passes over IR text, with mlir-opt's options";
constexpr const char *kExamples =
    "asgc opt model.mlir --asg-simplify --canonicalize\n"
    "asgc opt model.mlir --asg-fuse --remarks=fusion\n"
    "asgc opt model.mlir --asg-pipeline --check-semantics";

/// mlir-opt's own help has 1,500 lines; these are the options for our IR.
void printHelp() {
  print("{}\n\n", kSummary);
  for (std::string_view rest = kExamples; !rest.empty();) {
    size_t end = std::min(rest.find('\n'), rest.size());
    print("  {}\n", rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  print("\nUsage: asgc opt [FILE] [PASS...] [OPTION...]\n\nPasses, in pipeline "
        "order:\n");
  for (const PassExplanation &pass : explainPasses())
    print("  --{:<24} {}\n", pass.name, pass.summary);
  print("  --{:<24} {}\n", "asg-pipeline", "All passes of asg in order");
  print("  --{:<24} {}\n", "plan-pipeline", "All passes of plan in order");
  print("\nOptions:\n"
        "  -o FILE                    Write there instead of standard output\n"
        "  --check-semantics[=SEED]   Run the IR before and after each pass; name the first\n"
        "                             pass and op that differ\n"
        "  --remarks=KIND,...         Say why: fusion, memory\n"
        "  --mlir-timing              Show the time of each pass\n"
        "  --mlir-print-ir-after-all  Print the IR after each pass\n\n"
        "asgc-opt --help lists all that mlir-opt knows.\n");
}

} // namespace

int runOptVerb(int argc, char **argv) {
  for (int i = 1; i < argc; ++i)
    if (std::string_view word = argv[i]; word == "--help" || word == "-h") {
      printHelp();
      return ExitOk;
    }
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  registerAllPasses();
  return runOpt(argc, argv, registry);
}

// Main hands `asgc opt` over before CLI11 sees it; this entry is for the list
// of verbs.
void addOpt(CLI::App &app, Session &) {
  addVerb(app, "opt", kSummary, kExamples);
}

} // namespace asgc::cli
