//===- BuiltinIndexing.cpp - Elements named by others, and new ones -------===//
#include "Elaborator.h"

#include <algorithm>

using namespace mlir;

namespace asgc {

namespace {

/// Indices as i32 or i64; null after an error.
Value readIndices(Elaborator &e, BuiltinCall &call, size_t i) {
  Operand x = operand(call, i);
  bool isInteger = x.term.is<int64_t>() || x.term.is<Term::List>() ||
                   (x.term.isTensor() &&
                    isa<IntegerType>(x.term.tensorType().getElementType()) &&
                    !x.term.tensorType().getElementType().isInteger(1));
  if (!isInteger) {
    e.wrongKind(x, "an index", "a tensor of integers");
    return {};
  }
  Value value = e.toTensor(
      x, call.loc, x.term.isTensor() ? Type() : Type(e.builder.getI64Type()));
  if (value &&
      cast<RankedTensorType>(value.getType()).getElementType().isInteger(8))
    value = e.cast(call.loc, value, e.builder.getI32Type());
  return value;
}

/// gather: the axes before `axis` go together with the first ones of the index.
/// take: they do not, and the index' axes take the place of `axis`.
template <bool isTogether> Term gather(Elaborator &e, BuiltinCall &call) {
  Operand x = operand(call, 0);
  if (!x.term.isTensor())
    return e.wrongKind(x, "what `" + call.builtin.name + "` reads", "a tensor");
  RankedTensorType type = x.term.tensorType();
  auto axis = e.toAxis(operand(call, 2), type.getRank());
  Value index = readIndices(e, call, 1);
  if (!axis || !index)
    return Term::poison();
  auto indexType = cast<RankedTensorType>(index.getType());
  int64_t together = isTogether ? *axis : 0;
  bool isFine = indexType.getRank() >= together;
  for (int64_t i = 0; isFine && i < together; ++i)
    isFine = asg::getDim(indexType, i) == asg::getDim(type, i);
  if (!isFine) {
    Diagnostic diagnostic(
        Code::ASG0101, "the index does not start with the axes before axis " +
                           std::to_string(*axis) + " of " + describeType(type));
    diagnostic.at(call.spans[1], describeType(indexType))
        .also(x.span, describeType(type));
    e.noteOrigin(diagnostic, x);
    e.noteOrigin(diagnostic, operand(call, 1));
    diagnostic.help("`take(x, index, axis)` reads the same indices everywhere");
    return e.fail(std::move(diagnostic));
  }
  Dims dims;
  for (int64_t i = 0; i < *axis; ++i)
    dims.push_back(asg::getDim(type, i));
  for (int64_t i = together; i < indexType.getRank(); ++i)
    dims.push_back(asg::getDim(indexType, i));
  for (int64_t i = *axis + 1; i < type.getRank(); ++i)
    dims.push_back(asg::getDim(type, i));
  if (!e.checkShape(dims, call.span))
    return Term::poison();
  return e.made(asg::GatherOp::create(e.builder, call.loc,
                                      e.tensorType(dims, type.getElementType()),
                                      x.term.tensor(), index, *axis, together),
                call.span);
}

/// scatter_add(x, index, count): adds the rows of x into `count` rows of zeros.
Term scatterAdd(Elaborator &e, BuiltinCall &call) {
  Operand x = operand(call, 0);
  if (!x.term.isTensor() ||
      !isa<FloatType>(x.term.tensorType().getElementType()))
    return e.wrongKind(x, "what `scatter_add` adds", "a tensor of floats");
  RankedTensorType type = x.term.tensorType();
  Value index = readIndices(e, call, 1);
  auto count = e.toExtent(operand(call, 2), "`count`");
  if (!index || !count)
    return Term::poison();
  auto indexType = cast<RankedTensorType>(index.getType());
  bool isFine = indexType.getRank() <= type.getRank();
  for (int64_t i = 0; isFine && i < indexType.getRank(); ++i)
    isFine = asg::getDim(indexType, i) == asg::getDim(type, i);
  if (!isFine)
    return e.fail(
        Diagnostic(Code::ASG0101, "the index does not have the first axes of " +
                                      describeType(type))
            .at(call.spans[1], describeType(indexType))
            .also(x.span, describeType(type)));
  Dims dims = {*count};
  for (int64_t i = indexType.getRank(); i < type.getRank(); ++i)
    dims.push_back(asg::getDim(type, i));
  auto least = e.atBound(*count);
  if (!least || *least < 1 || !e.checkShape(dims, call.span))
    return least && *least >= 1
               ? Term::poison()
               : e.fail(Diagnostic(Code::ASG0311, "`count` must be positive")
                            .at(call.spans[2]));
  return e.made(
      asg::ScatterAddOp::create(e.builder, call.loc,
                                e.tensorType(dims, type.getElementType()),
                                x.term.tensor(), index, 0, 0),
      call.span);
}

/// one_hot(index, classes): iota over a new last axis, compared.
Term oneHot(Elaborator &e, BuiltinCall &call) {
  Value index = readIndices(e, call, 0);
  auto classes = e.toExtent(operand(call, 1), "`classes`");
  auto element = e.toDType(operand(call, 2), "`dtype`");
  if (!index || !classes || !element)
    return Term::poison();
  auto type = cast<RankedTensorType>(index.getType());
  auto extents = asg::getDims(type);
  Dims dims(extents.begin(), extents.end());
  Dims column = dims;
  column.push_back(DimExpr(1));
  dims.push_back(*classes);
  if (!e.checkShape(dims, call.span))
    return Term::poison();
  RankedTensorType full = e.tensorType(dims, type.getElementType());
  Value numbers =
      asg::IotaOp::create(e.builder, call.loc, full, int64_t(dims.size() - 1));
  Value wanted =
      e.broadcast(call.loc, e.reshape(call.loc, index, column), dims);
  Value isHot = asg::CompareOp::create(
      e.builder, call.loc, asg::withElementType(full, e.builder.getI1Type()),
      asg::Predicate::eq, numbers, wanted);
  return e.made(e.cast(call.loc, isHot, *element), call.span);
}

Term iota(Elaborator &e, BuiltinCall &call) {
  auto count = e.toExtent(operand(call, 0), "`count`");
  auto element = e.toDType(operand(call, 1), "`dtype`");
  if (!count || !element || !e.checkShape({*count}, call.span))
    return Term::poison();
  if (element->isInteger(1))
    return e.wrongKind(operand(call, 1), "`dtype`", "a type of numbers");
  return e.made(asg::IotaOp::create(e.builder, call.loc,
                                    e.tensorType({*count}, *element), 0),
                call.span);
}

Term full(Elaborator &e, BuiltinCall &call) {
  auto dims = e.toShape(operand(call, 0), "the shape");
  auto element = e.toDType(operand(call, 2), "`dtype`");
  auto value = e.toNumber(operand(call, 1), "`value`");
  if (!dims || !element || !value || !e.checkShape(*dims, call.span) ||
      !e.fits(operand(call, 1), *value, *element))
    return Term::poison();
  return e.made(e.splat(call.loc, e.tensorType(*dims, *element), *value),
                call.span);
}

template <int value> Term fullLike(Elaborator &e, BuiltinCall &call) {
  if (!call[0].isTensor())
    return e.wrongKind(operand(call, 0),
                       "the argument of `" + call.builtin.name + "`",
                       "a tensor");
  return e.made(e.splat(call.loc, call[0].tensorType(), value), call.span);
}

template <bool isNormal> Term random(Elaborator &e, BuiltinCall &call) {
  auto dims = e.toShape(operand(call, 0), "the shape");
  if (!dims || !e.checkShape(*dims, call.span))
    return Term::poison();
  RankedTensorType type = e.tensorType(*dims, e.builder.getF32Type());
  constexpr int64_t kMaxDraws = int64_t(1) << 32;
  int64_t count = 1;
  for (const DimExpr &dim : *dims)
    count *= std::max<int64_t>(*e.atBound(dim), 1);
  if (count > kMaxDraws)
    return e.fail(Diagnostic(Code::ASG0113,
                             "more than 2^32 elements cannot be drawn at once")
                      .at(call.span, describeType(type)));
  return e.made(isNormal ? e.randomNormal(call.loc, type)
                         : e.randomUniform(call.loc, type),
                call.span);
}

} // namespace

void addIndexingBuiltins(std::vector<Builtin> &table) {
  using Parameters = std::vector<Builtin::Parameter>;
  Parameters read = {{"x", {}}, {"index", {}}, {"axis", Term(int64_t(0))}};
  // Types have no term without a context; the handlers take `f32` by name.
  table.push_back({"gather", read, gather<true>, false, ""});
  table.push_back({"take", read, gather<false>, false, ""});
  table.push_back({"scatter_add",
                   {{"x", {}}, {"index", {}}, {"count", {}}},
                   scatterAdd,
                   false,
                   ""});
  table.push_back({"one_hot",
                   {{"index", {}}, {"classes", {}}, {"dtype", Term("f32")}},
                   oneHot,
                   false,
                   ""});
  table.push_back(
      {"iota", {{"count", {}}, {"dtype", Term("i64")}}, iota, false, ""});
  table.push_back({"full",
                   {{"shape", {}}, {"value", {}}, {"dtype", Term("f32")}},
                   full,
                   false,
                   ""});
  table.push_back({"zeros_like", {{"x", {}}}, fullLike<0>, false, ""});
  table.push_back({"ones_like", {{"x", {}}}, fullLike<1>, false, ""});
  table.push_back({"random_uniform", {{"shape", {}}}, random<false>, true, ""});
  table.push_back({"random_normal", {{"shape", {}}}, random<true>, true, ""});
}

} // namespace asgc
