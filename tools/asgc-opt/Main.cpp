//===- Main.cpp - asgc-opt: `asgc opt` for the IR tests -------------------===//
#include "Opt.h"
#include "asgc/Registry.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  asgc::registerAllDialects(registry);
  asgc::registerAllPasses();
  return asgc::runOpt(argc, argv, registry);
}
