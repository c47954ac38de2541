//===- MatrixConv.cpp - Convolutions by matrix units ----------------------===//
#include "Contraction.h"
#include "ConvShape.h"
#include "MatrixContraction.h"
#include "PackFactor.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;
using arith::CmpIPredicate;

// The unit wants neighbours of a factor in 16 bytes, so a first launch packs
// the images with channels last and a frame of zeros as wide as the window
// reaches: then what a tap of the window sees lies at a fixed distance, and
// nothing is outside. A tap is a place (ky, kx) of the window.
//
//                a [row, depth]           b [column, depth]
//   forward      w [o, (tap, c)]          x [(n, oh, ow), (tap, c)]
//   input_grad   w [c, (tap, o)]          y [(n, h, w), (tap, o)]
//   weight_grad  y [o, (n, oh, ow)]       x [(tap, c), (n, oh, ow)]
//
// If the stride is not 1 an input is seen through each stride-th tap only, and
// through which depends on its place from one output to the next. So the inputs
// of each such phase are a product of their own, with those taps. For
// weight_grad with a stride of 1 y lies on x's grid, with zeros where x's frame
// goes beyond it: then all places are linear in the depth, for which a few more
// products are no price.

namespace {

class MatrixConv final : public DeviceKernel {
public:
  using Kind = plan::ConvKind;
  using Split = PackedFactor::Split;

  MatrixConv(plan::Conv2dOp op, const BoundOf &boundOf) : shape(op, boundOf) {}
  bool plan(const DeviceTarget &target, const BoundOf &boundOf);
  LogicalResult emit(int64_t launch, DeviceBuilder &builder) override;

private:
  /// Channels of the packed image as stored, low parts included.
  DimExpr imageChannels() const { return packs.factors[1].pitch(); }
  /// Of the window, or the most through which an input is seen.
  DimExpr taps(int64_t axis) const {
    DimExpr extent = axis == 0 ? shape.kh : shape.kw;
    return shape.kind == Kind::input_grad ? blocksOf(extent, stride(axis))
                                          : extent;
  }
  DimExpr taps() const { return taps(0) * taps(1); }
  int64_t stride(int64_t axis) const { return shape.op.getStrides()[axis]; }
  DimExpr reach(int64_t axis) const { // of the taps, less one
    return (taps(axis) - DimExpr(1)) * DimExpr(shape.op.getDilations()[axis]);
  }
  /// Of input_grad. Input first + stride * j is seen by output base + j - t
  /// through offset rest + stride * t of the window, where t < taps.
  struct Phase {
    Value number; ///< i64; null if there is one
    std::array<Value, 2> first, base, rest, taps;
  };
  Values splitTap(DeviceBuilder &builder, const Phase &phase, Value depth,
                  const DimExpr &channels) const;
  Phase phaseAt(DeviceBuilder &builder, ArrayRef<Value> batch) const;
  int64_t phases() const { return stride(0) * stride(1); }
  /// Of the first phase.
  int64_t leastBase(int64_t axis) const {
    return shape.op.getPadLow()[axis] / stride(axis);
  }
  /// What the columns of a window's product are places of.
  DimExpr outHeight() const {
    return shape.kind == Kind::forward ? shape.oh
                                       : blocksOf(shape.h, stride(0));
  }
  DimExpr outWidth() const {
    return shape.kind == Kind::forward ? shape.ow
                                       : blocksOf(shape.w, stride(1));
  }
  void frameX();
  void planWindow();
  bool planWeightGrad();
  void readWindow(DeviceBuilder &builder);
  void readWeightGrad(DeviceBuilder &builder);
  PackedFactor imageOfX(Split split) const;
  Value readX(const ConvImages &images, Value n, Value line, Value channel,
              DeviceBuilder &builder) const;
  Value imageOffset(DeviceBuilder &b, Value n, Value row, Value column) const;
  void placeWindow(DeviceBuilder &builder, Value workspace);
  void placeWeightGrad(DeviceBuilder &builder, Value workspace);
  void setStore(DeviceBuilder &builder);

  ConvShape shape;
  MatrixContraction contraction;
  PackLaunch packs; // a, b
  DimExpr imageHeight, imageWidth;
  bool isOnGrid = false; ///< y is
  bool isPadded = false; ///< an image of zeros follows those of x
  Phase phase;           ///< while a product is emitted
};

bool MatrixConv::plan(const DeviceTarget &target, const BoundOf &boundOf) {
  if (!target.unit || shape.groups != 1)
    return false;
  contraction.isSplit = shape.element.isF32() && target.splitsF32;
  if (!contraction.isSplit && !shape.element.isF16() && !shape.element.isBF16())
    return false;
  contraction.element = contraction.isSplit
                            ? BFloat16Type::get(shape.op.getContext())
                            : shape.element;
  for (auto *factor : {&contraction.a, &contraction.b}) {
    factor->stored = contraction.element;
    factor->run = kPacked;
  }
  bool isWindow = shape.kind != Kind::weight_grad;
  if (shape.kind == Kind::input_grad &&
      llvm::any_of(ArrayRef<int64_t>{0, 1}, [&](int64_t axis) {
        return stride(axis) != 1 && shape.op.getDilations()[axis] != 1;
      }))
    return false; // taps of a phase are no neighbours
  if (isWindow)
    planWindow();
  else if (!planWeightGrad())
    return false;
  if (!packs.place(boundOf) || !contraction.chooseTile(target, boundOf))
    return false;
  // Channels of a tap may share a slice with those of the next one.
  contraction.b.isLinear =
      isWindow ? isMultiple(imageChannels(), contraction.tile.depth) : isOnGrid;
  launches = contraction.launches();
  launches.insert(launches.begin(), packs.launch());
  mainLaunch = 1;
  workspaceBytes = packs.bytes + contraction.grid.workspaceBytes(boundOf);
  return succeeded(contraction.grid.check(shape.op, boundOf));
}

PackedFactor MatrixConv::imageOfX(Split split) const {
  PackedFactor image;
  image.batch = {shape.n};
  image.lines = imageHeight * imageWidth;
  image.fast = roundUp(shape.c, split == Split::fast ? kSplitDepth : kPacked);
  image.element = contraction.element;
  image.split = split;
  image.isTransposed = true;
  return image;
}

/// The part of x and its frame that the windows reach.
void MatrixConv::frameX() {
  auto extent = [&](const DimExpr &out, int64_t axis) {
    return (out - DimExpr(1)) * DimExpr(shape.op.getStrides()[axis]) +
           reach(axis) + DimExpr(1);
  };
  imageHeight = extent(shape.oh, 0), imageWidth = extent(shape.ow, 1);
}

/// forward and input_grad: a window over an image.
void MatrixConv::planWindow() {
  bool isForward = shape.kind == Kind::forward;
  bool isSplit = contraction.isSplit;
  PackedFactor image = imageOfX(isSplit ? Split::fast : Split::none);
  if (isForward) {
    frameX();
  } else {
    auto extent = [&](const DimExpr &in, int64_t axis) {
      int64_t last = stride(axis) - 1 + shape.op.getPadLow()[axis];
      return blocksOf(in, stride(axis)) + reach(axis) +
             DimExpr(last / stride(axis) - leastBase(axis));
    };
    imageHeight = extent(shape.h, 0), imageWidth = extent(shape.w, 1);
    image.fast = roundUp(shape.o, isSplit ? kSplitDepth : kPacked);
  }
  image.lines = imageHeight * imageWidth;

  TileGrid &grid = contraction.grid;
  grid.rows = isForward ? shape.o : shape.c;
  grid.columns = shape.n * outHeight() * outWidth();
  grid.depth = taps() * image.pitch();
  PackedFactor weight;
  if (!isForward && phases() > 1)
    grid.batch = weight.batch = {DimExpr(phases())};
  weight.lines = taps() * image.fast;
  weight.fast = roundUp(grid.rows, kPacked);
  weight.element = contraction.element;
  weight.split = isSplit ? Split::lines : Split::none;
  weight.isTransposed = isForward;
  packs.factors = {weight, image};
  contraction.a.extent = weight.fast;
  contraction.b.extent = grid.columns;
  contraction.b.isDepthFast = true;
  bool isWide =
      (isForward || phases() == 1) && hasPixelRuns(outHeight(), outWidth());
  contraction.storeWidth = isWide ? 4 : 1;
}

bool MatrixConv::planWeightGrad() {
  ArrayRef<int64_t> strides = shape.op.getStrides();
  frameX();
  isOnGrid = strides[0] == 1 && strides[1] == 1;
  bool isSplit = contraction.isSplit;
  PackedFactor x = imageOfX(isSplit ? Split::apart : Split::none), y;
  DimExpr pixels = shape.n * shape.oh * shape.ow;
  if (isOnGrid) {
    // What a tap sees of the last pixels is behind the last image: zeros.
    pixels = roundUp(shape.n * x.lines, kSplitDepth);
    x.batch.clear();
    x.lines = pixels + reach(0) * imageWidth + reach(1);
  } else if (isSplit && !isMultiple(pixels, kSplitDepth)) {
    // What the last block sees beyond the last pixel is one more image: zeros.
    pixels = roundUp(pixels, kSplitDepth);
    x.batch = {shape.n + DimExpr(1)};
    isPadded = true;
  }
  y.lines = pixels;
  y.fast = roundUp(shape.o, kPacked);
  y.element = contraction.element;
  y.split = isSplit ? Split::lines : Split::none;
  y.isTransposed = true;
  packs.factors = {y, x};
  TileGrid &grid = contraction.grid;
  grid.rows = shape.o;
  grid.columns = taps() * imageChannels();
  grid.depth = pixels * DimExpr(isSplit ? 2 : 1);
  contraction.a.extent = y.fast;
  contraction.b.extent = grid.columns;
  return true;
}

//===- Phases -------------------------------------------------------------===//

MatrixConv::Phase MatrixConv::phaseAt(DeviceBuilder &b,
                                      ArrayRef<Value> batch) const {
  Phase phase;
  Value number = b.i32(0);
  if (phases() > 1)
    phase.number = batch[0], number = narrow(b, batch[0]);
  phase.first[0] = b.binary(Binary::DivU, number, b.i32(stride(1)));
  phase.first[1] = b.subI(number, b.mulI(phase.first[0], b.i32(stride(1))));
  for (int axis : {0, 1}) {
    Value step = b.i32(stride(axis));
    Value place = b.addI(phase.first[axis], b.i32(shape.op.getPadLow()[axis]));
    phase.base[axis] = b.binary(Binary::DivU, place, step);
    phase.rest[axis] = b.subI(place, b.mulI(phase.base[axis], step));
    Value extent = narrow(b, b.extent(axis == 0 ? shape.kh : shape.kw));
    Value left =
        b.subI(b.addI(extent, b.i32(stride(axis) - 1)), phase.rest[axis]);
    phase.taps[axis] = b.binary(Binary::DivU, left, step);
  }
  return phase;
}

/// The tap and channel of a depth of the window's product, where an image has
/// so many `channels`.
Values MatrixConv::splitTap(DeviceBuilder &b, const Phase &phase, Value depth,
                            const DimExpr &channels) const {
  if (shape.kind == Kind::forward || phases() == 1)
    return splitIndex(b, depth, {taps(0), taps(1), channels});
  Value extent = narrow(b, b.extent(channels));
  Value tap = b.binary(Binary::DivU, depth, extent);
  Value across = b.binary(Binary::MaxS, phase.taps[1], b.i32(1));
  Value row = b.binary(Binary::DivU, tap, across);
  return {row, b.subI(tap, b.mulI(row, across)),
          b.subI(depth, b.mulI(tap, extent))};
}

//===- Packing ------------------------------------------------------------===//

/// x at pixel `line` of the image with its frame.
Value MatrixConv::readX(const ConvImages &images, Value n, Value line,
                        Value channel, DeviceBuilder &b) const {
  Values at = splitIndex(b, line, {imageHeight, imageWidth});
  Value row = b.subI(at[0], b.i32(shape.op.getPadLow()[0]));
  Value column = b.subI(at[1], b.i32(shape.op.getPadLow()[1]));
  Value isInside =
      b.andI(b.andI(inRange(b, row, shape.h), inRange(b, column, shape.w)),
             inRange(b, channel, shape.c));
  return images.x.loadIf(isInside, {n, channel, row, column});
}

void MatrixConv::readWindow(DeviceBuilder &b) {
  bool isForward = shape.kind == Kind::forward;
  ConvImages images(shape, b);
  PackedFactor &weight = packs.factors[0], &image = packs.factors[1];
  weight.read = [=, this, &b, fast = image.fast](ArrayRef<Value> batch,
                                                 Value line, Value row) {
    if (isForward) {
      Values at = splitIndex(b, line, {shape.kh, shape.kw, fast});
      Value exists =
          b.andI(inRange(b, row, shape.o), inRange(b, at[2], shape.c));
      return images.weight.loadIf(exists, {row, at[2], at[0], at[1]});
    }
    Phase here = phaseAt(b, batch);
    Values at = splitTap(b, here, line, fast);
    Value exists = b.andI(inRange(b, at[2], shape.o), inRange(b, row, shape.c));
    for (int axis : {0, 1}) {
      at[axis] = b.addI(here.rest[axis], b.mulI(at[axis], b.i32(stride(axis))));
      exists =
          b.andI(exists, inRange(b, at[axis], axis == 0 ? shape.kh : shape.kw));
    }
    return images.weight.loadIf(exists, {at[2], row, at[0], at[1]});
  };
  image.read = [=, this, &b](ArrayRef<Value> batch, Value line, Value channel) {
    Value n = narrow(b, batch[0]);
    if (isForward)
      return readX(images, n, line, channel, b);
    Values at = splitIndex(b, line, {imageHeight, imageWidth});
    Value exists = inRange(b, channel, shape.o);
    for (int axis : {0, 1}) {
      at[axis] = b.addI(b.subI(at[axis], narrow(b, b.extent(reach(axis)))),
                        b.i32(leastBase(axis)));
      exists =
          b.andI(exists, inRange(b, at[axis], axis == 0 ? shape.oh : shape.ow));
    }
    return images.y.loadIf(exists, {n, channel, at[0], at[1]});
  };
}

void MatrixConv::readWeightGrad(DeviceBuilder &b) {
  ConvImages images(shape, b);
  packs.factors[0].read = [=, this, &b](ArrayRef<Value>, Value pixel,
                                        Value channel) {
    Value exists = inRange(b, channel, shape.o);
    if (!isOnGrid) {
      if (isPadded)
        exists =
            b.andI(exists, inRange(b, pixel, shape.n * shape.oh * shape.ow));
      Values at = splitIndex(b, pixel, {shape.n, shape.oh, shape.ow});
      return images.y.loadIf(exists, {at[0], channel, at[1], at[2]});
    }
    Values at = splitIndex(b, pixel, {shape.n, imageHeight, imageWidth});
    for (auto [place, extent] :
         llvm::zip_equal(at, std::array{shape.n, shape.oh, shape.ow}))
      exists = b.andI(exists, inRange(b, place, extent));
    return images.y.loadIf(exists, {at[0], channel, at[1], at[2]});
  };
  packs.factors[1].read = [=, this, &b](ArrayRef<Value> batch, Value line,
                                        Value channel) {
    Values at = {line};
    if (isOnGrid)
      at = splitIndex(b, line, {shape.n, imageHeight * imageWidth});
    else
      at.insert(at.begin(), narrow(b, batch[0]));
    if (!isOnGrid && !isPadded)
      return readX(images, at[0], at[1], channel, b);
    Value exists = inRange(b, at[0], shape.n);
    Value n = b.select(exists, at[0], b.i32(0));
    return b.select(exists, readX(images, n, at[1], channel, b), b.f32(0));
  };
}

//===- Products -----------------------------------------------------------===//

/// Elements to a pixel of the packed image.
Value MatrixConv::imageOffset(DeviceBuilder &b, Value n, Value row,
                              Value column) const {
  Value line = b.addI(b.mulI(row, narrow(b, b.extent(imageWidth))), column);
  Value pixel = b.addI(b.mulI(wide(b, n), b.extent(imageHeight * imageWidth)),
                       wide(b, line));
  return b.mulI(pixel, b.extent(imageChannels()));
}

void MatrixConv::placeWindow(DeviceBuilder &b, Value workspace) {
  bool isForward = shape.kind == Kind::forward;
  const PackedFactor &weight = packs.factors[0], &image = packs.factors[1];
  contraction.a.at = [=, this, &b](Value row) {
    Value start = weight.pointer(b, workspace);
    if (phase.number)
      start = b.address(start,
                        b.mulI(phase.number, b.extent(weight.batchPitch())), 2);
    return b.address(start, wide(b, row), 2);
  };
  contraction.a.lineBytes = weight.pitch() * DimExpr(2);
  contraction.a.along = [=, this, &b](Value depth) {
    return b.mulI(wide(b, depth), b.extent(*contraction.a.lineBytes));
  };
  contraction.b.at = [=, this, &b](Value pixel) {
    Values at = splitIndex(b, pixel, {shape.n, outHeight(), outWidth()});
    for (int axis : {0, 1}) { // of an input the last tap sees most to the left
      if (isForward) {
        at[1 + axis] = b.mulI(at[1 + axis], b.i32(stride(axis)));
        continue;
      }
      at[1 + axis] = b.addI(at[1 + axis], narrow(b, b.extent(reach(axis))));
      if (phases() > 1)
        at[1 + axis] = b.addI(at[1 + axis],
                              b.subI(phase.base[axis], b.i32(leastBase(axis))));
    }
    return b.address(image.pointer(b, workspace),
                     imageOffset(b, at[0], at[1], at[2]), 2);
  };
  contraction.b.along = [=, this, &b](Value depth) {
    Values at = splitTap(b, phase, depth, imageChannels());
    for (int axis : {0, 1}) {
      at[axis] = b.mulI(at[axis], b.i32(shape.op.getDilations()[axis]));
      if (!isForward)
        at[axis] = b.subI(b.i32(0), at[axis]);
    }
    Value offset =
        b.addI(imageOffset(b, b.i32(0), at[0], at[1]), wide(b, at[2]));
    return b.mulI(offset, b.i64(2));
  };
}

void MatrixConv::placeWeightGrad(DeviceBuilder &b, Value workspace) {
  const PackedFactor &y = packs.factors[0], &image = packs.factors[1];
  contraction.a.at = [=, &b](Value row) {
    return b.address(y.pointer(b, workspace), wide(b, row), 2);
  };
  contraction.a.lineBytes = y.pitch() * DimExpr(2);
  contraction.a.along = [=, this, &b](Value depth) {
    return b.mulI(wide(b, depth), b.extent(*contraction.a.lineBytes));
  };
  contraction.b.at = [=, this, &b](Value column) {
    Values at = splitIndex(b, column, {shape.kh, shape.kw, imageChannels()});
    for (int axis : {0, 1})
      at[axis] = b.mulI(at[axis], b.i32(shape.op.getDilations()[axis]));
    return b.address(
        image.pointer(b, workspace),
        b.addI(imageOffset(b, b.i32(0), at[0], at[1]), wide(b, at[2])), 2);
  };
  contraction.b.along = [=, this, &b](Value depth) {
    Value pixel = depth, low = b.i64(0);
    if (contraction.isSplit) {
      Value half = b.binary(Binary::DivU, depth, b.i32(kSplitDepth));
      Value block = b.binary(Binary::DivU, half, b.i32(2));
      Value isLow = b.subI(half, b.mulI(block, b.i32(2)));
      pixel = b.subI(depth, b.mulI(b.addI(block, isLow), b.i32(kSplitDepth)));
      low = b.mulI(wide(b, isLow), b.extent(image.lowOffset()));
    }
    if (isOnGrid)
      return b.mulI(
          b.addI(b.mulI(wide(b, pixel), b.extent(imageChannels())), low),
          b.i64(2));
    Values at = splitIndex(b, pixel, {shape.n, shape.oh, shape.ow});
    if (isPadded)
      at[0] = b.binary(Binary::MinS, at[0], narrow(b, b.extent(shape.n)));
    for (int axis : {0, 1})
      at[1 + axis] = b.mulI(at[1 + axis], b.i32(shape.op.getStrides()[axis]));
    return b.mulI(b.addI(imageOffset(b, at[0], at[1], at[2]), low), b.i64(2));
  };
}

void MatrixConv::setStore(DeviceBuilder &b) {
  ConvImages images(shape, b);
  contraction.store = [=, this, &b](Value row, Value column,
                                    ArrayRef<Value> sums) {
    if (shape.kind == Kind::weight_grad) {
      Values at = splitIndex(b, column, {shape.kh, shape.kw, imageChannels()});
      return onlyIf(b, inRange(b, at[2], shape.c), [&] {
        images.weight.store({row, at[2], at[0], at[1]}, sums);
      });
    }
    if (shape.kind == Kind::forward)
      return storePixels(images.y, row, column,
                         finishConv(images, shape, row, sums));
    if (phases() == 1)
      return storePixels(images.x, row, column, sums);
    Values at = splitIndex(b, column, {shape.n, outHeight(), outWidth()});
    for (int axis : {0, 1})
      at[1 + axis] =
          b.addI(b.mulI(at[1 + axis], b.i32(stride(axis))), phase.first[axis]);
    Value exists =
        b.andI(inRange(b, at[1], shape.h), inRange(b, at[2], shape.w));
    onlyIf(b, exists, [&] {
      images.x.store({at[0], row, at[1], at[2]}, sums);
    });
  };
}

LogicalResult MatrixConv::emit(int64_t launch, DeviceBuilder &b) {
  bool isWindow = shape.kind != Kind::weight_grad;
  Value workspace = b.operand(shape.op->getNumOperands());
  if (launch < mainLaunch) {
    if (isWindow)
      readWindow(b);
    else
      readWeightGrad(b);
    packs.emit(b, workspace);
    return success();
  }
  contraction.open = [&](ArrayRef<Value> batch) {
    if (shape.kind == Kind::input_grad)
      phase = phaseAt(b, batch);
  };
  contraction.grid.depthStep = imageChannels();
  if (shape.kind == Kind::input_grad && phases() > 1)
    contraction.grid.depthHere = [&] {
      return b.mulI(wide(b, b.mulI(phase.taps[0], phase.taps[1])),
                    b.extent(imageChannels()));
    };
  if (isWindow)
    placeWindow(b, workspace);
  else
    placeWeightGrad(b, workspace);
  setStore(b);
  contraction.emit(launch - mainLaunch, b,
                   contraction.grid.chunks > 1
                       ? b.addI(workspace, b.i64(packs.bytes))
                       : Value());
  return success();
}

} // namespace

std::unique_ptr<DeviceKernel>
kernels::createMatrixConv(plan::Conv2dOp op, const DeviceTarget &target,
                          const BoundOf &boundOf) {
  auto kernel = std::make_unique<MatrixConv>(op, boundOf);
  return kernel->plan(target, boundOf) ? std::move(kernel) : nullptr;
}
