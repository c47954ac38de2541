//===- CsvReader.h - Splits a CSV file into records and fields ------------===//
#ifndef ASGC_LIB_DATA_CSVREADER_H
#define ASGC_LIB_DATA_CSVREADER_H

#include "InputFile.h"

namespace asgc {

/// A field, without the quotes around it and the blanks around those.
struct CsvField {
  std::string_view text;
  int64_t line = 0;   ///< from 1
  int64_t column = 0; ///< of its first byte in that line, from 1
};

/// Reads records as RFC 4180 writes them: quoted fields may hold delimiters,
/// line ends and doubled quotes; lines end in LF or CRLF; blank lines are
/// skipped; a byte order mark is dropped.
class CsvReader {
public:
  CsvReader(InputFile file, char delimiter);

  /// Reads the next record into `fields`, whose texts live until the next
  /// call; false at the end of the file.
  Result<bool> next(std::vector<CsvField> *fields);

  /// "PATH:LINE:COLUMN: reason".
  Fault faultAt(int64_t line, int64_t column, const std::string &reason) const;
  const std::string &path() const { return file.path(); }

private:
  struct Span {
    size_t begin, end;
    int64_t line, column;
  };

  /// The next byte, -1 at the end, or -2 after a failure in `failure`.
  int peek();
  int take();
  MaybeFault readRecord();
  MaybeFault readField();
  MaybeFault readQuoted();
  MaybeFault append(std::string_view bytes);
  std::string_view takeOrdinary();

  InputFile file;
  char delimiter;
  std::vector<std::byte> buffer;
  size_t cursor = 0, filled = 0;
  bool isAtStart = true;
  MaybeFault failure;
  int64_t line = 1, column = 1;
  std::string text; ///< the record's fields, one after the other
  std::vector<Span> spans;
};

} // namespace asgc

#endif
