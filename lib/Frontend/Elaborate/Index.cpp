//===- Index.cpp - x[…] and x.member --------------------------------------===//
#include "Elaborator.h"

#include <algorithm>
#include <numeric>

using namespace mlir;

namespace asgc {

using ast::Expr;
using ast::Index;

//===----------------------------------------------------------------------===//
// Axes
//===----------------------------------------------------------------------===//

std::optional<int64_t> Elaborator::toAxis(const Operand &axis, int64_t rank,
                                          const std::string &what) {
  auto value = toInt(axis, what);
  if (!value)
    return std::nullopt;
  if (*value >= -rank && *value < rank)
    return *value < 0 ? *value + rank : *value;
  Diagnostic diagnostic(Code::ASG0105, what + " " + std::to_string(*value) +
                                           " does not exist");
  diagnostic.at(axis.span, "the tensor has " + std::to_string(rank) +
                               (rank == 1 ? " axis" : " axes"));
  if (rank > 0)
    diagnostic.help("axes count from 0 to " + std::to_string(rank - 1) +
                    ", or from the end from -1 to -" + std::to_string(rank));
  report(std::move(diagnostic));
  return std::nullopt;
}

std::optional<std::vector<int64_t>> Elaborator::toAxes(const Operand &axes,
                                                       int64_t rank) {
  std::vector<int64_t> result;
  if (axes.term.isNone()) {
    result.resize(rank);
    std::iota(result.begin(), result.end(), 0);
    return result;
  }
  std::vector<Term> elements = {axes.term};
  if (axes.term.is<Term::List>())
    elements = axes.term.asList();
  for (const Term &element : elements) {
    auto axis = toAxis({element, axes.span}, rank);
    if (!axis)
      return std::nullopt;
    result.push_back(*axis);
  }
  std::sort(result.begin(), result.end());
  if (std::adjacent_find(result.begin(), result.end()) != result.end()) {
    report(Diagnostic(Code::ASG0105, "an axis is named twice").at(axes.span));
    return std::nullopt;
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Stretches
//===----------------------------------------------------------------------===//

static Diagnostic outside(Elaborator &e, const DimExpr &place,
                          const DimExpr &extent, int64_t axis, Span span) {
  Diagnostic diagnostic(Code::ASG0106, "index " + place.str() +
                                           " is outside of axis " +
                                           std::to_string(axis));
  diagnostic.at(span, "the axis has extent " + extent.str());
  if (auto size = extent.asConstant(); size && *size > 0)
    diagnostic.help("places are 0 to " + std::to_string(*size - 1) +
                    ", or from the end -1 to -" + std::to_string(*size));
  return diagnostic;
}

/// A place of a slice; a negative one counts from the end.
std::optional<DimExpr>
Elaborator::evalBound(const Expr &expr, const DimExpr &extent, Frame &frame) {
  auto value = toExtent({eval(expr, frame), expr.span}, "an index");
  if (!value)
    return std::nullopt;
  auto constant = value->asConstant();
  return constant && *constant < 0 ? extent + *value : *value;
}

std::optional<Elaborator::Stretch>
Elaborator::evalStretch(const Index &index, const DimExpr &extent, int64_t axis,
                        Frame &frame) {
  Stretch stretch;
  if (index.kind == Index::Kind::At) {
    Operand place{eval(*index.at, frame), index.at->span};
    if (place.term.isTensor() &&
        isa<IntegerType>(place.term.tensorType().getElementType()) &&
        !place.term.tensorType().getElementType().isInteger(1)) {
      Type element = place.term.tensorType().getElementType();
      stretch.places = element.isInteger(8)
                           ? cast(locate(place.span, frame),
                                  place.term.tensor(), builder.getI32Type())
                           : place.term.tensor();
      return stretch;
    }
    auto value = toExtent(place, "an index");
    if (!value)
      return std::nullopt;
    auto constant = value->asConstant();
    stretch.begin = constant && *constant < 0 ? extent + *value : *value;
    stretch.count = DimExpr(1);
    stretch.isDropped = true;
  } else {
    auto begin = index.begin ? evalBound(*index.begin, extent, frame)
                             : std::optional(DimExpr(0));
    auto end = index.end ? evalBound(*index.end, extent, frame)
                         : std::optional(extent);
    auto step = index.step ? toInt({eval(*index.step, frame), index.step->span},
                                   "a step")
                           : std::optional(int64_t(1));
    if (!begin || !end || !step)
      return std::nullopt;
    if (*step < 1 || *step > INT32_MAX) {
      report(Diagnostic(Code::ASG0106,
                        "a step must be positive, not " + std::to_string(*step))
                 .at(index.span)
                 .help("`take(x, [2, 1, 0], axis)` takes places in any order"));
      return std::nullopt;
    }
    stretch.begin = *begin;
    stretch.step = *step;
    stretch.count = (*end - *begin + DimExpr(*step - 1)).floorDiv(*step);
  }
  auto first = atBound(stretch.begin), count = atBound(stretch.count);
  auto last = atBound(stretch.begin +
                      (stretch.count - DimExpr(1)) * DimExpr(stretch.step));
  auto size = atBound(extent);
  bool isInside = first && count && last && size && *first >= 0 &&
                  *count >= 0 && (*count == 0 || *last < *size) &&
                  *first <= *size;
  if (isInside)
    return stretch;
  DimExpr wrong = first && *first >= 0 && last && size && *last >= *size
                      ? stretch.begin + stretch.count * DimExpr(stretch.step) -
                            DimExpr(stretch.isDropped ? 1 : 0)
                      : stretch.begin;
  report(outside(*this, wrong, extent, axis, index.span));
  return std::nullopt;
}

Value Elaborator::iota(Location loc, const DimExpr &count) {
  return asg::IotaOp::create(builder, loc,
                             tensorType({count}, builder.getI64Type()), 0);
}

/// Whether the verifier of asg.slice can prove that the stretch lies inside,
/// for every extent that may come at run time.
static bool isProvablyInside(const Elaborator::Stretch &stretch,
                             const DimExpr &extent) {
  DimExpr last =
      stretch.begin + (stretch.count - DimExpr(1)) * DimExpr(stretch.step);
  bool hasStart =
      stretch.begin.asConstant() || (stretch.begin - extent).asConstant();
  return hasStart && stretch.begin.minimum().value_or(-1) >= 0 &&
         (extent - DimExpr(1) - last).minimum().value_or(-1) >= 0;
}

Value Elaborator::takeStretches(Location loc, Value x,
                                std::vector<Stretch> stretches) {
  auto type = mlir::cast<RankedTensorType>(x.getType());
  Dims dims(type.getRank());
  std::vector<int64_t> starts, strides;
  bool isWhole = true;
  for (size_t axis = 0; axis < stretches.size(); ++axis) {
    Stretch &stretch = stretches[axis];
    DimExpr extent = asg::getDim(type, axis);
    bool isSliced = !stretch.places && isProvablyInside(stretch, extent);
    // What the slice cannot take is taken by its places.
    if (!stretch.places && !isSliced) {
      stretch.places = iota(loc, stretch.count);
      auto placesType = mlir::cast<RankedTensorType>(stretch.places.getType());
      auto repeat = [&](const DimExpr &value) {
        return broadcast(loc, extentTensor(loc, value, builder.getI64Type()),
                         {stretch.count});
      };
      if (stretch.step != 1)
        stretch.places = asg::MulOp::create(
            builder, loc, stretch.places, splat(loc, placesType, stretch.step));
      if (stretch.begin != DimExpr(0))
        stretch.places = asg::AddOp::create(builder, loc, stretch.places,
                                            repeat(stretch.begin));
    }
    dims[axis] = isSliced ? stretch.count : extent;
    auto start = stretch.begin.asConstant();
    starts.push_back(!isSliced ? 0
                     : start   ? *start
                               : *(stretch.begin - extent).asConstant());
    strides.push_back(isSliced ? stretch.step : 1);
    isWhole &= dims[axis] == extent && starts.back() == 0;
  }
  if (!isWhole)
    x = asg::SliceOp::create(builder, loc,
                             tensorType(dims, type.getElementType()), x, starts,
                             strides);
  // Gathers from the last axis on, so that earlier axes keep their numbers.
  Dims result;
  for (size_t axis = stretches.size(); axis-- > 0;) {
    const Stretch &stretch = stretches[axis];
    if (stretch.places) {
      auto places = mlir::cast<RankedTensorType>(stretch.places.getType());
      auto current = asg::getDims(mlir::cast<RankedTensorType>(x.getType()));
      Dims shape(current.begin(), current.begin() + axis);
      for (const DimExpr &dim : asg::getDims(places))
        shape.push_back(dim);
      shape.insert(shape.end(), current.begin() + axis + 1, current.end());
      x = asg::GatherOp::create(builder, loc,
                                tensorType(shape, type.getElementType()), x,
                                stretch.places, axis, 0);
      auto extents = asg::getDims(places);
      if (stretch.isDropped)
        extents.clear();
      result.insert(result.begin(), extents.begin(), extents.end());
    } else if (!stretch.isDropped) {
      result.insert(result.begin(), dims[axis]);
    }
  }
  return reshape(loc, x, result);
}

//===----------------------------------------------------------------------===//
// Expressions
//===----------------------------------------------------------------------===//

Term Elaborator::indexList(const Expr &expr, const Operand &base,
                           Frame &frame) {
  const std::vector<Term> &list = base.term.asList();
  const Index &index = expr.indices[0];
  if (expr.indices.size() != 1 || index.kind == Index::Kind::Ellipsis ||
      index.step)
    return fail(Diagnostic(Code::ASG0106, "a list takes one index or `a:b`")
                    .at(expr.opSpan)
                    .also(base.span, "a list"));
  int64_t size = list.size();
  auto place = [&](const ast::ExprPtr &part,
                   int64_t fallback) -> std::optional<int64_t> {
    if (!part)
      return fallback;
    auto value = toInt({eval(*part, frame), part->span}, "an index");
    if (value && *value < 0)
      value = *value + size;
    return value;
  };
  bool isAt = index.kind == Index::Kind::At;
  auto begin = place(isAt ? index.at : index.begin, 0);
  auto end = isAt ? begin : place(index.end, size);
  if (!begin || !end)
    return Term::poison();
  bool isInside =
      *begin >= 0 && *end >= *begin && (isAt ? *begin < size : *end <= size);
  if (!isInside)
    return fail(Diagnostic(Code::ASG0106, "index is outside of the list")
                    .at(index.span,
                        "the list has " + std::to_string(size) + " elements"));
  if (isAt)
    return list[*begin];
  return Term::list(
      std::vector<Term>(list.begin() + *begin, list.begin() + *end));
}

/// x[:, none]: a new axis of extent 1.
static bool isNewAxis(const Index &index) {
  return index.kind == Index::Kind::At && index.at->kind == Expr::Kind::None;
}

Term Elaborator::evalIndex(const Expr &expr, Frame &frame) {
  Operand base{eval(expr.operand(0), frame), expr.operand(0).span};
  if (base.term.isPoison())
    return Term::poison();
  if (base.term.is<Term::List>())
    return indexList(expr, base, frame);
  if (!base.term.isTensor())
    return wrongKind(base, "what is indexed", "a tensor or a list");
  Value x = base.term.tensor();
  auto dims = asg::getDims(base.term.tensorType());
  size_t rank = dims.size(), given = 0, numTensors = 0;
  std::vector<size_t> newAxes; // places among the axes of x, of x[:, none]
  bool hasEllipsis = false;
  for (const Index &index : expr.indices) {
    bool isEllipsis = index.kind == Index::Kind::Ellipsis;
    if (isEllipsis && hasEllipsis)
      return fail(
          Diagnostic(Code::ASG0103, "`...` stands twice").at(index.span));
    hasEllipsis |= isEllipsis;
    given += !isEllipsis && !isNewAxis(index);
  }
  if (given > rank)
    return fail(Diagnostic(Code::ASG0103, std::to_string(given) +
                                              " indices for a tensor of " +
                                              std::to_string(rank) + " axes")
                    .at(expr.opSpan, std::to_string(given) + " indices")
                    .also(base.span, describeKind(base.term)));
  std::vector<Stretch> stretches;
  auto whole = [&](size_t axis) {
    Stretch stretch;
    stretch.count = dims[axis];
    return stretch;
  };
  for (const Index &index : expr.indices) {
    if (index.kind == Index::Kind::Ellipsis) {
      for (size_t skipped = given; skipped < rank; ++skipped)
        stretches.push_back(whole(stretches.size()));
      continue;
    }
    size_t axis = stretches.size();
    if (isNewAxis(index)) {
      newAxes.push_back(axis);
      continue;
    }
    auto stretch = evalStretch(index, dims[axis], axis, frame);
    if (!stretch)
      return Term::poison();
    numTensors += bool(stretch->places);
    stretches.push_back(*stretch);
  }
  while (stretches.size() < rank)
    stretches.push_back(whole(stretches.size()));
  if (numTensors > 1)
    return fail(Diagnostic(Code::ASG0106, "only one index may be a tensor")
                    .at(expr.opSpan)
                    .help("take one axis at a time: `x[:, j]` of `x[i]`"));
  Dims result;
  size_t nextNew = 0;
  for (size_t axis = 0; axis <= stretches.size(); ++axis) {
    for (; nextNew < newAxes.size() && newAxes[nextNew] == axis; ++nextNew)
      result.push_back(DimExpr(1));
    if (axis == stretches.size())
      break;
    const Stretch &stretch = stretches[axis];
    if (stretch.places)
      for (const DimExpr &dim :
           asg::getDims(mlir::cast<RankedTensorType>(stretch.places.getType())))
        result.push_back(dim);
    else if (!stretch.isDropped)
      result.push_back(stretch.count);
  }
  if (!checkShape(result, expr.opSpan))
    return Term::poison();
  Location loc = locate(expr.opSpan, frame);
  Value taken = takeStretches(loc, x, std::move(stretches));
  return made(reshape(loc, taken, result), expr.span);
}

Term Elaborator::evalMember(const Expr &expr, Frame &frame) {
  Operand base{eval(expr.operand(0), frame), expr.operand(0).span};
  if (base.term.isPoison())
    return Term::poison();
  if (!base.term.isTensor())
    return wrongKind(base, "what has `." + expr.text + "`", "a tensor");
  RankedTensorType type = base.term.tensorType();
  auto dims = asg::getDims(type);
  if (expr.text == "shape")
    return Term::dims({dims.begin(), dims.end()});
  if (expr.text == "rank")
    return Term(type.getRank());
  if (expr.text == "dtype")
    return Term(type.getElementType());
  if (expr.text == "size") {
    auto count = countElements({dims.begin(), dims.end()});
    if (count && isWritable(*count))
      return Term::dim(*count);
    return fail(Diagnostic(Code::ASG0403, "the size has too many terms")
                    .at(expr.opSpan));
  }
  if (expr.text != "T") {
    Diagnostic diagnostic(Code::ASG0211,
                          "a tensor has no member `" + expr.text + "`");
    diagnostic.at(expr.opSpan, "unknown member");
    static const std::vector<std::string> kMembers = {"shape", "rank", "dtype",
                                                      "size", "T"};
    if (auto nearest = findNearest(expr.text, kMembers))
      diagnostic.fix("did you mean `" + *nearest + "`?", expr.opSpan, *nearest);
    else
      diagnostic.help("members are T, shape, rank, dtype and size");
    return fail(std::move(diagnostic));
  }
  if (type.getRank() < 2)
    return fail(Diagnostic(Code::ASG0103, "`.T` needs at least two axes")
                    .at(expr.opSpan)
                    .also(base.span, describeKind(base.term)));
  std::vector<int64_t> perm(type.getRank());
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
  return made(transpose(locate(expr.opSpan, frame), base.term.tensor(), perm),
              expr.span);
}

} // namespace asgc
