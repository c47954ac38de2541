//===- Opt.cpp - asgc opt: passes over IR text ----------------------------===//
#include "Verb.h"

#include "asgc/Registry.h"
#include "tools/asgc-opt/Opt.h"

namespace asgc::cli {

int runOptVerb(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  registerAllPasses();
  return runOpt(argc, argv, registry);
}

// Main hands `asgc opt` over before CLI11 sees it; this entry is for the list
// of verbs.
void addOpt(CLI::App &app, Session &) {
  addVerb(app, "opt", "Run passes over IR text, with mlir-opt's options",
          "asgc opt model.mlir --asg-simplify --canonicalize");
}

} // namespace asgc::cli
