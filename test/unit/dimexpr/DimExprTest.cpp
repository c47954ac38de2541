//===- DimExprTest.cpp - Canonical form of run-time extents ---------------===//
#include "asgc/DimExpr.h"

#include <doctest/doctest.h>

#include <limits>

using asgc::DimExpr;

static int64_t valueAt(const DimExpr &expr, int64_t batch, int64_t seq) {
  return expr
      .evaluate([&](std::string_view name) -> std::optional<int64_t> {
        if (name == "batch")
          return batch;
        if (name == "seq")
          return seq;
        return std::nullopt;
      })
      .value();
}

TEST_SUITE("DimExpr") {
  const DimExpr batch = DimExpr::symbol("batch"), seq = DimExpr::symbol("seq");

  TEST_CASE("the order of operations does not matter") {
    CHECK((batch * seq + 3) == (DimExpr(3) + seq * batch));
    CHECK((batch * seq).str() == "batch*seq");
    CHECK(((batch + 1) * (batch - 1)).str() == (batch * batch - 1).str());
  }

  TEST_CASE("what is written is read again") {
    for (const DimExpr &expr :
         {DimExpr(0), DimExpr(-7), batch, batch * 4 - seq * 2 + 1,
          (batch * 3 + 5).floorDiv(2) * seq, (batch - 1).floorDiv(7)}) {
      auto again = DimExpr::parse(expr.str());
      REQUIRE(again);
      CHECK(*again == expr);
      CHECK(again->str() == expr.str());
    }
  }

  TEST_CASE("floor division agrees with integers") {
    for (int64_t b = 0; b < 20; ++b)
      for (int64_t d = 1; d < 6; ++d) {
        int64_t numerator = 4 * b - 3;
        int64_t floor = numerator >= 0 ? numerator / d
                                       : -((-numerator + d - 1) / d);
        CHECK(valueAt((batch * 4 - 3).floorDiv(d), b, 1) == floor);
      }
    CHECK((batch * 6).floorDiv(3) == batch * 2);
  }

  TEST_CASE("exact division") {
    CHECK((batch * seq * 12).divideExactly(batch * 4) == seq * 3);
    CHECK_FALSE((batch * 3).divideExactly(DimExpr(2)));
    CHECK_FALSE((batch + 1).divideExactly(batch));
  }

  TEST_CASE("malformed, deep and overflowing texts are refused") {
    CHECK_FALSE(DimExpr::parse(""));
    CHECK_FALSE(DimExpr::parse("batch +"));
    CHECK_FALSE(DimExpr::parse("(batch"));
    CHECK_FALSE(DimExpr::parse("99999999999999999999"));
    CHECK_FALSE(DimExpr::parse("batch floordiv 0"));
    CHECK_FALSE(DimExpr::parse(std::string(5000, '(')));
    CHECK_FALSE(DimExpr::parse(std::string(200, '(') + "1" +
                               std::string(200, ')')));
  }

  TEST_CASE("evaluation reports overflow and unknown symbols") {
    auto huge = batch * batch * batch;
    CHECK_FALSE(huge.evaluate([](std::string_view) { return 1LL << 40; }));
    CHECK_FALSE(
        batch.evaluate([](std::string_view) { return std::nullopt; }));
  }

  TEST_CASE("bounds hold for all extents from 1, and are found for slices") {
    CHECK((DimExpr(3) - batch).maximum() == 2);
    CHECK((batch * 2 + seq - 1).minimum() == 2);
    CHECK_FALSE((batch - seq).minimum());
    CHECK_FALSE(batch.maximum());
    // Every second element of n starts at most at n − 1.
    DimExpr half = (batch + 1).floorDiv(2);
    CHECK((batch - 1 - (half - 1) * 2).minimum() == 0);
    CHECK((batch * batch - (batch * batch - 4)).minimum() == 4);
    CHECK_FALSE((batch * (int64_t(1) << 60)).minimum());
    std::vector<DimExpr> parts = {batch, seq, batch * seq, half,
                                  (seq - 3).floorDiv(4),
                                  (batch * 3 + half * 2 - 1).floorDiv(3)};
    for (size_t i = 0; i < parts.size(); ++i)
      for (size_t j = 0; j < parts.size(); ++j)
        for (int64_t a = -4; a <= 4; ++a)
          for (int64_t b = -4; b <= 4; ++b) {
            DimExpr expr = parts[i] * a + parts[j] * b + 5;
            auto least = expr.minimum(), most = expr.maximum();
            for (int64_t m = 1; m < 8; ++m)
              for (int64_t n = 1; n < 8; ++n) {
                int64_t value = valueAt(expr, m, n);
                if ((least && value < *least) || (most && value > *most))
                  FAIL(expr.str() << " = " << value);
              }
          }
  }

  TEST_CASE("symbols within bounds bound the value") {
    auto within = [](const DimExpr &expr) {
      return expr.maximumWithin(
          [](std::string_view name) -> std::optional<int64_t> {
            return name == "batch" ? std::optional<int64_t>(7) : std::nullopt;
          });
    };
    CHECK(within(batch * 3 + 1) == 22);
    CHECK(within(DimExpr(5) - batch) == 5);
    CHECK(within((batch + 3).floorDiv(4)) == 2);
    CHECK(within(DimExpr(5) - seq) == 5);
    CHECK_FALSE(within(seq));
    CHECK_FALSE(within(batch * (int64_t(1) << 52)));
  }

  TEST_CASE("products that explode are refused") {
    std::string text = "(a + b + c + d)";
    for (int i = 0; i < 60; ++i)
      text += "*(a + b + c + d)";
    CHECK_FALSE(DimExpr::parse(text));
  }

  TEST_CASE("the quotient that does not fit is refused") {
    DimExpr least(std::numeric_limits<int64_t>::min());
    CHECK_FALSE((batch * least).divideExactly(DimExpr(-1)));
  }
}
