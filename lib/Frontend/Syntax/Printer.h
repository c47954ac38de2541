//===- Printer.h - Layouts of expressions and types -----------------------===//
#ifndef ASGC_FRONTEND_PRINTER_H
#define ASGC_FRONTEND_PRINTER_H

#include "Layout.h"
#include "asgc/Syntax.h"

namespace asgc::ast {

/// Lines of a formatted file are at most this long where they can be broken.
inline constexpr int kLineWidth = 100;
/// How much further right a continued line starts.
inline constexpr int kContinueIndent = 4;

Layout layoutExpr(const Expr &expr);
/// (value, name = value, …)
Layout layoutArguments(const std::vector<Argument> &arguments);
Layout layoutType(const TypeExpr &type);
/// Whether the text of `expr` starts with a minus, which a line cannot: it
/// would continue the line above.
bool startsWithMinus(const Expr &expr);

} // namespace asgc::ast

#endif
