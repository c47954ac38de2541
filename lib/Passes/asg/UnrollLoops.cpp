//===- UnrollLoops.cpp - Loops as the steps that they take ----------------===//
#include "InlineBranches.h"
#include "Matchers.h"
#include "asgc/Passes.h"

#include <algorithm>

using namespace mlir;

namespace asgc {
#define GEN_PASS_DEF_ASGUNROLLLOOPS
#include "asgc/Passes.h.inc"

namespace {

/// Loops in loops multiply: a small file could ask for any amount of ops.
constexpr int64_t kMaxCopied = 1'000'000;

/// Unrolls one loop in front of it.
class Unroller {
public:
  explicit Unroller(asg::LoopOp loop)
      : loop(loop), builder(loop), loc(loop.getLoc()),
        body(SymbolTable::lookupNearestSymbolFrom<asg::GraphOp>(
            loop, loop.getBodyAttr())) {}

  /// The most steps that it can take; none if that is not known.
  std::optional<int64_t> findMost();
  /// Adds the ops that it copies to `copied`; stops early beyond kMaxCopied.
  void unroll(int64_t most, int64_t &copied);

private:
  std::optional<int64_t> boundOf(const DimExpr &extent) {
    return extent.maximumWithin([&](std::string_view name) {
      return loop->getParentOfType<asg::GraphOp>().getDimBound(name);
    });
  }
  std::optional<int64_t> boundOf(Value value, int depth = 0);
  Value number(int64_t value) {
    return asg::buildSplat(builder, loc,
                           RankedTensorType::get({}, builder.getI64Type()),
                           builder.getI64IntegerAttr(value));
  }
  Value isBelow(int64_t step, Value limit) {
    return asg::CompareOp::create(builder, loc, asg::Predicate::gt, limit,
                                  number(step));
  }
  Value both(Value a, Value b) {
    return a && b ? asg::AndOp::create(builder, loc, a, b) : a ? a : b;
  }
  /// `x` if the step is taken, which null says is certain; else `otherwise`.
  Value choose(Value isTaken, Value x, Value otherwise);
  Value stack(ArrayRef<Value> parts, RankedTensorType type);

  asg::LoopOp loop;
  OpBuilder builder;
  Location loc;
  asg::GraphOp body;
};

/// The number that `value` is if it is a constant.
std::optional<int64_t> constantOf(Value value) {
  auto number = dyn_cast_or_null<IntegerAttr>(getSplat(value));
  return number ? std::optional(number.getInt()) : std::nullopt;
}

std::optional<int64_t> least(std::optional<int64_t> a,
                             std::optional<int64_t> b) {
  return a && b ? std::min(*a, *b) : a ? a : b;
}

/// What an integer is at most, if its ops say so.
std::optional<int64_t> Unroller::boundOf(Value value, int depth) {
  constexpr int kMaxDepth = 8;
  if (auto number = constantOf(value))
    return number;
  Operation *op = value.getDefiningOp();
  if (!op || depth > kMaxDepth)
    return std::nullopt;
  if (auto dim = dyn_cast<asg::DimOp>(op)) {
    auto extent = DimExpr::parse(dim.getExtent());
    return extent ? boundOf(*extent) : std::nullopt;
  }
  if (auto min = dyn_cast<asg::MinOp>(op))
    return least(boundOf(min.getLhs(), depth + 1),
                 boundOf(min.getRhs(), depth + 1));
  if (auto reshape = dyn_cast<asg::ReshapeOp>(op))
    return boundOf(reshape.getX(), depth + 1);
  return std::nullopt;
}

std::optional<int64_t> Unroller::findMost() {
  std::optional<int64_t> most;
  if (auto places = loop.getPlaces())
    most = boundOf(*places);
  if (loop.getCount())
    most = least(most, boundOf(loop.getCount()));
  return most ? std::optional(std::max<int64_t>(*most, 0)) : std::nullopt;
}

Value Unroller::choose(Value isTaken, Value x, Value otherwise) {
  if (!isTaken || x == otherwise)
    return x;
  RankedTensorType type = getTensorType(x);
  Value wide =
      asg::buildBroadcast(builder, loc, isTaken,
                          asg::withElementType(type, builder.getI1Type()), {});
  return asg::SelectOp::create(builder, loc, type, wide, x, otherwise);
}

/// Parts one after the other along a new first axis, and zeros behind them.
Value Unroller::stack(ArrayRef<Value> parts, RankedTensorType type) {
  auto dims = asg::getDims(type);
  Type element = type.getElementType();
  std::optional<int64_t> places = dims[0].asConstant();
  auto typeOf = [&](int64_t extent) {
    dims[0] = DimExpr(extent);
    return asg::getTensorType(builder.getContext(), dims, element);
  };
  int64_t count = parts.size();
  SmallVector<Value> rows;
  for (Value part : parts)
    rows.push_back(asg::ReshapeOp::create(builder, loc, typeOf(1), part));
  // Beyond the last row, gather takes that one.
  int64_t rest = places ? *places - count
                 : boundOf(dims[0]).value_or(INT64_MAX) > count ? 1
                                                                : 0;
  if (rest > 0 || rows.empty()) {
    rows.push_back(asg::buildSplat(builder, loc, typeOf(rest), 0.0));
    count += rest;
  }
  Value all = rows.size() == 1
                  ? rows[0]
                  : asg::ConcatOp::create(builder, loc, rows, 0).getResult();
  if (places)
    return all;
  // A run-time extent, of which the parts are as many as there can be.
  dims = asg::getDims(type);
  Value place = asg::IotaOp::create(
      builder, loc,
      asg::getTensorType(builder.getContext(), dims[0], builder.getI64Type()),
      0);
  return asg::GatherOp::create(builder, loc, all, place, 0, 0);
}

void Unroller::unroll(int64_t most, int64_t &copied) {
  SmallVector<Value> carried(loop.getInits());
  SmallVector<SmallVector<Value>> collected(loop.getCollected().size());
  Value count = loop.getCount(), goesOn = loop.getCondition();
  if (count && constantOf(count))
    count = {}; // `most` is not above it
  Value places;
  if (auto extent = loop.getPlaces(); extent && !extent->asConstant())
    places = asg::DimOp::create(builder, loc,
                                RankedTensorType::get({}, builder.getI64Type()),
                                extent->str());
  for (int64_t step = 0; step < most && copied <= kMaxCopied; ++step) {
    SmallVector<Value> arguments{number(step)};
    llvm::append_range(arguments, carried);
    llvm::append_range(arguments, loop.getInvariants());
    SmallVector<Value> results = copyBody(builder, body, arguments, copied);
    Value isTaken = both(goesOn, count ? isBelow(step, count) : Value());
    // A collected value is cut to its places, a carried one may not see them.
    Value isCarried = both(isTaken, places ? isBelow(step, places) : Value());
    if (loop.getCondition()) {
      goesOn = both(goesOn, results.front());
      results.erase(results.begin());
    }
    for (auto [value, next] : llvm::zip(carried, results))
      value = choose(isCarried, next, value);
    for (auto [parts, next] : llvm::zip_equal(
             collected, ArrayRef(results).drop_front(carried.size())))
      parts.push_back(choose(
          isTaken, next,
          isTaken ? asg::buildSplat(builder, loc, getTensorType(next), 0.0)
                  : next));
  }
  for (auto [value, parts] : llvm::zip_equal(loop.getCollected(), collected))
    carried.push_back(stack(parts, getTensorType(value)));
  loop->replaceAllUsesWith(carried);
  loop.erase();
}

struct UnrollLoopsPass final : impl::AsgUnrollLoopsBase<UnrollLoopsPass> {
  using AsgUnrollLoopsBase::AsgUnrollLoopsBase;

  void runOnOperation() final {
    int64_t copied = 0;
    for (auto graph : getOperation().getOps<asg::GraphOp>()) {
      bool hasGradients = false;
      graph.walk([&](asg::GradientOp) { hasGradients = true; });
      if ((all || hasGradients) && failed(unrollIn(graph, copied)))
        return signalPassFailure();
    }
    dropUncalledGraphs(getOperation());
  }

  /// Loops of the bodies that are copied into `graph` as well.
  LogicalResult unrollIn(asg::GraphOp graph, int64_t &copied) {
    llvm::SmallPtrSet<Operation *, 4> kept;
    for (bool isDone = false; !isDone;) {
      SmallVector<asg::LoopOp> loops;
      graph.walk([&](asg::LoopOp loop) {
        if (!kept.contains(loop))
          loops.push_back(loop);
      });
      isDone = loops.empty();
      for (asg::LoopOp loop : loops) {
        Unroller unroller(loop);
        std::optional<int64_t> most = unroller.findMost();
        if (!most || *most > maxSteps) {
          kept.insert(loop);
          continue;
        }
        unroller.unroll(*most, copied);
        ++unrolled;
        if (copied > kMaxCopied)
          return graph.emitOpError() << "makes more than " << kMaxCopied
                                     << " ops of the steps of its loops";
      }
    }
    return success();
  }
};

} // namespace
} // namespace asgc
