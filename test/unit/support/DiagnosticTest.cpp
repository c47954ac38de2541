//===- DiagnosticTest.cpp - What users read -------------------------------===//
#include "asgc/Support.h"

#include <cstdlib>
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace asgc;

namespace {
/// The span of the `nth` occurrence of `needle`.
Span find(const SourceManager &sources, FileId file, std::string_view needle,
          int nth = 1) {
  std::string_view text = sources.getFile(file).getText();
  size_t at = text.find(needle);
  while (--nth > 0)
    at = text.find(needle, at + 1);
  REQUIRE(at != std::string_view::npos);
  return {file, uint32_t(at), uint32_t(at + needle.size())};
}
} // namespace

TEST_SUITE("diagnostics") {
  TEST_CASE("both operands are marked, with notes and an edit below") {
    SourceManager sources;
    FileId file = sources.add("m.asg", "block f(x: f32[4, 8]) {\n"
                                       "  return x @ weigth\n"
                                       "}\n");
    Diagnostic diagnostic(Code::ASG0005, "matrices do not fit");
    diagnostic.at(find(sources, file, "@"), "8 columns, 16 rows")
        .also(find(sources, file, "x", 2), "f32[4, 8]")
        .also(find(sources, file, "weigth"), "f32[16, 2]")
        .note("`x` comes from here", find(sources, file, "x: f32[4, 8]"))
        .fix("did you mean `weight`?", find(sources, file, "weigth"), "weight");
    CHECK(renderHuman(diagnostic, sources) ==
          "error[ASG0005]: matrices do not fit\n"
          " --> m.asg:2:12\n"
          "  |\n"
          "2 |   return x @ weigth\n"
          "  |          - ^ ------ f32[16, 2]\n"
          "  |          | |\n"
          "  |          | 8 columns, 16 rows\n"
          "  |          f32[4, 8]\n"
          "  |\n"
          "note: `x` comes from here\n"
          " --> m.asg:1:9\n"
          "  |\n"
          "1 | block f(x: f32[4, 8]) {\n"
          "  |         ^^^^^^^^^^^^\n"
          "help: did you mean `weight`?\n"
          "  |\n"
          "2 |   return x @ weight\n"
          "  |              ~~~~~~\n"
          "\n");
  }

  TEST_CASE("lines far apart and other files are shown apart") {
    SourceManager sources;
    FileId one = sources.add("one.asg", "a\n\n\nb\nc\n");
    FileId two = sources.add("two.asg", "d\n");
    Diagnostic diagnostic(Code::ASG0005, "three places");
    diagnostic.at(find(sources, one, "c"), "here")
        .also(find(sources, one, "a"), "first")
        .also(find(sources, two, "d"), "elsewhere");
    CHECK(renderHuman(diagnostic, sources) == "error[ASG0005]: three places\n"
                                              " --> one.asg:5:1\n"
                                              "  |\n"
                                              "1 | a\n"
                                              "  | - first\n"
                                              "...\n"
                                              "5 | c\n"
                                              "  | ^ here\n"
                                              " ::: two.asg:1:1\n"
                                              "  |\n"
                                              "1 | d\n"
                                              "  | - elsewhere\n"
                                              "\n");
  }

  TEST_CASE("tabs, wide texts and control codes keep the marks in place") {
    SourceManager sources;
    FileId file = sources.add("m.asg", "\tшаг \x1b[31m = bad");
    Diagnostic diagnostic(Code::ASG0001, "odd");
    diagnostic.at(find(sources, file, "bad"));
    std::string text = renderHuman(diagnostic, sources);
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(text.find("1 |     шаг \xef\xbf\xbd[31m = bad\n"
                    "  |                 ^^^\n") != std::string::npos);
  }

  TEST_CASE("a very long line is cut around its marks") {
    SourceManager sources;
    FileId file = sources.add("m.asg", std::string(5000, 'a') + "!" +
                                           std::string(5000, 'b'));
    Diagnostic diagnostic(Code::ASG0001, "long");
    diagnostic.at(find(sources, file, "!"), "here");
    std::string text = renderHuman(diagnostic, sources);
    CHECK(text.size() < 600);
    CHECK(text.find("^ here") != std::string::npos);
  }

  TEST_CASE("spans beyond the text and over lines are drawn") {
    SourceManager sources;
    FileId file = sources.add("m.asg", "ab\ncd");
    Diagnostic diagnostic(Code::ASG0001, "odd");
    diagnostic.at({file, 1, 400}, "to the end")
        .also({file, 5, 5}, "at the end");
    std::string text = renderHuman(diagnostic, sources);
    CHECK(text.find("1 | ab\n  |  ^ to the end\n") != std::string::npos);
    CHECK(text.find("2 | cd\n  |   - at the end\n") != std::string::npos);
  }

  TEST_CASE("colours come only when asked for") {
    SourceManager sources;
    Diagnostic diagnostic(Code::ASG0001, "odd");
    CHECK(renderHuman(diagnostic, sources, false).find('\033') ==
          std::string::npos);
    CHECK(renderHuman(diagnostic, sources, true).find("\033[1;31merror") == 0);
    unsetenv("NO_COLOR");
    setenv("TERM", "xterm", 1);
    CHECK(useColor(ColorMode::Auto, true));
    CHECK(!useColor(ColorMode::Auto, false));
    CHECK(useColor(ColorMode::Always, false));
    CHECK(!useColor(ColorMode::Never, true));
    setenv("TERM", "dumb", 1);
    CHECK(!useColor(ColorMode::Auto, true));
    setenv("TERM", "xterm", 1);
    setenv("NO_COLOR", "1", 1);
    CHECK(!useColor(ColorMode::Auto, true));
    CHECK(useColor(ColorMode::Always, true));
    unsetenv("NO_COLOR");
  }

  TEST_CASE("JSON has rustc's fields") {
    SourceManager sources;
    FileId file = sources.add("m.asg", "x = lnear(\"\n");
    Diagnostic diagnostic(Code::ASG0005, "no \"lnear\"");
    diagnostic.at(find(sources, file, "lnear"), "unknown")
        .fix("did you mean `linear`?", find(sources, file, "lnear"), "linear");
    std::string text = renderJson(diagnostic, sources);
    CHECK(text.find('\n') == text.size() - 1);
    auto json = nlohmann::json::parse(text);
    CHECK(json["$message_type"] == "diagnostic");
    CHECK(json["message"] == "no \"lnear\"");
    CHECK(json["code"]["code"] == "ASG0005");
    CHECK(json["level"] == "error");
    auto span = json["spans"][0];
    CHECK(span["file_name"] == "m.asg");
    CHECK(span["byte_start"] == 4);
    CHECK(span["byte_end"] == 9);
    CHECK(span["line_start"] == 1);
    CHECK(span["column_start"] == 5);
    CHECK(span["column_end"] == 10);
    CHECK(span["is_primary"] == true);
    CHECK(span["label"] == "unknown");
    CHECK(span["text"][0]["text"] == "x = lnear(\"");
    CHECK(span["text"][0]["highlight_start"] == 5);
    auto child = json["children"][0];
    CHECK(child["level"] == "help");
    CHECK(child["spans"][0]["suggested_replacement"] == "linear");
    CHECK(json["rendered"] == renderHuman(diagnostic, sources));
  }

  TEST_CASE("JSON strings are valid UTF-8 whatever the bytes") {
    CHECK(quoteJson("шаг\n\"\\\x01") == "\"шаг\\n\\\"\\\\\\u0001\"");
    CHECK(quoteJson("a\xff\xc0\x80z") == "\"a\\ufffd\\ufffd\\ufffdz\"");
    CHECK(quoteJson("\xed\xa0\x80") == "\"\\ufffd\\ufffd\\ufffd\"");
  }

  TEST_CASE("a repetition is dropped and a flood is cut") {
    SourceManager sources;
    FileId file = sources.add("m.asg", std::string(1000, 'x'));
    DiagnosticEngine engine(sources);
    for (int repeat = 0; repeat < 3; ++repeat)
      engine.report(Diagnostic(Code::ASG0001, "odd").at({file, 0, 1}));
    CHECK(engine.getDiagnostics().size() == 1);
    for (uint32_t i = 0; i < 500; ++i)
      engine.report(Diagnostic(Code::ASG0001, "odd").at({file, i, i + 1}));
    CHECK(engine.getNumErrors() == 500);
    CHECK(engine.getDiagnostics().size() == DiagnosticEngine::kMaxPerSeverity);
  }

  TEST_CASE("every code explains itself in both languages") {
    std::string_view previous;
    for (const CodeInfo &info : getAllCodes()) {
      CAPTURE(info.name);
      CHECK(info.name > previous); // sorted, and none twice
      CHECK(info.name.size() == 7);
      CHECK(!info.title.empty());
      CHECK(info.explanation.size() > 60);
      auto isCyrillic = [](std::string_view text) {
        return text.find("\xd0") != std::string_view::npos;
      };
      CHECK(!isCyrillic(info.title));
      CHECK(isCyrillic(info.titleRu));
      CHECK(!isCyrillic(info.explanation));
      CHECK(isCyrillic(info.explanationRu));
      CHECK(info.explanationRu.size() > 60);
      CHECK(&getCodeInfo(info.code) == &info);
      previous = info.name;
    }
  }

  TEST_CASE("a code is found by any usual spelling") {
    CHECK(findCode("ASG0005")->code == Code::ASG0005);
    CHECK(findCode("asg5")->code == Code::ASG0005);
    CHECK(findCode("0005")->code == Code::ASG0005);
    CHECK(!findCode("ASG9999"));
    CHECK(!findCode("linear"));
    CHECK(!findCode(""));
  }
}
