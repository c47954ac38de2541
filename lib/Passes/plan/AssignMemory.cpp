//===- AssignMemory.cpp - Gives every buffer its place in the arena -------===//
#include "Arena.h"
#include "MemoryRemarks.h"
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

/// Steps that may run at once, from `first` to `last`.
struct Wave {
  int64_t first = 0, last = 0;
};

/// By step: the neighbours, with it, of which none needs another one; if steps
/// do not run at once, it alone.
std::vector<Wave> findWaves(const StepList &list, bool runAtOnce) {
  std::vector<Wave> waves;
  int64_t first = 0;
  for (auto [number, step] : llvm::enumerate(list.steps)) {
    auto at = static_cast<int64_t>(number);
    if (!runAtOnce || (!step.after.empty() && step.after.back() >= first))
      first = at;
    waves.push_back({first, at});
    for (int64_t other = first; other < at; ++other)
      waves[other].last = at;
  }
  return waves;
}

/// Where steps run at once, buffers of so few bytes share memory with no other:
/// a scalar that depends on little need not wait for one that does.
constexpr int64_t kScalarBytes = planner::kArenaAlignment;

/// Buffers that share one place one after the other: each takes over from the
/// one before in the step where that dies. By buffer: the one before it, or -1.
std::vector<int64_t> findPredecessors(const StepList &list,
                                      const std::vector<Wave> &waves,
                                      bool runAtOnce) {
  std::vector<int64_t> predecessors(list.buffers.size(), -1);
  for (auto [number, step] : llvm::enumerate(list.steps)) {
    auto at = static_cast<int64_t>(number);
    auto isReadBeside = [&, &wave = waves[at]](int64_t buffer) {
      for (int64_t other = wave.first; other <= wave.last; ++other)
        if (other != at && llvm::binary_search(list.steps[other].reads, buffer))
          return true;
      return false;
    };
    auto dies = [&](int64_t buffer) {
      return list.buffers[buffer].last == at &&
             list.buffers[buffer].first != at && !isReadBeside(buffer) &&
             !(runAtOnce && list.buffers[buffer].bytes <= kScalarBytes);
    };
    auto starts = [&](int64_t buffer) {
      return list.buffers[buffer].first == at;
    };
    for (auto [from, to] : planner::pickTakeovers(step, dies, starts))
      predecessors[to] = from;
  }
  return predecessors;
}

/// The buffers of the arena in such chains, each from its first.
std::vector<std::vector<int64_t>>
findChains(const StepList &list, const std::vector<int64_t> &predecessors) {
  std::vector<int64_t> successors(list.buffers.size(), -1);
  for (auto [to, from] : llvm::enumerate(predecessors))
    if (from >= 0)
      successors[from] = to;
  std::vector<std::vector<int64_t>> chains;
  for (auto [number, buffer] : llvm::enumerate(list.buffers)) {
    if (!buffer.alloc || buffer.first < 0 || predecessors[number] >= 0)
      continue;
    std::vector<int64_t> &chain = chains.emplace_back();
    for (int64_t next = number; next >= 0; next = successors[next])
      chain.push_back(next);
  }
  return chains;
}

struct AssignMemoryPass final
    : impl::PlanAssignMemoryBase<AssignMemoryPass> {
  using PlanAssignMemoryBase::PlanAssignMemoryBase;

  void runOnOperation() final {
    if (blockBytes < planner::kArenaAlignment ||
        blockBytes % planner::kArenaAlignment) {
      getOperation().emitError("blocks of ")
          << blockBytes << " bytes are no multiple of "
          << planner::kArenaAlignment;
      return signalPassFailure();
    }
    for (plan::ProgramOp program : getOperation().getOps<plan::ProgramOp>())
      if (failed(assign(program)))
        return signalPassFailure();
  }

  /// Programs that `program` runs stand before it, so their arenas are known.
  LogicalResult sizeWorkspaces(plan::ProgramOp program) {
    auto size = [&](auto step) -> LogicalResult {
      int64_t bytes = 0;
      for (FlatSymbolRefAttr name : step.getBodies()) {
        auto body = SymbolTable::lookupNearestSymbolFrom<plan::ProgramOp>(
            program, name);
        bytes = std::max(bytes, static_cast<int64_t>(
                                    body ? body.getArena().value_or(0) : 0));
      }
      auto alloc = step.getWorkspace().template getDefiningOp<plan::AllocOp>();
      if (!alloc)
        return step.emitOpError("has a workspace that is no plan.alloc");
      auto type =
          RankedTensorType::get({bytes}, IntegerType::get(&getContext(), 8));
      alloc.getBuffer().setType(plan::BufferType::get(&getContext(), type));
      return success();
    };
    for (Operation &op : program.getBody().front()) {
      auto loop = dyn_cast<plan::LoopOp>(op);
      auto choice = dyn_cast<plan::IfOp>(op);
      if ((loop && failed(size(loop))) || (choice && failed(size(choice))))
        return failure();
    }
    return success();
  }

  LogicalResult assign(plan::ProgramOp program) {
    if (failed(sizeWorkspaces(program)))
      return failure();
    FailureOr<StepList> list = StepList::collect(program);
    if (failed(list))
      return failure();
    std::vector<Wave> waves = findWaves(*list, runAtOnce);
    std::vector<int64_t> predecessors =
        findPredecessors(*list, waves, runAtOnce);
    std::vector<std::vector<int64_t>> chains = findChains(*list, predecessors);
    std::vector<ArenaBlock> blocks;
    for (const std::vector<int64_t> &chain : chains) {
      const OwnedBuffer &front = list->buffers[chain.front()];
      bool isApart = runAtOnce && front.bytes <= kScalarBytes;
      blocks.push_back(
          {.first = isApart ? 0 : waves[front.first].first,
           .last = isApart ? std::ssize(list->steps) - 1
                           : waves[list->buffers[chain.back()].last].last,
           .bytes = front.bytes});
    }
    planner::ArenaPlan plan = planner::planArena(blocks, blockBytes);
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
    program.setArena(plan.size);
    program.setLowerBound(plan.lowerBound);
    if (plan.size > blockBytes)
      program.setBlock(blockBytes);
    if (getContext().getRemarkEngine())
      planner::remarkMemory(program, *list, predecessors);
    // A buffer that no step touches takes no place.
    for (OwnedBuffer &buffer : list->buffers)
      if (buffer.alloc && buffer.first < 0)
        buffer.alloc.erase();
    return success();
  }
};
} // namespace

} // namespace asgc
