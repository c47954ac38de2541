//===- BuildKernels.cpp - Kernels of fusions and of single ops ------------===//
#include "ProgramBuilder.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/IntEqClasses.h"

using namespace mlir;

namespace asgc::planner {

namespace {
/// Ops and roots that need one another.
struct Group {
  SmallVector<Operation *> ops;
  SmallVector<KernelRoot> roots;
};

/// What reductions of one group have in common: dims and those that go.
struct ReducedSpace {
  SmallVector<DimExpr> dims;
  SmallVector<int64_t> axes;
  bool operator==(const ReducedSpace &) const = default;
};

/// That of an op; none for one that reduces nothing, or a whole tensor of known
/// dims.
std::optional<ReducedSpace> getReducedSpace(Operation *op) {
  auto axes = getReducedAxes(op);
  if (!axes)
    return std::nullopt;
  SmallVector<DimExpr> dims = asg::getDims(getType(op->getOperand(0)));
  bool isKnown =
      llvm::all_of(dims, [](const DimExpr &dim) { return dim.asConstant(); });
  if (isKnown && axes->size() == dims.size())
    return std::nullopt;
  return ReducedSpace{std::move(dims), SmallVector<int64_t>(*axes)};
}

/// Splits roots in groups that share no computation but that of scalars, so
/// that each is looked at alone. Scalars of scalars are one group, and so are
/// reductions of the same dims: fused, they read the same values, and a launch
/// costs more than scalars do. (Sums of whole tensors of known dims become the
/// segments of one launch.)
std::vector<Group> groupRoots(ArrayRef<Operation *> ops,
                              ArrayRef<KernelRoot> roots) {
  DenseMap<Operation *, size_t> positions; // looked up only
  for (auto [position, op] : llvm::enumerate(ops))
    positions[op] = position;
  // For each root, the ops it needs; classes of ops that some root joins.
  llvm::IntEqClasses classes(ops.size() + roots.size());
  SmallVector<SmallVector<size_t>> needed(roots.size());
  for (auto [index, root] : llvm::enumerate(roots)) {
    DenseSet<Operation *> seen;
    SmallVector<Value> worklist{root.value};
    while (!worklist.empty()) {
      Operation *op = worklist.pop_back_val().getDefiningOp();
      if (!op || !positions.contains(op) || !seen.insert(op).second)
        continue;
      size_t position = positions.lookup(op);
      needed[index].push_back(position);
      if (getType(op->getResult(0)).getRank() != 0)
        classes.join(ops.size() + index, position);
      llvm::append_range(worklist, op->getOperands());
    }
  }
  std::vector<std::pair<ReducedSpace, size_t>> firstOf;
  for (auto [index, list] : llvm::enumerate(needed)) {
    ReducedSpace space; // that of a scalar without one
    bool isScalar = getType(roots[index].value).getRank() == 0;
    for (size_t position : list) {
      if (std::optional<ReducedSpace> own = getReducedSpace(ops[position]))
        space = std::move(*own);
      isScalar &= getType(ops[position]->getResult(0)).getRank() == 0 &&
                  llvm::all_of(ops[position]->getOperands(), [](Value operand) {
                    return getType(operand).getRank() == 0;
                  });
    }
    if (!isScalar && space.dims.empty())
      continue;
    auto known = llvm::find_if(
        firstOf, [&](const auto &entry) { return entry.first == space; });
    if (known == firstOf.end())
      firstOf.push_back({space, index});
    else
      classes.join(ops.size() + index, ops.size() + known->second);
  }
  classes.compress();
  std::vector<Group> groups;
  DenseMap<unsigned, size_t> groupOf; // looked up only
  SmallVector<SmallVector<size_t>> positionsOf;
  for (auto [index, root] : llvm::enumerate(roots)) {
    auto [it, isNew] =
        groupOf.try_emplace(classes[ops.size() + index], groups.size());
    if (isNew) {
      groups.emplace_back();
      positionsOf.emplace_back();
    }
    groups[it->second].roots.push_back(root);
    llvm::append_range(positionsOf[it->second], needed[index]);
  }
  for (auto [group, list] : llvm::zip(groups, positionsOf)) {
    llvm::sort(list);
    list.erase(llvm::unique(list), list.end());
    for (size_t position : list)
      group.ops.push_back(ops[position]);
  }
  return groups;
}
} // namespace

void ProgramBuilder::addRoot(Value value, const View &destination, Ops ops,
                             SmallVectorImpl<KernelRoot> &roots) {
  auto concat = value.getDefiningOp<asg::ConcatOp>();
  if (!concat || !llvm::is_contained(ops, concat) ||
      !llvm::hasSingleElement(value.getUses())) {
    roots.push_back({value, destination});
    return;
  }
  View part = destination;
  int64_t axis = concat.getAxis();
  for (Value x : concat.getXs()) {
    part.extents[axis] = asg::getDim(getType(x), axis);
    addRoot(x, part, ops, roots);
    part.offset = part.offset + part.extents[axis] * part.strides[axis];
  }
}

FailureOr<SmallVector<plan::KernelOp>>
ProgramBuilder::buildGroup(Ops ops, ArrayRef<KernelRoot> roots, Location loc,
                           StringRef what) {
  FailureOr<BuiltKernel> built =
      buildKernel(builder, loc, "", ops, roots, finder);
  if (failed(built))
    return failure();
  SmallVector<plan::KernelOp> kernels{built->kernel};
  SmallVector<KernelRoot> rest;
  for (size_t position : built->leftOver)
    rest.push_back(roots[position]);
  // The space of what is left follows from its own ops alone.
  for (const Group &group : groupRoots(ops, rest)) {
    auto own = buildGroup(group.ops, group.roots, loc, what);
    if (failed(own)) {
      for (plan::KernelOp kernel : kernels)
        kernel.erase();
      return failure();
    }
    llvm::append_range(kernels, *own);
  }
  return kernels;
}

LogicalResult ProgramBuilder::buildKernels(Ops ops, ArrayRef<Value> values,
                                           Location loc, StringRef what) {
  SmallVector<KernelRoot> roots;
  SmallVector<View> places;
  for (Value value : values) {
    places.push_back(getDestination(value));
    addRoot(value, places.back(), ops, roots);
  }
  SmallVector<plan::KernelOp> kernels;
  for (const Group &group : groupRoots(ops, roots)) {
    // The ops' own lines are where the kernel comes from.
    SmallVector<Location> locs{loc};
    for (Operation *op : group.ops)
      locs.push_back(op->getLoc());
    auto built = buildGroup(group.ops, group.roots,
                            FusedLoc::get(builder.getContext(), locs), what);
    if (failed(built)) {
      for (plan::KernelOp kernel : kernels)
        kernel.erase();
      return failure();
    }
    llvm::append_range(kernels, *built);
  }
  for (auto [value, place] : llvm::zip(values, places))
    views[value] = place;
  joinSegments(kernels, loc, what);
  return success();
}

//===- Fusions ------------------------------------------------------------===//

LogicalResult ProgramBuilder::buildFusion(asg::FusionOp fusion) {
  Operation *yield = fusion.getBody().front().getTerminator();
  // A fusion's results go where the values it yields are put.
  for (auto [result, value] :
       llvm::zip(fusion.getValues(), yield->getOperands()))
    if (auto it = destinations.find(result); it != destinations.end()) {
      View place = it->second; // the map may move what it holds
      destinations.try_emplace(value, std::move(place));
    }
  SmallVector<Operation *> ops;
  for (Operation &op : fusion.getBody().front().without_terminator())
    ops.push_back(&op);
  auto isContraction = [](Operation *op) {
    return isa<asg::DotOp, asg::Conv2dOp, asg::Conv2dInputGradOp,
               asg::Conv2dWeightGradOp>(op);
  };
  SmallVector<Value> values;
  for (Value value : yield->getOperands())
    if (!findView(value) && !llvm::is_contained(values, value))
      values.push_back(value);
  LogicalResult built =
      llvm::any_of(ops, isContraction)
          ? buildContraction(fusion)
          : buildKernels(ops, values, fusion.getLoc(), fusion.getKind());
  if (failed(built) && failed(buildApart(fusion)))
    return failure();
  for (auto [result, value] :
       llvm::zip(fusion.getValues(), yield->getOperands())) {
    FailureOr<View> view = getView(value);
    if (failed(view))
      return failure();
    auto it = destinations.find(result);
    if (it != destinations.end() && it->second.buffer != view->buffer) {
      View place = getDestination(result);
      copy(*view, place, result.getLoc(), "copy");
      view = place;
    }
    views[result] = *view;
  }
  return success();
}

LogicalResult ProgramBuilder::buildApart(asg::FusionOp fusion) {
  for (Operation &op : fusion.getBody().front().without_terminator())
    if (failed(buildOp(&op)))
      return failure();
  return success();
}

//===- Segments -----------------------------------------------------------===//

namespace {
/// What the operands of isomorphic kernels are in an update.
struct Segments {
  SmallVector<size_t> shared, grouped; // reads, by position
};

/// Whether an operand is walked at stride 1 from the start, or holds one
/// element.
bool isFlat(const std::optional<plan::Access> &access) {
  return access && access->offset == DimExpr(0) &&
         (access->strides.empty() || access->strides[0] == DimExpr(1));
}

bool isOneElement(const std::optional<plan::Access> &access) {
  return access && access->offset == DimExpr(0) &&
         (access->strides.empty() || access->strides[0] == DimExpr(0));
}

/// Whether a kernel can be a segment at all: one dim, every write flat, or, for
/// a full reduction, one element.
bool canBeSegment(plan::KernelOp kernel) {
  bool isMap = kernel.getKind() == plan::KernelKind::map;
  if (kernel.getSpaceRank() > 1 || kernel.getKind() == plan::KernelKind::row ||
      (kernel.getSpaceRank() == 1 && !kernel.getExtent(0).asConstant()))
    return false;
  for (size_t write = 0; write < kernel.getWrites().size(); ++write) {
    plan::Access access = kernel.getWriteAccess(write);
    if (isMap ? !isFlat(access) : !isOneElement(access))
      return false;
  }
  return true;
}

bool areIsomorphic(plan::KernelOp a, plan::KernelOp b) {
  return a.getKind() == b.getKind() &&
         llvm::equal(
             llvm::map_range(a.getWrites(),
                             [](Value buffer) {
                               return cast<plan::BufferType>(buffer.getType())
                                   .getTensor()
                                   .getElementType();
                             }),
             llvm::map_range(b.getWrites(),
                             [](Value buffer) {
                               return cast<plan::BufferType>(buffer.getType())
                                   .getTensor()
                                   .getElementType();
                             })) &&
         OperationEquivalence::isRegionEquivalentTo(
             &a.getBody(), &b.getBody(), OperationEquivalence::IgnoreLocations);
}

/// Sorts reads into shared ones and groups; null if one is neither.
std::optional<Segments> classify(ArrayRef<plan::KernelOp> kernels) {
  Segments segments;
  plan::KernelOp front = kernels[0];
  for (size_t read = 0; read < front.getReads().size(); ++read) {
    auto all = [&](auto test) {
      return llvm::all_of(kernels,
                          [&](plan::KernelOp kernel) { return test(kernel); });
    };
    Value first = front.getReads()[read];
    Type element =
        cast<plan::BufferType>(first.getType()).getTensor().getElementType();
    if (all([&](plan::KernelOp kernel) {
          return kernel.getReads()[read] == first &&
                 isOneElement(kernel.getReadAccess(read));
        }))
      segments.shared.push_back(read);
    else if (all([&](plan::KernelOp kernel) {
               Value buffer = kernel.getReads()[read];
               return isFlat(kernel.getReadAccess(read)) &&
                      cast<plan::BufferType>(buffer.getType())
                              .getTensor()
                              .getElementType() == element;
             }))
      segments.grouped.push_back(read);
    else
      return std::nullopt;
  }
  return segments;
}
} // namespace

/// Replaces isomorphic kernels by one launch.
plan::UpdateOp ProgramBuilder::joinKernels(ArrayRef<plan::KernelOp> kernels,
                                           StringRef name) {
  std::optional<Segments> segments = classify(kernels);
  if (!segments)
    return {};
  SmallVector<DimExpr> extents;
  SmallVector<Value> shared, reads, writes;
  SmallVector<Location> locs;
  for (plan::KernelOp kernel : kernels) {
    extents.push_back(kernel.getSpaceRank() == 0 ? DimExpr(1)
                                                 : kernel.getExtent(0));
    locs.push_back(kernel.getLoc());
  }
  plan::KernelOp first = kernels[0];
  for (size_t read : segments->shared)
    shared.push_back(first.getReads()[read]);
  for (size_t read : segments->grouped)
    for (plan::KernelOp kernel : kernels)
      reads.push_back(kernel.getReads()[read]);
  for (size_t write = 0; write < first.getWrites().size(); ++write)
    for (plan::KernelOp kernel : kernels)
      writes.push_back(kernel.getWrites()[write]);
  auto update = plan::UpdateOp::create(
      builder, FusedLoc::get(builder.getContext(), locs), name,
      plan::getExtentsAttr(builder.getContext(), extents),
      first.getKind() == plan::KernelKind::reduce, shared, reads, writes,
      /*workspace=*/Value());
  // The body's arguments, reordered: shared ones first.
  Block &old = first.getBody().front();
  Block &body = update.getBody().emplaceBlock();
  IRMapping mapping;
  SmallVector<size_t> order(segments->shared);
  llvm::append_range(order, segments->grouped);
  for (size_t read : order) {
    BlockArgument argument = old.getArgument(read);
    mapping.map(argument,
                body.addArgument(argument.getType(), argument.getLoc()));
  }
  OpBuilder inner = OpBuilder::atBlockEnd(&body);
  for (Operation &op : old)
    inner.clone(op, mapping);
  return update;
}

void ProgramBuilder::joinSegments(ArrayRef<plan::KernelOp> kernels,
                                  Location loc, StringRef what) {
  SmallVector<SmallVector<plan::KernelOp>> classes;
  for (plan::KernelOp kernel : kernels) {
    auto it = canBeSegment(kernel)
                  ? llvm::find_if(classes,
                                  [&](ArrayRef<plan::KernelOp> members) {
                                    return canBeSegment(members[0]) &&
                                           areIsomorphic(members[0], kernel);
                                  })
                  : classes.end();
    if (it == classes.end())
      classes.push_back({kernel});
    else
      it->push_back(kernel);
  }
  for (MutableArrayRef<plan::KernelOp> members : classes) {
    std::string name = nameStep(loc, what);
    if (members.size() > 1 && joinKernels(members, name)) {
      for (plan::KernelOp kernel : members)
        kernel.erase();
      continue;
    }
    members[0].setName(name);
    for (plan::KernelOp kernel : members.drop_front())
      kernel.setName(nameStep(loc, what));
  }
}

} // namespace asgc::planner
