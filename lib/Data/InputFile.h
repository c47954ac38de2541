//===- InputFile.h - Reads plain and gzip files alike ---------------------===//
#ifndef ASGC_LIB_DATA_INPUTFILE_H
#define ASGC_LIB_DATA_INPUTFILE_H

#include "asgc/Data.h"

struct gzFile_s;

namespace asgc {

/// A file that is read from its beginning to its end, inflated if it is gzip.
class InputFile {
public:
  /// Fails if the file is not there, is a folder, cannot be read, or is called
  /// `.gz` and is not gzip.
  static Result<InputFile> open(const std::string &path);

  const std::string &path() const { return filePath; }
  /// Bytes of content, known only for a plain regular file.
  std::optional<int64_t> size() const { return plainSize; }
  /// Bytes read so far, after inflation.
  int64_t offset() const { return position; }
  bool isCompressed() const { return compressed; }

  /// Reads until `out` is full or the content ends; returns the bytes read.
  Result<size_t> read(std::span<std::byte> out);
  /// Appends the rest of the content to `data`, so that it holds exactly
  /// `bytes`; fewer or more are a failure that says what they are ("[3, 4] of
  /// f32"). A plain file is measured before anything is allocated; of a
  /// compressed one no more is allocated than about what it really holds.
  MaybeFault readRest(int64_t bytes, const std::string &what,
                      std::vector<std::byte> *data);
  /// Reads the rest, whatever its size.
  Result<std::vector<std::byte>> readAll();

private:
  struct Close {
    void operator()(gzFile_s *file) const;
  };
  std::unique_ptr<gzFile_s, Close> file;
  std::string filePath;
  std::optional<int64_t> plainSize;
  int64_t position = 0;
  bool compressed = false;
};

/// `text` in double quotes for a message: control characters escaped, cut after
/// 40 bytes.
std::string inQuotes(std::string_view text);

/// "[3, 4]".
std::string shapeText(std::span<const int64_t> shape);

/// A Fault of kind Input that says "PATH: reason (offset N)".
Fault corruptAt(const std::string &path, int64_t offset,
                const std::string &reason);

} // namespace asgc

#endif
