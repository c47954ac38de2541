//===- Attention.cpp - Evaluates attention and its gradient ---------------===//
#include "lib/Interpreter/Evaluation.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace asgc::interpreter {

namespace {
/// The matrices of one point of the batch, and the scores between them.
struct Attention {
  int64_t batch, queries, keys, depth, features;
  double scale;
  bool causal;

  template <typename Op>
  Attention(Op op, const Array &q, const Array &v)
      : scale(op.getScale().convertToDouble()), causal(op.getCausal()) {
    size_t rank = q.shape.size();
    batch = countElements(ArrayRef(q.shape).drop_back(2));
    queries = q.shape[rank - 2], depth = q.shape[rank - 1];
    keys = v.shape[rank - 2], features = v.shape[rank - 1];
  }

  double score(const double *query, const double *keyRows, int64_t row,
               int64_t key) const {
    if (causal && key > row)
      return -std::numeric_limits<double>::infinity();
    double sum = 0;
    for (int64_t i = 0; i < depth; ++i)
      sum += query[i] * keyRows[key * depth + i];
    return scale * sum;
  }
};

LogicalResult evaluateAttention(Evaluation &e) {
  Attention a(cast<asg::AttentionOp>(e.op), e.in(0), e.in(2));
  if (failed(e.checkSteps({a.batch, a.queries, a.keys, a.depth + a.features})))
    return failure();
  std::vector<double> weights(a.keys);
  for (int64_t b = 0; b < a.batch; ++b)
    for (int64_t row = 0; row < a.queries; ++row) {
      int64_t number = b * a.queries + row;
      const double *k = e.in(1).floats.data() + b * a.keys * a.depth;
      const double *v = e.in(2).floats.data() + b * a.keys * a.features;
      double most = -std::numeric_limits<double>::infinity(), sum = 0;
      for (int64_t j = 0; j < a.keys; ++j) {
        weights[j] =
            a.score(e.in(0).floats.data() + number * a.depth, k, row, j);
        if (weights[j] > most || std::isnan(weights[j])) // NaN stays
          most = weights[j];
      }
      for (double &weight : weights)
        sum += weight = std::exp(weight - most);
      double *y = e.out(0).floats.data() + number * a.features;
      for (int64_t j = 0; j < a.keys; ++j)
        for (int64_t i = 0; i < a.features; ++i)
          y[i] += weights[j] / sum * v[j * a.features + i];
      e.out(1).floats[number] = most + std::log(sum);
    }
  return success();
}

LogicalResult evaluateAttentionGrad(Evaluation &e) {
  Attention a(cast<asg::AttentionGradOp>(e.op), e.in(0), e.in(2));
  if (failed(e.checkSteps({a.batch, a.queries, a.keys, a.depth + a.features})))
    return failure();
  for (int64_t b = 0; b < a.batch; ++b)
    for (int64_t row = 0; row < a.queries; ++row) {
      int64_t number = b * a.queries + row;
      int64_t keyStart = b * a.keys * a.depth,
              valueStart = b * a.keys * a.features;
      const double *q = e.in(0).floats.data() + number * a.depth;
      const double *k = e.in(1).floats.data() + keyStart;
      const double *v = e.in(2).floats.data() + valueStart;
      const double *dy = e.in(3).floats.data() + number * a.features;
      for (int64_t j = 0; j < a.keys; ++j) {
        double weight =
            std::exp(a.score(q, k, row, j) - e.in(4).floats[number]);
        double dweight = 0;
        for (int64_t i = 0; i < a.features; ++i) {
          dweight += dy[i] * v[j * a.features + i];
          e.out(2).floats[valueStart + j * a.features + i] += weight * dy[i];
        }
        double ds = a.scale * weight * (dweight - e.in(5).floats[number]);
        for (int64_t i = 0; i < a.depth; ++i) {
          e.out(0).floats[number * a.depth + i] += ds * k[j * a.depth + i];
          e.out(1).floats[keyStart + j * a.depth + i] += ds * q[i];
        }
      }
    }
  return success();
}
} // namespace

void addAttention(Evaluators &evaluators) {
  evaluators["asg.attention"] = evaluateAttention;
  evaluators["asg.attention_grad"] = evaluateAttentionGrad;
}

} // namespace asgc::interpreter
