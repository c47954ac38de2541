//===- Equal.cpp - Compares trees by what they say ------------------------===//
#include "asgc/Syntax.h"

#include <algorithm>

namespace asgc::ast {

namespace {

template <typename T, typename Same>
bool equalLists(const std::vector<T> &a, const std::vector<T> &b, Same same) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

bool equalPtr(const ExprPtr &a, const ExprPtr &b) {
  return a && b ? equal(*a, *b) : !a && !b;
}

bool equalArgument(const Argument &a, const Argument &b) {
  return a.name == b.name && equalPtr(a.value, b.value);
}

bool equalPart(const StringPart &a, const StringPart &b) {
  return a.text == b.text && equalPtr(a.value, b.value);
}

bool equalIndex(const Index &a, const Index &b) {
  return a.kind == b.kind && equalPtr(a.at, b.at) &&
         equalPtr(a.begin, b.begin) && equalPtr(a.end, b.end) &&
         equalPtr(a.step, b.step);
}

bool equalDim(const DimSpec &a, const DimSpec &b) {
  return a.isEllipsis == b.isEllipsis && equalPtr(a.extent, b.extent) &&
         equalPtr(a.bound, b.bound);
}

bool equalType(const TypeExpr &a, const TypeExpr &b) {
  return a.kind == b.kind && a.name == b.name && a.isOptional == b.isOptional &&
         equalLists(a.dims, b.dims, equalDim);
}

bool equalBody(const Body &a, const Body &b);

bool equalStmt(const StmtPtr &a, const StmtPtr &b) {
  return a->kind == b->kind && a->names == b->names &&
         a->hasType == b->hasType && equalType(a->type, b->type) &&
         equalPtr(a->value, b->value) && equalPtr(a->message, b->message) &&
         equalPtr(a->scope, b->scope) &&
         equalLists(a->values, b->values, equalPtr) &&
         equalBody(a->body, b->body) && a->hasElse == b->hasElse &&
         equalBody(a->orElse, b->orElse);
}

bool equalBody(const Body &a, const Body &b) {
  return equalLists(a.stmts, b.stmts, equalStmt);
}

bool equalParam(const ParamDecl &a, const ParamDecl &b) {
  return a.name == b.name && equalType(a.type, b.type) &&
         equalPtr(a.value, b.value);
}

bool equalResult(const ResultDecl &a, const ResultDecl &b) {
  return a.name == b.name && equalType(a.type, b.type);
}

bool equalException(const Setting::Exception &a, const Setting::Exception &b) {
  return equalLists(a.values, b.values, equalArgument) &&
         equalLists(a.patterns, b.patterns, equalPtr);
}

bool equalSetting(const Setting &a, const Setting &b) {
  return a.name == b.name && equalPtr(a.value, b.value) &&
         equalType(a.type, b.type) &&
         equalLists(a.exceptions, b.exceptions, equalException);
}

bool equalItem(const Item &a, const Item &b) {
  return a.kind == b.kind && a.name == b.name && a.path == b.path &&
         a.doc.lines == b.doc.lines &&
         equalLists(a.params, b.params, equalParam) &&
         equalLists(a.results, b.results, equalResult) && a.given == b.given &&
         equalBody(a.body, b.body) &&
         equalLists(a.arguments, b.arguments, equalArgument) &&
         equalLists(a.settings, b.settings, equalSetting);
}

} // namespace

bool equal(const Expr &a, const Expr &b) {
  if (a.kind != b.kind || a.text != b.text || a.boolValue != b.boolValue ||
      !equalLists(a.operands, b.operands, equalPtr) ||
      !equalLists(a.arguments, b.arguments, equalArgument) ||
      !equalLists(a.parts, b.parts, equalPart) ||
      !equalLists(a.indices, b.indices, equalIndex))
    return false;
  if (a.kind == Expr::Kind::Unary)
    return a.unaryOp == b.unaryOp;
  return a.kind != Expr::Kind::Binary || a.binaryOp == b.binaryOp;
}

bool equal(const Module &a, const Module &b) {
  return equalLists(a.items, b.items, equalItem);
}

} // namespace asgc::ast
