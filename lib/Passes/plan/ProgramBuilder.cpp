//===- ProgramBuilder.cpp - From a graph to a program ---------------------===//
#include "ProgramBuilder.h"

#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;

namespace asgc::planner {

namespace {
plan::BufferType getBufferType(RankedTensorType type) {
  return plan::BufferType::get(type.getContext(), type);
}

/// The instance path of a location: `body.0.fc1`.
StringRef findPath(Location loc) {
  if (auto named = dyn_cast<NameLoc>(loc))
    return named.getName();
  if (auto fused = dyn_cast<FusedLoc>(loc))
    for (Location part : fused.getLocations())
      if (StringRef path = findPath(part); !path.empty())
        return path;
  return {};
}

StringRef getMnemonic(Operation *op) {
  return op->getName().getStringRef().split('.').second;
}
} // namespace

ProgramBuilder::ProgramBuilder(asg::GraphOp graph, llvm::StringSet<> &names)
    : graph(graph), names(names), builder(graph),
      finder([this](Value value) { return findView(value); }) {}

//===- Names and places ---------------------------------------------------===//

std::string ProgramBuilder::nameStep(Location loc, StringRef what) {
  StringRef path = findPath(loc);
  std::string base =
      (graph.getSymName() + (path.empty() ? "" : ".") + path + "." + what)
          .str();
  std::string name = base;
  for (unsigned copy = 1; !names.insert(name).second; ++copy)
    name = base + "." + std::to_string(copy);
  return name;
}

std::optional<View> ProgramBuilder::findView(Value value) {
  // Walks up through view ops, then back down; they may be many.
  SmallVector<Operation *> viewOps;
  Value base = value;
  auto it = views.find(base);
  while (it == views.end()) {
    Operation *op = base.getDefiningOp();
    if (!op || !isViewOp(op))
      break;
    viewOps.push_back(op);
    base = op->getOperand(0);
    it = views.find(base);
  }
  std::optional<View> view;
  if (it != views.end()) {
    view = it->second;
  } else if (auto constant = base.getDefiningOp<asg::ConstantOp>();
             constant && !isGenerator(constant)) {
    Value buffer = plan::ConstantOp::create(builder, constant.getLoc(),
                                            getBufferType(getType(constant)),
                                            constant.getValue());
    view = View::contiguous(buffer, getType(constant));
    views[base] = *view;
  }
  while (view && !viewOps.empty())
    view = applyViewOp(viewOps.pop_back_val(), *view);
  return view;
}

FailureOr<View> ProgramBuilder::getView(Value value) {
  if (std::optional<View> view = findView(value))
    return *view;
  // A generator, perhaps under views, or a reshape that needs another order.
  SmallVector<Operation *> ops;
  Value base = value;
  while (Operation *op = base.getDefiningOp()) {
    ops.push_back(op);
    if (!isViewOp(op) || findView(op->getOperand(0)))
      break;
    base = op->getOperand(0);
  }
  std::reverse(ops.begin(), ops.end());
  if (failed(buildKernels(ops, value, value.getLoc(), "copy")))
    return failure();
  return views.find(value)->second;
}

Value ProgramBuilder::getTyped(const View &view, RankedTensorType type) {
  if (cast<plan::BufferType>(view.buffer.getType()).getTensor() == type)
    return view.buffer;
  return plan::AliasOp::create(builder, view.buffer.getLoc(),
                               getBufferType(type), view.buffer);
}

FailureOr<Value> ProgramBuilder::getBuffer(Value value) {
  FailureOr<View> view = getView(value);
  if (failed(view))
    return failure();
  if (view->coversBuffer() &&
      multiply(view->extents) ==
          asg::getNumElements(
              cast<plan::BufferType>(view->buffer.getType()).getTensor()))
    return getTyped(*view, getType(value));
  View packed = allocate(getType(value), value.getLoc());
  copy(*view, packed, value.getLoc(), "copy");
  return packed.buffer;
}

View ProgramBuilder::allocate(RankedTensorType type, Location loc) {
  auto alloc = plan::AllocOp::create(
      builder, loc, getBufferType(type), /*offset=*/IntegerAttr(),
      /*bytes=*/IntegerAttr(), /*first=*/IntegerAttr(), /*last=*/IntegerAttr(),
      /*source=*/StringAttr());
  std::string source = plan::describeSource(loc);
  if (!source.empty())
    alloc.setSource(source);
  return View::contiguous(alloc, type);
}

View ProgramBuilder::getDestination(Value value) {
  auto it = destinations.find(value);
  if (it == destinations.end())
    return allocate(getType(value), value.getLoc());
  // The destination has the shape of what is returned or assigned, which may be
  // a reshape of the value; both are contiguous.
  return View::contiguous(it->second.buffer, getType(value));
}

Value ProgramBuilder::getVariable(StringRef name, RankedTensorType type,
                                  Location loc) {
  Value &handle = oldValues[name];
  if (!handle)
    handle = plan::VariableOp::create(builder, loc, getBufferType(type), name);
  return handle;
}

void ProgramBuilder::copy(const View &from, const View &to, Location loc,
                          StringRef what) {
  // Dims that both sides run through as through one are one.
  SmallVector<DimExpr> extents, fromStrides, toStrides;
  for (size_t axis = 0; axis < from.extents.size(); ++axis) {
    const DimExpr &extent = from.extents[axis];
    if (extent == DimExpr(1))
      continue;
    if (!extents.empty() && fromStrides.back() == from.strides[axis] * extent &&
        toStrides.back() == to.strides[axis] * extent) {
      extents.back() = extents.back() * extent;
      fromStrides.back() = from.strides[axis];
      toStrides.back() = to.strides[axis];
    } else {
      extents.push_back(extent);
      fromStrides.push_back(from.strides[axis]);
      toStrides.push_back(to.strides[axis]);
    }
  }
  MLIRContext *context = builder.getContext();
  constexpr size_t kMaxRank = 8; // ASGC_MAX_RANK
  if (extents.size() <= kMaxRank) {
    plan::CopyOp::create(
        builder, loc, nameStep(loc, what),
        plan::getExtentsAttr(context, extents),
        plan::getExtentsAttr(context, fromStrides),
        plan::getExtentsAttr(context, toStrides),
        plan::getExtentsAttr(context, {from.offset, to.offset}), from.buffer,
        to.buffer);
    return;
  }
  auto kernel = plan::KernelOp::create(
      builder, loc, nameStep(loc, what), plan::KernelKind::map,
      plan::getExtentsAttr(context, extents),
      builder.getArrayAttr(
          plan::getAccessAttr(context, {fromStrides, from.offset})),
      builder.getArrayAttr(
          plan::getAccessAttr(context, {toStrides, to.offset})),
      from.buffer, to.buffer, /*workspace=*/Value());
  Block &body = kernel.getBody().emplaceBlock();
  OpBuilder inner = OpBuilder::atBlockEnd(&body);
  Type element = cast<plan::BufferType>(from.buffer.getType())
                     .getTensor()
                     .getElementType();
  Value argument = body.addArgument(plan::getBodyType(element), loc);
  plan::YieldOp::create(inner, loc, argument);
}

//===- The graph ----------------------------------------------------------===//

void ProgramBuilder::createProgram() {
  SmallVector<Attribute> inputNames, outputNames;
  SmallVector<Type> types;
  SmallVector<Location> locs;
  for (BlockArgument argument : graph.getBody().getArguments()) {
    inputNames.push_back(
        builder.getStringAttr(graph.getInputName(argument.getArgNumber())));
    types.push_back(getBufferType(getType(argument)));
    locs.push_back(argument.getLoc());
  }
  for (auto [index, type] : llvm::enumerate(graph.getResultTypes())) {
    outputNames.push_back(builder.getStringAttr(graph.getOutputName(index)));
    types.push_back(getBufferType(cast<RankedTensorType>(type)));
    locs.push_back(graph.getLoc());
  }
  program = plan::ProgramOp::create(
      builder, graph.getLoc(), graph.getSymNameAttr(), graph.getDimsAttr(),
      builder.getArrayAttr(inputNames), builder.getArrayAttr(outputNames),
      /*arena=*/IntegerAttr(), /*lowerBound=*/IntegerAttr(),
      /*block=*/IntegerAttr());
  SymbolTable::setSymbolVisibility(program,
                                   SymbolTable::getSymbolVisibility(graph));
  Block &block = program.getBody().emplaceBlock();
  block.addArguments(types, locs);
  builder.setInsertionPointToEnd(&block);
  for (auto [argument, buffer] :
       llvm::zip(graph.getBody().getArguments(), program.getInputs()))
    views[argument] = View::contiguous(buffer, getType(argument));
}

void ProgramBuilder::chooseDestinations() {
  SmallVector<std::pair<asg::AssignOp, Operation *>> writers;
  for (auto assign : graph.getBody().getOps<asg::AssignOp>()) {
    Value value = findComputed(assign.getValue());
    if (!value || destinations.contains(value)) {
      copied.push_back(assign);
      writers.push_back({assign, nullptr});
      continue;
    }
    RankedTensorType type = getType(assign.getValue());
    Value handle = plan::VariableOp::create(
        builder, assign.getLoc(), getBufferType(type), assign.getVariable());
    destinations[value] = View::contiguous(handle, type);
    inPlace.push_back({assign, handle});
    writers.push_back({assign, value.getDefiningOp()});
  }
  order = orderForInPlace(graph, writers);
  auto results = graph.getBody().front().getTerminator()->getOperands();
  for (auto [index, result] : llvm::enumerate(results)) {
    Value value = findComputed(result);
    if (value && !destinations.contains(value))
      destinations[value] =
          View::contiguous(program.getOutputs()[index], getType(result));
    else
      copiedOutputs.push_back(index);
  }
}

LogicalResult ProgramBuilder::buildOp(Operation *op) {
  if (auto read = dyn_cast<asg::ReadOp>(op)) {
    RankedTensorType type = getType(read);
    Value variable = getVariable(read.getVariable(), type, read.getLoc());
    views[read] = View::contiguous(variable, type);
    return success();
  }
  if (isa<asg::ReturnOp, asg::AssignOp>(op) || isGenerator(op) ||
      isa<asg::ConstantOp>(op))
    return success();
  if (isViewOp(op)) {
    // A view of a generator is computed where it is used.
    if (findView(op->getResult(0)) || !findView(op->getOperand(0)))
      return success();
    return failure(failed(getView(op->getResult(0))));
  }
  if (auto fusion = dyn_cast<asg::FusionOp>(op))
    return buildFusion(fusion);
  if (auto dot = dyn_cast<asg::DotOp>(op))
    return buildDot(dot, {dot.getY(), {}, {}});
  if (isa<asg::AttentionOp, asg::AttentionGradOp>(op))
    return buildAttention(op);
  if (isa<asg::Conv2dOp, asg::Conv2dInputGradOp, asg::Conv2dWeightGradOp>(op))
    return buildConv(op, {op->getResult(0), {}, {}});
  if (isa<asg::MaxPool2dOp, asg::AvgPool2dOp, asg::AvgPool2dGradOp,
          asg::MaxUnpool2dOp, asg::PoolGather2dOp>(op))
    return buildPool(op);
  if (isa<asg::GatherOp, asg::ScatterAddOp>(op))
    return buildIndexed(op);
  if (isa<asg::CumsumOp, asg::LinearScanOp>(op))
    return buildScan(op);
  if (auto concat = dyn_cast<asg::ConcatOp>(op))
    return buildConcat(concat);
  if (auto loop = dyn_cast<asg::LoopOp>(op))
    return buildLoop(loop);
  if (auto choice = dyn_cast<asg::IfOp>(op))
    return buildIf(choice);
  if (isa<asg::LayerOp, asg::GradientOp>(op))
    return op->emitOpError("is not legal asg; run ")
           << (isa<asg::LayerOp>(op) ? "asg-inline-layers"
                                     : "asg-differentiate")
           << " first";
  if (failed(buildKernels(op, SmallVector<Value>(op->getResults()),
                          op->getLoc(), getMnemonic(op))))
    return op->emitOpError("has no kernel");
  return success();
}

LogicalResult ProgramBuilder::finish() {
  // Outputs, and new values that are views of variables, are copied before any
  // variable changes at the end.
  auto results = graph.getBody().front().getTerminator()->getOperands();
  for (unsigned index : copiedOutputs) {
    FailureOr<View> from = getView(results[index]);
    if (failed(from))
      return failure();
    copy(*from,
         View::contiguous(program.getOutputs()[index], getType(results[index])),
         results[index].getLoc(), "output");
  }
  SmallVector<View> sources;
  for (asg::AssignOp assign : copied) {
    Value value = assign.getValue();
    FailureOr<View> from = getView(value);
    if (failed(from))
      return failure();
    if (from->buffer.getDefiningOp<plan::VariableOp>()) {
      View kept = allocate(getType(value), value.getLoc());
      copy(*from, kept, value.getLoc(), "copy");
      *from = kept;
    }
    sources.push_back(*from);
  }
  for (auto [assign, from] : llvm::zip(copied, sources)) {
    RankedTensorType type = getType(assign.getValue());
    Value variable = getVariable(assign.getVariable(), type, assign.getLoc());
    copy(from, View::contiguous(variable, type), assign.getLoc(), "assign");
  }
  return success();
}

FailureOr<plan::ProgramOp> ProgramBuilder::build() {
  createProgram();
  chooseDestinations();
  for (Operation *op : order)
    if (failed(buildOp(op)))
      return failure();
  if (failed(finish()))
    return failure();
  settleVariables();
  return program;
}

} // namespace asgc::planner
