//===- ZipArchive.h - Entries of a zip archive, read one by one -----------===//
#ifndef ASGC_LIB_DATA_ZIPARCHIVE_H
#define ASGC_LIB_DATA_ZIPARCHIVE_H

#include "asgc/FileBytes.h"

struct zip;
struct zip_file;

namespace asgc {

struct ZipBytes;

struct ZipEntry {
  std::string name;
  int64_t bytes = 0;       ///< once inflated, as the archive announces
  int64_t storedBytes = 0; ///< within the archive, which holds them
  bool isDeflated = true;  ///< else the archive holds the bytes as they are
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
  ZipArchive(ZipArchive &&) noexcept;
  ~ZipArchive();

  /// Maps the archive at `path`, which messages expect to be one "of .npy
  /// files" or whatever else `content` says.
  static Result<ZipArchive> open(const std::string &path,
                                 const std::string &content);
  /// The same of bytes in memory.
  static Result<ZipArchive> parse(FileBytes bytes, const std::string &name,
                                  const std::string &content);

  /// In the order of the archive; names may repeat.
  const std::vector<ZipEntry> &entries() const { return list; }
  /// Begins to read entry `index`; `where` is what messages call it.
  Result<ZipStream> stream(size_t index, std::string where);
  /// The whole of entry `index`, its checksum compared: where it lies in the
  /// archive if it is not deflated, and else with no more allocated than about
  /// what it really holds.
  Result<FileBytes> read(size_t index, const std::string &where);
  /// Whether `read` gives bytes in mapped pages, which stay as long as any that
  /// it gave.
  bool isMapped(size_t index) const {
    return file->isMapped() && !list[index].isDeflated;
  }

private:
  struct Close {
    void operator()(zip *archive) const;
  };

  ZipArchive();
  Result<FileBytes> locate(size_t index, const std::string &where);

  std::shared_ptr<const FileBytes> file;
  std::unique_ptr<ZipBytes> bytes; ///< of `file`, as libzip reads them
  std::unique_ptr<zip, Close> archive;
  std::vector<ZipEntry> list;
};

} // namespace asgc

#endif
