//===- ZipArchive.cpp - Entries of a zip archive, read one by one ---------===//
#include "ZipArchive.h"
#include "InputFile.h"

#include <algorithm>
#include <fmt/format.h>
#include <sys/stat.h>
#include <zip.h>

namespace asgc {

/// More entries than any file of arrays has.
static constexpr zip_int64_t kMaxEntries = 1 << 20;
/// What entries may become together: so many times the bytes that hold them, or
/// so many bytes if that is more. An archive beyond both was made to fill
/// memory.
static constexpr int64_t kMaxExpansion = 100, kHarmlessBytes = 1 << 30;

void ZipStream::Close::operator()(zip_file *file) const { zip_fclose(file); }
void ZipArchive::Close::operator()(zip *archive) const { zip_discard(archive); }

static Fault openFault(zip_error_t *error, const std::string &path,
                       const std::string &content) {
  std::string reason = zip_error_strerror(error);
  int code = zip_error_code_zip(error);
  zip_error_fini(error);
  bool isOfSystem = code == ZIP_ER_OPEN || code == ZIP_ER_NOENT ||
                    code == ZIP_ER_READ || code == ZIP_ER_SEEK ||
                    code == ZIP_ER_MEMORY;
  if (isOfSystem)
    return {FaultKind::Environment, path + ": " + reason};
  return corruptAt(
      path, 0, fmt::format("expected a zip archive {}: {}", content, reason));
}

/// What the archive says of its entries.
static Result<std::vector<ZipEntry>> listEntries(zip_t *archive,
                                                 const std::string &path) {
  zip_int64_t count = zip_get_num_entries(archive, 0);
  if (count > kMaxEntries)
    return corruptAt(path, 0,
                     fmt::format("expected at most {} entries, found {}",
                                 kMaxEntries, count));
  std::vector<ZipEntry> entries;
  double bytes = 0, storedBytes = 0;
  for (zip_int64_t i = 0; i < count; ++i) {
    zip_stat_t info;
    if (zip_stat_index(archive, zip_uint64_t(i), 0, &info) != 0 ||
        !(info.valid & ZIP_STAT_NAME))
      return corruptAt(path, 0, zip_strerror(archive));
    if (!(info.valid & ZIP_STAT_SIZE) || info.size > INT64_MAX ||
        !(info.valid & ZIP_STAT_COMP_SIZE) || info.comp_size > INT64_MAX)
      return corruptAt(fmt::format("{}[{}]", path, inQuotes(info.name)), 0,
                       "the archive does not say how long it is");
    entries.push_back({info.name, int64_t(info.size), int64_t(info.comp_size)});
    bytes += double(info.size);
    storedBytes += double(info.comp_size);
  }
  if (bytes > kHarmlessBytes && bytes > kMaxExpansion * storedBytes)
    return corruptAt(path, 0,
                     fmt::format("the entries expand {:.0f} bytes to {:.0f}, "
                                 "more than {} times",
                                 storedBytes, bytes, kMaxExpansion));
  return entries;
}

Result<ZipArchive> ZipArchive::open(const std::string &path,
                                    const std::string &content) {
  struct stat info;
  if (stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode))
    return Fault{FaultKind::Environment,
                 path + ": expected a file, found a folder"};
  ZipArchive result;
  int code = 0;
  result.archive.reset(
      zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code));
  if (!result.archive) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    return openFault(&error, path, content);
  }
  auto entries = listEntries(result.archive.get(), path);
  if (!entries)
    return entries.fault();
  result.list = std::move(*entries);
  return result;
}

Result<ZipArchive> ZipArchive::parse(std::span<const std::byte> bytes,
                                     const std::string &name,
                                     const std::string &content) {
  zip_error_t error;
  zip_error_init(&error);
  ZipArchive result;
  zip_source_t *source =
      zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  if (source)
    result.archive.reset(
        zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error));
  if (!result.archive) {
    if (source)
      zip_source_free(source);
    return openFault(&error, name, content);
  }
  zip_error_fini(&error);
  auto entries = listEntries(result.archive.get(), name);
  if (!entries)
    return entries.fault();
  result.list = std::move(*entries);
  return result;
}

Result<ZipStream> ZipArchive::stream(size_t index, std::string where) {
  ZipStream result;
  result.where = std::move(where);
  result.file.reset(zip_fopen_index(archive.get(), index, 0));
  if (!result.file)
    return corruptAt(result.where, 0, zip_strerror(archive.get()));
  return result;
}

MaybeFault ZipStream::append(size_t bytes, std::vector<std::byte> *data) {
  size_t done = data->size(), end = done + bytes;
  while (done < end) {
    // Small steps at first: an archive may announce more than it holds.
    size_t step = std::min(end - done, std::max<size_t>(done, 1 << 20));
    data->resize(done + step);
    zip_int64_t got = zip_fread(file.get(), data->data() + done, step);
    if (got < 0)
      return corruptAt(where, int64_t(done), zip_file_strerror(file.get()));
    done += size_t(got);
    data->resize(done);
    if (got == 0)
      break;
  }
  return std::nullopt;
}

Result<std::vector<std::byte>> ZipArchive::read(size_t index,
                                                std::string where) {
  auto file = stream(index, std::move(where));
  if (!file)
    return file.fault();
  std::vector<std::byte> bytes;
  size_t size = size_t(list[index].bytes);
  if (list[index].bytes <= list[index].storedBytes)
    bytes.reserve(size + 1);
  // One more byte, because the checksum is compared at the end.
  if (MaybeFault fault = file->append(size + 1, &bytes))
    return *fault;
  if (bytes.size() != size)
    return corruptAt(file->where, int64_t(bytes.size()),
                     fmt::format("expected {} bytes, as the archive says, "
                                 "found {}",
                                 size, bytes.size() > size ? "more" : "fewer"));
  return bytes;
}

} // namespace asgc
