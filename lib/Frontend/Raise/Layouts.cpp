//===- Layouts.cpp - Layout and indexing ops as text ----------------------===//
#include "lib/Frontend/Raise/Raiser.h"

#include "dialects/asg/SliceBounds.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace asgc::raise {

/// An indexed expression: `x[…]`, with parentheses that the printer may drop.
std::string indexed(const std::string &code, const std::string &index) {
  return "(" + code + ")[" + index + "]";
}

/// Axes of `dims` of extent 1 that `fewer` has not; nothing if that is not all
/// the difference.
static std::optional<Axes> findOnes(ArrayRef<DimExpr> dims,
                                    ArrayRef<DimExpr> fewer) {
  Axes ones;
  size_t at = 0;
  for (size_t i = 0; i < dims.size(); ++i) {
    bool isMatch = at < fewer.size() && fewer[at] == dims[i];
    if (isMatch)
      ++at;
    else if (dims[i] == DimExpr(1))
      ones.push_back(int64_t(i));
    else
      return std::nullopt;
  }
  if (at != fewer.size())
    return std::nullopt;
  return ones;
}

Text Raiser::writeReshape(asg::ReshapeOp op) {
  Value x = op.getX(), y = op.getY();
  Extents from = asg::getDims(typeOf(x)), to = asg::getDims(typeOf(y));
  if (to.empty())
    return made("reshape((" + full(x) + "), [])", y);
  if (from.size() > to.size())
    if (auto ones = findOnes(from, to))
      return applied(
          "squeeze", x,
          {"axis = " +
           (ones->size() == 1 ? std::to_string((*ones)[0]) : writeList(*ones))},
          y);
  if (from.size() < to.size())
    if (auto ones = findOnes(to, from)) {
      std::string index;
      bool isTail = false; // trailing `:` say nothing
      for (int64_t i = int64_t(to.size()) - 1; i >= 0; --i) {
        bool isOne = llvm::is_contained(*ones, i);
        isTail |= isOne;
        if (isTail)
          index = (isOne ? "none" : ":") + (index.empty() ? "" : ", " + index);
      }
      return made(indexed(full(x), index), y);
    }
  // Everything from one axis on made one.
  size_t begin = to.size() - 1;
  if (from.size() > to.size() &&
      std::equal(to.begin(), to.begin() + begin, from.begin()))
    return applied("flatten", x,
                   begin == 1 ? std::vector<std::string>()
                              : std::vector{std::to_string(begin)},
                   y);
  return applied("reshape", x, {dimList(to)}, y);
}

/// Repeating is left to the operator that uses the value; only the axes are put
/// where numpy's rules find them.
Text Raiser::writeBroadcast(asg::BroadcastOp op) {
  Text text = textOf(op.getX());
  if (text.isNumber)
    return text;
  Extents dims = asg::getDims(typeOf(op.getX()));
  // What is itself still to be repeated has its axes at the end, too.
  text.dims = padFront(text.dims, dims.size());
  ArrayRef<int64_t> axes = op.getDims();
  int64_t rank = rankOf(op.getY());
  if (!llvm::is_sorted(axes)) {
    Axes order(axes.size());
    for (size_t i = 0; i < order.size(); ++i)
      order[i] = int64_t(i);
    llvm::sort(order, [&](int64_t a, int64_t b) { return axes[a] < axes[b]; });
    text.code = "permute((" + full(op.getX()) + "), " + writeList(order) + ")";
    Extents moved;
    for (int64_t axis : order)
      moved.push_back(dims[axis]);
    text.dims = moved;
  }
  Axes sorted(axes);
  llvm::sort(sorted);
  Extents placed;
  std::string index;
  bool isMoved = false;
  int64_t first = sorted.empty() ? rank : sorted[0];
  for (int64_t axis = first; axis < rank; ++axis) {
    auto found = llvm::find(sorted, axis);
    bool isOwn = found != sorted.end();
    placed.push_back(isOwn ? text.dims[found - sorted.begin()] : DimExpr(1));
    isMoved |= !isOwn;
    index += (index.empty() ? "" : ", ") + std::string(isOwn ? ":" : "none");
  }
  if (isMoved) {
    // The axes that the text lacks so far are not there to be indexed.
    if (textOf(op.getX()).dims.size() != dims.size() && llvm::is_sorted(axes))
      text.code = full(op.getX());
    for (size_t i = 0, own = 0; i < placed.size(); ++i)
      if (llvm::is_contained(sorted, first + int64_t(i))) {
        if (textOf(op.getX()).dims.size() != dims.size())
          placed[i] = dims[own];
        ++own;
      }
    text.code = indexed(text.code, index);
    text.isPipe = false;
  }
  text.dims = placed;
  return text;
}

std::optional<Axes> droppedAxes(asg::ReshapeOp reshape, asg::SliceOp slice) {
  Extents from = asg::getDims(typeOf(slice.getX())),
          part = asg::getDims(typeOf(slice.getY())),
          to = asg::getDims(typeOf(reshape.getY()));
  if (part.size() <= to.size())
    return std::nullopt;
  auto ones = findOnes(part, to);
  if (ones)
    for (int64_t axis : *ones)
      if (from[axis] == DimExpr(1)) // squeezed, not chosen
        return std::nullopt;
  return ones;
}

Text Raiser::writeSlice(asg::SliceOp op, ArrayRef<int64_t> dropped,
                        Value result) {
  std::string index;
  bool isTail = false;
  for (int64_t i = op.getX().getType().getRank() - 1; i >= 0; --i) {
    auto [begin, end] = asg::boundsOf(op, i);
    int64_t stride = op.getStrides()[i];
    DimExpr rest = asg::getDim(op.getX().getType(), i) - DimExpr(begin);
    if (begin >= 0 && (rest + DimExpr(stride - 1)).floorDiv(stride) ==
                          asg::getDim(op.getY().getType(), i))
      end.reset();
    bool isWhole = begin == 0 && !end && stride == 1;
    isTail |= !isWhole;
    if (!isTail)
      continue;
    std::string part = ":";
    if (llvm::is_contained(dropped, i)) {
      part = std::to_string(begin);
    } else if (!isWhole) {
      part = (begin ? std::to_string(begin) : "") + ":" +
             (end ? dimText(*end) : "");
      if (stride != 1)
        part += ":" + std::to_string(stride);
    }
    index = part + (index.empty() ? "" : ", " + index);
  }
  if (index.empty())
    return made("(" + full(op.getX()) + ")", result);
  return made(indexed(full(op.getX()), index), result);
}

Text Raiser::writePad(asg::PadOp op) {
  Value x = op.getX();
  ArrayRef<int64_t> low = op.getLow(), high = op.getHigh(),
                    between = op.getInterior();
  std::string value = writeNumber(op.getValue().convertToDouble());
  std::string code = full(x);
  Extents dims = asg::getDims(typeOf(x));
  // Elements between two are high padding of an axis of their own.
  for (size_t axis = 0; axis < between.size(); ++axis) {
    if (between[axis] == 0)
      continue;
    size_t after = dims.size() - axis - 1;
    std::string index = "...";
    index += ", none";
    for (size_t i = 0; i < after; ++i)
      index += ", :";
    Axes none(after + 1, 0), wide(after + 1, 0);
    wide[0] = between[axis];
    code = "pad(" + indexed(code, index) + ", " + writeList(none) + ", " +
           writeList(wide) + ", value = " + value + ")";
    DimExpr spread = dims[axis] * DimExpr(between[axis] + 1);
    dims[axis] = spread;
    code = "reshape(" + code + ", " + dimList(dims) + ")";
    dims[axis] = spread - DimExpr(between[axis]);
    index = "..., :" + dimText(dims[axis]);
    for (size_t i = 0; i < after; ++i)
      index += ", :";
    code = indexed(code, index);
  }
  // Negative amounts cut off.
  std::string cut;
  Axes more(low), less(high);
  bool isCut = false, isPadded = false;
  for (size_t axis = 0; axis < low.size(); ++axis) {
    int64_t begin = std::max<int64_t>(-low[axis], 0),
            end = std::max<int64_t>(-high[axis], 0);
    isCut |= begin || end;
    cut += (axis ? ", " : "") + (begin ? std::to_string(begin) : "") + ":" +
           (end ? dimText(dims[axis] - DimExpr(end)) : "");
    more[axis] = std::max<int64_t>(low[axis], 0);
    less[axis] = std::max<int64_t>(high[axis], 0);
    isPadded |= more[axis] || less[axis];
  }
  if (isCut)
    code = indexed(code, cut);
  if (isPadded)
    code = "pad((" + code + "), " + writeList(more) +
           (more == less ? "" : ", " + writeList(less)) +
           (value == "0" ? "" : ", value = " + value) + ")";
  return made("(" + code + ")", op.getY());
}

/// A gather along an axis that does not follow its batch axes: the axis is
/// moved there, and the axes between go back to their place.
Text Raiser::writeInnerGather(asg::GatherOp op) {
  int64_t axis = op.getAxis(), batch = op.getBatchDims(),
          rank = rankOf(op.getX());
  int64_t between = axis - batch, places = rankOf(op.getIndices()) - batch;
  Axes there, back;
  for (int64_t i = 0; i < rank; ++i)
    there.push_back(i < batch || i > axis ? i : i == batch ? axis : i - 1);
  int64_t resultRank = rankOf(op.getY());
  for (int64_t i = 0; i < resultRank; ++i)
    back.push_back(i < batch || i >= batch + between + places ? i
                   : i < batch + between                      ? i + places
                                                              : i - between);
  return made("permute(gather(permute((" + full(op.getX()) + "), " +
                  writeList(there) + "), (" + full(op.getIndices()) +
                  "), axis = " + std::to_string(batch) + "), " +
                  writeList(back) + ")",
              op.getY());
}

std::optional<Text> Raiser::writeLayout(Operation *op) {
  return llvm::TypeSwitch<Operation *, std::optional<Text>>(op)
      .Case([&](asg::ReshapeOp o) { return writeReshape(o); })
      .Case([&](asg::BroadcastOp o) { return writeBroadcast(o); })
      .Case([&](asg::SliceOp o) { return writeSlice(o, {}, o.getY()); })
      .Case([&](asg::PadOp o) { return writePad(o); })
      .Case([&](asg::TransposeOp o) {
        Axes perm(o.getPerm());
        int64_t rank = perm.size();
        Axes swapped(rank);
        for (int64_t i = 0; i < rank; ++i)
          swapped[i] = i;
        if (rank >= 2)
          std::swap(swapped[rank - 1], swapped[rank - 2]);
        if (rank >= 2 && perm == swapped)
          return made("(" + full(o.getX()) + ").T", o.getY());
        // Two axes swapped are named; more are an order.
        Axes differing;
        for (int64_t i = 0; i < rank; ++i)
          if (perm[i] != i)
            differing.push_back(i);
        if (differing.size() == 2)
          return applied(
              "transpose", o.getX(),
              {std::to_string(differing[0]), std::to_string(differing[1])},
              o.getY());
        std::string order = writeList(perm);
        return applied("permute", o.getX(), {order.substr(1, order.size() - 2)},
                       o.getY());
      })
      .Case([&](asg::ConcatOp o) {
        std::string list;
        for (Value x : o.getXs())
          list += (list.empty() ? "" : ", ") + ("(" + full(x) + ")");
        return made(
            "concat([" + list + "]" +
                (o.getAxis() ? ", axis = " + std::to_string(o.getAxis()) : "") +
                ")",
            o.getY());
      })
      .Case([&](asg::GatherOp o) {
        int64_t axis = o.getAxis(), batch = o.getBatchDims();
        if (batch != 0 && batch != axis)
          return writeInnerGather(o);
        std::string code = (batch ? "gather((" : "take((") + full(o.getX()) +
                           "), (" + full(o.getIndices()) + ")";
        return made(code + (axis ? ", axis = " + std::to_string(axis) : "") +
                        ")",
                    o.getY());
      })
      .Case([&](asg::ScatterAddOp o) -> std::optional<Text> {
        if (o.getAxis() != 0 || o.getBatchDims() != 0)
          return std::nullopt;
        return made("scatter_add((" + full(o.getX()) + "), (" +
                        full(o.getIndices()) + "), " +
                        dimText(asg::getDim(typeOf(o.getY()), 0)) + ")",
                    o.getY());
      })
      .Default([](Operation *) { return std::nullopt; });
}

} // namespace asgc::raise
