//===- Update.cpp - Device code for a plan.update -------------------------===//
#include "../UpdateKernel.h"
#include "Grid.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;

namespace {

/// Tasks of a step at most: their segments stand in a table.
constexpr int64_t kMostTasks = int64_t(1) << 13;
/// Vectors that an item of a group reads at most, where a group reduces all of
/// a segment.
constexpr int64_t kMostVectors = 4;

/// A group takes one task: a block of a segment, of a vector for each item
/// where that makes not too many. Where the step reduces more, each group
/// leaves a partial result, and in a second launch a group combines those of a
/// segment.
class DeviceUpdate final : public DeviceKernel {
public:
  UpdateModel update;
  DeviceTarget target;

  void plan(plan::UpdateOp op);
  LogicalResult emit(int64_t launch, DeviceBuilder &b) override {
    const Model &model = update.model;
    Values pointers(model.reads.size() + model.writes.size());
    for (size_t index = 0; index < update.sharedCount; ++index)
      pointers[index] = b.operand(index);
    if (isSplit)
      workspace = b.operand(operandCount);
    Scope root(model, b, pointers);
    root.emitInvariant(0);
    SmallVector<int64_t> numbers = update.numbers();
    for (size_t segment = 0; segment < update.segmentCount; ++segment)
      numbers.resize(update.numbers().size() + update.firstTasks[segment + 1],
                     static_cast<int64_t>(segment));
    table = b.table(numbers);
    if (launch == 1)
      emitCombine(b, root);
    else
      emitBlock(b, root);
    return failure(root.failed());
  }

private:
  Value entry(KernelBuilder &b, Value index) const {
    return b.load(b.address(table, index, 8), b.intType(64), false, {});
  }

  /// Binds the buffers of `segment`, in the order of the model's operands.
  void bind(DeviceBuilder &b, Scope &scope, Value segment) const {
    size_t count = update.model.reads.size() + update.model.writes.size();
    for (size_t index = update.sharedCount; index < count; ++index) {
      size_t group = index - update.sharedCount;
      Value first = b.i64(update.sharedCount + group * update.segmentCount);
      scope.bind(index, b.operandAt(b.addI(first, segment)));
    }
  }

  void emitBlock(DeviceBuilder &b, Scope &root) {
    const Model &model = update.model;
    // Groups beyond the last task have no points.
    Value task = b.group();
    Value exists = b.compare(arith::CmpIPredicate::slt, task,
                             b.i64(update.firstTasks.back()));
    auto segments = static_cast<int64_t>(update.segmentCount);
    Value segment = entry(
        b, b.addI(b.select(exists, task, b.i64(0)), b.i64(2 * segments + 1)));
    Value extent = entry(b, b.addI(segment, b.i64(segments + 1)));
    Value block = b.i64(update.block);
    Value from = b.mulI(b.subI(task, entry(b, segment)), block);
    Value to = b.select(
        exists, b.binary(Binary::MinS, b.addI(from, block), extent), b.i64(0));
    Scope scope(root);
    bind(b, scope, segment);
    SmallVector<plan::ReduceOp> reduces(model.reduces);
    SmallVector<Value> roots = update.roots();
    auto visit = [&](Value index, ValueRange before) -> Values {
      Scope point(scope);
      point.openLanes(index, {});
      point.emit(roots);
      for (size_t write = 0; !update.reduces && write < model.writes.size();
           ++write)
        point.store(write);
      Values after;
      for (auto [reduce, value] : llvm::zip(reduces, before))
        after.push_back(combine(b, reduce.getKind(), value,
                                b.widen(point.find(reduce.getValue()))));
      return after;
    };
    // Vectors, then what is left of the segment.
    b.lanes = target.lanes;
    Value item = wide(b, b.item());
    Value rest = b.andI(b.subI(to, from), b.i64(b.lanes - 1));
    Value end = b.subI(to, rest);
    Values sums;
    for (plan::ReduceOp reduce : reduces)
      sums.push_back(b.widen(
          identity(b, reduce.getKind(), registerType(reduce.getType()))));
    sums = b.loop(b.addI(from, b.mulI(item, b.i64(b.lanes))), end,
                  target.groupSize * b.lanes, sums, visit);
    for (auto [reduce, sum] : llvm::zip_equal(reduces, sums))
      sum = combineLanes(b, reduce.getKind(), sum);
    b.lanes = 1;
    bool areWhole = llvm::all_of(update.extents, [&](int64_t extent) {
      return extent % target.lanes == 0;
    });
    if (!areWhole)
      sums = b.loop(b.addI(end, item), to, target.groupSize, sums, visit);
    if (!update.reduces)
      return;
    sums = combineItems(b, kindsOf(reduces), sums, b.item(), b.i32(0),
                        target.groupSize, 1);
    Value isFirst = b.compare(arith::CmpIPredicate::eq, b.item(), b.i32(0));
    onlyIf(b, b.andI(exists, isFirst), [&] {
      for (auto [index, sum] : llvm::enumerate(sums)) {
        if (isSplit) {
          Value place = b.addI(b.i64(index * update.firstTasks.back()), task);
          b.store(b.address(workspace, place,
                            sum.getType().getIntOrFloatBitWidth() / 8),
                  sum, {}, false);
        } else {
          scope.define(reduces[index], sum);
        }
      }
      if (!isSplit)
        finishUpdate(scope);
    });
  }

  void emitCombine(DeviceBuilder &b, Scope &root) {
    auto segments = static_cast<int64_t>(update.segmentCount);
    Value exists =
        b.compare(arith::CmpIPredicate::slt, b.group(), b.i64(segments));
    Value segment = b.select(exists, b.group(), b.i64(0));
    Scope scope(root);
    bind(b, scope, segment);
    Value from = b.addI(entry(b, segment), wide(b, b.item()));
    Value to = entry(b, b.addI(segment, b.i64(1)));
    SmallVector<plan::ReduceOp> reduces(update.model.reduces);
    Values sums;
    for (auto [index, reduce] : llvm::enumerate(reduces)) {
      Type type = registerType(reduce.getType());
      plan::ReduceKind kind = reduce.getKind();
      Value first = b.i64(index * update.firstTasks.back());
      Values sum = b.loop(from, to, target.groupSize, {identity(b, kind, type)},
                          [&](Value task, ValueRange before) -> Values {
                            Value place = b.address(
                                workspace, b.addI(first, task), bytesOf(type));
                            return {combine(b, kind, before[0],
                                            b.load(place, type, false, {}))};
                          });
      sums.push_back(sum[0]);
    }
    sums = combineItems(b, kindsOf(reduces), sums, b.item(), b.i32(0),
                        target.groupSize, 1);
    for (auto [reduce, sum] : llvm::zip_equal(reduces, sums))
      scope.define(reduce, sum);
    Value isFirst = b.compare(arith::CmpIPredicate::eq, b.item(), b.i32(0));
    onlyIf(b, b.andI(exists, isFirst), [&] { finishUpdate(scope); });
  }

  /// Each segment is cut, and groups leave partial results.
  bool isSplit = false;
  size_t operandCount = 0; // of the step
  Value workspace, table;
};

void DeviceUpdate::plan(plan::UpdateOp op) {
  operandCount = op->getNumOperands();
  SmallVector<plan::ReduceOp> reduces(update.model.reduces);
  int64_t vectors = target.groupSize * target.lanes;
  // The workspace has results of one type.
  isSplit = update.reduces &&
            *llvm::max_element(update.extents) > kMostVectors * vectors &&
            llvm::all_equal(llvm::map_range(reduces, [](plan::ReduceOp reduce) {
              return reduce.getType();
            }));
  if (!update.reduces || isSplit)
    for (update.cut(vectors); update.firstTasks.back() > kMostTasks;)
      update.cut(2 * update.block);
  else
    update.cut(std::max<int64_t>(1, *llvm::max_element(update.extents)));
  launches.push_back({.groups = DimExpr(update.firstTasks.back()),
                      .groupSize = target.groupSize,
                      .isIndirect = true});
  if (!isSplit)
    return;
  workspaceBytes = std::ssize(reduces) * update.firstTasks.back() *
                   bytesOf(registerType(reduces.front().getType()));
  launches.push_back(
      {.groups = DimExpr(static_cast<int64_t>(update.segmentCount)),
       .groupSize = target.groupSize,
       .isIndirect = true});
}

} // namespace

std::unique_ptr<DeviceKernel>
kernels::createDeviceUpdate(plan::UpdateOp op, const DeviceTarget &target) {
  auto kernel = std::make_unique<DeviceUpdate>();
  kernel->target = target;
  if (failed(kernel->update.read(op)))
    return nullptr;
  kernel->plan(op);
  return kernel;
}
