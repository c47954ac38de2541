//===- OpsTest.cpp - Every record's examples are read, printed and run ----===//
#include "test/ops/Backends.h"
#include "test/ops/Backward.h"
#include "test/ops/Counts.h"
#include "test/ops/Example.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace asgc;
using namespace asgc::test;

namespace {
/// The op that an example is of, inside its module.
mlir::Operation *findIn(const Example &example, const CatalogOp &op) {
  mlir::Operation *found = nullptr;
  mlir::Operation *module = *example.module;
  module->walk([&](mlir::Operation *inner) {
    if (inner->getName().getStringRef() == op.name)
      found = inner;
  });
  return found;
}

bool isClose(const HostTensor &actual, const HostTensor &expected,
             double tolerance) {
  if (actual.dtype() != expected.dtype() ||
      !std::equal(actual.shape().begin(), actual.shape().end(),
                  expected.shape().begin(), expected.shape().end()))
    return false;
  double largest = 0;
  for (int64_t i = 0; i < expected.numElements(); ++i)
    if (std::isfinite(expected.get(i)))
      largest = std::max(largest, std::fabs(expected.get(i)));
  for (int64_t i = 0; i < expected.numElements(); ++i) {
    double a = actual.get(i), e = expected.get(i);
    bool isSame = a == e || (std::isnan(a) && std::isnan(e));
    if (!isSame && !(std::fabs(a - e) <= tolerance * largest))
      return false;
  }
  return true;
}
} // namespace

TEST_SUITE("ops") {
  TEST_CASE("every example is a legal module that holds its op") {
    for (const NamedExample &named : allExamples()) {
      CAPTURE(named.text);
      Reader reader;
      Example example = readExample(reader, named.text);
      REQUIRE_MESSAGE(example, reader.errors);
      CHECK(findIn(example, *named.op));
    }
  }

  TEST_CASE("every example is printed as it is read") {
    for (const NamedExample &named : allExamples()) {
      CAPTURE(named.text);
      Reader reader;
      Example example = readExample(reader, named.text);
      REQUIRE_MESSAGE(example, reader.errors);
      std::string text = Reader::print(*example.module);
      auto again = reader.read(text);
      REQUIRE_MESSAGE(again, reader.errors, text);
      CHECK(Reader::print(*again) == text);

      std::string generic;
      llvm::raw_string_ostream stream(generic);
      (*example.module)
          ->print(stream, mlir::OpPrintingFlags().printGenericOpForm());
      auto fromGeneric = reader.read(generic);
      REQUIRE_MESSAGE(fromGeneric, reader.errors, generic);
      CHECK(Reader::print(*fromGeneric) == text);
      count(*named.op, Check::roundTrip);
    }
  }

  TEST_CASE("every example has a value, the same in every run") {
    for (const NamedExample &named : allExamples()) {
      CAPTURE(named.text);
      Reader reader;
      Example example = readExample(reader, named.text);
      REQUIRE_MESSAGE(example, reader.errors);
      expandGradients(example.graph);
      auto inputs = drawInputs(example.graph, *named.op, false, 1);
      auto variables = drawVariables(*example.module, *named.op, 2);
      auto first = interpret(example.graph, inputs, variables);
      REQUIRE_MESSAGE(mlir::succeeded(first), reader.errors);
      auto second = interpret(example.graph, inputs, variables);
      REQUIRE(mlir::succeeded(second));
      CHECK(first->outputs.size() == example.graph.getNumResults());
      CHECK(first->outputs == second->outputs);
      CHECK(first->assigned == second->assigned);
      for (const HostTensor &output : first->outputs)
        for (int64_t i = 0; i < output.numElements(); ++i)
          CHECK(std::isfinite(output.get(i)));
    }
  }

  TEST_CASE("every example has the interpreter's values on every backend") {
    for (const Backend &backend : allBackends()) {
      for (const NamedExample &named : allExamples()) {
        CAPTURE(backend.name);
        CAPTURE(named.text);
        Reader reader;
        Example example = readExample(reader, named.text);
        REQUIRE_MESSAGE(example, reader.errors);
        if (backend.fuses && !example.graph.getOps<asg::FusionOp>().empty())
          continue;
        expandGradients(example.graph);
        auto inputs = drawInputs(example.graph, *named.op, false, 1);
        auto variables = drawVariables(*example.module, *named.op, 2);
        auto expected = interpret(example.graph, inputs, variables);
        REQUIRE_MESSAGE(mlir::succeeded(expected), reader.errors);
        std::string error;
        auto actual = backend.run(*example.module, inputs, variables, error);
        if (mlir::failed(actual) && !backend.lack.empty() &&
            error.find(backend.lack) != std::string::npos) {
          MESSAGE(backend.name << " lacks " << named.text << ": " << error);
          continue;
        }
        REQUIRE_MESSAGE(mlir::succeeded(actual), error);
        REQUIRE(actual->outputs.size() == expected->outputs.size());
        for (size_t i = 0; i < actual->outputs.size(); ++i)
          CHECK(isClose(actual->outputs[i], expected->outputs[i],
                        backend.tolerance));
        for (const auto &[name, value] : expected->assigned)
          CHECK(isClose(actual->assigned.at(name), value, backend.tolerance));
        count(*named.op, Check::parity);
      }
    }
  }
}
