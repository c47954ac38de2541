//===- PrinterTest.cpp - The one true format ------------------------------===//
#include "GenerateTree.h"

#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

using namespace asgc;
using namespace asgc::ast;

namespace {
/// Formats `text`, which must be without errors.
std::string format(const std::string &text) {
  SourceManager sources;
  DiagnosticEngine diagnostics(sources);
  Module module = parseModule(sources.add("m.asg", text), diagnostics);
  std::string errors;
  for (const Diagnostic &each : diagnostics.getDiagnostics())
    errors += renderHuman(each, sources);
  CHECK(errors == "");
  return formatModule(module);
}
} // namespace

TEST_SUITE("printer") {
  TEST_CASE("spaces, parentheses and line breaks become canonical") {
    CHECK(
        format("block f( x:f32[ batch<=256,... , 3*dim ] , n : int=2)->f32[n]{"
               "y=(x+1)*2 ; z = (x |> relu)+((1))\n\n\n return  y\n , z }") ==
        "block f(x: f32[batch <= 256, ..., 3 * dim], n: int = 2) -> f32[n] {\n"
        "  y = (x + 1) * 2\n"
        "  z = (x |> relu) + 1\n"
        "\n"
        "  return y, z\n"
        "}\n");
  }

  TEST_CASE("comments stay where they belong") {
    std::string text = "# top\n"
                       "\n"
                       "## Meaning.\n"
                       "## role x: input\n"
                       "block f(\n"
                       "    x: f32[...],  # the input\n"
                       "    # how many\n"
                       "    n: int\n"
                       ") {\n"
                       "  # first\n"
                       "  y = x  # beside\n"
                       "\n"
                       "  # second\n"
                       "  if n > 1 {\n"
                       "    y = y + 1\n"
                       "    # last\n"
                       "  }\n"
                       "  # before else\n"
                       "  else {\n"
                       "    return x\n"
                       "  }\n"
                       "  return y\n"
                       "  # at the end\n"
                       "}  # behind\n"
                       "\n"
                       "# the end\n";
    CHECK(format(text) == text);
  }

  TEST_CASE("a comment inside an expression moves above its statement") {
    CHECK(format("block f() {\n  y = g(1, # one\n    2) # two\n}\n") ==
          "block f() {\n  # one\n  y = g(1, 2)  # two\n}\n");
  }

  TEST_CASE("CRLF and missing last newlines are mended") {
    CHECK(format("use nn\r\n# é\r\nblock f() {\r\n  y = 1 # c\r\n}") ==
          "use nn\n\n# é\nblock f() {\n  y = 1  # c\n}\n");
  }

  TEST_CASE("long lines break where a reader would") {
    CHECK(
        format("block transformer_block(x: f32[batch, seq, dim], heads: int, "
               "mlp: int = 4 * dim, activation: block = gelu, causal: bool = "
               "false, drop: float = 0.0) -> f32[batch, seq, dim] {\n"
               "x = image |> conv1: conv2d(64, kernel = 7, stride = 2, padding "
               "= 3, bias = false) |> bn1: batch_norm |> relu\n"
               "}") ==
        "block transformer_block(x: f32[batch, seq, dim], heads: int, mlp: int "
        "= 4 * dim,\n"
        "                        activation: block = gelu, causal: bool = "
        "false, drop: float = 0.0)\n"
        "    -> f32[batch, seq, dim] {\n"
        "  x = image\n"
        "      |> conv1: conv2d(64, kernel = 7, stride = 2, padding = 3, bias "
        "= "
        "false)\n"
        "      |> bn1: batch_norm\n"
        "      |> relu\n"
        "}\n");
  }

  TEST_CASE("one short statement shares the line of its loop") {
    CHECK(format("block f() {\nrepeat 2 as body counting i {\nx = x + i }\n"
                 "for a in 0..3 { x = a; y = a }\n if c {} else if d {} }") ==
          "block f() {\n"
          "  repeat 2 as body counting i { x = x + i }\n"
          "  for a in 0..3 {\n"
          "    x = a\n"
          "    y = a\n"
          "  }\n"
          "  if c {} else if d {}\n"
          "}\n");
  }

  TEST_CASE("settings are aligned") {
    CHECK(format("train m(dim=2){ batch=8\n label: i64[batch]\n optimizer = "
                 "adamw(lr=1e-3) except weight_decay = 0 for \"*.bias\", "
                 "\"*norm*\" }") ==
          "train m(dim = 2) {\n"
          "  batch     = 8\n"
          "  label: i64[batch]\n"
          "  optimizer = adamw(lr = 1e-3) except weight_decay = 0 for "
          "\"*.bias\", \"*norm*\"\n"
          "}\n");
  }

  TEST_CASE("an expression cannot continue the line above by its minus") {
    CHECK(format("block f() { -x; -y.T + 1 }") ==
          "block f() {\n  (-x)\n  (-y.T + 1)\n}\n");
  }

  TEST_CASE("printed trees read back as themselves, and again") {
    for (uint32_t seed = 0; seed < 3000; ++seed) {
      CAPTURE(seed);
      Module made = TreeGenerator(seed).module();
      std::string text = formatModule(made);
      CAPTURE(text);
      SourceManager sources;
      DiagnosticEngine diagnostics(sources);
      Module read = parseModule(sources.add("m.asg", text), diagnostics);
      std::string errors;
      for (const Diagnostic &each : diagnostics.getDiagnostics())
        if (each.severity == Severity::Error)
          errors += renderHuman(each, sources);
      REQUIRE(errors == "");
      REQUIRE(equal(made, read));
      REQUIRE(formatModule(read) == text);
    }
  }

  TEST_CASE("equality sees every kind of difference") {
    // Two different seeds almost surely give different trees; so do their
    // texts.
    std::set<std::string> texts;
    Module previous;
    for (uint32_t seed = 0; seed < 300; ++seed) {
      Module module = TreeGenerator(seed).module();
      if (texts.insert(formatModule(module)).second)
        CHECK(!equal(module, previous));
      previous = std::move(module);
    }
    CHECK(texts.size() > 290);
  }

  TEST_CASE("the standard library and the examples are in the format") {
    std::filesystem::path root = ASGC_SOURCE_DIR;
    size_t count = 0;
    for (const char *folder : {"dialects/nn", "docs/examples"})
      for (const auto &entry :
           std::filesystem::recursive_directory_iterator(root / folder)) {
        if (entry.path().extension() != ".asg")
          continue;
        CAPTURE(entry.path());
        std::ifstream stream(entry.path());
        std::stringstream text;
        text << stream.rdbuf();
        CHECK(format(text.str()) == text.str());
        ++count;
      }
    CHECK(count >= 1);
  }
}
