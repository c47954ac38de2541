//===- Page.h - docs/reference/onnx.md ------------------------------------===//
#ifndef ASGC_TEST_ONNX_PAGE_H
#define ASGC_TEST_ONNX_PAGE_H

#include "Evaluate.h"

#include <map>
#include <string>

namespace asgc {

/// How many of a group, or of the cases of one operator.
struct Counts {
  int pass = 0, unsupported = 0, fail = 0;
  int total() const { return pass + unsupported + fail; }
  void add(Outcome outcome) {
    ++(outcome == Outcome::Pass   ? pass
       : outcome == Outcome::Fail ? fail
                                  : unsupported);
  }
};

using CountsByName = std::map<std::string, Counts>;

/// The page as it must be after a run on `engine`. What other engines pass is
/// taken from `before`, the page as it is.
std::string formatPage(const std::string &before, Engine engine,
                       const CountsByName &operators,
                       const CountsByName &groups);

} // namespace asgc

#endif
