//===- ExportWindow.cpp - Convolutions and pooling as nodes ---------------===//
#include "lib/Interop/Onnx/GraphExporter.h"

using namespace mlir;

namespace asgc::interop {

/// ONNX has the paddings before both axes, then those after.
static void setPads(onnx::NodeProto &node, ArrayRef<int64_t> low,
                    ArrayRef<int64_t> high) {
  Axes pads(low);
  pads.append(high.begin(), high.end());
  setIntegers(node, "pads", pads);
}

void exportConv(GraphExporter &e, Operation *op, StringRef name) {
  auto conv = cast<asg::Conv2dOp>(op);
  onnx::NodeProto &node =
      e.add(name, {e.full(conv.getX()), e.full(conv.getWeight())});
  setIntegers(node, "kernel_shape",
              Emitter::typeOf(conv.getWeight()).getShape().drop_front(2));
  setIntegers(node, "strides", conv.getStrides());
  setPads(node, conv.getPadLow(), conv.getPadHigh());
  setIntegers(node, "dilations", conv.getDilations());
  setInteger(node, "group", conv.getGroups());
  e.set(conv.getY(), node.output(0));
}

void exportConvInputGrad(GraphExporter &e, Operation *op, StringRef name) {
  auto conv = cast<asg::Conv2dInputGradOp>(op);
  ArrayRef<int64_t> kernel =
      Emitter::typeOf(conv.getWeight()).getShape().drop_front(2);
  // What the strides of the convolution did not reach is added at the end.
  Axes rest;
  for (int i = 0; i < 2; ++i) {
    DimExpr reached = (Emitter::dim(conv.getDy(), 2 + i) - DimExpr(1)) *
                          DimExpr(conv.getStrides()[i]) +
                      DimExpr(conv.getDilations()[i] * (kernel[i] - 1) + 1 -
                              conv.getPadLow()[i] - conv.getPadHigh()[i]);
    auto missing = (Emitter::dim(conv.getDx(), 2 + i) - reached).asConstant();
    if (!missing || *missing < 0 ||
        *missing >= std::max(conv.getStrides()[i], conv.getDilations()[i]))
      return e.refuse(op, "asg.conv2d_input_grad of this size");
    rest.push_back(*missing);
  }
  onnx::NodeProto &node =
      e.add(name, {e.full(conv.getDy()), e.full(conv.getWeight())});
  setIntegers(node, "kernel_shape", kernel);
  setIntegers(node, "strides", conv.getStrides());
  setPads(node, conv.getPadLow(), conv.getPadHigh());
  setIntegers(node, "dilations", conv.getDilations());
  setIntegers(node, "output_padding", rest);
  setInteger(node, "group", conv.getGroups());
  e.set(conv.getDx(), node.output(0));
}

/// dweight = x convolved with dy, where batch and channels have changed places
/// and strides and dilations as well.
void exportConvWeightGrad(GraphExporter &e, Operation *op, StringRef) {
  auto conv = cast<asg::Conv2dWeightGradOp>(op);
  int64_t groups = conv.getGroups();
  auto channels = Emitter::dim(conv.getX(), 1).asConstant(),
       outputs = Emitter::dim(conv.getDy(), 1).asConstant();
  if (!channels || !outputs)
    return e.refuse(op, "asg.conv2d_weight_grad of unknown channels");
  std::string x = e.transpose(e.full(conv.getX()), {1, 0, 2, 3}),
              dy = e.transpose(e.full(conv.getDy()), {1, 0, 2, 3});
  ArrayRef<int64_t> kernel =
      Emitter::typeOf(conv.getDweight()).getShape().drop_front(2);
  std::vector<std::string> parts;
  for (int64_t group = 0; group < groups; ++group) {
    auto part = [&](const std::string &all, int64_t count) {
      if (groups == 1)
        return all;
      return e.slice(all, e.integers({group * count}),
                     e.integers({(group + 1) * count}), {0}, {1});
    };
    onnx::NodeProto &node = e.add(
        "Conv", {part(x, *channels / groups), part(dy, *outputs / groups)});
    setIntegers(node, "strides", conv.getDilations());
    setPads(node, conv.getPadLow(), conv.getPadHigh());
    setIntegers(node, "dilations", conv.getStrides());
    // Places of the kernel that the strides never led to are cut off.
    std::string whole = node.output(0);
    std::string cut =
        e.slice(whole, e.integers({0, 0}), e.integers(kernel), {2, 3}, {1, 1});
    parts.push_back(e.transpose(cut, {1, 0, 2, 3}));
  }
  std::string y = parts[0];
  if (groups > 1) {
    onnx::NodeProto &node = e.add("Concat", parts);
    setInteger(node, "axis", 0);
    y = node.output(0);
  }
  e.set(conv.getDweight(), y);
}

//===----------------------------------------------------------------------===//
// Pooling
//===----------------------------------------------------------------------===//

/// ONNX counts places through the whole tensor, asg within a plane.
void exportMaxPool(GraphExporter &e, Operation *op, StringRef name) {
  auto pool = cast<asg::MaxPool2dOp>(op);
  bool wantsPlaces = !pool.getIndices().use_empty();
  onnx::NodeProto &node =
      e.add(name, {e.full(pool.getX())}, wantsPlaces ? 2 : 1);
  setIntegers(node, "kernel_shape", pool.getKernel());
  setIntegers(node, "strides", pool.getStrides());
  setPads(node, pool.getPadLow(), pool.getPadHigh());
  setIntegers(node, "dilations", pool.getDilations());
  e.set(pool.getY(), node.output(0));
  if (!wantsPlaces)
    return;
  std::string places = node.output(1);
  std::string plane =
      e.extent(Emitter::dim(pool.getX(), 2) * Emitter::dim(pool.getX(), 3));
  e.set(pool.getIndices(), e.cast(e.node("Mod", {places, plane}),
                                  IntegerType::get(op->getContext(), 32)));
}

/// Images as [batch, channels, places].
static Extents planesOf(Value images) {
  return {Emitter::dim(images, 0), Emitter::dim(images, 1),
          Emitter::dim(images, 2) * Emitter::dim(images, 3)};
}

void exportMaxUnpool(GraphExporter &e, Operation *op, StringRef) {
  auto unpool = cast<asg::MaxUnpool2dOp>(op);
  Type i64 = IntegerType::get(op->getContext(), 64);
  Extents planes = planesOf(unpool.getX());
  std::string x = e.reshape(e.full(unpool.getX()), planes);
  std::string places =
      e.reshape(e.cast(e.full(unpool.getIndices()), i64), planes);
  onnx::NodeProto &node =
      e.add("ScatterElements",
            {e.filled(planesOf(unpool.getY()), 0,
                      Emitter::typeOf(unpool.getY()).getElementType()),
             places, x});
  setInteger(node, "axis", 2);
  setText(node, "reduction", "add");
  std::string y = node.output(0);
  e.set(unpool.getY(),
        e.reshape(y, asg::getDims(Emitter::typeOf(unpool.getY()))));
}

void exportPoolGather(GraphExporter &e, Operation *op, StringRef) {
  auto gather = cast<asg::PoolGather2dOp>(op);
  Type i64 = IntegerType::get(op->getContext(), 64);
  std::string x = e.reshape(e.full(gather.getX()), planesOf(gather.getX()));
  std::string places = e.reshape(e.cast(e.full(gather.getIndices()), i64),
                                 planesOf(gather.getIndices()));
  onnx::NodeProto &node = e.add("GatherElements", {x, places});
  setInteger(node, "axis", 2);
  std::string y = node.output(0);
  e.set(gather.getY(),
        e.reshape(y, asg::getDims(Emitter::typeOf(gather.getY()))));
}

void exportAvgPool(GraphExporter &e, Operation *op, StringRef name) {
  auto pool = cast<asg::AvgPool2dOp>(op);
  onnx::NodeProto &node = e.add(name, {e.full(pool.getX())});
  setIntegers(node, "kernel_shape", pool.getKernel());
  setIntegers(node, "strides", pool.getStrides());
  setPads(node, pool.getPadLow(), pool.getPadHigh());
  setInteger(node, "count_include_pad", pool.getCountIncludePad());
  e.set(pool.getY(), node.output(0));
}

/// Each element of dy, divided by the size of its window, is spread over the
/// window by a transposed convolution with ones, a group per channel.
void exportAvgPoolGrad(GraphExporter &e, Operation *op, StringRef) {
  auto pool = cast<asg::AvgPool2dGradOp>(op);
  auto channels = Emitter::dim(pool.getDy(), 1).asConstant();
  Axes size, missing;
  for (int i = 0; i < 2; ++i) {
    auto extent = Emitter::dim(pool.getDx(), 2 + i).asConstant(),
         places = Emitter::dim(pool.getDy(), 2 + i).asConstant();
    if (!channels || !extent || !places)
      return e.refuse(op, "asg.avg_pool2d_grad of unknown extents");
    size.push_back(*extent);
    missing.push_back(*extent - (*places - 1) * pool.getStrides()[i] -
                      pool.getKernel()[i] + pool.getPadLow()[i] +
                      pool.getPadHigh()[i]);
    if (missing.back() < 0 || missing.back() >= pool.getStrides()[i])
      return e.refuse(op, "asg.avg_pool2d_grad of this size");
  }
  Type element = Emitter::typeOf(pool.getDy()).getElementType();
  int64_t rows = *Emitter::dim(pool.getDy(), 2).asConstant(),
          columns = *Emitter::dim(pool.getDy(), 3).asConstant();
  // How many elements of the image each window holds.
  auto counts = *HostTensor::make(DType::F32, {1, 1, rows, columns});
  auto inside = [&](int axis, int64_t place) {
    int64_t begin = place * pool.getStrides()[axis] - pool.getPadLow()[axis],
            end = begin + pool.getKernel()[axis];
    return std::min(end, size[axis]) - std::max<int64_t>(begin, 0);
  };
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      counts.set(i * columns + j,
                 pool.getCountIncludePad()
                     ? double(pool.getKernel()[0] * pool.getKernel()[1])
                     : double(inside(0, i) * inside(1, j)));
  std::string share = e.cast(e.constant(counts, "counts"), element);
  std::string dy = e.node("Div", {e.full(pool.getDy()), share});
  Extents kernel = {DimExpr(*channels), DimExpr(1),
                    DimExpr(pool.getKernel()[0]), DimExpr(pool.getKernel()[1])};
  onnx::NodeProto &node =
      e.add("ConvTranspose", {dy, e.filled(kernel, 1, element)});
  setIntegers(node, "kernel_shape", pool.getKernel());
  setIntegers(node, "strides", pool.getStrides());
  setPads(node, pool.getPadLow(), pool.getPadHigh());
  setIntegers(node, "output_padding", missing);
  setInteger(node, "group", *channels);
  e.set(pool.getDx(), node.output(0));
}

} // namespace asgc::interop
