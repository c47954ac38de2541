//===- ErrorExamples.h - A wrong and a right text for each code -----------===//
#ifndef ASGC_ERROREXAMPLES_H
#define ASGC_ERROREXAMPLES_H

#include "asgc/Support.h"

namespace asgc {

/// A text that raises a code and one that raises nothing, with the options of
/// `asgc check` that they need.
struct ErrorExample {
  std::string_view wrongOptions, wrong;
  std::string_view rightOptions, right;
};

/// The example of `code`; null if it has none, which a test refuses.
const ErrorExample *findExample(Code code);

} // namespace asgc

#endif
