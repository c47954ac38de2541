//===- RecipeJson.cpp - Recipes as JSON -----------------------------------===//
#include "asgc/Recipe.h"

#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <span>
#include <stdexcept>

namespace asgc {

namespace {
using Json = nlohmann::ordered_json;

std::span<const char *const> names(DataFormat) {
  static constexpr const char *table[] = {"csv", "idx", "npy", "npz", "text"};
  return table;
}
std::span<const char *const> names(CsvHeader) {
  static constexpr const char *table[] = {"auto", "present", "absent"};
  return table;
}
std::span<const char *const> names(SplitOrder) {
  static constexpr const char *table[] = {"shuffled", "file"};
  return table;
}
std::span<const char *const> names(Tokenizer) {
  static constexpr const char *table[] = {"bytes", "chars"};
  return table;
}
std::span<const char *const> names(MetricMode) {
  static constexpr const char *table[] = {"auto", "min", "max"};
  return table;
}
std::span<const char *const> names(NonFinitePolicy) {
  static constexpr const char *table[] = {"stop", "continue"};
  return table;
}

// The fields of each struct stand once; Writer and Reader walk over them.
template <typename V> void fields(V &v, ColumnRange &r) {
  v("begin", r.begin);
  v("end", r.end);
}
template <typename V> void fields(V &v, DataRecipe &r) {
  v("format", r.format);
  v("path", r.path);
  v("labels", r.labelPath);
  v("test", r.testPath);
  v("test_labels", r.testLabelPath);
  v("features", r.features);
  v("label", r.label);
  v("feature_names", r.featureNames);
  v("label_name", r.labelName);
  v("header", r.header);
  v("delimiter", r.delimiter);
  v("features_key", r.featuresKey);
  v("label_key", r.labelKey);
  v("tokenizer", r.tokenizer);
  v("window", r.window);
  v("split", r.split);
  v("split_order", r.splitOrder);
  v("split_seed", r.splitSeed);
  v("scale", r.scale);
  v("offset", r.offset);
  v("standardize", r.standardize);
  v("shape", r.shape);
  v("one_hot", r.oneHot);
}
template <typename V> void fields(V &v, InputBinding &r) {
  v("input", r.input);
  v("column", r.column);
}
template <typename V> void fields(V &v, StopRecipe &r) {
  v("metric", r.metric);
  v("patience", r.patience);
  v("mode", r.mode);
  v("min_delta", r.minDelta);
}
template <typename V> void fields(V &v, CheckpointRecipe &r) {
  v("every_steps", r.everySteps);
  v("every_epochs", r.everyEpochs);
  v("keep", r.keep);
}
template <typename V> void fields(V &v, Recipe &r) {
  v("model", r.model);
  v("data", r.data);
  v("inputs", r.inputs);
  v("batch", r.batch);
  v("drop_last", r.dropLast);
  v("shuffle", r.shuffle);
  v("epochs", r.epochs);
  v("steps", r.steps);
  v("seed", r.seed);
  v("loss", r.loss);
  v("metrics", r.metrics);
  v("eval_every_epochs", r.evalEveryEpochs);
  v("eval_every_steps", r.evalEverySteps);
  v("best", r.best);
  v("stop", r.stop);
  v("checkpoint", r.checkpoint);
  v("non_finite", r.nonFinite);
  v("log_every_steps", r.logEverySteps);
}

struct Writer {
  Json object = Json::object();

  template <typename T> void operator()(const char *name, T &field) {
    object[name] = toJson(field);
  }

  static Json toJson(std::string &text) { return text; }
  static Json toJson(int64_t &number) { return number; }
  static Json toJson(double &number) { return number; }
  static Json toJson(bool &flag) { return flag; }
  static Json toJson(char &c) { return std::string(1, c); }
  template <typename T> static Json toJson(std::optional<T> &value) {
    return value ? toJson(*value) : Json();
  }
  template <typename T> static Json toJson(std::vector<T> &list) {
    Json array = Json::array();
    for (T &item : list)
      array.push_back(toJson(item));
    return array;
  }
  template <typename T> static Json toJson(T &value) {
    if constexpr (std::is_enum_v<T>) {
      return names(value)[size_t(value)];
    } else {
      Writer writer;
      fields(writer, value);
      return writer.object;
    }
  }
};

/// Throws std::runtime_error with the sentence to show; recipeFromJson catches.
struct Reader {
  const Json &object;
  std::string path;
  size_t known = 0;

  template <typename T> void operator()(const char *name, T &field) {
    auto found = object.find(name);
    if (found == object.end())
      return;
    ++known;
    fromJson(*found, path + name, field);
  }

  [[noreturn]] static void wrong(const std::string &path, const char *expected,
                                 const Json &found) {
    std::string text =
        found.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (text.size() > 60)
      text = found.type_name();
    throw std::runtime_error(fmt::format("{}: expected {}, found {}",
                                         path.empty() ? "the recipe" : path,
                                         expected, text));
  }

  static void fromJson(const Json &json, const std::string &path,
                       std::string &text) {
    if (!json.is_string())
      wrong(path, "a string", json);
    text = json.get<std::string>();
  }
  static void fromJson(const Json &json, const std::string &path,
                       int64_t &number) {
    if (!json.is_number_integer() ||
        (json.is_number_unsigned() && json.get<uint64_t>() > INT64_MAX))
      wrong(path, "an integer of 64 bits", json);
    number = json.get<int64_t>();
  }
  static void fromJson(const Json &json, const std::string &path,
                       double &number) {
    if (!json.is_number())
      wrong(path, "a number", json);
    number = json.get<double>();
  }
  static void fromJson(const Json &json, const std::string &path, bool &flag) {
    if (!json.is_boolean())
      wrong(path, "true or false", json);
    flag = json.get<bool>();
  }
  static void fromJson(const Json &json, const std::string &path, char &c) {
    if (!json.is_string() || json.get_ref<const std::string &>().size() != 1)
      wrong(path, "one character", json);
    c = json.get_ref<const std::string &>()[0];
  }
  template <typename T>
  static void fromJson(const Json &json, const std::string &path,
                       std::optional<T> &value) {
    value.reset();
    if (!json.is_null())
      fromJson(json, path, value.emplace());
  }
  template <typename T>
  static void fromJson(const Json &json, const std::string &path,
                       std::vector<T> &list) {
    if (!json.is_array())
      wrong(path, "a list", json);
    list.assign(json.size(), T{});
    for (size_t i = 0; i < list.size(); ++i)
      fromJson(json[i], fmt::format("{}[{}]", path, i), list[i]);
  }
  template <typename T>
  static void fromJson(const Json &json, const std::string &path, T &value) {
    if constexpr (std::is_enum_v<T>) {
      for (size_t i = 0; i < names(value).size(); ++i)
        if (json == names(value)[i]) {
          value = T(i);
          return;
        }
      wrong(path,
            fmt::format("one of {}", fmt::join(names(value), ", ")).c_str(),
            json);
    } else {
      if (!json.is_object())
        wrong(path, "an object", json);
      Reader reader{json, path.empty() ? "" : path + "."};
      fields(reader, value);
      if (reader.known != json.size())
        reader.refuseUnknown(value);
    }
  }

  /// Names the first field that no recipe has.
  template <typename T> void refuseUnknown(T &value) {
    Writer all;
    fields(all, value);
    for (const auto &[name, field] : object.items())
      if (!all.object.contains(name))
        throw std::runtime_error(fmt::format(
            "{}{}: expected a field of a recipe, found another name", path,
            name));
    throw std::runtime_error(path + ": a field stands twice");
  }
};
} // namespace

std::string recipeToJson(const Recipe &recipe) {
  Recipe copy = recipe;
  return Writer::toJson(copy).dump(2, ' ', false,
                                   Json::error_handler_t::replace) +
         "\n";
}

std::string recipeFromJson(std::string_view json, Recipe *recipe) {
  try {
    Recipe result;
    Reader::fromJson(Json::parse(json), "", result);
    *recipe = std::move(result);
    return {};
  } catch (const std::exception &error) {
    return error.what();
  }
}

} // namespace asgc
