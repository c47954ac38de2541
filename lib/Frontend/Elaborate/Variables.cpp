//===- Variables.cpp - Parameters, states and constants -------------------===//
#include "Elaborator.h"

#include <algorithm>
#include <array>

using namespace mlir;

namespace asgc {

using ast::Item;
using ast::Stmt;

bool Elaborator::checkPath(const std::string &path, Span span) {
  bool isFine = !path.empty() && path.front() != '.' && path.back() != '.' &&
                path.find("..") == std::string::npos;
  for (char c : path)
    isFine &= (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  if (!isFine)
    report(Diagnostic(Code::ASG0311, "\"" + path + "\" is no instance name")
               .at(span)
               .help("a name has letters, digits, `_` and `-`, and single dots "
                     "between them"));
  return isFine;
}

bool Elaborator::mayDeclare(const Stmt &stmt, const Frame &frame) {
  bool isParam = stmt.kind == Stmt::Kind::Param;
  Item::Kind kind = frame.item->kind;
  bool isAllowed = kind == Item::Kind::Block || kind == Item::Kind::Model ||
                   (!isParam && kind == Item::Kind::Optimizer);
  if (isAllowed)
    return true;
  report(Diagnostic(Code::ASG0008,
                    std::string("no `") + (isParam ? "param" : "state") +
                        "` may stand in " +
                        (kind == Item::Kind::Optimizer ? "an " : "a ") +
                        std::string(ast::spelling(kind)))
             .at(stmt.span, "not allowed here")
             .help(isParam ? "parameters belong to blocks and models"
                           : "states belong to blocks, models and optimizers"));
  return false;
}

void Elaborator::runConst(const Stmt &stmt, Frame &frame) {
  Operand value{eval(*stmt.value, frame), stmt.value->span};
  if (value.term.isPoison()) {
    frame.isBroken = true;
  } else if (stmt.hasType) {
    // const table: f32[3] = [1, 2, 3]
    if (!checkType(stmt.type, value, "constant `" + stmt.names[0].text + "`",
                   frame))
      value.term = Term::poison();
  }
  bindName(stmt.names[0], value.term, frame);
}

/// `= constant(0.5)` names the initializer, whatever else is called so.
Term Elaborator::evalInitial(const ast::Expr &expr, Frame &frame) {
  bool isCall = expr.kind == ast::Expr::Kind::Call &&
                expr.operand(0).kind == ast::Expr::Kind::Name;
  const Builtin *builtin = isCall ? findBuiltin(expr.operand(0).text) : nullptr;
  if (!builtin)
    return eval(expr, frame);
  std::vector<GivenArgument> arguments;
  for (const ast::Argument &argument : expr.arguments) {
    arguments.push_back(
        evalArgument(argument.name, *argument.value, false, frame));
    if (arguments.back().value.isPoison())
      return Term::poison();
  }
  return callBuiltin(*builtin, expr.operand(0).span, expr.span,
                     std::move(arguments), frame);
}

void Elaborator::runDeclaration(const Stmt &stmt, Frame &frame) {
  const ast::Identifier &name = stmt.names[0];
  frame.names[name.text] = Term::poison(); // until all is well
  if (!mayDeclare(stmt, frame))
    return;
  bool isParam = stmt.kind == Stmt::Kind::Param;
  std::string own = name.text;
  if (stmt.scope) { // param w as "weight_l{i}": …
    auto text = evalString(*stmt.scope, frame);
    if (!text || !checkPath(*text, stmt.scope->span))
      return;
    own = *text;
  }
  auto [it, isNew] = frame.declared.try_emplace(
      (frame.scope.empty() ? "" : frame.scope + ".") + own, name.span);
  if (!isNew) {
    Diagnostic diagnostic(Code::ASG0214,
                          "`" + it->first + "` is declared twice");
    diagnostic.at(name.span, "second declaration");
    if (it->second != name.span)
      diagnostic.also(it->second, "first declaration");
    else
      diagnostic.help("in a loop, give each round a path of its own: `repeat n "
                      "as name`, or `" +
                      (isParam ? std::string("param ") : "state ") + name.text +
                      " as \"" + name.text + "{i}\"`");
    report(std::move(diagnostic));
    return;
  }
  RankedTensorType type = resolveType(stmt.type, frame);
  if (!type)
    return;
  if (!type.hasStaticShape()) {
    report(
        Diagnostic(Code::ASG0117, "`" + name.text + "` is " +
                                      describeType(type) +
                                      ": its shape is known only at run time")
            .at(stmt.type.span, "declared here")
            .help("parameters and states need extents known at compile time"));
    return;
  }
  if (isParam && !isa<FloatType>(type.getElementType())) {
    report(
        Diagnostic(Code::ASG0104, "a parameter must have float elements, not " +
                                      describeType(type))
            .at(stmt.type.span)
            .help("a `state` may hold integers"));
    return;
  }
  Term::Init init =
      toInitializer({evalInitial(*stmt.value, frame), stmt.value->span}, type);
  if (!init)
    return;
  Variable variable;
  variable.role = isParam ? Variable::Role::Param
                  : frame.item->kind == Item::Kind::Optimizer
                      ? Variable::Role::Optimizer
                      : Variable::Role::State;
  variable.name = it->first;
  variable.type = type;
  variable.init = init;
  variable.span = name.span;
  if (const std::string *role = frame.item->doc.en.findRole(name.text))
    variable.doc = *role;
  const Variable *declared = declare(std::move(variable));
  if (!declared)
    return;
  frame.names[name.text] = Term(read(declared->name), stmt.type.span);
  if (!isParam)
    frame.states[name.text] = declared->name;
}

const Variable *Elaborator::declare(Variable variable) {
  static constexpr std::array<std::string_view, 6> kReserved = {
      "infer", "init", "train_step", "eval_step", "step", "seed"};
  bool isOwn = variable.role == Variable::Role::Step ||
               variable.role == Variable::Role::Seed;
  if (!isOwn && std::find(kReserved.begin(), kReserved.end(), variable.name) !=
                    kReserved.end()) {
    report(Diagnostic(Code::ASG0214, "`" + variable.name +
                                         "` is a name of the compiled program")
               .at(variable.span)
               .help("choose another name"));
    return nullptr;
  }
  auto it = variablesByName.find(variable.name);
  if (it == variablesByName.end()) {
    variables.push_back(std::make_unique<Variable>(std::move(variable)));
    variablesByName[variables.back()->name] = variables.back().get();
    return variables.back().get();
  }
  const Variable &earlier = *it->second;
  if (earlier.type == variable.type && earlier.role == variable.role)
    return &earlier;
  report(Diagnostic(Code::ASG0214, "`" + variable.name + "` is " +
                                       describeType(variable.type) +
                                       " here and " +
                                       describeType(earlier.type) + " before")
             .at(variable.span, "declared here")
             .also(earlier.span, "and before here")
             .help("a parameter has one shape, in training and in inference"));
  return nullptr;
}

/// Reads stand at the start of the graph, one for each variable, so that all
/// uses share a value: the gradient is taken with respect to it.
Value Elaborator::read(const std::string &name) {
  Value &value = graph->reads[name];
  if (value)
    return value;
  const Variable &variable = *variablesByName.at(name);
  OpBuilder top(builder.getContext());
  if (graph->lastRead)
    top.setInsertionPointAfter(graph->lastRead);
  else
    top.setInsertionPointToStart(graph->block);
  auto op = asg::ReadOp::create(top, locate(variable.span, name), variable.type,
                                name);
  graph->lastRead = op;
  return value = op;
}

void Elaborator::assign(const std::string &variable, Value value,
                        Location loc) {
  asg::AssignOp::create(builder, loc, variable, value);
}

void Elaborator::flushAssignments(Frame &frame) {
  for (const Frame::Assignment &each : frame.assignments)
    assign(each.variable, each.value, each.loc);
}

//===----------------------------------------------------------------------===//
// Initial values
//===----------------------------------------------------------------------===//

/// Fans follow from the shape of weights: [out, in, …].
bool Elaborator::checkFan(const Initializer &init, RankedTensorType type,
                          Span span) {
  if (init.scale == Initializer::Scale::None || init.fan > 0)
    return true;
  if (type.getRank() >= 2 && type.getNumElements() > 0)
    return true;
  report(Diagnostic(Code::ASG0312,
                    "the fan of " + describeType(type) + " is not known")
             .at(span, init.text)
             .help("it is that of a weight with two or more axes; give it as "
                   "`fan = …`, or use uniform(low, high)"));
  return false;
}

Term::Init Elaborator::toInitializer(const Operand &value,
                                     RankedTensorType type) {
  const Term &term = value.term;
  if (term.isPoison())
    return nullptr;
  Initializer init;
  init.text = std::string(diagnostics.getSources().getText(value.span));
  bool isFloat = isa<FloatType>(type.getElementType());
  if (term.is<Term::Init>()) {
    init = *term.as<Term::Init>();
    bool isRandom = init.kind != Initializer::Kind::Constant;
    if (isRandom && !isFloat) {
      report(Diagnostic(Code::ASG0312, init.text + " gives no integers")
                 .at(value.span)
                 .help("use zeros(), ones() or constant(n)"));
      return nullptr;
    }
    if (!isRandom && !fits(value, init.constant, type.getElementType()))
      return nullptr;
    return checkFan(init, type, value.span)
               ? std::make_shared<const Initializer>(init)
               : nullptr;
  }
  if (term.isNumber() || term.is<bool>()) {
    init.constant =
        term.is<bool>() ? int64_t(term.as<bool>()) : term.asNumber();
    if (!fits(value, init.constant, type.getElementType()))
      return nullptr;
    return std::make_shared<const Initializer>(init);
  }
  if (term.is<Term::List>()) {
    // Read the list as a constant, and take its numbers.
    Block scratch;
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToEnd(&scratch);
    Value constant =
        toTensor(value, builder.getUnknownLoc(), type.getElementType());
    if (!constant)
      return nullptr;
    if (constant.getType() != type) {
      report(Diagnostic(Code::ASG0312, "the list is " +
                                           describeType(constant.getType()) +
                                           ", not " + describeType(type))
                 .at(value.span));
      return nullptr;
    }
    init.kind = Initializer::Kind::Values;
    init.values = mlir::cast<DenseElementsAttr>(
        constant.getDefiningOp<asg::ConstantOp>().getValue());
    return std::make_shared<const Initializer>(init);
  }
  Diagnostic diagnostic(Code::ASG0312,
                        "an initial value must be a number, a list of numbers "
                        "or an initializer, not " +
                            describeKind(term));
  diagnostic.at(value.span, describeKind(term));
  if (term.is<Term::Block>())
    diagnostic.fix("call it", value.span,
                   term.as<Term::Block>()->getName() + "()");
  else
    diagnostic.help("such as zeros(), ones(), normal(0.02) or "
                    "kaiming_uniform()");
  report(std::move(diagnostic));
  return nullptr;
}

} // namespace asgc
