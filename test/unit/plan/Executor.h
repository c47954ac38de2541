//===- Executor.h - Holds the memory of a program and runs its steps ------===//
#ifndef ASGC_TEST_UNIT_PLAN_EXECUTOR_H
#define ASGC_TEST_UNIT_PLAN_EXECUTOR_H

#include "Execute.h"
#include "ScalarBody.h"

#include "dialects/asg/Asg.h"

#include <cstring>
#include <deque>
#include <map>
#include <random>

namespace asgc::test {
using namespace mlir;

/// The elements behind a buffer.
struct Memory {
  DType type = DType::F32;
  std::byte *data = nullptr;
  int64_t count = 0;

  Scalar get(int64_t index) const {
    HostTensor cell = *HostTensor::make(type, {1});
    std::memcpy(cell.bytes().data(), data + index * sizeOf(type), sizeOf(type));
    return isFloat(type) ? Scalar{cell.get(0), 0}
                         : Scalar{0, cell.getInteger(0)};
  }
  void set(int64_t index, const Scalar &value) const {
    HostTensor cell = *HostTensor::make(type, {1});
    if (isFloat(type))
      cell.set(0, value.f);
    else
      cell.setInteger(0, value.i);
    std::memcpy(data + index * sizeOf(type), cell.bytes().data(), sizeOf(type));
  }
  bool holds(int64_t index) const { return index >= 0 && index < count; }
};

/// Reads and writes what a program's buffers hold.
class Executor {
public:
  Executor(plan::ProgramOp program, std::string &error)
      : program(program), error(error) {}

  std::optional<InterpreterResult> run(ArrayRef<HostTensor> inputs,
                                   const Variables &variables);

private:
  std::nullopt_t fail(Operation *op, const std::string &what) {
    error = (op->getName().getStringRef() + ": " + what).str();
    if (auto step = dyn_cast<plan::StepInterface>(op))
      error = step.getStepName().str() + ": " + error;
    return std::nullopt;
  }
  int64_t evaluate(const DimExpr &extent) {
    return *extent.evaluate([&](std::string_view name) {
      auto it = dims.find(std::string(name));
      return it == dims.end() ? std::optional<int64_t>() : it->second;
    });
  }
  std::vector<int64_t> evaluate(ArrayRef<DimExpr> extents) {
    std::vector<int64_t> values;
    for (const DimExpr &extent : extents)
      values.push_back(evaluate(extent));
    return values;
  }
  RankedTensorType getTensor(Value buffer) {
    return cast<plan::BufferType>(buffer.getType()).getTensor();
  }
  std::vector<int64_t> getShape(Value buffer) {
    return evaluate(asg::getDims(getTensor(buffer)));
  }
  Type getElement(Value buffer) { return getTensor(buffer).getElementType(); }
  Memory get(Value buffer) const { return memories.at(plan::getRootBuffer(buffer).getAsOpaquePointer()); }
  Memory makeMemory(Value buffer, std::byte *data = nullptr);
  HostTensor read(Value buffer);
  void write(Value buffer, const HostTensor &tensor);

  bool bind(ArrayRef<HostTensor> inputs, const Variables &variables);
  bool step(Operation *op);
  bool runKernel(plan::KernelOp op);
  /// `areNone`: the points stand for an empty space, along the reduced dims.
  bool runPoints(plan::KernelOp op, std::vector<std::vector<int64_t>> points,
                 bool areNone = false);
  bool runUpdate(plan::UpdateOp op);
  bool runMatmul(plan::MatmulOp op);
  bool runCopy(plan::CopyOp op);
  bool runAttention(plan::AttentionOp op);
  /// Runs a library call as the asg op of that name.
  bool runAs(Operation *op, StringRef name, ValueRange in, ValueRange out);
  using Tensors = SmallVector<HostTensor>;
  std::optional<Tensors> interpretAs(Operation *op, StringRef name,
                                     ArrayRef<HostTensor> in,
                                     ArrayRef<std::vector<int64_t>> shapes,
                                     TypeRange elements);
  void poison(int64_t step);

  plan::ProgramOp program;
  std::string &error;
  std::map<std::string, int64_t> dims;
  std::map<const void *, Memory> memories;
  std::deque<std::vector<std::byte>> storage;
  std::vector<std::byte> arena;
  std::mt19937 random{7};
};

double activate(plan::Activation kind, double x);

/// Appends the points of a space to `points`, the last dim fastest.
void enumerate(const std::vector<int64_t> &extents, size_t dim,
               std::vector<int64_t> &point,
               std::vector<std::vector<int64_t>> &points);

} // namespace asgc::test

#endif
