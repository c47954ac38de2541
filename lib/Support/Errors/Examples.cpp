//===- Examples.cpp - A wrong and a right text for each code --------------===//
#include "asgc/ErrorExamples.h"

#include <map>

namespace asgc {

const ErrorExample *findExample(Code code) {
#define ASGC_EXAMPLE(code, ...) {Code::code, {__VA_ARGS__}},
  static const std::map<Code, ErrorExample> examples = {
#include "Compiler.def"
#include "Names.def"
#include "Recipes.def"
#include "Shapes.def"
#include "Text.def"
#include "Values.def"
  };
#undef ASGC_EXAMPLE
  auto it = examples.find(code);
  return it == examples.end() ? nullptr : &it->second;
}

} // namespace asgc
