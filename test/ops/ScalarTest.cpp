//===- ScalarTest.cpp - Scalar bodies against the interpreter -------------===//
#include "test/ops/Example.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace asgc;
using namespace asgc::test;

// `buildScalar` makes arith and math ops; on constants these fold, which gives
// their value without any backend.

namespace {
using mlir::Value;

std::string replaceAll(std::string text, const std::string &from,
                       const std::string &to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos;
       at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

/// The examples of an op, and the same with other element types.
std::vector<std::string> variantsOf(const CatalogOp &op) {
  std::set<std::string> variants;
  std::vector<std::string> texts = op.cases;
  texts.push_back(op.example);
  for (const std::string &text : texts) {
    variants.insert(text);
    for (const char *to : {"xf16>", "xbf16>", "xf64>"})
      variants.insert(replaceAll(text, "xf32>", to));
    for (const char *from : {"xi8>", "xi32>", "xi64>", "xi1>"})
      for (const char *to : {"xi8>", "xi32>", "xi64>", "xi1>"})
        variants.insert(replaceAll(text, from, to));
  }
  if (op.name == "asg.cast")
    for (const char *from : {"f64", "f32", "f16", "bf16", "i64", "i32", "i8", "i1"})
      for (const char *to : {"f64", "f32", "f16", "bf16", "i64", "i32", "i8", "i1"})
        variants.insert(std::string("%y = asg.cast %x : tensor<2x") + from +
                        "> to tensor<2x" + to + ">");
  return {variants.begin(), variants.end()};
}

std::vector<double> edgesOf(DType type, const CatalogOp &op) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  if (type == DType::Bool)
    return {0, 1};
  if (!isFloat(type)) {
    double most = std::ldexp(1.0, static_cast<int>(8 * sizeOf(type)) - 1);
    // i64's extremes are given as integers below.
    return {0, 1, -1, 2, -2, 7, -7, 100, -100, -most, most - 1};
  }
  std::vector<double> small = {0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 0.75,
                               inf, -inf, std::nan("")};
  // l − ⌊l / r⌋ · r loses every digit where l is large beside r.
  if (op.name != "asg.mod")
    for (double value : {1e-40, 40.0, -40.0, 127.5, 128.0, -128.5, 200.0, 3e9,
                         -3e9, 1e19, -1e19, 1e30, -1e30})
      small.push_back(value);
  return small;
}

/// The type that a kernel holds an element in.
mlir::Type heldType(mlir::Type stored) {
  return stored.isF16() || stored.isBF16()
             ? mlir::Float32Type::get(stored.getContext())
             : stored;
}

mlir::TypedAttr constantOf(const HostTensor &value, mlir::Type type) {
  if (auto floatType = mlir::dyn_cast<mlir::FloatType>(type))
    return mlir::FloatAttr::get(floatType, value.get(0));
  return mlir::IntegerAttr::get(
      type, llvm::APInt(type.getIntOrFloatBitWidth(), value.getInteger(0), true,
                        true));
}

/// Folds the ops of `block` in order; null if one does not fold.
mlir::Attribute foldAll(mlir::Block &block, Value result) {
  llvm::DenseMap<Value, mlir::Attribute> known;
  for (mlir::Operation &op : block) {
    llvm::SmallVector<mlir::Attribute> operands;
    for (Value operand : op.getOperands())
      operands.push_back(known.lookup(operand));
    // These have no folder, or one that refuses to round.
    if (mlir::isa<mlir::arith::TruncFOp>(op)) {
      llvm::APFloat value = mlir::cast<mlir::FloatAttr>(operands[0]).getValue();
      auto type = mlir::cast<mlir::FloatType>(op.getResult(0).getType());
      bool isLost;
      value.convert(type.getFloatSemantics(),
                    llvm::APFloat::rmNearestTiesToEven, &isLost);
      known[op.getResult(0)] = mlir::FloatAttr::get(type, value);
      continue;
    }
    if (mlir::isa<mlir::math::RsqrtOp>(op)) {
      auto x = mlir::cast<mlir::FloatAttr>(operands[0]);
      known[op.getResult(0)] = mlir::FloatAttr::get(
          x.getType(), 1 / std::sqrt(x.getValueAsDouble()));
      continue;
    }
    llvm::SmallVector<mlir::OpFoldResult> results;
    if (mlir::failed(op.fold(operands, results)) || results.size() != 1)
      return nullptr;
    known[op.getResult(0)] = mlir::isa<mlir::Attribute>(results[0])
                                 ? mlir::cast<mlir::Attribute>(results[0])
                                 : known.lookup(mlir::cast<Value>(results[0]));
  }
  return known.lookup(result);
}

double tolerance(DType type) {
  switch (type) {
  case DType::F16:
    return std::ldexp(1, -10);
  case DType::BF16:
    return std::ldexp(1, -7);
  case DType::F32:
    return 1e-6;
  case DType::F64:
    return 1e-14;
  default:
    return 0;
  }
}

/// Checks the body of one op on one point.
void checkPoint(mlir::Operation *op, const std::vector<HostTensor> &point) {
  mlir::OpBuilder builder(op->getContext());
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::ModuleOp::create(builder, op->getLoc());
  builder.setInsertionPointToStart(module->getBody());
  llvm::SmallVector<Value> operands;
  std::vector<HostTensor> tensors;
  for (auto [value, number] : llvm::zip_equal(op->getOperands(), point)) {
    auto type = mlir::cast<mlir::RankedTensorType>(value.getType());
    mlir::TypedAttr constant =
        constantOf(number, heldType(type.getElementType()));
    operands.push_back(
        mlir::arith::ConstantOp::create(builder, op->getLoc(), constant));
    tensors.push_back(*HostTensor::make(number.dtype(), type.getShape().vec()));
    for (int64_t i = 0; i < tensors.back().numElements(); ++i) {
      if (isFloat(number.dtype()))
        tensors.back().set(i, number.get(0));
      else
        tensors.back().setInteger(i, number.getInteger(0));
    }
  }
  auto resultType =
      mlir::cast<mlir::RankedTensorType>(op->getResultTypes()[0]);
  mlir::Type held = heldType(resultType.getElementType());
  Value result = mlir::cast<asg::ScalarInterface>(op).buildScalar(
      builder, op->getLoc(), operands, held);
  REQUIRE(mlir::succeeded(mlir::verify(*module)));
  CHECK(result.getType() == held);
  mlir::Attribute folded = foldAll(*module->getBody(), result);
  auto expected = interpretOp(op, tensors);
  REQUIRE(mlir::succeeded(expected));
  const HostTensor &tensor = (*expected)[0];
  // math does not fold what is NaN or infinite, such as the logarithm of −1, nor
  // the square root of −0.
  double value = tensor.get(0);
  if (!folded && (!std::isfinite(value) || (value == 0 && std::signbit(value))))
    return;
  REQUIRE(folded);
  if (auto number = mlir::dyn_cast<mlir::FloatAttr>(folded)) {
    double actual = roundTo(tensor.dtype(), number.getValueAsDouble());
    double wanted = tensor.get(0);
    bool isSame = actual == wanted || (std::isnan(actual) && std::isnan(wanted));
    // Below the smallest normal number of f32 libm may lose digits.
    double allowed = tolerance(tensor.dtype()) * std::fabs(wanted) + 1e-44;
    if (!isSame && !(std::fabs(actual - wanted) <= allowed))
      FAIL_CHECK("gives " << actual << ", not " << wanted << " at "
                          << point[0].get(0) << ", " << point.back().get(0));
  } else {
    llvm::APInt bits = mlir::cast<mlir::IntegerAttr>(folded).getValue();
    int64_t actual = bits.getBitWidth() == 1
                         ? static_cast<int64_t>(bits.getZExtValue())
                         : bits.getSExtValue();
    if (actual != tensor.getInteger(0))
      FAIL_CHECK("gives " << actual << ", not " << tensor.getInteger(0)
                          << " at " << point[0].get(0) << ", "
                          << point.back().get(0));
  }
}

/// All combinations of edge values of the operands.
void checkAllPoints(mlir::Operation *op, const CatalogOp &entry,
                    std::vector<HostTensor> &point) {
  if (point.size() == op->getNumOperands())
    return checkPoint(op, point);
  auto type = mlir::cast<mlir::RankedTensorType>(
      op->getOperand(point.size()).getType());
  DType dtype = getDType(type.getElementType());
  for (double edge : edgesOf(dtype, entry)) {
    point.push_back(*HostTensor::make(dtype, {}));
    point.back().set(0, edge);
    checkAllPoints(op, entry, point);
    point.pop_back();
  }
}

/// The only op of the graph that is elementwise.
mlir::Operation *elementwiseIn(const Example &example) {
  for (mlir::Operation &op : asg::GraphOp(example.graph).getBody().front())
    if (mlir::isa<asg::ScalarInterface>(op))
      return &op;
  return nullptr;
}
} // namespace

TEST_SUITE("scalars") {
  TEST_CASE("every scalar body gives what the interpreter gives, edges included") {
    int checked = 0;
    for (const CatalogOp &entry : allOps()) {
      if (!entry.isElementwise)
        continue;
      for (const std::string &text : variantsOf(entry)) {
        CAPTURE(text);
        Reader reader;
        Example example = readExample(reader, text);
        if (!example)
          continue; // the op does not take this element type
        mlir::Operation *op = elementwiseIn(example);
        REQUIRE(op);
        std::vector<HostTensor> point;
        checkAllPoints(op, entry, point);
        ++checked;
      }
    }
    CHECK(checked > 150);
  }

  TEST_CASE("every scalar body can be built on vectors") {
    for (const CatalogOp &entry : allOps()) {
      if (!entry.isElementwise)
        continue;
      for (const std::string &text : variantsOf(entry)) {
        CAPTURE(text);
        Reader reader;
        Example example = readExample(reader, text);
        if (!example)
          continue;
        mlir::Operation *op = elementwiseIn(example);
        auto vectorOf = [](mlir::Type type) {
          auto tensor = mlir::cast<mlir::RankedTensorType>(type);
          return mlir::VectorType::get({8}, heldType(tensor.getElementType()));
        };
        mlir::OpBuilder builder(op->getContext());
        mlir::OwningOpRef<mlir::ModuleOp> module =
            mlir::ModuleOp::create(builder, op->getLoc());
        builder.setInsertionPointToStart(module->getBody());
        llvm::SmallVector<Value> operands;
        for (Value operand : op->getOperands()) {
          mlir::Type type = vectorOf(operand.getType());
          operands.push_back(mlir::UnrealizedConversionCastOp::create(
                                 builder, op->getLoc(), type, mlir::ValueRange())
                                 .getResult(0));
        }
        mlir::Type type = vectorOf(op->getResultTypes()[0]);
        Value result = mlir::cast<asg::ScalarInterface>(op).buildScalar(
            builder, op->getLoc(), operands, type);
        CHECK(result.getType() == type);
        CHECK(mlir::succeeded(mlir::verify(*module)));
      }
    }
  }
}
