//===- ZipArchive.h - Entries of a zip archive, read one by one -----------===//
#ifndef ASGC_LIB_DATA_ZIPARCHIVE_H
#define ASGC_LIB_DATA_ZIPARCHIVE_H

#include "asgc/Data.h"

struct zip;
struct zip_file;

namespace asgc {

struct ZipEntry {
  std::string name;
  int64_t bytes = 0;       ///< once inflated, as the archive announces
  int64_t storedBytes = 0; ///< within the archive, which holds them
};

/// An entry that is being inflated.
class ZipStream {
public:
  /// Appends up to `bytes` bytes to `data`; fewer only at the end, where the
  /// checksum is compared.
  MaybeFault append(size_t bytes, std::vector<std::byte> *data);

private:
  friend class ZipArchive;
  struct Close {
    void operator()(zip_file *file) const;
  };
  std::unique_ptr<zip_file, Close> file;
  std::string where; ///< for messages
};

class ZipArchive {
public:
  /// Opens the archive at `path`, which messages expect to be one "of .npy
  /// files" or whatever else `content` says.
  static Result<ZipArchive> open(const std::string &path,
                                 const std::string &content);
  /// The same from memory, which must outlive the archive.
  static Result<ZipArchive> parse(std::span<const std::byte> bytes,
                                  const std::string &name,
                                  const std::string &content);

  /// In the order of the archive; names may repeat.
  const std::vector<ZipEntry> &entries() const { return list; }
  /// Begins to read entry `index`; `where` is what messages call it.
  Result<ZipStream> stream(size_t index, std::string where);
  /// The whole of entry `index`, its checksum compared. No more is allocated
  /// than about what the entry really holds.
  Result<std::vector<std::byte>> read(size_t index, std::string where);

private:
  struct Close {
    void operator()(zip *archive) const;
  };

  std::unique_ptr<zip, Close> archive;
  std::vector<ZipEntry> list;
};

} // namespace asgc

#endif
