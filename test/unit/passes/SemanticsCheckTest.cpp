//===- SemanticsCheckTest.cpp - The check finds what a pass breaks --------===//
#include "asgc/Passes.h"
#include "asgc/SemanticsCheck.h"
#include "test/unit/dialect/Dialect.h"

#include <doctest/doctest.h>

using namespace asgc;
using namespace asgc::test;
using mlir::ModuleOp;
using mlir::Operation;

namespace {

const char *const text = R"(
asg.state @s : tensor<3xf32> role "state"
asg.graph @g(%x: tensor<?x3xf32, #asg.dims<n, 3>> {asg.name = "x"})
    -> (tensor<?x3xf32, #asg.dims<n, 3>> {asg.name = "y"}) dims = {n = 9} {
  %0 = asg.tanh %x : tensor<?x3xf32, #asg.dims<n, 3>>
  %1 = asg.exp %0 : tensor<?x3xf32, #asg.dims<n, 3>>
  %2 = asg.read @s : tensor<3xf32>
  %3 = asg.neg %2 : tensor<3xf32>
  asg.assign @s, %3 : tensor<3xf32>
  asg.return %1 : tensor<?x3xf32, #asg.dims<n, 3>>
})";

/// A pass with a fault: `change` is done to the first op of a name.
struct Faulty final
    : mlir::PassWrapper<Faulty, mlir::OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(Faulty)
  Faulty(std::string name, std::function<void(Operation *)> change)
      : name(std::move(name)), change(std::move(change)) {}
  llvm::StringRef getArgument() const final { return "faulty"; }
  void runOnOperation() final {
    Operation *found = nullptr;
    getOperation().walk([&](Operation *op) {
      if (!found && op->getName().getStringRef() == name)
        found = op;
    });
    change(found);
  }
  std::string name;
  std::function<void(Operation *)> change;
};

/// Runs a harmless pass, the faulty one and a harmless one under the check.
std::string check(std::string name, std::function<void(Operation *)> change,
                  bool &failed) {
  Reader reader;
  auto module = reader.read(text);
  REQUIRE(module);
  mlir::PassManager manager(&reader.context);
  auto flag = std::make_shared<bool>(false);
  manager.addInstrumentation(createSemanticsCheck(7, flag));
  manager.addPass(createAsgInlineLayers());
  manager.addPass(std::make_unique<Faulty>(std::move(name), std::move(change)));
  manager.addPass(createAsgSimplify());
  REQUIRE(mlir::succeeded(manager.run(*module)));
  failed = *flag;
  return reader.errors;
}

} // namespace

TEST_SUITE("semantics check") {
  TEST_CASE("names the pass and the op where values first differ") {
    bool failed = false;
    std::string errors = check(
        "asg.tanh",
        [](Operation *op) {
          mlir::OpBuilder builder(op);
          auto sine = asg::SinOp::create(builder, op->getLoc(), op->getOperand(0));
          op->replaceAllUsesWith(sine);
          op->erase();
        },
        failed);
    CHECK(failed);
    CHECK(errors.find("pass 'faulty' changed what graph 'g' computes: output 'y' "
                      "is ") != std::string::npos);
    CHECK(errors.find("'asg.sin' is the first op that differs") !=
          std::string::npos);
    CHECK(errors.find("asg-simplify") == std::string::npos);
  }

  TEST_CASE("compares assigned variables") {
    bool failed = false;
    std::string errors =
        check("asg.assign", [](Operation *op) { op->erase(); }, failed);
    CHECK(failed);
    CHECK(errors.find("variable 's' is ") != std::string::npos);
  }

  TEST_CASE("finds nothing where nothing changes") {
    bool failed = false;
    CHECK(check("asg.tanh", [](Operation *) {}, failed) == "");
    CHECK(!failed);
  }

  TEST_CASE("follows run-time dims that became numbers") {
    Reader reader;
    auto before = reader.read(text), after = reader.read(text);
    mlir::PassManager manager(&reader.context);
    AsgInferShapesOptions options;
    options.dims.push_back("n=4");
    manager.addPass(createAsgInferShapes(options));
    REQUIRE(mlir::succeeded(manager.run(*after)));
    auto found = compareSemantics(*before->getOps<asg::GraphOp>().begin(),
                                  *after->getOps<asg::GraphOp>().begin(), 3);
    REQUIRE(mlir::succeeded(found));
    CHECK(!*found);
  }
}
