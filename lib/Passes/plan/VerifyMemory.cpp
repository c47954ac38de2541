//===- VerifyMemory.cpp - Checks where buffers lie ------------------------===//
#include "VerifyMemory.h"

#include "dialects/asg/Asg.h"

using namespace mlir;

namespace asgc::planner {

namespace {
RankedTensorType getTensor(Value buffer) {
  return cast<plan::BufferType>(buffer.getType()).getTensor();
}

int64_t getElementBytes(Value buffer) {
  return std::max<int64_t>(1, getTensor(buffer).getElementTypeBitWidth() / 8);
}

/// A buffer of the arena as the steps use it.
struct Life {
  plan::AllocOp alloc;
  int64_t first = -1, last = -1;
  int64_t begin = 0, end = 0; // bytes in the arena
};

class MemoryVerifier {
public:
  explicit MemoryVerifier(plan::ProgramOp program) : program(program) {}

  LogicalResult verify() {
    for (Operation &op : program.getBody().front())
      if (isa<plan::StepInterface>(op))
        steps.push_back(&op);
    for (Operation *step : steps)
      if (failed(verifyOwnPlaces(step)) || failed(verifyBounds(step)))
        return failure();
    return verifyOffsets();
  }

private:
  std::optional<int64_t> evaluate(const DimExpr &extent) {
    return extent.evaluate(
        [&](std::string_view name) -> std::optional<int64_t> {
          return program.getDimBound(StringRef(name.data(), name.size()));
        });
  }

  std::optional<int64_t> countElements(Value buffer) {
    int64_t count = 1;
    for (const DimExpr &extent : asg::getDims(getTensor(buffer))) {
      auto value = evaluate(extent);
      if (!value || __builtin_mul_overflow(count, *value, &count))
        return std::nullopt;
    }
    return count;
  }

  /// Where `step` reads and writes `read` and `written` (null: anywhere), the
  /// element that it writes is the one that it read at that point.
  bool touchesSamePlaces(Operation *step, Value read, Value written) {
    if (auto kernel = dyn_cast<plan::KernelOp>(step)) {
      SmallVector<plan::Access> writes;
      for (auto [index, buffer] : llvm::enumerate(kernel.getWrites()))
        if (plan::getRootBuffer(buffer) == written)
          writes.push_back(kernel.getWriteAccess(index));
      for (auto [index, buffer] : llvm::enumerate(kernel.getReads())) {
        if (plan::getRootBuffer(buffer) != read)
          continue;
        std::optional<plan::Access> access = kernel.getReadAccess(index);
        if (!access || !llvm::is_contained(writes, *access))
          return false;
      }
      return kernel.getWorkspace() == Value() ||
             plan::getRootBuffer(kernel.getWorkspace()) != written;
    }
    if (auto matmul = dyn_cast<plan::MatmulOp>(step)) {
      // The residual starts at 0 and has the strides of the result.
      auto is = [](Value buffer, Value root) {
        return buffer && plan::getRootBuffer(buffer) == root;
      };
      auto offset = plan::readExtent(matmul.getOffsets()[2]);
      return is(matmul.getResidual(), read) && is(matmul.getC(), written) &&
             !is(matmul.getA(), read) && !is(matmul.getB(), read) &&
             !is(matmul.getBias(), read) && offset == DimExpr(0);
    }
    if (isa<plan::ScanOp>(step))
      return true;
    auto update = dyn_cast<plan::UpdateOp>(step);
    if (!update || update.getReduces())
      return false;
    for (Value shared : update.getShared())
      if (plan::getRootBuffer(shared) == read)
        return false;
    for (int64_t segment = 0; segment < update.getSegmentCount(); ++segment)
      for (int64_t group = 0; group < update.getReadGroupCount(); ++group) {
        if (plan::getRootBuffer(update.getReadGroup(group)[segment]) != read)
          continue;
        for (int64_t to = 0; to < update.getWriteGroupCount(); ++to)
          for (int64_t other = 0; other < update.getSegmentCount(); ++other)
            if (other != segment &&
                plan::getRootBuffer(update.getWriteGroup(to)[other]) == written)
              return false;
      }
    return true;
  }

  LogicalResult verifyOwnPlaces(Operation *op) {
    auto step = cast<plan::StepInterface>(op);
    for (Value written : step.getWrittenBuffers())
      for (Value read : step.getReadBuffers()) {
        Value root = plan::getRootBuffer(written);
        if (plan::getRootBuffer(read) == root &&
            !touchesSamePlaces(op, root, root))
          return op->emitOpError()
                 << "'" << step.getStepName()
                 << "' reads a buffer elsewhere than it writes it";
      }
    return success();
  }

  /// The largest element that an access reaches lies in the buffer.
  LogicalResult verifyReach(Operation *op, Value buffer, ArrayRef<DimExpr> space,
                            ArrayRef<DimExpr> strides, const DimExpr &offset) {
    auto count = countElements(buffer);
    auto largest = evaluate(offset);
    if (!count || !largest)
      return op->emitOpError("has a size that overflows 64 bits");
    for (auto [extent, stride] : llvm::zip_equal(space, strides)) {
      auto length = evaluate(extent), step = evaluate(stride);
      int64_t reach;
      if (!length || !step ||
          __builtin_mul_overflow(std::max<int64_t>(0, *length - 1), *step,
                                 &reach) ||
          __builtin_add_overflow(*largest, reach, &*largest))
        return op->emitOpError("has a size that overflows 64 bits");
      if (*length == 0)
        return success();
    }
    if (*largest >= 0 && *largest < *count)
      return success();
    return op->emitOpError()
           << "'" << cast<plan::StepInterface>(op).getStepName()
           << "' reaches element " << *largest << " of a buffer of " << *count;
  }

  LogicalResult verifyBounds(Operation *op) {
    if (auto kernel = dyn_cast<plan::KernelOp>(op)) {
      SmallVector<DimExpr> space = plan::readExtents(kernel.getSpace());
      for (auto [index, buffer] : llvm::enumerate(kernel.getReads()))
        if (auto access = kernel.getReadAccess(index))
          if (failed(verifyReach(op, buffer, space, access->strides,
                                 access->offset)))
            return failure();
      for (auto [index, buffer] : llvm::enumerate(kernel.getWrites())) {
        plan::Access access = kernel.getWriteAccess(index);
        if (failed(verifyReach(op, buffer, space, access.strides,
                               access.offset)))
          return failure();
      }
    } else if (auto matmul = dyn_cast<plan::MatmulOp>(op)) {
      SmallVector<DimExpr> sizes = plan::readExtents(matmul.getSizes());
      auto reach = [&](Value buffer, ArrayAttr strides, int offset, int rows,
                       int columns) {
        SmallVector<DimExpr> space = plan::readExtents(matmul.getBatch());
        space.append({sizes[rows], sizes[columns]});
        return verifyReach(op, buffer, space, plan::readExtents(strides),
                           *plan::readExtent(matmul.getOffsets()[offset]));
      };
      return failure(failed(reach(matmul.getA(), matmul.getAStrides(), 0, 0, 2)) ||
                     failed(reach(matmul.getB(), matmul.getBStrides(), 1, 2, 1)) ||
                     failed(reach(matmul.getC(), matmul.getCStrides(), 2, 0, 1)));
    } else if (auto attention = dyn_cast<plan::AttentionOp>(op)) {
      SmallVector<DimExpr> sizes = plan::readExtents(attention.getSizes());
      const DimExpr &queries = sizes[0], &keys = sizes[1], &depth = sizes[2],
                    &features = sizes[3];
      SmallVector<SmallVector<DimExpr>> rows = {
          {queries, depth}, {keys, depth}, {keys, features}};
      if (attention.getBackward())
        rows.append({{queries, features},
                     {queries},
                     {queries},
                     {queries, depth},
                     {keys, depth},
                     {keys, features}});
      else
        rows.append({{queries, features}, {queries}});
      for (auto [index, buffer] : llvm::enumerate(attention->getOperands())) {
        SmallVector<DimExpr> space = plan::readExtents(attention.getBatch());
        space.append(rows[index]);
        plan::Access access = attention.getAccess(index);
        if (failed(
                verifyReach(op, buffer, space, access.strides, access.offset)))
          return failure();
      }
    } else if (auto copy = dyn_cast<plan::CopyOp>(op)) {
      SmallVector<DimExpr> space = plan::readExtents(copy.getExtents());
      return failure(
          failed(verifyReach(op, copy.getX(), space,
                             plan::readExtents(copy.getXStrides()),
                             *plan::readExtent(copy.getOffsets()[0]))) ||
          failed(verifyReach(op, copy.getY(), space,
                             plan::readExtents(copy.getYStrides()),
                             *plan::readExtent(copy.getOffsets()[1]))));
    }
    return success();
  }

  LogicalResult verifyOffsets() {
    std::vector<Life> lives;
    bool hasOffsets = program.getArena().has_value();
    for (auto alloc : program.getBody().getOps<plan::AllocOp>()) {
      if (alloc.getOffset().has_value() != hasOffsets)
        return alloc.emitOpError(hasOffsets
                                     ? "has no offset, but the program an arena"
                                     : "has an offset, but the program no arena");
      if (!hasOffsets)
        continue;
      Life life;
      life.alloc = alloc;
      auto count = countElements(alloc);
      life.begin = *alloc.getOffset();
      if (!count || __builtin_mul_overflow(*count, getElementBytes(alloc),
                                           &life.end) ||
          __builtin_add_overflow(life.end, life.begin, &life.end))
        return alloc.emitOpError("has a size that overflows 64 bits");
      if (life.end > static_cast<int64_t>(*program.getArena()))
        return alloc.emitOpError()
               << "ends at byte " << life.end << " of an arena of "
               << static_cast<int64_t>(*program.getArena());
      if (auto block = static_cast<int64_t>(program.getBlock().value_or(0));
          block > 0 && life.end - life.begin <= block &&
          life.begin < life.end && life.begin / block != (life.end - 1) / block)
        return alloc.emitOpError()
               << "at bytes [" << life.begin << ", " << life.end
               << ") lies in two blocks of " << block;
      lives.push_back(life);
    }
    findLives(lives);
    for (size_t i = 0; i < lives.size(); ++i)
      for (size_t j = 0; j < i; ++j)
        if (failed(verifyApart(lives[i], lives[j])))
          return failure();
    return success();
  }

  void findLives(std::vector<Life> &lives) {
    llvm::DenseMap<Value, size_t> numbers; // looked up only
    for (auto [number, life] : llvm::enumerate(lives))
      numbers[life.alloc.getBuffer()] = number;
    for (auto [number, op] : llvm::enumerate(steps)) {
      auto step = cast<plan::StepInterface>(op);
      SmallVector<Value> touched = step.getReadBuffers();
      llvm::append_range(touched, step.getWrittenBuffers());
      for (Value buffer : touched) {
        auto found = numbers.find(plan::getRootBuffer(buffer));
        if (found == numbers.end())
          continue;
        Life &life = lives[found->second];
        life.last = number;
        if (life.first < 0)
          life.first = number;
      }
    }
  }

  LogicalResult verifyApart(const Life &a, const Life &b) {
    bool overlap = a.first <= b.last && b.first <= a.last && a.first >= 0 &&
                   b.first >= 0 && a.begin < b.end && b.begin < a.end;
    if (!overlap)
      return success();
    // One may take over from the other in the step where that dies; of small
    // ones, the aligned sizes are the same.
    Life from = a.first < b.first ? a : b;
    Life to = a.first < b.first ? b : a;
    bool takesOver =
        from.last == to.first && from.first < to.first &&
        from.begin == to.begin && alignBytes(from.end - from.begin) ==
                                      alignBytes(to.end - to.begin) &&
        getElementBytes(from.alloc.getBuffer()) ==
            getElementBytes(to.alloc.getBuffer()) &&
        readsWhereOtherIsWritten(steps[to.first], from.alloc, to.alloc);
    if (takesOver)
      return success();
    InFlightDiagnostic diag =
        to.alloc->emitOpError()
        << "at bytes [" << to.begin << ", " << to.end << "), alive in steps "
        << to.first << " to " << to.last << ", overlaps another buffer";
    diag.attachNote(from.alloc.getLoc())
        << "which is at bytes [" << from.begin << ", " << from.end
        << "), alive in steps " << from.first << " to " << from.last;
    return diag;
  }

  /// For kernels whose rows or points run at once: every read of `from` is at the
  /// place where `to` is written at that point, and no place is written twice.
  bool readsWhereOtherIsWritten(Operation *step, Value from, Value to) {
    auto kernel = dyn_cast<plan::KernelOp>(step);
    if (kernel)
      for (auto [index, buffer] : llvm::enumerate(kernel.getWrites())) {
        if (plan::getRootBuffer(buffer) != to)
          continue;
        for (auto [dim, stride] :
             llvm::enumerate(kernel.getWriteAccess(index).strides))
          if (stride == DimExpr(0) &&
              !(kernel.getExtent(dim) == DimExpr(1)))
            return false;
      }
    return touchesSamePlaces(step, from, to);
  }

  plan::ProgramOp program;
  SmallVector<Operation *> steps;
};
} // namespace

LogicalResult verifyMemory(plan::ProgramOp program) {
  return MemoryVerifier(program).verify();
}

} // namespace asgc::planner
