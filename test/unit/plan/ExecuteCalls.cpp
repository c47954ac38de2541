//===- ExecuteCalls.cpp - Runs products, copies and library calls ---------===//
#include "Executor.h"

#include <cmath>

namespace asgc::test {

double activate(plan::Activation kind, double x) {
  switch (kind) {
  case plan::Activation::none: return x;
  case plan::Activation::relu: return x > 0 || std::isnan(x) ? x : 0;
  case plan::Activation::tanh: return std::tanh(x);
  case plan::Activation::gelu_erf: return 0.5 * x * (1 + std::erf(x * M_SQRT1_2));
  case plan::Activation::gelu_tanh:
    return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  case plan::Activation::sigmoid: return 1 / (1 + std::exp(-x));
  case plan::Activation::silu: return x / (1 + std::exp(-x));
  }
  return x;
}

bool Executor::runMatmul(plan::MatmulOp op) {
  auto all = [&](ArrayAttr a) { return evaluate(plan::readExtents(a)); };
  std::vector<int64_t> sizes = all(op.getSizes()), offsets = all(op.getOffsets());
  std::vector<int64_t> as = all(op.getAStrides()), bs = all(op.getBStrides()),
                       cs = all(op.getCStrides());
  std::vector<std::vector<int64_t>> batches;
  std::vector<int64_t> extents = all(op.getBatch()), point(extents.size());
  enumerate(extents, 0, point, batches);
  size_t r = extents.size();
  Memory a = get(op.getA()), b = get(op.getB()), c = get(op.getC());
  for (const auto &batch : batches) {
    int64_t a0 = offsets[0], b0 = offsets[1], c0 = offsets[2];
    for (size_t i = 0; i < r; ++i) {
      a0 += batch[i] * as[i];
      b0 += batch[i] * bs[i];
      c0 += batch[i] * cs[i];
    }
    for (int64_t m = 0; m < sizes[0]; ++m)
      for (int64_t n = 0; n < sizes[1]; ++n) {
        Scalar sum;
        for (int64_t k = 0; k < sizes[2]; ++k) {
          int64_t ai = a0 + m * as[r] + k * as[r + 1];
          int64_t bi = b0 + k * bs[r] + n * bs[r + 1];
          if (!a.holds(ai) || !b.holds(bi))
            return fail(op, "reads out of bounds"), false;
          Scalar x = a.get(ai), y = b.get(bi);
          sum.f += x.f * y.f;
          sum.i += x.i * y.i;
        }
        int64_t ci = c0 + m * cs[r] + n * cs[r + 1];
        if (!c.holds(ci))
          return fail(op, "writes out of bounds"), false;
        if (op.getBias())
          sum.f += get(op.getBias()).get(n).f;
        if (op.getResidual())
          sum.f += get(op.getResidual()).get(ci).f;
        sum.f = activate(op.getActivation(), sum.f);
        c.set(ci, sum);
      }
  }
  return true;
}

bool Executor::runCopy(plan::CopyOp op) {
  auto all = [&](ArrayAttr a) { return evaluate(plan::readExtents(a)); };
  std::vector<int64_t> extents = all(op.getExtents()), offsets = all(op.getOffsets());
  std::vector<int64_t> xs = all(op.getXStrides()), ys = all(op.getYStrides());
  std::vector<std::vector<int64_t>> points;
  std::vector<int64_t> point(extents.size());
  enumerate(extents, 0, point, points);
  Memory x = get(op.getX()), y = get(op.getY());
  for (const auto &p : points) {
    int64_t from = offsets[0], to = offsets[1];
    for (size_t i = 0; i < p.size(); ++i) {
      from += p[i] * xs[i];
      to += p[i] * ys[i];
    }
    if (!x.holds(from) || !y.holds(to))
      return fail(op, "is out of bounds"), false;
    y.set(to, x.get(from));
  }
  return true;
}

/// Evaluates the asg op `name` with attributes of `op`: `shapes` and `elements` are those
/// of its operands, then of its results.
std::optional<Executor::Tensors>
Executor::interpretAs(Operation *op, StringRef name, ArrayRef<HostTensor> in,
                      ArrayRef<std::vector<int64_t>> shapes, TypeRange elements) {
  Block block;
  OperationState state(op->getLoc(), name);
  for (auto [index, shape] : llvm::enumerate(shapes)) {
    auto type = RankedTensorType::get(shape, elements[index]);
    if (index < in.size())
      state.addOperands(block.addArgument(type, op->getLoc()));
    else
      state.addTypes(type);
  }
  auto wanted = RegisteredOperationName::lookup(name, op->getContext());
  for (StringRef attribute : wanted->getAttributeNames())
    if (Attribute value = op->getAttr(attribute))
      state.addAttribute(attribute, value);
  Operation *call = Operation::create(state);
  block.push_back(call);
  auto results = interpretOp(call, in);
  if (failed(results))
    return fail(op, "the interpreter refuses it");
  return Tensors(results->begin(), results->end());
}

bool Executor::runAs(Operation *op, StringRef name, ValueRange in,
                     ValueRange out) {
  SmallVector<HostTensor> tensors;
  std::vector<std::vector<int64_t>> shapes;
  SmallVector<Type> elements;
  for (ValueRange range : {in, out})
    for (Value buffer : range) {
      shapes.push_back(getShape(buffer));
      elements.push_back(getElement(buffer));
    }
  for (Value buffer : in)
    tensors.push_back(read(buffer));
  auto results = interpretAs(op, name, tensors, shapes, elements);
  if (!results)
    return false;
  for (auto [buffer, tensor] : llvm::zip(out, *results))
    write(buffer, tensor);
  return true;
}

/// Gathers the operands by their accesses, and scatters the results.
bool Executor::runAttention(plan::AttentionOp op) {
  std::vector<int64_t> batch = evaluate(plan::readExtents(op.getBatch())),
                       sizes = evaluate(plan::readExtents(op.getSizes()));
  enum { queries, keys, depth, features };
  std::vector<std::vector<int>> inner = {
      {queries, depth}, {keys, depth}, {keys, features}, {queries, features}, {queries}};
  if (op.getBackward())
    inner.insert(inner.end(),
                 {{queries}, {queries, depth}, {keys, depth}, {keys, features}});
  SmallVector<Value> buffers(op.getReads());
  llvm::append_range(buffers, op.getWrites());
  std::vector<std::vector<int64_t>> shapes;
  SmallVector<Type> elements;
  for (size_t i = 0; i < inner.size(); ++i) {
    std::vector<int64_t> shape = batch;
    for (int size : inner[i])
      shape.push_back(sizes[size]);
    shapes.push_back(shape);
    // lse may have no place
    elements.push_back(i < buffers.size() ? getElement(buffers[i])
                                          : Float32Type::get(op.getContext()));
  }
  bool isInside = true;
  auto forEach = [&](size_t operand, auto visit) {
    plan::Access access = op.getAccess(operand);
    std::vector<std::vector<int64_t>> points;
    std::vector<int64_t> point(shapes[operand].size());
    enumerate(shapes[operand], 0, point, points);
    Memory memory = get(buffers[operand]);
    for (auto [index, at] : llvm::enumerate(points)) {
      int64_t offset = evaluate(access.offset);
      for (auto [stride, i] : llvm::zip_equal(access.strides, at))
        offset += evaluate(stride) * i;
      if (memory.holds(offset))
        visit(index, memory, offset);
      else
        isInside = false;
    }
  };
  SmallVector<HostTensor> tensors;
  for (size_t i = 0; i < op.getReads().size(); ++i) {
    tensors.push_back(*HostTensor::make(get(buffers[i]).type, shapes[i]));
    forEach(i, [&](int64_t index, const Memory &memory, int64_t offset) {
      tensors.back().set(index, memory.get(offset).f);
    });
  }
  auto results = interpretAs(
      op, op.getBackward() ? "asg.attention_grad" : "asg.attention", tensors, shapes, elements);
  if (!results)
    return false;
  for (size_t i = tensors.size(); i < buffers.size(); ++i)
    forEach(i, [&](int64_t index, const Memory &memory, int64_t offset) {
      memory.set(offset, {(*results)[i - tensors.size()].get(index), 0});
    });
  if (!isInside)
    fail(op, "an access is out of bounds");
  return isInside;
}

} // namespace asgc::test
