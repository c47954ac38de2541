//===- ZipArchive.cpp - Entries of a zip archive, read one by one ---------===//
#include "ZipArchive.h"
#include "InputFile.h"

#include <algorithm>
#include <cstring>
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

/// Bytes in memory as a source of libzip, which says where it was read last:
/// libzip itself does not tell where the bytes of an entry lie.
struct ZipBytes {
  explicit ZipBytes(const FileBytes &file) : file(file), all(file) {
    zip_error_init(&error);
  }

  const FileBytes &file;
  std::span<const std::byte> all;
  std::span<const std::byte> last; ///< what was read last
  zip_int64_t at = 0;
  zip_error_t error;

  zip_source_t *makeSource(zip_error_t *failure) {
    return zip_source_function_create(&ZipBytes::answer, this, failure);
  }

private:
  static zip_int64_t answer(void *self, void *data, zip_uint64_t length,
                            zip_source_cmd_t command) {
    return static_cast<ZipBytes *>(self)->answer(data, length, command);
  }
  zip_int64_t answer(void *data, zip_uint64_t length, zip_source_cmd_t command);
  void forgetLast();
};

/// Entries are read from their beginning to their end, each once.
void ZipBytes::forgetLast() {
  if (last.empty())
    return;
  // The page in which it begins was not yet read to its end.
  size_t before = std::min<size_t>(size_t(last.data() - all.data()), 1 << 16);
  file.forget({last.data() - before, last.size() + before});
}

zip_int64_t ZipBytes::answer(void *data, zip_uint64_t length,
                             zip_source_cmd_t command) {
  switch (command) {
  case ZIP_SOURCE_SUPPORTS:
    return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ,
                                          ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT,
                                          ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE,
                                          ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, -1);
  case ZIP_SOURCE_OPEN:
    at = 0;
    return 0;
  case ZIP_SOURCE_READ:
    forgetLast();
    last = all.subspan(size_t(at));
    last = last.first(std::min<size_t>(length, last.size()));
    if (!last.empty())
      std::memcpy(data, last.data(), last.size());
    at += zip_int64_t(last.size());
    return zip_int64_t(last.size());
  case ZIP_SOURCE_SEEK: {
    zip_int64_t place = zip_source_seek_compute_offset(
        zip_uint64_t(at), all.size(), data, length, &error);
    if (place < 0)
      return -1;
    at = place;
    return 0;
  }
  case ZIP_SOURCE_TELL:
    return at;
  case ZIP_SOURCE_STAT: {
    auto *info = static_cast<zip_stat_t *>(data);
    zip_stat_init(info);
    info->size = all.size();
    info->valid |= ZIP_STAT_SIZE;
    return sizeof(*info);
  }
  case ZIP_SOURCE_ERROR:
    return zip_error_to_data(&error, data, length);
  case ZIP_SOURCE_CLOSE:
  case ZIP_SOURCE_FREE:
    return 0;
  default:
    zip_error_set(&error, ZIP_ER_OPNOTSUPP, 0);
    return -1;
  }
}

ZipArchive::ZipArchive() = default;
ZipArchive::ZipArchive(ZipArchive &&) noexcept = default;
ZipArchive::~ZipArchive() = default;

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
    bool isStored = (info.valid & ZIP_STAT_COMP_METHOD) &&
                    (info.valid & ZIP_STAT_ENCRYPTION_METHOD) &&
                    info.comp_method == ZIP_CM_STORE &&
                    info.encryption_method == ZIP_EM_NONE &&
                    info.size == info.comp_size;
    entries.push_back({info.name, int64_t(info.size), int64_t(info.comp_size),
                       /*isDeflated=*/!isStored});
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
  auto bytes = FileBytes::map(path);
  if (!bytes)
    return bytes.fault();
  return parse(std::move(*bytes), path, content);
}

Result<ZipArchive> ZipArchive::parse(FileBytes bytes, const std::string &name,
                                     const std::string &content) {
  zip_error_t error;
  zip_error_init(&error);
  ZipArchive result;
  result.file = std::make_shared<const FileBytes>(std::move(bytes));
  result.bytes = std::make_unique<ZipBytes>(*result.file);
  zip_source_t *source = result.bytes->makeSource(&error);
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

static Fault otherLength(const std::string &where, size_t found, size_t size) {
  return corruptAt(where, int64_t(found),
                   fmt::format("expected {} bytes, as the archive says, "
                               "found {}",
                               size, found > size ? "more" : "fewer"));
}

/// Reads the entry for its checksum, and sees where libzip reads it.
Result<FileBytes> ZipArchive::locate(size_t index, const std::string &where) {
  auto stream = this->stream(index, where);
  if (!stream)
    return stream.fault();
  size_t size = size_t(list[index].bytes);
  std::vector<std::byte> scratch(1 << 18);
  std::span<const std::byte> found;
  for (size_t done = 0;;) {
    zip_int64_t got =
        zip_fread(stream->file.get(), scratch.data(), scratch.size());
    if (got < 0)
      return corruptAt(where, int64_t(done),
                       zip_file_strerror(stream->file.get()));
    if (got == 0 && done == size)
      break;
    size_t part = size_t(got);
    if (got == 0 || part > size - done)
      return otherLength(where, done + part, size);
    if (done == 0)
      found = bytes->last;
    // The file can be written to while it is mapped.
    if (bytes->last.size() != part ||
        bytes->last.data() != found.data() + done ||
        std::memcmp(bytes->last.data(), scratch.data(), part) != 0)
      return corruptAt(where, int64_t(done),
                       "the file changes while it is read");
    done += part;
  }
  found = {found.data(), size};
  file->forget(found);
  return file->isMapped() ? FileBytes(found, file) : FileBytes(found);
}

Result<FileBytes> ZipArchive::read(size_t index, const std::string &where) {
  if (!list[index].isDeflated)
    return locate(index, where);
  auto stream = this->stream(index, where);
  if (!stream)
    return stream.fault();
  std::vector<std::byte> inflated;
  size_t size = size_t(list[index].bytes);
  if (list[index].bytes <= list[index].storedBytes)
    inflated.reserve(size + 1);
  // One more byte, because the checksum is compared at the end.
  if (MaybeFault fault = stream->append(size + 1, &inflated))
    return *fault;
  if (inflated.size() != size)
    return otherLength(where, inflated.size(), size);
  return FileBytes(std::move(inflated));
}

} // namespace asgc
