//===- Execute.cpp - Runs a program in plain loops ------------------------===//
#include "Executor.h"

#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>

namespace asgc::test {

Memory Executor::makeMemory(Value buffer, std::byte *data) {
  auto tensor = cast<plan::BufferType>(buffer.getType()).getTensor();
  Memory memory;
  memory.type = getDType(tensor.getElementType());
  memory.count = 1;
  for (int64_t extent : getShape(buffer))
    memory.count *= extent;
  if (!data)
    data = storage.emplace_back(memory.count * sizeOf(memory.type) + 8,
                                std::byte(0xff)).data();
  memory.data = data;
  memories[buffer.getAsOpaquePointer()] = memory;
  return memory;
}

HostTensor Executor::read(Value buffer) {
  Memory memory = get(buffer);
  HostTensor tensor = *HostTensor::make(memory.type, getShape(buffer));
  std::memcpy(tensor.bytes().data(), memory.data, tensor.bytes().size());
  return tensor;
}

void Executor::write(Value buffer, const HostTensor &tensor) {
  std::memcpy(get(buffer).data, tensor.bytes().data(), tensor.bytes().size());
}

bool Executor::bind(ArrayRef<HostTensor> inputs, const Variables &variables) {
  for (auto [buffer, tensor] : llvm::zip_equal(program.getInputs(), inputs)) {
    auto extents = asg::getDims(cast<plan::BufferType>(buffer.getType()).getTensor());
    for (auto [extent, value] : llvm::zip_equal(extents, tensor.shape()))
      if (auto name = extent.asSymbol())
        dims[*name] = value;
  }
  arena.assign(program.getArena().value_or(0) + 8, std::byte(0xff));
  for (auto [buffer, tensor] : llvm::zip_equal(program.getInputs(), inputs)) {
    makeMemory(buffer);
    write(buffer, tensor);
  }
  for (Value buffer : program.getOutputs())
    makeMemory(buffer);
  std::map<std::string, Memory> known;
  for (Operation &op : program.getBody().front()) {
    if (auto variable = dyn_cast<plan::VariableOp>(op)) {
      std::string name = variable.getVariable().str();
      if (known.count(name)) {
        memories[variable.getBuffer().getAsOpaquePointer()] = known[name];
        continue;
      }
      known[name] = makeMemory(variable);
      auto it = variables.find(name);
      if (it != variables.end())
        write(variable, it->second);
    } else if (auto constant = dyn_cast<plan::ConstantOp>(op)) {
      Memory memory = makeMemory(constant);
      auto values = cast<DenseElementsAttr>(constant.getValue());
      int64_t index = 0;
      for (Attribute value : values.getValues<Attribute>()) {
        if (auto number = dyn_cast<FloatAttr>(value))
          memory.set(index++, {number.getValueAsDouble(), 0});
        else
          memory.set(index++, {0, cast<IntegerAttr>(value).getValue().getSExtValue()});
      }
    } else if (auto alloc = dyn_cast<plan::AllocOp>(op)) {
      std::byte *data = nullptr;
      if (alloc.getOffset())
        data = arena.data() + *alloc.getOffset();
      Memory memory = makeMemory(alloc, data);
      if (data && data + memory.count * sizeOf(memory.type) > arena.data() + arena.size() - 8) {
        fail(alloc, "lies beyond the arena");
        return false;
      }
    }
  }
  return true;
}

//===- Kernels ------------------------------------------------------------===//

static SmallVector<int64_t> getReducedDims(Region &body) {
  for (auto reduce : body.getOps<plan::ReduceOp>())
    return SmallVector<int64_t>(reduce.getDims());
  return {};
}


void enumerate(const std::vector<int64_t> &extents, size_t dim,
               std::vector<int64_t> &point,
               std::vector<std::vector<int64_t>> &points) {
  if (dim == extents.size()) {
    points.push_back(point);
    return;
  }
  for (point[dim] = 0; point[dim] < extents[dim]; ++point[dim])
    enumerate(extents, dim + 1, point, points);
}

bool Executor::runPoints(plan::KernelOp op, std::vector<std::vector<int64_t>> points,
                         bool areNone) {
  bool isInside = true;
  SmallVector<int64_t> reduced = getReducedDims(op.getBody());
  auto offsetOf = [&](const plan::Access &access, const std::vector<int64_t> &point,
                      const Memory &memory) {
    int64_t offset = evaluate(access.offset);
    for (auto [stride, index] : llvm::zip(access.strides, point))
      offset += evaluate(stride) * index;
    isInside &= memory.holds(offset);
    return memory.holds(offset) ? offset : 0;
  };
  BodyInputs inputs;
  inputs.points = points;
  inputs.areNone = areNone;
  inputs.extent = [&](const DimExpr &extent) { return evaluate(extent); };
  auto isAlongReduced = [&](const plan::Access &access) {
    return llvm::any_of(reduced, [&](int64_t dim) {
      return !(access.strides[dim] == DimExpr(0));
    });
  };
  inputs.readArgument = [&](unsigned argument) {
    std::optional<plan::Access> access = op.getReadAccess(argument);
    if (areNone && (!access || isAlongReduced(*access)))
      return std::vector<Scalar>(points.size());
    std::vector<Scalar> values;
    Memory memory = get(op.getReads()[argument]);
    for (size_t p = 0; access && p < points.size(); ++p)
      values.push_back(memory.get(offsetOf(*access, points[p], memory)));
    return values;
  };
  inputs.load = [&](unsigned argument, int64_t offset) {
    Memory memory = get(op.getReads()[argument]);
    isInside &= areNone || memory.holds(offset);
    return memory.holds(offset) ? memory.get(offset) : Scalar();
  };
  auto values = evaluateBody(op.getBody().front(), inputs, error);
  if (!values)
    return false;
  for (auto [index, buffer] : llvm::enumerate(op.getWrites())) {
    plan::Access access = op.getWriteAccess(index);
    Memory memory = get(buffer);
    if (areNone && isAlongReduced(access))
      continue;
    for (size_t p = 0; p < points.size(); ++p)
      memory.set(offsetOf(access, points[p], memory), (*values)[index][p]);
  }
  if (!isInside)
    fail(op, "an access is out of bounds");
  return isInside;
}

bool Executor::runKernel(plan::KernelOp op) {
  std::vector<int64_t> extents = evaluate(plan::readExtents(op.getSpace()));
  std::vector<std::vector<int64_t>> points;
  std::vector<int64_t> point(extents.size());
  enumerate(extents, 0, point, points);
  if (points.empty()) {
    for (int64_t dim : getReducedDims(op.getBody()))
      extents[dim] = std::max<int64_t>(extents[dim], 1);
    enumerate(extents, 0, point, points);
    return points.empty() || runPoints(op, points, /*areNone=*/true);
  }
  if (op.getKind() == plan::KernelKind::reduce)
    return runPoints(op, points);
  // Points of a map in scrambled small groups; rows one by one.
  size_t group = 3;
  if (op.getKind() == plan::KernelKind::row)
    group = extents.back();
  std::vector<size_t> order((points.size() + group - 1) / group);
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  std::shuffle(order.begin(), order.end(), random);
  for (size_t i : order) {
    auto begin = points.begin() + i * group;
    auto end = points.begin() + std::min(points.size(), (i + 1) * group);
    if (!runPoints(op, {begin, end}))
      return false;
  }
  return true;
}

bool Executor::runUpdate(plan::UpdateOp op) {
  size_t shared = op.getShared().size();
  for (int64_t segment = 0; segment < op.getSegmentCount(); ++segment) {
    int64_t extent = evaluate(op.getExtent(segment));
    BodyInputs inputs;
    inputs.areNone = extent == 0;
    if (inputs.areNone && op.getReduces())
      inputs.points.push_back({0});
    for (int64_t i = 0; i < extent; ++i)
      inputs.points.push_back({i});
    inputs.extent = [&](const DimExpr &e) { return evaluate(e); };
    inputs.readArgument = [&](unsigned argument) {
      bool isShared = argument < shared;
      Memory memory = get(isShared ? op.getShared()[argument]
                                   : op.getReadGroup(argument - shared)[segment]);
      std::vector<Scalar> values;
      for (size_t i = 0; i < inputs.points.size(); ++i)
        values.push_back(isShared         ? memory.get(0)
                         : inputs.areNone ? Scalar()
                                          : memory.get(i));
      return values;
    };
    auto values = evaluateBody(op.getBody().front(), inputs, error);
    if (!values)
      return false;
    for (int64_t group = 0; group < op.getWriteGroupCount(); ++group) {
      Memory memory = get(op.getWriteGroup(group)[segment]);
      for (int64_t i = 0; i < (op.getReduces() ? 1 : extent); ++i)
        memory.set(i, (*values)[group][i]);
    }
  }
  return true;
}

bool Executor::step(Operation *op) {
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case([&](plan::KernelOp k) { return runKernel(k); })
      .Case([&](plan::UpdateOp u) { return runUpdate(u); })
      .Case([&](plan::MatmulOp m) { return runMatmul(m); })
      .Case([&](plan::CopyOp c) { return runCopy(c); })
      .Case([&](plan::AttentionOp a) { return runAttention(a); })
      .Case([&](plan::Conv2dOp c) {
        StringRef name = c.getKind() == plan::ConvKind::forward ? "asg.conv2d"
                         : c.getKind() == plan::ConvKind::input_grad
                             ? "asg.conv2d_input_grad"
                             : "asg.conv2d_weight_grad";
        if (!runAs(c, name, {c.getIn0(), c.getIn1()}, c.getOut()))
          return false;
        Memory out = get(c.getOut());
        std::vector<int64_t> shape = getShape(c.getOut());
        for (int64_t i = 0; i < out.count; ++i) {
          double x = out.get(i).f;
          if (c.getBias())
            x += get(c.getBias()).get(i / (shape[2] * shape[3]) % shape[1]).f;
          out.set(i, {activate(c.getActivation(), x), 0});
        }
        return true;
      })
      .Case([&](plan::MaxPool2dOp p) {
        return runAs(p, "asg.max_pool2d", p.getX(), {p.getY(), p.getIndices()});
      })
      .Case([&](plan::AvgPool2dOp p) {
        return runAs(p, p.getBackward() ? "asg.avg_pool2d_grad" : "asg.avg_pool2d",
                     p.getIn(), p.getOut());
      })
      .Case([&](plan::MaxUnpool2dOp p) {
        return runAs(p, "asg.max_unpool2d", {p.getIn(), p.getIndices()}, p.getOut());
      })
      .Case([&](plan::PoolGather2dOp p) {
        return runAs(p, "asg.pool_gather2d", {p.getIn(), p.getIndices()}, p.getOut());
      })
      .Case([&](plan::GatherOp g) {
        return runAs(g, "asg.gather", {g.getIn(), g.getIndices()}, g.getOut());
      })
      .Case([&](plan::ScanOp s) {
        if (Value a = s.getCoefficients())
          return runAs(s, "asg.linear_scan", {a, s.getX()}, s.getY());
        return runAs(s, "asg.cumsum", s.getX(), s.getY());
      })
      .Case([&](plan::ScatterAddOp s) {
        return runAs(s, "asg.scatter_add", {s.getIn(), s.getIndices()}, s.getOut());
      })
      .Default([&](Operation *other) { return fail(other, "is no known step"), false; });
}

/// Fills what was alive for the last time in `step`, but not what lives on in the
/// same place.
void Executor::poison(int64_t step) {
  SmallVector<plan::AllocOp> allocs(program.getBody().getOps<plan::AllocOp>());
  for (plan::AllocOp dead : allocs) {
    if (!dead.getOffset() || static_cast<int64_t>(dead.getLast().value_or(-1)) != step)
      continue;
    for (uint64_t byte = 0; byte < *dead.getBytes(); ++byte) {
      uint64_t address = *dead.getOffset() + byte;
      bool isAlive = llvm::any_of(allocs, [&](plan::AllocOp other) {
        return other.getOffset() && static_cast<int64_t>(*other.getFirst()) <= step &&
               static_cast<int64_t>(*other.getLast()) > step && address >= *other.getOffset() &&
               address < *other.getOffset() + *other.getBytes();
      });
      if (!isAlive && address < arena.size())
        arena[address] = std::byte(0xff);
    }
  }
}

std::optional<InterpreterResult> Executor::run(ArrayRef<HostTensor> inputs,
                                           const Variables &variables) {
  if (!bind(inputs, variables))
    return std::nullopt;
  int64_t number = 0;
  for (Operation &op : program.getBody().front()) {
    if (!isa<plan::StepInterface>(op))
      continue;
    if (!step(&op))
      return std::nullopt;
    poison(number++);
  }
  InterpreterResult result;
  result.assigned = variables;
  for (Value buffer : program.getOutputs())
    result.outputs.push_back(read(buffer));
  for (auto variable : program.getBody().getOps<plan::VariableOp>())
    result.assigned[variable.getVariable().str()] = read(variable);
  return result;
}

std::optional<InterpreterResult> execute(plan::ProgramOp program,
                                     ArrayRef<HostTensor> inputs,
                                     const Variables &variables,
                                     std::string &error) {
  return Executor(program, error).run(inputs, variables);
}

} // namespace asgc::test
