//===- Control.cpp - Branches and loops, resolved at import ---------------===//
#include "lib/Interop/Onnx/Call.h"

using namespace mlir;

namespace asgc::interop {

/// Both branches are computed and one is chosen, unless the condition is a
/// constant, or the branches differ in type and it is known.
Values importIf(Call &call) {
  Emitter &e = call.e;
  Value condition = call[0];
  if (!condition)
    return {e.fail("takes a condition")};
  auto branch = [&](bool isThen) {
    return call.importBody(isThen ? "then_branch" : "else_branch", {});
  };
  if (condition.getDefiningOp<asg::ConstantOp>()) {
    const HostTensor *value = call.known(0, "the condition");
    return value ? branch(value->getInteger(0)).value_or(Values()) : Values();
  }
  auto ours = branch(true), theirs = branch(false);
  if (!ours || !theirs || ours->size() != theirs->size())
    return {e.fail("the branches have different numbers of results")};
  bool isSame = true;
  for (auto [x, y] : llvm::zip_equal(*ours, *theirs))
    isSame &= x.getType() == y.getType();
  if (!isSame) {
    const HostTensor *value =
        call.known(0, "the condition of branches of different types");
    return !value ? Values() : value->getInteger(0) ? *ours : *theirs;
  }
  Values results;
  Value one = e.reshape(condition, {});
  for (auto [x, y] : llvm::zip_equal(*ours, *theirs))
    results.push_back(e.select(one, x, y));
  return results;
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

namespace {
/// How often a body runs. All steps that there may be are unrolled; where the
/// number is known at run time only, later ones are computed in vain.
struct Count {
  int64_t most = INT64_MAX;
  Value value; ///< i64; null: exactly `most`
  std::optional<DimExpr>
      extent; ///< of what the steps leave, if one can be said

  /// Whether step `i` is taken; null: certainly.
  Value isTaken(Emitter &e, int64_t i) const {
    auto least = extent ? extent->minimum() : std::nullopt;
    if (!value || (least && *least > i))
      return {};
    return e.compare(asg::Predicate::gt, value, double(i));
  }
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

/// What each step has left, one after the other along a new axis.
static Value stack(Emitter &e, Values parts, int64_t axis, const Count &count,
                   bool isReversed) {
  if (isReversed && !count.value)
    std::reverse(parts.begin(), parts.end());
  for (Value &part : parts)
    part = part ? e.unsqueeze(part, {axis}) : part;
  Value all = e.concat(parts, axis);
  if (!count.value)
    return all;
  Value step = e.iota({*count.extent}, 0, e.i64());
  if (isReversed)
    step = e.sub(e.sub(count.value, 1.0), step);
  return e.gather(all, step, axis);
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
  auto most = call.findMaximum(given);
  if (!most) {
    e.refuse("the trip count must be known when the model is compiled, or a "
             "maximum of it: by run-time dims, or by Min");
    return std::nullopt;
  }
  count.most = *most;
  count.value = e.reshape(e.cast(given, e.i64()), {});
  if (auto extents = call.findExtents(given))
    count.extent = extents->front();
  return count;
}

/// Steps after one whose condition does not hold are not taken.
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
                     "an extent")};
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
    if (!known && (numScans > 0 || count->most == INT64_MAX))
      return {e.refuse(
          "a condition that is computed at run time needs a trip count and "
          "no scanned outputs")};
    if (!known)
      isRunning =
          isRunning ? e.binary<asg::AndOp>(isRunning, condition) : condition;
    Value isTaken = count->isTaken(e, i);
    if (isRunning)
      isTaken = isTaken ? e.binary<asg::AndOp>(isTaken, isRunning) : isRunning;
    Values arguments = {e.scalar(double(i), e.i64()), condition};
    arguments.append(carried);
    auto results = call.importBody("body", arguments);
    if (!results)
      return {};
    condition = e.reshape((*results)[0], {});
    for (size_t k = 0; k < numCarried; ++k)
      carried[k] = carry(e, isTaken, (*results)[k + 1], carried[k]);
    for (int k = 0; k < numScans; ++k)
      scans[k].push_back((*results)[1 + numCarried + k]);
  }
  Values all = carried;
  for (const Values &parts : scans) {
    if (parts.empty())
      return {e.refuse("a loop of no steps has no scanned outputs")};
    all.push_back(stack(e, parts, 0, *count, false));
  }
  return all;
}

/// Place `i` of the scanned axis, from its end if `isReversed`; beyond the
/// axis, in steps that are not taken, any other.
static Value scanned(Emitter &e, Value x, int64_t axis, const Count &count,
                     int64_t i, bool isReversed) {
  if (!count.value)
    return e.element(x, axis, isReversed ? count.most - 1 - i : i);
  Value place = e.scalar(double(i), e.i64());
  if (isReversed)
    place = e.sub(e.sub(count.value, 1.0), place);
  return e.gather(x, place, axis);
}

Values importScan(Call &call) {
  Emitter &e = call.e;
  int64_t numInputs = call.integer("num_scan_inputs", 0);
  if (call.opset < 9 || numInputs < 1 || numInputs > int64_t(call.size()))
    return {e.refuse("only scans of opset 9 and later are supported")};
  size_t numStates = call.size() - size_t(numInputs);
  size_t numOutputs =
      size_t(std::max<int>(call.numBodyOutputs("body") - int(numStates), 0));
  auto entry = [&](StringRef name, size_t index) {
    auto list = call.integers(name);
    return list && index < list->size() ? (*list)[index] : 0;
  };
  Values states(call.operands.begin(), call.operands.begin() + numStates);
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
  for (int64_t i = 0; i < count.most; ++i) {
    Values arguments = states;
    for (size_t k = 0; k < size_t(numInputs); ++k)
      arguments.push_back(scanned(e, call[numStates + k], axes[k], count, i,
                                  entry("scan_input_directions", k)));
    auto results = call.importBody("body", arguments);
    if (!results)
      return {};
    Value isTaken = count.isTaken(e, i);
    for (size_t k = 0; k < numStates; ++k)
      states[k] = carry(e, isTaken, (*results)[k], states[k]);
    for (size_t k = 0; k < numOutputs; ++k)
      outputs[k].push_back((*results)[numStates + k]);
  }
  for (size_t k = 0; k < numOutputs; ++k) {
    if (outputs[k].empty())
      return {e.refuse("a scan of no steps is not supported")};
    auto axis = e.axis(entry("scan_output_axes", k),
                       Emitter::rankOf(outputs[k][0]) + 1);
    states.push_back(axis ? stack(e, outputs[k], *axis, count,
                                  entry("scan_output_directions", k))
                          : Value());
  }
  return states;
}

} // namespace asgc::interop
