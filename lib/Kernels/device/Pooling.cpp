//===- Pooling.cpp - Device code for 2-D pooling and its gradients --------===//
#include "Contraction.h"
#include "Points.h"
#include "dialects/asg/Asg.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;
using arith::CmpFPredicate;
using arith::CmpIPredicate;

namespace {

/// The planes [n, c] of the whole images and of the pooled ones.
struct Planes {
  DimExpr count, h, w, oh, ow;
  int64_t wholeBound, pooledBound; // of all planes
  Type element;

  Planes(Value whole, Value pooled, const BoundOf &boundOf) {
    auto dim = [](Value buffer, int64_t axis) {
      return asg::getDim(tensorOf(buffer), axis);
    };
    count = dim(whole, 0) * dim(whole, 1);
    h = dim(whole, 2), w = dim(whole, 3);
    oh = dim(pooled, 2), ow = dim(pooled, 3);
    wholeBound = boundOf(count * h * w).value_or(INT64_MAX);
    pooledBound = boundOf(count * oh * ow).value_or(INT64_MAX);
    element = tensorOf(whole).getElementType();
  }
  DimExpr wholePoints() const { return count * h * w; }
  DimExpr pooledPoints() const { return count * oh * ow; }
};

/// The offsets of a window's elements and which of them are in the plane.
struct Window {
  ArrayRef<int64_t> kernel, strides, padLow, dilations;

  template <typename Op>
  explicit Window(Op op)
      : kernel(op.getKernel()), strides(op.getStrides()),
        padLow(op.getPadLow()), dilations(op.getDilations()) {}

  /// Walks over the window of the output (row, column), outputs as i64: `body`
  /// gets whether the element is in the plane, its place in it and the carried
  /// values.
  Values walk(KernelBuilder &b, const Planes &planes, Value row, Value column,
              ValueRange start,
              function_ref<Values(Value, Value, ValueRange)> body) const {
    auto visit = [&](Value i, Value j, ValueRange before) {
      auto place = [&](Value at, Value offset, int axis) {
        Value first = b.mulI(at, b.i64(strides[axis]));
        Value inner = b.mulI(offset, b.i64(dilations[axis]));
        return b.subI(b.addI(first, inner), b.i64(padLow[axis]));
      };
      Value y = place(row, i, 0), x = place(column, j, 1);
      Value isInside =
          b.andI(b.compare(CmpIPredicate::ult, y, b.extent(planes.h)),
                 b.compare(CmpIPredicate::ult, x, b.extent(planes.w)));
      Value at = b.addI(b.mulI(y, b.extent(planes.w)), x);
      return body(isInside, at, before);
    };
    Values carried(start);
    if (kernel[0] * kernel[1] <= kMostUnrolled) {
      for (int64_t i = 0; i < kernel[0]; ++i)
        for (int64_t j = 0; j < kernel[1]; ++j)
          carried = visit(b.i64(i), b.i64(j), carried);
      return carried;
    }
    return b.loop(b.i64(0), b.i64(kernel[0] * kernel[1]), 1, carried,
                  [&](Value tap, ValueRange before) -> Values {
                    Value i = b.binary(Binary::DivU, tap, b.i64(kernel[1]));
                    Value j = b.subI(tap, b.mulI(i, b.i64(kernel[1])));
                    return visit(i, j, before);
                  });
  }

  /// The outputs along an axis whose windows reach over place `at`: the first,
  /// the end, and how many there are at most.
  struct Outputs {
    Value first, end;
    int64_t most;
  };
  Outputs outputsOf(KernelBuilder &b, Value at, int axis,
                    const DimExpr &extent) const {
    int64_t reach = (kernel[axis] - 1) * dilations[axis];
    Value stride = b.i64(strides[axis]);
    Value far = b.addI(at, b.i64(padLow[axis]));
    Value end = b.addI(b.binary(Binary::DivU, far, stride), b.i64(1));
    Value near = b.addI(far, b.i64(strides[axis] - 1 - reach));
    near = b.binary(Binary::MaxS, near, b.i64(0));
    return {b.binary(Binary::DivU, near, stride),
            b.binary(Binary::MinS, end, b.extent(extent)),
            reach / strides[axis] + 1};
  }

  /// Walks over the outputs whose windows reach over (y, x), in their order:
  /// `body` gets whether there is such an output, its row and column.
  Values walkOutputs(
      KernelBuilder &b, const Planes &planes, Value y, Value x,
      ValueRange start,
      function_ref<Values(Value, Value, Value, ValueRange)> body) const {
    Outputs down = outputsOf(b, y, 0, planes.oh);
    Outputs across = outputsOf(b, x, 1, planes.ow);
    int64_t rows = down.most, columns = across.most;
    auto visit = [&](Value i, Value j, ValueRange before) {
      Value row = b.addI(down.first, i), column = b.addI(across.first, j);
      Value isOutput =
          b.andI(b.compare(CmpIPredicate::slt, row, down.end),
                 b.compare(CmpIPredicate::slt, column, across.end));
      return body(isOutput, b.select(isOutput, row, b.i64(0)),
                  b.select(isOutput, column, b.i64(0)), before);
    };
    Values carried(start);
    if (rows * columns <= kMostUnrolled) {
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < columns; ++j)
          carried = visit(b.i64(i), b.i64(j), carried);
      return carried;
    }
    return b.loop(b.i64(0), b.i64(rows * columns), 1, carried,
                  [&](Value number, ValueRange before) {
                    Value i = b.binary(Binary::DivU, number, b.i64(columns));
                    Value j = b.subI(number, b.mulI(i, b.i64(columns)));
                    return visit(i, j, before);
                  });
  }

private:
  static constexpr int64_t kMostUnrolled = 16;
};

//===- Maxima -------------------------------------------------------------===//

std::unique_ptr<DeviceKernel> createMaxPool(plan::MaxPool2dOp op,
                                            const DeviceTarget &target,
                                            const BoundOf &boundOf) {
  Planes planes(op.getX(), op.getY(), boundOf);
  auto body = [=](DeviceBuilder &b, Value number) mutable {
    Window window(op);
    Type type = registerType(planes.element);
    Values at = unflatten(b, number, {planes.count, planes.oh, planes.ow},
                          planes.pooledBound);
    Value plane = b.mulI(at[0], b.extent(planes.h * planes.w));
    // Takes greater values and NaNs over, so the first of equal values stays.
    Value lowest = identity(b, plan::ReduceKind::max, type);
    Values best = window.walk(
        b, planes, at[1], at[2], {lowest, b.i64(-1)},
        [&](Value isInside, Value place, ValueRange before) -> Values {
          Value safe = b.select(isInside, place, b.i64(0));
          Value value =
              loadFloat(b, b.operand(0), b.addI(plane, safe), planes.element);
          Value isBetter;
          if (isa<FloatType>(type)) {
            isBetter = b.compare(CmpFPredicate::OGT, value, before[0]);
            isBetter =
                b.orI(isBetter, b.compare(CmpFPredicate::UNO, value, value));
          } else {
            isBetter = b.compare(CmpIPredicate::sgt, value, before[0]);
          }
          Value isFirst = b.compare(CmpIPredicate::slt, before[1], b.i64(0));
          isBetter = b.andI(isInside, b.orI(isBetter, isFirst));
          return {b.select(isBetter, value, before[0]),
                  b.select(isBetter, place, before[1])};
        });
    storeFloat(b, b.operand(1), number, planes.element, best[0]);
    Value index = narrow(b, best[1]);
    b.store(b.address(b.operand(2), number, 4), index, {}, false);
  };
  return std::make_unique<PointKernel>(target, planes.pooledPoints(), body);
}

/// y[o] = x[indices[o]], each in its plane.
std::unique_ptr<DeviceKernel> createPoolGather(plan::PoolGather2dOp op,
                                               const DeviceTarget &target,
                                               const BoundOf &boundOf) {
  Planes planes(op.getIn(), op.getOut(), boundOf);
  auto body = [=](DeviceBuilder &b, Value number) {
    Value plane = unflatten(b, number, {planes.count, planes.oh * planes.ow},
                            planes.pooledBound)[0];
    Value index =
        b.load(b.address(b.operand(1), number, 4), b.intType(32), false, {});
    // -1 stands for a window that is all padding: nothing was taken. So it is
    // where an index is of no element, as on the CPU.
    Value size = b.extent(planes.h * planes.w);
    index = wide(b, index);
    Value isPlace = b.andI(b.compare(CmpIPredicate::sge, index, b.i64(0)),
                           b.compare(CmpIPredicate::slt, index, size));
    Value safe = b.select(isPlace, index, b.i64(0));
    Value first = b.mulI(plane, size);
    Value value =
        loadFloat(b, b.operand(0), b.addI(first, safe), planes.element);
    Value zero = isa<FloatType>(value.getType())
                     ? b.f32(0)
                     : b.integer(0, value.getType().getIntOrFloatBitWidth());
    storeFloat(b, b.operand(2), number, planes.element,
               b.select(isPlace, value, zero));
  };
  return std::make_unique<PointKernel>(target, planes.pooledPoints(), body);
}

/// The pooling that made `indices` of a plane as large as `whole`, if nothing
/// else writes them.
plan::MaxPool2dOp findPooling(Value indices, Value whole) {
  plan::MaxPool2dOp found;
  for (Operation *user : indices.getUsers()) {
    auto step = dyn_cast<plan::StepInterface>(user);
    if (!step || !llvm::is_contained(step.getWrittenBuffers(), indices))
      continue;
    auto pooling = dyn_cast<plan::MaxPool2dOp>(user);
    if (!pooling || found || pooling.getIndices() != indices ||
        tensorOf(pooling.getX()) != tensorOf(whole))
      return {};
    found = pooling;
  }
  return found;
}

/// dx[place] = Σ dy[o] over the outputs of the plane with indices[o] = place,
/// in their order. An index lies in its output's window, where that is known.
std::unique_ptr<DeviceKernel> createMaxUnpool(plan::MaxUnpool2dOp op,
                                              const DeviceTarget &target,
                                              const BoundOf &boundOf) {
  Planes planes(op.getOut(), op.getIn(), boundOf);
  plan::MaxPool2dOp pooling = findPooling(op.getIndices(), op.getOut());
  auto body = [=](DeviceBuilder &b, Value number) mutable {
    Values at = unflatten(b, number, {planes.count, planes.h, planes.w},
                          planes.wholeBound);
    Value first = b.mulI(at[0], b.extent(planes.oh * planes.ow));
    Value place = narrow(b, b.addI(b.mulI(at[1], b.extent(planes.w)), at[2]));
    Value zero =
        identity(b, plan::ReduceKind::add, registerType(planes.element));
    auto add = [&](Value isOutput, Value output, ValueRange before) -> Values {
      Value o = b.addI(first, output);
      Value index =
          b.load(b.address(b.operand(1), o, 4), b.intType(32), false, {});
      Value isHere = b.compare(CmpIPredicate::eq, index, place);
      if (isOutput)
        isHere = b.andI(isOutput, isHere);
      Value dy = loadFloat(b, b.operand(0), o, planes.element);
      return {combine(b, plan::ReduceKind::add, before[0],
                      b.select(isHere, dy, zero))};
    };
    Values sum;
    if (pooling)
      sum = Window(pooling).walkOutputs(
          b, planes, at[1], at[2], {zero},
          [&](Value isOutput, Value row, Value column, ValueRange before) {
            Value output = b.addI(b.mulI(row, b.extent(planes.ow)), column);
            return add(isOutput, output, before);
          });
    else
      sum = b.loop(b.i64(0), b.extent(planes.oh * planes.ow), 1, {zero},
                   [&](Value output, ValueRange before) {
                     return add({}, output, before);
                   });
    storeFloat(b, b.operand(2), number, planes.element, sum[0]);
  };
  return std::make_unique<PointKernel>(target, planes.wholePoints(), body);
}

//===- Averages -----------------------------------------------------------===//

/// What the sum over the window of the output (row, column) is divided by.
Value divisor(KernelBuilder &b, plan::AvgPool2dOp op, const Planes &planes,
              Value row, Value column) {
  Window window(op);
  if (op.getCountIncludePad())
    return b.f32(static_cast<double>(window.kernel[0] * window.kernel[1]));
  // Taps 0 ≤ i < kernel with 0 ≤ start + i · dilation < extent.
  auto count = [&](Value at, int axis, const DimExpr &extent) {
    Value start = b.subI(b.mulI(at, b.i64(window.strides[axis])),
                         b.i64(window.padLow[axis]));
    auto tapsBefore = [&](Value place) {
      Value steps =
          b.addI(b.subI(place, start), b.i64(window.dilations[axis] - 1));
      steps = b.binary(Binary::MaxS, steps, b.i64(0));
      steps = b.binary(Binary::DivU, steps, b.i64(window.dilations[axis]));
      return b.binary(Binary::MinS, steps, b.i64(window.kernel[axis]));
    };
    return b.subI(tapsBefore(b.extent(extent)), tapsBefore(b.i64(0)));
  };
  Value taps = b.mulI(count(row, 0, planes.h), count(column, 1, planes.w));
  return b.cast(Cast::IntToFloatS, taps, b.f32Type());
}

/// sum / count, and 0 where the window is all padding.
Value average(KernelBuilder &b, Value sum, Value count) {
  Value isSome = b.compare(CmpFPredicate::OGT, count, b.f32(0));
  return b.select(isSome, b.divF(sum, b.select(isSome, count, b.f32(1))),
                  b.f32(0));
}

std::unique_ptr<DeviceKernel> createAvgPool(plan::AvgPool2dOp op,
                                            const DeviceTarget &target,
                                            const BoundOf &boundOf) {
  Planes planes(op.getIn(), op.getOut(), boundOf);
  auto body = [=](DeviceBuilder &b, Value number) mutable {
    Values at = unflatten(b, number, {planes.count, planes.oh, planes.ow},
                          planes.pooledBound);
    Value plane = b.mulI(at[0], b.extent(planes.h * planes.w));
    Value sum = Window(op).walk(
        b, planes, at[1], at[2], {b.f32(0)},
        [&](Value isInside, Value place, ValueRange before) -> Values {
          Value safe = b.select(isInside, place, b.i64(0));
          Value value =
              loadFloat(b, b.operand(0), b.addI(plane, safe), planes.element);
          return {b.addF(before[0], b.select(isInside, value, b.f32(0)))};
        })[0];
    Value count = divisor(b, op, planes, at[1], at[2]);
    storeFloat(b, b.operand(1), number, planes.element, average(b, sum, count));
  };
  return std::make_unique<PointKernel>(target, planes.pooledPoints(), body);
}

/// dx = Σ dy / count over the windows that an element is in.
std::unique_ptr<DeviceKernel> createAvgPoolGrad(plan::AvgPool2dOp op,
                                                const DeviceTarget &target,
                                                const BoundOf &boundOf) {
  Planes planes(op.getOut(), op.getIn(), boundOf);
  auto body = [=](DeviceBuilder &b, Value number) mutable {
    Window window(op);
    Values at = unflatten(b, number, {planes.count, planes.h, planes.w},
                          planes.wholeBound);
    Value first = b.mulI(at[0], b.extent(planes.oh * planes.ow));
    auto add = [&](Value isSeen, Value row, Value column,
                   ValueRange before) -> Values {
      // Windows with dilation step over elements.
      for (int axis : {0, 1}) {
        if (window.dilations[axis] == 1)
          continue;
        Value offset = b.addI(at[1 + axis], b.i64(window.padLow[axis]));
        offset = b.subI(offset, b.mulI(axis == 0 ? row : column,
                                       b.i64(window.strides[axis])));
        Value step = b.i64(window.dilations[axis]);
        Value taps = b.binary(Binary::DivS, offset, step);
        isSeen = b.andI(
            isSeen, b.compare(CmpIPredicate::eq, b.mulI(taps, step), offset));
      }
      Value o = b.addI(first, b.addI(b.mulI(row, b.extent(planes.ow)), column));
      Value dy = loadFloat(b, b.operand(0), o, planes.element);
      Value share = average(b, dy, divisor(b, op, planes, row, column));
      return {b.addF(before[0], b.select(isSeen, share, b.f32(0)))};
    };
    Value sum = window.walkOutputs(b, planes, at[1], at[2], {b.f32(0)}, add)[0];
    storeFloat(b, b.operand(1), number, planes.element, sum);
  };
  return std::make_unique<PointKernel>(target, planes.wholePoints(), body);
}

} // namespace

std::unique_ptr<DeviceKernel>
kernels::createDevicePooling(Operation *step, const DeviceTarget &target,
                             const BoundOf &boundOf) {
  using Result = std::unique_ptr<DeviceKernel>;
  return TypeSwitch<Operation *, Result>(step)
      .Case([&](plan::MaxPool2dOp op) {
        return createMaxPool(op, target, boundOf);
      })
      .Case([&](plan::PoolGather2dOp op) {
        return createPoolGather(op, target, boundOf);
      })
      .Case([&](plan::MaxUnpool2dOp op) {
        return createMaxUnpool(op, target, boundOf);
      })
      .Case([&](plan::AvgPool2dOp op) -> Result {
        Type element = tensorOf(op.getIn()).getElementType();
        if (!isa<FloatType>(element)) {
          op.emitOpError() << "averages " << element
                           << ", which the Vulkan backend does not";
          return nullptr;
        }
        return op.getBackward() ? createAvgPoolGrad(op, target, boundOf)
                                : createAvgPool(op, target, boundOf);
      })
      .Default([](Operation *) { return nullptr; });
}
