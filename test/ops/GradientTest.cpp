//===- GradientTest.cpp - Rules against differences of values -------------===//
#include "test/ops/Backward.h"
#include "test/ops/Counts.h"
#include "test/ops/Example.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace asgc;
using namespace asgc::test;

namespace {
constexpr double kTolerance = 1e-6; // relative

InterpreterOptions exactly() {
  InterpreterOptions options;
  options.roundToStorage = false;
  return options;
}

/// A graph that gives a scalar first, and the derivatives of it by the ops' own
/// rules after it.
struct Differentiated {
  asg::GraphOp graph;
  /// Inputs by which it is derived; all others are fixed.
  std::vector<unsigned> wrt;
  /// Where the derivative of input wrt[i] stands among the outputs; 0 if the
  /// rules say that it is zero.
  std::vector<unsigned> outputs;
};

/// Appends the gradients of `loss` and makes them outputs.
Differentiated differentiate(asg::GraphOp graph, mlir::Value loss,
                             std::vector<unsigned> wrt) {
  llvm::SmallVector<mlir::Value> values, outputs = {loss};
  for (unsigned index : wrt)
    values.push_back(graph.getArgument(index));
  Differentiated result{graph, std::move(wrt), {}};
  for (mlir::Value gradient : buildBackward(loss, values)) {
    result.outputs.push_back(gradient ? outputs.size() : 0);
    if (gradient)
      outputs.push_back(gradient);
  }
  setOutputs(graph, outputs);
  return result;
}

std::vector<unsigned> floatInputs(asg::GraphOp graph, unsigned count) {
  std::vector<unsigned> inputs;
  for (unsigned i = 0; i < count; ++i)
    if (asg::hasFloatElements(graph.getArgument(i).getType()))
      inputs.push_back(i);
  return inputs;
}

double lossAt(asg::GraphOp graph, const std::vector<HostTensor> &inputs) {
  auto result = interpret(graph, inputs, {}, exactly());
  REQUIRE(mlir::succeeded(result));
  return result->outputs[0].get(0);
}

/// The derivative of the loss by one element: a difference of fourth order.
double difference(asg::GraphOp graph, std::vector<HostTensor> inputs,
                  unsigned input, int64_t element) {
  constexpr double h = 1e-4;
  double x = inputs[input].get(element);
  auto at = [&](double offset) {
    inputs[input].set(element, x + offset);
    return lossAt(graph, inputs);
  };
  double near = at(h) - at(-h), far = at(2 * h) - at(-2 * h);
  return (8 * near - far) / (12 * h);
}

/// Checks every derivative that `d` says against differences.
void checkDerivatives(Differentiated d, const std::vector<HostTensor> &inputs) {
  REQUIRE(mlir::succeeded(mlir::verify(d.graph)));
  auto result = interpret(d.graph, inputs, {}, exactly());
  REQUIRE(mlir::succeeded(result));
  for (size_t i = 0; i < d.wrt.size(); ++i) {
    const HostTensor &input = inputs[d.wrt[i]];
    std::vector<double> expected, actual;
    double largest = 0;
    for (int64_t element = 0; element < input.numElements(); ++element) {
      expected.push_back(difference(d.graph, inputs, d.wrt[i], element));
      actual.push_back(
          d.outputs[i] ? result->outputs[d.outputs[i]].get(element) : 0);
      largest = std::max(largest, std::fabs(expected.back()));
    }
    CAPTURE(d.graph.getInputName(d.wrt[i]).str());
    for (size_t element = 0; element < expected.size(); ++element) {
      // Differences lose digits where they are small beside their neighbours.
      double scale = std::max({std::fabs(expected[element]), largest * 1e-2, 1e-4});
      CHECK_MESSAGE(std::fabs(actual[element] - expected[element]) <=
                        kTolerance * scale,
                    "element ", element, ": ", actual[element], " against ",
                    expected[element]);
    }
  }
}

/// Σ weight · gradient over the gradients of `d`, whose own gradients are the
/// second derivatives; null if there is none.
mlir::Value sumOfGradients(Differentiated &d) {
  mlir::Operation *end = d.graph.getBody().front().getTerminator();
  llvm::SmallVector<mlir::Value> gradients(llvm::drop_begin(end->getOperands()));
  if (gradients.empty())
    return nullptr;
  end->setOperands(gradients);
  return buildWeightedSum(d.graph);
}

/// The inputs of an example and weights for what was appended, drawn alike.
std::vector<HostTensor> inputsFor(asg::GraphOp graph, const CatalogOp &op) {
  return drawInputs(graph, op, /*isExact=*/true, /*seed=*/7);
}
} // namespace

TEST_SUITE("gradients") {
  TEST_CASE("every rule agrees with differences") {
    for (const NamedExample &named : allExamples()) {
      CAPTURE(named.text);
      Reader reader;
      Example example = readExample(reader, named.text);
      REQUIRE_MESSAGE(example, reader.errors);
      // Ops in regions are differentiated once they are inlined; stop_gradient
      // differs from its values on purpose.
      if (example.isWholeModule || named.op->name == "asg.stop_gradient")
        continue;
      expandGradients(example.graph);
      unsigned count = example.graph.getNumArguments();
      mlir::Value loss = buildWeightedSum(example.graph);
      if (!loss)
        continue;
      checkDerivatives(differentiate(example.graph, loss,
                                     floatInputs(example.graph, count)),
                       inputsFor(example.graph, *named.op));
      test::count(*named.op, Check::gradient);
    }
  }

  TEST_CASE("rules of smooth ops have rules that agree with differences") {
    int checked = 0;
    for (const NamedExample &named : allExamples()) {
      CAPTURE(named.text);
      Reader reader;
      Example example = readExample(reader, named.text);
      REQUIRE_MESSAGE(example, reader.errors);
      if (example.isWholeModule || !named.op->isSmooth)
        continue;
      expandGradients(example.graph);
      unsigned count = example.graph.getNumArguments();
      mlir::Value loss = buildWeightedSum(example.graph);
      if (!loss)
        continue;
      auto wrt = floatInputs(example.graph, count);
      Differentiated first = differentiate(example.graph, loss, wrt);
      // By the cotangents as well: a rule is linear in them.
      wrt = floatInputs(example.graph, example.graph.getNumArguments());
      mlir::Value sum = sumOfGradients(first);
      if (!sum)
        continue;
      checkDerivatives(differentiate(example.graph, sum, wrt),
                       inputsFor(example.graph, *named.op));
      test::count(*named.op, Check::secondGradient);
      ++checked;
    }
    CHECK(checked > 40);
  }

  TEST_CASE("an op that takes and gives floats has a rule, or is a known exception") {
    for (const CatalogOp &op : allOps()) {
      CAPTURE(op.name);
      Reader reader;
      Example example = readExample(reader, op.example);
      REQUIRE_MESSAGE(example, reader.errors);
      bool takes = false, gives = false;
      example.module->walk([&](mlir::Operation *inner) {
        if (inner->getName().getStringRef() != op.name)
          return;
        auto isFloat = [](mlir::Type type) { return asg::hasFloatElements(type); };
        takes |= llvm::any_of(inner->getOperandTypes(), isFloat);
        gives |= llvm::any_of(inner->getResultTypes(), isFloat);
      });
      // asg.gradient is expanded before anything is differentiated, asg.if
      // inlined; asg.loop has no gradient.
      bool isExempt = op.name == "asg.gradient" || op.name == "asg.if" ||
                      op.name == "asg.loop";
      if (takes && gives && !isExempt)
        CHECK(op.isDifferentiable);
    }
  }

  TEST_CASE("no gradient flows through stop_gradient") {
    Reader reader;
    Example example = readExample(reader, findOp("stop_gradient")->example);
    REQUIRE_MESSAGE(example, reader.errors);
    mlir::Value loss = buildWeightedSum(example.graph);
    CHECK(!buildBackward(loss, {example.graph.getArgument(0)})[0]);
  }

  TEST_CASE("reduce_prod derives exactly where elements are zero") {
    Reader reader;
    Example example = readExample(
        reader, "%y = asg.reduce_prod %x axes [1] : (tensor<3x3xf32>) -> tensor<3xf32>");
    REQUIRE_MESSAGE(example, reader.errors);
    mlir::Value loss = buildWeightedSum(example.graph);
    Differentiated d = differentiate(example.graph, loss, {0});
    HostTensor x = *HostTensor::make(DType::F64, {3, 3});
    HostTensor weight = *HostTensor::make(DType::F64, {3});
    const double values[] = {2, 3, 4, 2, 0, 4, 0, 0, 4};
    const double derivatives[] = {12, 8, 6, 0, 8, 0, 0, 0, 0};
    for (int i = 0; i < 9; ++i)
      x.set(i, values[i]);
    for (int i = 0; i < 3; ++i)
      weight.set(i, 1);
    auto result = interpret(d.graph, {x, weight}, {}, exactly());
    REQUIRE(mlir::succeeded(result));
    for (int i = 0; i < 9; ++i)
      CHECK(result->outputs[1].get(i) == derivatives[i]);
  }

  TEST_CASE("equal extremes share their gradient") {
    for (const char *text :
         {"%y = asg.reduce_max %x axes [0] : (tensor<4xf32>) -> tensor<f32>",
          "%n = asg.neg %x : tensor<4xf32>\n"
          "%y = asg.reduce_min %n axes [0] : (tensor<4xf32>) -> tensor<f32>"}) {
      Reader reader;
      Example example = readExample(reader, text);
      REQUIRE_MESSAGE(example, reader.errors);
      mlir::Value loss = buildWeightedSum(example.graph);
      Differentiated d = differentiate(example.graph, loss, {0});
      HostTensor x = *HostTensor::make(DType::F64, {4});
      HostTensor weight = *HostTensor::make(DType::F64, {});
      const double values[] = {1, 5, 2, 5};
      for (int i = 0; i < 4; ++i)
        x.set(i, values[i]);
      weight.set(0, 1);
      auto result = interpret(d.graph, {x, weight}, {}, exactly());
      REQUIRE(mlir::succeeded(result));
      double sign = result->outputs[1].get(1) < 0 ? -1 : 1;
      CHECK(result->outputs[1].get(0) == 0);
      CHECK(result->outputs[1].get(1) == sign * 0.5);
      CHECK(result->outputs[1].get(2) == 0);
      CHECK(result->outputs[1].get(3) == sign * 0.5);
    }
  }

  TEST_CASE("pow derives at zero without NaN") {
    Reader reader;
    Example example = readExample(reader, findOp("pow")->example);
    REQUIRE_MESSAGE(example, reader.errors);
    mlir::Value loss = buildWeightedSum(example.graph);
    Differentiated d = differentiate(example.graph, loss, {0, 1});
    std::vector<HostTensor> inputs;
    const double bases[] = {0, 0, 0, 2, -3, 2};
    const double exponents[] = {0, 1, 2, 0, 2, -1};
    const double byBase[] = {0, 1, 0, 0, -6, -0.25};
    for (const double *values : {bases, exponents, byBase}) {
      inputs.push_back(*HostTensor::make(DType::F64, {2, 3}));
      for (int i = 0; i < 6; ++i)
        inputs.back().set(i, values == byBase ? 1 : values[i]);
    }
    auto result = interpret(d.graph, inputs, {}, exactly());
    REQUIRE(mlir::succeeded(result));
    for (int i = 0; i < 6; ++i)
      CHECK(result->outputs[1].get(i) == byBase[i]);
    CHECK(result->outputs[2].get(1) == 0);
    CHECK(result->outputs[2].get(3) == doctest::Approx(std::log(2.0)));
  }
}
