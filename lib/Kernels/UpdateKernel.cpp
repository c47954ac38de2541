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

std::unique_ptr<UpdateKernel> UpdateKernel::create(plan::UpdateOp op,
                                                   const BoundOf &) {
  auto kernel = std::make_unique<UpdateKernel>();
  Model &model = kernel->model;
  model.op = op;
  model.body = &op.getBody().front();
  // Every segment has another extent; none is known to the body.
  model.space.push_back(DimExpr::symbol("segment"));
  auto add = [](SmallVector<Operand> &operands, Value buffer, int64_t stride) {
    auto type = cast<plan::BufferType>(buffer.getType()).getTensor();
    operands.push_back({.element = type.getElementType(),
                        .access = {{DimExpr(stride)}, DimExpr(0)}});
  };
  for (Value buffer : op.getShared())
    add(model.reads, buffer, 0);
  for (int64_t group = 0; group < op.getReadGroupCount(); ++group)
    add(model.reads, op.getReadGroup(group).front(), 1);
  for (int64_t group = 0; group < op.getWriteGroupCount(); ++group)
    add(model.writes, op.getWriteGroup(group).front(), op.getReduces() ? 0 : 1);
  kernel->sharedCount = op.getShared().size();
  kernel->segmentCount = op.getSegmentCount();
  kernel->bufferCount =
      op.getShared().size() + op.getReads().size() + op.getWrites().size();
  if (failed(kernel->planTasks(op)))
    return nullptr;
  int64_t longest = *llvm::max_element(kernel->extents);
  if (failed(model.analyze([&](const DimExpr &) { return longest; })))
    return nullptr;
  model.vectorDim = 0;
  kernel->launches[0].nanosecondsPerPoint = model.nanosecondsPerPoint();
  return kernel;
}

LogicalResult UpdateKernel::planTasks(plan::UpdateOp op) {
  for (size_t segment = 0; segment < segmentCount; ++segment) {
    std::optional<int64_t> extent = op.getExtent(segment).asConstant();
    if (!extent)
      return op.emitOpError() << "segment " << segment << " has the extent "
                              << op.getExtent(segment).str()
                              << ", which is not known at compile time";
    extents.push_back(*extent);
  }
  bool reduces = op.getReduces();
  auto countTasks = [&](int64_t size) {
    firstTasks.assign(1, 0);
    for (int64_t extent : extents)
      firstTasks.push_back(
          firstTasks.back() +
          std::max<int64_t>(reduces ? 1 : 0, llvm::divideCeil(extent, size)));
    return firstTasks.back();
  };
  if (Value buffer = op.getWorkspace()) {
    auto type = cast<plan::BufferType>(buffer.getType()).getTensor();
    if (type.getRank() != 2 || type.isDynamicDim(1))
      return op.emitOpError() << "workspace is no tensor<P x T> with a known T";
    partialCount = type.getDimSize(1);
    hasWorkspace = partialCount >= static_cast<int64_t>(segmentCount);
  }
  int64_t longest = std::max<int64_t>(1, *llvm::max_element(extents));
  block = kUpdateBlock;
  if (hasWorkspace)
    while (countTasks(block) > partialCount)
      block *= 2;
  else if (reduces)
    block = longest;
  KernelLaunch launch{.tasks = DimExpr(countTasks(block)),
                      .pointsPerTask = DimExpr(std::min(block, longest))};
  launches.push_back(launch);
  if (hasWorkspace)
    launches.push_back(
        {.tasks = DimExpr(segmentCount),
         .pointsPerTask = DimExpr(llvm::divideCeil(longest, block)),
         .nanosecondsPerPoint = 1});
  return success();
}

//===- Emission -----------------------------------------------------------===//

/// The segment of task `number`: the last whose first task is not after it.
static Value findSegment(KernelBuilder &b, Value firstTasks, Value number,
                         int64_t segments) {
  Value segment = b.i64(0);
  for (int64_t step = llvm::PowerOf2Ceil(segments) / 2; step > 0; step /= 2) {
    Value next = b.addI(segment, b.i64(step));
    Value exists = b.test(arith::CmpIPredicate::slt, next, b.i64(segments));
    Value index = b.choose(exists, next, segment);
    Value first =
        b.load(b.address(firstTasks, index, 8), b.intType(64), false, {});
    Value isBefore = b.test(arith::CmpIPredicate::sle, first, number);
    segment = b.choose(isBefore, index, segment);
  }
  return segment;
}

LogicalResult UpdateKernel::emit(int64_t launch, KernelBuilder &b,
                                 const KernelArguments &arguments) {
  Values pointers(model.reads.size() + model.writes.size());
  for (size_t index = 0; index < sharedCount; ++index)
    pointers[index] = b.loadPointer(arguments.buffers, b.i64(index));
  if (hasWorkspace)
    workspace = b.loadPointer(arguments.buffers, b.i64(bufferCount));
  Scope root(model, b, pointers);
  root.emitInvariant(0);
  SmallVector<int64_t> numbers(firstTasks);
  llvm::append_range(numbers, extents);
  Value table = b.table(numbers);
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
           Value segment = findSegment(b, table, number, segmentCount);
           Value extent = entry(b.addI(segment, b.i64(std::ssize(firstTasks))));
           Value from = b.mulI(b.subI(number, entry(segment)), b.i64(block));
           Value to = b.two(Binary::MinS, b.addI(from, b.i64(block)), extent);
           emitBlock(root, arguments.buffers, segment, from, to, number);
           return {};
         });
  return failure(root.failed());
}

/// The buffers of the segment, in the order of the model's operands.
Values UpdateKernel::segmentPointers(KernelBuilder &b, Value buffers,
                                     Value segment) {
  Values pointers;
  size_t groups = model.reads.size() - sharedCount + model.writes.size();
  for (size_t group = 0; group < groups; ++group) {
    Value first = b.i64(sharedCount + group * segmentCount);
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
    scope.bind(sharedCount + index, pointer);
  SmallVector<Value> roots;
  for (plan::ReduceOp reduce : model.reduces)
    roots.push_back(reduce.getValue());
  bool reduces =
      !model.reduces.empty() || cast<plan::UpdateOp>(model.op).getReduces();
  if (!reduces)
    llvm::append_range(roots, model.yields());
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
  if (!hasWorkspace) {
    for (auto [reduce, value] : llvm::zip(model.reduces, results))
      scope.define(reduce, value);
    return finish(scope);
  }
  for (auto [index, value] : llvm::enumerate(results)) {
    Value place = b.addI(b.i64(index * partialCount), task);
    b.store(b.address(workspace, place, bytesOf(value.getType())), value, {},
            false);
  }
}

/// Stores what the reductions of a segment give.
void UpdateKernel::finish(Scope &scope) {
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
          scope.bind(sharedCount + index, pointer);
        auto entry = [&](Value index) {
          return b.load(b.address(table, index, 8), b.intType(64), false, {});
        };
        Value from = entry(segment), to = entry(b.addI(segment, b.i64(1)));
        for (auto [index, reduce] : llvm::enumerate(model.reduces)) {
          Type type = registerType(reduce.getType());
          Value first = b.i64(index * partialCount);
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
        finish(scope);
        return {};
      });
}
