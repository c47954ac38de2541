//===- Settings.cpp - Values that stand in flags, environment or a file ---===//
#include "Settings.h"

#include "TileFile.h"

#include "asgc/Support.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <limits>
#include <unistd.h>

namespace asgc::cli {

namespace fs = std::filesystem;

Settings::Settings()
    : settings{
          {"threads", "ASGC_THREADS", "0", "default"},
          {"isa", "ASGC_ISA", "auto", "default"},
          {"device", "ASGC_DEVICE", "cpu", "default"},
          {"device-memory", "ASGC_DEVICE_MEMORY", "0", "default"},
          {"f32", "ASGC_F32", "exact", "default"},
          {"scatter", "ASGC_SCATTER", "ordered", "default"},
          {"device-table", "ASGC_DEVICE_TABLE", "", "default"},
          {"color", "ASGC_COLOR", "auto", "default"},
          {"lang", "ASGC_LANG", "en", "default"},
          {"quiet", "ASGC_QUIET", "false", "default"},
      } {}

Setting &Settings::find(const std::string &name) {
  return *std::find_if(settings.begin(), settings.end(),
                       [&](const Setting &s) { return s.name == name; });
}

const std::string &Settings::get(const std::string &name) const {
  return const_cast<Settings *>(this)->find(name).value;
}

void Settings::setFlag(const std::string &name, const std::string &value) {
  Setting &setting = find(name);
  setting.value = value;
  setting.origin = "--" + name;
}

/// asgc.toml of the working directory or the nearest folder above it.
static std::optional<fs::path> findConfigFile() {
  std::error_code error;
  for (fs::path folder = fs::current_path(error); !error;
       folder = folder.parent_path()) {
    if (fs::is_regular_file(folder / "asgc.toml", error))
      return folder / "asgc.toml";
    if (!folder.has_relative_path())
      break;
  }
  return std::nullopt;
}

std::optional<std::string> Settings::load() {
  if (std::optional<fs::path> path = findConfigFile()) {
    std::ifstream file(*path);
    std::vector<CLI::ConfigItem> items;
    try {
      items = CLI::ConfigTOML().from_config(file);
    } catch (const CLI::Error &error) {
      return fmt::format("{}: {}", path->string(), error.what());
    }
    for (const CLI::ConfigItem &item : items) {
      std::vector<std::string> names;
      for (const Setting &setting : settings)
        names.push_back(setting.name);
      if (!item.parents.empty() ||
          std::find(names.begin(), names.end(), item.name) == names.end()) {
        if (item.name == "++" || item.name == "--")
          continue; // how the reader marks the bounds of a section
        auto near = findNearest(item.name, names);
        return fmt::format("{}: there is no setting '{}'{}", path->string(),
                           item.fullname(),
                           near ? "; did you mean '" + *near + "'?" : "");
      }
      Setting &setting = find(item.name);
      setting.value = item.inputs.empty() ? "" : item.inputs.front();
      setting.origin = path->string();
    }
  }
  for (Setting &setting : settings)
    if (const char *value = std::getenv(setting.variable.c_str());
        value && *value) {
      setting.value = value;
      setting.origin = setting.variable;
    }
  return std::nullopt;
}

static bool isNumber(const std::string &text, size_t digits) {
  return !text.empty() && text.size() <= digits &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<std::string> Settings::verify() const {
  for (const Setting &setting : settings) {
    auto oneOf =
        [&](std::vector<std::string> choices) -> std::optional<std::string> {
      if (std::find(choices.begin(), choices.end(), setting.value) !=
          choices.end())
        return std::nullopt;
      return fmt::format("{} is '{}' ({}); it can be {}", setting.name,
                         setting.value, setting.origin,
                         fmt::join(choices, ", "));
    };
    std::optional<std::string> error;
    if (setting.name == "threads") {
      if (!isNumber(setting.value, 4) || threads() > 1024)
        error = fmt::format("threads is '{}' ({}); it can be 0 (all cores) to "
                            "1024",
                            setting.value, setting.origin);
    } else if (setting.name == "isa") {
      error = oneOf({"auto", "avx2", "avx512"});
    } else if (setting.name == "device") {
      error = oneOf({"cpu", "vulkan", "auto"});
    } else if (setting.name == "device-memory") {
      if (!isNumber(setting.value, 18)) // as many as an i64 has
        error = fmt::format("device-memory is '{}' ({}); it can be a number of "
                            "bytes, or 0 (all)",
                            setting.value, setting.origin);
    } else if (setting.name == "f32") {
      error = oneOf({"exact", "tensor3"});
    } else if (setting.name == "scatter") {
      error = oneOf({"ordered", "atomic"});
    } else if (setting.name == "color") {
      error = oneOf({"auto", "always", "never"});
    } else if (setting.name == "lang") {
      error = oneOf({"en", "ru"});
    } else if (setting.name == "quiet") {
      error = oneOf({"true", "false"});
    }
    if (error)
      return error;
  }
  return std::nullopt;
}

int Settings::threads() const { return std::atoi(get("threads").c_str()); }

int Settings::isa() const {
  const std::string &isa = get("isa");
  return isa == "avx2" ? 1 : isa == "avx512" ? 2 : 0;
}

asgc_device Settings::device() const {
  const std::string &device = get("device");
  return device == "vulkan" ? ASGC_DEVICE_VULKAN
         : device == "auto" ? ASGC_DEVICE_AUTO
                            : ASGC_DEVICE_CPU;
}

int64_t Settings::deviceMemory() const {
  // Zero would let the runtime look at the environment, which a flag overrules.
  int64_t bytes = std::atoll(get("device-memory").c_str());
  return bytes ? bytes : std::numeric_limits<int64_t>::max();
}

bool Settings::splitsF32() const { return get("f32") == "tensor3"; }

bool Settings::addsAtomically() const { return get("scatter") == "atomic"; }

MaybeFault Settings::loadTiles() {
  const std::string &path = get("device-table");
  if (path.empty())
    return std::nullopt;
  auto read = readTileTable(path);
  if (!read)
    return read.fault();
  table = std::move(*read);
  return std::nullopt;
}

bool Settings::colorErrors() const {
  const std::string &mode = get("color");
  return useColor(mode == "always"  ? ColorMode::Always
                  : mode == "never" ? ColorMode::Never
                                    : ColorMode::Auto,
                  isatty(STDERR_FILENO));
}

} // namespace asgc::cli
