//===- Csv.cpp - CSV files as data sets -----------------------------------===//
#include "CsvReader.h"
#include "Readers.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <map>

namespace asgc {

namespace {
/// More columns than this is a range typed wrong.
constexpr int64_t kMaxColumns = 1 << 24;

bool isNumber(std::string_view text) {
  NumberColumn probe;
  return probe.append(text) == nullptr;
}

/// Labels that are numbers, or names that become ids in sorted order.
class LabelColumn {
public:
  explicit LabelColumn(const Column *train) {
    if (train && !train->names.empty()) {
      isNamed = isFixed = true;
      for (const std::string &name : train->names)
        ids.emplace(name, ids.size());
    }
  }

  /// What was expected instead of `text`, or null.
  const char *append(std::string_view text) {
    if (count++ == 0 && !isFixed)
      isNamed = !text.empty() && !isNumber(text);
    if (!isNamed)
      return numbers.append(text);
    if (text.empty())
      return "the name of a class";
    auto found = ids.find(text);
    if (found == ids.end()) {
      if (isFixed)
        return "a class that the train file has";
      found = ids.emplace(std::string(text), ids.size()).first;
    }
    order.push_back(found->second);
    return nullptr;
  }

  Column finish() {
    if (!isNamed) {
      ElementType type;
      std::vector<std::byte> bytes =
          numbers.finish(/*preferWhole=*/true, &type);
      return makeColumn("label", type, {}, std::move(bytes));
    }
    // The map is sorted by name; ids so far are in the order of appearance.
    std::vector<int64_t> sorted(ids.size());
    std::vector<std::string> names;
    for (const auto &[name, id] : ids) {
      sorted[id] = int64_t(names.size());
      names.push_back(name);
    }
    std::vector<std::byte> bytes(order.size() * sizeof(int64_t));
    for (size_t i = 0; i < order.size(); ++i)
      std::memcpy(bytes.data() + i * 8, &sorted[order[i]], 8);
    Column column = makeColumn("label", ElementType::I64, {}, std::move(bytes));
    column.names = std::move(names);
    return column;
  }

private:
  bool isNamed = false, isFixed = false;
  size_t count = 0;
  NumberColumn numbers;
  std::map<std::string, size_t, std::less<>> ids;
  std::vector<size_t> order;
};

/// The numbers of the columns that a recipe selects.
struct Selection {
  std::vector<int64_t> features;
  int64_t label = -1;
};

Result<int64_t> columnCalled(const std::string &name,
                             const std::vector<std::string> &header,
                             const std::string &path) {
  auto found = std::find(header.begin(), header.end(), name);
  if (found == header.end()) {
    std::vector<std::string> some(
        header.begin(), header.begin() + std::min<size_t>(header.size(), 12));
    return Fault{FaultKind::Input,
                 fmt::format("{}: expected a column called {}, found {}{}",
                             path, inQuotes(name), fmt::join(some, ", "),
                             header.size() > 12 ? ", …" : "")};
  }
  return found - header.begin();
}

class CsvDatasetReader {
public:
  CsvDatasetReader(const DataRecipe &recipe, CsvReader reader, bool onlyLabel,
                   bool hasLabel, const Dataset *train)
      : recipe(recipe), reader(std::move(reader)), onlyLabel(onlyLabel),
        hasLabel(hasLabel), labels(train ? train->find("label") : nullptr) {}

  Result<Dataset> read();

private:
  MaybeFault readHeader();
  bool looksLikeHeader() const;
  MaybeFault select();
  Result<int64_t> resolve(int64_t column, const char *what) const;
  MaybeFault appendRow();
  Fault wrong(const CsvField &field, const char *expected, size_t number) const;

  const DataRecipe &recipe;
  CsvReader reader;
  bool onlyLabel, hasLabel;
  LabelColumn labels;
  NumberColumn numbers;
  std::vector<CsvField> row;
  std::vector<std::string> header;
  Selection selected;
  size_t width = 0;
  int64_t firstLine = 0;
  int64_t items = 0;
};

/// A first line is a header if a column of features in it is no number.
bool CsvDatasetReader::looksLikeHeader() const {
  if (!recipe.featureNames.empty() || !recipe.labelName.empty())
    return true;
  if (onlyLabel)
    return false; // names of classes are text as well
  auto isText = [&](size_t i) {
    return i < row.size() && !row[i].text.empty() && !isNumber(row[i].text);
  };
  int64_t width = int64_t(row.size());
  int64_t label = recipe.label.value_or(width);
  label = label < 0 ? label + width : label;
  if (recipe.features.empty()) {
    for (int64_t i = 0; i < width; ++i)
      if (i != label && isText(size_t(i)))
        return true;
    return false;
  }
  for (ColumnRange range : recipe.features)
    for (int64_t i = std::max<int64_t>(range.begin, 0);
         i < std::min(range.end, width); ++i)
      if (isText(size_t(i)))
        return true;
  return false;
}

/// Leaves the first record with data in `row`.
MaybeFault CsvDatasetReader::readHeader() {
  Result<bool> more = reader.next(&row);
  if (!more)
    return more.fault();
  if (*more && (recipe.header == CsvHeader::Present ||
                (recipe.header == CsvHeader::Auto && looksLikeHeader()))) {
    for (const CsvField &field : row)
      header.emplace_back(field.text);
    more = reader.next(&row);
    if (!more)
      return more.fault();
  }
  if (!*more)
    return reader.faultAt(1, 1,
                          header.empty()
                              ? "expected lines with numbers, found an "
                                "empty file"
                              : "expected lines with numbers, found "
                                "only a header");
  width = row.size();
  firstLine = row.front().line;
  return std::nullopt;
}

Result<int64_t> CsvDatasetReader::resolve(int64_t column,
                                          const char *what) const {
  int64_t resolved = column < 0 ? column + int64_t(width) : column;
  if (resolved < 0 || resolved >= int64_t(width))
    return reader.faultAt(firstLine, 1,
                          fmt::format("expected column {} ({}), found a line "
                                      "of {} columns (0 to {})",
                                      column, what, width, width - 1));
  return resolved;
}

MaybeFault CsvDatasetReader::select() {
  if (hasLabel && !recipe.labelName.empty()) {
    Result<int64_t> label =
        columnCalled(recipe.labelName, header, reader.path());
    if (!label)
      return label.fault();
    selected.label = *label;
  } else if (hasLabel) {
    Result<int64_t> label = resolve(recipe.label.value_or(0), "the label");
    if (!label)
      return label.fault();
    selected.label = *label;
  }
  if (onlyLabel)
    return std::nullopt;
  for (const std::string &name : recipe.featureNames) {
    Result<int64_t> column = columnCalled(name, header, reader.path());
    if (!column)
      return column.fault();
    selected.features.push_back(*column);
  }
  if (!recipe.featureNames.empty())
    return std::nullopt;
  std::vector<ColumnRange> ranges = recipe.features;
  if (ranges.empty())
    ranges.push_back({0, int64_t(width)});
  for (ColumnRange range : ranges) {
    if (range.end - range.begin > kMaxColumns)
      range.end = range.begin + kMaxColumns;
    for (int64_t i = range.begin; i < range.end; ++i) {
      Result<int64_t> column = resolve(i, "a feature");
      if (!column)
        return column.fault();
      if (*column != selected.label || !recipe.features.empty())
        selected.features.push_back(*column);
    }
  }
  if (selected.features.empty())
    return reader.faultAt(firstLine, 1,
                          "expected a column of features besides the label, "
                          "found none");
  return std::nullopt;
}

Fault CsvDatasetReader::wrong(const CsvField &field, const char *expected,
                              size_t number) const {
  return reader.faultAt(
      field.line, field.column,
      fmt::format("expected {} in column {}, found {}", expected, number,
                  field.text.empty() ? "nothing" : inQuotes(field.text)));
}

MaybeFault CsvDatasetReader::appendRow() {
  if (row.size() != width)
    return reader.faultAt(
        row.front().line, 1,
        fmt::format("expected {} columns as in line {}, found {}", width,
                    firstLine, row.size()));
  for (int64_t column : selected.features)
    if (const char *expected = numbers.append(row[size_t(column)].text))
      return wrong(row[size_t(column)], expected, size_t(column));
  if (selected.label >= 0)
    if (const char *expected = labels.append(row[size_t(selected.label)].text))
      return wrong(row[size_t(selected.label)], expected,
                   size_t(selected.label));
  ++items;
  return std::nullopt;
}

Result<Dataset> CsvDatasetReader::read() {
  if (MaybeFault fault = readHeader())
    return *fault;
  if (MaybeFault fault = select())
    return *fault;
  while (true) {
    if (MaybeFault fault = appendRow())
      return *fault;
    Result<bool> more = reader.next(&row);
    if (!more)
      return more.fault();
    if (!*more)
      break;
  }
  Dataset data;
  data.source = reader.path();
  data.items = items;
  if (!onlyLabel) {
    ElementType type;
    std::vector<std::byte> bytes = numbers.finish(/*preferWhole=*/false, &type);
    data.columns.push_back(makeColumn("features", type,
                                      {int64_t(selected.features.size())},
                                      std::move(bytes)));
  }
  if (selected.label >= 0)
    data.columns.push_back(labels.finish());
  return data;
}

Result<Dataset> readOne(const DataRecipe &recipe, const std::string &path,
                        bool onlyLabel, bool hasLabel, const Dataset *train) {
  Result<InputFile> file = InputFile::open(path);
  if (!file)
    return file.fault();
  return CsvDatasetReader(recipe, CsvReader(std::move(*file), recipe.delimiter),
                          onlyLabel, hasLabel, train)
      .read();
}
} // namespace

Result<Dataset> readCsvDataset(const DataRecipe &recipe,
                               const std::string &path,
                               const std::string &labelPath,
                               const Dataset *train) {
  bool isHere = labelPath.empty();
  Result<Dataset> data =
      readOne(recipe, path, /*onlyLabel=*/false,
              isHere && (recipe.label || !recipe.labelName.empty()), train);
  if (!data || isHere)
    return data;
  Result<Dataset> labels = readOne(recipe, labelPath, true, true, train);
  if (!labels)
    return labels;
  if (labels->items != data->items)
    return Fault{FaultKind::Input,
                 fmt::format("{}: expected {} labels for the items of {}, "
                             "found {}",
                             labelPath, data->items, path, labels->items)};
  data->columns.push_back(std::move(labels->columns.front()));
  return data;
}

} // namespace asgc
