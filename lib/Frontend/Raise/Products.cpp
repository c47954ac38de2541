//===- Products.cpp - Contractions and windows as text --------------------===//
#include "dialects/asg/AsgAxes.h"
#include "lib/Frontend/Raise/Raiser.h"

#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>

using namespace mlir;

namespace asgc::raise {

/// The operand of a batched matrix product: axes ordered as batch, `first`,
/// `second`, each group made one axis.
static std::string
asMatrices(const std::string &code, RankedTensorType type,
           ArrayRef<int64_t> batch, ArrayRef<int64_t> first,
           ArrayRef<int64_t> second,
           llvm::function_ref<std::string(DimExpr)> dimText) {
  Axes order(batch);
  order.append(first.begin(), first.end());
  order.append(second.begin(), second.end());
  std::string text = code;
  if (!llvm::is_sorted(order)) {
    std::string list;
    for (int64_t axis : order)
      list += (list.empty() ? "" : ", ") + std::to_string(axis);
    text = "permute((" + text + "), " + list + ")";
  }
  std::string dims;
  for (int64_t axis : batch)
    dims += dimText(asg::getDim(type, axis)) + ", ";
  return "reshape((" + text + "), " + dims +
         dimText(asg::getSize(type, first)) + ", " +
         dimText(asg::getSize(type, second)) + ")";
}

Text Raiser::writeDot(asg::DotOp op) {
  auto left = typeOf(op.getLhs()), right = typeOf(op.getRhs());
  ArrayRef<int64_t> lhsBatch = op.getLhsBatch(), rhsBatch = op.getRhsBatch(),
                    lhsContract = op.getLhsContract(),
                    rhsContract = op.getRhsContract();
  std::string lhs = "(" + full(op.getLhs()) + ")",
              rhs = "(" + full(op.getRhs()) + ")";
  int64_t leftRank = left.getRank(), rightRank = right.getRank();
  if (lhsContract.size() == 1 && lhsBatch.empty() && rightRank <= 2 &&
      leftRank >= 1) {
    bool isLast = lhsContract[0] == leftRank - 1;
    bool isSwapped = leftRank == 2 && lhsContract[0] == 0;
    if (isLast || isSwapped)
      return made(
          (isSwapped ? lhs + ".T" : lhs) + " @ " +
              (rightRank == 2 && rhsContract[0] == 1 ? rhs + ".T" : rhs),
          op.getY());
  }
  auto isFront = [](ArrayRef<int64_t> axes) {
    for (size_t i = 0; i < axes.size(); ++i)
      if (axes[i] != int64_t(i))
        return false;
    return true;
  };
  int64_t batch = lhsBatch.size();
  if (batch > 0 && lhsContract.size() == 1 && isFront(lhsBatch) &&
      isFront(rhsBatch) && leftRank == batch + 2 && rightRank == batch + 2)
    return made((lhsContract[0] == batch ? lhs + ".T" : lhs) + " @ " +
                    (rhsContract[0] == batch + 1 ? rhs + ".T" : rhs),
                op.getY());
  // Any other product is one of matrices, reshaped.
  auto dim = [&](DimExpr extent) { return dimText(extent); };
  Axes rows = asg::getFreeAxes(left.getRank(), lhsBatch, lhsContract),
       columns = asg::getFreeAxes(right.getRank(), rhsBatch, rhsContract);
  std::string product =
      asMatrices(lhs, left, lhsBatch, rows, lhsContract, dim) + " @ " +
      asMatrices(rhs, right, rhsBatch, rhsContract, columns, dim);
  Extents dims = asg::getDims(typeOf(op.getY()));
  return made("reshape(" + product + ", [" + dimList(dims) + "])", op.getY());
}

std::optional<Text> Raiser::writeContraction(Operation *op) {
  if (auto dot = dyn_cast<asg::DotOp>(op))
    return writeDot(dot);
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Windows
//===----------------------------------------------------------------------===//

static std::string windowList(ArrayRef<int64_t> stride,
                              ArrayRef<int64_t> padding,
                              ArrayRef<int64_t> dilation, int64_t groups) {
  std::string text;
  auto add = [&](const char *name, ArrayRef<int64_t> pair, int64_t usual) {
    if (pair[0] != usual || pair[1] != usual)
      text += std::string(", ") + name + " = " + writePair(pair);
  };
  add("stride", stride, 1);
  add("padding", padding, 0);
  add("dilation", dilation, 1);
  if (groups != 1)
    text += ", groups = " + std::to_string(groups);
  return text;
}

std::string Raiser::paddedWindow(Value x, ArrayRef<int64_t> low,
                                 ArrayRef<int64_t> high, const char *value) {
  if (llvm::all_of(low, [](int64_t n) { return n == 0; }) &&
      llvm::all_of(high, [](int64_t n) { return n == 0; }))
    return full(x);
  auto pair = [](ArrayRef<int64_t> numbers) {
    return "[" + std::to_string(numbers[0]) + ", " +
           std::to_string(numbers[1]) + "]";
  };
  std::string text = "pad((" + full(x) + "), " + pair(low) + ", " + pair(high);
  return text +
         (value[0] == '0' ? ")" : std::string(", value = ") + value + ")");
}

/// The transposed convolution without padding, of which the padding is cut off
/// where the language's own arguments do not say the same.
Text Raiser::writeTransposedConvolution(asg::Conv2dInputGradOp op) {
  auto small = typeOf(op.getDy()), large = typeOf(op.getDx());
  ArrayRef<int64_t> kernel = typeOf(op.getWeight()).getShape().drop_front(2);
  ArrayRef<int64_t> low = op.getPadLow(), high = op.getPadHigh(),
                    stride = op.getStrides(), dilation = op.getDilations();
  Axes extra(2), whole(2);
  bool isPlain = low == high;
  for (int i = 0; i < 2; ++i) {
    // Without padding: (n − 1) · stride + reach of the kernel.
    DimExpr reach =
        (asg::getDim(small, 2 + i) - DimExpr(1)) * DimExpr(stride[i]) +
        DimExpr(dilation[i] * (kernel[i] - 1) + 1);
    auto more =
        (asg::getDim(large, 2 + i) - reach + DimExpr(2 * low[i])).asConstant();
    auto missing =
        (asg::getDim(large, 2 + i) + DimExpr(low[i]) - reach).asConstant();
    isPlain &= more && *more >= 0 && *more < stride[i];
    extra[i] = more.value_or(0);
    whole[i] = std::max<int64_t>(missing.value_or(0), 0);
  }
  std::string call = "convolve_transposed((" + full(op.getDy()) + "), (" +
                     full(op.getWeight()) + ")";
  if (isPlain) {
    call += windowList(stride, low, dilation, op.getGroups());
    if (extra[0] || extra[1])
      call += ", output_padding = " + writePair(extra);
    return made(call + ")", op.getDx());
  }
  call += windowList(stride, {0, 0}, dilation, op.getGroups()) + ")";
  if (whole[0] || whole[1])
    call = "pad(" + call + ", [0, 0], [" + std::to_string(whole[0]) + ", " +
           std::to_string(whole[1]) + "])";
  std::string index;
  for (int i = 0; i < 2; ++i)
    index += ", " + std::to_string(low[i]) + ":" +
             dimText(asg::getDim(large, 2 + i) + DimExpr(low[i]));
  return made(call + "[..." + index + "]", op.getDx());
}

std::optional<Text> Raiser::writeWindow(Operation *op) {
  /// Windows that the language takes as they are.
  auto isEven = [](ArrayRef<int64_t> low, ArrayRef<int64_t> high,
                   ArrayRef<int64_t> kernel) {
    return low == high && low[0] <= kernel[0] / 2 && low[1] <= kernel[1] / 2;
  };
  auto pool = [&](const char *block, Value x, ArrayRef<int64_t> kernel,
                  ArrayRef<int64_t> stride, ArrayRef<int64_t> padding,
                  ArrayRef<int64_t> dilation, const char *more) {
    std::string list = windowList(stride, padding, dilation, 1);
    if (stride == kernel) // the default
      list = windowList({1, 1}, padding, dilation, 1);
    else if (stride[0] == 1 && stride[1] == 1)
      list = ", stride = 1" + list;
    return std::string(" |> ") + block + "(kernel = " + writePair(kernel) +
           list + more + ")";
  };
  return llvm::TypeSwitch<Operation *, std::optional<Text>>(op)
      .Case([&](asg::Conv2dOp o) {
        bool isSame = o.getPadLow() == o.getPadHigh();
        std::string x =
            isSame ? full(o.getX())
                   : paddedWindow(o.getX(), o.getPadLow(), o.getPadHigh(), "0");
        return made(
            "convolve((" + x + "), (" + full(o.getWeight()) + ")" +
                windowList(o.getStrides(),
                           isSame ? o.getPadLow() : ArrayRef<int64_t>{0, 0},
                           o.getDilations(), o.getGroups()) +
                ")",
            o.getY());
      })
      .Case([&](asg::Conv2dInputGradOp o) {
        return writeTransposedConvolution(o);
      })
      .Case([&](asg::MaxPool2dOp o) {
        bool isSame = isEven(o.getPadLow(), o.getPadHigh(), o.getKernel());
        bool isF32 = typeOf(o.getY()).getElementType().isF32();
        std::string x = isSame ? piped(o.getX())
                               : paddedWindow(o.getX(), o.getPadLow(),
                                              o.getPadHigh(), "-inf");
        return made(x + pool(isF32 ? "max_pool2d" : "window_max", o.getX(),
                             o.getKernel(), o.getStrides(),
                             isSame ? o.getPadLow() : ArrayRef<int64_t>{0, 0},
                             o.getDilations(), ""),
                    o.getY(), true);
      })
      .Case([&](asg::AvgPool2dOp o) {
        bool isSame = isEven(o.getPadLow(), o.getPadHigh(), o.getKernel());
        bool counts = o.getCountIncludePad();
        bool isPadded = o.getPadLow()[0] || o.getPadLow()[1];
        auto call = [&](const std::string &x) {
          return x +
                 pool(typeOf(o.getY()).getElementType().isF32() ? "avg_pool2d"
                                                                : "window_mean",
                      o.getX(), o.getKernel(), o.getStrides(),
                      isSame ? o.getPadLow() : ArrayRef<int64_t>{0, 0}, {1, 1},
                      isSame && isPadded && !counts ? ", count_padding = false"
                                                    : "");
        };
        if (isSame)
          return made(call(piped(o.getX())), o.getY(), true);
        std::string mean =
            call(paddedWindow(o.getX(), o.getPadLow(), o.getPadHigh(), "0"));
        if (counts)
          return made(mean, o.getY(), true);
        // The share of each window that is no padding.
        Text x = textOf(o.getX());
        Text ones = x;
        ones.code =
            "full([" + dimList(asg::getDims(typeOf(o.getX()))) + "], 1.0)";
        ones.dims = asg::getDims(typeOf(o.getX()));
        texts[o.getX()] = ones;
        std::string share =
            call(paddedWindow(o.getX(), o.getPadLow(), o.getPadHigh(), "0"));
        texts[o.getX()] = x;
        return made("(" + mean + ") / (" + share + ")", o.getY());
      })
      .Default([](Operation *) { return std::nullopt; });
}

} // namespace asgc::raise
