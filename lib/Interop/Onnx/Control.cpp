//===- Control.cpp - Branches and loops, resolved at import ---------------===//
#include "lib/Interop/Onnx/Body.h"

using namespace mlir;

namespace asgc::interop {

/// The branch that is chosen is computed, or, where that is little work, both
/// are and one is taken. Where the condition is known only its branch is
/// imported; branches of different types need that.
Values importIf(Call &call) {
  Emitter &e = call.e;
  Value condition = call[0];
  if (!condition)
    return {e.fail("takes a condition")};
  if (condition.getDefiningOp<asg::ConstantOp>()) {
    const HostTensor *value = call.known(0, "the condition");
    if (!value)
      return {};
    return call
        .importBody(value->getInteger(0) ? "then_branch" : "else_branch", {})
        .value_or(Values());
  }
  Body ours(call.importer, {}), theirs(call.importer, {});
  auto fill = [&](Body &body, StringRef name) {
    return body.fill([&] { return call.importBody(name, {}); });
  };
  if (!fill(ours, "then_branch") || !fill(theirs, "else_branch"))
    return {};
  if (ours.outputs().size() != theirs.outputs().size())
    return {e.fail("the branches have different numbers of results")};
  if (!llvm::equal(ValueRange(ours.outputs()).getTypes(),
                   ValueRange(theirs.outputs()).getTypes())) {
    const HostTensor *value =
        call.known(0, "the condition of branches of different types");
    if (!value)
      return {};
    Body &chosen = value->getInteger(0) ? ours : theirs;
    chosen.inlineHere();
    return chosen.outputs();
  }
  Value one = e.reshape(condition, {});
  if (ours.hasHeavyWork() || theirs.hasHeavyWork()) {
    llvm::SetVector<Value> captured;
    ours.addCaptured(captured);
    theirs.addCaptured(captured);
    SmallVector<Type> types(ValueRange(ours.outputs()).getTypes());
    auto thenBody = ours.seal("infer.then", captured.getArrayRef());
    auto elseBody = theirs.seal("infer.else", captured.getArrayRef());
    return e.makeAll<asg::IfOp>(types, one, thenBody, elseBody,
                                captured.getArrayRef());
  }
  ours.inlineHere();
  theirs.inlineHere();
  Values results;
  for (auto [x, y] : llvm::zip_equal(ours.outputs(), theirs.outputs()))
    results.push_back(e.select(one, x, y));
  return results;
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

namespace {
/// How often a body runs.
struct Count {
  int64_t most = INT64_MAX;
  Value value;                   ///< i64; null: exactly `most`
  std::optional<DimExpr> extent; ///< of what the steps leave, if it is known
};
} // namespace

/// What the body has made of carried values, or, in a step that is not taken,
/// the values as they were.
static Value carry(Emitter &e, Value isTaken, Value next, Value before) {
  if (!isTaken || !next || !before)
    return next;
  if (next.getType() == before.getType())
    return e.select(isTaken, next, before);
  return e.refuse("a carried value is " + asg::describe(before.getType()) +
                  " before and " + asg::describe(next.getType()) +
                  " after a step that may not be taken");
}

/// What each step has left, one after the other along a new first axis.
static Value stack(Emitter &e, Values parts) {
  for (Value &part : parts)
    part = part ? e.unsqueeze(part, {0}) : part;
  return e.concat(parts, 0);
}

/// The trip count of a Loop: known, or with a maximum that is.
static std::optional<Count> readCount(Call &call) {
  Emitter &e = call.e;
  Count count;
  Value given = call[0];
  if (!given)
    return count;
  auto type = Emitter::typeOf(given);
  if (!type.hasStaticShape() || type.getNumElements() != 1) {
    e.fail("the trip count is " + asg::describe(type) + ", not one number");
    return std::nullopt;
  }
  if (const HostTensor *known = call.find(given)) {
    count.most = known->getInteger(0);
    return count;
  }
  count.most = call.findMaximum(given).value_or(INT64_MAX);
  count.value = e.reshape(e.cast(given, e.i64()), {});
  if (auto extents = call.findExtents(given))
    count.extent = extents->front();
  return count;
}

/// The steps of a Loop from `first` on, as a graph that is run as often as run
/// time says. What its scanned outputs have as extent is `count`.
static Values importRunTimeLoop(Call &call, const Count &count, int64_t first,
                                Value condition, const Values &carried) {
  Emitter &e = call.e;
  if (llvm::is_contained(carried, Value()))
    return {e.fail("a carried value is left out")};
  SmallVector<Type> types{RankedTensorType::get({}, e.i64())};
  llvm::append_range(types, ValueRange(carried).getTypes());
  Body body(call.importer, types);
  bool isFilled = body.fill([&] {
    Values arguments(body.arguments());
    if (first > 0)
      arguments[0] = e.add(arguments[0], double(first));
    arguments.insert(arguments.begin() + 1, e.scalar(1, e.i1()));
    auto results = call.importBody("body", arguments);
    if (results && (*results)[0])
      (*results)[0] = e.reshape((*results)[0], {});
    return results;
  });
  if (!isFilled)
    return {};
  const HostTensor *now = call.find(condition);
  const HostTensor *later = call.find(body.outputs()[0]);
  bool hasCondition =
      !(now && now->getInteger(0) && later && later->getInteger(0));
  Value most;
  if (count.value)
    most = first > 0 ? e.sub(count.value, double(first)) : count.value;
  else if (count.most != INT64_MAX)
    most = e.scalar(double(count.most - first), e.i64());
  if (!hasCondition && !most)
    return {e.fail("it would never end")};
  if (!hasCondition)
    body.dropFirstOutput();
  return body.loop(most, hasCondition ? condition : Value(), carried,
                   count.extent.value_or(DimExpr(count.most)));
}

/// Steps after one whose condition does not hold are not taken. Where the data
/// decide how many there are, or where they are many, they become asg.loop.
Values importLoop(Call &call) {
  Emitter &e = call.e;
  auto count = readCount(call);
  if (!count)
    return {};
  size_t numCarried = call.size() < 2 ? 0 : call.size() - 2;
  Values carried(call.operands.begin() + std::min<size_t>(2, call.size()),
                 call.operands.end());
  int numScans = call.numBodyOutputs("body") - 1 - int(numCarried);
  if (numScans < 0)
    return {e.fail("its body has too few outputs")};
  if (numScans > 0 && count->value && !count->extent)
    return {e.refuse("scanned outputs need a known trip count, or one that is "
                     "an extent: they have as many elements as there are "
                     "steps")};
  bool isOpen = count->most == INT64_MAX;
  std::vector<Values> scans(static_cast<size_t>(numScans));
  Value condition = call.has(1) ? e.reshape(call[1], {}) : e.scalar(1, e.i1());
  Value isRunning; // by the conditions so far; null: certainly
  for (int64_t i = 0; i < count->most && !e.hasFailed(); ++i) {
    const HostTensor *known = call.find(condition);
    if (known && !known->getInteger(0)) {
      if (numScans > 0 && count->value)
        return {e.refuse("scanned outputs of a trip count that is an extent "
                         "need a condition that always holds")};
      break;
    }
    if (!known && numScans > 0)
      return {e.refuse("a condition that is computed at run time leaves open "
                       "how long scanned outputs are")};
    // As long as the conditions are known they may end it soon.
    bool isMany = count->value || (isOpen ? !known || i >= kMaxUnrolled
                                          : count->most > kMaxUnrolled);
    if (isMany && (numScans == 0 || i == 0))
      return importRunTimeLoop(call, *count, i, condition, carried);
    if (!known)
      isRunning =
          isRunning ? e.binary<asg::AndOp>(isRunning, condition) : condition;
    Values arguments = {e.scalar(double(i), e.i64()), condition};
    arguments.append(carried);
    auto results = call.importBody("body", arguments);
    if (!results)
      return {};
    condition = e.reshape((*results)[0], {});
    for (size_t k = 0; k < numCarried; ++k)
      carried[k] = carry(e, isRunning, (*results)[k + 1], carried[k]);
    for (int k = 0; k < numScans; ++k)
      scans[k].push_back((*results)[1 + numCarried + k]);
  }
  Values all = carried;
  for (const Values &parts : scans) {
    if (parts.empty())
      return {e.refuse("a loop of no steps has no scanned outputs")};
    all.push_back(stack(e, parts));
  }
  return all;
}

/// Place `i` of the scanned axis, from its end if `isReversed`.
static Value scanned(Emitter &e, Value x, int64_t axis, const Count &count,
                     int64_t i, bool isReversed) {
  return e.element(x, axis, isReversed ? count.most - 1 - i : i);
}
static Value scanned(Emitter &e, Value x, int64_t axis, const Count &count,
                     Value i, bool isReversed) {
  if (isReversed)
    i = e.sub(e.sub(e.extent(*count.extent, e.i64()), 1.0), i);
  return e.gather(x, i, axis);
}

Values importScan(Call &call) {
  Emitter &e = call.e;
  int64_t numInputs = call.integer("num_scan_inputs", 0);
  if (call.opset < 9 || numInputs < 1 || numInputs > int64_t(call.size()))
    return {e.refuse("only scans of opset 9 and later are supported")};
  size_t numStates = call.size() - size_t(numInputs);
  int numBodyOutputs = call.numBodyOutputs("body");
  if (numBodyOutputs < int(numStates))
    return {e.fail("its body has too few outputs")};
  size_t numOutputs = size_t(numBodyOutputs) - numStates;
  auto entry = [&](StringRef name, size_t index) {
    auto list = call.integers(name);
    return list && index < list->size() ? (*list)[index] : 0;
  };
  Values states(call.operands.begin(), call.operands.begin() + numStates);
  if (llvm::is_contained(states, Value()))
    return {e.fail("a state is left out")};
  std::vector<Values> outputs(numOutputs);
  Count count;
  Axes axes;
  for (size_t k = 0; k < size_t(numInputs); ++k) {
    Value x = call[numStates + k];
    auto axis = x ? e.axis(entry("scan_input_axes", k), Emitter::rankOf(x))
                  : std::nullopt;
    if (!axis)
      return {};
    DimExpr extent = Emitter::dim(x, *axis);
    if (count.extent && !(*count.extent == extent))
      return {e.fail("the scanned operands have different lengths")};
    count.extent = extent;
    axes.push_back(*axis);
  }
  auto most = call.findMaximum(*count.extent);
  if (!most)
    return {e.refuse("the length '" + count.extent->str() +
                     "' of the scan has no known maximum")};
  count.most = *most;
  if (!count.extent->asConstant())
    count.value = e.extent(*count.extent, e.i64());
  bool isLoop = count.value || count.most > kMaxUnrolled;
  auto argumentsOf = [&](Values values, auto place) {
    for (size_t k = 0; k < size_t(numInputs); ++k)
      values.push_back(scanned(e, call[numStates + k], axes[k], count, place,
                               entry("scan_input_directions", k)));
    return values;
  };
  if (isLoop) {
    SmallVector<Type> types{RankedTensorType::get({}, e.i64())};
    llvm::append_range(types, ValueRange(states).getTypes());
    Body body(call.importer, types);
    bool isFilled = body.fill([&] {
      Values inner(body.arguments().drop_front());
      return call.importBody("body", argumentsOf(inner, body.arguments()[0]));
    });
    // Where something is collected, that alone says how long it is.
    Value length = numOutputs > 0 ? Value() : e.extent(*count.extent, e.i64());
    states = isFilled ? body.loop(length, {}, states, *count.extent) : Values();
    if (states.size() != numStates + numOutputs)
      return {};
  }
  for (int64_t i = 0; i < count.most && !isLoop; ++i) {
    Values arguments = argumentsOf(states, i);
    auto results = call.importBody("body", arguments);
    if (!results)
      return {};
    for (size_t k = 0; k < numStates; ++k)
      states[k] = (*results)[k];
    for (size_t k = 0; k < numOutputs; ++k)
      outputs[k].push_back((*results)[numStates + k]);
  }
  for (size_t k = 0; k < numOutputs; ++k) {
    if (!isLoop && outputs[k].empty())
      return {e.refuse("a scan of no steps is not supported")};
    Value all = isLoop ? states[numStates + k] : stack(e, outputs[k]);
    auto axis = all ? e.axis(entry("scan_output_axes", k), Emitter::rankOf(all))
                    : std::nullopt;
    if (!axis)
      return {};
    if (entry("scan_output_directions", k))
      all = e.reverse(all, 0);
    all = e.moveAxis(all, 0, *axis);
    if (isLoop)
      states[numStates + k] = all;
    else
      states.push_back(all);
  }
  return states;
}

} // namespace asgc::interop
