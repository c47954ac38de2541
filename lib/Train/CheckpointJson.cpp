//===- CheckpointJson.cpp - The JSON in a checkpoint ----------------------===//
#include "Checkpoint.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace asgc {

namespace {
using Json = nlohmann::ordered_json;
constexpr const char *kFormat = "asgc-checkpoint/1";

// Bits, because decimal JSON has neither NaN nor a promise of the last digit.
std::string bitsOf(double value) {
  return fmt::format("{:016x}", std::bit_cast<uint64_t>(value));
}

double doubleOf(const Json &json) {
  const std::string &text = json.get_ref<const std::string &>();
  uint64_t bits = 0;
  auto [end, code] =
      std::from_chars(text.data(), text.data() + text.size(), bits, 16);
  if (code != std::errc() || end != text.data() + text.size() ||
      text.size() != 16)
    throw std::runtime_error("expected the 16 hexadecimal digits of a double, "
                             "found " +
                             json.dump());
  return std::bit_cast<double>(bits);
}

int64_t countOf(const Json &json, const char *name, int64_t least = 0) {
  const Json &field = json.at(name);
  if (!field.is_number_integer() ||
      (field.is_number_unsigned() && field.get<uint64_t>() > INT64_MAX) ||
      field.get<int64_t>() < least)
    throw std::runtime_error(fmt::format("{}: expected an integer of at least "
                                         "{}, found {}",
                                         name, least, field.dump()));
  return field.get<int64_t>();
}

void readState(const Json &json, TrainState *state) {
  state->step = countOf(json, "step");
  state->position = {countOf(json, "epoch"), countOf(json, "batch")};
  state->seconds = doubleOf(json.at("seconds"));
  const Json &sums = json.at("sums");
  state->sums = Averages(sums.at("names").get<std::vector<std::string>>());
  state->sums.items = countOf(sums, "items");
  if (sums.at("bits").size() != state->sums.names.size())
    throw std::runtime_error("sums: expected as many bits as names");
  for (size_t i = 0; i < state->sums.sums.size(); ++i)
    state->sums.sums[i] = doubleOf(sums.at("bits").at(i));
  state->bestStep = countOf(json, "best_step", -1);
  state->best = doubleOf(json.at("best"));
  state->hasReference = json.at("has_reference").get<bool>();
  state->reference = doubleOf(json.at("reference"));
  state->worseEvaluations = countOf(json, "worse_evaluations");
  state->isFinished = json.at("finished").get<bool>();
}

/// Fields that may change between the parts of a run; the loss curve up to the
/// checkpoint does not depend on them. Data may move: its fingerprint counts.
bool isEssential(const std::string &field) {
  constexpr std::string_view free[] = {"epochs",
                                       "steps",
                                       "checkpoint.",
                                       "log_every_steps",
                                       "stop.",
                                       "best",
                                       "non_finite",
                                       "eval_every_epochs",
                                       "eval_every_steps",
                                       "data.path",
                                       "data.labels",
                                       "data.test",
                                       "data.test_labels"};
  return std::none_of(
      std::begin(free), std::end(free), [&](std::string_view name) {
        return name.ends_with('.') ? field.starts_with(name) : field == name;
      });
}

void compare(const Json &before, const Json &now, const std::string &path,
             std::vector<RecipeDifference> *differences) {
  if (before == now)
    return;
  if (!before.is_object() || !now.is_object()) {
    differences->push_back(
        {path, before.dump(), now.dump(), isEssential(path)});
    return;
  }
  std::string prefix = path.empty() ? "" : path + ".";
  for (const auto &[name, value] : now.items())
    compare(before.contains(name) ? before.at(name) : Json(), value,
            prefix + name, differences);
}
} // namespace

std::string headerToJson(const CheckpointHeader &header) {
  const TrainState &state = header.state;
  Json bits = Json::array();
  for (double sum : state.sums.sums)
    bits.push_back(bitsOf(sum));
  Json json = {
      {"format", kFormat},
      {"model", header.model},
      {"step", state.step},
      {"epoch", state.position.epoch},
      {"batch", state.position.batch},
      {"seconds", bitsOf(state.seconds)},
      {"sums",
       {{"items", state.sums.items},
        {"names", state.sums.names},
        {"bits", std::move(bits)}}},
      {"best_step", state.bestStep},
      {"best", bitsOf(state.best)},
      {"has_reference", state.hasReference},
      {"reference", bitsOf(state.reference)},
      {"worse_evaluations", state.worseEvaluations},
      {"finished", state.isFinished},
      {"data", header.dataFingerprint},
      {"recipe", Json::parse(header.recipeJson)},
  };
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string headerFromJson(std::string_view text, CheckpointHeader *header) {
  try {
    Json json = Json::parse(text);
    if (json.at("format") != kFormat)
      return fmt::format("expected the format {}, found {}", kFormat,
                         json.at("format").dump());
    CheckpointHeader result;
    readState(json, &result.state);
    result.model = json.at("model").get<std::string>();
    result.recipeJson = json.at("recipe").dump();
    result.dataFingerprint = uint32_t(countOf(json, "data"));
    *header = std::move(result);
    return {};
  } catch (const std::exception &error) {
    return error.what();
  }
}

std::vector<RecipeDifference> compareRecipes(const std::string &before,
                                             const std::string &now) {
  std::vector<RecipeDifference> differences;
  try {
    compare(Json::parse(before), Json::parse(now), "", &differences);
  } catch (const std::exception &error) {
    differences.push_back({"recipe", error.what(), "", true});
  }
  return differences;
}

} // namespace asgc
