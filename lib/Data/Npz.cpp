//===- Npz.cpp - Reads .npz files, zip archives of .npy files -------------===//
#include "NpyHeader.h"
#include "Readers.h"
#include "ZipArchive.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace asgc {

namespace {
/// Inflates entry `index` as a .npy file. What its header announces must be
/// what the archive announces, before it is allocated.
Result<Array> readEntry(ZipArchive &archive, size_t index,
                        const std::string &where) {
  size_t size = size_t(archive.entries()[index].bytes);
  auto file = archive.stream(index, where);
  if (!file)
    return file.fault();
  std::vector<std::byte> bytes;
  if (MaybeFault fault = file->append(kNpyPrefix, &bytes))
    return *fault;
  Result<NpyHeader> header = parseNpyHeader(bytes, where);
  if (!header)
    return header.fault();
  std::optional<int64_t> wanted = arrayBytes(header->type, header->shape);
  if (wanted && size - header->dataOffset != size_t(*wanted))
    return corruptAt(where, int64_t(header->dataOffset),
                     fmt::format("expected {} bytes of data, found an entry of "
                                 "{} bytes",
                                 *wanted, size));
  if (wanted && size > bytes.size())
    if (MaybeFault fault = file->append(size - bytes.size(), &bytes))
      return *fault;
  // One more read, because the checksum is compared at the end.
  if (MaybeFault fault = file->append(1, &bytes))
    return *fault;
  return parseNpy(bytes, where);
}
} // namespace

/// Calls `take(archive, index, name, where)` for every array of the file.
template <typename Take>
static MaybeFault forEachArray(const std::string &path, Take take) {
  Result<ZipArchive> archive = ZipArchive::open(path, "of .npy files");
  if (!archive)
    return archive.fault();
  std::set<std::string> names;
  for (size_t i = 0; i < archive->entries().size(); ++i) {
    std::string name = archive->entries()[i].name;
    if (name.ends_with(".npy"))
      name.resize(name.size() - 4);
    std::string where = fmt::format("{}[{}]", path, inQuotes(name));
    if (!names.insert(name).second)
      return corruptAt(where, 0, "two arrays have this name");
    if (MaybeFault fault = take(*archive, i, name, where))
      return fault;
  }
  return std::nullopt;
}

Result<std::vector<NamedArray>> readNpz(const std::string &path) {
  std::vector<NamedArray> arrays;
  MaybeFault fault = forEachArray(
      path,
      [&](ZipArchive &archive, size_t index, const std::string &name,
          const std::string &where) -> MaybeFault {
        Result<Array> array = readEntry(archive, index, where);
        if (!array)
          return array.fault();
        arrays.push_back({name, std::move(*array)});
        return std::nullopt;
      });
  if (fault)
    return *fault;
  return arrays;
}

/// Entry `index` where it lies in the file; nothing if it is deflated or in
/// another order than ours.
static Result<std::optional<NamedView>> viewEntry(ZipArchive &archive,
                                                  size_t index,
                                                  const std::string &name,
                                                  const std::string &where) {
  if (!archive.isMapped(index))
    return std::optional<NamedView>();
  auto bytes = archive.read(index, where);
  if (!bytes)
    return bytes.fault();
  std::span<const std::byte> all = *bytes;
  Result<NpyHeader> header = parseNpyHeader(all, where);
  if (!header)
    return header.fault();
  auto size = arrayBytes(header->type, header->shape);
  bool isOurs = !header->isBigEndian && header->type != ElementType::Bool &&
                (!header->isFortran || header->shape.size() < 2);
  // What does not fit is reported by who converts it.
  if (!isOurs || !size || all.size() - header->dataOffset != size_t(*size))
    return std::optional<NamedView>();
  return std::optional(
      NamedView{name, header->type, std::move(header->shape),
                all.subspan(header->dataOffset),
                std::make_shared<const FileBytes>(std::move(*bytes))});
}

Result<std::vector<NamedView>> mapNpz(const std::string &path) {
  std::vector<NamedView> views;
  MaybeFault fault = forEachArray(
      path,
      [&](ZipArchive &archive, size_t index, const std::string &name,
          const std::string &where) -> MaybeFault {
        auto view = viewEntry(archive, index, name, where);
        if (!view)
          return view.fault();
        if (*view) {
          views.push_back(std::move(**view));
          return std::nullopt;
        }
        Result<Array> array = readEntry(archive, index, where);
        if (!array)
          return array.fault();
        views.push_back(viewOf({name, std::move(*array)}));
        return std::nullopt;
      });
  if (fault)
    return *fault;
  return views;
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
