//===- ParserTest.cpp - Texts to trees, and what is wrong with them -------===//
#include "asgc/Syntax.h"

#include <doctest/doctest.h>

using namespace asgc;
using namespace asgc::ast;

using Lines = std::vector<std::string>;

namespace doctest {
template <> struct StringMaker<Lines> {
  static String convert(const Lines &lines) {
    std::string text;
    for (const std::string &line : lines)
      text += line + "\n";
    return text.c_str();
  }
};
} // namespace doctest

namespace {
struct Parsed {
  explicit Parsed(std::string text) : diagnostics(sources) {
    module = parseModule(sources.add("m.asg", std::move(text)), diagnostics);
  }
  /// "line:column: severity[code]: message" of each diagnostic, in order.
  Lines errors() const {
    Lines result;
    for (const Diagnostic &each : diagnostics.getDiagnostics()) {
      std::string line = renderShort(each, sources);
      result.push_back(line.substr(6, line.size() - 7)); // without path and \n
    }
    return result;
  }
  SourceManager sources;
  DiagnosticEngine diagnostics;
  Module module;
};

/// How the expression `text` is read, with all parentheses.
std::string grouped(const Expr &expr) {
  if (expr.kind == Expr::Kind::Binary)
    return "(" + grouped(expr.operand(0)) + " " +
           std::string(spelling(expr.binaryOp)) + " " +
           grouped(expr.operand(1)) + ")";
  if (expr.kind == Expr::Kind::Unary)
    return (expr.unaryOp == UnaryOp::Not ? "(not " : "(-") +
           grouped(expr.operand(0)) + ")";
  if (expr.kind == Expr::Kind::Conditional)
    return "(" + grouped(expr.operand(0)) + " ? " + grouped(expr.operand(1)) +
           " : " + grouped(expr.operand(2)) + ")";
  return formatExpr(expr);
}

std::string grouped(const std::string &text) {
  Parsed parsed("block f() {\n y = " + text + "\n}");
  REQUIRE(parsed.errors() == Lines{});
  return grouped(*parsed.module.items.at(0).body.stmts.at(0)->value);
}
} // namespace

TEST_SUITE("parser") {
  TEST_CASE("operators bind as in Python") {
    CHECK(grouped("a + b * c") == "(a + (b * c))");
    CHECK(grouped("a - b - c") == "((a - b) - c)");
    CHECK(grouped("-a ^ b") == "(-(a ^ b))");
    CHECK(grouped("a ^ -b ^ c") == "(a ^ (-(b ^ c)))");
    CHECK(grouped("-a * b") == "((-a) * b)");
    CHECK(grouped("q @ k.T / s") == "((q @ k.T) / s)");
    CHECK(grouped("a // b % c") == "((a // b) % c)");
    CHECK(grouped("not a == b and c or d") == "(((not (a == b)) and c) or d)");
    CHECK(grouped("0..n + 1 except 2") == "((0 .. (n + 1)) except 2)");
    CHECK(grouped("a or b ? c : d ? e : f") == "((a or b) ? c : (d ? e : f))");
    CHECK(grouped("a + b |> f |> g: h(1)") == "(((a + b) |> f) |> g: h(1))");
    CHECK(grouped("x is none ? 1 : 2") == "(x is none ? 1 : 2)");
    CHECK(grouped("x is not none and y") == "(x is not none and y)");
    CHECK(grouped("if a { b } else if c { d } else { e }") ==
          "(a ? b : (c ? d : e))");
  }

  TEST_CASE("a colon is read by what stands around it") {
    CHECK(grouped("c ? a : b") == "(c ? a : b)");
    CHECK(grouped("c ? (a: b(x)) : d") == "(c ? a: b(x) : d)");
    CHECK(grouped("x[a:b, c:, :d:2, ..., e]") == "x[a:b, c:, :d:2, ..., e]");
    CHECK(grouped("f(a: g(x), \"h{i}\": g)") == "f(a: g(x), \"h{i}\": g)");
    CHECK(grouped("downsample.0.1: conv2d(3)") == "downsample.0.1: conv2d(3)");
    CHECK(grouped("fc: linear(x, 3).T") == "fc: linear(x, 3).T");
  }

  TEST_CASE("operators and pipes continue a line, brackets hold lines") {
    CHECK(grouped("a\n  |> f\n  |> g\n  + 1") == "((a |> f) |> (g + 1))");
    CHECK(grouped("f(\n a,\n b,\n)") == "f(a, b)");
    Parsed parsed("block f() {\n y = a\n (b)\n [c]\n}");
    CHECK(parsed.errors() == Lines{});
    CHECK(parsed.module.items[0].body.stmts.size() == 3);
  }

  TEST_CASE("numbers") {
    CHECK(grouped("0..64") == "(0 .. 64)");
    CHECK(grouped("1.5e-3 + 50_257") == "(1.5e-3 + 50_257)");
    CHECK(grouped("9223372036854775807") == "9223372036854775807");
    CHECK(grouped("1e-400") == "1e-400");
    CHECK(grouped("every(200 steps)") == "every(200 steps)");
    CHECK(
        Parsed("block f() { y = 9223372036854775808 }").errors() ==
        Lines{
            "1:17: error[ASG0004]: number `9223372036854775808` is too large"});
    CHECK(Parsed("block f() { y = 1e999; z = 2abc }").errors() ==
          Lines{"1:17: error[ASG0004]: number `1e999` is too large",
                "1:28: error[ASG0004]: `2abc` is neither a number nor a name"});
  }

  TEST_CASE("strings hold escapes and expressions") {
    Parsed parsed("block f() { y = \"a{i + 1}\\n\\\"\\{ш\" }");
    CHECK(parsed.errors() == Lines{});
    const Expr &string = *parsed.module.items[0].body.stmts[0]->value;
    REQUIRE(string.parts.size() == 3);
    CHECK(string.parts[0].text == "a");
    CHECK(formatExpr(*string.parts[1].value) == "i + 1");
    CHECK(string.parts[2].text == "\n\"{ш");
    CHECK(Parsed("block f() { y = \"a\\q\" }").errors() ==
          Lines{"1:19: error[ASG0003]: unknown escape in a string"});
    CHECK(
        Parsed("block f() {\n y = \"a{1 +}\"\n z = \"open\n}").errors() ==
        Lines{"3:6: error[ASG0002]: string is not closed",
              "2:12: error[ASG0005]: expected an expression, found the end of "
              "the text"});
    CHECK(Parsed("block f() { y = \"a}b{c\" }").errors() ==
          Lines{"1:19: error[ASG0003]: `}` in a string without `{`",
                "1:21: error[ASG0003]: `{` in a string is not closed"});
  }

  TEST_CASE("all syntax errors of a file are reported in one run") {
    Parsed parsed("block f(x: f32[2) {\n"
                  "  y = x\n"
                  "}\n"
                  "blok g() {}\n"
                  "block h() {\n"
                  "  a = 1 +\n"
                  "  param w = zeros()\n"
                  "  b = 2 3\n"
                  "  if { c = 1 }\n"
                  "  1 = d\n"
                  "  return f(1, 2\n"
                  "}\n"
                  "model m(x: f32[3]) { return x }\n");
    CHECK(parsed.errors() ==
          Lines{"1:17: error[ASG0005]: expected `,` or `]`, found `)`",
                "4:1: error[ASG0005]: expected a definition, found name `blok`",
                "7:3: error[ASG0005]: expected an expression, found keyword "
                "`param`",
                "8:9: error[ASG0005]: expected the end of the statement, found "
                "`3`",
                "9:6: error[ASG0005]: expected an expression, found `{`",
                "10:3: error[ASG0005]: only a name can be set with `=`",
                "12:1: error[ASG0006]: `(` is not closed"});
    // What could be read is there.
    CHECK(parsed.module.items.back().name.text == "m");
  }

  TEST_CASE("hints name the usual slips") {
    auto help = [](const char *text) {
      Parsed parsed(text);
      for (const Diagnostic &each : parsed.diagnostics.getDiagnostics())
        for (const Remark &remark : each.remarks)
          return remark.text + (remark.edit ? ": " + remark.edit->replacement
                                            : std::string());
      return std::string();
    };
    CHECK(help("modle m() {}") == "did you mean `model`?: model");
    CHECK(help("block f() { y = !x }") == "negation is a word: not ");
    CHECK(help("block f() { y = 'x' }") ==
          "strings are written with double quotes: \"x\"");
    CHECK(help("block f() { y = a & b }") == "perhaps meant as: and");
    CHECK(help("block f() { if a = b {} }") == "to compare, write: ==");
    CHECK(help("block f() { y = g(x <-1) }") ==
          "to compare with a negative number, put a space: < -");
    CHECK(help("block f() { y = a < b < c }") ==
          "join two comparisons with `and`");
    CHECK(help("block f() { y = none.for }") ==
          "`for` is reserved and cannot be a name");
    CHECK(help("optimizer o() for p {}") == "write `for p, g`");
  }

  TEST_CASE("nesting beyond 512 levels is refused, up to it is read") {
    auto nested = [](int levels, const char *open, const char *close) {
      std::string text = "block f() { y = ";
      for (int i = 0; i < levels; ++i)
        text += open;
      text += "1";
      for (int i = 0; i < levels; ++i)
        text += close;
      return text + " }";
    };
    CHECK(Parsed(nested(500, "(", ")")).errors() == Lines{});
    CHECK(Parsed(nested(500, "-", "")).errors() == Lines{});
    CHECK(Parsed(nested(500, "", " + 1")).errors() == Lines{});
    for (int levels : {513, 5000, 100000}) {
      CAPTURE(levels);
      auto isRefused = [](const std::string &text) {
        Lines errors = Parsed(text).errors();
        return !errors.empty() &&
               errors[0].find("nesting is deeper than 512 levels") !=
                   std::string::npos;
      };
      CHECK(isRefused(nested(levels, "(", ")")));
      CHECK(isRefused(nested(levels, "[", "]")));
      CHECK(isRefused(nested(levels, "-", "")));
      CHECK(isRefused(nested(levels, "not ", "")));
      CHECK(isRefused(nested(levels, "f(", ")")));
      CHECK(isRefused(nested(levels, "", " + 1")));
      CHECK(isRefused(nested(levels, "", " ^ 1")));
      CHECK(isRefused(nested(levels, "", " |> f")));
      CHECK(isRefused(nested(levels, "", ".T")));
      CHECK(isRefused(nested(levels, "", "(1)")));
      CHECK(isRefused(nested(levels, "", "[0]")));
      CHECK(isRefused(nested(levels, "", " ? 1 : 1")));
      CHECK(isRefused(nested(levels, "a ? ", " : 1")));
      CHECK(isRefused(nested(levels, "if a { ", " } else { 1 }")));
      std::string blocks = "block f() ", chain = "block f() { if a {}";
      for (int i = 0; i < levels; ++i) {
        blocks += "{ if a ";
        chain += " else if a {}";
      }
      CHECK(isRefused(blocks));
      CHECK(isRefused(chain + " }"));
    }
  }

  TEST_CASE("any bytes are read without a crash") {
    CHECK(!Parsed(std::string("block f() { \0 \xff }", 18)).errors().empty());
    CHECK(Parsed("\xef\xbb\xbfuse nn").errors() == Lines{});
    CHECK(Parsed("").errors() == Lines{});
    CHECK(!Parsed("}}}}").errors().empty());
    CHECK(!Parsed("block").errors().empty());
    CHECK(!Parsed("train m {").errors().empty());
  }

  TEST_CASE("doc comments are fields in two languages") {
    Parsed parsed("## Scales it:\n"
                  "## by a lot.\n"
                  "## formula: y = a · x\n"
                  "## why: because it\n"
                  "##   helps\n"
                  "## role a: the factor\n"
                  "## ru: Масштабирует.\n"
                  "## ru role a: множитель\n"
                  "## source: Me 2020\n"
                  "block f(x: f32, a: float) { return a * x }");
    CHECK(parsed.errors() == Lines{});
    const Doc &doc = parsed.module.items[0].doc;
    CHECK(doc.en.meaning == "Scales it: by a lot.");
    CHECK(doc.en.formula == "y = a · x");
    CHECK(doc.en.why == "because it helps");
    CHECK(*doc.en.findRole("a") == "the factor");
    CHECK(doc.en.source == "Me 2020");
    CHECK(doc.ru.meaning == "Масштабирует.");
    CHECK(*doc.ru.findRole("a") == "множитель");
    CHECK(!doc.en.findRole("b"));
  }

  TEST_CASE("a role of nothing is a warning") {
    Parsed parsed(
        "## F.\n## role wieght: w\nblock f() {\n param weight: f32[2] "
        "= ones()\n}");
    CHECK(parsed.errors() ==
          Lines{"2:1: warning[ASG0010]: no `wieght` in `f`"});
    CHECK(parsed.diagnostics.getNumErrors() == 0);
  }
}
