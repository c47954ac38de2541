//===- AttentionTest.cpp - Attention on a device against its definition ---===//
#include "Floats.h"
#include "Samples.h"

#include <doctest/doctest.h>

#include <limits>

using namespace asgc;
using namespace asgc::test;

namespace {

/// An attention and how its operands lie in memory.
struct Case {
  const char *type = "f32";
  int64_t batch = 1, queries = 1, keys = 1, depth = 4, features = 4;
  bool isCausal = false;
  /// Rows of all of the batch are neighbours: [rows, batch, features].
  bool isInterleaved = false;
  bool isKeyTransposed = false; ///< k is [batch, depth, keys]
  /// Whether code is made for these numbers of rows; else for all up to kMost.
  bool knowsRows = true;
};

constexpr int64_t kMost = 300;

constexpr double kScale = 0.25;
constexpr double kInf = std::numeric_limits<double>::infinity();

std::string join(const std::vector<std::string> &parts, const char *between) {
  std::string text;
  for (const std::string &part : parts)
    text += (text.empty() ? "" : between) + part;
  return text;
}

std::vector<std::string> textsOf(const std::vector<int64_t> &numbers) {
  std::vector<std::string> texts;
  for (int64_t number : numbers)
    texts.push_back(std::to_string(number));
  return texts;
}

/// A tensor of rows and its access.
struct Place {
  std::vector<int64_t> dims, strides; // strides: batch, row, feature
  std::string name;                   ///< of the number of rows, if not known

  std::string type(const char *element) const {
    std::vector<std::string> shown = textsOf(dims);
    if (name.empty())
      return "tensor<" + join(shown, "x") + "x" + element + ">";
    std::vector<std::string> named = shown;
    shown[1] = "?", named[1] = name;
    return "tensor<" + join(shown, "x") + "x" + element + ", #asg.dims<" +
           join(named, ", ") + ">>";
  }
  std::string access() const {
    std::vector<std::string> shown = textsOf(strides);
    if (!name.empty())
      shown[0] = "\"" + shown[1] + "*" + name + "\"";
    return "at [" + join(shown, ", ") + "]";
  }
};

Place placeOf(const Case &c, const char *name, int64_t rows, int64_t features,
              bool isTransposed = false) {
  if (isTransposed)
    return {{c.batch, features, rows}, {rows * features, 1, rows}, {}};
  if (c.isInterleaved)
    return {{rows, c.batch, features}, {features, c.batch * features, 1}, {}};
  return {{c.batch, rows, features},
          {rows * features, features, 1},
          c.knowsRows ? "" : name};
}

/// All numbers in the order [batch, row, feature].
std::vector<double> ordered(const Tensor &tensor, const Place &place,
                            int64_t batch, int64_t rows, int64_t features) {
  std::vector<double> values = valuesOf(tensor), result;
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t f = 0; f < features; ++f)
        result.push_back(
            values[size_t(b * place.strides[0] + r * place.strides[1] +
                          f * place.strides[2])]);
  return result;
}

/// A sum of products in f32, and by how much it may be wrong.
struct Sum {
  double value = 0, size = 0, error = 0;
  int64_t count = 0;
  /// Of the factors, x is wrong by up to `xError`.
  void add(double x, double y, double xError) {
    value += x * y, size += std::abs(x * y), error += xError * std::abs(y);
    ++count;
  }
  double bound(int32_t dtype) const {
    return error + boundOf(size, count, value, dtype) + smallestOf(dtype);
  }
  /// What is lost of a number that is too small for its type; a device may take
  /// f32 and bf16 below their least normal number for 0.
  static double smallestOf(int32_t dtype) {
    return dtype == ASGC_F16 ? 0x1p-25 : 0x1p-126;
  }
};
using Sums = std::vector<Sum>;

constexpr double kUnit = 0x1p-24;

class Reference {
public:
  Reference(const Case &c, std::vector<double> q, std::vector<double> k,
            std::vector<double> v)
      : c(c), dtype(dtypeOf(c.type)), q(std::move(q)), k(std::move(k)),
        v(std::move(v)) {
    weights.resize(size_t(c.batch * c.queries * c.keys));
    for (int64_t row = 0; row < c.batch * c.queries; ++row)
      weigh(row);
  }

  void backward(const std::vector<double> &dy);

  Sums y, lse, dq, dk, dv;
  std::vector<double> delta;

private:
  struct Weight {
    double score, error; ///< before the largest is taken away
    double share;        ///< the softmax
  };
  void weigh(int64_t row);
  /// The relative error of e^x, where x is a difference. Halves take the
  /// device's own 2^x, which Vulkan allows to be wrong by 3 + 2 |x| of the last
  /// place.
  double exponentialError(double x, int64_t times) const {
    return dtype == ASGC_F32 ? (4 * double(times) + std::abs(x)) * kUnit
                             : (6 * double(times) + 7 * std::abs(x)) * kUnit;
  }
  /// Of one weight, which a matrix unit takes in the type of the operands.
  double roundingOf(double weight) const {
    return boundOf(0, 0, weight, dtype) + Sum::smallestOf(dtype);
  }
  bool sees(int64_t row, int64_t key) const {
    return !c.isCausal || key <= row % c.queries;
  }
  Weight &weight(int64_t row, int64_t key) {
    return weights[size_t(row * c.keys + key)];
  }
  /// Where row `key` of the keys that `row` looks at is.
  int64_t keyOf(int64_t row, int64_t key) const {
    return row / c.queries * c.keys + key;
  }

  Case c;
  int32_t dtype;
  std::vector<double> q, k, v;
  std::vector<Weight> weights;
};

void Reference::weigh(int64_t row) {
  double most = -kInf;
  for (int64_t j = 0; j < c.keys; ++j) {
    Sum score;
    for (int64_t i = 0; i < c.depth; ++i)
      score.add(q[size_t(row * c.depth + i)] * kScale,
                k[size_t(keyOf(row, j) * c.depth + i)], 0);
    double value = sees(row, j) ? score.value : -kInf;
    weight(row, j) = {value, score.bound(ASGC_F32), 0};
    most = value > most || std::isnan(value) ? value : most;
  }
  double sum = 0, sumError = 0;
  for (int64_t j = 0; j < c.keys; ++j)
    sum += weight(row, j).share = std::exp(weight(row, j).score - most);
  // Where the largest rises on the way, what there is is scaled: the exponents
  // add up to the same.
  int64_t times = 1 + c.keys / 32;
  for (int64_t j = 0; j < c.keys; ++j)
    if (Weight &w = weight(row, j); (w.share /= sum) != 0)
      sumError += w.share * (w.error + exponentialError(w.score - most, times));
  sumError += double(c.keys + times + 4) * kUnit;
  // Of nothing at all the sum is 0.
  double logarithm = most == -kInf ? -kInf : most + std::log(sum);
  double parts = 4 * std::abs(most) + 4 * std::abs(std::log(sum)) + 1;
  lse.push_back({logarithm, 0, sumError + parts * kUnit});
  for (int64_t i = 0; i < c.features; ++i) {
    Sum mean;
    for (int64_t j = 0; j < c.keys; ++j) {
      Weight w = weight(row, j);
      double number = v[size_t(keyOf(row, j) * c.features + i)];
      if (sees(row, j) && w.share == 0)
        mean.add(0, number, Sum::smallestOf(dtype));
      else if (sees(row, j))
        mean.add(w.share, number,
                 w.share * (w.error + sumError +
                            exponentialError(w.score - most, times)) +
                     roundingOf(w.share));
    }
    y.push_back(mean);
  }
}

void Reference::backward(const std::vector<double> &dy) {
  dq.assign(q.size(), {}), dk.assign(k.size(), {}), dv.assign(v.size(), {});
  for (int64_t row = 0; row < c.batch * c.queries; ++row) {
    double total = 0;
    for (int64_t i = 0; i < c.features; ++i)
      total += dy[size_t(row * c.features + i)] *
               y[size_t(row * c.features + i)].value;
    delta.push_back(total);
    double logarithm = lse[size_t(row)].value;
    for (int64_t j = 0; j < c.keys; ++j) {
      if (!sees(row, j))
        continue;
      Weight w = weight(row, j);
      // Nothing of a weight of zero is wrong.
      double relative = w.share == 0
                            ? 0
                            : w.error + 3 * std::abs(logarithm) * kUnit +
                                  exponentialError(w.score - logarithm, 1);
      Sum along;
      for (int64_t i = 0; i < c.features; ++i) {
        auto at = size_t(keyOf(row, j) * c.features + i);
        double cotangent = dy[size_t(row * c.features + i)];
        along.add(cotangent, v[at], 0);
        dv[at].add(w.share, cotangent,
                   w.share * relative + roundingOf(w.share));
      }
      double excess = along.value - total;
      double excessError = along.bound(ASGC_F32) +
                           (std::abs(total) + 4 * std::abs(excess)) * kUnit;
      double ds = kScale * w.share * excess;
      double error =
          kScale * w.share * (relative * std::abs(excess) + excessError) +
          roundingOf(ds);
      for (int64_t i = 0; i < c.depth; ++i) {
        auto query = size_t(row * c.depth + i),
             key = size_t(keyOf(row, j) * c.depth + i);
        dq[query].add(ds, k[key], error);
        dk[key].add(ds, q[query], error);
      }
    }
  }
}

std::string head(const Case &c, bool isBackward) {
  std::vector<std::string> sizes =
      textsOf({c.queries, c.keys, c.depth, c.features});
  if (!c.knowsRows)
    sizes[0] = "queries", sizes[1] = "keys";
  return std::string("plan.attention \"attention\" ") +
         (isBackward ? "backward " : "") + "scale " + std::to_string(kScale) +
         (c.isCausal ? " causal" : "") + " batch [" + std::to_string(c.batch) +
         "] sizes [" + join(sizes, ", ") + "] ";
}

/// A program of one step; operands by name.
struct Program {
  std::string inputs, outputs, reads, writes;
  void add(bool isInput, const std::string &name, const Place &place,
           const char *element) {
    std::string &list = isInput ? inputs : outputs;
    std::string &operands = isInput ? reads : writes;
    std::string type = place.type(element);
    list +=
        (list.empty() ? "\"" : ", \"") + name + "\" %" + name + " : " + type;
    operands += (operands.empty() ? "%" : ", %") + name + " " + place.access() +
                " : " + type;
  }
  std::string text(const Case &c, bool isBackward) const {
    std::string most = std::to_string(kMost);
    std::string dims =
        c.knowsRows ? ""
                    : "dims {queries = " + most + ", keys = " + most + "} ";
    return "plan.program @f " + dims + "inputs(" + inputs + ") outputs(" +
           outputs + ") {\n  " + head(c, isBackward) + "(" + reads + ") -> (" +
           writes + ")\n}\n";
  }
};

void compare(const std::vector<double> &got, const Sums &want, int32_t dtype) {
  REQUIRE(got.size() == want.size());
  int64_t wrong = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    double value = want[i].value;
    bool isClose = std::isnan(value)
                       ? std::isnan(got[i])
                       : got[i] == value ||
                             std::abs(got[i] - value) <= want[i].bound(dtype);
    if (!isClose && wrong++ == 0) {
      CAPTURE(i);
      CAPTURE(want[i].bound(dtype));
      CHECK(got[i] == value);
    }
  }
  CHECK_MESSAGE(wrong == 0, wrong, " elements are wrong");
}

using Change = void (*)(std::vector<Tensor> &inputs);

/// Puts 0, 1, an infinity or NaN there.
void put(Tensor &tensor, int64_t at, double number) {
  if (tensor.dtype == ASGC_F32) {
    tensor.f()[at] = float(number);
    return;
  }
  bool isF16 = tensor.dtype == ASGC_F16;
  int bits = isF16 ? 0x7c00 : 0x7f80; // an infinity
  if (number == 0)
    bits = 0;
  else if (std::abs(number) == 1)
    bits = isF16 ? 0x3c00 : 0x3f80;
  else if (std::isnan(number))
    bits |= 0x40;
  tensor.as<uint16_t>()[at] = uint16_t(bits | (number < 0 ? 0x8000 : 0));
}

void checkAttention(const Case &c, Change change = nullptr) {
  int32_t dtype = dtypeOf(c.type);
  Place q = placeOf(c, "queries", c.queries, c.depth),
        k = placeOf(c, "keys", c.keys, c.depth, c.isKeyTransposed),
        v = placeOf(c, "keys", c.keys, c.features),
        y = placeOf(c, "queries", c.queries, c.features),
        row{{c.batch, c.queries}, {c.queries, 1}, y.name};
  Program forward, backward;
  for (Program *program : {&forward, &backward}) {
    program->add(true, "q", q, c.type);
    program->add(true, "k", k, c.type);
    program->add(true, "v", v, c.type);
  }
  forward.add(false, "y", y, c.type);
  forward.add(false, "lse", row, "f32");
  backward.add(true, "dy", y, c.type);
  backward.add(true, "lse", row, "f32");
  backward.add(true, "delta", row, "f32");
  backward.add(false, "dq", q, c.type);
  backward.add(false, "dk", k, c.type);
  backward.add(false, "dv", v, c.type);
  CAPTURE(forward.text(c, false));

  std::vector<Tensor> inputs = {randomTensor(q.dims, dtype, 1),
                                randomTensor(k.dims, dtype, 2),
                                randomTensor(v.dims, dtype, 3)};
  if (change)
    change(inputs);
  CodegenOptions options;
  // The units of GPUs, and of lavapipe from Mesa 26 on.
  options.device.matrixUnits = {{16, 16, 16, 32}, {8, 8, 8, 8}};
  Compiled forwardCode(forward.text(c, false), options);
  std::vector<Tensor> got = forwardCode.run(
      "f", inputs, {Tensor(dtype, y.dims), Tensor::f32(row.dims)});
  Reference reference(c, ordered(inputs[0], q, c.batch, c.queries, c.depth),
                      ordered(inputs[1], k, c.batch, c.keys, c.depth),
                      ordered(inputs[2], v, c.batch, c.keys, c.features));
  compare(ordered(got[0], y, c.batch, c.queries, c.features), reference.y,
          dtype);
  compare(valuesOf(got[1]), reference.lse, ASGC_F32);

  Tensor dy = randomTensor(y.dims, dtype, 4);
  reference.backward(ordered(dy, y, c.batch, c.queries, c.features));
  Tensor lse = Tensor::f32(row.dims), delta = Tensor::f32(row.dims);
  for (int64_t i = 0; i < lse.size(); ++i) {
    lse.f()[i] = float(reference.lse[size_t(i)].value);
    delta.f()[i] = float(reference.delta[size_t(i)]);
  }
  inputs.insert(inputs.end(), {dy, lse, delta});
  Compiled backwardCode(backward.text(c, true), options);
  std::vector<Tensor> shapes = {Tensor(dtype, q.dims), Tensor(dtype, k.dims),
                                Tensor(dtype, v.dims)};
  got = backwardCode.run("f", inputs, shapes);
  compare(ordered(got[0], q, c.batch, c.queries, c.depth), reference.dq, dtype);
  compare(ordered(got[1], k, c.batch, c.keys, c.depth), reference.dk, dtype);
  compare(ordered(got[2], v, c.batch, c.keys, c.features), reference.dv, dtype);
  // No two groups add to the same number.
  std::vector<Tensor> again = backwardCode.run("f", inputs, shapes);
  for (size_t i = 0; i < got.size(); ++i)
    CHECK(again[i].bytes == got[i].bytes);
}

} // namespace

// The CPU has no kernel for it.
TEST_SUITE("attention" * doctest::skip(!usesVulkan())) {
  TEST_CASE("odd numbers of rows, causal or not") {
    for (const char *type : {"f32", "f16", "bf16"})
      for (int64_t rows : {1, 7, 31, 33, 127, 257})
        for (bool isCausal : {false, true})
          checkAttention({.type = type,
                          .queries = rows,
                          .keys = rows,
                          .depth = 16,
                          .features = 16,
                          .isCausal = isCausal,
                          .knowsRows = false});
  }

  TEST_CASE("odd numbers of features, and values of others than keys") {
    for (auto [depth, features] :
         {std::pair(1, 1), {33, 17}, {64, 128}, {127, 60}})
      checkAttention({.batch = 2,
                      .queries = 33,
                      .keys = 45,
                      .depth = depth,
                      .features = features});
  }

  TEST_CASE("other numbers of keys than queries") {
    for (auto [queries, keys] :
         {std::pair(1, 70), {70, 1}, {65, 130}, {130, 65}})
      for (bool isCausal : {false, true})
        checkAttention({.batch = 2,
                        .queries = queries,
                        .keys = keys,
                        .isCausal = isCausal,
                        .knowsRows = false});
  }

  TEST_CASE("heads beside each other, and transposed keys") {
    checkAttention({.batch = 3,
                    .queries = 40,
                    .keys = 40,
                    .depth = 32,
                    .features = 32,
                    .isCausal = true,
                    .isInterleaved = true});
    checkAttention({.batch = 2,
                    .queries = 40,
                    .keys = 36,
                    .depth = 20,
                    .features = 8,
                    .isKeyTransposed = true});
  }

  TEST_CASE("halves, by a matrix unit where rows are whole matrices") {
    for (const char *type : {"f16", "bf16"})
      for (auto [depth, features] :
           {std::pair(64, 64), {128, 32}, {16, 128}, {24, 20}})
        checkAttention({.type = type,
                        .batch = 2,
                        .queries = 70,
                        .keys = 75,
                        .depth = depth,
                        .features = features,
                        .isCausal = (*type == 'f') == (depth == 64),
                        .isInterleaved = depth != 16});
  }

  TEST_CASE("scores that overflow without the largest") {
    checkAttention({.queries = 40, .keys = 70},
                   [](std::vector<Tensor> &inputs) {
                     for (int64_t i = 0; i < inputs[0].size(); ++i)
                       inputs[0].f()[i] *= 300;
                   });
  }

  TEST_CASE("infinite and missing numbers stay in their rows") {
    // −∞ weighs nothing, also where a row begins with it.
    checkAttention({.queries = 40, .keys = 70},
                   [](std::vector<Tensor> &inputs) {
                     for (int64_t i = 0; i < inputs[0].size(); ++i)
                       inputs[0].f()[i] = std::abs(inputs[0].f()[i]) + 0.1f;
                     for (int64_t i = 0; i < 4 * 40; ++i)
                       inputs[1].f()[i] = -kInf;
                   });
    for (const char *type : {"f32", "f16", "bf16"}) {
      const Case c{.type = type,
                   .batch = 2,
                   .queries = 40,
                   .keys = 70,
                   .depth = 16,
                   .features = 16};
      // A query, which spoils the gradients of its batch alone.
      checkAttention(c, [](std::vector<Tensor> &inputs) {
        put(inputs[0], 16 * 21 + 3, std::nan(""));
      });
      checkAttention(c, [](std::vector<Tensor> &inputs) {
        put(inputs[0], 16 * 21 + 3, kInf);
      });
      // A feature of one value.
      checkAttention(c, [](std::vector<Tensor> &inputs) {
        put(inputs[2], 16 * 50 + 5, kInf);
      });
      checkAttention(c, [](std::vector<Tensor> &inputs) {
        put(inputs[2], 16 * 50 + 5, std::nan(""));
      });
    }
  }

  TEST_CASE("queries that look at nothing have no mean") {
    for (const char *type : {"f32", "f16", "bf16"})
      checkAttention({.type = type,
                      .batch = 2,
                      .queries = 40,
                      .keys = 70,
                      .depth = 16,
                      .features = 16},
                     [](std::vector<Tensor> &inputs) {
                       // All of the first half of the batch.
                       for (int64_t row = 0; row < 40; ++row)
                         put(inputs[0], 16 * row, 1);
                       for (int64_t key = 0; key < 70; ++key)
                         put(inputs[1], 16 * key, -kInf);
                     });
  }
}
