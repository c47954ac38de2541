//===- Example.h - The examples of the catalog, as modules ----------------===//
#ifndef ASGC_TEST_OPS_EXAMPLE_H
#define ASGC_TEST_OPS_EXAMPLE_H

#include "asgc/Catalog.h"
#include "asgc/Interpreter.h"
#include "test/unit/dialect/Dialect.h"

#include <random>

namespace asgc::test {

/// One example of an op: a verified module with the graph that holds it.
struct Example {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  asg::GraphOp graph;         ///< the first that is no body of another
  bool isWholeModule = false; ///< written with its graph, not as ops alone

  explicit operator bool() const { return static_cast<bool>(module); }
};

/// Reads `text`. Ops alone become the body of a graph whose inputs are the names
/// that no op defines, whose outputs are the results of the last op, and whose
/// run-time dims have small bounds. Null with `reader.errors` if it is wrong.
Example readExample(Reader &reader, const std::string &text);

/// The example and the cases of every op.
struct NamedExample {
  const CatalogOp *op;
  std::string text;
};
std::vector<NamedExample> allExamples();

/// Values for the inputs of a graph: floats from the op's domain (as f64 if
/// `isExact`), indices and counts from 0 to 3, random bools.
std::vector<HostTensor> drawInputs(asg::GraphOp graph, const CatalogOp &op,
                                   bool isExact, unsigned seed);
Variables drawVariables(mlir::ModuleOp module, const CatalogOp &op,
                        unsigned seed);

/// The sizes that run-time dims have in tests: by name, so that all inputs agree.
int64_t testExtent(asg::GraphOp graph, const DimExpr &extent);

} // namespace asgc::test

#endif
