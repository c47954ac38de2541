//===- CsvTest.cpp - CSV files --------------------------------------------===//
#include "TempFolder.h"

#include "asgc/Data.h"

#include <cstring>
#include <doctest/doctest.h>

using namespace asgc;
using asgc::test::TempFolder;

namespace {
std::vector<double> valuesOf(const Column &column, int64_t items) {
  std::vector<double> values(size_t(items * column.itemElements));
  loadElements(column.type, column.item(0), 0, values);
  return values;
}

/// The whole file as the train part.
DataRecipe csv(const std::string &path) {
  DataRecipe recipe;
  recipe.path = path;
  recipe.split = 1.0;
  recipe.splitOrder = SplitOrder::File;
  return recipe;
}

std::string messageOf(const DataRecipe &recipe) {
  Result<DataSplit> split = loadData(recipe, "");
  return split ? "" : split.fault().message;
}
} // namespace

TEST_SUITE("csv") {
  TEST_CASE("features and label are columns by number") {
    TempFolder folder;
    DataRecipe recipe = csv(folder.write("a.csv", "1,2,3.5,0\n4,5,-6e2,1\n"));
    recipe.features = {{0, 1}, {2, 3}};
    recipe.label = -1;
    Result<DataSplit> split = loadData(recipe, "");
    REQUIRE(split);
    const Dataset &data = *split->train.data;
    CHECK(data.items == 2);
    CHECK(data.find("features")->itemShape == std::vector<int64_t>{2});
    CHECK(data.find("features")->type == ElementType::F32);
    CHECK(valuesOf(*data.find("features"), 2) ==
          std::vector<double>{1, 3.5, 4, -600});
    CHECK(data.find("label")->type == ElementType::I64);
    CHECK(valuesOf(*data.find("label"), 2) == std::vector<double>{0, 1});
  }

  TEST_CASE("without features every column but the label is one") {
    TempFolder folder;
    DataRecipe recipe = csv(folder.write("a.csv", "1,7,2\n3,8,4\n"));
    recipe.label = 1;
    Result<DataSplit> split = loadData(recipe, "");
    REQUIRE(split);
    CHECK(valuesOf(*split->train.data->find("features"), 2) ==
          std::vector<double>{1, 2, 3, 4});
    recipe.label.reset();
    split = loadData(recipe, "");
    REQUIRE(split);
    CHECK(split->train.data->find("features")->itemElements == 3);
    CHECK(split->train.data->find("label") == nullptr);
  }

  TEST_CASE("quotes, blanks, blank lines, CRLF and a byte order mark") {
    TempFolder folder;
    DataRecipe recipe = csv(folder.write(
        "a.csv", "\xef\xbb\xbf\"a \"\"x\"\"\",b,\"c\nd\"\r\n\r\n \"1\" , 2 ,+3"
                 "\r\n\n4,5,6"));
    recipe.label = 2;
    Result<DataSplit> split = loadData(recipe, "");
    REQUIRE(split);
    CHECK(valuesOf(*split->train.data->find("features"), 2) ==
          std::vector<double>{1, 2, 4, 5});
    recipe.featureNames = {"a \"x\""};
    recipe.labelName = "c\nd";
    split = loadData(recipe, "");
    REQUIRE(split);
    CHECK(valuesOf(*split->train.data->find("features"), 2) ==
          std::vector<double>{1, 4});
    CHECK(valuesOf(*split->train.data->find("label"), 2) ==
          std::vector<double>{3, 6});
  }

  TEST_CASE("a header is recognized by features that are no numbers") {
    TempFolder folder;
    DataRecipe recipe =
        csv(folder.write("a.csv", "150,4,setosa,rosa\n1,2,3,0\n4,5,6,1\n"));
    recipe.features = {{0, 3}};
    recipe.label = 3;
    Result<DataSplit> split = loadData(recipe, "");
    REQUIRE(split);
    CHECK(split->train.data->items == 2);
    recipe.header = CsvHeader::Absent;
    CHECK(messageOf(recipe) == folder / "a.csv:1:7: expected a number in "
                                        "column 2, found \"setosa\"");
    // A header need not be as wide as the lines when it is not used.
    recipe = csv(folder.write("b.csv", "3,2,no,yes\n1,2,3\n4,5,6\n"));
    recipe.label = 0;
    split = loadData(recipe, "");
    REQUIRE(split);
    CHECK(split->train.data->items == 2);
  }

  TEST_CASE("names of classes become ids in sorted order") {
    TempFolder folder;
    DataRecipe recipe =
        csv(folder.write("a.csv", "1,wolf\n2,cat\n3,wolf\n4,dog\n"));
    recipe.label = 1;
    recipe.testPath = folder.write("t.csv", "5,dog\n6,cat\n");
    Result<DataSplit> split = loadData(recipe, "");
    REQUIRE(split);
    const Column &label = *split->train.data->find("label");
    CHECK(label.names == std::vector<std::string>{"cat", "dog", "wolf"});
    CHECK(valuesOf(label, 4) == std::vector<double>{2, 0, 2, 1});
    // A test file keeps the ids of the train file.
    CHECK(valuesOf(*split->test.data->find("label"), 2) ==
          std::vector<double>{1, 0});
    folder.write("t.csv", "5,dog\n6,cow\n");
    CHECK(messageOf(recipe) == folder / "t.csv:2:3: expected a class that the "
                                        "train file has in column 1, found "
                                        "\"cow\"");
  }

  TEST_CASE("gzip files read as their content") {
    TempFolder folder;
    DataRecipe recipe = csv(folder.writeGzip("a.csv.gz", "1,2\n3,4\n"));
    Result<DataSplit> split = loadData(recipe, "");
    REQUIRE(split);
    CHECK(valuesOf(*split->train.data->find("features"), 2) ==
          std::vector<double>{1, 2, 3, 4});
  }

  TEST_CASE("whole numbers beyond f32 stay exact") {
    TempFolder folder;
    DataRecipe recipe = csv(folder.write("a.csv", "1,16777217\n0.5,3\n"));
    Result<DataSplit> split = loadData(recipe, "");
    REQUIRE(split);
    CHECK(split->train.data->find("features")->type == ElementType::F64);
    CHECK(valuesOf(*split->train.data->find("features"), 2) ==
          std::vector<double>{1, 16777217, 0.5, 3});
  }

  TEST_CASE("labels may stand in a file of their own") {
    TempFolder folder;
    DataRecipe recipe = csv(folder.write("x.csv", "1 2\n3 4\n"));
    recipe.delimiter = ' ';
    recipe.labelPath = folder.write("y.csv", "0.5\n-1\n");
    Result<DataSplit> split = loadData(recipe, "");
    REQUIRE(split);
    CHECK(split->train.data->find("label")->type == ElementType::F32);
    CHECK(valuesOf(*split->train.data->find("label"), 2) ==
          std::vector<double>{0.5, -1});
    folder.write("y.csv", "0.5\n");
    CHECK(messageOf(recipe) == folder / "y.csv: expected 2 labels for the "
                                        "items of " +
                                   folder / "x.csv, found 1");
  }

  TEST_CASE("errors name file, line, column, expected and found") {
    struct Case {
      const char *content, *message;
    };
    const Case cases[] = {
        {"1,2,0\n3,x,0\n", ":2:3: expected a number in column 1, found \"x\""},
        {"1,2,0\n3,,0\n", ":2:3: expected a number in column 1, found nothing"},
        {"1,2,0\n3,0\n", ":2:1: expected 3 columns as in line 1, found 2"},
        {"1,2,0\n\n3,4,5,6\n",
         ":3:1: expected 3 columns as in line 1, found 4"},
        {"1,2,0\n1,nan,0\n", ":2:3: expected a finite number in the range of "
                             "f32 in column 1, found \"nan\""},
        {"1,2,0\n1,1e39,0\n", ":2:3: expected a finite number in the range of "
                              "f32 in column 1, found \"1e39\""},
        {"1,2,0\n1,1e999,0\n", ":2:3: expected a finite number in the range "
                               "of f32 in column 1, found \"1e999\""},
        {"1,2,0\n1,2 3,0\n",
         ":2:3: expected a number in column 1, found \"2 3\""},
        {"1,2,0\n1,\"2\n", ":2:3: expected a closing quote for the one here, "
                           "found the end of the file"},
        {"1,2,0\n1,\"2\"3,0\n", ":2:6: expected \",\" or the end of the line "
                                "after the quoted field, found \"3\""},
        {"1,2,0\n1,2,cat\n",
         ":2:5: expected a number in column 2, found \"cat\""},
        {"1,2,0\n1,2,99999999999999999\n",
         ":2:5: expected a whole number of at most 2^53 in column 2, found "
         "\"99999999999999999\""},
        {"1,2,0\n1,+-2,0\n",
         ":2:3: expected a number in column 1, found \"+-2\""},
        {"1,2,0\n1,\x01\t\"\\,0\n",
         ":2:3: expected a number in column 1, found \"\\x01\\x09\\\"\\\\\""},
        {"", ":1:1: expected lines with numbers, found an empty file"},
        {"a,b,c\n", ":1:1: expected lines with numbers, found only a header"},
        {"1\n", ":1:1: expected column 2 (the label), found a line of 1 "
                "columns (0 to 0)"},
    };
    for (const Case &c : cases) {
      CAPTURE(c.content);
      TempFolder folder;
      DataRecipe recipe = csv(folder.write("a.csv", c.content));
      recipe.label = 2;
      CHECK(messageOf(recipe) == folder / "a.csv" + c.message);
    }
  }

  TEST_CASE("numbers too small for a double are zero") {
    TempFolder folder;
    Result<DataSplit> split =
        loadData(csv(folder.write("a.csv", "1e-999,1e-42\n")), "");
    REQUIRE(split);
    CHECK(valuesOf(*split->train.data->find("features"), 1) ==
          std::vector<double>{0.0, double(1e-42f)});
  }

  TEST_CASE("a field without an end is refused before it fills memory") {
    TempFolder folder;
    std::string content = "1,2\n3,\"" + std::string(3 << 20, 'x');
    CHECK(messageOf(csv(folder.write("a.csv", content))) ==
          folder / "a.csv:2:3: expected a field of at most 1048576 bytes, in "
                   "a record of at most 67108864; is a quote left open?");
  }

  TEST_CASE("columns that are not there are named") {
    TempFolder folder;
    DataRecipe recipe = csv(folder.write("a.csv", "w,h,kind\n1,2,0\n"));
    recipe.labelName = "sort";
    CHECK(messageOf(recipe) == folder / "a.csv: expected a column called "
                                        "\"sort\", found w, h, kind");
    recipe.labelName.clear();
    recipe.features = {{0, 9}};
    CHECK(messageOf(recipe) ==
          folder / "a.csv:2:1: expected column 3 (a feature), found a line of "
                   "3 columns (0 to 2)");
  }

  TEST_CASE("files that are missing, folders, or no gzip") {
    TempFolder folder;
    Result<DataSplit> split = loadData(csv(folder / "none.csv"), "");
    REQUIRE(!split);
    CHECK(split.fault().kind == FaultKind::Environment);
    CHECK(split.fault().message ==
          folder / "none.csv: No such file or directory");
    CHECK(messageOf(csv(folder.path.string())) ==
          folder.path.string() + ": expected a file, found a folder");
    folder.write("a.csv.gz", "1,2\n");
    CHECK(messageOf(csv(folder / "a.csv.gz")) ==
          folder / "a.csv.gz: expected a gzip file, as the name says, but the "
                   "bytes 1f 8b at its start are missing (offset 0)");
  }

  TEST_CASE("a truncated or damaged gzip file is refused") {
    TempFolder folder;
    std::string content;
    for (int i = 0; i < 20000; ++i)
      content += std::to_string(i * 7919 % 10007) + ",1\n";
    folder.writeGzip("a.csv.gz", content);
    std::string bytes = folder.read("a.csv.gz");
    folder.write("a.csv.gz", bytes.substr(0, bytes.size() / 2));
    std::string message = messageOf(csv(folder / "a.csv.gz"));
    CHECK(message.find(": the gzip file is truncated (offset ") !=
          std::string::npos);
    bytes[bytes.size() / 2] ^= 0x55;
    folder.write("a.csv.gz", bytes);
    CHECK(!messageOf(csv(folder / "a.csv.gz")).empty());
  }
}
