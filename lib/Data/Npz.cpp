//===- Npz.cpp - Reads .npz files, zip archives of .npy files -------------===//
#include "NpyHeader.h"
#include "Readers.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <sys/stat.h>
#include <zip.h>

namespace asgc {

namespace {
/// More entries than any file of arrays has.
constexpr zip_int64_t kMaxEntries = 1 << 16;

struct Discard {
  void operator()(zip_t *archive) const { zip_discard(archive); }
  void operator()(zip_file_t *file) const { zip_fclose(file); }
};
using Archive = std::unique_ptr<zip_t, Discard>;

Result<Archive> openArchive(const std::string &path) {
  struct stat info;
  if (stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode))
    return Fault{FaultKind::Environment,
                 path + ": expected a file, found a folder"};
  int code = 0;
  Archive archive(zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code));
  if (archive)
    return archive;
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  std::string reason = zip_error_strerror(&error);
  bool isInput = code == ZIP_ER_NOZIP || code == ZIP_ER_INCONS;
  zip_error_fini(&error);
  if (isInput)
    return corruptAt(path, 0,
                     "expected a zip archive of .npy files: " + reason);
  return Fault{FaultKind::Environment, path + ": " + reason};
}

/// Inflates entry `index`; never holds more than it really inflates to.
Result<std::vector<std::byte>> readEntry(zip_t *archive, zip_uint64_t index,
                                         const std::string &where) {
  std::unique_ptr<zip_file_t, Discard> file(zip_fopen_index(archive, index, 0));
  if (!file)
    return corruptAt(where, 0, zip_strerror(archive));
  std::vector<std::byte> bytes;
  while (true) {
    size_t before = bytes.size();
    size_t step = std::clamp<size_t>(before, 1 << 16, 1 << 28);
    bytes.resize(before + step);
    zip_int64_t got = zip_fread(file.get(), bytes.data() + before, step);
    if (got < 0)
      return corruptAt(where, int64_t(before), zip_file_strerror(file.get()));
    bytes.resize(before + size_t(got));
    if (got == 0)
      return bytes;
  }
}
} // namespace

Result<std::vector<NamedArray>> readNpz(const std::string &path) {
  Result<Archive> archive = openArchive(path);
  if (!archive)
    return archive.fault();
  zip_int64_t count = zip_get_num_entries(archive->get(), 0);
  if (count > kMaxEntries)
    return corruptAt(path, 0,
                     fmt::format("expected at most {} arrays, found {}",
                                 kMaxEntries, count));
  std::vector<NamedArray> arrays;
  std::set<std::string> names;
  for (zip_int64_t i = 0; i < count; ++i) {
    const char *entry = zip_get_name(archive->get(), zip_uint64_t(i), 0);
    if (!entry)
      return corruptAt(path, 0, zip_strerror(archive->get()));
    std::string name = entry;
    if (name.ends_with(".npy"))
      name.resize(name.size() - 4);
    std::string where = fmt::format("{}[{}]", path, inQuotes(name));
    if (!names.insert(name).second)
      return corruptAt(where, 0, "two arrays have this name");
    Result<std::vector<std::byte>> bytes =
        readEntry(archive->get(), zip_uint64_t(i), where);
    if (!bytes)
      return bytes.fault();
    Result<Array> array = parseNpy(*bytes, where);
    if (!array)
      return array.fault();
    arrays.push_back({std::move(name), std::move(*array)});
  }
  return arrays;
}

Result<Dataset> readNpzDataset(const DataRecipe &recipe,
                               const std::string &path) {
  Result<std::vector<NamedArray>> arrays = readNpz(path);
  if (!arrays)
    return arrays.fault();
  std::vector<SourcedArray> chosen;
  for (auto [column, key] : {std::pair("features", &recipe.featuresKey),
                             std::pair("label", &recipe.labelKey)}) {
    auto found = std::find_if(arrays->begin(), arrays->end(),
                              [&](auto &array) { return array.name == *key; });
    if (found == arrays->end()) {
      // Without labels a data set can still feed an autoencoder.
      if (column == std::string_view("label") && *key == "label")
        continue;
      std::string names;
      for (const NamedArray &array : *arrays)
        names += (names.empty() ? "" : ", ") + inQuotes(array.name);
      return Fault{FaultKind::Input,
                   fmt::format("{}: expected an array {} ({}), found {}", path,
                               inQuotes(*key), column,
                               names.empty() ? "none" : names)};
    }
    chosen.push_back({column, fmt::format("{}[{}]", path, inQuotes(*key)),
                      std::move(found->array)});
  }
  Result<Dataset> data = makeDataset(std::move(chosen));
  if (data)
    data->source = path;
  return data;
}

} // namespace asgc
