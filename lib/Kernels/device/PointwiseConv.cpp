//===- PointwiseConv.cpp - 1x1 convolutions by matrix units ---------------===//
#include "ConvShape.h"
#include "MatrixContraction.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;

// A window of one element at each place is a product whose factors lie in
// memory as the unit wants them: a launch that packs them would take longer
// than splitting f32 on the way. A pixel is a place (n, position in a plane),
// and neighbours in a plane are neighbours in memory:
//
//                a [row, depth]     b [column, depth]
//   forward      w [o, c]           x [pixel, c]
//   input_grad   w [c, o]           y [pixel, o]
//   weight_grad  y [o, pixel]       x [c, pixel]

namespace {

class PointwiseConv final : public DeviceKernel {
public:
  using Kind = plan::ConvKind;

  PointwiseConv(plan::Conv2dOp op, const BoundOf &boundOf)
      : shape(op, boundOf) {}
  bool plan(const DeviceTarget &target, const BoundOf &boundOf);
  LogicalResult emit(int64_t launch, DeviceBuilder &builder) override;

private:
  bool isPointwise() const;
  DimExpr plane() const { return shape.h * shape.w; }
  void planFactors(int64_t run);
  void place(DeviceBuilder &builder);
  void setStore(DeviceBuilder &builder);

  ConvShape shape;
  MatrixContraction contraction;
};

bool PointwiseConv::isPointwise() const {
  auto areAll = [](ArrayRef<int64_t> numbers, int64_t value) {
    return llvm::all_of(numbers, [=](int64_t n) { return n == value; });
  };
  plan::Conv2dOp op = shape.op;
  return shape.groups == 1 && shape.kh == DimExpr(1) &&
         shape.kw == DimExpr(1) && areAll(op.getStrides(), 1) &&
         areAll(op.getPadLow(), 0) && areAll(op.getPadHigh(), 0);
}

bool PointwiseConv::plan(const DeviceTarget &target, const BoundOf &boundOf) {
  if (!target.unit || !isPointwise())
    return false;
  Type element = shape.element;
  contraction.isSplit = element.isF32() && target.splitsF32;
  if (!contraction.isSplit && !element.isF16() && !element.isBF16())
    return false;
  int64_t run = element.isF32() || !isMultiple(plane(), kPacked) ? 4 : kPacked;
  if (!isMultiple(plane(), run))
    return false;
  contraction.element =
      contraction.isSplit ? BFloat16Type::get(shape.op.getContext()) : element;
  planFactors(run);
  if (!contraction.chooseTile(target, boundOf))
    return false;
  int64_t slice = contraction.tile.depth / (contraction.isSplit ? 2 : 1);
  if (shape.kind == Kind::weight_grad)
    contraction.a.isLinear = contraction.b.isLinear =
        isMultiple(plane(), slice);
  launches = contraction.launches();
  workspaceBytes = contraction.grid.workspaceBytes(boundOf);
  return succeeded(contraction.grid.check(shape.op, boundOf));
}

void PointwiseConv::planFactors(int64_t run) {
  TileGrid &grid = contraction.grid;
  MatrixContraction::Factor &a = contraction.a, &b = contraction.b;
  a.stored = b.stored = shape.element;
  a.fastBytes = b.fastBytes = DimExpr(bytesOf(shape.element));
  DimExpr pixels = shape.n * plane();
  b.run = run;
  if (shape.kind == Kind::weight_grad) {
    grid.rows = shape.o, grid.columns = shape.c, grid.depth = pixels;
    a.isDepthFast = b.isDepthFast = true;
    a.run = run;
    contraction.storeWidth = isMultiple(shape.c, 4) ? 4 : 1;
  } else {
    bool isForward = shape.kind == Kind::forward;
    grid.rows = isForward ? shape.o : shape.c;
    grid.columns = pixels;
    grid.depth = isForward ? shape.c : shape.o;
    a.isDepthFast = isForward;
    int64_t most = shape.element.isF32() ? 4 : kPacked;
    a.run = isMultiple(shape.c, most) ? most : 1; // w's neighbours
    contraction.storeWidth = 4;
  }
  a.extent = grid.rows, b.extent = grid.columns;
  if (contraction.isSplit)
    grid.depth = grid.depth * DimExpr(2);
}

void PointwiseConv::place(DeviceBuilder &k) {
  ConvImages images(shape, k);
  int64_t bytes = bytesOf(shape.element);
  auto step = [&k, bytes](Value start, const DimExpr &stride) {
    return [=, &k](Value at) {
      Value offset = k.mulI(wide(k, at), k.extent(stride));
      return start ? k.address(start, offset, bytes)
                   : k.mulI(offset, k.i64(bytes));
    };
  };
  // Of channel 0.
  auto pixel = [this, &k, bytes](Value start, const DimExpr &channels) {
    return [=, this, &k](Value at) {
      Values place = splitIndex(k, at, {shape.n, plane()});
      Value offset =
          k.addI(k.mulI(wide(k, place[0]), k.extent(channels * plane())),
                 wide(k, place[1]));
      return start ? k.address(start, offset, bytes)
                   : k.mulI(offset, k.i64(bytes));
    };
  };
  MatrixContraction::Factor &a = contraction.a, &b = contraction.b;
  switch (shape.kind) {
  case Kind::forward:
    a.at = step(images.weight.pointer, shape.c);
    a.along = step({}, DimExpr(1));
    b.at = pixel(images.x.pointer, shape.c);
    b.along = step({}, plane());
    break;
  case Kind::input_grad:
    a.at = step(images.weight.pointer, DimExpr(1));
    a.along = step({}, shape.c);
    b.at = pixel(images.y.pointer, shape.o);
    b.along = step({}, plane());
    break;
  case Kind::weight_grad:
    a.at = step(images.y.pointer, plane());
    a.along = pixel({}, shape.o);
    b.at = step(images.x.pointer, plane());
    b.along = pixel({}, shape.c);
    break;
  }
}

void PointwiseConv::setStore(DeviceBuilder &k) {
  contraction.store = [this, images = ConvImages(shape, k),
                       &k](Value row, Value column, ArrayRef<Value> sums) {
    if (shape.kind == Kind::weight_grad)
      return images.weight.store({row, column, k.i32(0), k.i32(0)}, sums);
    if (shape.kind == Kind::forward)
      return storePixels(images.y, row, column,
                         finishConv(images, shape, row, sums));
    storePixels(images.x, row, column, sums);
  };
}

LogicalResult PointwiseConv::emit(int64_t launch, DeviceBuilder &k) {
  contraction.open = [](ArrayRef<Value>) {};
  place(k);
  setStore(k);
  contraction.emit(launch, k,
                   launches.size() > 1 ? k.operand(shape.op->getNumOperands())
                                       : Value());
  return success();
}

} // namespace

std::unique_ptr<DeviceKernel>
kernels::createPointwiseConv(plan::Conv2dOp op, const DeviceTarget &target,
                             const BoundOf &boundOf) {
  auto kernel = std::make_unique<PointwiseConv>(op, boundOf);
  return kernel->plan(target, boundOf) ? std::move(kernel) : nullptr;
}
