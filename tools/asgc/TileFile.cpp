//===- TileFile.cpp - What asgc tune measured, as a file ------------------===//
#include "TileFile.h"

#include "Output.h"

#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

namespace asgc::cli {

namespace {

using Json = nlohmann::ordered_json;
constexpr const char *kFormat = "asgc-tiles/1";
/// Products have extents of 31 bits, see TileGrid.
constexpr int64_t kMost = INT32_MAX;

[[noreturn]] void wrong(const std::string &place, const std::string &expected,
                        const Json &found) {
  throw std::runtime_error(
      fmt::format("{}: expected {}, found {}", place, expected,
                  found.dump(-1, ' ', false, Json::error_handler_t::replace)));
}

/// The field `name` of `json`, which is called `place`.
const Json &fieldOf(const Json &json, const std::string &place,
                    const char *name) {
  if (!json.is_object() || !json.contains(name))
    throw std::runtime_error(fmt::format("{}: there is no '{}'", place, name));
  return json.at(name);
}

int64_t extentOf(const Json &json, const std::string &place) {
  if (!json.is_number_integer() || json < Json(1) || json > Json(kMost))
    wrong(place, fmt::format("a number from 1 to {}", kMost), json);
  return json.get<int64_t>();
}

std::string textOf(const Json &json, const char *name) {
  const Json &field = fieldOf(json, "the file", name);
  if (!field.is_string())
    wrong(name, "a text", field);
  return field.get<std::string>();
}

TileTime timeOf(const Json &json, const std::string &place) {
  auto extents = [&](const char *name, std::vector<int64_t *> into) {
    const Json &list = fieldOf(json, place, name);
    if (!list.is_array() || list.size() != into.size())
      wrong(place + "." + name, fmt::format("{} numbers", into.size()), list);
    for (size_t i = 0; i < into.size(); ++i)
      *into[i] = extentOf(list[i], fmt::format("{}.{}[{}]", place, name, i));
  };
  TileTime time;
  extents("product",
          {&time.shape.batch, &time.shape.m, &time.shape.n, &time.shape.k});
  extents("tile", {&time.tile.rows, &time.tile.columns, &time.tile.depth});
  const Json &unit = fieldOf(json, place, "unit");
  if (!unit.is_boolean())
    wrong(place + ".unit", "true or false", unit);
  time.tile.usesUnit = unit.get<bool>();
  const Json &micros = fieldOf(json, place, "micros");
  if (!micros.is_number() || !(micros.get<double>() > 0))
    wrong(place + ".micros", "a number over 0", micros);
  time.micros = micros.get<double>();
  return time;
}

TileTable tableOf(const Json &json) {
  TileTable table;
  if (std::string format = textOf(json, "format"); format != kFormat)
    wrong("format", kFormat, format);
  table.device = textOf(json, "device");
  table.driver = textOf(json, "driver");
  const Json &times = fieldOf(json, "the file", "times");
  if (!times.is_array())
    wrong("times", "a list", times);
  std::set<std::pair<ProductShape, DeviceTile>> known;
  for (size_t i = 0; i < times.size(); ++i) {
    const std::string place = fmt::format("times[{}]", i);
    table.times.push_back(timeOf(times[i], place));
    const TileTime &time = table.times.back();
    if (!known.insert({time.shape, time.tile}).second)
      throw std::runtime_error(place +
                               ": this product and tile were there before");
  }
  return table;
}

} // namespace

std::string tileTableToJson(const TileTable &table) {
  std::string lines;
  for (const TileTime &time : table.times) {
    Json line = {{"product",
                  {time.shape.batch, time.shape.m, time.shape.n, time.shape.k}},
                 {"tile", {time.tile.rows, time.tile.columns, time.tile.depth}},
                 {"unit", time.tile.usesUnit},
                 {"micros", time.micros}};
    lines += (lines.empty() ? "\n    " : ",\n    ") + line.dump();
  }
  auto text = [](const std::string &of) {
    return Json(of).dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  return fmt::format("{{\n  \"format\": \"{}\",\n  \"device\": {},\n"
                     "  \"driver\": {},\n  \"times\": [{}\n  ]\n}}\n",
                     kFormat, text(table.device), text(table.driver), lines);
}

Result<TileTable> readTileTable(const std::string &path) {
  auto text = readFile(path);
  if (!text)
    return text.fault();
  try {
    return tableOf(Json::parse(*text));
  } catch (const std::exception &error) {
    return Fault{FaultKind::Input, fmt::format("{}: {}", path, error.what())};
  }
}

} // namespace asgc::cli
