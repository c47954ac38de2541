//===- ParseItem.cpp - Blocks, models, recipes and types ------------------===//
#include "Parser.h"

#include <algorithm>
#include <iterator>

namespace asgc::ast {

namespace {
struct ItemWord {
  std::string_view text;
  Item::Kind kind;
};
constexpr ItemWord kItemWords[] = {{"use", Item::Kind::Use},
                                   {"block", Item::Kind::Block},
                                   {"loss", Item::Kind::Loss},
                                   {"metric", Item::Kind::Metric},
                                   {"optimizer", Item::Kind::Optimizer},
                                   {"schedule", Item::Kind::Schedule},
                                   {"model", Item::Kind::Model},
                                   {"train", Item::Kind::Train}};
} // namespace

std::string_view spelling(Item::Kind kind) {
  for (const ItemWord &word : kItemWords)
    if (word.kind == kind)
      return word.text;
  return "?";
}

Module parseModule(FileId file, DiagnosticEngine &diagnostics) {
  uint32_t size = diagnostics.getSources().getFile(file).getText().size();
  return Parser({file, 0, size}, diagnostics).parseModule(file);
}

Module Parser::parseModule(FileId file) {
  Module module;
  module.file = file;
  while (!isEnd()) {
    Item item;
    if (parseItem(item)) {
      checkDoc(item, diagnostics);
      module.items.push_back(std::move(item));
    } else {
      skipItem();
    }
  }
  module.atEnd = takeComments();
  return module;
}

bool Parser::parseItem(Item &item) {
  item.comments = takeComments();
  item.doc = takeDoc(item.comments);
  const Token &token = peek();
  Span begin = token.span;
  auto word =
      std::find_if(std::begin(kItemWords), std::end(kItemWords),
                   [&](const ItemWord &w) { return w.text == token.text; });
  if (token.kind != TokenKind::Identifier || word == std::end(kItemWords)) {
    std::vector<std::string> words;
    for (const ItemWord &each : kItemWords)
      words.emplace_back(each.text);
    Diagnostic diagnostic(Code::ASG0005,
                          "expected a definition, found " + describe(token));
    diagnostic.at(token.span, "nothing starts like this");
    if (auto nearest = findNearest(token.text, words))
      diagnostic.fix("did you mean `" + *nearest + "`?", token.span, *nearest);
    else
      diagnostic.help("a file holds `use`, `block`, `loss`, `metric`, "
                      "`optimizer`, `schedule`, `model` and `train`");
    diagnostics.report(std::move(diagnostic));
    return false;
  }
  item.kind = word->kind;
  advance();
  bool isRead = item.kind == Item::Kind::Use     ? parseUse(item)
                : item.kind == Item::Kind::Train ? parseTrain(item)
                                                 : parseBlock(item);
  if (!isRead)
    return false;
  item.span = cover(begin, item.name.span);
  finishComments(item.comments);
  if (!isEnd() && !peek().isFirstOnLine) {
    unexpected("a new line after the end of `" + item.name.text + "`");
    return false;
  }
  return true;
}

/// use nn, use "path.asg"
bool Parser::parseUse(Item &item) {
  if (peek().kind != TokenKind::String)
    return parseIdentifier(item.name, "or a path as a string after `use`");
  const Token &token = advance();
  for (const StringPiece &piece : token.pieces) {
    if (piece.expression.isValid()) {
      diagnostics.report(Diagnostic(Code::ASG0003, "a path is no expression")
                             .at(piece.expression, "not allowed here"));
      return false;
    }
    item.path += piece.text;
  }
  item.name.span = token.span;
  return true;
}

/// block name(parameters) -> results for given { … }
bool Parser::parseBlock(Item &item) {
  std::string keyword(spelling(item.kind));
  if (!parseIdentifier(item.name, ("after `" + keyword + "`").c_str()) ||
      !parseParams(item) || !parseResults(item))
    return false;
  bool isLoop =
      item.kind == Item::Kind::Optimizer || item.kind == Item::Kind::Schedule;
  if (isLoop) {
    const char *names =
        item.kind == Item::Kind::Optimizer ? "for p, g" : "for step, total";
    if (!expect(
            "for",
            (std::string("and two names, such as `") + names + "`").c_str()) ||
        !parseNames(item.given, "after `for`"))
      return false;
    if (item.given.size() != 2) {
      diagnostics.report(
          Diagnostic(Code::ASG0005, "expected two names after `for`, found " +
                                        std::to_string(item.given.size()))
              .at(item.given.back().span)
              .help(std::string("write `") + names + "`"));
      return false;
    }
  }
  return parseBody(item.body);
}

bool Parser::parseParams(Item &item) {
  Span open = peek().span;
  if (!expect("(", "and the parameters"))
    return false;
  while (!isAt(")")) {
    ParamDecl param;
    param.comments = takeComments();
    if (!parseIdentifier(param.name, "for a parameter"))
      return false;
    if (!expect(":", ("and the type of `" + param.name.text + "`").c_str()) ||
        !parseType(param.type))
      return false;
    if (accept("=") && !(param.value = parseExpr()))
      return false;
    bool hasComma = accept(",");
    finishComments(param.comments);
    item.params.push_back(std::move(param));
    if (!hasComma)
      break;
  }
  return expectClose(")", open);
}

bool Parser::parseResults(Item &item) {
  if (!accept("->"))
    return true;
  if (!isAt("(")) {
    item.results.emplace_back();
    return parseResult(item.results.back());
  }
  Span open = advance().span;
  do {
    item.results.emplace_back();
    if (!parseResult(item.results.back()))
      return false;
  } while (accept(","));
  return expectClose(")", open);
}

bool Parser::parseResult(ResultDecl &result) {
  if (peek().kind == TokenKind::Identifier && peek(1).is(":")) {
    result.name = {std::string(peek().text), peek().span};
    advance();
    advance();
  }
  return parseType(result.type);
}

//===----------------------------------------------------------------------===//
// Recipes
//===----------------------------------------------------------------------===//

/// train model(arguments) { setting … }
bool Parser::parseTrain(Item &item) {
  if (!parseIdentifier(item.name, "of a model after `train`"))
    return false;
  if (isAt("(") && !parseArguments(item.arguments))
    return false;
  Span open = peek().span;
  if (!expect("{", "and the settings"))
    return false;
  while (!isAt("}") && !isEnd()) {
    Setting setting;
    isColonTaken = false;
    setting.comments = takeComments();
    size_t before = at;
    if (parseSetting(setting)) {
      finishComments(setting.comments);
      item.settings.push_back(std::move(setting));
    } else {
      skipStatement();
    }
    if (at == before)
      advance();
  }
  item.atEnd = takeComments();
  item.body.span = spanFrom(open);
  return expectClose("}", open);
}

/// name = value except …; or name: type
bool Parser::parseSetting(Setting &setting) {
  Span begin = peek().span;
  if (!parseIdentifier(setting.name, "of a setting"))
    return false;
  if (accept(":")) {
    if (!parseType(setting.type))
      return false;
  } else {
    if (!expect("=", "and a value, or `:` and the type of an input") ||
        !(setting.value = parseExpr()))
      return false;
    while (isAt("except")) {
      setting.exceptions.emplace_back();
      if (!parseException(setting.exceptions.back()))
        return false;
    }
  }
  setting.span = spanFrom(begin);
  return endStatement();
}

/// except key = value, … for "pattern", …
bool Parser::parseException(Setting::Exception &exception) {
  Span begin = advance().span;
  do {
    Argument argument;
    if (!parseIdentifier(argument.name, "of an argument after `except`") ||
        !expect("=", "and a value") || !(argument.value = parseExpr()))
      return false;
    exception.values.push_back(std::move(argument));
  } while (accept(","));
  if (!expect("for", "and patterns of parameter names, such as \"*.bias\""))
    return false;
  do {
    if (peek().kind != TokenKind::String) {
      unexpected("a pattern as a string");
      return false;
    }
    ExprPtr pattern = parseString();
    if (!pattern)
      return false;
    exception.patterns.push_back(std::move(pattern));
  } while (accept(","));
  exception.span = spanFrom(begin);
  return true;
}

//===----------------------------------------------------------------------===//
// Types and names
//===----------------------------------------------------------------------===//

/// int, f32[batch, 64]?, like p
bool Parser::parseType(TypeExpr &type) {
  Span begin = peek().span;
  if (isName("like") && peek(1).kind == TokenKind::Identifier) {
    advance();
    type.kind = TypeExpr::Kind::Like;
  }
  if (!parseIdentifier(type.name, "of a type, such as `f32[batch, 64]`"))
    return false;
  if (type.kind == TypeExpr::Kind::Named && isAt("[")) {
    type.kind = TypeExpr::Kind::Tensor;
    Span open = advance().span;
    while (!isAt("]")) {
      DimSpec dim;
      if (!parseDim(dim))
        return false;
      type.dims.push_back(std::move(dim));
      if (!accept(","))
        break;
    }
    if (!expectClose("]", open))
      return false;
  }
  type.isOptional = accept("?");
  type.span = spanFrom(begin);
  return true;
}

/// ..., extent, name <= bound
bool Parser::parseDim(DimSpec &dim) {
  Span begin = peek().span;
  if (accept("...")) {
    dim.isEllipsis = true;
  } else {
    // Comparisons bind looser, so that `<=` is left for the bound.
    if (!(dim.extent = parseBinary(8)))
      return false;
    if (accept("<=") && !(dim.bound = parseBinary(8)))
      return false;
    if (dim.bound && dim.extent->kind != Expr::Kind::Name) {
      diagnostics.report(Diagnostic(Code::ASG0005, "only a name can be bounded")
                             .at(dim.extent->span, "this is an expression")
                             .help("write `name <= bound`"));
      return false;
    }
  }
  dim.span = spanFrom(begin);
  return true;
}

bool Parser::parseIdentifier(Identifier &name, const char *purpose) {
  if (peek().kind != TokenKind::Identifier) {
    unexpected(std::string("a name ") + purpose);
    return false;
  }
  name.span = peek().span;
  name.text = advance().text;
  return true;
}

bool Parser::parseNames(std::vector<Identifier> &names, const char *purpose) {
  do {
    names.emplace_back();
    if (!parseIdentifier(names.back(), purpose))
      return false;
  } while (accept(","));
  return true;
}

} // namespace asgc::ast
