//===- Cases.h - Models with inputs and the outputs they must give --------===//
#ifndef ASGC_TEST_ONNX_CASES_H
#define ASGC_TEST_ONNX_CASES_H

#include "asgc/Data.h"

#include <string>
#include <vector>

namespace asgc {

/// One set of arrays for a model.
struct DataSet {
  std::vector<Array> inputs, outputs;
};

/// A model of the suite.
struct Case {
  std::string group, name; ///< "node", "test_add"
  std::string model;       ///< its path
  std::vector<DataSet> sets;
  /// Whether every array has elements of f32, i32, i64 or bool.
  bool isBasic = false;
  /// Why its data cannot be read: sequences, strings.
  std::string unreadable;
};

/// All cases below `folder`, sorted, whose name contains `filter`.
std::vector<Case> findCases(const std::string &folder,
                            const std::string &filter);

/// Why `actual` is not `expected` (relative tolerance 1e-3, as ONNX's own
/// runner has it, absolute 1e-6); empty if it is.
std::string compare(const Array &actual, const Array &expected);

} // namespace asgc

#endif
