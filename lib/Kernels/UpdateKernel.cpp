//===- UpdateKernel.cpp - Code for a plan.update --------------------------===//
#include "UpdateKernel.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;

namespace {
/// Elements in a task, unless the workspace has less room.
constexpr int64_t kUpdateBlock = 4096;
} // namespace

//===- Analysis -----------------------------------------------------------===//

static LogicalResult planTasks(UpdateModel &update, plan::UpdateOp op);

LogicalResult UpdateModel::read(plan::UpdateOp op) {
  model.op = op;
  model.body = &op.getBody().front();
  // Every segment has another extent; none is known to the body.
  model.space.push_back(DimExpr::symbol("segment"));
  auto add = [](SmallVector<Operand> &operands, Value buffer, int64_t stride) {
    auto type = cast<plan::BufferType>(buffer.getType()).getTensor();
    operands.push_back({.element = type.getElementType(),
                        .access = {{DimExpr(stride)}, DimExpr(0)}});
  };
  reduces = op.getReduces();
  for (Value buffer : op.getShared())
    add(model.reads, buffer, 0);
  for (int64_t group = 0; group < op.getReadGroupCount(); ++group)
    add(model.reads, op.getReadGroup(group).front(), 1);
  for (int64_t group = 0; group < op.getWriteGroupCount(); ++group)
    add(model.writes, op.getWriteGroup(group).front(), reduces ? 0 : 1);
  sharedCount = op.getShared().size();
  segmentCount = op.getSegmentCount();
  bufferCount =
      op.getShared().size() + op.getReads().size() + op.getWrites().size();
  if (failed(planTasks(*this, op)))
    return failure();
  int64_t longest = *llvm::max_element(extents);
  if (failed(model.analyze([&](const DimExpr &) { return longest; })))
    return failure();
  model.vectorDim = 0;
  return success();
}

std::unique_ptr<UpdateKernel> UpdateKernel::create(plan::UpdateOp op,
                                                   const BoundOf &) {
  auto kernel = std::make_unique<UpdateKernel>();
  UpdateModel &update = kernel->update;
  if (failed(update.read(op)))
    return nullptr;
  int64_t longest = std::max<int64_t>(1, *llvm::max_element(update.extents));
  kernel->launches.push_back(
      {.tasks = DimExpr(update.firstTasks.back()),
       .pointsPerTask = DimExpr(std::min(update.block, longest)),
       .nanosecondsPerPoint = update.model.nanosecondsPerPoint()});
  if (update.hasWorkspace)
    kernel->launches.push_back(
        {.tasks = DimExpr(update.segmentCount),
         .pointsPerTask = DimExpr(llvm::divideCeil(longest, update.block)),
         .nanosecondsPerPoint = 1});
  return kernel;
}

static LogicalResult planTasks(UpdateModel &update, plan::UpdateOp op) {
  auto &[model, sharedCount, segmentCount, bufferCount, extents, firstTasks,
         block, partialCount, hasWorkspace, reduces] = update;
  for (size_t segment = 0; segment < segmentCount; ++segment) {
    std::optional<int64_t> extent = op.getExtent(segment).asConstant();
    if (!extent)
      return op.emitOpError() << "segment " << segment << " has the extent "
                              << op.getExtent(segment).str()
                              << ", which is not known at compile time";
    extents.push_back(*extent);
  }
  if (Value buffer = op.getWorkspace()) {
    auto type = cast<plan::BufferType>(buffer.getType()).getTensor();
    if (type.getRank() != 2 || type.isDynamicDim(1))
      return op.emitOpError() << "workspace is no tensor<P x T> with a known T";
    partialCount = type.getDimSize(1);
    hasWorkspace = partialCount >= static_cast<int64_t>(segmentCount);
  }
  int64_t longest = std::max<int64_t>(1, *llvm::max_element(extents));
  update.cut(reduces && !hasWorkspace ? longest : kUpdateBlock);
  while (hasWorkspace && firstTasks.back() > partialCount)
    update.cut(2 * block);
  return success();
}

void UpdateModel::cut(int64_t size) {
  block = size;
  firstTasks.assign(1, 0);
  for (int64_t extent : extents)
    firstTasks.push_back(
        firstTasks.back() +
        std::max<int64_t>(reduces ? 1 : 0, llvm::divideCeil(extent, size)));
}

//===- Emission -----------------------------------------------------------===//

SmallVector<int64_t> UpdateModel::numbers() const {
  SmallVector<int64_t> numbers(firstTasks);
  llvm::append_range(numbers, extents);
  return numbers;
}

SmallVector<Value> UpdateModel::roots() const {
  SmallVector<Value> roots;
  for (plan::ReduceOp reduce : model.reduces)
    roots.push_back(const_cast<plan::ReduceOp &>(reduce).getValue());
  if (!reduces)
    llvm::append_range(roots, model.yields());
  return roots;
}

Value UpdateModel::findSegment(KernelBuilder &b, Value table,
                               Value number) const {
  auto segments = static_cast<int64_t>(segmentCount);
  Value segment = b.i64(0);
  for (int64_t step = llvm::PowerOf2Ceil(segments) / 2; step > 0; step /= 2) {
    Value next = b.addI(segment, b.i64(step));
    Value exists = b.test(arith::CmpIPredicate::slt, next, b.i64(segments));
    Value index = b.choose(exists, next, segment);
    Value first = b.load(b.address(table, index, 8), b.intType(64), false, {});
    Value isBefore = b.test(arith::CmpIPredicate::sle, first, number);
    segment = b.choose(isBefore, index, segment);
  }
  return segment;
}

LogicalResult UpdateKernel::emit(int64_t launch, KernelBuilder &b,
                                 const KernelArguments &arguments) {
  const Model &model = update.model;
  Values pointers(model.reads.size() + model.writes.size());
  for (size_t index = 0; index < update.sharedCount; ++index)
    pointers[index] = b.loadPointer(arguments.buffers, b.i64(index));
  if (update.hasWorkspace)
    workspace = b.loadPointer(arguments.buffers, b.i64(update.bufferCount));
  Scope root(model, b, pointers);
  root.emitInvariant(0);
  Value table = b.table(update.numbers());
  if (launch == 1) {
    emitCombine(b, arguments, root, table);
    return failure(root.failed());
  }
  b.loop(arguments.begin, arguments.end, 1, {},
         [&](Value number, ValueRange) -> Values {
           auto entry = [&](Value index) {
             return b.load(b.address(table, index, 8), b.intType(64), false,
                           {});
           };
           Value segment = update.findSegment(b, table, number);
           Value extent =
               entry(b.addI(segment, b.i64(std::ssize(update.firstTasks))));
           Value block = b.i64(update.block);
           Value from = b.mulI(b.subI(number, entry(segment)), block);
           Value to = b.two(Binary::MinS, b.addI(from, block), extent);
           emitBlock(root, arguments.buffers, segment, from, to, number);
           return {};
         });
  return failure(root.failed());
}

/// The buffers of the segment, in the order of the model's operands.
Values UpdateKernel::segmentPointers(KernelBuilder &b, Value buffers,
                                     Value segment) {
  Values pointers;
  const Model &model = update.model;
  size_t groups = model.reads.size() - update.sharedCount + model.writes.size();
  for (size_t group = 0; group < groups; ++group) {
    Value first = b.i64(update.sharedCount + group * update.segmentCount);
    pointers.push_back(b.loadPointer(buffers, b.addI(first, segment)));
  }
  return pointers;
}

void UpdateKernel::emitBlock(Scope &root, Value buffers, Value segment,
                             Value from, Value to, Value task) {
  KernelBuilder &b = root.b;
  Scope scope(root);
  for (auto [index, pointer] :
       llvm::enumerate(segmentPointers(b, buffers, segment)))
    scope.bind(update.sharedCount + index, pointer);
  Model &model = update.model;
  bool reduces = update.reduces;
  SmallVector<Value> roots = update.roots();
  Sweep sweep(model, b, roots, model.reduces);
  sweep.body = [&](Scope &slot) {
    slot.emit(roots);
    for (size_t index = 0; !reduces && index < model.writes.size(); ++index)
      slot.store(index);
    Values values;
    for (plan::ReduceOp reduce : model.reduces)
      values.push_back(slot.find(reduce.getValue()));
    return values;
  };
  Values results = sweep.finish(sweep.run(scope, from, to, sweep.start()));
  if (!reduces)
    return;
  if (!update.hasWorkspace) {
    for (auto [reduce, value] : llvm::zip(model.reduces, results))
      scope.define(reduce, value);
    return finishUpdate(scope);
  }
  for (auto [index, value] : llvm::enumerate(results)) {
    Value place = b.addI(b.i64(index * update.partialCount), task);
    b.store(b.address(workspace, place, bytesOf(value.getType())), value, {},
            false);
  }
}

void kernels::finishUpdate(Scope &scope) {
  const Model &model = scope.model;
  int64_t lanes = std::exchange(scope.b.lanes, 1);
  scope.emit(SmallVector<Value>(model.yields()));
  for (size_t index = 0; index < model.writes.size(); ++index)
    scope.store(index);
  scope.b.lanes = lanes;
}

void UpdateKernel::emitCombine(KernelBuilder &b,
                               const KernelArguments &arguments, Scope &root,
                               Value table) {
  b.loop(
      arguments.begin, arguments.end, 1, {},
      [&](Value segment, ValueRange) -> Values {
        Scope scope(root);
        for (auto [index, pointer] :
             llvm::enumerate(segmentPointers(b, arguments.buffers, segment)))
          scope.bind(update.sharedCount + index, pointer);
        auto entry = [&](Value index) {
          return b.load(b.address(table, index, 8), b.intType(64), false, {});
        };
        Value from = entry(segment), to = entry(b.addI(segment, b.i64(1)));
        for (auto [index, reduce] : llvm::enumerate(update.model.reduces)) {
          Type type = registerType(reduce.getType());
          Value first = b.i64(index * update.partialCount);
          auto add = [&](Value task, ValueRange before) -> Values {
            Value place =
                b.address(workspace, b.addI(first, task), bytesOf(type));
            return {combine(b, reduce.getKind(), before[0],
                            b.load(place, type, false, {}))};
          };
          Values sum =
              b.loop(from, to, 1, {identity(b, reduce.getKind(), type)}, add);
          scope.define(reduce, sum[0]);
        }
        finishUpdate(scope);
        return {};
      });
}
