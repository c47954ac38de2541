//===- Sweep.cpp - A walk along the vector dim ----------------------------===//
#include "Sweep.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;

bool kernels::canMaskAll(const Model &model, KernelBuilder &b) {
  auto isFine = [&](const Operand &operand, bool isWrite) {
    if (operand.isWhole || !has(operand.varies, model.vectorDim))
      return true;
    bool isContiguous = operand.access.strides[model.vectorDim] == DimExpr(1);
    // Gathers avoid masks; scatters need those that also serve bytes.
    return isContiguous ? b.canMask(storageType(operand.element))
                        : !isWrite || b.canMask(b.intType(8));
  };
  return llvm::all_of(model.reads, [&](auto &o) { return isFine(o, false); }) &&
         llvm::all_of(model.writes, [&](auto &o) { return isFine(o, true); });
}

std::optional<int64_t> kernels::constantOf(Value value) {
  APInt number;
  if (matchPattern(value, m_ConstantInt(&number)))
    return number.getSExtValue();
  return std::nullopt;
}

Value kernels::roundDown(KernelBuilder &b, Value count, int64_t step) {
  if (auto known = constantOf(count))
    return b.i64(*known / step * step);
  return b.andI(count, b.i64(-step)); // a power of two
}

Value kernels::laneMask(KernelBuilder &b, Value from, Value to) {
  auto first = constantOf(from), last = constantOf(to);
  Value left = first && last
                   ? b.i32(*last - *first)
                   : b.cast(Cast::TruncI, b.subI(to, from), b.intType(32));
  return b.test(arith::CmpIPredicate::slt, b.iota(b.intType(32)), left);
}

//===- Sweep --------------------------------------------------------------===//

int64_t Sweep::chooseUnroll(ArrayRef<Value> roots) const {
  double cost = 0;
  auto isKnown = [&](Value value) {
    return !has(model.varies(value), model.vectorDim);
  };
  for (Operation *op : model.slice(roots, isKnown))
    cost += Model::costOf(op);
  // Code is not free, and long bodies gain little.
  int64_t count = cost <= 10 ? 4 : cost <= 60 ? 2 : 1;
  if (!reduces.empty())
    count = std::max<int64_t>(count, 2);
  int64_t bound = model.bounds[model.vectorDim];
  while (count > 1 && count * b.lanes > bound)
    count /= 2;
  // A loop that needs no rest is worth a shorter step.
  if (auto extent = model.space[model.vectorDim].asConstant())
    for (int64_t less = count; less >= 1; less /= 2)
      if (*extent % (less * b.lanes) == 0)
        return less;
  return count;
}

Sweep::Sweep(const Model &model, KernelBuilder &builder, ArrayRef<Value> roots,
             ArrayRef<plan::ReduceOp> reduces)
    : model(model), b(builder), roots(roots),
      prepare([this](Scope &slot) { slot.emitLoads(this->roots); }),
      reduces(reduces), isMasked(canMaskAll(model, builder)),
      unroll(chooseUnroll(roots)) {}

Values Sweep::start() {
  Values carried;
  for (plan::ReduceOp reduce : reduces) {
    Value first = identity(b, reduce.getKind(), registerType(reduce.getType()));
    carried.push_back(isMasked ? b.widen(first) : first);
  }
  return carried;
}

Values Sweep::finish(Values carried) {
  for (auto [reduce, value] : llvm::zip(reduces, carried))
    value = combineLanes(b, reduce.getKind(), value);
  return carried;
}

Values Sweep::combineAll(Values x, Values y) {
  for (auto [index, reduce] : llvm::enumerate(reduces))
    x[index] = combine(b, reduce.getKind(), x[index], y[index]);
  return x;
}

Values Sweep::run(Scope &row, Value from, Value to, Values carried) {
  if (b.lanes == 1)
    return runScalar(row, from, to, std::move(carried));
  auto first = constantOf(from), last = constantOf(to);
  Value count = first && last ? b.i64(*last - *first) : b.subI(to, from);
  // With masks, a single vector at a time needs no loop of its own for the
  // rest, but whole vectors are cheaper without.
  Value whole = roundDown(b, count, unroll * b.lanes);
  Value middle =
      first && last ? b.i64(*first + *constantOf(whole)) : b.addI(from, whole);
  carried = runUnrolled(row, from, middle, std::move(carried));
  return isMasked ? runMasked(row, middle, to, std::move(carried))
                  : runScalar(row, middle, to, std::move(carried));
}

/// Mixes the slots' instructions, one of each by turns. Each instruction of a
/// long body waits for the one before it, and a processor does not look far
/// enough ahead to find the next slot by itself.
static void interleave(ArrayRef<SmallVector<Operation *>> slots) {
  auto isLikeFirst = [&](const SmallVector<Operation *> &slot) {
    return slot.size() == slots[0].size();
  };
  if (!llvm::all_of(slots, isLikeFirst))
    return;
  for (size_t index = 0; index < slots[0].size(); ++index)
    for (size_t slot = 1; slot < slots.size(); ++slot)
      slots[slot][index]->moveAfter(slots[slot - 1][index]);
}

/// What `emit` appends to the block, or nothing if it goes on in another one.
static SmallVector<Operation *> recordOps(KernelBuilder &b,
                                          llvm::function_ref<void()> emit) {
  Block *block = b.builder.getInsertionBlock();
  Operation *last = block->empty() ? nullptr : &block->back();
  emit();
  SmallVector<Operation *> ops;
  if (b.builder.getInsertionBlock() != block)
    return ops;
  auto first = last ? std::next(last->getIterator()) : block->begin();
  for (Operation &op : llvm::make_range(first, block->end()))
    ops.push_back(&op);
  return ops;
}

Values Sweep::runUnrolled(Scope &row, Value from, Value to, Values carried) {
  auto first = constantOf(from), last = constantOf(to);
  if (first && last && *first >= *last)
    return carried;
  // The first vector goes on with what is carried, unless that is scalar.
  size_t each = reduces.size();
  Values sums;
  for (int64_t slot = 0; slot < unroll; ++slot)
    for (auto [index, reduce] : llvm::enumerate(reduces)) {
      Value identityOf = b.widen(
          identity(b, reduce.getKind(), registerType(reduce.getType())));
      sums.push_back(slot == 0 && isMasked ? carried[index] : identityOf);
    }
  auto step = [&](Value index, ValueRange before) {
    SmallVector<std::unique_ptr<Scope>> slots;
    for (int64_t slot = 0; slot < unroll; ++slot) {
      slots.push_back(std::make_unique<Scope>(row));
      Value at = slot == 0 ? index : b.addI(index, b.i64(slot * b.lanes));
      slots.back()->openLanes(at, {});
      prepare(*slots.back());
    }
    Values after;
    SmallVector<SmallVector<Operation *>> ops;
    for (auto [slot, scope] : llvm::enumerate(slots)) {
      Values values;
      ops.push_back(recordOps(b, [&] { values = body(*scope); }));
      auto sum = before.slice(slot * each, each);
      llvm::append_range(after, combineAll(Values(sum), values));
    }
    interleave(ops);
    return after;
  };
  sums = b.loop(from, to, unroll * b.lanes, sums, step);
  // Neighbours first, so that the order does not depend on the loop.
  for (int64_t distance = 1; distance < unroll; distance *= 2)
    for (int64_t slot = 0; slot + distance < unroll; slot += 2 * distance)
      for (auto [index, reduce] : llvm::enumerate(reduces)) {
        Value &sum = sums[slot * each + index];
        sum = combine(b, reduce.getKind(), sum,
                      sums[(slot + distance) * each + index]);
      }
  sums.truncate(each);
  if (isMasked)
    return sums;
  return combineAll(std::move(carried), finish(std::move(sums)));
}

Values Sweep::runMasked(Scope &row, Value from, Value to, Values carried) {
  return b.loop(from, to, b.lanes, carried,
                [&](Value index, ValueRange before) {
                  Scope slot(row);
                  slot.openLanes(index, laneMask(b, index, to));
                  prepare(slot);
                  Values after = combineAll(Values(before), body(slot));
                  for (auto [sum, value] : llvm::zip(before, after))
                    value = b.choose(slot.mask, value, sum);
                  return after;
                });
}

Values Sweep::runScalar(Scope &row, Value from, Value to, Values carried) {
  int64_t lanes = std::exchange(b.lanes, 1);
  Values result =
      b.loop(from, to, 1, carried, [&](Value index, ValueRange before) {
        Scope slot(row);
        slot.openLanes(index, {});
        prepare(slot);
        return combineAll(Values(before), body(slot));
      });
  b.lanes = lanes;
  return result;
}
