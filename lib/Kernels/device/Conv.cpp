//===- Conv.cpp - Device code for plan.conv2d, as contractions ------------===//
#include "Contraction.h"
#include "ConvShape.h"
#include "dialects/asg/Asg.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;

//===- What all kinds share -----------------------------------------------===//

ConvShape::ConvShape(plan::Conv2dOp op, const BoundOf &boundOf)
    : op(op), kind(op.getKind()), groups(op.getGroups()) {
  using Kind = plan::ConvKind;
  Value x = kind == Kind::input_grad ? op.getOut() : op.getIn0();
  Value weight = kind == Kind::weight_grad ? op.getOut() : op.getIn1();
  Value y = kind == Kind::forward      ? op.getOut()
            : kind == Kind::input_grad ? op.getIn0()
                                       : op.getIn1();
  element = tensorOf(x).getElementType();
  auto dim = [](Value buffer, int64_t axis) {
    return asg::getDim(tensorOf(buffer), axis);
  };
  n = dim(x, 0), c = dim(x, 1), h = dim(x, 2), w = dim(x, 3);
  o = dim(y, 1), oh = dim(y, 2), ow = dim(y, 3);
  kh = dim(weight, 2), kw = dim(weight, 3);
  isNarrow = llvm::all_of(op->getOperands(), [&](Value buffer) {
    DimExpr count(1);
    for (int64_t axis = 0; axis < tensorOf(buffer).getRank(); ++axis)
      count = count * dim(buffer, axis);
    return boundOf(count).value_or(INT64_MAX) <= INT32_MAX;
  });
}

Value Image::flatten(ArrayRef<Value> at, ArrayRef<DimExpr> extents) const {
  auto number = [&](Value of) { return isNarrow ? of : wide(b, of); };
  Value flat = number(at[0]);
  for (size_t axis = 1; axis < at.size(); ++axis) {
    Value extent = b.extent(extents[axis]);
    flat = b.mulI(flat, isNarrow ? narrow(b, extent) : extent);
    flat = b.addI(flat, number(at[axis]));
  }
  return isNarrow ? wide(b, flat) : flat;
}

Value Image::loadIf(Value condition, ArrayRef<Value> at) const {
  Value place = b.select(condition, offset(at), b.i64(0));
  return b.select(condition, loadFloat(b, pointer, place, element), b.f32(0));
}

ConvImages::ConvImages(const ConvShape &s, DeviceBuilder &b)
    : x{b, {}, {s.n, s.c, s.h, s.w}, s.element, s.isNarrow},
      weight{b, {}, {s.o, s.perGroup(s.c), s.kh, s.kw}, s.element, s.isNarrow},
      y{b, {}, {s.n, s.o, s.oh, s.ow}, s.element, s.isNarrow} {
  using Kind = plan::ConvKind;
  bias = s.op.getBias() ? b.operand(2) : Value();
  Value out = b.operand(s.op.getBias() ? 3 : 2);
  x.pointer = s.kind == Kind::input_grad ? out : b.operand(0);
  weight.pointer = s.kind == Kind::weight_grad ? out : b.operand(1);
  y.pointer = s.kind == Kind::forward      ? out
              : s.kind == Kind::input_grad ? b.operand(0)
                                           : b.operand(1);
}

Values kernels::finishConv(const ConvImages &images, const ConvShape &shape,
                           Value channel, ArrayRef<Value> sums) {
  DeviceBuilder &b = images.y.b;
  Values results(sums);
  if (images.bias) {
    Value bias = loadFloat(b, images.bias, wide(b, channel), shape.element);
    for (Value &result : results)
      result = b.addF(result, bias);
  }
  activate(b, shape.op.getActivation(), results);
  return results;
}

bool kernels::hasPixelRuns(const DimExpr &height, const DimExpr &width) {
  return isMultiple(height * width, 4);
}

void kernels::storePixels(const Image &image, Value channel, Value pixel,
                          ArrayRef<Value> values) {
  DeviceBuilder &b = image.b;
  DimExpr plane = image.dims[2] * image.dims[3];
  Values at = splitIndex(b, pixel, {image.dims[0], plane});
  Value offset = image.flatten({at[0], channel, at[1]},
                               {DimExpr(1), image.dims[1], plane});
  storeFloats(b, image.pointer, offset, image.element, values);
}

Values kernels::splitIndex(KernelBuilder &b, Value number,
                           ArrayRef<DimExpr> extents) {
  Values place = unflatten(b, wide(b, number), extents, INT32_MAX);
  for (Value &at : place)
    at = narrow(b, at);
  return place;
}

Value kernels::inRange(KernelBuilder &b, Value at, const DimExpr &extent) {
  return b.compare(arith::CmpIPredicate::ult, at, narrow(b, b.extent(extent)));
}

std::pair<Value, Value> kernels::outputAt(KernelBuilder &b, Value place,
                                          int64_t stride,
                                          const DimExpr &extent) {
  Value index = b.binary(Binary::DivS, place, b.i32(stride));
  Value isWhole =
      b.compare(arith::CmpIPredicate::eq, b.mulI(index, b.i32(stride)), place);
  return {index, b.andI(isWhole, inRange(b, index, extent))};
}

//===- Scalar code --------------------------------------------------------===//

namespace {

class DeviceConv final : public DeviceKernel {
public:
  using Kind = plan::ConvKind;

  DeviceConv(plan::Conv2dOp op, const BoundOf &boundOf) : shape(op, boundOf) {}
  LogicalResult plan(const DeviceTarget &target, const BoundOf &boundOf);
  LogicalResult emit(int64_t launch, DeviceBuilder &builder) override;

private:
  ConvShape shape;
  Contraction contraction;
};

LogicalResult DeviceConv::plan(const DeviceTarget &target,
                               const BoundOf &boundOf) {
  const ConvShape &s = shape;
  if (!s.element.isF32() && !s.element.isF16() && !s.element.isBF16())
    return s.op.emitOpError() << "convolves " << s.element
                              << ", which the Vulkan backend does not";
  TileGrid &grid = contraction.grid;
  DimExpr c = s.perGroup(s.c), o = s.perGroup(s.o), window = s.kh * s.kw;
  grid.batch = {DimExpr(s.groups)};
  switch (s.kind) {
  case Kind::forward:
    grid.rows = o, grid.columns = s.n * s.oh * s.ow, grid.depth = c * window;
    break;
  case Kind::input_grad:
    grid.rows = c, grid.columns = s.n * s.h * s.w, grid.depth = o * window;
    break;
  case Kind::weight_grad:
    grid.rows = o, grid.columns = c * window, grid.depth = s.n * s.oh * s.ow;
    break;
  }
  if (s.kind != Kind::weight_grad) {
    bool isForward = s.kind == Kind::forward;
    bool isWide = hasPixelRuns(isForward ? s.oh : s.h, isForward ? s.ow : s.w);
    contraction.storeWidth = isWide ? 4 : 1;
  }
  contraction.a.isDepthFast = s.kind != Kind::input_grad;
  contraction.b.isDepthFast = s.kind == Kind::weight_grad;
  contraction.chooseTile(target, boundOf);
  launches = contraction.launches();
  workspaceBytes = grid.workspaceBytes(boundOf);
  return grid.check(s.op, boundOf);
}

LogicalResult DeviceConv::emit(int64_t launch, DeviceBuilder &b) {
  const ConvShape &s = shape;
  DimExpr c = s.perGroup(s.c), o = s.perGroup(s.o);
  ConvImages images(s, b);
  // The row or column of x that output `at` sees through offset `k` of the
  // window.
  auto seen = [&](Value at, Value k, int axis) {
    Value place = b.mulI(at, b.i32(s.op.getStrides()[axis]));
    place = b.addI(place, b.mulI(k, b.i32(s.op.getDilations()[axis])));
    return b.subI(place, b.i32(s.op.getPadLow()[axis]));
  };
  Value oFirst, cFirst; // channels of the group
  contraction.open = [&](ArrayRef<Value> place) {
    Value group = narrow(b, place[0]);
    oFirst = b.mulI(group, narrow(b, b.extent(o)));
    cFirst = b.mulI(group, narrow(b, b.extent(c)));
  };
  auto loadX = [&](Value pixel, Value tap) {
    Values out = splitIndex(b, pixel, {s.n, s.oh, s.ow});
    Values in = splitIndex(b, tap, {c, s.kh, s.kw});
    Value row = seen(out[1], in[1], 0), column = seen(out[2], in[2], 1);
    Value isInside = b.andI(inRange(b, row, s.h), inRange(b, column, s.w));
    return images.x.loadIf(isInside,
                           {out[0], b.addI(cFirst, in[0]), row, column});
  };
  switch (s.kind) {
  case Kind::forward:
    contraction.a.read = [&](Value row, Value depth) {
      Values in = splitIndex(b, depth, {c, s.kh, s.kw});
      return images.weight.load({b.addI(oFirst, row), in[0], in[1], in[2]});
    };
    contraction.b.read = loadX;
    contraction.store = [&](Value row, Value column, ArrayRef<Value> sums) {
      Value channel = b.addI(oFirst, row);
      storePixels(images.y, channel, column,
                  finishConv(images, s, channel, sums));
    };
    break;
  case Kind::input_grad:
    contraction.a.read = [&](Value row, Value depth) {
      Values in = splitIndex(b, depth, {o, s.kh, s.kw});
      return images.weight.load({b.addI(oFirst, in[0]), row, in[1], in[2]});
    };
    contraction.b.read = [&](Value column, Value depth) {
      Values in = splitIndex(b, depth, {o, s.kh, s.kw});
      Values at = splitIndex(b, column, {s.n, s.h, s.w});
      // The output that sees this element through the window's offset, if one
      // does.
      Value isSeen = b.boolean(true);
      Values place;
      for (int axis : {0, 1}) {
        Value far = b.addI(at[1 + axis], b.i32(s.op.getPadLow()[axis]));
        far =
            b.subI(far, b.mulI(in[1 + axis], b.i32(s.op.getDilations()[axis])));
        auto [index, isOne] =
            outputAt(b, far, s.op.getStrides()[axis], axis == 0 ? s.oh : s.ow);
        isSeen = b.andI(isSeen, isOne);
        place.push_back(index);
      }
      return images.y.loadIf(
          isSeen, {at[0], b.addI(oFirst, in[0]), place[0], place[1]});
    };
    contraction.store = [&](Value row, Value column, ArrayRef<Value> sums) {
      storePixels(images.x, b.addI(cFirst, row), column, sums);
    };
    break;
  case Kind::weight_grad:
    contraction.a.read = [&](Value channel, Value pixel) {
      Values out = splitIndex(b, pixel, {s.n, s.oh, s.ow});
      return images.y.load({out[0], b.addI(oFirst, channel), out[1], out[2]});
    };
    contraction.b.read = [&](Value tap, Value pixel) {
      return loadX(pixel, tap);
    };
    contraction.store = [&](Value row, Value column, ArrayRef<Value> sums) {
      Values in = splitIndex(b, column, {c, s.kh, s.kw});
      images.weight.store({b.addI(oFirst, row), in[0], in[1], in[2]}, sums);
    };
    break;
  }
  contraction.emit(launch, b,
                   launches.size() > 1 ? b.operand(s.op->getNumOperands())
                                       : Value());
  return success();
}

} // namespace

std::unique_ptr<DeviceKernel>
kernels::createDeviceConv(plan::Conv2dOp op, const DeviceTarget &target,
                          const BoundOf &boundOf) {
  if (auto kernel = createPointwiseConv(op, target, boundOf))
    return kernel;
  if (auto kernel = createMatrixConv(op, target, boundOf))
    return kernel;
  auto kernel = std::make_unique<DeviceConv>(op, boundOf);
  return failed(kernel->plan(target, boundOf)) ? nullptr : std::move(kernel);
}
