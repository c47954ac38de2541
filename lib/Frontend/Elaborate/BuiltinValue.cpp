//===- BuiltinValue.cpp - Functions of compile-time values ----------------===//
#include "Elaborator.h"

#include <cmath>

using namespace mlir;

namespace asgc {

namespace {

/// int(x): towards zero.
Term toInteger(Elaborator &e, BuiltinCall &call) {
  if (call[0].isExtent())
    return call[0];
  auto value = e.toDouble(operand(call, 0), "the argument of `int`");
  if (!value)
    return Term::poison();
  constexpr double kLimit = 9.2e18;
  if (!(std::fabs(*value) < kLimit))
    return e.fail(Diagnostic(Code::ASG0305, "the result does not fit 64 bits")
                      .at(call.spans[0], describeValue(call[0])));
  return Term(int64_t(std::trunc(*value)), call.span);
}

Term toFloat(Elaborator &e, BuiltinCall &call) {
  auto value = e.toDouble(operand(call, 0), "the argument of `float`");
  return value ? Term(*value, call.span) : Term::poison();
}

Term length(Elaborator &e, BuiltinCall &call) {
  if (call[0].is<Term::List>())
    return Term(int64_t(call[0].asList().size()), call.span);
  if (call[0].is<std::string>())
    return Term(int64_t(call[0].as<std::string>().size()), call.span);
  return e.wrongKind(operand(call, 0), "the argument of `len`",
                     "a list or a string");
}

/// pair(3) is [3, 3], pair([2, 3]) itself.
Term pair(Elaborator &e, BuiltinCall &call) {
  if (call[0].is<Term::List>() && call[0].asList().size() == 2)
    return call[0];
  if (!call[0].isExtent())
    return e.wrongKind(operand(call, 0), "the argument of `pair`",
                       "an int or a list of two");
  return Term::list({call[0], call[0]});
}

} // namespace

void addValueBuiltins(std::vector<Builtin> &table) {
  table.push_back({"int", {{"x", {}}}, toInteger, false, ""});
  table.push_back({"float", {{"x", {}}}, toFloat, false, ""});
  table.push_back({"pair", {{"x", {}}}, pair, false, ""});
  table.push_back({"len", {{"x", {}}}, length, false, ""});
}

} // namespace asgc
