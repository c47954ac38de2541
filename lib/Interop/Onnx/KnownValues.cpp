//===- KnownValues.cpp - What is known of values at import ----------------===//
#include "lib/Interop/Onnx/KnownValues.h"

#include "asgc/Interpreter.h"

using namespace mlir;

namespace asgc::interop {

/// Chains longer than this, and tensors larger, are not followed.
static constexpr int kMaxChain = 1000;
static constexpr int64_t kMaxKnown = int64_t(1) << 20;

const HostTensor *KnownValues::find(Value x) {
  return x ? findAt(x, 0) : nullptr;
}

const HostTensor *KnownValues::findAt(Value x, int depth) {
  if (const HostTensor *value = evaluate(x, depth))
    return value;
  // Of a shape some extents may be known, and these be all that is asked for.
  auto parts = evaluateExtents(x, depth);
  auto type = cast<RankedTensorType>(x.getType());
  auto dtype = getDType(type.getElementType());
  if (!parts || int64_t(parts->size()) != type.getNumElements())
    return nullptr;
  auto value =
      HostTensor::make(dtype, {type.getShape().begin(), type.getShape().end()});
  for (auto [index, part] : llvm::enumerate(*parts)) {
    auto number = part.asConstant();
    if (!value || !number)
      return nullptr;
    value->setInteger(int64_t(index), *number);
  }
  std::optional<HostTensor> &kept = values[x.getAsOpaquePointer()];
  kept = std::move(value);
  return &*kept;
}

const HostTensor *KnownValues::evaluate(Value x, int depth) {
  if (auto found = given.find(x); found != given.end()) {
    usedValues.insert(*found);
    return found->second;
  }
  Operation *op = x.getDefiningOp();
  if (!op || depth > kMaxChain || op->getNumResults() != 1 ||
      op->getNumRegions() != 0)
    return nullptr;
  auto type = cast<RankedTensorType>(x.getType());
  if (!type.hasStaticShape() || type.getNumElements() > kMaxKnown)
    return nullptr;
  auto [it, isNew] = values.try_emplace(x.getAsOpaquePointer());
  if (!isNew)
    return it->second ? &*it->second : nullptr;
  std::optional<HostTensor> &result = it->second; // stays put in a std::map
  if (auto constant = dyn_cast<asg::ConstantOp>(op)) {
    if (auto value = dyn_cast<DenseElementsAttr>(constant.getValue()))
      result = hostTensorOf(value);
    return result ? &*result : nullptr;
  }
  if (isa<asg::DimOp, asg::ReadOp>(op) || !isPure(op))
    return nullptr;
  std::vector<HostTensor> operands;
  for (Value operand : op->getOperands()) {
    const HostTensor *value = evaluate(operand, depth + 1);
    if (!value)
      return nullptr;
    operands.push_back(*value);
  }
  auto computed = interpretOp(op, operands);
  if (failed(computed))
    return nullptr;
  result = std::move(computed->front());
  return &*result;
}

std::optional<Extents> KnownValues::findExtents(Value x) {
  return x ? evaluateExtents(x, 0) : std::nullopt;
}

/// x and y element by element; a single element goes with all.
template <typename Function>
static std::optional<Extents> combine(const std::optional<Extents> &x,
                                      const std::optional<Extents> &y,
                                      Function function) {
  if (!x || !y || (x->size() != y->size() && x->size() != 1 && y->size() != 1))
    return std::nullopt;
  Extents result;
  for (size_t i = 0; i < std::max(x->size(), y->size()); ++i) {
    std::optional<DimExpr> one =
        function((*x)[x->size() == 1 ? 0 : i], (*y)[y->size() == 1 ? 0 : i]);
    if (!one)
      return std::nullopt;
    result.push_back(*one);
  }
  return result;
}

/// Whether `predicate` holds for all values of the symbols; nothing if for
/// some.
static std::optional<bool> decide(asg::Predicate predicate, const DimExpr &a,
                                  const DimExpr &b) {
  DimExpr difference = a - b;
  auto least = difference.minimum(), most = difference.maximum();
  bool isBelow = most && *most < 0, isAbove = least && *least > 0;
  bool isAtMost = most && *most <= 0, isAtLeast = least && *least >= 0;
  auto settle = [](bool holds, bool fails) {
    return holds || fails ? std::optional(holds) : std::nullopt;
  };
  switch (predicate) {
  case asg::Predicate::eq:
    return settle(isAtMost && isAtLeast, isBelow || isAbove);
  case asg::Predicate::ne:
    return settle(isBelow || isAbove, isAtMost && isAtLeast);
  case asg::Predicate::lt:
    return settle(isBelow, isAtLeast);
  case asg::Predicate::le:
    return settle(isAtMost, isAbove);
  case asg::Predicate::gt:
    return settle(isAbove, isAtMost);
  case asg::Predicate::ge:
    return settle(isAtLeast, isBelow);
  }
  return std::nullopt;
}

std::optional<Extents> KnownValues::evaluateExtents(Value x, int depth) {
  auto type = cast<RankedTensorType>(x.getType());
  if (type.getRank() > 1 || !type.hasStaticShape() || depth > kMaxChain ||
      !isa<IntegerType>(type.getElementType()))
    return std::nullopt;
  const void *key = x.getAsOpaquePointer();
  if (auto found = extents.find(key); found != extents.end())
    return found->second;
  auto result = computeExtents(x, depth);
  extents[key] = result;
  return result;
}

/// Of a scalar or vector of integers or bools with a static shape.
std::optional<Extents> KnownValues::computeExtents(Value x, int depth) {
  auto type = cast<RankedTensorType>(x.getType());
  if (const HostTensor *value = evaluate(x, depth)) {
    Extents result;
    for (int64_t i = 0; i < value->numElements(); ++i)
      result.push_back(DimExpr(value->getInteger(i)));
    return result;
  }
  Operation *op = x.getDefiningOp();
  auto operand = [&](unsigned index) {
    return evaluateExtents(op->getOperand(index), depth + 1);
  };
  if (!op)
    return std::nullopt;
  if (auto dim = dyn_cast<asg::DimOp>(op)) {
    auto extent = DimExpr::parse(dim.getExtent());
    return extent ? std::optional(Extents{*extent}) : std::nullopt;
  }
  if (isa<asg::ReshapeOp, asg::CastOp>(op))
    return operand(0);
  if (isa<asg::BroadcastOp>(op)) {
    auto one = operand(0);
    if (one && one->size() == 1)
      return Extents(type.getNumElements(), one->front());
    return one && int64_t(one->size()) == type.getNumElements() ? one
                                                                : std::nullopt;
  }
  if (isa<asg::ConcatOp>(op)) {
    Extents all;
    for (unsigned i = 0; i < op->getNumOperands(); ++i) {
      auto part = operand(i);
      if (!part)
        return std::nullopt;
      all.append(*part);
    }
    return all;
  }
  if (auto slice = dyn_cast<asg::SliceOp>(op)) {
    auto all = operand(0);
    if (!all || type.getRank() != 1)
      return std::nullopt;
    Extents part;
    int64_t start = slice.getStarts()[0];
    if (start < 0)
      start += int64_t(all->size());
    for (int64_t i = 0; i < type.getDimSize(0); ++i)
      part.push_back((*all)[start + i * slice.getStrides()[0]]);
    return part;
  }
  if (auto gather = dyn_cast<asg::GatherOp>(op)) {
    auto all = operand(0);
    const HostTensor *indices = findAt(gather.getIndices(), depth + 1);
    if (!all || !indices || all->empty())
      return std::nullopt;
    Extents part;
    for (int64_t i = 0; i < indices->numElements(); ++i)
      part.push_back((*all)[std::clamp<int64_t>(indices->getInteger(i), 0,
                                                int64_t(all->size()) - 1)]);
    return part;
  }
  using Maybe = std::optional<DimExpr>;
  if (isa<asg::AddOp>(op))
    return combine(operand(0), operand(1),
                   [](auto a, auto b) { return Maybe(a + b); });
  if (isa<asg::SubOp>(op))
    return combine(operand(0), operand(1),
                   [](auto a, auto b) { return Maybe(a - b); });
  if (isa<asg::MulOp>(op))
    return combine(operand(0), operand(1),
                   [](auto a, auto b) { return Maybe(a * b); });
  if (isa<asg::MaxOp, asg::MinOp>(op))
    return combine(operand(0), operand(1), [op](auto a, auto b) {
      auto isLess = decide(asg::Predicate::le, a, b);
      return isLess ? Maybe(*isLess == isa<asg::MinOp>(op) ? a : b) : Maybe();
    });
  if (auto compare = dyn_cast<asg::CompareOp>(op))
    return combine(operand(0), operand(1), [&](auto a, auto b) {
      auto holds = decide(compare.getPredicate(), a, b);
      return holds ? Maybe(DimExpr(*holds)) : Maybe();
    });
  if (isa<asg::SelectOp>(op)) {
    auto conditions = operand(0), yes = operand(1), no = operand(2);
    if (!conditions || !yes || !no)
      return std::nullopt;
    Extents chosen;
    for (auto [condition, a, b] : llvm::zip_equal(*conditions, *yes, *no)) {
      auto known = condition.asConstant();
      if (!known && !(a == b))
        return std::nullopt;
      chosen.push_back(!known || *known ? a : b);
    }
    return chosen;
  }
  if (isa<asg::DivOp>(op))
    return combine(operand(0), operand(1), [](auto a, auto b) {
      Maybe exact = a.divideExactly(b);
      auto divisor = b.asConstant();
      auto least = a.minimum(); // floor is truncation from zero up
      if (exact || !divisor || *divisor <= 0 || !least || *least < 0)
        return exact;
      return Maybe(a.floorDiv(*divisor));
    });
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Bounds
//===----------------------------------------------------------------------===//

std::optional<int64_t> maximumOf(const DimExpr &extent,
                                 const DimBounds &bounds) {
  return extent.maximumWithin(
      [&](std::string_view symbol) -> std::optional<int64_t> {
        auto found = bounds.find(std::string(symbol));
        return found == bounds.end() ? std::nullopt
                                     : std::optional(found->second);
      });
}

bool limit(const DimExpr &extent, int64_t most, DimBounds &bounds) {
  auto fits = [&](const DimBounds &tried) {
    auto maximum = maximumOf(extent, tried);
    return maximum && *maximum <= most;
  };
  if (fits(bounds))
    return true;
  std::vector<std::string> symbols = extent.symbols();
  auto lowered = [&](int64_t bound) {
    DimBounds tried = bounds;
    for (const std::string &symbol : symbols)
      if (auto found = tried.find(symbol); found != tried.end())
        found->second = std::min(found->second, bound);
    return tried;
  };
  if (!fits(lowered(1)))
    return false;
  int64_t low = 1, high = 1; // fits, and the most that may
  for (const std::string &symbol : symbols)
    if (auto found = bounds.find(symbol); found != bounds.end())
      high = std::max(high, found->second);
  while (low < high) {
    int64_t middle = low + (high - low + 1) / 2;
    if (fits(lowered(middle)))
      low = middle;
    else
      high = middle - 1;
  }
  bounds = lowered(low);
  return true;
}

/// Both operands of a minimum are followed, so deep chains would take forever.
static constexpr int kMaxBoundDepth = 8;

static std::optional<int64_t> findMaximum(KnownValues &known, Value x,
                                          const DimBounds &bounds, int depth) {
  auto type = dyn_cast<IntegerType>(Emitter::elementOf(x));
  if (!type || depth > kMaxBoundDepth)
    return std::nullopt;
  if (auto extents = known.findExtents(x)) {
    std::optional<int64_t> most;
    for (const DimExpr &extent : *extents) {
      auto one = maximumOf(extent, bounds);
      if (!one)
        return std::nullopt;
      most = std::max(most.value_or(*one), *one);
    }
    return most;
  }
  Operation *op = x.getDefiningOp();
  auto operand = [&](unsigned index) {
    return findMaximum(known, op->getOperand(index), bounds, depth + 1);
  };
  if (isa_and_nonnull<asg::ReshapeOp, asg::BroadcastOp>(op))
    return operand(0);
  if (auto cast = dyn_cast_or_null<asg::CastOp>(op)) {
    auto narrow = dyn_cast<IntegerType>(Emitter::elementOf(cast.getX()));
    return narrow && narrow.getWidth() <= type.getWidth() ? operand(0)
                                                          : std::nullopt;
  }
  if (!isa_and_nonnull<asg::MinOp, asg::MaxOp>(op))
    return std::nullopt;
  auto a = operand(0), b = operand(1);
  if (isa<asg::MaxOp>(op))
    return a && b ? std::optional(std::max(*a, *b)) : std::nullopt;
  return a && b ? std::min(*a, *b) : a ? a : b;
}

std::optional<int64_t> KnownValues::findMaximum(Value x,
                                                const DimBounds &bounds) {
  return interop::findMaximum(*this, x, bounds, 0);
}

} // namespace asgc::interop
