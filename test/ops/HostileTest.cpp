//===- HostileTest.cpp - Broken modules are refused, never crash ----------===//
#include "test/ops/Backward.h"
#include "test/ops/Example.h"

#include <doctest/doctest.h>

#include <regex>

using namespace asgc;
using namespace asgc::test;

namespace {
/// The examples as printed, in both forms.
std::vector<std::string> allTexts() {
  std::vector<std::string> texts;
  for (const NamedExample &named : allExamples()) {
    Reader reader;
    Example example = readExample(reader, named.text);
    REQUIRE_MESSAGE(example, reader.errors);
    texts.push_back(Reader::print(*example.module));
    texts.emplace_back();
    llvm::raw_string_ostream stream(texts.back());
    (*example.module)
        ->print(stream, mlir::OpPrintingFlags().printGenericOpForm());
  }
  return texts;
}

std::vector<std::string> tokensOf(const std::string &text) {
  static const std::regex token(
      R"(\s+|[%@#]?[\w.]+|"[^"]*"|->|[^\s\w])");
  std::vector<std::string> tokens;
  using Matches = std::sregex_iterator;
  for (Matches it(text.begin(), text.end(), token), end; it != end; ++it)
    tokens.push_back(it->str());
  return tokens;
}

const char *const kExtremes[] = {
    "0", "-1", "1", "2147483647", "2147483648", "-2147483649",
    "9223372036854775807", "-9223372036854775808", "4611686018427387904",
    "1099511627776", "?", "tensor<f32>", "tensor<0xf32>", "tensor<*xf32>",
    "tensor<?xf32>", "tensor<1099511627776x1099511627776xf32>", "f32", "i1",
    "[]", "[0]", "[0, 0]", "[9223372036854775807]", "{}", "\"\"", "dense<0>",
    "dense<[]>", "#asg.dims<n>", "\"n floordiv 2\"", "unit", "vector<4xf32>"};

/// A few random edits of a text: a token replaced, dropped, doubled or swapped.
std::string mutate(const std::vector<std::string> &original,
                   const std::vector<std::string> &pool, std::mt19937_64 &random) {
  std::vector<std::string> tokens = original;
  for (int edits = 1 + static_cast<int>(random() % 3); edits > 0; --edits) {
    size_t at = random() % tokens.size();
    switch (random() % 6) {
    case 0:
      tokens[at].clear();
      break;
    case 1:
      tokens[at] += " " + tokens[at];
      break;
    case 2:
      std::swap(tokens[at], tokens[random() % tokens.size()]);
      break;
    case 3:
      tokens[at] = kExtremes[random() % std::size(kExtremes)];
      break;
    default:
      tokens[at] = pool[random() % pool.size()];
      break;
    }
  }
  std::string text;
  for (const std::string &token : tokens)
    text += token;
  return text;
}

/// True if every input is small enough to be made.
bool isSmall(asg::GraphOp graph) {
  for (mlir::Type type : graph.getArgumentTypes()) {
    int64_t count = 1;
    for (const DimExpr &dim : asg::getDims(mlir::cast<mlir::RankedTensorType>(type))) {
      int64_t extent = testExtent(graph, dim);
      if (extent < 0 || extent > 64)
        return false;
      count *= extent;
    }
    if (count > 4096)
      return false;
  }
  return true;
}

/// Differentiates and runs whatever is legal.
void useAll(mlir::ModuleOp module) {
  InterpreterOptions options;
  options.maxElements = 1 << 14;
  options.maxSteps = 1 << 18;
  options.maxIterations = 64;
  for (auto graph : llvm::to_vector(module.getOps<asg::GraphOp>())) {
    // What others call is run by them, as it stands.
    if (!isSmall(graph) || graph.isPrivate())
      continue;
    const CatalogOp &op = allOps().front();
    Variables variables;
    (void)interpret(graph, drawInputs(graph, op, false, 1), variables, options);
    mlir::Value loss = buildWeightedSum(graph);
    if (!loss)
      continue;
    llvm::SmallVector<mlir::Value> wrt(graph.getArguments());
    llvm::SmallVector<mlir::Value> outputs = {loss};
    for (mlir::Value gradient : buildBackward(loss, wrt))
      if (gradient)
        outputs.push_back(gradient);
    setOutputs(graph, outputs);
    // Rules of legal ops make legal ops.
    CHECK(mlir::succeeded(mlir::verify(graph)));
    if (isSmall(graph))
      (void)interpret(graph, drawInputs(graph, op, false, 1), variables, options);
  }
}
} // namespace

TEST_SUITE("hostile text") {
  TEST_CASE("mutated modules are refused in words, or are legal through and through") {
    std::vector<std::string> texts = allTexts();
    std::vector<std::vector<std::string>> tokenized;
    std::vector<std::string> pool;
    for (const std::string &text : texts) {
      tokenized.push_back(tokensOf(text));
      pool.insert(pool.end(), tokenized.back().begin(), tokenized.back().end());
    }
    std::mt19937_64 random(11);
    int refused = 0, legal = 0;
    for (int round = 0; round < 40; ++round) {
      for (const auto &tokens : tokenized) {
        std::string text = mutate(tokens, pool, random);
        CAPTURE(text);
        Reader reader;
        if (auto module = reader.read(text)) {
          ++legal;
          useAll(*module);
        } else {
          ++refused;
          CHECK(!reader.errors.empty());
        }
      }
    }
    CHECK(refused > 1000);
    CHECK(legal > 500);
  }
}
