//===- AssignMemory.cpp - Gives every buffer its place in the arena -------===//
#include "Arena.h"
#include "Steps.h"

#include "asgc/Passes.h"
#include "dialects/asg/Asg.h"

namespace asgc {

#define GEN_PASS_DEF_PLANASSIGNMEMORY
#include "asgc/Passes.h.inc"

namespace {
using namespace mlir;
using planner::ArenaBlock;
using planner::OwnedBuffer;
using planner::StepList;

/// Buffers that share one place one after the other: each takes over from the
/// one before in the step where that dies.
class Sharing {
public:
  explicit Sharing(const StepList &list) : list(list) {
    successor.assign(list.buffers.size(), -1);
    predecessor.assign(list.buffers.size(), -1);
    for (auto [number, step] : llvm::enumerate(list.steps))
      if (auto kernel = dyn_cast<plan::KernelOp>(step.op))
        share(kernel, number);
  }

  /// The chains, by their first buffer.
  std::vector<std::vector<int64_t>> chains() const {
    std::vector<std::vector<int64_t>> result;
    for (size_t buffer = 0; buffer < list.buffers.size(); ++buffer) {
      if (predecessor[buffer] >= 0 || !isPlaced(list.buffers[buffer]))
        continue;
      std::vector<int64_t> chain;
      for (int64_t next = buffer; next >= 0; next = successor[next])
        chain.push_back(next);
      result.push_back(std::move(chain));
    }
    return result;
  }

  static bool isPlaced(const OwnedBuffer &buffer) {
    return buffer.alloc && buffer.first >= 0;
  }

private:
  int64_t numberOf(Value buffer) const {
    Value root = plan::getRootBuffer(buffer);
    for (auto [number, owned] : llvm::enumerate(list.buffers))
      if (owned.value == root)
        return number;
    return -1;
  }

  /// A write takes over a read that dies here if the kernel reads it nowhere but
  /// where it writes (see plan.kernel).
  void share(plan::KernelOp kernel, int64_t step) {
    if (kernel.getKind() == plan::KernelKind::reduce)
      return;
    for (auto [w, write] : llvm::enumerate(kernel.getWrites())) {
      int64_t written = numberOf(write);
      const OwnedBuffer &to = list.buffers[written];
      if (!isPlaced(to) || to.first != step || predecessor[written] >= 0)
        continue;
      for (auto [r, read] : llvm::enumerate(kernel.getReads())) {
        int64_t dying = numberOf(read);
        const OwnedBuffer &from = list.buffers[dying];
        if (isPlaced(from) && from.last == step && from.first != step &&
            successor[dying] < 0 && from.bytes == to.bytes &&
            elementBits(read) == elementBits(write) &&
            readsOnlyAt(kernel, dying, kernel.getWriteAccess(w))) {
          successor[dying] = written;
          predecessor[written] = dying;
          break;
        }
      }
    }
  }

  bool readsOnlyAt(plan::KernelOp kernel, int64_t buffer,
                   const plan::Access &access) const {
    for (auto [r, read] : llvm::enumerate(kernel.getReads())) {
      if (numberOf(read) != buffer)
        continue;
      std::optional<plan::Access> at = kernel.getReadAccess(r);
      if (!at || !(*at == access))
        return false;
    }
    // An access that repeats elements would be overwritten before it is read
    // again.
    for (auto [stride, dim] :
         llvm::zip(access.strides, llvm::seq(kernel.getSpaceRank())))
      if (stride == DimExpr(0) && !(kernel.getExtent(dim) == DimExpr(1)))
        return false;
    return true;
  }

  static unsigned elementBits(Value buffer) {
    return cast<plan::BufferType>(buffer.getType())
        .getTensor()
        .getElementTypeBitWidth();
  }

  const StepList &list;
  std::vector<int64_t> successor, predecessor;
};

struct AssignMemoryPass final
    : impl::PlanAssignMemoryBase<AssignMemoryPass> {
  void runOnOperation() final {
    for (plan::ProgramOp program : getOperation().getOps<plan::ProgramOp>())
      if (failed(assign(program)))
        return signalPassFailure();
  }

  LogicalResult assign(plan::ProgramOp program) {
    FailureOr<StepList> list = StepList::collect(program);
    if (failed(list))
      return failure();
    std::vector<std::vector<int64_t>> chains = Sharing(*list).chains();
    std::vector<ArenaBlock> blocks;
    for (const std::vector<int64_t> &chain : chains)
      blocks.push_back({.first = list->buffers[chain.front()].first,
                        .last = list->buffers[chain.back()].last,
                        .bytes = list->buffers[chain.front()].bytes});
    planner::ArenaPlan plan = planner::planArena(blocks);
    Builder builder(&getContext());
    for (auto [chain, offset] : llvm::zip(chains, plan.offsets)) {
      inPlace += chain.size() - 1;
      for (int64_t number : chain) {
        OwnedBuffer &buffer = list->buffers[number];
        plan::AllocOp alloc = buffer.alloc;
        alloc.setOffset(offset);
        alloc.setBytes(buffer.bytes);
        alloc.setFirst(buffer.first);
        alloc.setLast(buffer.last);
        std::string source = plan::describeSource(alloc.getLoc());
        if (!source.empty())
          alloc.setSource(source);
      }
    }
    // A buffer that no step touches takes no place.
    for (OwnedBuffer &buffer : list->buffers)
      if (buffer.alloc && buffer.first < 0)
        buffer.alloc.erase();
    program.setArena(plan.size);
    program.setLowerBound(plan.lowerBound);
    return success();
  }
};
} // namespace

} // namespace asgc
