//===- DimTable.h - Extents that are known at run time --------------------===//
#ifndef ASGC_CODEGEN_CPU_DIMTABLE_H
#define ASGC_CODEGEN_CPU_DIMTABLE_H

#include "asgc/DimExpr.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"

namespace asgc::cpu {

/// The table of dims of a program (asgc_program_desc): first the symbols of all
/// entries, then each expression over them that code or a description uses.
///
/// Symbols of two entries are one if name and bound are the same: memory of an
/// entry is planned for its own bound.
class DimTable {
public:
  struct Symbol {
    std::string name;
    int64_t bound;
  };
  /// The symbols of one entry by name.
  using Names = llvm::StringMap<int64_t>;

  /// Must have been called for all entries before any expression is looked up.
  int64_t addSymbol(llvm::StringRef name, int64_t bound);
  /// The index of a value that is no constant.
  int64_t indexOf(const DimExpr &expr, const Names &names);
  /// An asgc_dim. A negative constant has none; there is no such extent.
  int64_t encode(const DimExpr &expr, const Names &names);

  llvm::ArrayRef<Symbol> getSymbols() const { return symbols; }
  /// Over symbols called by their index: "0", "1".
  llvm::ArrayRef<DimExpr> getExpressions() const { return expressions; }
  int64_t size() const { return symbols.size() + expressions.size(); }

private:
  llvm::SmallVector<Symbol> symbols;
  llvm::SmallVector<DimExpr> expressions;
  llvm::StringMap<int64_t> indices; // of the expressions, by their text
};

} // namespace asgc::cpu

#endif
