//===- Signature.cpp - How a block is called, for messages and docs -------===//
#include "Signature.h"

namespace asgc {

std::string formatSignature(const ast::Item &item) {
  std::string text = item.name.text + "(";
  for (const ast::ParamDecl &param : item.params) {
    if (&param != &item.params[0])
      text += ", ";
    text += param.name.text + ": " + ast::formatType(param.type);
    if (param.value)
      text += " = " + ast::formatExpr(*param.value);
  }
  text += ")";
  for (const ast::ResultDecl &result : item.results) {
    text += &result == &item.results[0] ? " -> " : ", ";
    if (!result.name.text.empty())
      text += result.name.text + ": ";
    text += ast::formatType(result.type);
  }
  return text;
}

} // namespace asgc
