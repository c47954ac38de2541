//===- Verify.cpp - Checks that a module is legal plan --------------------===//
#include "VerifyMemory.h"

#include "asgc/Passes.h"
#include "dialects/asg/Asg.h"

#include "llvm/ADT/StringMap.h"

namespace asgc {

#define GEN_PASS_DEF_PLANVERIFY
#include "asgc/Passes.h.inc"

namespace {
using namespace mlir;

RankedTensorType getTensor(Value buffer) {
  return cast<plan::BufferType>(buffer.getType()).getTensor();
}

bool hasSourceLine(Location loc) {
  bool isFound = false;
  loc->walk([&](Location part) {
    isFound |= isa<FileLineColLoc>(part);
    return isFound ? WalkResult::interrupt() : WalkResult::advance();
  });
  return isFound;
}

/// Everything about programs but where buffers lie.
class Verifier {
public:
  explicit Verifier(ModuleOp module) : module(module), symbols(module) {}

  LogicalResult verify() {
    for (Operation &op : *module.getBody())
      if (isa<asg::GraphOp>(op))
        return op.emitOpError("is left; plan-build turns it into a program");
    for (auto program : module.getOps<plan::ProgramOp>())
      if (failed(verify(program)) || failed(planner::verifyMemory(program)))
        return failure();
    return success();
  }

private:
  LogicalResult verify(plan::ProgramOp program) {
    for (Operation &op : program.getBody().front()) {
      if (!isa_and_nonnull<plan::PlanDialect>(op.getDialect()))
        return op.emitOpError("is no op of the plan dialect");
      if (failed(verifyExtents(program, op)))
        return failure();
      if (auto alias = dyn_cast<plan::AliasOp>(op)) {
        if (!(asg::getNumElements(getTensor(alias.getSource())) ==
              asg::getNumElements(getTensor(alias.getBuffer()))))
          return alias.emitOpError("changes the number of elements");
      } else if (auto variable = dyn_cast<plan::VariableOp>(op)) {
        if (failed(verifyVariable(variable)))
          return failure();
      }
    }
    return verifySteps(program);
  }

  /// Every run-time dim has a bound.
  LogicalResult verifyExtents(plan::ProgramOp program, Operation &op) {
    auto check = [&](const DimExpr &extent) -> LogicalResult {
      for (const std::string &name : extent.symbols())
        if (!program.getDimBound(name))
          return op.emitOpError()
                 << "has the run-time dim '" << name
                 << "', for which the program has no bound";
      return success();
    };
    for (Type type : op.getResultTypes())
      if (auto buffer = dyn_cast<plan::BufferType>(type))
        for (const DimExpr &extent : asg::getDims(buffer.getTensor()))
          if (failed(check(extent)))
            return failure();
    WalkResult result = op.walk([&](plan::ExtentOp extent) {
      auto value = DimExpr::parse(extent.getExtent());
      return value && succeeded(check(*value)) ? WalkResult::advance()
                                               : WalkResult::interrupt();
    });
    if (auto kernel = dyn_cast<plan::KernelOp>(op))
      for (int64_t dim = 0; dim < kernel.getSpaceRank(); ++dim)
        if (failed(check(kernel.getExtent(dim))))
          return failure();
    return failure(result.wasInterrupted());
  }

  LogicalResult verifyVariable(plan::VariableOp variable) {
    Operation *symbol = symbols.lookup(variable.getVariable());
    Type type;
    if (auto param = dyn_cast_or_null<asg::ParamOp>(symbol))
      type = param.getType();
    else if (auto state = dyn_cast_or_null<asg::StateOp>(symbol))
      type = state.getType();
    else
      return variable.emitOpError()
             << "names '" << variable.getVariable() << "', no variable";
    if (type == getTensor(variable))
      return success();
    InFlightDiagnostic diag = variable.emitOpError()
                              << "is seen as " << getTensor(variable);
    diag.attachNote(symbol->getLoc()) << "but is declared as " << type;
    return diag;
  }

  LogicalResult verifySteps(plan::ProgramOp program) {
    DenseSet<Value> written; // looked up only
    for (Operation &op : program.getBody().front()) {
      auto step = dyn_cast<plan::StepInterface>(op);
      if (!step)
        continue;
      auto [name, isNew] = names.try_emplace(step.getStepName(), &op);
      if (!isNew) {
        InFlightDiagnostic diag =
            op.emitOpError() << "has the name '" << step.getStepName()
                             << "' of another step";
        diag.attachNote(name->second->getLoc()) << "which is here";
        return diag;
      }
      if (!hasSourceLine(op.getLoc()))
        return op.emitOpError() << "'" << step.getStepName()
                                << "' does not trace to a source line";
      for (Value buffer : step.getReadBuffers()) {
        Value root = plan::getRootBuffer(buffer);
        bool mustBeWritten =
            root.getDefiningOp<plan::AllocOp>() ||
            llvm::is_contained(program.getOutputs(), root);
        if (mustBeWritten && !written.contains(root))
          return op.emitOpError() << "'" << step.getStepName()
                                  << "' reads a buffer that no step before it "
                                     "writes";
      }
      for (Value buffer : step.getWrittenBuffers()) {
        Value root = plan::getRootBuffer(buffer);
        if (root.getDefiningOp<plan::ConstantOp>() ||
            llvm::is_contained(program.getInputs(), root))
          return op.emitOpError() << "'" << step.getStepName()
                                  << "' writes read-only memory";
        written.insert(root);
      }
    }
    for (auto [index, output] : llvm::enumerate(program.getOutputs()))
      if (!written.contains(output))
        return program.emitOpError() << "writes nothing to output "
                                     << program.getOutputNames()[index];
    return success();
  }

  ModuleOp module;
  SymbolTable symbols;
  llvm::StringMap<Operation *> names;
};

struct VerifyPass final : impl::PlanVerifyBase<VerifyPass> {
  void runOnOperation() final {
    if (failed(Verifier(getOperation()).verify()))
      signalPassFailure();
    markAllAnalysesPreserved();
  }
};
} // namespace

} // namespace asgc
