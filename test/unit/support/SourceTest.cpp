//===- SourceTest.cpp - Places in texts -----------------------------------===//
#include "asgc/Support.h"

#include <cstdio>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>

using namespace asgc;

TEST_SUITE("sources") {
  TEST_CASE("lines end with LF or CRLF and the last may lack its end") {
    SourceFile file("m.asg", "ab\r\ncd\n\nend");
    CHECK(file.getNumLines() == 4);
    CHECK(file.getLine(1) == "ab");
    CHECK(file.getLine(2) == "cd");
    CHECK(file.getLine(3) == "");
    CHECK(file.getLine(4) == "end");
    CHECK(file.getLine(5) == "");
  }

  TEST_CASE("columns count characters, not bytes") {
    SourceFile file("m.asg", "# шаг\nx");
    CHECK(file.getPosition(0) == Position{1, 1});
    CHECK(file.getPosition(4) == Position{1, 4}); // а, after two bytes of ш
    CHECK(file.getPosition(9) == Position{2, 1});
    CHECK(file.getPosition(1000) == Position{2, 2});
  }

  TEST_CASE("spans cover both of their parts") {
    CHECK(cover({0, 4, 6}, {0, 1, 2}) == Span{0, 1, 6});
    CHECK(cover({}, {0, 1, 2}) == Span{0, 1, 2});
    CHECK(cover({0, 4, 6}, {1, 0, 2}) == Span{0, 4, 6});
  }

  TEST_CASE("loading says why it failed") {
    SourceManager sources;
    std::string error;
    CHECK(!sources.load("/nonexistent/model.asg", &error));
    CHECK(error == "No such file or directory");
    CHECK(!sources.load("/", &error));
    CHECK(error == "Is a directory");
  }

  TEST_CASE("a file larger than any model is refused") {
    std::string path =
        std::filesystem::temp_directory_path() / "asgc-large-source.asg";
    std::ofstream(path) << std::string(SourceManager::kMaxBytes + 1, ' ');
    SourceManager sources;
    std::string error;
    CHECK(!sources.load(path, &error));
    CHECK(error.find("larger than 4 MiB") != std::string::npos);
    std::remove(path.c_str());
  }
}
