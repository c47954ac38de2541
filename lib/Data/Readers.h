//===- Readers.h - One function per format of data set --------------------===//
#ifndef ASGC_LIB_DATA_READERS_H
#define ASGC_LIB_DATA_READERS_H

#include "InputFile.h"
#include "asgc/FileBytes.h"

namespace asgc {

/// The columns of one file (and of its labels' file). `train` is the data set
/// that a test file belongs to, whose names of ids it must use, or null.
Result<Dataset> readCsvDataset(const DataRecipe &recipe,
                               const std::string &path,
                               const std::string &labelPath,
                               const Dataset *train);
Result<Dataset> readIdxDataset(const std::string &path,
                               const std::string &labelPath);
Result<Dataset> readNpyDataset(const std::string &path,
                               const std::string &labelPath);
/// The arrays of a .npz file, where they lie in it if it holds them as they are.
Result<std::vector<NamedView>> mapNpz(const std::string &path);
Result<Dataset> readNpzDataset(const DataRecipe &recipe,
                               const std::string &path);
Result<Dataset> readTextDataset(const DataRecipe &recipe,
                                const std::string &path, const Dataset *train);

/// A contiguous column of whole items.
Column makeColumn(std::string name, ElementType type,
                  std::vector<int64_t> itemShape, std::vector<std::byte> bytes);

/// An array, the name of the column it becomes, and where it comes from.
struct SourcedArray {
  std::string column;
  std::string source;
  Array array;
};

/// Columns from arrays whose leading dims count the same items.
Result<Dataset> makeDataset(std::vector<SourcedArray> arrays);

/// "features" from `path`, and "label" from `labelPath` unless that is empty.
Result<Dataset> datasetOfFiles(const std::string &path,
                               const std::string &labelPath,
                               Result<Array> (*read)(const std::string &));

/// The rows of a CSV file as numbers: f32 as long as every whole number is
/// exact in it, then f64.
class NumberColumn {
public:
  /// Appends the number `text` spells. Returns what was expected ("a finite
  /// number"), or null on success.
  const char *append(std::string_view text);
  /// True if every number so far was written without fraction and exponent.
  bool isWhole() const { return whole; }
  size_t size() const { return wide ? doubles.size() : floats.size(); }
  /// Moves the numbers out: as i64 if `preferWhole` and all are whole.
  std::vector<std::byte> finish(bool preferWhole, ElementType *type);

private:
  bool wide = false, whole = true;
  std::vector<float> floats;
  std::vector<double> doubles;
};

} // namespace asgc

#endif
