//===- FoldTest.cpp - Folds on constants against the interpreter ----------===//
#include "test/ops/Example.h"

#include <doctest/doctest.h>

using namespace asgc;
using namespace asgc::test;

namespace {
mlir::DenseElementsAttr constantOf(const HostTensor &values,
                                   mlir::RankedTensorType type) {
  llvm::SmallVector<mlir::Attribute> elements;
  mlir::Type element = type.getElementType();
  for (int64_t i = 0; i < values.numElements(); ++i) {
    if (auto floatType = mlir::dyn_cast<mlir::FloatType>(element))
      elements.push_back(mlir::FloatAttr::get(floatType, values.get(i)));
    else
      elements.push_back(mlir::IntegerAttr::get(
          element, llvm::APInt(element.getIntOrFloatBitWidth(),
                               values.getInteger(i), true, true)));
  }
  return mlir::DenseElementsAttr::get(type, elements);
}

HostTensor makeSplat(HostTensor values) {
  for (int64_t i = 1; i < values.numElements(); ++i)
    values.set(i, values.get(0));
  return values;
}
} // namespace

TEST_SUITE("folds") {
  TEST_CASE("what an op folds to on constants is what the interpreter gives") {
    int folds = 0;
    for (const NamedExample &named : allExamples()) {
      for (bool isSplat : {false, true}) {
        CAPTURE(named.text);
        Reader reader;
        Example example = readExample(reader, named.text);
        REQUIRE_MESSAGE(example, reader.errors);
        mlir::Operation *op = &example.graph.getBody().front().front();
        if (example.isWholeModule || !example.graph.getDims().empty() ||
            op->getNumOperands() != example.graph.getNumArguments())
          continue;
        auto inputs = drawInputs(example.graph, *named.op, false, 3);
        llvm::SmallVector<mlir::Attribute> constants;
        for (auto [input, type] : llvm::zip_equal(inputs, op->getOperandTypes())) {
          if (isSplat)
            input = makeSplat(input);
          constants.push_back(
              constantOf(input, mlir::cast<mlir::RankedTensorType>(type)));
        }
        llvm::SmallVector<mlir::OpFoldResult> results;
        if (mlir::failed(op->fold(constants, results)) || results.empty())
          continue;
        auto expected = interpretOp(op, inputs);
        REQUIRE(mlir::succeeded(expected));
        auto folded =
            mlir::dyn_cast<mlir::Attribute>(results[0]);
        if (!folded)
          continue;
        CHECK(folded == constantOf((*expected)[0],
                                   mlir::cast<mlir::RankedTensorType>(
                                       op->getResult(0).getType())));
        ++folds;
      }
    }
    CHECK(folds >= 10);
  }
}
