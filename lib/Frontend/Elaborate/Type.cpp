//===- Type.cpp - Types as written, against values ------------------------===//
#include "Elaborator.h"
#include "Signature.h"

#include <algorithm>
#include <map>

using namespace mlir;

namespace asgc {

using ast::DimSpec;
using ast::TypeExpr;

std::optional<Type> Elaborator::findDType(std::string_view name) const {
  OpBuilder b(builder.getContext());
  if (name == "f32")
    return Type(b.getF32Type());
  if (name == "f16")
    return Type(b.getF16Type());
  if (name == "bf16")
    return Type(b.getBF16Type());
  if (name == "f64")
    return Type(b.getF64Type());
  if (name == "i8")
    return Type(b.getI8Type());
  if (name == "i32")
    return Type(b.getI32Type());
  if (name == "i64")
    return Type(b.getI64Type());
  if (name == "bool")
    return Type(b.getI1Type());
  return std::nullopt;
}

static const std::vector<std::string> kTypeNames = {
    "int", "float", "bool", "string", "list", "shape", "dtype", "block",
    "any", "f32",   "f16",  "bf16",   "f64",  "i8",    "i32",   "i64"};

std::optional<std::string> suggestType(const std::string &name) {
  static const std::map<std::string, std::string> aliases = {
      {"float16", "f16"}, {"half", "f16"},     {"bfloat16", "bf16"},
      {"float32", "f32"}, {"float64", "f64"},  {"double", "f64"},
      {"int8", "i8"},     {"int32", "i32"},    {"int64", "i64"},
      {"long", "i64"},    {"integer", "int"},  {"boolean", "bool"},
      {"str", "string"},  {"Tensor", "f32"},   {"tensor", "f32"},
      {"function", "block"}};
  if (auto it = aliases.find(name); it != aliases.end())
    return it->second;
  return findNearest(name, kTypeNames);
}

bool Elaborator::wrongType(const TypeExpr &type, const Operand &value,
                           const std::string &what) {
  if (value.term.isPoison())
    return false;
  if (value.term.is<Hole>()) {
    unknownInput(value);
    return false;
  }
  bool isTensor = value.term.isTensor();
  bool isDType = isTensor && type.kind != TypeExpr::Kind::Like &&
                 findDType(type.name.text);
  Diagnostic diagnostic(isDType ? Code::ASG0104 : Code::ASG0301,
                        what + " must be " + ast::formatType(type) + ", not " +
                            describeKind(value.term));
  diagnostic.at(value.span, describeKind(value.term))
      .also(type.span, "declared here");
  noteOrigin(diagnostic, value);
  bool isScalarType = isDType && type.kind == TypeExpr::Kind::Tensor;
  if (isScalarType)
    diagnostic.fix(
        "convert it", value.span,
        "cast(" + std::string(diagnostics.getSources().getText(value.span)) +
            ", " + type.name.text + ")");
  report(std::move(diagnostic));
  return false;
}

/// int, float, list and the other types of compile-time values.
bool Elaborator::checkNamedType(const TypeExpr &type, Operand &value,
                                const std::string &what) {
  const std::string &name = type.name.text;
  Term &term = value.term;
  auto element = name == "bool" ? std::nullopt : findDType(name);
  if (element)
    return checkScalar(type, *element, value, what);
  bool isFine;
  if (name == "any") {
    isFine = !term.is<Hole>();
  } else if (name == "int") {
    isFine = term.isExtent();
  } else if (name == "float") {
    isFine = term.isNumber();
    if (isFine)
      term.data = term.asDouble();
  } else if (name == "bool") {
    isFine = term.is<bool>();
  } else if (name == "string") {
    isFine = term.is<std::string>();
  } else if (name == "list") {
    isFine = term.is<Term::List>();
  } else if (name == "shape") {
    isFine = term.is<Term::List>() &&
             std::all_of(term.asList().begin(), term.asList().end(),
                         [](const Term &each) { return each.isExtent(); });
  } else if (name == "dtype") {
    isFine = term.is<Type>();
  } else if (name == "block") {
    isFine = term.is<Term::Block>();
  } else {
    Diagnostic diagnostic(Code::ASG0208, "there is no type `" + name + "`");
    diagnostic.at(type.name.span, "unknown type");
    if (auto nearest = suggestType(name))
      diagnostic.fix("did you mean `" + *nearest + "`?", type.name.span,
                     *nearest);
    else
      diagnostic.help("types are int, float, bool, string, list, shape, dtype, "
                      "block, and tensors such as f32[batch, 64]");
    report(std::move(diagnostic));
    return false;
  }
  return isFine || wrongType(type, value, what);
}

/// `lr: f32` takes a number, which stays one, or a scalar tensor.
bool Elaborator::checkScalar(const TypeExpr &type, Type element, Operand &value,
                             const std::string &what) {
  Term &term = value.term;
  if (term.isTensor()) {
    RankedTensorType actual = term.tensorType();
    if (actual.getElementType() != element)
      return wrongType(type, value, what);
    if (actual.getRank() == 0)
      return true;
    Diagnostic diagnostic(Code::ASG0103, what + " must be a scalar, not " +
                                             describeKind(term));
    diagnostic.at(value.span, describeKind(term))
        .also(type.span, "declared here");
    noteOrigin(diagnostic, value);
    report(std::move(diagnostic));
    return false;
  }
  if (!term.isNumber())
    return wrongType(type, value, what);
  if (isa<FloatType>(element))
    term.data = term.asDouble();
  return fits(value, term.asNumber(), element);
}

bool Elaborator::checkType(const TypeExpr &type, Operand &value,
                           const std::string &what, Frame &frame) {
  if (value.term.isPoison())
    return false;
  if (type.isOptional && value.term.isNone())
    return true;
  if (type.kind == TypeExpr::Kind::Named)
    return checkNamedType(type, value, what);
  if (type.kind == TypeExpr::Kind::Like) {
    RankedTensorType wanted = resolveType(type, frame);
    if (!wanted)
      return false;
    if (value.term.isTensor() && value.term.tensorType() == wanted)
      return true;
    return wrongType(type, value, what);
  }
  bool isAny = type.name.text == "any";
  auto element = findDType(type.name.text);
  if (!element && !isAny) {
    Operand none{Term::none(), value.span};
    TypeExpr named;
    named.name = type.name;
    named.span = type.span;
    if (std::find(kTypeNames.begin(), kTypeNames.end(), type.name.text) ==
        kTypeNames.end())
      return checkNamedType(named, none, what);
    report(Diagnostic(Code::ASG0208, "a tensor has no elements of type `" +
                                         type.name.text + "`")
               .at(type.name.span)
               .help("element types are f32, f16, bf16, f64, i8, i32, i64 and "
                     "bool; `any` stands for all of them"));
    return false;
  }
  // A list of numbers is a constant tensor.
  if (value.term.is<Term::List>() && !isAny) {
    Value constant = toTensor(value, locate(value.span, frame), *element);
    if (!constant)
      return false;
    value.term = Term(constant, value.span);
  }
  if (!value.term.isTensor() ||
      (!isAny && value.term.tensorType().getElementType() != *element))
    return wrongType(type, value, what);
  return matchDims(type, value, what, frame);
}

//===----------------------------------------------------------------------===//
// Dims
//===----------------------------------------------------------------------===//

bool Elaborator::matchDims(const TypeExpr &type, const Operand &value,
                           const std::string &what, Frame &frame) {
  auto dims = asg::getDims(value.term.tensorType());
  size_t numNamed = 0, ellipsis = type.dims.size();
  for (size_t i = 0; i < type.dims.size(); ++i) {
    if (!type.dims[i].isEllipsis)
      ++numNamed;
    else
      ellipsis = i;
  }
  bool hasEllipsis = ellipsis < type.dims.size();
  if (numNamed + hasEllipsis < type.dims.size()) {
    report(
        Diagnostic(Code::ASG0103, "`...` stands twice in the type of " + what)
            .at(type.span, "declared here")
            .help("give the other axes names"));
    return false;
  }
  if (hasEllipsis ? dims.size() < numNamed : dims.size() != numNamed) {
    Diagnostic diagnostic(
        Code::ASG0103, what + " must have " + (hasEllipsis ? "at least " : "") +
                           std::to_string(numNamed) +
                           (numNamed == 1 ? " axis" : " axes") + ", not " +
                           std::to_string(dims.size()));
    diagnostic.at(value.span, describeKind(value.term))
        .also(type.span, "declared here");
    noteOrigin(diagnostic, value);
    diagnostic.help(dims.size() < numNamed
                        ? "reshape and unsqueeze add axes"
                        : "flatten joins axes, mean and sum take them away");
    report(std::move(diagnostic));
    return false;
  }
  size_t hidden = dims.size() - numNamed;
  if (hasEllipsis) {
    Dims rest(dims.begin() + ellipsis, dims.begin() + ellipsis + hidden);
    if (!frame.ellipsis) {
      frame.ellipsis = rest;
      frame.ellipsisSpan = value.span;
    } else if (*frame.ellipsis != rest) {
      Diagnostic diagnostic(Code::ASG0102, "`...` of " + what + " must be " +
                                               describeDims(*frame.ellipsis) +
                                               ", not " + describeDims(rest));
      diagnostic.at(value.span, describeKind(value.term));
      if (frame.ellipsisSpan != value.span)
        diagnostic.also(frame.ellipsisSpan,
                        "here `...` is " + describeDims(*frame.ellipsis));
      noteOrigin(diagnostic, value);
      report(std::move(diagnostic));
      return false;
    }
  }
  bool isFine = true;
  size_t axis = 0;
  for (size_t i = 0; i < type.dims.size(); ++i) {
    if (type.dims[i].isEllipsis) {
      axis += hidden;
      continue;
    }
    isFine &=
        matchDim(type, type.dims[i], dims[axis], axis, value, what, frame);
    ++axis;
  }
  return isFine;
}

/// A free name takes the extent; anything else must be equal to it.
bool Elaborator::matchDim(const TypeExpr &type, const DimSpec &spec,
                          const DimExpr &extent, int64_t axis,
                          const Operand &value, const std::string &what,
                          Frame &frame) {
  std::optional<DimExpr> wanted;
  const DimBinding *binding = nullptr;
  if (spec.extent->kind == ast::Expr::Kind::Name) {
    const std::string &name = spec.extent->text;
    if (auto it = frame.dims.find(name); it != frame.dims.end()) {
      wanted = it->second.extent;
      binding = &it->second;
    } else if (auto bound = frame.names.find(name);
               bound != frame.names.end() && bound->second.isExtent()) {
      wanted = bound->second.asExtent();
    } else {
      frame.dims[name] = {extent, value.span,
                          "here `" + name + "` is " + extent.str()};
      wanted = extent;
    }
  } else {
    Term term = eval(*spec.extent, frame);
    wanted = toExtent({term, spec.extent->span}, "an extent");
    if (!wanted)
      return false;
  }
  if (*wanted != extent) {
    std::string spelled = ast::formatExpr(*spec.extent);
    bool isNumber = spelled == wanted->str();
    Diagnostic diagnostic(Code::ASG0102,
                          "axis " + std::to_string(axis) + " of " + what +
                              " must be " + (isNumber ? "" : spelled + " = ") +
                              wanted->str() + ", not " + extent.str());
    diagnostic.at(value.span, describeKind(value.term))
        .also(spec.span, "declared here");
    if (binding && binding->argument != value.span)
      diagnostic.also(binding->argument, binding->text);
    noteOrigin(diagnostic, value);
    bool isResult = !frame.caller && frame.hasReturned && isNumber;
    if (isResult)
      diagnostic.fix("or declare what is returned", spec.span, extent.str());
    else
      diagnostic.help("make both " + wanted->str() + " or both " + extent.str());
    report(std::move(diagnostic));
    return false;
  }
  if (!spec.bound)
    return true;
  auto limit = toInt({eval(*spec.bound, frame), spec.bound->span}, "a bound");
  auto largest = atBound(extent);
  if (!limit)
    return false;
  if (largest && *largest <= *limit)
    return true;
  report(Diagnostic(Code::ASG0102, "axis " + std::to_string(axis) + " of " +
                                       what + " must be at most " +
                                       std::to_string(*limit))
             .at(value.span, describeKind(value.term))
             .also(spec.span, "declared here"));
  return false;
}

RankedTensorType Elaborator::resolveType(const TypeExpr &type, Frame &frame) {
  if (type.kind == TypeExpr::Kind::Like) {
    auto it = frame.names.find(type.name.text);
    if (it != frame.names.end() && it->second.isTensor())
      return it->second.tensorType();
    if (it == frame.names.end() || !it->second.isPoison())
      report(Diagnostic(Code::ASG0201, "`like` needs the name of a tensor")
                 .at(type.name.span));
    return {};
  }
  auto element = findDType(type.name.text);
  if (!element) {
    Diagnostic diagnostic(Code::ASG0208,
                          "`" + type.name.text + "` is no element type");
    diagnostic.at(type.name.span);
    auto nearest = suggestType(type.name.text);
    if (nearest && findDType(*nearest))
      diagnostic.fix("did you mean `" + *nearest + "`?", type.name.span,
                     *nearest);
    else
      diagnostic.help("element types are f32, f16, bf16, f64, i8, i32, i64 and "
                      "bool");
    report(std::move(diagnostic));
    return {};
  }
  Dims dims;
  for (const DimSpec &spec : type.dims) {
    if (spec.isEllipsis) {
      if (!frame.ellipsis) {
        report(
            Diagnostic(Code::ASG0201, "`...` stands for nothing here")
                .at(spec.span)
                .help("an argument of the block must have `...` in its type"));
        return {};
      }
      dims.insert(dims.end(), frame.ellipsis->begin(), frame.ellipsis->end());
      continue;
    }
    auto extent =
        toExtent({eval(*spec.extent, frame), spec.extent->span}, "an extent");
    if (!extent)
      return {};
    dims.push_back(*extent);
  }
  if (!checkShape(dims, type.span))
    return {};
  return tensorType(dims, *element);
}

} // namespace asgc
