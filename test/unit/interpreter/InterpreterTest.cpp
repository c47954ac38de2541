//===- InterpreterTest.cpp - What asg means, in numbers -------------------===//
#include "asgc/Interpreter.h"
#include "test/unit/dialect/Dialect.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace asgc;
using namespace asgc::test;

namespace {
HostTensor tensor(DType type, std::vector<int64_t> shape,
                  std::vector<double> values) {
  HostTensor result = *HostTensor::make(type, std::move(shape));
  REQUIRE(result.numElements() == static_cast<int64_t>(values.size()));
  for (size_t i = 0; i < values.size(); ++i)
    result.set(i, values[i]);
  return result;
}

HostTensor f32(std::vector<int64_t> shape, std::vector<double> values) {
  return tensor(DType::F32, std::move(shape), std::move(values));
}

std::vector<double> numbers(const HostTensor &values) {
  std::vector<double> result;
  for (int64_t i = 0; i < values.numElements(); ++i)
    result.push_back(values.get(i));
  return result;
}

/// Runs the graph @f of `text`; the errors if it fails.
struct Run {
  Reader reader;
  std::optional<InterpreterResult> result;

  Run(llvm::StringRef text, std::vector<HostTensor> inputs,
      const Variables &variables = {}, const InterpreterOptions &options = {}) {
    auto module = reader.read(text);
    REQUIRE_MESSAGE(module, reader.errors);
    auto graph = module->lookupSymbol<asg::GraphOp>("f");
    REQUIRE(graph);
    auto outcome = interpret(graph, inputs, variables, options);
    if (mlir::succeeded(outcome))
      result = std::move(*outcome);
  }

  const HostTensor &out(size_t index = 0) {
    REQUIRE_MESSAGE(result, reader.errors);
    return result->outputs.at(index);
  }
};

/// A graph @f of one op `body` that defines %y.
std::string graph(const std::string &arguments, const std::string &type,
                  const std::string &body) {
  return "asg.graph @f(" + arguments + ") -> (" + type +
         " {asg.name = \"y\"}) {\n" + body + "\nasg.return %y : " + type +
         "\n}\n";
}

const double kNan = std::nan("");
} // namespace

TEST_SUITE("interpreter") {
  TEST_CASE("a dot sums over paired axes and keeps batch, lhs, rhs order") {
    // y[b, m, n] = Σₖ lhs[m, b, k] · rhs[k, b, n]
    Run run(graph("%l: tensor<2x1x2xf32> {asg.name = \"l\"}, "
                  "%r: tensor<2x1x3xf32> {asg.name = \"r\"}",
                  "tensor<1x2x3xf32>",
                  "%y = asg.dot %l, %r batch [1] x [1] contract [2] x [0] : "
                  "(tensor<2x1x2xf32>, tensor<2x1x3xf32>) -> tensor<1x2x3xf32>"),
            {f32({2, 1, 2}, {1, 2, 3, 4}), f32({2, 1, 3}, {1, 2, 3, 4, 5, 6})});
    CHECK(numbers(run.out()) == std::vector<double>{9, 12, 15, 19, 26, 33});
  }

  TEST_CASE("i8 operands of a dot are summed in i32") {
    Run run(graph("%l: tensor<2xi8> {asg.name = \"l\"}", "tensor<i32>",
                  "%y = asg.dot %l, %l batch [] x [] contract [0] x [0] : "
                  "(tensor<2xi8>, tensor<2xi8>) -> tensor<i32>"),
            {tensor(DType::I8, {2}, {-128, 127})});
    CHECK(run.out().getInteger(0) == 128 * 128 + 127 * 127);
  }

  TEST_CASE("a strided, padded, dilated convolution") {
    // One channel, 1×5 image 1 2 3 4 5, taps 10 and 1 two apart, pad 1, stride 2:
    // windows start at −1, 1: 10·0 + 2 = 2, 10·2 + 4 = 24.
    Run run(graph("%x: tensor<1x1x1x5xf32> {asg.name = \"x\"}, "
                  "%w: tensor<1x1x1x2xf32> {asg.name = \"w\"}",
                  "tensor<1x1x1x2xf32>",
                  "%y = asg.conv2d %x, %w strides [1, 2] pad [0, 1], [0, 0] "
                  "dilations [1, 2] groups 1 : (tensor<1x1x1x5xf32>, "
                  "tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32>"),
            {f32({1, 1, 1, 5}, {1, 2, 3, 4, 5}), f32({1, 1, 1, 2}, {10, 1})});
    CHECK(numbers(run.out()) == std::vector<double>{2, 24});
  }

  TEST_CASE("a grouped convolution reads the channels of its group") {
    Run run(graph("%x: tensor<1x2x1x1xf32> {asg.name = \"x\"}, "
                  "%w: tensor<4x1x1x1xf32> {asg.name = \"w\"}",
                  "tensor<1x4x1x1xf32>",
                  "%y = asg.conv2d %x, %w strides [1, 1] pad [0, 0], [0, 0] "
                  "dilations [1, 1] groups 2 : (tensor<1x2x1x1xf32>, "
                  "tensor<4x1x1x1xf32>) -> tensor<1x4x1x1xf32>"),
            {f32({1, 2, 1, 1}, {2, 3}), f32({4, 1, 1, 1}, {1, 10, 100, 1000})});
    CHECK(numbers(run.out()) == std::vector<double>{2, 20, 300, 3000});
  }

  TEST_CASE("max pooling names the first largest place, and NaN wins") {
    Run run("asg.graph @f(%x: tensor<1x1x2x4xf32> {asg.name = \"x\"}) -> "
            "(tensor<1x1x1x2xf32> {asg.name = \"y\"}, tensor<1x1x1x2xi32> "
            "{asg.name = \"i\"}) {\n"
            "%y, %i = asg.max_pool2d %x kernel [2, 2] strides [2, 2] pad [0, 0], "
            "[0, 0] dilations [1, 1] : (tensor<1x1x2x4xf32>) -> "
            "(tensor<1x1x1x2xf32>, tensor<1x1x1x2xi32>)\n"
            "asg.return %y, %i : tensor<1x1x1x2xf32>, tensor<1x1x1x2xi32>\n}",
            {f32({1, 1, 2, 4}, {1, 7, 9, 2, 7, 0, 3, kNan})});
    CHECK(run.out().get(0) == 7);
    CHECK(std::isnan(run.out().get(1)));
    CHECK(numbers(run.out(1)) == std::vector<double>{1, 7});
  }

  TEST_CASE("average pooling counts the padding or not") {
    for (bool counts : {true, false}) {
      Run run(graph("%x: tensor<1x1x1x2xf32> {asg.name = \"x\"}",
                    "tensor<1x1x1x2xf32>",
                    std::string("%y = asg.avg_pool2d %x kernel [1, 2] strides "
                                "[1, 2] pad [0, 1], [0, 1] count_include_pad ") +
                        (counts ? "true" : "false") +
                        " : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32>"),
              {f32({1, 1, 1, 2}, {4, 6})});
      CHECK(numbers(run.out()) == (counts ? std::vector<double>{2, 3}
                                          : std::vector<double>{4, 6}));
    }
  }

  TEST_CASE("gather with batch dims clamps what is outside") {
    Run run(graph("%x: tensor<2x3xf32> {asg.name = \"x\"}, "
                  "%i: tensor<2x2xi32> {asg.name = \"i\"}",
                  "tensor<2x2xf32>",
                  "%y = asg.gather %x, %i axis 1 batch_dims 1 : "
                  "(tensor<2x3xf32>, tensor<2x2xi32>) -> tensor<2x2xf32>"),
            {f32({2, 3}, {1, 2, 3, 4, 5, 6}),
             tensor(DType::I32, {2, 2}, {-5, 1, 2, 9})});
    CHECK(numbers(run.out()) == std::vector<double>{1, 2, 6, 6});
  }

  TEST_CASE("slices count from the end of run-time axes") {
    Run run("asg.graph @f(%x: tensor<?xf32, #asg.dims<n>> {asg.name = \"x\"}) "
            "-> (tensor<1xf32> {asg.name = \"y\"}, "
            "tensor<?xf32, #asg.dims<\"((n + 1) floordiv 2)\">> "
            "{asg.name = \"z\"}) dims = {n = 9} {\n"
            "%y = asg.slice %x starts [-1] strides [1] : "
            "(tensor<?xf32, #asg.dims<n>>) -> tensor<1xf32>\n"
            "%z = asg.slice %x starts [0] strides [2] : "
            "(tensor<?xf32, #asg.dims<n>>) -> "
            "tensor<?xf32, #asg.dims<\"((n + 1) floordiv 2)\">>\n"
            "asg.return %y, %z : tensor<1xf32>, "
            "tensor<?xf32, #asg.dims<\"((n + 1) floordiv 2)\">>\n}",
            {f32({5}, {1, 2, 3, 4, 5})});
    CHECK(numbers(run.out()) == std::vector<double>{5});
    CHECK(numbers(run.out(1)) == std::vector<double>{1, 3, 5});
  }

  TEST_CASE("padding goes around and between elements") {
    Run run(graph("%x: tensor<2xf32> {asg.name = \"x\"}", "tensor<6xf32>",
                  "%y = asg.pad %x low [1] high [1] interior [2] value "
                  "9.0 : (tensor<2xf32>) -> tensor<6xf32>"),
            {f32({2}, {1, 2})});
    CHECK(numbers(run.out()) == std::vector<double>{9, 1, 9, 9, 2, 9});
  }

  TEST_CASE("integers divide towards zero, and remainders have the divisor's sign") {
    const char *arguments = "%l: tensor<6xi32> {asg.name = \"l\"}, "
                            "%r: tensor<6xi32> {asg.name = \"r\"}";
    double least = std::numeric_limits<int32_t>::min();
    std::vector<HostTensor> inputs = {
        tensor(DType::I32, {6}, {7, -7, 7, -7, 5, least}),
        tensor(DType::I32, {6}, {2, 2, -2, -2, 0, -1})};
    Run div(graph(arguments, "tensor<6xi32>",
                  "%y = asg.div %l, %r : tensor<6xi32>"), inputs);
    CHECK(numbers(div.out()) == std::vector<double>{3, -3, -3, 3, 0, least});
    Run mod(graph(arguments, "tensor<6xi32>",
                  "%y = asg.mod %l, %r : tensor<6xi32>"), inputs);
    CHECK(numbers(mod.out()) == std::vector<double>{1, 1, -1, -1, 0, 0});
  }

  TEST_CASE("casts saturate, and bool is what differs from zero") {
    std::vector<HostTensor> inputs = {
        f32({5}, {300, -300, 2.9, -2.9, kNan})};
    const char *argument = "%x: tensor<5xf32> {asg.name = \"x\"}";
    Run narrow(graph(argument, "tensor<5xi8>",
                     "%y = asg.cast %x : tensor<5xf32> to tensor<5xi8>"), inputs);
    CHECK(numbers(narrow.out()) == std::vector<double>{127, -128, 2, -2, 0});
    Run truth(graph(argument, "tensor<5xi1>",
                    "%y = asg.cast %x : tensor<5xf32> to tensor<5xi1>"), inputs);
    CHECK(numbers(truth.out()) == std::vector<double>{1, 1, 1, 1, 1});
  }

  TEST_CASE("results are rounded to their type, or kept exact") {
    std::string text =
        graph("%x: tensor<1xbf16> {asg.name = \"x\"}", "tensor<1xbf16>",
              "%t = asg.add %x, %x : tensor<1xbf16>\n"
              "%y = asg.mul %t, %x : tensor<1xbf16>");
    double x = 1 + std::ldexp(1.0, -7); // the bf16 after 1
    Run rounded(text, {tensor(DType::BF16, {1}, {x})});
    CHECK(rounded.out().dtype() == DType::BF16);
    // 2x² = 2 + 2⁻⁵ + 2⁻¹³; bf16 has 2⁻⁶ between 2 and 4.
    CHECK(rounded.out().get(0) == 2 + std::ldexp(1.0, -5));
    InterpreterOptions exact;
    exact.roundToStorage = false;
    Run kept(text, {tensor(DType::F64, {1}, {x})}, {}, exact);
    CHECK(kept.out().dtype() == DType::F64);
    CHECK(kept.out().get(0) == 2 * x * x);
  }

  TEST_CASE("variables are read as they were and assigned at the end") {
    const char *text = R"(
      asg.state @count : tensor<i64> role "step"
      asg.graph @f() -> (tensor<i64> {asg.name = "y"}) {
        %one = asg.constant dense<1> : tensor<i64>
        %before = asg.read @count : tensor<i64>
        %after = asg.add %before, %one : tensor<i64>
        asg.assign @count, %after : tensor<i64>
        %still = asg.read @count : tensor<i64>
        asg.return %still : tensor<i64>
      })";
    Variables variables = {{"count", tensor(DType::I64, {}, {41})}};
    Run run(text, {}, variables);
    CHECK(run.out().getInteger(0) == 41);
    CHECK(run.result->assigned.at("count").getInteger(0) == 42);
    Run missing(text, {});
    CHECK(!missing.result);
    CHECK(missing.reader.errors.find("finds no value of @count") !=
          std::string::npos);
  }

  TEST_CASE("layers and fusions give the values of their regions") {
    const char *text = R"(
      asg.graph @f(%x: tensor<2xf32> {asg.name = "x"}) -> (tensor<2xf32> {asg.name = "y"}) {
        %y:2 = asg.layer "a" block "b" -> tensor<2xf32>, tensor<2xf32> {
          %s = asg.fusion "map" -> tensor<2xf32> {
            %t = asg.mul %x, %x : tensor<2xf32>
            %u = asg.add %t, %x : tensor<2xf32>
            asg.yield %u : tensor<2xf32>
          }
          asg.yield %s, %s : tensor<2xf32>, tensor<2xf32>
        }
        %z = asg.add %y#0, %y#1 : tensor<2xf32>
        asg.return %z : tensor<2xf32>
      })";
    InterpreterOptions options;
    options.keepValues = true;
    Run run(text, {f32({2}, {1, 2})}, {}, options);
    CHECK(numbers(run.out()) == std::vector<double>{4, 12});
    CHECK(run.result->values.size() == 7);
  }

  TEST_CASE("draws replay Philox4x32-10") {
    const char *text = R"(
      asg.graph @f(%seed: tensor<i64> {asg.name = "seed"}, %step: tensor<i64> {asg.name = "step"})
          -> (tensor<4xf64> {asg.name = "u"}, tensor<2xf64> {asg.name = "n"}) {
        %u = asg.random_uniform %seed, %step stream 0 : tensor<4xf64>
        %n = asg.random_normal %seed, %step stream 0 : tensor<2xf64>
        asg.return %u, %n : tensor<4xf64>, tensor<2xf64>
      })";
    HostTensor zero = tensor(DType::I64, {}, {0});
    Run run(text, {zero, zero});
    // The known answer for counter 0 and key 0.
    const uint32_t words[] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    for (int i = 0; i < 4; ++i)
      CHECK(run.out().get(i) == std::ldexp(words[i] >> 8, -24));
    double u1 = std::ldexp((words[0] >> 8) + 1, -24);
    double u2 = std::ldexp(words[1] >> 8, -24);
    CHECK(run.out(1).get(0) ==
          doctest::Approx(std::sqrt(-2 * std::log(u1)) * std::cos(2 * M_PI * u2)));
  }

  TEST_CASE("inputs that do not fit are refused in words") {
    const char *text = R"(
      asg.graph @f(%x: tensor<?x2xf32, #asg.dims<n, 2>> {asg.name = "x"},
                   %z: tensor<?xf32, #asg.dims<n>> {asg.name = "z"})
          -> (tensor<?xf32, #asg.dims<n>> {asg.name = "y"}) dims = {n = 3} {
        asg.return %z : tensor<?xf32, #asg.dims<n>>
      })";
    auto refusal = [&](std::vector<HostTensor> inputs) {
      Run run(text, std::move(inputs));
      CHECK(!run.result);
      return run.reader.errors;
    };
    CHECK(refusal({f32({1, 2}, {1, 2})}).find("takes 2 inputs, not 1") !=
          std::string::npos);
    CHECK(refusal({f32({1, 2}, {1, 2}), f32({2}, {1, 2})})
              .find("input 'z' has 2 elements along 'n', which is 1") !=
          std::string::npos);
    CHECK(refusal({f32({1, 3}, {1, 2, 3}), f32({1}, {1})})
              .find("input 'x' is f32[n, 2], whose axis 1 has 2 elements here, "
                    "but got f32[1, 3]") != std::string::npos);
    CHECK(refusal({f32({1, 2}, {1, 2}), tensor(DType::I32, {1}, {1})})
              .find("input 'z' is f32[n], but got i32[1]") != std::string::npos);
    CHECK(refusal({f32({4, 2}, {1, 2, 3, 4, 5, 6, 7, 8}), f32({4}, {1, 2, 3, 4})})
              .find("not between 1 and 3") != std::string::npos);
  }

  TEST_CASE("ops beyond the limits are refused, not tried") {
    InterpreterOptions options;
    options.maxElements = 8;
    Run large(graph("%x: tensor<3xf32> {asg.name = \"x\"}", "tensor<3x3xf32>",
                    "%y = asg.broadcast %x dims [1] : (tensor<3xf32>) -> "
                    "tensor<3x3xf32>"),
              {f32({3}, {1, 2, 3})}, {}, options);
    CHECK(!large.result);
    CHECK(large.reader.errors.find("too large for the interpreter") !=
          std::string::npos);
  }

  TEST_CASE("loops that go on and on are refused, nested ones together") {
    const char *text = R"(
      asg.graph private @twice(%i: tensor<i64> {asg.name = "i"}, %x: tensor<f32> {asg.name = "x"})
          -> (tensor<f32> {asg.name = "y"}) {
        %y = asg.add %x, %x : tensor<f32>
        asg.return %y : tensor<f32>
      }
      asg.graph private @body(%i: tensor<i64> {asg.name = "i"}, %x: tensor<f32> {asg.name = "x"})
          -> (tensor<f32> {asg.name = "y"}) {
        %n = asg.constant dense<3> : tensor<i64>
        %y = asg.loop @twice count %n (%x) : (tensor<i64>, tensor<f32>) -> tensor<f32>
        asg.return %y : tensor<f32>
      }
      asg.graph @f(%n: tensor<i64> {asg.name = "n"}, %x: tensor<f32> {asg.name = "x"})
          -> (tensor<f32> {asg.name = "y"}) {
        %y = asg.loop @body count %n (%x) : (tensor<i64>, tensor<f32>) -> tensor<f32>
        asg.return %y : tensor<f32>
      })";
    InterpreterOptions options;
    options.maxIterations = 8;
    auto run = [&](int64_t count) {
      return Run(text, {tensor(DType::I64, {}, {double(count)}), f32({}, {1})},
                 {}, options);
    };
    Run two = run(2); // of three steps each, and themselves
    CHECK(numbers(two.out()) == std::vector<double>{64});
    Run three = run(3);
    CHECK(!three.result);
    CHECK(three.reader.errors.find("takes more than 8 steps") !=
          std::string::npos);
  }
}
