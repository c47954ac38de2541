//===- Loss.cpp - How far predictions are from labels ---------------------===//
#include "lib/Interop/Onnx/Call.h"

using namespace mlir;

namespace asgc::interop {

using asg::Predicate;

/// −log p of each label, weighted; labels [n, d…] and log p [n, c, d…].
static Value negativeLikelihood(Call &call, Value logs, Value labels,
                                Value weights) {
  Emitter &e = call.e;
  if (!logs || !labels)
    return {};
  if (Emitter::rankOf(logs) < 2 ||
      Emitter::rankOf(labels) + 1 != Emitter::rankOf(logs))
    return e.fail("takes scores of rank n and labels of rank n − 1");
  labels = e.cast(labels, e.i64());
  Value isIgnored;
  if (call.hasAttribute("ignore_index"))
    isIgnored = e.compare(Predicate::eq, labels,
                          double(call.integer("ignore_index", 0)));
  // One-hot along the classes, so that no label needs to be in range.
  Extents dims = Emitter::dims(logs);
  Value isLabel = e.compare(Predicate::eq, e.iota(dims, 1, e.i64()),
                            e.unsqueeze(labels, {1}));
  Value picked = e.sum(e.select(isLabel, logs, e.like(logs, 0)), {1}, false);
  Value loss = e.neg(picked), weight;
  if (weights) {
    Value safe =
        isIgnored ? e.select(isIgnored, e.like(labels, 0), labels) : labels;
    weight = e.gather(weights, safe, 0);
  }
  if (isIgnored) {
    Value one = weight ? weight : e.like(loss, 1);
    weight = e.select(isIgnored, e.like(loss, 0), one);
  }
  if (weight)
    loss = e.select(e.compare(Predicate::eq, weight, 0.0), e.like(loss, 0),
                    e.mul(loss, weight));
  if (!loss)
    return {};
  std::string reduction = call.text("reduction", "mean");
  if (reduction == "none")
    return loss;
  Axes all;
  for (int64_t axis = 0; axis < Emitter::rankOf(loss); ++axis)
    all.push_back(axis);
  if (reduction == "sum")
    return e.sum(loss, all, false);
  if (reduction != "mean")
    return e.fail("reduction is '" + reduction + "'");
  if (!weight)
    return e.mean(loss, all, false);
  Value total = e.sum(e.broadcast(weight, Emitter::dims(loss)), all, false);
  return e.div(e.sum(loss, all, false), total);
}

Values importNegativeLogLikelihoodLoss(Call &call) {
  return {negativeLikelihood(call, call[0], call[1], call[2])};
}

Values importSoftmaxCrossEntropyLoss(Call &call) {
  if (!call[0])
    return {};
  Value logs = call.e.logSoftmax(call[0], 1);
  return {negativeLikelihood(call, logs, call[1], call[2]), logs};
}

} // namespace asgc::interop
