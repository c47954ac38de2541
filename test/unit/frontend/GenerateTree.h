//===- GenerateTree.h - Random trees of the language ----------------------===//
#ifndef ASGC_TEST_GENERATETREE_H
#define ASGC_TEST_GENERATETREE_H

#include "asgc/Syntax.h"

#include <random>

namespace asgc::ast {

/// Makes trees that the parser could have made, of all kinds of nodes.
class TreeGenerator {
public:
  explicit TreeGenerator(uint32_t seed) : random(seed) {}

  Module module();
  ExprPtr expr(int depth);

private:
  int pick(int count) { return random() % count; }
  bool chance(int percent) { return pick(100) < percent; }
  std::string name();
  Identifier identifier() { return {name(), {}}; }
  ExprPtr node(Expr::Kind kind);
  ExprPtr named();
  ExprPtr number();
  ExprPtr string(int depth);
  ExprPtr block(int depth);
  ExprPtr binary(int depth);
  std::vector<Argument> arguments(int depth);
  Index index(int depth);
  TypeExpr type(int depth);
  StmtPtr stmt(int depth);
  Body body(int depth);
  Comments comments();
  Item item();
  void train(Item &item);

  std::mt19937 random;
};

} // namespace asgc::ast

#endif
