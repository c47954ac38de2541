//===- BuiltinLayout.cpp - Functions that arrange elements ----------------===//
#include "Elaborator.h"

#include <algorithm>
#include <numeric>

using namespace mlir;

namespace asgc {

namespace {

/// The tensor that is the first argument, and its dims.
struct Subject {
  Value x;
  RankedTensorType type;
  Dims dims;
  int64_t rank() const { return dims.size(); }
};

std::optional<Subject> readSubject(Elaborator &e, BuiltinCall &call) {
  Value x = e.toTensor(operand(call, 0), call.loc);
  if (!x)
    return std::nullopt;
  auto type = cast<RankedTensorType>(x.getType());
  auto dims = asg::getDims(type);
  return Subject{x, type, {dims.begin(), dims.end()}};
}

Term cannotReshape(Elaborator &e, BuiltinCall &call, const Subject &s,
                   const Dims &dims, const std::string &why) {
  Diagnostic diagnostic(Code::ASG0108, "cannot reshape " +
                                           describeType(s.type) + " to " +
                                           describeDims(dims) + ": " + why);
  diagnostic.at(call.span).also(call.spans[0], describeType(s.type));
  e.noteOrigin(diagnostic, operand(call, 0));
  diagnostic.help("-1 stands for the one extent that makes the counts equal");
  return e.fail(std::move(diagnostic));
}

Term reshape(Elaborator &e, BuiltinCall &call) {
  auto s = readSubject(e, call);
  auto dims = e.toShape(operand(call, 1), "the shape");
  if (!s || !dims)
    return Term::poison();
  if (dims->size() > kMaxRank) {
    e.checkShape(*dims, call.span);
    return Term::poison();
  }
  int64_t open = -1;
  Dims others;
  for (size_t i = 0; i < dims->size(); ++i) {
    if ((*dims)[i] != DimExpr(-1)) {
      others.push_back((*dims)[i]);
      continue;
    }
    if (open >= 0)
      return cannotReshape(e, call, *s, *dims, "two extents are -1");
    open = i;
  }
  auto total = Elaborator::countElements(s->dims);
  auto rest = Elaborator::countElements(others);
  if (!total || !rest)
    return cannotReshape(e, call, *s, *dims, "the shape has too many terms");
  if (open >= 0) {
    std::optional<DimExpr> extent;
    auto divisor = rest->asConstant();
    if (divisor != 0)
      extent = total->divideExactly(*rest);
    if (!extent)
      return cannotReshape(e, call, *s, *dims,
                           rest->str() + " does not divide " + total->str());
    (*dims)[open] = *extent;
  } else if (*total != *rest) {
    return cannotReshape(e, call, *s, *dims,
                         total->str() + " elements are not " + rest->str());
  }
  if (!e.checkShape(*dims, call.span))
    return Term::poison();
  return e.made(e.reshape(call.loc, s->x, *dims), call.span);
}

/// Makes the axes from `begin` on one.
Term flatten(Elaborator &e, BuiltinCall &call) {
  auto s = readSubject(e, call);
  if (!s)
    return Term::poison();
  auto begin = e.toAxis(operand(call, 1), s->rank(), "`begin`");
  if (!begin)
    return Term::poison();
  Dims dims(s->dims.begin(), s->dims.begin() + *begin);
  auto count =
      Elaborator::countElements(Dims(s->dims.begin() + *begin, s->dims.end()));
  if (!count)
    return cannotReshape(e, call, *s, s->dims, "the shape has too many terms");
  dims.push_back(*count);
  if (!e.checkShape(dims, call.span))
    return Term::poison();
  return e.made(e.reshape(call.loc, s->x, dims), call.span);
}

/// Orders the axes anew: axis i of the result is axis axes[i] of x.
Term permuteBy(Elaborator &e, BuiltinCall &call, const Subject &s) {
  auto axes = e.toInts(operand(call, 1), "the axes");
  if (!axes)
    return Term::poison();
  std::vector<int64_t> perm;
  for (int64_t each : *axes) {
    auto axis = e.toAxis({Term(each), call.spans[1]}, s.rank());
    if (!axis)
      return Term::poison();
    perm.push_back(*axis);
  }
  std::vector<int64_t> sorted = perm;
  std::sort(sorted.begin(), sorted.end());
  bool isPermutation =
      std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end() &&
      int64_t(perm.size()) == s.rank();
  if (!isPermutation)
    return e.fail(Diagnostic(Code::ASG0105, "`" + call.builtin.name +
                                                "` needs each axis once, " +
                                                std::to_string(s.rank()) +
                                                " in all")
                      .at(call.spans[1])
                      .also(call.spans[0], describeType(s.type)));
  return e.made(e.transpose(call.loc, s.x, perm), call.span);
}

Term permute(Elaborator &e, BuiltinCall &call) {
  auto s = readSubject(e, call);
  return s ? permuteBy(e, call, *s) : Term::poison();
}

/// transpose(x) swaps the last two axes, transpose(x, a, b) those, and
/// transpose(x, [axes]) orders all of them.
Term transpose(Elaborator &e, BuiltinCall &call) {
  auto s = readSubject(e, call);
  if (!s)
    return Term::poison();
  if (call[1].is<Term::List>())
    return permuteBy(e, call, *s);
  auto first = e.toAxis(operand(call, 1), s->rank());
  auto second = e.toAxis(operand(call, 2), s->rank());
  if (!first || !second)
    return Term::poison();
  std::vector<int64_t> perm(s->rank());
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[*first], perm[*second]);
  return e.made(e.transpose(call.loc, s->x, perm), call.span);
}

Term squeeze(Elaborator &e, BuiltinCall &call) {
  auto s = readSubject(e, call);
  if (!s)
    return Term::poison();
  auto axes = e.toAxes(operand(call, 1), s->rank());
  if (!axes)
    return Term::poison();
  bool isAll = call[1].isNone();
  Dims dims;
  for (int64_t i = 0; i < s->rank(); ++i) {
    bool isNamed = std::binary_search(axes->begin(), axes->end(), i);
    bool isOne = s->dims[i] == DimExpr(1);
    if (!isNamed || (isAll && !isOne))
      dims.push_back(s->dims[i]);
    else if (!isOne)
      return e.fail(Diagnostic(Code::ASG0108, "axis " + std::to_string(i) +
                                                  " has extent " +
                                                  s->dims[i].str() + ", not 1")
                        .at(call.spans[1])
                        .also(call.spans[0], describeType(s->type)));
  }
  return e.made(e.reshape(call.loc, s->x, dims), call.span);
}

Term unsqueeze(Elaborator &e, BuiltinCall &call) {
  auto s = readSubject(e, call);
  if (!s)
    return Term::poison();
  auto axis = e.toAxis(operand(call, 1), s->rank() + 1);
  if (!axis)
    return Term::poison();
  Dims dims = s->dims;
  dims.insert(dims.begin() + *axis, DimExpr(1));
  if (!e.checkShape(dims, call.span))
    return Term::poison();
  return e.made(e.reshape(call.loc, s->x, dims), call.span);
}

Term broadcast(Elaborator &e, BuiltinCall &call) {
  auto s = readSubject(e, call);
  auto dims = e.toShape(operand(call, 1), "the shape");
  if (!s || !dims || !e.checkShape(*dims, call.span))
    return Term::poison();
  size_t offset = dims->size() - s->dims.size();
  bool isFine = dims->size() >= s->dims.size();
  for (size_t i = 0; isFine && i < s->dims.size(); ++i)
    isFine = s->dims[i] == DimExpr(1) || s->dims[i] == (*dims)[offset + i];
  if (!isFine)
    return e.fail(Diagnostic(Code::ASG0101, "cannot repeat " +
                                                describeType(s->type) + " to " +
                                                describeDims(*dims))
                      .at(call.span)
                      .also(call.spans[0], describeType(s->type))
                      .help("only new axes and axes of extent 1 are repeated"));
  return e.made(e.broadcast(call.loc, s->x, *dims), call.span);
}

/// along(v, like, axis): the vector v as axis `axis` of a tensor like `like`.
Term along(Elaborator &e, BuiltinCall &call) {
  auto s = readSubject(e, call);
  if (!s)
    return Term::poison();
  if (!call[1].isTensor())
    return e.wrongKind(operand(call, 1), "`like`", "a tensor");
  auto extents = asg::getDims(call[1].tensorType());
  auto axis = e.toAxis(operand(call, 2), extents.size());
  if (!axis)
    return Term::poison();
  if (s->rank() != 1 || s->dims[0] != extents[*axis])
    return e.fail(
        Diagnostic(Code::ASG0101, describeType(s->type) +
                                      " does not lie along axis " +
                                      std::to_string(*axis) + " of " +
                                      describeType(call[1].tensorType()))
            .at(call.span)
            .also(call.spans[0], describeType(s->type))
            .also(call.spans[1], describeType(call[1].tensorType())));
  Dims dims(extents.size(), DimExpr(1));
  dims[*axis] = extents[*axis];
  return e.made(e.reshape(call.loc, s->x, dims), call.span);
}

/// Tensors of a list with one element type; reports anything else.
std::optional<std::vector<Value>> readTensors(Elaborator &e,
                                              BuiltinCall &call) {
  if (!call[0].is<Term::List>() || call[0].asList().empty()) {
    e.wrongKind(operand(call, 0), "the argument of `" + call.builtin.name + "`",
                "a list of tensors");
    return std::nullopt;
  }
  std::vector<Operand> operands;
  for (const Term &element : call[0].asList()) {
    operands.push_back(
        {element, element.origin.isValid() ? element.origin : call.spans[0]});
    if (!element.isTensor()) {
      e.wrongKind(operands.back(),
                  "an element of what `" + call.builtin.name + "` joins",
                  "a tensor");
      return std::nullopt;
    }
  }
  Type common = e.commonType(operands, call.span, false);
  if (!common)
    return std::nullopt;
  std::vector<Value> values;
  for (const Operand &each : operands)
    values.push_back(e.cast(call.loc, each.term.tensor(), common));
  return values;
}

Term cannotJoin(Elaborator &e, BuiltinCall &call, Value first, Value other) {
  return e.fail(
      Diagnostic(Code::ASG0112, "cannot join " + describeType(first.getType()) +
                                    " and " + describeType(other.getType()))
          .at(call.spans[0])
          .help("all extents must be equal, but that of the axis in "
                "`concat`"));
}

Term joinAlong(Elaborator &e, BuiltinCall &call, std::vector<Value> values,
               int64_t axis) {
  auto first = cast<RankedTensorType>(values[0].getType());
  auto extents = asg::getDims(first);
  Dims dims(extents.begin(), extents.end());
  DimExpr total;
  for (Value value : values) {
    auto type = cast<RankedTensorType>(value.getType());
    if (type.getRank() != first.getRank())
      return cannotJoin(e, call, values[0], value);
    for (int64_t i = 0; i < first.getRank(); ++i)
      if (i != axis && asg::getDim(type, i) != dims[i])
        return cannotJoin(e, call, values[0], value);
    total = total + asg::getDim(type, axis);
  }
  dims[axis] = total;
  if (!e.checkShape(dims, call.span))
    return Term::poison();
  if (values.size() == 1)
    return e.made(values[0], call.span);
  return e.made(asg::ConcatOp::create(
                    e.builder, call.loc,
                    e.tensorType(dims, first.getElementType()), values, axis),
                call.span);
}

Term concat(Elaborator &e, BuiltinCall &call) {
  auto values = readTensors(e, call);
  if (!values)
    return Term::poison();
  int64_t rank = cast<RankedTensorType>((*values)[0].getType()).getRank();
  auto axis = e.toAxis(operand(call, 1), rank);
  return axis ? joinAlong(e, call, std::move(*values), *axis) : Term::poison();
}

Term stack(Elaborator &e, BuiltinCall &call) {
  auto values = readTensors(e, call);
  if (!values)
    return Term::poison();
  int64_t rank = cast<RankedTensorType>((*values)[0].getType()).getRank();
  auto axis = e.toAxis(operand(call, 1), rank + 1);
  if (!axis)
    return Term::poison();
  for (Value &value : *values) {
    auto extents = asg::getDims(cast<RankedTensorType>(value.getType()));
    if (int64_t(extents.size()) != rank)
      return cannotJoin(e, call, (*values)[0], value);
    Dims dims(extents.begin(), extents.end());
    dims.insert(dims.begin() + *axis, DimExpr(1));
    if (!e.checkShape(dims, call.span))
      return Term::poison();
    value = e.reshape(call.loc, value, dims);
  }
  return joinAlong(e, call, std::move(*values), *axis);
}

/// Elements [begin, begin + count) along an axis whose extent is known.
Value slice(Elaborator &e, BuiltinCall &call, const Subject &s, int64_t axis,
            int64_t begin, int64_t count) {
  Dims dims = s.dims;
  dims[axis] = DimExpr(count);
  std::vector<int64_t> starts(s.rank(), 0), strides(s.rank(), 1);
  starts[axis] = begin;
  RankedTensorType type = e.tensorType(dims, s.type.getElementType());
  if (type == s.type)
    return s.x;
  return asg::SliceOp::create(e.builder, call.loc, type, s.x, starts, strides);
}

std::optional<int64_t> staticExtent(Elaborator &e, BuiltinCall &call,
                                    const Subject &s, int64_t axis) {
  return e.toInt({Term::dim(s.dims[axis]), call.spans[0]},
                 "the extent of axis " + std::to_string(axis));
}

Term unstack(Elaborator &e, BuiltinCall &call) {
  auto s = readSubject(e, call);
  if (!s)
    return Term::poison();
  auto axis = e.toAxis(operand(call, 1), s->rank());
  if (!axis)
    return Term::poison();
  auto count = staticExtent(e, call, *s, *axis);
  if (!count)
    return Term::poison();
  Dims dims = s->dims;
  dims.erase(dims.begin() + *axis);
  std::vector<Term> parts;
  for (int64_t i = 0; i < *count; ++i) {
    if (!e.spend(call.span))
      return Term::poison();
    Value part = slice(e, call, *s, *axis, i, 1);
    parts.push_back(e.made(e.reshape(call.loc, part, dims), call.span));
  }
  return Term::list(std::move(parts));
}

/// split(x, 3) into equal parts, split(x, [2, 5]) into parts of these extents.
Term split(Elaborator &e, BuiltinCall &call) {
  auto s = readSubject(e, call);
  if (!s)
    return Term::poison();
  auto axis = e.toAxis(operand(call, 2), s->rank());
  auto sizes = e.toInts(operand(call, 1), "`parts`");
  if (!axis || !sizes)
    return Term::poison();
  auto extent = staticExtent(e, call, *s, *axis);
  if (!extent)
    return Term::poison();
  if (call[1].is<int64_t>()) {
    int64_t count = (*sizes)[0];
    if (count < 1 || *extent % count != 0)
      return e.fail(
          Diagnostic(Code::ASG0108, "extent " + std::to_string(*extent) +
                                        " is not divisible into " +
                                        std::to_string(count) + " parts")
              .at(call.spans[1])
              .also(call.spans[0], describeType(s->type)));
    if (count > (1 << 16))
      return e.fail(
          Diagnostic(Code::ASG0403, "too many parts").at(call.spans[1]));
    sizes->assign(count, *extent / count);
  }
  int64_t total = 0;
  bool isFine = true;
  for (int64_t size : *sizes)
    isFine &= size >= 0 && size <= *extent && (total += size) <= *extent;
  if (!isFine || total != *extent)
    return e.fail(Diagnostic(Code::ASG0108, "the parts do not add up to " +
                                                std::to_string(*extent))
                      .at(call.spans[1])
                      .also(call.spans[0], describeType(s->type)));
  std::vector<Term> parts;
  int64_t begin = 0;
  for (int64_t size : *sizes) {
    if (!e.spend(call.span))
      return Term::poison();
    parts.push_back(e.made(slice(e, call, *s, *axis, begin, size), call.span));
    begin += size;
  }
  return Term::list(std::move(parts));
}

/// pad(x, low, high, value): one entry an axis; fewer are for the last axes.
Term pad(Elaborator &e, BuiltinCall &call) {
  auto s = readSubject(e, call);
  auto low = e.toInts(operand(call, 1), "`low`");
  auto high = call[2].isNone() ? low : e.toInts(operand(call, 2), "`high`");
  auto value = e.toNumber(operand(call, 3), "`value`");
  if (!s || !low || !high || !value ||
      !e.fits(operand(call, 3), *value, s->type.getElementType()))
    return Term::poison();
  constexpr int64_t kMost = int64_t(1) << 53; // the op holds an f64
  if (auto *integer = std::get_if<int64_t>(&*value);
      integer && isa<IntegerType>(s->type.getElementType()) &&
      (*integer > kMost || *integer < -kMost))
    return e.fail(
        Diagnostic(Code::ASG0311, "cannot pad with " + formatNumber(*value))
            .at(call.spans[3], "beyond 2^53")
            .help("pad a mask too, and choose with `where`"));
  Dims dims = s->dims;
  for (auto *amounts : {&*low, &*high}) {
    size_t index = amounts == &*low ? 1 : 2;
    if (amounts->size() > dims.size())
      return e.fail(Diagnostic(Code::ASG0103, "more amounts than axes")
                        .at(call.spans[index])
                        .also(call.spans[0], describeType(s->type)));
    amounts->insert(amounts->begin(), dims.size() - amounts->size(), 0);
    for (size_t i = 0; i < dims.size(); ++i) {
      if ((*amounts)[i] < 0 || (*amounts)[i] > INT32_MAX)
        return e.fail(
            Diagnostic(Code::ASG0311,
                       "cannot pad by " + std::to_string((*amounts)[i]))
                .at(call.spans[index]));
      dims[i] = dims[i] + DimExpr((*amounts)[i]);
    }
  }
  if (!e.checkShape(dims, call.span))
    return Term::poison();
  RankedTensorType type = e.tensorType(dims, s->type.getElementType());
  if (type == s->type)
    return e.made(s->x, call.span);
  std::vector<int64_t> interior(dims.size(), 0);
  return e.made(asg::PadOp::create(e.builder, call.loc, type, s->x, *low, *high,
                                   interior, APFloat(asDouble(*value))),
                call.span);
}

} // namespace

void addLayoutBuiltins(std::vector<Builtin> &table) {
  auto at = [](int64_t axis) { return Term(axis); };
  table.push_back({"reshape", {{"x", {}}, {"shape", {}}}, reshape, true, ""});
  table.push_back(
      {"broadcast", {{"x", {}}, {"shape", {}}}, broadcast, true, ""});
  table.push_back({"permute", {{"x", {}}, {"axes", {}}}, permute, true, ""});
  table.push_back(
      {"flatten", {{"x", {}}, {"begin", at(1)}}, flatten, false, ""});
  table.push_back({"transpose",
                   {{"x", {}}, {"first", at(-2)}, {"second", at(-1)}},
                   transpose,
                   false,
                   ""});
  table.push_back(
      {"squeeze", {{"x", {}}, {"axis", Term::none()}}, squeeze, false, ""});
  table.push_back(
      {"unsqueeze", {{"x", {}}, {"axis", {}}}, unsqueeze, false, ""});
  table.push_back(
      {"along", {{"x", {}}, {"like", {}}, {"axis", {}}}, along, false, ""});
  table.push_back({"concat", {{"xs", {}}, {"axis", at(0)}}, concat, false, ""});
  table.push_back({"stack", {{"xs", {}}, {"axis", at(0)}}, stack, false, ""});
  table.push_back(
      {"unstack", {{"x", {}}, {"axis", at(0)}}, unstack, false, ""});
  table.push_back({"split",
                   {{"x", {}}, {"parts", {}}, {"axis", at(-1)}},
                   split,
                   false,
                   ""});
  table.push_back(
      {"pad",
       {{"x", {}}, {"low", {}}, {"high", Term::none()}, {"value", Term(0.0)}},
       pad,
       false,
       ""});
}

} // namespace asgc
