//===- BuiltinImage.cpp - Convolutions and windows over images ------------===//
#include "Elaborator.h"

using namespace mlir;

namespace asgc {

namespace {

using Pair = std::vector<int64_t>;

/// A number for both axes, or [height, width]; at least `least`.
std::optional<Pair> readPair(Elaborator &e, BuiltinCall &call, size_t i,
                             int64_t least) {
  std::string what = "`" + call.builtin.parameters[i].name + "`";
  auto values = e.toInts(operand(call, i), what);
  if (!values)
    return std::nullopt;
  if (call[i].is<int64_t>())
    values->push_back((*values)[0]);
  constexpr int64_t kMost = (int64_t(1) << 31) - 1;
  bool isFine = values->size() == 2;
  for (int64_t value : *values)
    isFine &= value >= least && value <= kMost;
  if (isFine)
    return values;
  e.report(
      Diagnostic(Code::ASG0311, what + " must be a number or two, each " +
                                    (least == 0 ? "not negative" : "positive"))
          .at(call.spans[i], describeValue(call[i])));
  return std::nullopt;
}

/// Images [batch, channels, height, width] of floats.
bool readImages(Elaborator &e, BuiltinCall &call, size_t i,
                RankedTensorType &type) {
  Operand x = operand(call, i);
  bool isFloat =
      x.term.isTensor() && isa<FloatType>(x.term.tensorType().getElementType());
  if (!isFloat) {
    e.wrongKind(x, "`" + call.builtin.parameters[i].name + "`",
                "a tensor of floats");
    return false;
  }
  type = x.term.tensorType();
  if (type.getRank() == 4)
    return true;
  Diagnostic diagnostic(Code::ASG0103, "`" + call.builtin.name +
                                           "` needs four axes, not " +
                                           std::to_string(type.getRank()));
  diagnostic.at(x.span, describeType(type));
  e.noteOrigin(diagnostic, x);
  diagnostic.help("images are [batch, channels, height, width]; reshape adds "
                  "an axis");
  e.report(std::move(diagnostic));
  return false;
}

/// Places of a window of `kernel` elements; null (and reported) if there may be
/// none.
std::optional<DimExpr> countPlaces(Elaborator &e, BuiltinCall &call,
                                   const DimExpr &extent, int64_t kernel,
                                   int64_t stride, int64_t padding,
                                   int64_t dilation, const char *axis) {
  int64_t reach;
  bool isHuge = __builtin_mul_overflow(dilation, kernel - 1, &reach);
  DimExpr room =
      extent + DimExpr(2 * padding) - DimExpr(isHuge ? 0 : reach) - DimExpr(1);
  auto largest = e.atBound(room);
  if (!isHuge && largest && *largest >= 0)
    return room.floorDiv(stride) + DimExpr(1);
  e.report(Diagnostic(
               Code::ASG0111,
               "the window of " + std::to_string(kernel) +
                   " is larger than the image: its " + axis + " is " +
                   extent.str() +
                   (padding ? " with padding " + std::to_string(padding) : ""))
               .at(call.span)
               .also(call.spans[0], describeKind(call[0]))
               .help("use a smaller kernel, or more padding"));
  return std::nullopt;
}

std::optional<Dims> windowDims(Elaborator &e, BuiltinCall &call,
                               RankedTensorType type, DimExpr channels,
                               const Pair &kernel, const Pair &stride,
                               const Pair &padding, const Pair &dilation) {
  Dims dims = {asg::getDim(type, 0), channels};
  for (int i = 0; i < 2; ++i) {
    auto places =
        countPlaces(e, call, asg::getDim(type, 2 + i), kernel[i], stride[i],
                    padding[i], dilation[i], i == 0 ? "height" : "width");
    if (!places)
      return std::nullopt;
    dims.push_back(*places);
  }
  if (!e.checkShape(dims, call.span))
    return std::nullopt;
  return dims;
}

Term badGroups(Elaborator &e, BuiltinCall &call, const std::string &why,
               const char *layout = "[out, in / groups, height, width]") {
  return e.fail(Diagnostic(Code::ASG0111, why)
                    .at(call.span)
                    .also(call.spans[0], describeKind(call[0]))
                    .also(call.spans[1], describeKind(call[1]))
                    .help(std::string("weights are ") + layout));
}

/// convolve(x, weight, stride, padding, dilation, groups)
Term convolve(Elaborator &e, BuiltinCall &call) {
  RankedTensorType type, weight;
  if (!readImages(e, call, 0, type) || !readImages(e, call, 1, weight))
    return Term::poison();
  auto stride = readPair(e, call, 2, 1), padding = readPair(e, call, 3, 0);
  auto dilation = readPair(e, call, 4, 1);
  auto groups = e.toInt(operand(call, 5), "`groups`");
  if (!stride || !padding || !dilation || !groups)
    return Term::poison();
  if (!weight.hasStaticShape() || weight.getNumElements() == 0)
    return badGroups(e, call, "weights need extents known at compile time");
  auto channels = asg::getDim(type, 1).asConstant();
  ArrayRef<int64_t> shape = weight.getShape();
  if (*groups < 1 || !channels || shape[0] % *groups != 0 ||
      *channels % *groups != 0 || *channels / *groups != shape[1])
    return badGroups(e, call,
                     "weights " + describeType(weight) + " with " +
                         std::to_string(*groups) +
                         (*groups == 1 ? " group" : " groups") +
                         " do not fit " + describeType(type));
  Value w = e.cast(call.loc, call[1].tensor(), type.getElementType());
  auto dims = windowDims(e, call, type, DimExpr(shape[0]), {shape[2], shape[3]},
                         *stride, *padding, *dilation);
  if (!dims)
    return Term::poison();
  return e.made(
      asg::Conv2dOp::create(
          e.builder, call.loc, e.tensorType(*dims, type.getElementType()),
          call[0].tensor(), w, *stride, *padding, *padding, *dilation, *groups),
      call.span);
}

/// convolve_transposed(x, weight, stride, padding, dilation, groups,
/// output_padding): the convolution whose result x would be, backwards.
Term convolveTransposed(Elaborator &e, BuiltinCall &call) {
  RankedTensorType type, weight;
  if (!readImages(e, call, 0, type) || !readImages(e, call, 1, weight))
    return Term::poison();
  auto stride = readPair(e, call, 2, 1), padding = readPair(e, call, 3, 0);
  auto dilation = readPair(e, call, 4, 1), extra = readPair(e, call, 6, 0);
  auto groups = e.toInt(operand(call, 5), "`groups`");
  if (!stride || !padding || !dilation || !extra || !groups)
    return Term::poison();
  constexpr const char *kLayout = "[in, out / groups, height, width]";
  if (!weight.hasStaticShape() || weight.getNumElements() == 0)
    return badGroups(e, call, "weights need extents known at compile time",
                     kLayout);
  ArrayRef<int64_t> shape = weight.getShape();
  if (*groups < 1 || shape[0] % *groups != 0 ||
      asg::getDim(type, 1) != DimExpr(shape[0]))
    return badGroups(e, call,
                     "weights " + describeType(weight) + " with " +
                         std::to_string(*groups) +
                         (*groups == 1 ? " group" : " groups") +
                         " do not fit " + describeType(type),
                     kLayout);
  Dims dims = {asg::getDim(type, 0), DimExpr(shape[1] * *groups)};
  for (int i = 0; i < 2; ++i) {
    // Any more, and the convolution would have another place to stand.
    if ((*extra)[i] >= (*stride)[i])
      return e.fail(Diagnostic(Code::ASG0311,
                               "`output_padding` must be below the stride")
                        .at(call.spans[6], describeValue(call[6]))
                        .also(call.spans[2], describeValue(call[2])));
    DimExpr places = asg::getDim(type, 2 + i) - DimExpr(1);
    dims.push_back(places * DimExpr((*stride)[i]) -
                   DimExpr(2 * (*padding)[i]) +
                   DimExpr((*dilation)[i] * (shape[2 + i] - 1) + 1) +
                   DimExpr((*extra)[i]));
  }
  if (!e.checkShape(dims, call.span))
    return Term::poison();
  Value w = e.cast(call.loc, call[1].tensor(), type.getElementType());
  return e.made(
      asg::Conv2dInputGradOp::create(
          e.builder, call.loc, e.tensorType(dims, type.getElementType()),
          call[0].tensor(), w, *stride, *padding, *padding, *dilation, *groups),
      call.span);
}

std::optional<Pair> readStride(Elaborator &e, BuiltinCall &call, size_t i,
                               const Pair &kernel) {
  if (call[i].isNone())
    return kernel;
  return readPair(e, call, i, 1);
}

/// Padding of more than half the window would make windows of padding alone.
bool checkPadding(Elaborator &e, BuiltinCall &call, size_t i,
                  const Pair &padding, const Pair &kernel) {
  for (int axis = 0; axis < 2; ++axis)
    if (padding[axis] > kernel[axis] / 2) {
      e.report(
          Diagnostic(Code::ASG0111, "padding may be at most half the kernel")
              .at(call.spans[i], describeValue(call[i]))
              .also(call.spans[1], "kernel " + describeValue(call[1])));
      return false;
    }
  return true;
}

Term windowMax(Elaborator &e, BuiltinCall &call) {
  RankedTensorType type;
  if (!readImages(e, call, 0, type))
    return Term::poison();
  auto kernel = readPair(e, call, 1, 1);
  auto padding = readPair(e, call, 3, 0), dilation = readPair(e, call, 4, 1);
  auto stride = kernel ? readStride(e, call, 2, *kernel) : std::nullopt;
  if (!kernel || !stride || !padding || !dilation ||
      !checkPadding(e, call, 3, *padding, *kernel))
    return Term::poison();
  auto dims = windowDims(e, call, type, asg::getDim(type, 1), *kernel, *stride,
                         *padding, *dilation);
  if (!dims)
    return Term::poison();
  auto op = asg::MaxPool2dOp::create(
      e.builder, call.loc, e.tensorType(*dims, type.getElementType()),
      e.tensorType(*dims, e.builder.getI32Type()), call[0].tensor(), *kernel,
      *stride, *padding, *padding, *dilation);
  return e.made(op.getY(), call.span);
}

Term windowMean(Elaborator &e, BuiltinCall &call) {
  RankedTensorType type;
  if (!readImages(e, call, 0, type))
    return Term::poison();
  auto kernel = readPair(e, call, 1, 1);
  auto padding = readPair(e, call, 3, 0);
  auto stride = kernel ? readStride(e, call, 2, *kernel) : std::nullopt;
  auto countsPadding = e.toBool(operand(call, 4), "`count_padding`");
  if (!kernel || !stride || !padding || !countsPadding ||
      !checkPadding(e, call, 3, *padding, *kernel))
    return Term::poison();
  auto dims = windowDims(e, call, type, asg::getDim(type, 1), *kernel, *stride,
                         *padding, {1, 1});
  if (!dims)
    return Term::poison();
  return e.made(
      asg::AvgPool2dOp::create(e.builder, call.loc,
                               e.tensorType(*dims, type.getElementType()),
                               call[0].tensor(), *kernel, *stride, *padding,
                               *padding, *countsPadding),
      call.span);
}

} // namespace

void addImageBuiltins(std::vector<Builtin> &table) {
  Term zero(int64_t(0)), one(int64_t(1));
  table.push_back({"convolve",
                   {{"x", {}},
                    {"weight", {}},
                    {"stride", one},
                    {"padding", zero},
                    {"dilation", one},
                    {"groups", one}},
                   convolve,
                   false,
                   ""});
  table.push_back({"convolve_transposed",
                   {{"x", {}},
                    {"weight", {}},
                    {"stride", one},
                    {"padding", zero},
                    {"dilation", one},
                    {"groups", one},
                    {"output_padding", zero}},
                   convolveTransposed,
                   false,
                   ""});
  table.push_back({"window_max",
                   {{"x", {}},
                    {"kernel", {}},
                    {"stride", Term::none()},
                    {"padding", zero},
                    {"dilation", one}},
                   windowMax,
                   false,
                   ""});
  table.push_back({"window_mean",
                   {{"x", {}},
                    {"kernel", {}},
                    {"stride", Term::none()},
                    {"padding", zero},
                    {"count_padding", Term(true)}},
                   windowMean,
                   false,
                   ""});
}

} // namespace asgc
