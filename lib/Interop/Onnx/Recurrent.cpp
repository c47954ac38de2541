//===- Recurrent.cpp - RNN, GRU and LSTM ----------------------------------===//
#include "lib/Interop/Onnx/Body.h"
#include "lib/Interop/Onnx/RecurrentLayer.h"

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
  Value r, rBias, peepholes;
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

/// x · Wᵀ + b over the last axis of x
static Value affine(Emitter &e, Value x, Value w, Value bias) {
  if (!x || !w)
    return {};
  Value y = e.dot(x, w, {}, {}, {Emitter::rankOf(x) - 1}, {1});
  return bias ? e.add(y, bias) : y;
}

using State = std::pair<Value, Value>; // h and, of an LSTM, c
/// `in`: what the input adds to the gates, x · Wᵀ + b.
using Step = State (*)(const Cell &, Value in, State state);

static State stepRnn(const Cell &cell, Value in, State state) {
  Emitter &e = cell.e;
  Value sum = e.add(in, affine(e, state.first, cell.r, cell.rBias));
  return {cell.activate(0, sum), {}};
}

static State stepGru(const Cell &cell, Value in, State state) {
  Emitter &e = cell.e;
  Value h = state.first;
  Value own = affine(e, h, cell.r, cell.rBias);
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

static State stepLstm(const Cell &cell, Value in, State state) {
  Emitter &e = cell.e;
  auto [h, c] = state;
  Value sum = e.add(in, affine(e, h, cell.r, cell.rBias));
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

namespace {
/// All time steps of one direction of a layer.
struct Sequence {
  Call &call;
  const Cell &cell;
  Step step;
  Value in;      // of each step, [time, batch, gates]
  Value lengths; // of each element of the batch; null: all of them
  State start;
  bool isReverse;

  /// h of each step, [time, batch, hidden], and the last state.
  std::pair<Value, State> run() const;

private:
  State stepAt(Value place, Value x, State state, Value &y) const;
  std::pair<Value, State> unroll(int64_t length) const;
  std::pair<Value, State> loop(const DimExpr &length) const;
};
} // namespace

/// One step at `place`; a sequence that has ended keeps its state.
State Sequence::stepAt(Value place, Value x, State state, Value &y) const {
  Emitter &e = call.e;
  State next = step(cell, x, state);
  y = next.first;
  if (!lengths || !y)
    return next;
  Value isRunning =
      e.compare(asg::Predicate::gt, e.unsqueeze(lengths, {1}), place);
  y = e.select(isRunning, y, e.like(y, 0));
  next.first = e.select(isRunning, next.first, state.first);
  if (next.second)
    next.second = e.select(isRunning, next.second, state.second);
  return next;
}

std::pair<Value, State> Sequence::unroll(int64_t length) const {
  Emitter &e = call.e;
  State state = start;
  Values steps(static_cast<size_t>(length));
  for (int64_t i = 0; i < length; ++i) {
    int64_t t = isReverse ? length - 1 - i : i;
    Value y;
    state = stepAt(e.scalar(double(t), e.i64()), e.element(in, 0, t), state, y);
    if (!y)
      return {};
    steps[size_t(t)] = e.unsqueeze(y, {0});
  }
  return {e.concat(steps, 0), state};
}

std::pair<Value, State> Sequence::loop(const DimExpr &length) const {
  Emitter &e = call.e;
  Values carried{start.first};
  if (start.second)
    carried.push_back(start.second);
  SmallVector<Type> types{RankedTensorType::get({}, e.i64())};
  for (Value value : carried)
    types.push_back(value ? value.getType() : Type(e.i64()));
  Value last = e.sub(e.extent(length, e.i64()), 1);
  if (e.hasFailed())
    return {};
  Body body(call.importer, types);
  bool isFilled = body.fill([&]() -> std::optional<Values> {
    ValueRange arguments = body.arguments();
    Value place = isReverse ? e.sub(last, arguments[0]) : arguments[0], y;
    State state{arguments[1], start.second ? arguments[2] : Value()};
    state = stepAt(place, e.gather(in, place, 0), state, y);
    Values results{state.first};
    if (state.second)
      results.push_back(state.second);
    results.push_back(y);
    return results;
  });
  if (!isFilled)
    return {};
  Values results = body.loop({}, {}, carried, length);
  if (e.hasFailed())
    return {};
  Value all = results.back();
  return {isReverse ? e.reverse(all, 0) : all,
          {results[0], start.second ? results[1] : Value()}};
}

std::pair<Value, State> Sequence::run() const {
  DimExpr length = Emitter::dim(in, 0);
  auto known = length.asConstant();
  return known && *known <= kMaxUnrolled ? unroll(*known) : loop(length);
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
  auto isWrong = [](Value value, int64_t rank) {
    return value && Emitter::rankOf(value) != rank;
  };
  if (isWrong(bias, 2) || isWrong(lengths, 1) || isWrong(call[5], 3) ||
      (isLstm && (isWrong(call[6], 3) || isWrong(call[7], 2))))
    return {e.fail("takes biases of rank 2, lengths of rank 1 and states of "
                   "rank 3")};
  bool isBatchFirst = call.integer("layout", 0);
  if (isBatchFirst)
    x = e.moveAxis(x, 1, 0);
  auto hidden = e.fixedDim(r, 2), directions = e.fixedDim(w, 0);
  if (!hidden || !directions)
    return {};
  std::string direction = call.text("direction", "forward");
  if (*directions != (direction == "bidirectional" ? 2 : 1))
    return {e.fail("has the weights of " + Twine(*directions) +
                   " directions, and is " + direction)};
  DimExpr length = Emitter::dim(x, 0), batch = Emitter::dim(x, 1),
          h = DimExpr(*hidden);
  if (length == DimExpr(0))
    return {e.refuse("sequences of no steps are not supported")};
  if (const HostTensor *value = call.find(lengths)) {
    bool isFull = true;
    for (int64_t i = 0; i < value->numElements(); ++i)
      isFull &= DimExpr(value->getInteger(i)) == length;
    if (isFull)
      lengths = {};
  }
  if (lengths)
    lengths = e.cast(lengths, e.i64());
  auto layer = RecurrentLayer::begin(call, lengths, x);
  Values ys, hs, cs;
  for (int64_t d = 0; d < *directions; ++d) {
    auto pick = [&](Value all) { return all ? e.element(all, 0, d) : all; };
    auto initial = [&](Value all) {
      if (!all || layer)
        return e.splat({batch, h}, Emitter::elementOf(x), 0);
      return pick(isBatchFirst ? e.moveAxis(all, 1, 0) : all);
    };
    Cell cell{.e = e,
              .r = pick(r),
              .hidden = *hidden,
              .activations =
                  readActivations(call, size_t(d), defaults.size(), defaults),
              .clip = call.number("clip", 0),
              .isLinearBeforeReset =
                  bool(call.integer("linear_before_reset", 0)),
              .forgetsInput = bool(call.integer("input_forget", 0))};
    Value wBias;
    if (Value both = pick(bias)) {
      wBias = e.slice(both, 0, 0, numGates * *hidden);
      cell.rBias = e.slice(both, 0, numGates * *hidden, numGates * *hidden);
    }
    if (isLstm)
      cell.peepholes = pick(call[7]);
    Sequence sequence{
        .call = call,
        .cell = cell,
        .step = step,
        .in = affine(e, x, pick(w), wBias),
        .lengths = lengths,
        .start = {initial(call[5]), isLstm ? initial(call[6]) : Value()},
        .isReverse = direction == "reverse" || d == 1};
    if (!sequence.in || !sequence.start.first ||
        (isLstm && !sequence.start.second))
      return {};
    auto [all, last] = sequence.run();
    if (!all)
      return {};
    ys.push_back(all);
    hs.push_back(last.first);
    cs.push_back(last.second);
  }
  auto stack = [&](Values parts, int64_t axis) {
    for (Value &part : parts)
      if (part)
        part = e.unsqueeze(part, {axis});
    return e.concat(parts, axis);
  };
  int64_t at = isBatchFirst ? 1 : 0;
  // [t, d, b, h]
  Value y = layer ? layer->end(ys, hs, cs) : stack(ys, 1);
  if (isBatchFirst && y && !layer)
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
