//===- ScanKernel.cpp - Code for a plan.scan ------------------------------===//
#include "ScanKernel.h"

#include "Sweep.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;

namespace {
/// Lines of a task: as scalars, and side by side, of which `kAbreast` vectors
/// are walked down together.
constexpr int64_t kRows = 4, kStrip = 64, kAbreast = 4;
} // namespace

std::unique_ptr<ScanKernel> ScanKernel::create(plan::ScanOp op,
                                               const BoundOf &boundOf) {
  auto kernel = std::make_unique<ScanKernel>();
  ScanModel &scan = kernel->scan;
  if (failed(scan.read(op)))
    return nullptr;
  auto parts = [](const DimExpr &extent, int64_t size) {
    return (extent + DimExpr(size - 1)).floorDiv(size);
  };
  bool areRows = scan.inner == DimExpr(1);
  int64_t lines =
      areRows ? kRows : std::min(kStrip, boundOf(scan.inner).value_or(kStrip));
  // Its bytes at some 10 GB/s, as all kernels; scalars also wait.
  double bytes = double(scan.readCount() + 1) * bytesOf(scan.element);
  kernel->launches.push_back(
      {.tasks = areRows ? parts(scan.outer, kRows)
                        : scan.outer * parts(scan.inner, kStrip),
       .pointsPerTask = scan.axis * DimExpr(lines),
       .nanosecondsPerPoint = bytes / 10 + (areRows ? 0.5 : 0)});
  return kernel;
}

LogicalResult ScanKernel::emit(int64_t, KernelBuilder &b,
                               const KernelArguments &arguments) {
  pointers.clear();
  for (int64_t index = 0; index <= scan.readCount(); ++index)
    pointers.push_back(b.loadPointer(arguments.buffers, b.i64(index)));
  b.loop(arguments.begin, arguments.end, 1, {},
         [&](Value task, ValueRange) -> Values {
           if (scan.inner == DimExpr(1))
             emitRows(b, task);
           else
             emitStrip(b, task);
           return {};
         });
  return success();
}

void ScanKernel::emitRows(KernelBuilder &b, Value task) const {
  int64_t lanes = std::exchange(b.lanes, 1);
  Value first = b.mulI(task, b.i64(kRows)), end = b.extent(scan.outer);
  Value last = b.addI(first, b.i64(kRows));
  b.branch(
      b.test(arith::CmpIPredicate::sle, last, end),
      [&]() -> Values {
        SmallVector<Line> lines;
        for (int64_t index = 0; index < kRows; ++index)
          lines.push_back({b.addI(first, b.i64(index)), b.i64(0), {}});
        walk(b, lines);
        return {};
      },
      [&]() -> Values {
        return b.loop(first, end, 1, {}, [&](Value line, ValueRange) -> Values {
          walk(b, Line{line, b.i64(0), {}});
          return {};
        });
      });
  b.lanes = lanes;
}

void ScanKernel::emitStrip(KernelBuilder &b, Value task) const {
  Value strips = b.extent((scan.inner + DimExpr(kStrip - 1)).floorDiv(kStrip));
  Value outer = b.binary(Binary::DivU, task, strips);
  Value strip = b.subI(task, b.mulI(outer, strips));
  Value from = b.mulI(strip, b.i64(kStrip));
  Value to =
      b.two(Binary::MinS, b.addI(from, b.i64(kStrip)), b.extent(scan.inner));
  auto sweep = [&](Value first, Value end, int64_t vectors, bool isMasked) {
    b.loop(first, end, vectors * b.lanes, {},
           [&](Value at, ValueRange) -> Values {
             SmallVector<Line> lines;
             for (int64_t index = 0; index < vectors; ++index)
               lines.push_back({outer, b.addI(at, b.i64(index * b.lanes)),
                                isMasked ? laneMask(b, at, end) : Value()});
             walk(b, lines);
             return {};
           });
  };
  Value whole = roundDown(b, b.subI(to, from), kAbreast * b.lanes);
  Value middle = b.addI(from, whole);
  sweep(from, middle, kAbreast, false);
  if (b.canMask(storageType(scan.element)))
    return sweep(middle, to, 1, true);
  int64_t lanes = std::exchange(b.lanes, 1);
  sweep(middle, to, 1, false);
  b.lanes = lanes;
}

/// Some lines from their first element to their last.
void ScanKernel::walk(KernelBuilder &b, ArrayRef<Line> lines) const {
  Values states(lines.size(), b.widen(scan.zero(b)));
  b.loop(b.i64(0), b.extent(scan.axis), 1, states,
         [&](Value step, ValueRange before) -> Values {
           Values places, after;
           SmallVector<Carry> carries;
           for (const Line &line : lines) {
             places.push_back(scan.place(b, line.outer, step, line.inner));
             Carry carry = scan.load(b, pointers, places.back(), line.mask);
             carries.push_back(scan.withoutFirst(b, carry, step));
           }
           for (auto [line, place, carry, state] :
                llvm::zip_equal(lines, places, carries, before)) {
             after.push_back(carry.apply(b, state));
             b.store(b.address(pointers.back(), place, bytesOf(scan.element)),
                     encode(b, after.back(), scan.element), line.mask, false);
           }
           return after;
         });
}
