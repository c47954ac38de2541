//===- Window.cpp - Where windows over images lie -------------------------===//
#include "lib/Interop/Onnx/Window.h"

using namespace mlir;

namespace asgc::interop {

static constexpr int64_t kMaxGeometry = INT32_MAX;

std::optional<Window> readWindow(Call &call, Value x, Axes kernel) {
  Emitter &e = call.e;
  size_t rank = kernel.size();
  auto fail = [&](const Twine &why) {
    e.fail(why);
    return std::nullopt;
  };
  if (!x || Emitter::rankOf(x) != int64_t(rank) + 2)
    return fail("a kernel of " + Twine(rank) +
                " axes does not fit its operand");
  Window window{.kernel = std::move(kernel),
                .strides = call.integers("strides").value_or(Axes(rank, 1)),
                .dilations = call.integers("dilations").value_or(Axes(rank, 1)),
                .low = Axes(rank, 0),
                .high = Axes(rank, 0)};
  auto isPositive = [](int64_t n) { return n > 0 && n <= kMaxGeometry; };
  for (const Axes *axes : {&window.kernel, &window.strides, &window.dilations})
    if (axes->size() != rank || !llvm::all_of(*axes, isPositive))
      return fail("kernel, strides and dilations are " + Twine(rank) +
                  " positive numbers each");
  if (auto pads = call.integers("pads")) {
    if (pads->size() != 2 * rank || llvm::any_of(*pads, [](int64_t n) {
          return n < 0 || n > kMaxGeometry;
        }))
      return fail("pads are " + Twine(2 * rank) + " numbers from 0 up");
    window.low.assign(pads->begin(), pads->begin() + rank);
    window.high.assign(pads->begin() + rank, pads->end());
  }
  std::string mode = call.text("auto_pad", "NOTSET");
  bool isSame = mode == "SAME_UPPER" || mode == "SAME_LOWER";
  if (!isSame && mode != "NOTSET" && mode != "VALID" && !mode.empty())
    return fail("auto_pad is '" + mode + "'");
  bool isCeil = call.integer("ceil_mode", 0);
  for (size_t axis = 0; axis < rank && (isSame || isCeil); ++axis) {
    if (!isSame && window.strides[axis] == 1)
      continue; // nothing to round
    auto extent = e.fixedDim(x, int64_t(axis) + 2);
    if (!extent)
      return std::nullopt;
    int64_t stride = window.strides[axis], span = window.span(axis);
    if (isSame) { // ⌈extent / stride⌉ windows
      int64_t count = (*extent + stride - 1) / stride;
      int64_t pad = std::max<int64_t>((count - 1) * stride + span - *extent, 0);
      window.low[axis] = mode == "SAME_UPPER" ? pad / 2 : pad - pad / 2;
      window.high[axis] = pad - window.low[axis];
      continue;
    }
    int64_t padded = *extent + window.low[axis] + window.high[axis] - span;
    if (padded < 0)
      return fail("a window is larger than its operand");
    int64_t count = (padded + stride - 1) / stride + 1;
    if ((count - 1) * stride >= *extent + window.low[axis])
      --count; // a window that would begin in the padding
    window.high[axis] += std::max<int64_t>((count - 1) * stride - padded, 0);
  }
  return window;
}

Value addSpatialAxes(Emitter &e, Value x, size_t missing) {
  Axes axes;
  for (size_t i = 0; i < missing; ++i)
    axes.push_back(2 + int64_t(i));
  return e.unsqueeze(x, axes);
}

Value dropSpatialAxes(Emitter &e, Value x, size_t missing) {
  Axes axes;
  for (size_t i = 0; i < missing; ++i)
    axes.push_back(2 + int64_t(i));
  return missing ? e.squeeze(x, axes) : x;
}

Window widen(Window window, size_t missing) {
  for (Axes *axes : {&window.kernel, &window.strides, &window.dilations})
    axes->insert(axes->begin(), missing, 1);
  for (Axes *axes : {&window.low, &window.high})
    axes->insert(axes->begin(), missing, 0);
  return window;
}

} // namespace asgc::interop
