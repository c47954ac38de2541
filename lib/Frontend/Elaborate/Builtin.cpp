//===- Builtin.cpp - The table of functions that are C++ ------------------===//
#include "Builtin.h"

#include <algorithm>

namespace asgc {

/// max(x, other = none, axis = none, keep = false)
static std::string describe(const Builtin &builtin) {
  std::string text = builtin.name + "(";
  for (const Builtin::Parameter &parameter : builtin.parameters) {
    if (&parameter != &builtin.parameters[0])
      text += ", ";
    text += parameter.name;
    bool isLast = &parameter == &builtin.parameters.back();
    if (builtin.isVariadic && isLast)
      text += ", …";
    else if (parameter.fallback)
      text += " = " + describeValue(*parameter.fallback);
  }
  return text + ")";
}

static std::vector<Builtin> makeTable() {
  std::vector<Builtin> table;
  addMathBuiltins(table);
  addReductionBuiltins(table);
  addLayoutBuiltins(table);
  addIndexingBuiltins(table);
  addImageBuiltins(table);
  addInitialBuiltins(table);
  addValueBuiltins(table);
  for (Builtin &builtin : table)
    builtin.signature = describe(builtin);
  std::sort(table.begin(), table.end(),
            [](const Builtin &a, const Builtin &b) { return a.name < b.name; });
  return table;
}

static const std::vector<Builtin> &getTable() {
  static const std::vector<Builtin> table = makeTable();
  return table;
}

const Builtin *findBuiltin(std::string_view name) {
  const auto &table = getTable();
  auto it = std::lower_bound(table.begin(), table.end(), name,
                             [](const Builtin &builtin, std::string_view name) {
                               return builtin.name < name;
                             });
  return it != table.end() && it->name == name ? &*it : nullptr;
}

const std::vector<std::string> &getBuiltinNames() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> result;
    for (const Builtin &builtin : getTable())
      result.push_back(builtin.name);
    return result;
  }();
  return names;
}

} // namespace asgc
