//===- Registry.h - The only list of dialects and passes ------------------===//
#ifndef ASGC_REGISTRY_H
#define ASGC_REGISTRY_H

#include "mlir/IR/DialectRegistry.h"

#include <string>
#include <vector>

namespace asgc {

/// Adds every dialect of the compiler to `registry`; none is loaded yet.
void registerAllDialects(mlir::DialectRegistry &registry);

/// Makes every pass and pipeline known by name; the first call does it.
void registerAllPasses();

/// The categories of the remarks that passes make.
const std::vector<std::string> &remarkCategories();

/// Has remarks of these categories reported as diagnostics of kind remark, each a
/// sentence at the place it is about.
void enableRemarks(mlir::MLIRContext &context,
                   const std::vector<std::string> &categories);

} // namespace asgc

#endif
