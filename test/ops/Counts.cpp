//===- Counts.cpp - How often each op was tested, and in what way ---------===//
#include "test/ops/Counts.h"

#include <doctest/doctest.h>

#include <array>
#include <cstdio>
#include <map>

namespace asgc::test {
namespace {

using Counts = std::map<std::string, std::array<int, 4>>;

Counts &allCounts() {
  static Counts counts;
  return counts;
}

/// Prints the table behind doctest's own summary.
struct CountPrinter final : doctest::IReporter {
  explicit CountPrinter(const doctest::ContextOptions &) {}

  void test_run_end(const doctest::TestRunStats &) override {
    if (allCounts().empty())
      return;
    std::printf("%-28s %10s %10s %10s %10s\n", "op", "round trip", "parity",
                "gradient", "second");
    for (const auto &[name, counts] : allCounts())
      std::printf("%-28s %10d %10d %10d %10d\n", name.c_str(), counts[0],
                  counts[1], counts[2], counts[3]);
  }

  void report_query(const doctest::QueryData &) override {}
  void test_run_start() override {}
  void test_case_start(const doctest::TestCaseData &) override {}
  void test_case_reenter(const doctest::TestCaseData &) override {}
  void test_case_end(const doctest::CurrentTestCaseStats &) override {}
  void test_case_exception(const doctest::TestCaseException &) override {}
  void subcase_start(const doctest::SubcaseSignature &) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData &) override {}
  void log_message(const doctest::MessageData &) override {}
  void test_case_skipped(const doctest::TestCaseData &) override {}
};

REGISTER_LISTENER("counts", 1, CountPrinter);

} // namespace

void count(const CatalogOp &op, Check check) {
  ++allCounts()[op.name][static_cast<size_t>(check)];
}

} // namespace asgc::test
