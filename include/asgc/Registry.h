//===- Registry.h - The only list of dialects and passes ------------------===//
#ifndef ASGC_REGISTRY_H
#define ASGC_REGISTRY_H

#include "mlir/IR/DialectRegistry.h"

namespace asgc {

/// Adds every dialect of the compiler to `registry`; none is loaded yet.
void registerAllDialects(mlir::DialectRegistry &registry);

/// Makes every pass and pipeline known by name; the first call does it.
void registerAllPasses();

} // namespace asgc

#endif
