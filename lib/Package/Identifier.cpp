//===- Identifier.cpp - Names of a model as names of C --------------------===//
#include "PackageText.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace asgc {

// Words that a tensor may be called but a C or C++ parameter may not.
static constexpr std::array<std::string_view, 96> kReserved = {
    "alignas",  "alignof",   "and",       "and_eq",    "asm",      "auto",
    "bitand",   "bitor",     "bool",      "break",     "case",     "catch",
    "char",     "class",     "compl",     "concept",   "const",    "consteval",
    "constexpr", "constinit", "continue", "co_await",  "co_return", "co_yield",
    "decltype", "default",   "delete",    "do",        "double",   "else",
    "enum",     "explicit",  "export",    "extern",    "false",    "float",
    "for",      "friend",    "goto",      "if",        "inline",   "int",
    "long",     "mutable",   "namespace", "new",       "noexcept", "not",
    "not_eq",   "nullptr",   "operator",  "or",        "or_eq",    "private",
    "protected", "public",   "register",  "requires",  "restrict", "return",
    "short",    "signed",    "sizeof",    "static",    "static_assert", "struct",
    "switch",   "template",  "this",      "thread_local", "throw", "true",
    "try",      "typedef",   "typeid",    "typename",  "union",    "unsigned",
    "using",    "virtual",   "void",      "volatile",  "wchar_t",  "while",
    "xor",      "xor_eq",    "asgc",      "program",   "options",  "path",
    "seed",     "inputs",    "outputs",   "main",      "errno",    "NULL"};

std::string toIdentifier(const std::string &text) {
  std::string result;
  for (unsigned char c : text)
    result += std::isalnum(c) && c < 128 ? static_cast<char>(c) : '_';
  if (result.empty() || std::isdigit(static_cast<unsigned char>(result[0])))
    result = "_" + result;
  if (std::find(kReserved.begin(), kReserved.end(), result) != kReserved.end())
    result += "_";
  return result;
}

std::string dtypeName(int32_t dtype) {
  static const char *const names[] = {"f32", "f16", "bf16", "i8",
                                      "i32", "i64", "bool", "f64"};
  return dtype >= 0 && dtype < 8 ? names[dtype] : "?";
}

std::string dtypeC(int32_t dtype) {
  static const char *const names[] = {"float",   "uint16_t", "uint16_t",
                                      "int8_t",  "int32_t",  "int64_t",
                                      "uint8_t", "double"};
  return dtype >= 0 && dtype < 8 ? names[dtype] : "void";
}

int64_t dtypeBytes(int32_t dtype) {
  static const int64_t bytes[] = {4, 2, 2, 1, 4, 8, 1, 8};
  return dtype >= 0 && dtype < 8 ? bytes[dtype] : 0;
}

std::string dimText(const asgc_program_desc &program, asgc_dim dim) {
  if (dim >= 0)
    return std::to_string(dim);
  int64_t index = -1 - dim;
  if (index < program.num_symbols)
    return program.symbols[index];
  return "dim " + std::to_string(index);
}

std::string tensorText(const asgc_program_desc &program,
                       const asgc_tensor_desc &tensor) {
  std::string text = std::string(tensor.name) + ": " + dtypeName(tensor.dtype);
  for (int32_t axis = 0; axis < tensor.rank; ++axis) {
    text += (axis == 0 ? "[" : ", ") + dimText(program, tensor.dims[axis]);
    int64_t index = -1 - tensor.dims[axis];
    if (index >= 0 && index < program.num_symbols)
      text += " <= " + std::to_string(program.symbol_bounds[index]);
  }
  return tensor.rank ? text + "]" : text;
}

int64_t variableBytes(const asgc_program_desc &program, bool onlyWeights) {
  int64_t total = 0;
  for (int32_t v = 0; v < program.num_variables; ++v) {
    const asgc_variable_desc &variable = program.variables[v];
    if (onlyWeights && variable.role > ASGC_ROLE_STATE)
      continue;
    int64_t bytes = dtypeBytes(variable.tensor.dtype);
    for (int32_t axis = 0; axis < variable.tensor.rank; ++axis)
      bytes *= variable.tensor.dims[axis];
    total += bytes;
  }
  return total;
}

const asgc_entry_desc *findEntry(const asgc_program_desc &program,
                                 const std::string &name) {
  for (int32_t e = 0; e < program.num_entries; ++e)
    if (program.entries[e].name == name)
      return &program.entries[e];
  return nullptr;
}

} // namespace asgc
