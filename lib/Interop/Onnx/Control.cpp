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

static Value stack(Emitter &e, Values parts, int64_t axis) {
  for (Value &part : parts)
    part = part ? e.unsqueeze(part, {axis}) : part;
  return e.concat(parts, axis);
}

/// Σ steps of a Loop, one after the other. A step whose condition is not known
/// now leaves the carried values as they are when it does not hold.
Values importLoop(Call &call) {
  Emitter &e = call.e;
  int64_t count = INT64_MAX;
  if (call.has(0)) {
    auto given = call.knownIntegers(0, "the trip count");
    if (!given || given->size() != 1)
      return {};
    count = given->front();
  }
  size_t numCarried = call.size() < 2 ? 0 : call.size() - 2;
  Values carried(call.operands.begin() + std::min<size_t>(2, call.size()),
                 call.operands.end());
  int numScans = call.numBodyOutputs("body") - 1 - int(numCarried);
  if (numScans < 0)
    return {e.fail("its body has too few outputs")};
  std::vector<Values> scans(static_cast<size_t>(numScans));
  Value condition = call.has(1) ? e.reshape(call[1], {}) : e.scalar(1, e.i1());
  Value isRunning; // null: certainly
  for (int64_t i = 0; i < count && !e.hasFailed(); ++i) {
    const HostTensor *known = call.find(condition);
    if (known && !known->getInteger(0))
      break;
    if (!known && (numScans > 0 || count == INT64_MAX))
      return {e.refuse(
          "a condition that is computed at run time needs a known count and "
          "no scanned outputs")};
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
      carried[k] = isRunning
                       ? e.select(isRunning, (*results)[k + 1], carried[k])
                       : (*results)[k + 1];
    for (int k = 0; k < numScans; ++k)
      scans[k].push_back((*results)[1 + numCarried + k]);
  }
  Values all = carried;
  for (const Values &parts : scans) {
    if (parts.empty())
      return {e.refuse("a loop of no steps has no scanned outputs")};
    all.push_back(stack(e, parts, 0));
  }
  return all;
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
  std::optional<int64_t> length;
  Axes axes;
  for (size_t k = 0; k < size_t(numInputs); ++k) {
    Value x = call[numStates + k];
    auto axis = x ? e.axis(entry("scan_input_axes", k), Emitter::rankOf(x))
                  : std::nullopt;
    auto extent = axis ? e.fixedDim(x, *axis) : std::nullopt;
    if (!extent || (length && *length != *extent))
      return {e.fail("the scanned operands have different lengths")};
    length = extent;
    axes.push_back(*axis);
  }
  for (int64_t i = 0; i < *length; ++i) {
    Values arguments = states;
    for (size_t k = 0; k < size_t(numInputs); ++k)
      arguments.push_back(
          e.element(call[numStates + k], axes[k],
                    entry("scan_input_directions", k) ? *length - 1 - i : i));
    auto results = call.importBody("body", arguments);
    if (!results)
      return {};
    for (size_t k = 0; k < numStates; ++k)
      states[k] = (*results)[k];
    for (size_t k = 0; k < numOutputs; ++k)
      outputs[k].push_back((*results)[numStates + k]);
  }
  for (size_t k = 0; k < numOutputs; ++k) {
    if (outputs[k].empty())
      return {e.refuse("a scan of no steps is not supported")};
    if (entry("scan_output_directions", k))
      std::reverse(outputs[k].begin(), outputs[k].end());
    auto axis = e.axis(entry("scan_output_axes", k),
                       Emitter::rankOf(outputs[k][0]) + 1);
    states.push_back(axis ? stack(e, outputs[k], *axis) : Value());
  }
  return states;
}

} // namespace asgc::interop
