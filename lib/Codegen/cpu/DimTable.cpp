//===- DimTable.cpp - Extents that are known at run time ------------------===//
#include "DimTable.h"

using namespace asgc;
using namespace asgc::cpu;

int64_t DimTable::addSymbol(llvm::StringRef name, int64_t bound) {
  for (auto [index, symbol] : llvm::enumerate(symbols))
    if (symbol.name == name && symbol.bound == bound)
      return index;
  symbols.push_back({name.str(), bound});
  return std::ssize(symbols) - 1;
}

int64_t DimTable::indexOf(const DimExpr &expr, const Names &names) {
  DimExpr numbered = expr.evaluateWith<DimExpr>(
      [](int64_t value) { return DimExpr(value); },
      [&](std::string_view name) {
        return DimExpr::symbol("s" + std::to_string(names.lookup(name)));
      },
      [](DimExpr x, DimExpr y) { return x + y; },
      [](DimExpr x, DimExpr y) { return x * y; },
      [](DimExpr x, int64_t divisor) { return x.floorDiv(divisor); });
  if (auto symbol = numbered.asSymbol())
    return std::stoll(symbol->substr(1));
  auto [it, isNew] = indices.try_emplace(numbered.str(), size());
  if (isNew)
    expressions.push_back(numbered);
  return it->second;
}

int64_t DimTable::encode(const DimExpr &expr, const Names &names) {
  if (auto value = expr.asConstant())
    return *value;
  return -1 - indexOf(expr, names);
}
