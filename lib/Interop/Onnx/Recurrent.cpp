//===- Recurrent.cpp - RNN, GRU and LSTM, unrolled ------------------------===//
#include "lib/Interop/Onnx/Call.h"

using namespace mlir;

namespace asgc::interop {

namespace {
/// An activation by name, with its parameters.
struct Activation {
  std::string name;
  double alpha = 0, beta = 0;
  Value operator()(Emitter &e, Value x) const {
    return importActivation(e, name, x, alpha, beta);
  }
};

/// What a direction of a layer works with.
struct Cell {
  Emitter &e;
  Value w, r, wBias, rBias, peepholes;
  int64_t hidden;
  std::vector<Activation> activations;
  double clip = 0;
  bool isLinearBeforeReset = false, forgetsInput = false;

  /// Columns of gate `index`.
  Value gate(Value all, int64_t index) const {
    return all ? e.slice(all, Emitter::rankOf(all) - 1, index * hidden, hidden)
               : all;
  }
  Value activate(size_t index, Value x) const {
    if (clip > 0)
      x = e.min(e.max(x, -clip), clip);
    return activations[index](e, x);
  }
};
} // namespace

/// x · Wᵀ + b
static Value affine(Emitter &e, Value x, Value w, Value bias) {
  Value y = e.dot(x, w, {}, {}, {1}, {1});
  return bias ? e.add(y, bias) : y;
}

using State = std::pair<Value, Value>; // h and, of an LSTM, c
using Step = State (*)(const Cell &, Value x, State state);

static State stepRnn(const Cell &cell, Value x, State state) {
  Emitter &e = cell.e;
  Value sum = e.add(affine(e, x, cell.w, cell.wBias),
                    affine(e, state.first, cell.r, cell.rBias));
  return {cell.activate(0, sum), {}};
}

static State stepGru(const Cell &cell, Value x, State state) {
  Emitter &e = cell.e;
  Value h = state.first;
  Value in = affine(e, x, cell.w, cell.wBias),
        own = affine(e, h, cell.r, cell.rBias);
  Value z = cell.activate(0, e.add(cell.gate(in, 0), cell.gate(own, 0)));
  Value r = cell.activate(0, e.add(cell.gate(in, 1), cell.gate(own, 1)));
  Value inner;
  if (cell.isLinearBeforeReset) {
    inner = e.mul(r, cell.gate(own, 2));
  } else {
    Value weight = e.slice(cell.r, 0, 2 * cell.hidden, cell.hidden);
    inner = affine(e, e.mul(r, h), weight, cell.gate(cell.rBias, 2));
  }
  Value candidate = cell.activate(1, e.add(cell.gate(in, 2), inner));
  Value rest = z ? e.sub(e.like(z, 1), z) : z;
  return {e.add(e.mul(rest, candidate), e.mul(z, h)), {}};
}

static State stepLstm(const Cell &cell, Value x, State state) {
  Emitter &e = cell.e;
  auto [h, c] = state;
  Value sum =
      e.add(affine(e, x, cell.w, cell.wBias), affine(e, h, cell.r, cell.rBias));
  auto peep = [&](Value gate, int64_t index, Value c) {
    return cell.peepholes
               ? e.add(gate, e.mul(cell.gate(cell.peepholes, index), c))
               : gate;
  };
  Value input = cell.activate(0, peep(cell.gate(sum, 0), 0, c));
  Value forget = cell.forgetsInput
                     ? (input ? e.sub(e.like(input, 1), input) : input)
                     : cell.activate(0, peep(cell.gate(sum, 2), 2, c));
  Value candidate = cell.activate(1, cell.gate(sum, 3));
  c = e.add(e.mul(forget, c), e.mul(input, candidate));
  Value output = cell.activate(0, peep(cell.gate(sum, 1), 1, c));
  return {e.mul(output, cell.activate(2, c)), c};
}

static std::vector<Activation> readActivations(Call &call, size_t direction,
                                               size_t perDirection,
                                               ArrayRef<StringRef> defaults) {
  std::vector<std::string> names = call.texts("activations");
  std::vector<double> alphas = call.numbers("activation_alpha"),
                      betas = call.numbers("activation_beta");
  std::vector<Activation> all;
  for (size_t i = 0; i < perDirection; ++i) {
    size_t at = direction * perDirection + i;
    Activation activation;
    activation.name = at < names.size() ? names[at] : defaults[i].str();
    // What ONNX's own operators of these names have.
    if (activation.name == "LeakyRelu")
      activation.alpha = 0.01;
    else if (activation.name == "HardSigmoid")
      activation.alpha = 0.2, activation.beta = 0.5;
    else
      activation.alpha = activation.beta = 1;
    if (at < alphas.size())
      activation.alpha = alphas[at];
    if (at < betas.size())
      activation.beta = betas[at];
    all.push_back(activation);
  }
  return all;
}

/// Y, Y_h and Y_c.
static Values recur(Call &call, Step step, int64_t numGates,
                    ArrayRef<StringRef> defaults) {
  Emitter &e = call.e;
  bool isLstm = numGates == 4;
  Value x = call[0], w = call[1], r = call[2], bias = call[3],
        lengths = call[4];
  if (!x || !w || !r || Emitter::rankOf(x) != 3 || Emitter::rankOf(w) != 3 ||
      Emitter::rankOf(r) != 3)
    return {e.fail("takes operands of rank 3")};
  bool isBatchFirst = call.integer("layout", 0);
  if (isBatchFirst)
    x = e.moveAxis(x, 1, 0);
  auto length = e.fixedDim(x, 0), hidden = e.fixedDim(r, 2),
       directions = e.fixedDim(w, 0);
  if (!length || !hidden || !directions)
    return {};
  std::string direction = call.text("direction", "forward");
  if (*directions != (direction == "bidirectional" ? 2 : 1) || *length < 1 ||
      *length > 4096)
    return {e.refuse(
        "the weights fit no direction, or the length is not from 1 to 4096")};
  DimExpr batch = Emitter::dim(x, 1), h = DimExpr(*hidden);
  if (const HostTensor *value = call.find(lengths)) {
    bool isFull = true;
    for (int64_t i = 0; i < value->numElements(); ++i)
      isFull &= value->getInteger(i) == *length;
    if (isFull)
      lengths = {};
  }
  Values ys, hs, cs;
  for (int64_t d = 0; d < *directions; ++d) {
    auto pick = [&](Value all) { return all ? e.element(all, 0, d) : all; };
    auto initial = [&](Value all) {
      if (!all)
        return e.splat({batch, h}, Emitter::elementOf(x), 0);
      return pick(isBatchFirst ? e.moveAxis(all, 1, 0) : all);
    };
    Cell cell{.e = e,
              .w = pick(w),
              .r = pick(r),
              .hidden = *hidden,
              .activations =
                  readActivations(call, size_t(d), defaults.size(), defaults),
              .clip = call.number("clip", 0),
              .isLinearBeforeReset =
                  bool(call.integer("linear_before_reset", 0)),
              .forgetsInput = bool(call.integer("input_forget", 0))};
    if (Value both = pick(bias)) {
      cell.wBias = e.slice(both, 0, 0, numGates * *hidden);
      cell.rBias = e.slice(both, 0, numGates * *hidden, numGates * *hidden);
    }
    if (isLstm)
      cell.peepholes = pick(call[7]);
    State state{initial(call[5]), isLstm ? initial(call[6]) : Value()};
    bool isReverse = direction == "reverse" || d == 1;
    Values steps(*length);
    for (int64_t i = 0; i < *length; ++i) {
      int64_t t = isReverse ? *length - 1 - i : i;
      State next = step(cell, e.element(x, 0, t), state);
      if (!next.first)
        return {};
      Value y = next.first;
      if (lengths) { // a sequence that has ended keeps its state
        Value isRunning =
            e.compare(asg::Predicate::gt, e.unsqueeze(lengths, {1}), double(t));
        y = e.select(isRunning, y, e.like(y, 0));
        next.first = e.select(isRunning, next.first, state.first);
        if (isLstm)
          next.second = e.select(isRunning, next.second, state.second);
      }
      state = next;
      steps[t] = e.unsqueeze(y, {0});
    }
    ys.push_back(e.concat(steps, 0)); // [t, b, h]
    hs.push_back(state.first);
    cs.push_back(state.second);
  }
  auto stack = [&](Values parts, int64_t axis) {
    for (Value &part : parts)
      if (part)
        part = e.unsqueeze(part, {axis});
    return e.concat(parts, axis);
  };
  int64_t at = isBatchFirst ? 1 : 0;
  Value y = stack(ys, 1); // [t, d, b, h]
  if (isBatchFirst && y)
    y = e.transpose(y, {2, 0, 1, 3});
  Values results = {y, stack(hs, at)};
  if (isLstm)
    results.push_back(stack(cs, at));
  return results;
}

Values importRNN(Call &call) { return recur(call, stepRnn, 1, {"Tanh"}); }
Values importGRU(Call &call) {
  return recur(call, stepGru, 3, {"Sigmoid", "Tanh"});
}
Values importLSTM(Call &call) {
  return recur(call, stepLstm, 4, {"Sigmoid", "Tanh", "Tanh"});
}

} // namespace asgc::interop
