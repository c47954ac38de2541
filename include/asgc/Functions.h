//===- Functions.h - What the functions of the language do ----------------===//
#ifndef ASGC_FUNCTIONS_H
#define ASGC_FUNCTIONS_H

#include <string>
#include <string_view>
#include <vector>

namespace asgc {

/// A function of the language that is C++.
struct FunctionExplanation {
  std::string name;
  std::string signature; ///< `sum(x, axis = none, keep = false)`
  std::string family;    ///< "reductions"
  std::string meaning;
};

/// All of them, sorted by name; in English or Russian ("ru").
std::vector<FunctionExplanation> explainFunctions(std::string_view language);

} // namespace asgc

#endif
