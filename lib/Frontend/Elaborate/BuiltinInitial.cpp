//===- BuiltinInitial.cpp - How parameters and states start ---------------===//
#include "Elaborator.h"

#include <cmath>

using namespace mlir;

namespace asgc {

namespace {

using Kind = Initializer::Kind;
using Scale = Initializer::Scale;

/// The numbers given; null if one is none. Reports what is no number.
std::optional<std::vector<double>> readNumbers(Elaborator &e,
                                               BuiltinCall &call) {
  std::vector<double> numbers;
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    if (call[i].isNone()) {
      numbers.push_back(std::nan(""));
      continue;
    }
    auto value = e.toDouble({call[i], call.spans[i]},
                            "`" + call.builtin.parameters[i].name + "`");
    if (!value)
      return std::nullopt;
    if (!std::isfinite(*value)) {
      e.report(Diagnostic(Code::ASG0312, "an initial value must be finite")
                   .at(call.spans[i]));
      return std::nullopt;
    }
    numbers.push_back(*value);
  }
  return numbers;
}

Term made(Elaborator &e, BuiltinCall &call, Initializer init) {
  init.text = std::string(e.diagnostics.getSources().getText(call.span));
  return Term(Term::Init(std::make_shared<const Initializer>(std::move(init))),
              call.span);
}

template <int value> Term constantOf(Elaborator &e, BuiltinCall &call) {
  Initializer init;
  init.constant = value;
  return made(e, call, init);
}

Term constant(Elaborator &e, BuiltinCall &call) {
  if (!readNumbers(e, call))
    return Term::poison();
  Initializer init;
  init.constant = call[0].asNumber();
  return made(e, call, init);
}

/// uniform(low, high), uniform(bound) for [-bound, bound)
Term uniform(Elaborator &e, BuiltinCall &call) {
  auto numbers = readNumbers(e, call);
  if (!numbers)
    return Term::poison();
  Initializer init;
  init.kind = Kind::Uniform;
  bool isSymmetric = std::isnan((*numbers)[1]);
  init.a = isSymmetric ? -(*numbers)[0] : (*numbers)[0];
  init.b = isSymmetric ? (*numbers)[0] : (*numbers)[1];
  return made(e, call, init);
}

std::optional<double> readDeviation(Elaborator &e, BuiltinCall &call,
                                    double value) {
  if (value > 0)
    return value;
  e.report(Diagnostic(Code::ASG0312, "a standard deviation must be positive")
               .at(call.spans[0], describeValue(call[0])));
  return std::nullopt;
}

/// normal(std, mean), trunc_normal(std, mean, low, high)
template <bool isTruncated> Term normal(Elaborator &e, BuiltinCall &call) {
  auto numbers = readNumbers(e, call);
  if (!numbers || !readDeviation(e, call, (*numbers)[0]))
    return Term::poison();
  Initializer init;
  init.kind = isTruncated ? Kind::TruncatedNormal : Kind::Normal;
  init.a = (*numbers)[1];
  init.b = (*numbers)[0];
  if (isTruncated) {
    init.low = (*numbers)[2];
    init.high = (*numbers)[3];
    if (init.low >= init.high)
      return e.fail(Diagnostic(Code::ASG0312, "`low` must be below `high`")
                        .at(call.span));
  }
  return made(e, call, init);
}

/// The family of He and Glorot: the spread is `factor` · gain / √fan, or over
/// the square root of both fans together.
Term scaled(Elaborator &e, BuiltinCall &call, Kind kind, Scale scale,
            double factor, double gain) {
  auto numbers = readNumbers(e, call);
  if (!numbers)
    return Term::poison();
  if (!std::isnan((*numbers)[0]))
    gain = (*numbers)[0];
  Initializer init;
  init.kind = kind;
  init.scale = scale;
  init.b = factor * gain;
  init.a = kind == Kind::Uniform ? -init.b : 0;
  if (numbers->size() > 1 && !std::isnan((*numbers)[1])) {
    init.fan = (*numbers)[1];
    if (init.fan <= 0)
      return e.fail(Diagnostic(Code::ASG0312, "`fan` must be positive")
                        .at(call.spans[1], describeValue(call[1])));
  }
  return made(e, call, init);
}

/// U(−b, b) with b = gain · √(3 / fan_in). The gain of torch.nn's layers is
/// √(1/3), which makes b = 1 / √fan_in.
Term kaimingUniform(Elaborator &e, BuiltinCall &call) {
  return scaled(e, call, Kind::Uniform, Scale::FanIn, std::sqrt(3.0),
                std::sqrt(1.0 / 3.0));
}

Term kaimingNormal(Elaborator &e, BuiltinCall &call) {
  return scaled(e, call, Kind::Normal, Scale::FanIn, 1.0, std::sqrt(2.0));
}

Term xavierUniform(Elaborator &e, BuiltinCall &call) {
  return scaled(e, call, Kind::Uniform, Scale::FanSum, std::sqrt(6.0), 1.0);
}

Term xavierNormal(Elaborator &e, BuiltinCall &call) {
  return scaled(e, call, Kind::Normal, Scale::FanSum, std::sqrt(2.0), 1.0);
}

} // namespace

void addInitialBuiltins(std::vector<Builtin> &table) {
  using Parameters = std::vector<Builtin::Parameter>;
  table.push_back({"zeros", {}, constantOf<0>, false, ""});
  table.push_back({"ones", {}, constantOf<1>, false, ""});
  table.push_back({"constant", {{"value", {}}}, constant, false, ""});
  table.push_back(
      {"uniform", {{"low", {}}, {"high", Term::none()}}, uniform, false, ""});
  Parameters spread = {{"std", Term(1.0)}, {"mean", Term(0.0)}};
  table.push_back({"normal", spread, normal<false>, false, ""});
  spread.push_back({"low", Term(-2.0)});
  spread.push_back({"high", Term(2.0)});
  table.push_back({"trunc_normal", spread, normal<true>, false, ""});
  Parameters fan = {{"gain", Term::none()}, {"fan", Term::none()}};
  Parameters fans = {{"gain", Term::none()}};
  table.push_back({"kaiming_uniform", fan, kaimingUniform, false, ""});
  table.push_back({"kaiming_normal", fan, kaimingNormal, false, ""});
  table.push_back({"xavier_uniform", fans, xavierUniform, false, ""});
  table.push_back({"xavier_normal", fans, xavierNormal, false, ""});
}

} // namespace asgc
