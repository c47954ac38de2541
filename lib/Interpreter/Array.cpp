//===- Array.cpp - Values of tensors while they are interpreted -----------===//
#include "lib/Interpreter/Evaluation.h"

using namespace mlir;

namespace asgc::interpreter {

Array fromHost(const HostTensor &tensor, DType type) {
  Array array;
  array.type = type;
  array.shape.assign(tensor.shape().begin(), tensor.shape().end());
  for (int64_t i = 0, count = tensor.numElements(); i < count; ++i) {
    if (array.isFloat())
      array.floats.push_back(tensor.get(i));
    else
      array.integers.push_back(tensor.getInteger(i));
  }
  return array;
}

HostTensor toHost(const Array &array, bool roundToStorage) {
  DType type = array.isFloat() && !roundToStorage ? DType::F64 : array.type;
  HostTensor tensor = *HostTensor::make(type, array.shape);
  for (int64_t i = 0, count = array.size(); i < count; ++i) {
    if (array.isFloat())
      tensor.set(i, array.floats[i]);
    else
      tensor.setInteger(i, array.integers[i]);
  }
  return tensor;
}

int64_t countElements(ArrayRef<int64_t> shape) {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  return count;
}

Extents stridesOf(ArrayRef<int64_t> shape) {
  Extents strides(shape.size());
  int64_t stride = 1;
  for (size_t axis = shape.size(); axis-- > 0;) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

Extents offsetsOf(ArrayRef<int64_t> shape, ArrayRef<int64_t> strides) {
  int64_t count = countElements(shape);
  Extents offsets(count), index(shape.size(), 0);
  int64_t offset = 0;
  for (int64_t i = 0; i < count; ++i) {
    offsets[i] = offset;
    for (size_t axis = shape.size(); axis-- > 0;) {
      offset += strides[axis];
      if (++index[axis] < shape[axis])
        break;
      offset -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return offsets;
}

void gatherElements(const Array &from, ArrayRef<int64_t> offsets, Array &to) {
  for (size_t i = 0; i < offsets.size(); ++i) {
    if (from.isFloat())
      to.floats[i] = from.floats[offsets[i]];
    else
      to.integers[i] = from.integers[offsets[i]];
  }
}

LogicalResult Evaluation::checkSteps(ArrayRef<int64_t> factors) const {
  int64_t steps = 1;
  for (int64_t factor : factors)
    if (factor == 0)
      return success();
  for (int64_t factor : factors)
    if (__builtin_mul_overflow(steps, factor, &steps) ||
        steps > options.maxSteps)
      return op->emitOpError()
             << "takes more than " << options.maxSteps
             << " steps, too many for the interpreter";
  return success();
}

} // namespace asgc::interpreter
