//===- Steps.cpp - What the steps of a program read and write -------------===//
#include "Steps.h"
#include "Arena.h"
#include "InPlace.h"

#include "dialects/asg/Asg.h"

using namespace mlir;

namespace asgc::planner {

std::optional<int64_t> bytesAtBounds(plan::ProgramOp program,
                                     RankedTensorType type) {
  // Products are checked here and not as one DimExpr, whose coefficients wrap.
  int64_t bytes = std::max<int64_t>(1, type.getElementTypeBitWidth() / 8);
  for (const DimExpr &dim : asg::getDims(type)) {
    auto extent =
        dim.evaluate([&](std::string_view name) -> std::optional<int64_t> {
          return program.getDimBound(StringRef(name.data(), name.size()));
        });
    if (!extent || *extent < 0 ||
        __builtin_mul_overflow(bytes, *extent, &bytes) ||
        bytes > (int64_t(1) << 60))
      return std::nullopt;
  }
  return alignBytes(bytes);
}

FailureOr<StepList> StepList::collect(plan::ProgramOp program) {
  StepList list;
  auto numberOf = [&](Value buffer) {
    Value root = plan::getRootBuffer(buffer);
    auto [it, isNew] = list.numbers.try_emplace(root, list.buffers.size());
    if (isNew) {
      OwnedBuffer owned;
      owned.value = root;
      owned.alloc = root.getDefiningOp<plan::AllocOp>();
      list.buffers.push_back(owned);
    }
    return it->second;
  };
  auto sortedNumbers = [&](ArrayRef<Value> values) {
    std::vector<int64_t> result;
    for (Value value : values)
      result.push_back(numberOf(value));
    llvm::sort(result);
    result.erase(std::unique(result.begin(), result.end()), result.end());
    return result;
  };
  for (Operation &op : program.getBody().front()) {
    if (auto alloc = dyn_cast<plan::AllocOp>(op)) {
      numberOf(alloc.getBuffer());
    } else if (auto interface = dyn_cast<plan::StepInterface>(op)) {
      Step step;
      step.op = &op;
      step.reads = sortedNumbers(interface.getReadBuffers());
      step.writes = sortedNumbers(interface.getWrittenBuffers());
      list.steps.push_back(std::move(step));
    }
  }

  for (OwnedBuffer &buffer : list.buffers) {
    auto type = cast<plan::BufferType>(buffer.value.getType()).getTensor();
    auto bytes = bytesAtBounds(program, type);
    if (!bytes) {
      emitError(buffer.value.getLoc())
          << "the tensor " << asg::describe(type)
          << " is too large: its bytes, with every run-time dim at its bound, "
             "do not fit in 60 bits";
      return failure();
    }
    buffer.bytes = *bytes;
  }

  for (Step &step : list.steps)
    for (int64_t to : step.writes)
      for (int64_t from : step.reads) {
        const OwnedBuffer &read = list.buffers[from], &write = list.buffers[to];
        if (from != to && read.alloc && write.alloc &&
            read.bytes == write.bytes &&
            !explainApart(step.op, read.value, write.value))
          step.takeovers.push_back({from, to});
      }

  // A read waits for the last write; a write for the last write and all reads
  // since.
  std::vector<int64_t> lastWrite(list.buffers.size(), -1);
  std::vector<std::vector<int64_t>> readsSince(list.buffers.size());
  for (auto [number, step] : llvm::enumerate(list.steps)) {
    auto touch = [&](int64_t buffer) {
      OwnedBuffer &owned = list.buffers[buffer];
      if (owned.first < 0)
        owned.first = number;
      owned.last = number;
    };
    auto waitFor = [&](int64_t other) {
      if (other >= 0 && other != static_cast<int64_t>(number))
        step.after.push_back(other);
    };
    for (int64_t buffer : step.reads) {
      touch(buffer);
      waitFor(lastWrite[buffer]);
    }
    for (int64_t buffer : step.writes) {
      touch(buffer);
      waitFor(lastWrite[buffer]);
      for (int64_t reader : readsSince[buffer])
        waitFor(reader);
    }
    for (int64_t buffer : step.reads)
      readsSince[buffer].push_back(number);
    for (int64_t buffer : step.writes) {
      lastWrite[buffer] = number;
      readsSince[buffer].clear();
    }
    llvm::sort(step.after);
    step.after.erase(std::unique(step.after.begin(), step.after.end()),
                     step.after.end());
  }
  return list;
}

SmallVector<Takeover> pickTakeovers(const Step &step,
                                    function_ref<bool(int64_t)> dies,
                                    function_ref<bool(int64_t)> starts) {
  SmallVector<Takeover> picked;
  for (const Takeover &takeover : step.takeovers) {
    bool isTaken = llvm::any_of(picked, [&](const Takeover &other) {
      return other.from == takeover.from || other.to == takeover.to;
    });
    if (!isTaken && dies(takeover.from) && starts(takeover.to))
      picked.push_back(takeover);
  }
  return picked;
}

} // namespace asgc::planner
