//===- JsonTest.cpp - The runtime's JSON reader ---------------------------===//
#include "Json.h"
#include <cmath>
#include <doctest/doctest.h>

using namespace asgc::rt;

namespace {

/// "OFFSET: REASON" for an invalid text, "" for a valid one.
std::string faultOf(std::string_view text) {
  json::Document document;
  json::ParseError error;
  if (document.parse(text, error))
    return "";
  return std::to_string(error.offset) + ": " + error.reason;
}

} // namespace

TEST_SUITE("json") {
  TEST_CASE("reads values of every kind in order") {
    json::Document document;
    json::ParseError error;
    REQUIRE(document.parse(R"( {"a": [1, -2.5e3, true, null, "x"], "b": {}} )",
                           error));
    const json::Value &root = document.root();
    REQUIRE(root.isObject());
    CHECK(root.size() == 2);
    const json::Value *a = document.find(root, "a");
    REQUIRE(a);
    REQUIRE(a->size() == 5);
    auto item = document.childrenOf(*a).begin();
    CHECK((*item).integer == 1);
    ++item;
    CHECK((*item).real == -2500);
    ++item;
    CHECK((*item).boolean);
    ++item;
    CHECK((*item).kind == json::Kind::Null);
    ++item;
    CHECK((*item).text() == "x");
    CHECK(document.find(root, "b")->size() == 0);
    CHECK(document.find(root, "c") == nullptr);
  }

  TEST_CASE("reads integers exactly and larger ones as reals") {
    json::Document document;
    json::ParseError error;
    REQUIRE(document.parse("9223372036854775807", error));
    CHECK(document.root().integer == INT64_MAX);
    REQUIRE(document.parse("9223372036854775808", error));
    CHECK(document.root().kind == json::Kind::Real);
    REQUIRE(document.parse("1e999", error));
    CHECK(std::isinf(document.root().real));
    REQUIRE(document.parse("1e-999", error));
    CHECK(document.root().real == 0);
  }

  TEST_CASE("undoes escapes") {
    json::Document document;
    json::ParseError error;
    REQUIRE(document.parse(R"("a\n\"\u00e9\ud83d\ude00\\")", error));
    CHECK(document.root().text() == "a\n\"é😀\\");
    std::string out;
    json::appendQuoted(out, "a\n\"\x01\\é");
    CHECK(out == "\"a\\u000a\\\"\\u0001\\\\é\"");
  }

  TEST_CASE("refuses what is not JSON, with the place") {
    CHECK(faultOf("") == "0: expected a value");
    CHECK(faultOf("{\"a\": 1, }") == "9: expected a key");
    CHECK(faultOf("[1 2]") == "3: expected ',' or ']'");
    CHECK(faultOf("{\"a\" 1}") == "5: expected ':'");
    CHECK(faultOf("[1] x") == "4: text after the end of the value");
    CHECK(faultOf("01") == "2: number with a leading zero");
    CHECK(faultOf("1.") == "2: expected digits after the point");
    CHECK(faultOf("1e+") == "3: expected digits in the exponent");
    CHECK(faultOf("-") == "1: expected a value");
    CHECK(faultOf("nul") == "0: expected a value");
    CHECK(faultOf("NaN") == "0: expected a value");
    CHECK(faultOf("\"a") == "2: string without an end");
    CHECK(faultOf("\"\n\"") == "1: control character in a string");
    CHECK(faultOf("\"\\x\"") == "2: unknown escape");
    CHECK(faultOf("\"\\u12\"") == "3: expected four hexadecimal digits");
    CHECK(faultOf("\"\\ud800\"") == "7: lone surrogate");
    CHECK(faultOf("\"\\udc00\"") == "7: lone surrogate");
    CHECK(faultOf("\"\xff\"") == "1: invalid UTF-8");
    CHECK(faultOf("\"\xc0\x80\"") == "1: invalid UTF-8");
    CHECK(faultOf("\"\xed\xa0\x80\"") == "1: invalid UTF-8");
    CHECK(faultOf("\"\xf4\x90\x80\x80\"") == "1: invalid UTF-8");
    CHECK(faultOf("\"\xe2\x82") == "1: invalid UTF-8");
  }

  TEST_CASE("refuses a key that stands twice") {
    CHECK(faultOf(R"({"a": 1, "b": 2, "a": 3})") == "22: duplicate key \"a\"");
    CHECK(faultOf(R"({"a": 1, "\u0061": 3})") == "19: duplicate key \"a\"");
  }

  TEST_CASE("refuses deep nesting before it overflows the stack") {
    CHECK(faultOf(std::string(100000, '[')) == "64: nested deeper than 64");
    CHECK(faultOf(std::string(64, '[') + std::string(64, ']')) == "");
  }
}
