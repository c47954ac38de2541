//===- CatalogTest.cpp - The catalog says what the records say ------------===//
#include "asgc/Catalog.h"
#include "dialects/asg/Asg.h"

#include "mlir/IR/MLIRContext.h"

#include <doctest/doctest.h>

#include <set>

using namespace asgc;

TEST_SUITE("catalog") {
  TEST_CASE("every registered op has exactly one entry, and every entry an op") {
    mlir::MLIRContext context;
    context.loadDialect<asg::AsgDialect>();
    std::set<std::string> registered, written;
    for (mlir::RegisteredOperationName name : context.getRegisteredOperations())
      if (name.getDialectNamespace() == "asg")
        registered.insert(name.getStringRef().str());
    for (const CatalogOp &op : allOps())
      CHECK_MESSAGE(written.insert(op.name).second, op.name);
    CHECK(registered.size() >= 70);
    CHECK(registered == written);
  }

  TEST_CASE("an entry carries what its record says") {
    const CatalogOp *op = findOp("asg.tanh");
    REQUIRE(op);
    CHECK(op->category == "activation");
    CHECK(op->formula == "y = tanh(x)");
    CHECK(op->summary.in("en") == "hyperbolic tangent of every element");
    CHECK(op->summary.in("ru") == "гиперболический тангенс каждого элемента");
    CHECK(op->summary.in("fr") == op->summary.en);
    CHECK(op->isDifferentiable);
    CHECK(op->isElementwise);
    CHECK(op->gradient ==
          std::vector<std::string>{"dx = sub(dy, mul(mul(dy, y), y))"});
    CHECK(op->operands.at(0).type == "float tensor");
    CHECK(op->source.rfind("dialects/asg/AsgElementwise.td:", 0) == 0);
    CHECK(findOp("log1p")->domainLow == -0.5);
    CHECK(!findOp("reduce_max")->isSmooth);
    CHECK(!findOp("arg_max")->isDifferentiable);
    CHECK(findOp("concat")->operands.at(0).isVariadic);
  }

  TEST_CASE("every text is there in both languages") {
    for (const CatalogOp &op : allOps()) {
      CAPTURE(op.name);
      for (const CatalogText *text : {&op.summary, &op.role}) {
        CHECK(!text->en.empty());
        CHECK(!text->ru.empty());
        CHECK(text->en != text->ru);
      }
      CHECK(op.example.find(op.name) != std::string::npos);
    }
  }

  TEST_CASE("a misspelt name finds the op that was meant") {
    CHECK(!findOp("tahn"));
    CHECK(nearestOp("tahn") == "asg.tanh");
    CHECK(nearestOp("asg.reduce_summ") == "asg.reduce_sum");
    CHECK(!nearestOp("something else entirely"));
  }
}
