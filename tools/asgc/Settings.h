//===- Settings.h - Values that stand in flags, environment or a file -----===//
#ifndef ASGC_TOOLS_SETTINGS_H
#define ASGC_TOOLS_SETTINGS_H

#include "asgc/Data.h"
#include "asgc/TileTable.h"
#include "asgc/runtime.h"

#include <optional>
#include <string>
#include <vector>

namespace asgc::cli {

/// A setting that a flag, else an environment variable, else asgc.toml gives.
struct Setting {
  std::string name;     ///< the key in asgc.toml; the flag is --name
  std::string variable; ///< ASGC_THREADS
  std::string value;
  std::string origin; ///< "default", "asgc.toml", "ASGC_THREADS", "--threads"
};

/// All settings, in the order that `asgc doctor` lists them.
class Settings {
public:
  Settings();

  /// Reads asgc.toml of the working directory or the nearest one above it, then
  /// the environment. An error is a sentence that names the file and the key.
  std::optional<std::string> load();
  /// What a flag says; wins over all.
  void setFlag(const std::string &name, const std::string &value);
  /// Checks every value; an error names the setting, its origin and the
  /// choices.
  std::optional<std::string> verify() const;

  const std::string &get(const std::string &name) const;
  int threads() const; ///< 0: as many as there are cores
  int isa() const;     ///< as asgc_options.isa
  asgc_device device() const;
  int64_t deviceMemory() const; ///< as asgc_options.device_memory
  bool splitsF32() const;       ///< see DeviceOptions
  bool addsAtomically() const;  ///< the same
  /// Reads the file that `device-table` names, if it names one.
  MaybeFault loadTiles();
  const TileTable &tiles() const { return table; }
  bool isRussian() const { return get("lang") == "ru"; }
  bool isQuiet() const { return get("quiet") == "true"; }
  /// Whether to colour standard error.
  bool colorErrors() const;

  const std::vector<Setting> &all() const { return settings; }

private:
  Setting &find(const std::string &name);

  std::vector<Setting> settings;
  TileTable table;
};

} // namespace asgc::cli

#endif
