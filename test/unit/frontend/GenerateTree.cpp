//===- GenerateTree.cpp - Random trees of the language --------------------===//
#include "GenerateTree.h"

namespace asgc::ast {

std::string TreeGenerator::name() {
  static const char *kNames[] = {"x",   "weight",   "in",  "model",
                                 "as",  "loss",     "y_1", "step",
                                 "dim", "long_name"};
  return kNames[pick(10)];
}

ExprPtr TreeGenerator::node(Expr::Kind kind) {
  auto expr = std::make_unique<Expr>();
  expr->kind = kind;
  return expr;
}

ExprPtr TreeGenerator::named() {
  ExprPtr expr = node(Expr::Kind::Name);
  // A unit behind a number would read as a quantity.
  do
    expr->text = name();
  while (expr->text == "step");
  return expr;
}

ExprPtr TreeGenerator::number() {
  static const char *kNumbers[] = {"0", "7", "50_257", "0.5", "1e-5", "3.25e4"};
  ExprPtr expr = node(Expr::Kind::Number);
  expr->text = kNumbers[pick(6)];
  return expr;
}

ExprPtr TreeGenerator::string(int depth) {
  ExprPtr expr = node(Expr::Kind::String);
  static const char *kTexts[] = {"layer", "шаг {\"\\\n\t}", "*.bias"};
  for (int i = pick(3); i > 0; --i) {
    expr->parts.push_back({kTexts[pick(3)], nullptr});
    // No quotes stand between braces.
    ExprPtr value = depth > 0 && chance(50) ? binary(0) : named();
    expr->parts.push_back({"", std::move(value)});
  }
  return expr;
}

/// block or block(arguments)
ExprPtr TreeGenerator::block(int depth) {
  ExprPtr callee = named();
  if (chance(30))
    return callee;
  ExprPtr call = node(Expr::Kind::Call);
  call->operands.push_back(std::move(callee));
  call->arguments = arguments(depth);
  return call;
}

ExprPtr TreeGenerator::binary(int depth) {
  ExprPtr expr = node(Expr::Kind::Binary);
  expr->binaryOp = BinaryOp(pick(int(BinaryOp::Pipe) + 1));
  if (depth == 0) {
    expr->operands.push_back(named());
    expr->operands.push_back(number());
    return expr;
  }
  expr->operands.push_back(this->expr(depth - 1));
  expr->operands.push_back(this->expr(depth - 1));
  return expr;
}

std::vector<Argument> TreeGenerator::arguments(int depth) {
  std::vector<Argument> result;
  for (int i = pick(4); i > 0; --i) {
    Argument argument;
    if (chance(40))
      argument.name = identifier();
    argument.value = expr(depth - 1);
    result.push_back(std::move(argument));
  }
  return result;
}

Index TreeGenerator::index(int depth) {
  Index index;
  index.kind = Index::Kind(pick(3));
  if (index.kind == Index::Kind::At)
    index.at = expr(depth - 1);
  if (index.kind == Index::Kind::Slice) {
    if (chance(60))
      index.begin = expr(depth - 1);
    if (chance(60))
      index.end = expr(depth - 1);
    if (chance(30))
      index.step = expr(depth - 1);
  }
  return index;
}

ExprPtr TreeGenerator::expr(int depth) {
  if (depth <= 0)
    return chance(60) ? named() : number();
  auto operands = [&](ExprPtr expr, int count) {
    for (int i = 0; i < count; ++i)
      expr->operands.push_back(this->expr(depth - 1));
    return expr;
  };
  ExprPtr result = node(Expr::Kind(pick(int(Expr::Kind::Member) + 1)));
  switch (result->kind) {
  case Expr::Kind::Name:
    return named();
  case Expr::Kind::Number:
    return number();
  case Expr::Kind::Quantity:
    result->text = chance(50) ? "steps" : "epoch";
    result->operands.push_back(number());
    return result;
  case Expr::Kind::String:
    return string(depth);
  case Expr::Kind::Bool:
    result->boolValue = chance(50);
    return result;
  case Expr::Kind::None:
    return result;
  case Expr::Kind::List:
    return operands(std::move(result), pick(4));
  case Expr::Kind::Unary:
    result->unaryOp = chance(50) ? UnaryOp::Not : UnaryOp::Negate;
    return operands(std::move(result), 1);
  case Expr::Kind::Binary:
    return binary(depth);
  case Expr::Kind::Conditional:
    return operands(std::move(result), 3);
  case Expr::Kind::IsNone:
    result->boolValue = chance(50);
    return operands(std::move(result), 1);
  case Expr::Kind::Call:
    result = operands(std::move(result), 1);
    result->arguments = arguments(depth);
    return result;
  case Expr::Kind::Instance:
    if (chance(50)) {
      result->operands.push_back(named());
      if (chance(50))
        result->operands[0]->text += ".0.weight";
    } else {
      result->operands.push_back(string(depth));
    }
    result->operands.push_back(block(depth));
    return result;
  case Expr::Kind::Index:
    result = operands(std::move(result), 1);
    for (int i = pick(3) + 1; i > 0; --i)
      result->indices.push_back(index(depth));
    return result;
  case Expr::Kind::Member:
    result->text = chance(50) ? "T" : "shape";
    return operands(std::move(result), 1);
  }
  return result;
}

TypeExpr TreeGenerator::type(int depth) {
  TypeExpr type;
  type.kind = TypeExpr::Kind(pick(3));
  type.name = identifier();
  type.isOptional = chance(15);
  if (type.kind != TypeExpr::Kind::Tensor)
    return type;
  for (int i = pick(4); i > 0; --i) {
    DimSpec dim;
    dim.isEllipsis = chance(20);
    if (!dim.isEllipsis) {
      bool isBounded = chance(20);
      dim.extent = isBounded ? named() : expr(depth - 1);
      if (isBounded)
        dim.bound = expr(depth - 1);
    }
    type.dims.push_back(std::move(dim));
  }
  return type;
}

Comments TreeGenerator::comments() {
  Comments result;
  if (chance(15))
    result.before.push_back({"# a comment, комментарий", chance(30)});
  if (chance(5))
    result.before.push_back({"## not a doc here", chance(30)});
  if (chance(10))
    result.beside = "# beside";
  result.hasBlankBefore = chance(15);
  return result;
}

Body TreeGenerator::body(int depth) {
  Body body;
  for (int i = pick(4); i > 0; --i)
    body.stmts.push_back(stmt(depth - 1));
  if (chance(10))
    body.atEnd.before.push_back({"# at the end", chance(30)});
  return body;
}

StmtPtr TreeGenerator::stmt(int depth) {
  auto stmt = std::make_unique<Stmt>();
  do
    stmt->kind = Stmt::Kind(pick(int(Stmt::Kind::Expr) + 1));
  while (depth <= 0 &&
         (stmt->kind == Stmt::Kind::If || stmt->kind == Stmt::Kind::For ||
          stmt->kind == Stmt::Kind::Repeat));
  stmt->comments = comments();
  if (stmt->kind != Stmt::Kind::Return)
    stmt->value = expr(3);
  switch (stmt->kind) {
  case Stmt::Kind::Const:
    stmt->hasType = chance(50);
    stmt->names.push_back(identifier());
    if (stmt->hasType)
      stmt->type = type(2);
    break;
  case Stmt::Kind::Param:
  case Stmt::Kind::State:
    stmt->hasType = true;
    stmt->type = type(2);
    if (chance(30))
      stmt->scope = chance(50) ? named() : string(1);
    [[fallthrough]];
  case Stmt::Kind::Assign:
    stmt->names.push_back(identifier());
    break;
  case Stmt::Kind::For:
    stmt->body = body(depth);
    [[fallthrough]];
  case Stmt::Kind::Bind:
    for (int i = pick(2); i >= 0; --i)
      stmt->names.push_back(identifier());
    break;
  case Stmt::Kind::If:
    stmt->body = body(depth);
    stmt->hasElse = chance(50);
    if (stmt->hasElse)
      stmt->orElse = body(depth);
    break;
  case Stmt::Kind::Repeat:
    stmt->body = body(depth);
    if (chance(50))
      stmt->scope = chance(50) ? named() : string(1);
    if (chance(50))
      stmt->names.push_back(identifier());
    break;
  case Stmt::Kind::Require:
    if (chance(50))
      stmt->message = string(1);
    break;
  case Stmt::Kind::Return:
    for (int i = pick(2); i >= 0; --i)
      stmt->values.push_back(expr(3));
    break;
  case Stmt::Kind::Expr:
    // `x` followed by `=` or `,` elsewhere is no statement of this kind.
    break;
  }
  return stmt;
}

void TreeGenerator::train(Item &item) {
  item.arguments = arguments(2);
  for (int i = pick(5); i > 0; --i) {
    Setting setting;
    setting.name = identifier();
    setting.comments = comments();
    if (chance(20)) {
      setting.type = type(1);
    } else {
      setting.value = expr(3);
      for (int j = pick(3); j > 0; --j) {
        Setting::Exception exception;
        Argument value;
        value.name = identifier();
        value.value = expr(1);
        exception.values.push_back(std::move(value));
        exception.patterns.push_back(string(0));
        setting.exceptions.push_back(std::move(exception));
      }
    }
    item.settings.push_back(std::move(setting));
  }
}

Item TreeGenerator::item() {
  Item item;
  item.kind = Item::Kind(pick(int(Item::Kind::Train) + 1));
  item.comments = comments();
  // Doc comments above an item are its doc.
  std::erase_if(item.comments.before, [](const Comments::Line &line) {
    return line.text.rfind("##", 0) == 0;
  });
  if (chance(40))
    item.doc.lines = {"Meaning of it.", "role x: a role", "", "ru: Смысл."};
  item.name = identifier();
  if (item.kind == Item::Kind::Use) {
    if (chance(50)) {
      item.name.text.clear();
      item.path = "other.asg";
    }
    return item;
  }
  if (item.kind == Item::Kind::Train) {
    train(item);
    return item;
  }
  for (int i = pick(5); i > 0; --i) {
    ParamDecl param;
    param.name = identifier();
    param.type = type(1);
    if (chance(40))
      param.value = expr(2);
    if (chance(10))
      param.comments = comments();
    item.params.push_back(std::move(param));
  }
  for (int i = pick(3); i > 0; --i) {
    ResultDecl result;
    if (chance(30))
      result.name = identifier();
    result.type = type(1);
    item.results.push_back(std::move(result));
  }
  if (item.kind == Item::Kind::Optimizer || item.kind == Item::Kind::Schedule)
    item.given = {identifier(), identifier()};
  item.body = body(3);
  return item;
}

Module TreeGenerator::module() {
  Module module;
  for (int i = pick(4) + 1; i > 0; --i)
    module.items.push_back(item());
  if (chance(20))
    module.atEnd.before.push_back({"# the end", true});
  return module;
}

} // namespace asgc::ast
