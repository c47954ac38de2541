//===- Stmt.cpp - Runs statements -----------------------------------------===//
#include "Elaborator.h"

using namespace mlir;

namespace asgc {

using ast::Stmt;

void Elaborator::runBody(const ast::Body &body, Frame &frame) {
  for (const ast::StmtPtr &stmt : body.stmts) {
    if (frame.hasReturned)
      return;
    runStmt(*stmt, frame);
  }
}

void Elaborator::runStmt(const Stmt &stmt, Frame &frame) {
  if (!spend(stmt.span))
    return;
  size_t errors = diagnostics.getNumErrors();
  switch (stmt.kind) {
  case Stmt::Kind::Param:
  case Stmt::Kind::State:
    runDeclaration(stmt, frame);
    break;
  case Stmt::Kind::Const:
    runConst(stmt, frame);
    break;
  case Stmt::Kind::Bind:
    runBind(stmt, frame);
    break;
  case Stmt::Kind::Assign:
    runAssign(stmt, frame);
    break;
  case Stmt::Kind::If:
    runIf(stmt, frame);
    break;
  case Stmt::Kind::For:
    runFor(stmt, frame);
    break;
  case Stmt::Kind::Repeat:
    runRepeat(stmt, frame);
    break;
  case Stmt::Kind::Require:
    runRequire(stmt, frame);
    break;
  case Stmt::Kind::Return:
    runReturn(stmt, frame);
    break;
  case Stmt::Kind::Expr:
    if (eval(*stmt.value, frame).isPoison())
      frame.isBroken = true;
    break;
  }
  if (diagnostics.getNumErrors() > errors)
    frame.isBroken = true;
}

void Elaborator::bindName(const ast::Identifier &name, Term value,
                          Frame &frame) {
  if (frame.states.count(name.text)) {
    Diagnostic diagnostic(Code::ASG0313, "state `" + name.text +
                                             "` is set with `<-`, not with `=`");
    diagnostic.at(name.span, "a state");
    const SourceFile &file = diagnostics.getSources().getFile(name.span.file);
    size_t next = file.getText().find_first_not_of(" \t", name.span.end);
    if (next < file.getText().size() && file.getText()[next] == '=')
      diagnostic.fix("to set it, write",
                     {name.span.file, uint32_t(next), uint32_t(next + 1)}, "<-");
    else
      diagnostic.help("a state keeps its name: choose another one here");
    report(std::move(diagnostic));
    return;
  }
  frame.names[name.text] = std::move(value);
}

void Elaborator::runBind(const Stmt &stmt, Frame &frame) {
  Term value = eval(*stmt.value, frame);
  if (value.isPoison())
    frame.isBroken = true;
  if (stmt.names.size() == 1 || value.isPoison()) {
    for (const ast::Identifier &name : stmt.names)
      bindName(name, value, frame);
    return;
  }
  bool isList = value.is<Term::List>();
  size_t count = isList ? value.asList().size() : 1;
  if (count != stmt.names.size()) {
    report(Diagnostic(Code::ASG0308, std::to_string(stmt.names.size()) +
                                         " names for " + std::to_string(count) +
                                         (count == 1 ? " value" : " values"))
               .at(stmt.value->span, isList ? std::to_string(count) + " values"
                                            : describeKind(value))
               .also(cover(stmt.names.front().span, stmt.names.back().span),
                     std::to_string(stmt.names.size()) + " names")
               .help(isList ? "name every value, or take one: `" +
                                  stmt.names[0].text + " = (…)[0]`"
                            : "one name takes one value"));
    for (const ast::Identifier &name : stmt.names)
      frame.names[name.text] = Term::poison();
    return;
  }
  for (size_t i = 0; i < count; ++i)
    bindName(stmt.names[i], value.asList()[i], frame);
}

void Elaborator::runIf(const Stmt &stmt, Frame &frame) {
  Operand condition{eval(*stmt.value, frame), stmt.value->span};
  if (condition.term.isTensor()) {
    report(Diagnostic(Code::ASG0302, "a tensor cannot decide what is compiled")
               .at(condition.span, describeKind(condition.term))
               .help("`where(condition, a, b)` chooses at run time, element by "
                     "element"));
    return;
  }
  auto isTrue = toBool(condition, "the condition of `if`");
  if (!isTrue) {
    frame.isBroken = true;
    return;
  }
  if (*isTrue)
    runBody(stmt.body, frame);
  else if (stmt.hasElse)
    runBody(stmt.orElse, frame);
}

/// for element in list, for index, element in list
void Elaborator::runFor(const Stmt &stmt, Frame &frame) {
  Operand list{eval(*stmt.value, frame), stmt.value->span};
  if (!list.term.is<Term::List>()) {
    wrongKind(list, "what `for` goes through", "a list or a range");
    frame.isBroken = true;
    return;
  }
  if (stmt.names.size() > 2) {
    report(Diagnostic(Code::ASG0308, "`for` has one name, or two for the index "
                                     "and the element")
               .at(stmt.names[2].span, "one too many"));
    return;
  }
  int64_t index = 0;
  for (const Term &element : list.term.asList()) {
    if (stmt.names.size() == 2)
      bindName(stmt.names[0], Term(index++), frame);
    bindName(stmt.names.back(), element, frame);
    runBody(stmt.body, frame);
    if (frame.hasReturned || !spend(stmt.span))
      return;
  }
}

void Elaborator::runRepeat(const Stmt &stmt, Frame &frame) {
  Operand count{eval(*stmt.value, frame), stmt.value->span};
  auto times = toInt(count, "the count of `repeat`");
  if (!times) {
    frame.isBroken = true;
    return;
  }
  if (*times < 0) {
    report(Diagnostic(Code::ASG0311,
                      "cannot repeat " + std::to_string(*times) + " times")
               .at(count.span));
    return;
  }
  std::string outer = frame.scope;
  for (int64_t i = 0; i < *times && spend(stmt.span); ++i) {
    if (!stmt.names.empty())
      bindName(stmt.names[0], Term(i), frame);
    if (stmt.scope) {
      auto name = evalString(*stmt.scope, frame);
      if (!name || !checkPath(*name, stmt.scope->span))
        break;
      frame.scope =
          (outer.empty() ? "" : outer + ".") + *name + "." + std::to_string(i);
    }
    runBody(stmt.body, frame);
    if (frame.hasReturned)
      break;
  }
  frame.scope = outer;
}

void Elaborator::runRequire(const Stmt &stmt, Frame &frame) {
  Operand condition{eval(*stmt.value, frame), stmt.value->span};
  auto isTrue = toBool(condition, "the condition of `require`");
  if (!isTrue) {
    frame.isBroken = true;
    return;
  }
  if (*isTrue)
    return;
  std::string message = ast::formatExpr(*stmt.value) + " does not hold";
  if (stmt.message)
    if (auto text = evalString(*stmt.message, frame))
      message = *text;
  // The caller can mend it, so its call is the place.
  Diagnostic diagnostic(Code::ASG0307, message);
  if (frame.callSpan.isValid())
    diagnostic.at(frame.callSpan, "called here")
        .also(condition.span, "required here");
  else
    diagnostic.at(condition.span, "required here");
  report(std::move(diagnostic));
  // What follows relies on it and would only report consequences.
  frame.results.assign(1, Term::poison());
  frame.hasReturned = true;
}

void Elaborator::runReturn(const Stmt &stmt, Frame &frame) {
  if (frame.item && frame.item->kind == ast::Item::Kind::Optimizer) {
    report(Diagnostic(Code::ASG0008, "an optimizer returns nothing")
               .at(stmt.span)
               .help("it sets its parameter: `" + frame.item->given[0].text +
                     " <- …`"));
    return;
  }
  for (const ast::ExprPtr &value : stmt.values)
    frame.results.push_back(eval(*value, frame));
  // return list: the values of a block that returns several
  bool isTuple = frame.results.size() == 1 &&
                 frame.results[0].is<Term::List>() && frame.item &&
                 frame.item->results.size() > 1;
  if (isTuple) {
    std::vector<Term> values = frame.results[0].asList();
    frame.results = std::move(values);
  }
  frame.resultSpan = stmt.values.size() == 1 ? stmt.values[0]->span : stmt.span;
  frame.hasReturned = true;
}

/// `name <- value` where the name is no state.
void Elaborator::badAssign(const Stmt &stmt, Frame &frame) {
  const ast::Identifier &name = stmt.names[0];
  std::vector<std::string> states;
  for (const auto &[state, variable] : frame.states)
    states.push_back(state);
  Diagnostic diagnostic(Code::ASG0313, "`" + name.text + "` is no state");
  diagnostic.at(name.span, "cannot be set with `<-`");
  if (auto nearest = findNearest(name.text, states))
    diagnostic.fix("did you mean `" + *nearest + "`?", name.span, *nearest);
  else if (frame.names.count(name.text))
    diagnostic.help("a plain value gets a new one with `=`");
  else
    diagnostic.help("declare it: `state " + name.text + ": f32[…] = zeros()`");
  report(std::move(diagnostic));
}

void Elaborator::runAssign(const Stmt &stmt, Frame &frame) {
  const ast::Identifier &name = stmt.names[0];
  Operand value{eval(*stmt.value, frame), stmt.value->span};
  auto state = frame.states.find(name.text);
  if (state == frame.states.end())
    return badAssign(stmt, frame);
  if (value.term.isPoison()) {
    frame.isBroken = true;
    return;
  }
  const Variable &variable = *variablesByName.at(state->second);
  Location loc = locate(stmt.span, frame);
  Type element = variable.type.getElementType();
  Value tensor;
  if (value.term.isNumber()) {
    if (!fits(value, value.term.asNumber(), element))
      return;
    tensor = splat(loc, variable.type, value.term.asNumber());
  } else {
    tensor = toTensor(value, loc, element);
  }
  if (!tensor)
    return;
  if (tensor.getType() != variable.type) {
    Diagnostic diagnostic(Code::ASG0118, "state `" + name.text + "` is " +
                                             describeType(variable.type) +
                                             ", the value " +
                                             describeType(tensor.getType()));
    diagnostic.at(value.span, describeKind(value.term))
        .also(variable.span, "declared here");
    noteOrigin(diagnostic, value);
    auto actual = mlir::cast<RankedTensorType>(tensor.getType());
    std::string text(diagnostics.getSources().getText(value.span));
    if (actual.getShape() == variable.type.getShape())
      diagnostic.fix("convert it", value.span,
                     "cast(" + text + ", " + describeType(element) + ")");
    else if (actual.getRank() > variable.type.getRank())
      diagnostic.help("a reduction such as mean(…, axis = 0) takes axes away");
    report(std::move(diagnostic));
    return;
  }
  frame.names[name.text] = Term(tensor, value.span);
  for (Frame::Assignment &earlier : frame.assignments)
    if (earlier.variable == variable.name) {
      earlier.value = tensor;
      earlier.loc = loc;
      return;
    }
  frame.assignments.push_back({variable.name, tensor, loc});
}

} // namespace asgc
