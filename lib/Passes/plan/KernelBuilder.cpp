//===- KernelBuilder.cpp - From a group of ops to a kernel ----------------===//
#include "KernelBuilder.h"

#include "CollapseDims.h"

#include "mlir/IR/Dominance.h"
#include "mlir/Transforms/CSE.h"

using namespace mlir;

namespace asgc::planner {

namespace {
/// Dims that reductions are over, and which values depend on one.
struct Reductions {
  SmallVector<int64_t> dims;
  bool isChained = false;     // one depends on another
  DenseSet<Value> dependents; // looked up only

  /// Fails if two are over different dims.
  LogicalResult find(Block &body) {
    bool isFirst = true;
    for (Operation &op : body) {
      bool depends = llvm::any_of(op.getOperands(), [&](Value operand) {
        return dependents.contains(operand);
      });
      if (auto reduce = dyn_cast<plan::ReduceOp>(op)) {
        if (isFirst)
          dims.assign(reduce.getDims().begin(), reduce.getDims().end());
        else if (reduce.getDims() != ArrayRef(dims))
          return failure();
        isFirst = false;
        isChained |= depends;
        depends = true;
      }
      if (depends)
        dependents.insert(op.result_begin(), op.result_end());
    }
    return success();
  }
};

class KernelBuilder {
public:
  KernelBuilder(ArrayRef<Operation *> ops, ArrayRef<KernelRoot> roots,
                const FindView &findView, MLIRContext *context)
      : ops(ops), roots(roots),
        space(ops,
              llvm::map_to_vector(
                  roots, [](const KernelRoot &root) { return root.value; })),
        block(std::make_unique<Block>()),
        body(space, findView, block.get(), context) {}

  FailureOr<BuiltKernel> build(OpBuilder &builder, Location loc,
                               StringRef name);

private:
  struct Write {
    size_t root;
    Value value;
    Form access;
  };

  LogicalResult evaluate();
  /// Whether a root fills the space, or what reductions leave of it.
  bool fills(const Write &write) const;
  void removeDead();
  /// Whether all of a row is reduced before some of it is written or used
  /// again.
  bool needsRows() const;
  plan::KernelKind chooseKind(SmallVectorImpl<int64_t> &order) const;
  plan::KernelOp create(OpBuilder &builder, Location loc, StringRef name,
                        plan::KernelKind kind, const CollapsedDims &dims);

  ArrayRef<Operation *> ops;
  ArrayRef<KernelRoot> roots;
  KernelSpace space;
  std::unique_ptr<Block> block;
  KernelBody body;
  Reductions reductions;
  SmallVector<Write> writes;
  SmallVector<size_t> leftOver;
};

LogicalResult KernelBuilder::evaluate() {
  if (space.getRank() > 32) // kMaxSpaceRank of the dialect
    return failure();
  // In program order, so that operands are known before they are asked for and
  // long chains need no recursion. What turns out unused goes away below.
  for (Operation *op : ops)
    for (Value result : op->getResults())
      if (const Index *index = space.find(result))
        (void)body.evaluate(result, *index);
  for (auto [position, root] : llvm::enumerate(roots)) {
    const Index *index = space.find(root.value);
    if (!index) {
      leftOver.push_back(position);
      continue;
    }
    FailureOr<Value> value = body.evaluate(root.value, *index);
    if (failed(value))
      return failure();
    const View &place = root.destination;
    writes.push_back(
        {position, *value,
         dot(*index, place.strides, place.offset, space.getRank())});
  }
  return success();
}

bool KernelBuilder::fills(const Write &write) const {
  const Index &index = *space.find(roots[write.root].value);
  auto varies = [&](int64_t dim) {
    return llvm::any_of(index,
                        [&](const Form &form) { return form.varies(dim); });
  };
  int64_t rank = space.getRank();
  // Beside rows, what has one element for each of them is computed once a row.
  bool isOfRows =
      !reductions.dims.empty() && reductions.dims.front() > 0 &&
      reductions.dims.front() + std::ssize(reductions.dims) == rank &&
      llvm::none_of(reductions.dims, varies);
  bool mayLack = isOfRows || reductions.dependents.contains(write.value);
  for (int64_t dim = 0; dim < rank; ++dim)
    if (!varies(dim) && !(mayLack && llvm::is_contained(reductions.dims, dim)))
      return false;
  return write.access.terms.empty();
}

void KernelBuilder::removeDead() {
  DenseSet<Value> used; // looked up only
  for (const Write &write : writes)
    used.insert(write.value);
  // An index that is still a placeholder uses the values of its form.
  auto isTerm = [&](Value value) {
    return llvm::any_of(body.placeholders, [&](const auto &placeholder) {
      return llvm::any_of(placeholder.form.terms, [&](const auto &term) {
        return term.first == value;
      });
    });
  };
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*block))) {
    if (!op.use_empty() || llvm::any_of(op.getResults(), [&](Value result) {
          return used.contains(result) || isTerm(result);
        }))
      continue;
    llvm::erase_if(body.placeholders, [&](const auto &placeholder) {
      return placeholder.op == &op;
    });
    op.erase();
  }
  SmallVector<KernelBody::Read> reads;
  for (KernelBody::Read &read : body.reads) {
    if (!read.argument.use_empty() || used.contains(read.argument))
      reads.push_back(read);
    else
      block->eraseArgument(read.argument.getArgNumber());
  }
  body.reads = std::move(reads);
}

bool KernelBuilder::needsRows() const {
  return reductions.isChained || llvm::any_of(writes, [&](const Write &write) {
           return reductions.dependents.contains(write.value) &&
                  llvm::any_of(reductions.dims, [&](int64_t dim) {
                    return write.access.varies(dim);
                  });
         });
}

plan::KernelKind
KernelBuilder::chooseKind(SmallVectorImpl<int64_t> &order) const {
  SmallVector<int64_t> reduced;
  for (int64_t dim = 0; dim < static_cast<int64_t>(space.getRank()); ++dim)
    (llvm::is_contained(reductions.dims, dim) ? reduced : order).push_back(dim);
  if (reduced.empty())
    return plan::KernelKind::map;
  bool areInnermost = !order.empty() && order.back() < reduced.front();
  if (needsRows() || areInnermost) {
    order.append(reduced);
    return plan::KernelKind::row;
  }
  order.clear();
  llvm::append_range(order, llvm::seq<int64_t>(0, space.getRank()));
  return plan::KernelKind::reduce;
}

plan::KernelOp KernelBuilder::create(OpBuilder &builder, Location loc,
                                     StringRef name, plan::KernelKind kind,
                                     const CollapsedDims &dims) {
  MLIRContext *context = builder.getContext();
  // The yield first, for a value may be a placeholder itself.
  plan::YieldOp::create(body.builder, loc,
                        llvm::map_to_vector(writes, [](const Write &write) {
                          return write.value;
                        }));
  for (const KernelBody::Placeholder &placeholder : body.placeholders) {
    Value old = placeholder.op->getResult(0);
    Value index = dims.replace(placeholder);
    // Forms name values without using them.
    for (KernelBody::Placeholder &other : body.placeholders)
      for (auto &[value, factor] : other.form.terms)
        if (value == old)
          value = index;
  }
  for (auto reduce : block->getOps<plan::ReduceOp>())
    reduce.setDims(dims.map(reduce.getDims()));
  SmallVector<Value> readBuffers, writeBuffers;
  SmallVector<Attribute> readAccesses, writeAccesses;
  for (const KernelBody::Read &read : body.reads) {
    readBuffers.push_back(read.buffer);
    readAccesses.push_back(read.access ? Attribute(plan::getAccessAttr(
                                             context, dims.map(*read.access)))
                                       : builder.getUnitAttr());
  }
  for (const Write &write : writes) {
    writeBuffers.push_back(roots[write.root].destination.buffer);
    writeAccesses.push_back(
        plan::getAccessAttr(context, dims.map(write.access)));
  }
  auto kernel = plan::KernelOp::create(
      builder, loc, name, kind,
      plan::getExtentsAttr(context, dims.getExtents()),
      builder.getArrayAttr(readAccesses), builder.getArrayAttr(writeAccesses),
      readBuffers, writeBuffers, /*workspace=*/Value());
  kernel.getBody().push_back(block.release());
  IRRewriter rewriter(context);
  DominanceInfo dominance;
  eliminateCommonSubExpressions(rewriter, dominance, kernel);
  return kernel;
}

FailureOr<BuiltKernel> KernelBuilder::build(OpBuilder &builder, Location loc,
                                            StringRef name) {
  if (failed(evaluate()))
    return failure();
  removeDead();
  if (failed(reductions.find(*block)))
    return failure();
  llvm::erase_if(writes, [&](const Write &write) {
    if (fills(write))
      return false;
    leftOver.push_back(write.root);
    return true;
  });
  if (writes.empty())
    return failure();
  // What only the left ones used, and its reductions.
  removeDead();
  reductions = {};
  if (failed(reductions.find(*block)))
    return failure();
  llvm::sort(leftOver);

  SmallVector<int64_t> order;
  plan::KernelKind kind = chooseKind(order);
  CollapsedDims dims(space.getExtents(), order);
  for (const KernelBody::Read &read : body.reads)
    if (read.access)
      dims.require(*read.access);
  for (const Write &write : writes)
    dims.require(write.access);
  for (const KernelBody::Placeholder &placeholder : body.placeholders)
    dims.require(placeholder.form);
  dims.requireSet(reductions.dims);
  dims.collapse();
  if (kind == plan::KernelKind::row && dims.map(reductions.dims).size() != 1) {
    // The row would be more than one dim: without rows, if it can be.
    if (needsRows())
      return failure();
    kind = plan::KernelKind::reduce;
  }
  return BuiltKernel{create(builder, loc, name, kind, dims), leftOver};
}
} // namespace

FailureOr<BuiltKernel> buildKernel(OpBuilder &builder, Location loc,
                                   StringRef name, ArrayRef<Operation *> ops,
                                   ArrayRef<KernelRoot> roots,
                                   const FindView &findView) {
  if (roots.empty())
    return failure();
  KernelBuilder kernel(ops, roots, findView, builder.getContext());
  return kernel.build(builder, loc, name);
}

} // namespace asgc::planner
