//===- Row.cpp - Kernels that reduce along the vector dim -----------------===//
#include "GridKernel.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;

//===- What each pass computes --------------------------------------------===//

bool GridKernel::isPointWrite(int64_t index) const {
  Dims varies = model.writes[index].varies;
  return shape == Shape::Row ? has(varies, model.vectorDim)
                             : (varies & model.reduced) != 0;
}

/// Writes go with the last pass that reductions need if they can, else they
/// have one of their own.
int64_t GridKernel::lastPass() const {
  int64_t last = model.passes - 1;
  for (auto [index, value] : llvm::enumerate(model.yields()))
    if (model.writes[index].varies & model.reduced)
      last = std::max(last, model.passOf(value));
  return last;
}

SmallVector<plan::ReduceOp> GridKernel::reducesOf(int64_t pass) const {
  SmallVector<plan::ReduceOp> reduces;
  for (plan::ReduceOp reduce : model.reduces)
    if (model.passOf(reduce.getValue()) == pass)
      reduces.push_back(reduce);
  return reduces;
}

SmallVector<int64_t> GridKernel::pointWritesOf(int64_t pass) const {
  SmallVector<int64_t> writes;
  for (int64_t index = 0; index < std::ssize(model.writes); ++index)
    if (pass == lastPass() && isPointWrite(index))
      writes.push_back(index);
  return writes;
}

SmallVector<Value> GridKernel::rootsOf(int64_t pass) const {
  SmallVector<Value> roots;
  for (plan::ReduceOp reduce : reducesOf(pass))
    roots.push_back(reduce.getValue());
  for (int64_t index : pointWritesOf(pass))
    roots.push_back(model.yields()[index]);
  return roots;
}

//===- Values kept from pass to pass --------------------------------------===//

// A pass that needs a value which an earlier one has computed reads it from
// scratch if computing it again costs more than that.

namespace {
constexpr double kKeepCost = 6;

Type keptType(Value value) {
  Type type = registerType(value.getType());
  return type.isInteger(1) ? IntegerType::get(type.getContext(), 8) : type;
}
} // namespace

void GridKernel::planKept() {
  if (reducedDims().size() != 1 || hasChunks())
    return;
  SmallVector<llvm::DenseSet<Value>> computed;
  for (int64_t pass = 0; pass <= lastPass(); ++pass)
    addKept(pass, computed);
  int64_t bytes = 0;
  for (Kept &keep : kept) {
    keep.offset = bytes;
    // Whole vectors are stored, also the last one.
    int64_t elements = model.bounds[model.vectorDim] + 64;
    bytes += llvm::alignTo(elements * bytesOf(keptType(keep.value)), 64);
  }
  launches[0].scratchBytes = bytes;
}

/// Finds what pass `pass` should read from scratch; `computed` lists what each
/// earlier pass computes, and gets what this one does.
void GridKernel::addKept(int64_t pass,
                         SmallVectorImpl<llvm::DenseSet<Value>> &computed) {
  auto isKnown = [&](Value value) {
    return !has(model.varies(value), model.vectorDim) ||
           llvm::any_of(kept, [&](const Kept &k) { return k.value == value; });
  };
  SmallVector<Value> roots = rootsOf(pass);
  auto earlier = [&](Value value) -> std::optional<int64_t> {
    for (auto [index, values] : llvm::enumerate(computed))
      if (values.contains(value))
        return index;
    return std::nullopt;
  };
  auto findNew = [&]() -> bool {
    // The last in order: nearest to what the pass is for.
    SmallVector<Operation *> ops = model.slice(roots, isKnown);
    for (Operation *op : llvm::reverse(ops)) {
      if (op->getNumResults() != 1)
        continue;
      Value value = op->getResult(0);
      std::optional<int64_t> first = earlier(value);
      if (!first || isKnown(value))
        continue;
      double cost = 0;
      for (Operation *part : model.slice(value, isKnown))
        cost += Model::costOf(part);
      if (cost < kKeepCost)
        continue;
      kept.push_back({.value = value, .firstPass = *first});
      return true;
    }
    return false;
  };
  while (findNew())
    ;
  computed.emplace_back();
  for (Operation *op : model.slice(roots, isKnown))
    computed.back().insert_range(op->getResults());
}

/// Reads from scratch what pass `pass` needs of it.
void GridKernel::useKept(Scope &slot, int64_t pass) {
  KernelBuilder &b = slot.b;
  SmallVector<Value> roots = rootsOf(pass);
  auto isKept = [&](Value value) {
    return llvm::any_of(kept, [&](const Kept &k) {
      return k.value == value && k.firstPass < pass;
    });
  };
  llvm::DenseSet<Value> used(roots.begin(), roots.end());
  for (Operation *op : model.slice(roots, isKept))
    used.insert_range(op->getOperands());
  for (const Kept &keep : kept) {
    if (keep.firstPass >= pass || !used.contains(keep.value))
      continue;
    Type type = keptType(keep.value);
    Value place = b.address(scratch, b.i64(keep.offset), 1);
    place = b.address(place, slot.coordinate(model.vectorDim), bytesOf(type));
    Value value = b.load(place, type, true, {});
    if (keep.value.getType().isInteger(1))
      value = b.test(arith::CmpIPredicate::ne, value, b.integer(0, 8));
    slot.define(keep.value, value);
  }
}

void GridKernel::storeKept(Scope &slot, int64_t pass) {
  KernelBuilder &b = slot.b;
  for (const Kept &keep : kept) {
    if (keep.firstPass != pass)
      continue;
    Type type = keptType(keep.value);
    Value value = b.widen(slot.find(keep.value));
    if (keep.value.getType().isInteger(1))
      value = b.cast(Cast::ExtU, value, type);
    Value place = b.address(scratch, b.i64(keep.offset), 1);
    place = b.address(place, slot.coordinate(model.vectorDim), bytesOf(type));
    b.store(place, value, {}, false);
  }
}

//===- Emission -----------------------------------------------------------===//

void GridKernel::emitRow(Scope &scope, const Task &task) {
  if (isSmallRow(scope.b))
    return emitSmallRow(scope);
  for (int64_t pass = 0; pass <= lastPass(); ++pass) {
    scope.emitInvariant(pass);
    SmallVector<Value> roots = rootsOf(pass);
    Sweep sweep(model, scope.b, roots, reducesOf(pass));
    sweep.prepare = [&](Scope &slot) {
      useKept(slot, pass);
      slot.emitLoads(roots);
    };
    sweep.body = [&](Scope &slot) {
      emitPrefetches(slot, pass);
      slot.emit(roots);
      storeKept(slot, pass);
      for (int64_t index : pointWritesOf(pass))
        slot.store(index);
      Values values;
      for (plan::ReduceOp reduce : sweep.reduces)
        values.push_back(slot.find(reduce.getValue()));
      return values;
    };
    Values results = sweep.finish(
        sweepNest(scope, task, reducedDims(), pass, sweep, sweep.start()));
    if (hasChunks())
      return storePartials(scope, task, results);
    for (auto [reduce, result] : llvm::zip(sweep.reduces, results))
      scope.define(reduce, result);
  }
  finishRow(scope);
}

/// The loops over the reduced dims, the vector dim last.
Values GridKernel::sweepNest(Scope &scope, const Task &task,
                             ArrayRef<int64_t> dims, int64_t pass, Sweep &sweep,
                             Values carried) {
  KernelBuilder &b = scope.b;
  int64_t dim = dims.front();
  bool isChunk = task.chunk && dim == firstReducedDim();
  Value from = isChunk ? task.chunkFrom : b.i64(0);
  Value to = isChunk ? task.chunkTo : b.extent(model.space[dim]);
  if (dim == model.vectorDim)
    return sweep.run(scope, from, to, std::move(carried));
  return b.loop(from, to, 1, carried, [&](Value index, ValueRange before) {
    Scope inner(scope);
    inner.open(dim, index);
    inner.emitInvariant(pass);
    storeAt(inner, dim, pass);
    return sweepNest(inner, task, dims.drop_front(), pass, sweep,
                     Values(before));
  });
}

/// Stores writes that vary along reduced dims, of which `dim` is the innermost.
void GridKernel::storeAt(Scope &scope, int64_t dim, int64_t pass) {
  if (pass != lastPass())
    return;
  for (auto [index, write] : llvm::enumerate(model.writes)) {
    Dims varies = write.varies & model.reduced;
    if (has(varies, dim) && !(varies & ~scope.opened))
      scope.storeOnce(index, scope.opened);
  }
}

/// Stores what does not vary along reduced dims.
void GridKernel::finishRow(Scope &scope) {
  scope.emitInvariant(model.passes);
  for (auto [index, write] : llvm::enumerate(model.writes))
    if (!(write.varies & model.reduced))
      scope.storeOnce(index, keptDims());
}

//===- Rows that fit into registers ---------------------------------------===//

bool GridKernel::isSmallRow(KernelBuilder &b) const {
  constexpr double kMostCode = 150;
  auto extent = model.space[model.vectorDim].asConstant();
  if (!extent || *extent < 1 || *extent > 4 * b.lanes ||
      reducedDims().size() != 1 || hasChunks() || !canMaskAll(model, b))
    return false;
  return llvm::divideCeil(*extent, b.lanes) * model.costOfPoint() <= kMostCode;
}

/// The whole row at once: each value is computed once for all passes.
void GridKernel::emitSmallRow(Scope &scope) {
  KernelBuilder &b = scope.b;
  Value end = b.extent(model.space[model.vectorDim]);
  int64_t extent = *model.space[model.vectorDim].asConstant();
  scope.emitInvariant(0);
  SmallVector<std::unique_ptr<Scope>> slots;
  for (int64_t from = 0; from < extent; from += b.lanes) {
    slots.push_back(std::make_unique<Scope>(scope));
    Value mask =
        from + b.lanes > extent ? laneMask(b, b.i64(from), end) : Value();
    slots.back()->openLanes(b.i64(from), mask);
  }
  for (int64_t pass = 0; pass <= lastPass(); ++pass) {
    scope.emitInvariant(pass);
    SmallVector<Value> roots = rootsOf(pass);
    for (auto &slot : slots)
      slot->emitLoads(roots);
    for (auto &slot : slots)
      slot->emit(roots);
    for (plan::ReduceOp reduce : reducesOf(pass)) {
      Values parts;
      for (auto &slot : slots) {
        Value first =
            identity(b, reduce.getKind(), registerType(reduce.getType()));
        Value part = b.widen(slot->find(reduce.getValue()));
        parts.push_back(slot->mask ? b.choose(slot->mask, part, first) : part);
      }
      for (; parts.size() > 1; parts.pop_back())
        parts[parts.size() - 2] =
            combine(b, reduce.getKind(), parts[parts.size() - 2], parts.back());
      scope.define(reduce, combineLanes(b, reduce.getKind(), parts[0]));
    }
    for (auto &slot : slots)
      for (int64_t index : pointWritesOf(pass))
        slot->store(index);
  }
  finishRow(scope);
}
