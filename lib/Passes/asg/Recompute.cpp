//===- Recompute.cpp - Makes large values again instead of keeping them ---===//
#include "Matchers.h"

#include "asgc/Passes.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace asgc {
#define GEN_PASS_DEF_ASGRECOMPUTE
#include "asgc/Passes.h.inc"

namespace {

/// Multiply-adds for an element that take about as long as writing and reading
/// it: the features of an attention's head, not those of a layer.
constexpr int64_t kMostDepth = 128;

/// A shallow product and what is computed from it element by element before the
/// next product takes it up.
struct Chain {
  asg::DotOp root;
  llvm::SetVector<Value> values; ///< in the order of the block
  /// The first use by a product that needs the next product's result, as that
  /// of a gradient does, and all after it. In the order of the block.
  SmallVector<OpOperand *> lateUses;
  int64_t keptBytes = 0; ///< at the bounds of run-time dims
};

class Recomputer {
public:
  explicit Recomputer(asg::GraphOp graph) : graph(graph) {}

  /// Repeats products until no more than `budget` bytes are kept; how many.
  int64_t run(int64_t budget) {
    SmallVector<std::pair<asg::DotOp, int64_t>> keptBytes;
    int64_t kept = 0, repeated = 0;
    for (auto dot : graph.getBody().getOps<asg::DotOp>()) {
      // Looking at all of many small products takes long and brings little.
      std::optional<Chain> chain = findChain(dot, budget >> 10);
      if (!chain)
        continue;
      if (__builtin_add_overflow(kept, chain->keptBytes, &kept))
        return 0; // no plan can hold it either
      keptBytes.emplace_back(dot, chain->keptBytes);
    }
    for (auto [dot, bytes] : keptBytes) {
      if (kept <= budget)
        break;
      // A copy of another product may have taken a place in the chain.
      if (std::optional<Chain> chain = findChain(dot, 0)) {
        repeat(*chain);
        ++repeated;
      }
      kept -= bytes;
    }
    return repeated;
  }

private:
  std::optional<int64_t> countElements(ArrayRef<DimExpr> dims) {
    int64_t count = 1;
    for (const DimExpr &dim : dims) {
      std::optional<int64_t> extent = dim.evaluate([&](std::string_view name) {
        return graph.getDimBound(StringRef(name));
      });
      if (!extent || __builtin_mul_overflow(count, *extent, &count))
        return std::nullopt;
    }
    return count;
  }

  bool isShallow(asg::DotOp dot) {
    SmallVector<DimExpr> dims = asg::getDims(getTensorType(dot.getLhs())),
                         depth;
    for (int64_t axis : dot.getLhsContract())
      depth.push_back(dims[axis]);
    std::optional<int64_t> count = countElements(depth);
    return count && *count <= kMostDepth;
  }

  /// Nothing if the product is deep, small, or needed once.
  std::optional<Chain> findChain(asg::DotOp dot, int64_t leastElements) {
    SmallVector<DimExpr> dims = asg::getDims(getTensorType(dot.getY()));
    std::optional<int64_t> elements = countElements(dims);
    if (!elements || *elements < leastElements || !isShallow(dot))
      return std::nullopt;
    Chain chain{.root = dot};
    auto isLink = [&](Operation *op) {
      return isElementwise(op) &&
             asg::getDims(getTensorType(op->getResult(0))) == dims;
    };
    // The block's order is one of dependence, so one walk finds all.
    chain.values.insert(dot.getY());
    DenseSet<Value> after; // the next product, and what needs it
    for (Operation *op = dot->getNextNode(); op; op = op->getNextNode()) {
      auto uses = [&](const auto &values) {
        return llvm::any_of(op->getOperands(), [&](Value operand) {
          return values.contains(operand);
        });
      };
      const bool usesChain = uses(chain.values), isAfter = uses(after);
      const bool isProduct = isa<asg::DotOp>(op);
      // A copy stands before the first late use, so what follows reads it, too.
      const bool isLate =
          usesChain && (!chain.lateUses.empty() || (isAfter && isProduct));
      if (isAfter || (after.empty() && usesChain && isProduct))
        after.insert_range(op->getResults());
      else if (usesChain && !isLate && isLink(op))
        chain.values.insert(op->getResult(0));
      for (OpOperand &operand : op->getOpOperands())
        if (isLate && chain.values.contains(operand.get()))
          chain.lateUses.push_back(&operand);
    }
    if (chain.lateUses.empty())
      return std::nullopt;
    DenseSet<Value> kept;
    int64_t elementBytes = 0;
    for (OpOperand *use : chain.lateUses)
      if (kept.insert(use->get()).second)
        elementBytes += llvm::divideCeil(
            getTensorType(use->get()).getElementTypeBitWidth(), 8);
    if (__builtin_mul_overflow(*elements, elementBytes, &chain.keptBytes))
      return std::nullopt;
    return chain;
  }

  /// late(v) -> late(v'), where v' is computed as v is, before the first of
  /// them.
  void repeat(Chain &chain) {
    DenseSet<Value> needed;
    for (OpOperand *use : chain.lateUses)
      needed.insert(use->get());
    for (Value value : llvm::reverse(chain.values))
      if (needed.contains(value) && value != chain.root.getY())
        needed.insert_range(value.getDefiningOp()->getOperands());
    OpBuilder builder(chain.lateUses.front()->getOwner());
    IRMapping copies;
    for (Value value : chain.values)
      if (needed.contains(value))
        builder.clone(*value.getDefiningOp(), copies);
    // Keeps it apart from the one that it repeats.
    copies.lookup(chain.root.getY())
        .getDefiningOp()
        ->setAttr("asg.again", builder.getUnitAttr());
    for (OpOperand *use : chain.lateUses)
      use->set(copies.lookup(use->get()));
  }

  asg::GraphOp graph;
};

struct RecomputePass final : impl::AsgRecomputeBase<RecomputePass> {
  using AsgRecomputeBase::AsgRecomputeBase;

  void runOnOperation() final {
    for (auto graph : getOperation().getOps<asg::GraphOp>())
      repeated += Recomputer(graph).run(budget);
  }
};

} // namespace
} // namespace asgc
