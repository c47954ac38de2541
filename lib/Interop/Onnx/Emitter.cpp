//===- Emitter.cpp - Builds asg with numpy's broadcasting -----------------===//
#include "lib/Interop/Onnx/Emitter.h"
#include "lib/Interop/Onnx/Places.h"

#include "asgc/Interpreter.h"

#include "mlir/IR/Verifier.h"

using namespace mlir;

namespace asgc::interop {

/// Results with more elements than this are not computed at import.
static constexpr int64_t kMaxFolded = 4096;

//===----------------------------------------------------------------------===//
// Failures
//===----------------------------------------------------------------------===//

Value Emitter::fail(const Twine &text, bool unsupported) {
  if (reason.empty()) {
    reason = text.str();
    isUnsupported = unsupported;
  }
  return {};
}

std::string Emitter::takeFailure(bool &unsupported) {
  unsupported = isUnsupported;
  isUnsupported = false;
  diagnostic.clear();
  return std::exchange(reason, {});
}

std::string Emitter::takeDiagnostic() {
  std::string text = std::exchange(diagnostic, {});
  return text.empty() ? "the operator's operands do not fit" : text;
}

Value Emitter::insert(OperationState &state) {
  if (hasFailed())
    return {};
  Operation *op = builder.create(state);
  if (failed(verify(op, /*verifyRecursively=*/false))) {
    op->erase();
    return fail(takeDiagnostic());
  }
  return fold(op);
}

Value Emitter::fold(Operation *op) {
  Value result = op->getResult(0);
  auto type = mlir::cast<RankedTensorType>(result.getType());
  if (op->getNumResults() != 1 || op->getNumOperands() == 0 ||
      !type.hasStaticShape() || type.getNumElements() > kMaxFolded)
    return result;
  // A repeated number is better left as one, a table as it is.
  constexpr int64_t kMaxRepeated = 64;
  if (isa<asg::BroadcastOp>(op) && (isa<FloatType>(type.getElementType()) ||
                                    type.getNumElements() > kMaxRepeated))
    return result;
  std::vector<HostTensor> operands;
  for (Value operand : op->getOperands()) {
    auto constant = operand.getDefiningOp<asg::ConstantOp>();
    auto value = constant ? dyn_cast<DenseElementsAttr>(constant.getValue())
                          : DenseElementsAttr();
    if (!value || value.getNumElements() > kMaxFolded)
      return result;
    operands.push_back(hostTensorOf(value));
  }
  auto values = interpretOp(op, operands);
  diagnostic.clear();
  if (mlir::failed(values))
    return result;
  op->erase();
  return constant(values->front());
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

std::optional<int64_t> Emitter::fixedDim(Value x, int64_t axis) {
  if (!x)
    return std::nullopt;
  auto extent = dim(x, axis).asConstant();
  if (!extent)
    refuse("the extent '" + dim(x, axis).str() +
           "' must be known when the model is compiled");
  return extent;
}

std::optional<Axes> Emitter::fixedDims(Value x) {
  Axes all;
  if (!x)
    return std::nullopt;
  for (int64_t axis = 0; axis < rankOf(x); ++axis) {
    auto extent = fixedDim(x, axis);
    if (!extent)
      return std::nullopt;
    all.push_back(*extent);
  }
  return all;
}

std::optional<int64_t> Emitter::axis(int64_t axis, int64_t rank) {
  if (axis >= -rank && axis < rank)
    return axis < 0 ? axis + rank : axis;
  fail("axis " + Twine(axis) + " is out of range for rank " + Twine(rank));
  return std::nullopt;
}

std::optional<Axes> Emitter::axes(ArrayRef<int64_t> given, int64_t rank) {
  Axes all;
  for (int64_t one : given) {
    auto found = axis(one, rank);
    if (!found)
      return std::nullopt;
    all.push_back(*found);
  }
  llvm::sort(all);
  if (std::adjacent_find(all.begin(), all.end()) != all.end()) {
    fail("an axis is given twice");
    return std::nullopt;
  }
  return all;
}

RankedTensorType Emitter::typeFor(ArrayRef<DimExpr> dims, Type element) {
  for (const DimExpr &dim : dims)
    if (auto extent = dim.asConstant(); extent && *extent < 0) {
      fail("an extent would be " + Twine(*extent));
      return RankedTensorType::get({}, element);
    }
  return asg::getTensorType(builder.getContext(), dims, element);
}

Type elementTypeOf(MLIRContext &context, DType type) {
  Builder builder(&context);
  switch (type) {
  case DType::F32:
    return builder.getF32Type();
  case DType::F16:
    return builder.getF16Type();
  case DType::BF16:
    return builder.getBF16Type();
  case DType::F64:
    return builder.getF64Type();
  case DType::I8:
    return builder.getIntegerType(8);
  case DType::I32:
    return builder.getI32Type();
  case DType::I64:
    return builder.getI64Type();
  case DType::Bool:
    return builder.getI1Type();
  }
  return {};
}

HostTensor hostTensorOf(DenseElementsAttr value) {
  auto shape = value.getType().getShape();
  DType type = getDType(value.getElementType());
  HostTensor tensor = *HostTensor::make(type, {shape.begin(), shape.end()});
  int64_t index = 0;
  if (isFloat(type))
    for (APFloat element : value.getValues<APFloat>()) {
      bool isInexact = false;
      element.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                      &isInexact);
      tensor.set(index++, element.convertToDouble());
    }
  else
    for (APInt element : value.getValues<APInt>())
      tensor.setInteger(index++, type == DType::Bool
                                     ? int64_t(element.getZExtValue())
                                     : element.getSExtValue());
  return tensor;
}

//===----------------------------------------------------------------------===//
// Sources
//===----------------------------------------------------------------------===//

Value Emitter::constant(const HostTensor &tensor) {
  Type element = elementTypeOf(*builder.getContext(), tensor.dtype());
  auto shape = tensor.shape();
  auto type = RankedTensorType::get({shape.data(), shape.size()}, element);
  DenseElementsAttr value;
  if (tensor.dtype() == DType::Bool) { // i1 is packed in attributes
    SmallVector<bool> bits;
    for (int64_t i = 0; i < tensor.numElements(); ++i)
      bits.push_back(tensor.getInteger(i) != 0);
    value = DenseElementsAttr::get(type, bits);
  } else {
    auto bytes = tensor.bytes();
    value = DenseElementsAttr::getFromRawBuffer(
        type, {reinterpret_cast<const char *>(bytes.data()), bytes.size()});
  }
  return make<asg::ConstantOp>(type, value);
}

Value Emitter::constant(ArrayRef<double> values, ArrayRef<int64_t> shape,
                        Type element) {
  auto tensor =
      HostTensor::make(getDType(element), {shape.begin(), shape.end()});
  if (!tensor || tensor->numElements() != int64_t(values.size()))
    return fail("a constant's values do not fit its shape");
  for (auto [index, value] : llvm::enumerate(values))
    tensor->set(int64_t(index), value);
  return constant(*tensor);
}

Value Emitter::integers(ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get({int64_t(values.size())}, i64());
  return make<asg::ConstantOp>(type, DenseElementsAttr::get(type, values));
}

Value Emitter::scalar(double value, Type element) {
  return constant(ArrayRef<double>(value), {}, element);
}

Value Emitter::like(Value x, double value) {
  return x ? scalar(value, elementOf(x)) : x;
}

Value Emitter::splat(ArrayRef<DimExpr> dims, Type element, double value) {
  return broadcast(scalar(value, element), dims);
}

Value Emitter::iota(ArrayRef<DimExpr> dims, int64_t axis, Type element) {
  return make<asg::IotaOp>(typeFor(dims, element), axis);
}

Value Emitter::extent(const DimExpr &dim, Type element) {
  if (auto constant = dim.asConstant())
    return scalar(double(*constant), element);
  return make<asg::DimOp>(RankedTensorType::get({}, element), dim.str());
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

std::optional<Extents> Emitter::commonDims(ArrayRef<Value> xs) {
  Extents common;
  for (Value x : xs) {
    if (!x)
      return std::nullopt;
    Extents own = dims(x);
    while (common.size() < own.size())
      common.insert(common.begin(), DimExpr(1));
    size_t offset = common.size() - own.size();
    for (size_t i = 0; i < own.size(); ++i) {
      DimExpr &shared = common[offset + i];
      if (shared == DimExpr(1))
        shared = own[i];
      else if (!(own[i] == DimExpr(1)) && !(own[i] == shared)) {
        fail("shapes " + asg::describe(xs.front().getType()) + " and " +
             asg::describe(x.getType()) + " do not broadcast");
        return std::nullopt;
      }
    }
  }
  return common;
}

bool Emitter::unify(ArrayRef<Value *> xs) {
  SmallVector<Value> values;
  for (Value *x : xs)
    values.push_back(*x);
  auto common = commonDims(values);
  if (!common)
    return false;
  for (Value *x : xs)
    if (!(*x = broadcast(*x, *common)))
      return false;
  if (xs[0]->getType() == xs[1]->getType())
    return true;
  fail("operands are " + asg::describe(xs[0]->getType()) + " and " +
       asg::describe(xs[1]->getType()));
  return false;
}

Value Emitter::compare(asg::Predicate predicate, Value x, Value y) {
  // A mask as numbers, compared with 0, is the mask.
  auto mask = x ? x.getDefiningOp<asg::CastOp>() : nullptr;
  bool isTest =
      predicate == asg::Predicate::eq || predicate == asg::Predicate::ne;
  if (mask && y && isTest && elementOf(mask.getX()).isInteger(1) &&
      splatOf(y) == 0.0 && rankOf(y) <= rankOf(x)) {
    Value plain = predicate == asg::Predicate::ne ? mask.getX()
                                                  : negated(*this, mask.getX());
    if (plain && commonDims({x, y}) == dims(x))
      return plain;
  }
  if (!unify({&x, &y}))
    return {};
  return infer<asg::CompareOp>(1, predicate, x, y);
}

Value Emitter::select(Value condition, Value x, Value y) {
  auto common = commonDims({condition, x, y});
  if (!common)
    return {};
  // Masks say what is seen: select(m, −∞, s) -> select(not m, s, −∞), and so do
  // those of a number that softmax makes 0 of.
  constexpr double kLowest = -1e30;
  if (auto hidden = splatOf(x); hidden && *hidden < kLowest)
    if (Value seen = negated(*this, condition)) {
      condition = seen;
      std::swap(x, y);
    }
  auto constant = condition.getDefiningOp<asg::ConstantOp>();
  auto known = constant ? dyn_cast<DenseElementsAttr>(constant.getValue())
                        : DenseElementsAttr();
  condition = broadcast(condition, *common);
  x = broadcast(x, *common);
  y = broadcast(y, *common);
  if (known && known.isSplat() && elementOf(x) == elementOf(y))
    return known.getSplatValue<bool>() ? x : y;
  return y ? make<asg::SelectOp>(x.getType(), condition, x, y) : y;
}

Value Emitter::cast(Value x, Type element) {
  if (!x || elementOf(x) == element)
    return x;
  // bool -> number -> bool
  if (auto inner = x.getDefiningOp<asg::CastOp>();
      inner && element.isInteger(1) && elementOf(inner.getX()) == element)
    return inner.getX();
  return make<asg::CastOp>(asg::withElementType(typeOf(x), element), x);
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

Value Emitter::unreduce(Value x, Extents dims, ArrayRef<int64_t> axes) {
  for (int64_t axis : axes)
    dims[axis] = DimExpr(1);
  return reshape(x, dims);
}

Value Emitter::count(Value x, ArrayRef<int64_t> axes) {
  if (!x)
    return x;
  DimExpr product(1);
  for (int64_t axis : axes)
    product = product * dim(x, axis);
  return extent(product, elementOf(x));
}

Value Emitter::mean(Value x, ArrayRef<int64_t> axes, bool keep) {
  Value y = div(sum(x, axes, false), count(x, axes));
  return keep && y ? unreduce(y, dims(x), axes) : y;
}

Value Emitter::dot(Value x, Value y, ArrayRef<int64_t> xBatch,
                   ArrayRef<int64_t> yBatch, ArrayRef<int64_t> xContract,
                   ArrayRef<int64_t> yContract) {
  if (!x || !y)
    return {};
  return infer<asg::DotOp>(1, x, y, xBatch, yBatch, xContract, yContract);
}

Value Emitter::matmul(Value x, Value y) {
  if (!x || !y)
    return {};
  if (rankOf(x) == 0 || rankOf(y) == 0)
    return fail("matmul takes no scalars");
  bool isRow = rankOf(x) == 1, isColumn = rankOf(y) == 1;
  if (isColumn) // whatever precedes the features of x stays free
    return dot(x, y, {}, {}, {rankOf(x) - 1}, {0});
  if (rankOf(y) == 2)
    return dot(x, y, {}, {}, {rankOf(x) - 1}, {0});
  if (isRow)
    x = unsqueeze(x, {0});
  int64_t rank = std::max(rankOf(x), rankOf(y));
  Axes front;
  for (int64_t i = rankOf(x); i < rank; ++i)
    front.push_back(int64_t(front.size()));
  x = unsqueeze(x, front);
  front.clear();
  for (int64_t i = rankOf(y); i < rank; ++i)
    front.push_back(int64_t(front.size()));
  y = unsqueeze(y, front);
  // Batch axes take their common extents.
  Extents xDims = dims(x), yDims = dims(y);
  Axes batch;
  for (int64_t axis = 0; axis + 2 < rank; ++axis) {
    batch.push_back(axis);
    if (xDims[axis] == DimExpr(1))
      xDims[axis] = yDims[axis];
    else if (yDims[axis] == DimExpr(1))
      yDims[axis] = xDims[axis];
  }
  Value product = dot(broadcast(x, xDims), broadcast(y, yDims), batch, batch,
                      {rank - 1}, {rank - 2});
  return isRow && product ? squeeze(product, {rank - 2}) : product;
}

Value Emitter::softmax(Value x, int64_t axis) {
  Value shifted = sub(x, reduce<asg::ReduceMaxOp>(x, {axis}, true));
  Value power = exp(shifted);
  return div(power, sum(power, {axis}, true));
}

Value Emitter::logSoftmax(Value x, int64_t axis) {
  Value shifted = sub(x, reduce<asg::ReduceMaxOp>(x, {axis}, true));
  return sub(shifted, log(sum(exp(shifted), {axis}, true)));
}

} // namespace asgc::interop
