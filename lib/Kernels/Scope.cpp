//===- Scope.cpp - The values of a body at one place of the loops ---------===//
#include "Scope.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;

Scope::Scope(const Model &model, KernelBuilder &builder, Values pointers)
    : model(model), b(builder), pointers(std::move(pointers)),
      coordinates(model.space.size()),
      hasFailed(std::make_shared<bool>(false)) {}

Scope::Scope(Scope &outer, Scope *second)
    : model(outer.model), b(outer.b), opened(outer.opened), mask(outer.mask),
      outer(&outer), second(second), inLanes(outer.inLanes),
      pointers(outer.pointers), coordinates(outer.coordinates),
      hasFailed(outer.hasFailed) {}

const Operand &Scope::operand(unsigned index) const {
  return index < model.reads.size() ? model.reads[index]
                                    : model.writes[index - model.reads.size()];
}

void Scope::open(ArrayRef<int64_t> dims, ArrayRef<Value> at) {
  for (auto [dim, coordinate] : llvm::zip(dims, at)) {
    opened |= 1u << dim;
    coordinates[dim] = coordinate;
  }
  for (auto [index, pointer] : llvm::enumerate(pointers)) {
    const Operand &access = operand(index);
    Value offset;
    for (auto [dim, coordinate] : llvm::zip(dims, at)) {
      if (access.isWhole || !has(access.varies, dim))
        continue;
      const DimExpr &stride = access.access.strides[dim];
      Value part = stride == DimExpr(1) ? coordinate
                                        : b.mulI(coordinate, b.extent(stride));
      offset = offset ? b.addI(offset, part) : part;
    }
    if (offset)
      pointer = b.address(pointer, offset, bytesOf(access.element));
  }
}

void Scope::openLanes(Value coordinate, Value lanes) {
  open(model.vectorDim, coordinate);
  mask = lanes;
  inLanes = b.lanes > 1;
}

void Scope::note(int64_t dim, Value coordinate) {
  coordinates[dim] = coordinate;
}

Value Scope::find(Value value) const {
  auto it = values.find(value);
  if (it != values.end())
    return it->second;
  Value found = outer ? outer->find(value) : Value();
  return found || !second ? found : second->find(value);
}

//===- Values -------------------------------------------------------------===//

void Scope::emitInvariant(int64_t pass) {
  auto isDue = [&](Value value) {
    return !(model.varies(value) & ~opened) && model.passOf(value) <= pass &&
           !find(value);
  };
  for (auto [index, argument] : llvm::enumerate(model.body->getArguments()))
    if (!model.reads[index].isWhole && isDue(argument))
      define(argument, loadRead(index));
  for (Operation &op : model.body->without_terminator())
    if (!isa<plan::ReduceOp>(op) && llvm::all_of(op.getResults(), isDue))
      emitOp(&op);
}

void Scope::emitLoads(ArrayRef<Value> roots) {
  auto isKnown = [&](Value value) { return bool(find(value)); };
  SmallVector<Operation *> ops = model.slice(roots, isKnown);
  llvm::DenseSet<Value> needed(roots.begin(), roots.end());
  for (Operation *op : ops)
    needed.insert_range(op->getOperands());
  for (auto [index, argument] : llvm::enumerate(model.body->getArguments()))
    if (!model.reads[index].isWhole && needed.contains(argument) &&
        !find(argument))
      define(argument, loadRead(index));
}

void Scope::emit(ArrayRef<Value> roots) {
  emitLoads(roots);
  auto isKnown = [&](Value value) { return bool(find(value)); };
  for (Operation *op : model.slice(roots, isKnown))
    emitOp(op);
}

void Scope::emitOp(Operation *op) {
  if (auto index = dyn_cast<plan::IndexOp>(op))
    return define(index, emitIndex(index.getDim()));
  if (auto extent = dyn_cast<plan::ExtentOp>(op))
    return define(extent, b.extent(*DimExpr::parse(extent.getExtent())));
  if (auto load = dyn_cast<plan::LoadOp>(op))
    return define(load, emitLoad(load));
  Values operands, results;
  for (Value value : op->getOperands())
    operands.push_back(find(value));
  if (!emitScalarOp(b, op, operands, results)) {
    if (!*hasFailed)
      op->emitOpError("has no code on the CPU");
    *hasFailed = true;
    for (Value result : op->getResults()) {
      Type type = registerType(result.getType());
      results.push_back(
          type.isF32() ? b.f32(0) : b.integer(0, type.getIntOrFloatBitWidth()));
    }
  }
  for (auto [result, value] : llvm::zip(op->getResults(), results))
    define(result, value);
}

Value Scope::emitIndex(int64_t dim) {
  if (model.isUnit(dim))
    return b.i64(0);
  Value coordinate = coordinates[dim];
  bool isLane = inLanes && dim == model.vectorDim;
  return isLane ? b.addI(coordinate, b.iota(b.intType(64))) : coordinate;
}

//===- Memory -------------------------------------------------------------===//

/// Offsets of the lanes from lane 0; those of lanes that are no points are 0.
Value Scope::laneOffsets(const DimExpr &stride) {
  constexpr int64_t kMostNarrow = 1 << 24;
  bool isNarrow = stride.asConstant().value_or(kMostNarrow) < kMostNarrow;
  unsigned bits = isNarrow ? 32 : 64;
  Value step = isNarrow ? b.i32(*stride.asConstant()) : b.extent(stride);
  Value offsets = b.mulI(b.iota(b.intType(bits)), step);
  return mask ? b.choose(mask, offsets, b.integer(0, bits)) : offsets;
}

Value Scope::loadRead(unsigned index) {
  const Operand &read = model.reads[index];
  Type storage = storageType(read.element);
  Value pointer = pointers[index];
  if (!inLanes || !has(read.varies, model.vectorDim))
    return decode(b, b.load(pointer, storage, false, {}), read.element);
  const DimExpr &stride = read.access.strides[model.vectorDim];
  Value raw = stride == DimExpr(1)
                  ? b.load(pointer, storage, true, mask)
                  : b.gather(pointer, laneOffsets(stride), storage);
  return decode(b, raw, read.element);
}

Value Scope::isWriteAligned(int64_t index) {
  int64_t bytes = b.lanes * bytesOf(model.writes[index].element);
  return b.isAligned(pointers[model.reads.size() + index], bytes);
}

void Scope::store(int64_t index, bool streaming) {
  const Operand &write = model.writes[index];
  Value pointer = pointers[model.reads.size() + index];
  Value value = find(model.yields()[index]);
  if (!inLanes || !has(write.varies, model.vectorDim)) {
    // A reduction of what does not vary along the lanes is the same in all.
    value = b.extract(value, 0);
    return b.store(pointer, encode(b, value, write.element), {}, false);
  }
  value = encode(b, b.widen(value), write.element);
  const DimExpr &stride = write.access.strides[model.vectorDim];
  if (stride == DimExpr(1))
    b.store(pointer, value, mask, streaming);
  else
    b.scatter(pointer, laneOffsets(stride), value, mask);
}

void Scope::storeOnce(int64_t index, Dims dims) {
  Value condition;
  for (auto [dim, coordinate] : llvm::enumerate(coordinates)) {
    if (!has(dims & ~model.writes[index].varies, dim) || model.isUnit(dim))
      continue;
    Value isFirst = b.test(arith::CmpIPredicate::eq, coordinate, b.i64(0));
    condition = condition ? b.andI(condition, isFirst) : isFirst;
  }
  if (!condition)
    return store(index);
  b.branch(
      condition,
      [&]() -> Values {
        store(index);
        return {};
      },
      []() -> Values { return {}; });
}

void Scope::prefetch(unsigned index, const DimExpr &ahead) {
  Value place = pointers[index];
  if (!(ahead == DimExpr(0)))
    place = b.address(place, b.extent(ahead), bytesOf(operand(index).element));
  b.prefetch(place, /*forWrite=*/index >= model.reads.size());
}

//===- plan.load ----------------------------------------------------------===//

std::optional<int64_t> kernels::laneStride(const Model &model, Value value,
                                           int depth) {
  if (depth == 0)
    return std::nullopt;
  if (!has(model.varies(value), model.vectorDim))
    return 0;
  Operation *op = value.getDefiningOp();
  if (!op)
    return std::nullopt;
  if (isa<plan::IndexOp>(op))
    return 1;
  auto of = [&](unsigned operand) {
    return laneStride(model, op->getOperand(operand), depth - 1);
  };
  if (isa<arith::AddIOp, arith::SubIOp>(op)) {
    auto left = of(0), right = of(1);
    if (!left || !right)
      return std::nullopt;
    return isa<arith::AddIOp>(op) ? *left + *right : *left - *right;
  }
  if (isa<arith::IndexCastOp>(op))
    return of(0);
  if (isa<arith::MulIOp>(op))
    for (unsigned side : {0, 1}) {
      APInt factor;
      auto stride = of(1 - side);
      if (matchPattern(op->getOperand(side), m_ConstantInt(&factor)) &&
          stride && factor.isSignedIntN(32) &&
          std::abs(*stride) < (int64_t(1) << 31))
        return *stride * factor.getSExtValue();
    }
  return std::nullopt;
}

Value Scope::emitLoad(plan::LoadOp load) {
  auto argument = cast<BlockArgument>(load.getBuffer());
  unsigned index = argument.getArgNumber();
  Type element = model.reads[index].element;
  Type storage = storageType(element);
  Value pointer = pointers[index];
  Value offset = find(load.getOffset());
  Value guard = load.getGuard() ? find(load.getGuard()) : Value();
  Value otherwise = load.getGuard() ? find(load.getOtherwise()) : Value();
  bool isVector = isa<VectorType>(offset.getType()) ||
                  (guard && isa<VectorType>(guard.getType()));
  if (isVector) {
    Value value =
        decode(b, emitLaneLoad(load, pointer, offset, guard), element);
    return guard ? b.choose(guard, value, otherwise) : value;
  }
  auto read = [&] {
    return decode(b,
                  b.load(b.address(pointer, offset, bytesOf(element)), storage,
                         false, {}),
                  element);
  };
  if (!guard)
    return read();
  return b.branch(
      guard, [&]() -> Values { return {read()}; },
      [&]() -> Values { return {otherwise}; })[0];
}

/// Reads no memory for lanes where the guard is false or that are no points.
Value Scope::emitLaneLoad(plan::LoadOp load, Value pointer, Value offset,
                          Value guard) {
  Type element = cast<plan::BufferType>(load.getBuffer().getType())
                     .getTensor()
                     .getElementType();
  Type storage = storageType(element);
  Value lanes = guard ? b.widen(guard) : Value();
  if (mask)
    lanes = lanes ? b.andI(lanes, mask) : mask;
  if (b.loadsAnywhere() && laneStride(model, load.getOffset()) == 1 &&
      (!lanes || b.canMask(storage))) {
    Value first = b.address(pointer, b.extract(offset, 0), bytesOf(element));
    return b.load(first, storage, true, lanes);
  }
  // Where nothing may be read, the first element is; a buffer without elements
  // has none, but then no guard is true.
  auto type = cast<plan::BufferType>(load.getBuffer().getType()).getTensor();
  if (type.hasStaticShape() && type.getNumElements() == 0)
    return b.widen(storage.isF16() ? b.cast(Cast::TruncF, b.f32(0), storage)
                   : isa<FloatType>(storage)
                       ? b.f32(0)
                       : b.integer(0, storage.getIntOrFloatBitWidth()));
  offset = b.widen(offset);
  if (lanes)
    offset = b.choose(lanes, offset, b.i64(0));
  return b.gather(pointer, offset, storage);
}
