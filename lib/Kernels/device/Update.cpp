//===- Update.cpp - Device code for a plan.update -------------------------===//
#include "../UpdateKernel.h"
#include "Grid.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;

namespace {

/// A group takes one task: a block of a segment. Where the step reduces, each
/// leaves a partial result, and in a second launch an item combines those of a
/// segment.
class DeviceUpdate final : public DeviceKernel {
public:
  UpdateModel update;
  DeviceTarget target;

  LogicalResult emit(int64_t launch, DeviceBuilder &b) override {
    const Model &model = update.model;
    Values pointers(model.reads.size() + model.writes.size());
    for (size_t index = 0; index < update.sharedCount; ++index)
      pointers[index] = b.operand(index);
    if (update.hasWorkspace)
      workspace = b.operand(update.bufferCount);
    Scope root(model, b, pointers);
    root.emitInvariant(0);
    table = b.table(update.numbers());
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
    Value segment = update.findSegment(b, table, task);
    Value extent =
        entry(b, b.addI(segment, b.i64(std::ssize(update.firstTasks))));
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
        if (update.hasWorkspace) {
          Value place = b.addI(b.i64(index * update.partialCount), task);
          b.store(b.address(workspace, place,
                            sum.getType().getIntOrFloatBitWidth() / 8),
                  sum, {}, false);
        } else {
          scope.define(reduces[index], sum);
        }
      }
      if (!update.hasWorkspace)
        finishUpdate(scope);
    });
  }

  void emitCombine(DeviceBuilder &b, Scope &root) {
    DimExpr segments(static_cast<int64_t>(update.segmentCount));
    forEachPoint(b, target, segments, [&](Value segment) {
      Scope scope(root);
      bind(b, scope, segment);
      Value from = entry(b, segment);
      Value to = entry(b, b.addI(segment, b.i64(1)));
      for (auto [index, reduce] : llvm::enumerate(update.model.reduces)) {
        Type type = registerType(reduce.getType());
        plan::ReduceKind kind = reduce.getKind();
        Value first = b.i64(index * update.partialCount);
        Values sum = b.loop(from, to, 1, {identity(b, kind, type)},
                            [&](Value task, ValueRange before) -> Values {
                              Value place =
                                  b.address(workspace, b.addI(first, task),
                                            type.getIntOrFloatBitWidth() / 8);
                              return {combine(b, kind, before[0],
                                              b.load(place, type, false, {}))};
                            });
        scope.define(reduce, sum[0]);
      }
      finishUpdate(scope);
    });
  }

  Value workspace, table;
};

} // namespace

std::unique_ptr<DeviceKernel>
kernels::createDeviceUpdate(plan::UpdateOp op, const DeviceTarget &target) {
  auto kernel = std::make_unique<DeviceUpdate>();
  kernel->target = target;
  if (failed(kernel->update.read(op)))
    return nullptr;
  kernel->launches.push_back(
      {.groups = DimExpr(kernel->update.firstTasks.back()),
       .groupSize = target.groupSize,
       .isIndirect = true});
  if (kernel->update.hasWorkspace) {
    DimExpr segments(static_cast<int64_t>(kernel->update.segmentCount));
    kernel->launches.push_back(pointLaunch(target, segments));
    kernel->launches.back().isIndirect = true;
  }
  return kernel;
}
