//===- NestingGuardTest.cpp -----------------------------------------------===//
#include "asgc/NestingGuard.h"

#include <doctest/doctest.h>

using namespace asgc;

namespace {
std::string repeat(std::string_view part, unsigned count) {
  std::string text;
  for (unsigned i = 0; i < count; ++i)
    text += part;
  return text;
}
} // namespace

TEST_SUITE("nesting guard") {
  TEST_CASE("accepts 512 levels and refuses 513, at the bracket") {
    CHECK(!checkNesting(repeat("[", 512)));
    auto error = checkNesting("\n  " + repeat("[", 513));
    REQUIRE(error);
    CHECK(error->line == 2);
    CHECK(error->column == 2 + 513);
    CHECK(error->message == "brackets nest deeper than 512 levels");
  }

  TEST_CASE("counts levels that are open, not brackets") {
    CHECK(!checkNesting(repeat("([{<>}])", 2000)));
    CHECK(!checkNesting(repeat("tensor<?x8xf32, #asg.dims<batch, 8>>", 2000)));
    CHECK(checkNesting(repeat("([{<", 200)));
  }

  TEST_CASE("arrows and comparisons neither open nor close") {
    CHECK(!checkNesting(repeat("() -> () <= >= ", 2000)));
    CHECK(checkNesting(repeat("(->", 600)));
    CHECK(checkNesting(repeat("(>=", 600)));
    CHECK(checkNesting(repeat("<x->", 600)));
  }

  TEST_CASE("a bracket that closes another kind does not hide nesting") {
    CHECK(checkNesting(repeat("(]", 600)));
    CHECK(checkNesting(repeat("[>", 600)));
  }

  TEST_CASE("strings and comments hold no brackets") {
    CHECK(!checkNesting("\"" + repeat("(", 2000) + "\""));
    CHECK(!checkNesting("\"\\\"" + repeat("(", 2000) + "\""));
    CHECK(!checkNesting("// " + repeat("(", 2000)));
    CHECK(checkNesting("\"" "\n" + repeat("(", 2000)));
  }

  TEST_CASE("an alias is as deep as what it stands for") {
    std::string text = "#a0 = [1]\n";
    for (unsigned i = 1; i < 600; ++i)
      text += "#a" + std::to_string(i) + " = [#a" + std::to_string(i - 1) + "]\n";
    auto error = checkNesting(text);
    REQUIRE(error);
    CHECK(error->message == "aliases nest deeper than 512 levels");
    std::string flat;
    for (unsigned i = 0; i < 3000; ++i)
      flat += "#a" + std::to_string(i) + " = [1]\n";
    CHECK(!checkNesting(flat));
  }

  TEST_CASE("an alias over several lines is as deep as all of them") {
    std::string text = "#a0 = [1]\n";
    for (unsigned i = 1; i < 600; ++i)
      text += "#a" + std::to_string(i) + " =\n [\n#a" + std::to_string(i - 1) +
              "\n]\n";
    CHECK(checkNesting(text));
  }

  TEST_CASE("an alias that nothing but its own definition uses stays shallow") {
    std::string text = "#a = [1]\n// note\nmodule {\n";
    for (unsigned i = 0; i < 2000; ++i)
      text += "  x {a = #a}\n";
    CHECK(!checkNesting(text + "}"));
  }

  TEST_CASE("the type of an alias on its next line counts") {
    std::string text = "!t0 = i32\n";
    for (unsigned i = 1; i < 600; ++i)
      text += "!t" + std::to_string(i) + " = ()\n // x\n -> !t" +
              std::to_string(i - 1) + "\n";
    CHECK(checkNesting(text));
  }

  TEST_CASE("chains of operators are levels, lists of negative numbers are not") {
    CHECK(checkNesting("affine_map<(d0) -> (d0" + repeat(" + d0", 600) + ")>"));
    CHECK(checkNesting("affine_map<(d0) -> (" + repeat("- ", 600) + "d0)>"));
    CHECK(checkNesting("affine_map<(d0) -> (d0" + repeat(" mod 2", 600) + ")>"));
    CHECK(!checkNesting("dense<[" + repeat("-1, ", 3000) + "-1]>"));
  }

  TEST_CASE("ordinary IR passes") {
    CHECK(!checkNesting("%0 = asg.dot %x, %w batch [] x [] contract [1] x [0] : "
                        "(tensor<?x64xf32, #asg.dims<batch, 64>>, "
                        "tensor<64x10xf32>) -> tensor<10xf32>\n"));
  }
}
