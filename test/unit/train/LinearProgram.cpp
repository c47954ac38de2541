//===- LinearProgram.cpp - A classifier in plain loops --------------------===//
#include "LinearProgram.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

namespace asgc::test {

namespace {
/// A hash of the counter, as a number in [-1, 1).
float noise(int64_t seed, int64_t step, int64_t index) {
  uint64_t x = uint64_t(seed) * 0x9E3779B97F4A7C15 ^
               uint64_t(step) * 0xBF58476D1CE4E5B9 ^
               uint64_t(index) * 0x94D049BB133111EB;
  x ^= x >> 31;
  x *= 0xD6E8FEB86659FD93;
  x ^= x >> 32;
  return float(int32_t(x)) / 2147483648.0f;
}
} // namespace

LinearProgram::LinearProgram(int64_t batchBound, int64_t fixedBatch) {
  PortExtent batch{fixedBatch, fixedBatch > 0 ? fixedBatch : batchBound};
  Port x{"image", ASGC_F32, {batch, {kFeatures, kFeatures}}};
  Port label{"label", ASGC_I64, {batch}};
  Port logits{"logits", ASGC_F32, {batch, {kClasses, kClasses}}};
  auto scalar = [](const char *name) { return Port{name, ASGC_F32, {}}; };
  trainPorts = {{x, label},
                {logits, scalar("loss"), scalar("accuracy"), scalar("lr")}};
  evalPorts = {{x, label}, {scalar("loss"), scalar("accuracy")}};
  inferPorts = {{x}, {logits}};
  auto add = [&](const char *name, asgc_dtype dtype, std::vector<int64_t> shape,
                 asgc_variable_role role, void *data, size_t bytes) {
    vars.push_back({name, dtype, std::move(shape), role, data, int64_t(bytes)});
  };
  add("fc.weight", ASGC_F32, {kClasses, kFeatures}, ASGC_ROLE_PARAM, weight,
      sizeof weight);
  add("fc.bias", ASGC_F32, {kClasses}, ASGC_ROLE_PARAM, bias, sizeof bias);
  add("sgd.velocity", ASGC_F32, {kClasses, kFeatures + 1}, ASGC_ROLE_OPTIMIZER,
      velocity, sizeof velocity);
  add("step", ASGC_I64, {}, ASGC_ROLE_STEP, &step, sizeof step);
  add("seed", ASGC_I64, {}, ASGC_ROLE_SEED, &seed, sizeof seed);
}

const EntryPorts *LinearProgram::entry(std::string_view name) const {
  if (name == "train_step")
    return &trainPorts;
  if (name == "eval_step" && hasEval)
    return &evalPorts;
  return name == "infer" ? &inferPorts : nullptr;
}

MaybeFault LinearProgram::init(int64_t newSeed) {
  seed = newSeed;
  step = 0;
  std::memset(velocity, 0, sizeof velocity);
  std::memset(bias, 0, sizeof bias);
  for (int c = 0; c < kClasses; ++c)
    for (int f = 0; f < kFeatures; ++f)
      weight[c][f] = 0.1f * noise(seed, -1, c * kFeatures + f);
  return std::nullopt;
}

Result<std::vector<std::vector<int64_t>>>
LinearProgram::outputShapes(std::string_view entry,
                            std::span<const TensorView> inputs) const {
  if (entry == "train_step")
    return std::vector<std::vector<int64_t>>{
        {inputs[0].shape[0], kClasses}, {}, {}, {}};
  return std::vector<std::vector<int64_t>>{{}, {}};
}

float LinearProgram::lossAndGradient(const float *x, const int64_t *label,
                                     int64_t items, bool isTraining,
                                     float *logits, float *accuracy,
                                     float gradient[kClasses][kFeatures + 1]) {
  float loss = 0, right = 0;
  for (int64_t i = 0; i < items; ++i) {
    float in[kFeatures + 1], out[kClasses], sum = 0;
    for (int f = 0; f < kFeatures; ++f)
      in[f] = x[i * kFeatures + f] +
              (isTraining ? 0.3f * noise(seed, step, i * kFeatures + f) : 0);
    in[kFeatures] = 1;
    for (int c = 0; c < kClasses; ++c) {
      out[c] = bias[c];
      for (int f = 0; f < kFeatures; ++f)
        out[c] += weight[c][f] * in[f];
      if (logits)
        logits[i * kClasses + c] = out[c];
    }
    float top = *std::max_element(out, out + kClasses);
    right += out[label[i]] == top;
    for (float value : out)
      sum += std::exp(value - top);
    loss += std::log(sum) + top - out[label[i]];
    for (int c = 0; c < kClasses; ++c) {
      float d = (std::exp(out[c] - top) / sum - (c == label[i])) / float(items);
      for (int f = 0; f <= kFeatures; ++f)
        gradient[c][f] += d * in[f];
    }
  }
  *accuracy = right / float(items);
  return loss / float(items);
}

MaybeFault LinearProgram::run(std::string_view entry,
                              std::span<const TensorView> inputs,
                              std::span<const TensorView> outputs) {
  const float *x = static_cast<const float *>(inputs[0].data);
  const int64_t *label = static_cast<const int64_t *>(inputs[1].data);
  int64_t items = inputs[0].shape[0];
  bool isTraining = entry == "train_step";
  float gradient[kClasses][kFeatures + 1] = {};
  float accuracy = 0;
  float loss = lossAndGradient(
      x, label, items, isTraining,
      isTraining ? static_cast<float *>(outputs[0].data) : nullptr, &accuracy,
      gradient);
  float lr = 0.5f / (1.0f + 0.01f * float(step));
  if (isTraining) {
    for (int c = 0; c < kClasses; ++c)
      for (int f = 0; f <= kFeatures; ++f) {
        velocity[c][f] = 0.9f * velocity[c][f] + gradient[c][f];
        (f < kFeatures ? weight[c][f] : bias[c]) -= lr * velocity[c][f];
      }
    ++step;
    if (afterStep)
      if (MaybeFault fault = afterStep(step, loss))
        return fault;
  } else if (afterEvaluation) {
    afterEvaluation(step, accuracy);
  }
  size_t first = isTraining ? 1 : 0;
  *static_cast<float *>(outputs[first].data) = loss;
  *static_cast<float *>(outputs[first + 1].data) = accuracy;
  if (isTraining)
    *static_cast<float *>(outputs[3].data) = lr;
  return std::nullopt;
}

DataSplit threeClouds(uint32_t items) {
  std::vector<float> x;
  std::vector<int64_t> y;
  constexpr float centres[3][2] = {{1, 0}, {-1, 1}, {0, -1}};
  for (uint32_t i = 0; i < items; ++i) {
    y.push_back(i % 3);
    for (int f = 0; f < 2; ++f)
      x.push_back(centres[i % 3][f] + 0.8f * noise(5, i, f));
  }
  auto data = std::make_shared<Dataset>();
  data->source = "clouds";
  data->items = items;
  auto add = [&](const char *name, ElementType type, std::vector<int64_t> shape,
                 const void *values, size_t bytes) {
    auto storage = std::make_shared<std::vector<std::byte>>(bytes);
    if (bytes)
      std::memcpy(storage->data(), values, bytes);
    Column column;
    column.name = name;
    column.type = type;
    column.itemShape = shape;
    column.itemElements = shape.empty() ? 1 : shape[0];
    column.stride = items ? int64_t(bytes / items) : 0;
    column.storage = storage;
    data->columns.push_back(column);
  };
  add("features", ElementType::F32, {2}, x.data(), x.size() * 4);
  add("label", ElementType::I64, {}, y.data(), y.size() * 8);
  DataSplit split;
  split.fingerprint = 42;
  uint32_t trained = items - items / 4;
  split.train = {data, std::vector<uint32_t>(trained)};
  split.test = {data, std::vector<uint32_t>(items - trained)};
  std::iota(split.train.items.begin(), split.train.items.end(), 0);
  std::iota(split.test.items.begin(), split.test.items.end(), trained);
  return split;
}

Recipe cloudRecipe() {
  Recipe recipe;
  recipe.model = "clouds";
  recipe.data.path = "clouds";
  recipe.batch = 8;
  recipe.epochs = 6;
  recipe.seed = 11;
  recipe.metrics = {"accuracy"};
  recipe.checkpoint = {0, 0, 3};
  return recipe;
}

} // namespace asgc::test
