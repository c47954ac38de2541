//===- Conv.cpp - Device code for plan.conv2d, as contractions ------------===//
#include "Contraction.h"
#include "dialects/asg/Asg.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;

// x [n, c, h, w], w [o, c / groups, kh, kw], y [n, o, oh, ow]; each of the
// three is a sum over the other two:
//
//                rows        columns         depth
//   forward      o / g       n, oh, ow       c / g, kh, kw
//   input_grad   c / g       n, h, w         o / g, kh, kw
//   weight_grad  o / g       c / g, kh, kw   n, oh, ow

namespace {

class DeviceConv final : public DeviceKernel {
public:
  using Kind = plan::ConvKind;
  plan::Conv2dOp op;
  Contraction contraction;
  DimExpr n, c, h, w, o, oh, ow, kh, kw;
  int64_t groups = 1;
  Type element;

  LogicalResult plan(const DeviceTarget &target, const BoundOf &boundOf);
  LogicalResult emit(int64_t launch, DeviceBuilder &builder) override;

private:
  DimExpr perGroup(const DimExpr &channels) const {
    return channels.floorDiv(groups);
  }
};

/// A tensor [d0, d1, d2, d3] that is read at i32 coordinates.
struct Image {
  KernelBuilder &b;
  Value pointer;
  std::array<DimExpr, 4> dims;
  Type element;

  Value offset(ArrayRef<Value> at) const {
    Value offset = wide(b, at[0]);
    for (int axis = 1; axis < 4; ++axis)
      offset = b.addI(b.mulI(offset, b.extent(dims[axis])), wide(b, at[axis]));
    return offset;
  }
  Value load(ArrayRef<Value> at) const {
    return loadFloat(b, pointer, offset(at), element);
  }
  /// 0 where the condition is false.
  Value loadIf(Value condition, ArrayRef<Value> at) const {
    Value place = b.select(condition, offset(at), b.i64(0));
    return b.select(condition, loadFloat(b, pointer, place, element), b.f32(0));
  }
  void store(ArrayRef<Value> at, Value value) const {
    storeFloat(b, pointer, offset(at), element, value);
  }
};

LogicalResult DeviceConv::plan(const DeviceTarget &target,
                               const BoundOf &boundOf) {
  Kind kind = op.getKind();
  Value x = kind == Kind::input_grad ? op.getOut() : op.getIn0();
  Value weight = kind == Kind::weight_grad ? op.getOut() : op.getIn1();
  Value y = kind == Kind::forward      ? op.getOut()
            : kind == Kind::input_grad ? op.getIn0()
                                       : op.getIn1();
  element = tensorOf(x).getElementType();
  if (!element.isF32() && !element.isF16() && !element.isBF16())
    return op.emitOpError()
           << "convolves " << element << ", which the Vulkan backend does not";
  auto dim = [](Value buffer, int64_t axis) {
    return asg::getDim(tensorOf(buffer), axis);
  };
  n = dim(x, 0), c = dim(x, 1), h = dim(x, 2), w = dim(x, 3);
  o = dim(y, 1), oh = dim(y, 2), ow = dim(y, 3);
  kh = dim(weight, 2), kw = dim(weight, 3);
  groups = op.getGroups();
  DimExpr window = kh * kw;
  contraction.batch = {DimExpr(groups)};
  switch (kind) {
  case Kind::forward:
    contraction.rows = perGroup(o);
    contraction.columns = n * oh * ow;
    contraction.depth = perGroup(c) * window;
    break;
  case Kind::input_grad:
    contraction.rows = perGroup(c);
    contraction.columns = n * h * w;
    contraction.depth = perGroup(o) * window;
    contraction.isADepthFast = false;
    break;
  case Kind::weight_grad:
    contraction.rows = perGroup(o);
    contraction.columns = perGroup(c) * window;
    contraction.depth = n * oh * ow;
    contraction.isBDepthFast = true;
    break;
  }
  contraction.chooseTile(target, boundOf);
  launches = contraction.launches();
  workspaceBytes = contraction.workspaceBytes(boundOf);
  return contraction.check(op, boundOf);
}

LogicalResult DeviceConv::emit(int64_t launch, DeviceBuilder &b) {
  using arith::CmpIPredicate;
  Kind kind = op.getKind();
  Value bias = op.getBias() ? b.operand(2) : Value();
  Value out = b.operand(op.getBias() ? 3 : 2);
  bool isForward = kind == Kind::forward;
  bool isInputGrad = kind == Kind::input_grad;
  Image x{b, isInputGrad ? out : b.operand(0), {n, c, h, w}, element};
  Image weight{b,
               kind == Kind::weight_grad ? out : b.operand(1),
               {o, perGroup(c), kh, kw},
               element};
  Image y{b,
          isForward     ? out
          : isInputGrad ? b.operand(0)
                        : b.operand(1),
          {n, o, oh, ow},
          element};
  auto split = [&](Value number, ArrayRef<DimExpr> extents) {
    Values place = unflatten(b, wide(b, number), extents, INT32_MAX);
    for (Value &at : place)
      at = narrow(b, at);
    return place;
  };
  auto inRange = [&](Value at, const DimExpr &extent) {
    return b.compare(CmpIPredicate::ult, at, narrow(b, b.extent(extent)));
  };
  // The row or column of x that output `at` sees through offset `k` of the
  // window.
  auto seen = [&](Value at, Value k, int axis) {
    Value place = b.mulI(at, b.i32(op.getStrides()[axis]));
    place = b.addI(place, b.mulI(k, b.i32(op.getDilations()[axis])));
    return b.subI(place, b.i32(op.getPadLow()[axis]));
  };
  Value oFirst, cFirst; // channels of the group
  contraction.open = [&](ArrayRef<Value> place) {
    Value group = narrow(b, place[0]);
    oFirst = b.mulI(group, narrow(b, b.extent(perGroup(o))));
    cFirst = b.mulI(group, narrow(b, b.extent(perGroup(c))));
  };
  auto loadX = [&](Value pixel, Value tap) {
    Values out = split(pixel, {n, oh, ow});
    Values in = split(tap, {perGroup(c), kh, kw});
    Value row = seen(out[1], in[1], 0), column = seen(out[2], in[2], 1);
    Value isInside = b.andI(inRange(row, h), inRange(column, w));
    return x.loadIf(isInside, {out[0], b.addI(cFirst, in[0]), row, column});
  };
  auto loadY = [&](Value channel, Value pixel) {
    Values out = split(pixel, {n, oh, ow});
    return y.load({out[0], b.addI(oFirst, channel), out[1], out[2]});
  };
  switch (kind) {
  case Kind::forward:
    contraction.loadA = [&](Value row, Value depth) {
      Values in = split(depth, {perGroup(c), kh, kw});
      return weight.load({b.addI(oFirst, row), in[0], in[1], in[2]});
    };
    contraction.loadB = [&](Value depth, Value column) {
      return loadX(column, depth);
    };
    contraction.store = [&](Value row, Value column, Value sum) {
      Value channel = b.addI(oFirst, row);
      if (bias)
        sum = b.addF(sum, loadFloat(b, bias, wide(b, channel), element));
      Values at = split(column, {n, oh, ow});
      y.store({at[0], channel, at[1], at[2]},
              activate(b, op.getActivation(), sum));
    };
    break;
  case Kind::input_grad:
    contraction.loadA = [&](Value row, Value depth) {
      Values in = split(depth, {perGroup(o), kh, kw});
      return weight.load({b.addI(oFirst, in[0]), row, in[1], in[2]});
    };
    contraction.loadB = [&](Value depth, Value column) {
      Values in = split(depth, {perGroup(o), kh, kw});
      Values at = split(column, {n, h, w});
      // The output that sees this element through the window's offset, if one
      // does: the distance is a multiple of the stride.
      Value isSeen = b.boolean(true);
      Values place;
      for (int axis : {0, 1}) {
        Value far = b.addI(at[1 + axis], b.i32(op.getPadLow()[axis]));
        far = b.subI(far, b.mulI(in[1 + axis], b.i32(op.getDilations()[axis])));
        Value stride = b.i32(op.getStrides()[axis]);
        Value index = b.binary(Binary::DivS, far, stride);
        Value isWhole =
            b.compare(CmpIPredicate::eq, b.mulI(index, stride), far);
        isSeen = b.andI(isSeen,
                        b.andI(isWhole, inRange(index, axis == 0 ? oh : ow)));
        place.push_back(index);
      }
      return y.loadIf(isSeen,
                      {at[0], b.addI(oFirst, in[0]), place[0], place[1]});
    };
    contraction.store = [&](Value row, Value column, Value sum) {
      Values at = split(column, {n, h, w});
      x.store({at[0], b.addI(cFirst, row), at[1], at[2]}, sum);
    };
    break;
  case Kind::weight_grad:
    contraction.loadA = loadY;
    contraction.loadB = loadX;
    contraction.isADepthFast = true;
    contraction.store = [&](Value row, Value column, Value sum) {
      Values in = split(column, {perGroup(c), kh, kw});
      weight.store({b.addI(oFirst, row), in[0], in[1], in[2]}, sum);
    };
    break;
  }
  contraction.emit(launch, b,
                   launches.size() > 1 ? b.operand(op->getNumOperands())
                                       : Value());
  return success();
}

} // namespace

std::unique_ptr<DeviceKernel>
kernels::createDeviceConv(plan::Conv2dOp op, const DeviceTarget &target,
                          const BoundOf &boundOf) {
  auto kernel = std::make_unique<DeviceConv>();
  kernel->op = op;
  return failed(kernel->plan(target, boundOf)) ? nullptr : std::move(kernel);
}
