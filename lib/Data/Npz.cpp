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

/// Reads up to `bytes` bytes behind those in `data`; fewer only at the end.
MaybeFault append(zip_file_t *file, size_t bytes, const std::string &where,
                  std::vector<std::byte> *data) {
  size_t done = data->size();
  data->resize(done + bytes);
  while (done < data->size()) {
    zip_int64_t got = zip_fread(file, data->data() + done, data->size() - done);
    if (got < 0)
      return corruptAt(where, int64_t(done), zip_file_strerror(file));
    if (got == 0)
      data->resize(done);
    done += size_t(got);
  }
  return std::nullopt;
}

/// Inflates entry `index` as a .npy file. What its header announces must be
/// what the archive announces, before it is allocated.
Result<Array> readEntry(zip_t *archive, zip_uint64_t index,
                        const std::string &where) {
  zip_stat_t info;
  if (zip_stat_index(archive, index, 0, &info) != 0 ||
      !(info.valid & ZIP_STAT_SIZE))
    return corruptAt(where, 0, "the archive does not say how long it is");
  std::unique_ptr<zip_file_t, Discard> file(zip_fopen_index(archive, index, 0));
  if (!file)
    return corruptAt(where, 0, zip_strerror(archive));
  std::vector<std::byte> bytes;
  if (MaybeFault fault = append(file.get(), kNpyPrefix, where, &bytes))
    return *fault;
  Result<NpyHeader> header = parseNpyHeader(bytes, where);
  if (!header)
    return header.fault();
  std::optional<int64_t> size = arrayBytes(header->type, header->shape);
  if (size && info.size - header->dataOffset != zip_uint64_t(*size))
    return corruptAt(where, int64_t(header->dataOffset),
                     fmt::format("expected {} bytes of data, found an entry of "
                                 "{} bytes",
                                 *size, info.size));
  if (size && info.size > bytes.size())
    if (MaybeFault fault =
            append(file.get(), info.size - bytes.size(), where, &bytes))
      return *fault;
  // One more read, because the checksum is compared at the end.
  if (MaybeFault fault = append(file.get(), 1, where, &bytes))
    return *fault;
  return parseNpy(bytes, where);
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
    Result<Array> array = readEntry(archive->get(), zip_uint64_t(i), where);
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
