//===- LoadDataTest.cpp - Splits, transforms, text ------------------------===//
#include "TempFolder.h"

#include "asgc/Data.h"

#include <algorithm>
#include <doctest/doctest.h>

using namespace asgc;
using asgc::test::TempFolder;
using namespace std::string_literals;

namespace {
/// One item of a column as a batch holds it.
std::vector<double> itemOf(const DataPart &part, const std::string &column,
                           uint32_t item) {
  const Column &c = *part.data->find(column);
  int64_t elements = 1;
  for (int64_t extent : c.batchItemShape())
    elements *= extent;
  std::vector<std::byte> bytes(size_t(elements) * 4);
  gatherItems(c, ElementType::F32, {&item, 1}, bytes.data());
  std::vector<double> values(static_cast<size_t>(elements));
  loadElements(ElementType::F32, bytes.data(), 0, values);
  return values;
}

std::string rows(int count) {
  std::string content;
  for (int i = 0; i < count; ++i)
    content += std::to_string(i) + "," + std::to_string(i % 3) + "\n";
  return content;
}

DataRecipe csv(const std::string &path) {
  DataRecipe recipe;
  recipe.path = path;
  recipe.label = 1;
  return recipe;
}

std::string messageOf(const DataRecipe &recipe) {
  Result<DataSplit> split = loadData(recipe, "");
  return split ? "" : split.fault().message;
}
} // namespace

TEST_SUITE("split") {
  TEST_CASE(
      "parts are disjoint, cover the file, and depend on the seed alone") {
    TempFolder folder;
    DataRecipe recipe = csv(folder.write("a.csv", rows(100)));
    Result<DataSplit> one = loadData(recipe, "");
    Result<DataSplit> two = loadData(recipe, "");
    REQUIRE(one);
    REQUIRE(two);
    CHECK(one->train.items.size() == 80);
    CHECK(one->test.items.size() == 20);
    CHECK(one->train.items == two->train.items);
    std::vector<uint32_t> all = one->train.items;
    all.insert(all.end(), one->test.items.begin(), one->test.items.end());
    CHECK(!std::is_sorted(all.begin(), all.end()));
    // Each part is in the order of the file, for runs that do not shuffle.
    CHECK(std::is_sorted(one->train.items.begin(), one->train.items.end()));
    CHECK(std::is_sorted(one->test.items.begin(), one->test.items.end()));
    std::sort(all.begin(), all.end());
    for (uint32_t i = 0; i < 100; ++i)
      REQUIRE(all[i] == i);
    recipe.splitSeed = 1;
    two = loadData(recipe, "");
    CHECK(one->test.items != two->test.items);
  }

  TEST_CASE("in the order of the file the last items are the test part") {
    TempFolder folder;
    DataRecipe recipe = csv(folder.write("a.csv", rows(10)));
    recipe.splitOrder = SplitOrder::File;
    recipe.split = 0.75;
    Result<DataSplit> split = loadData(recipe, "");
    REQUIRE(split);
    CHECK(split->train.items == std::vector<uint32_t>{0, 1, 2, 3, 4, 5, 6, 7});
    CHECK(split->test.items == std::vector<uint32_t>{8, 9});
    recipe.split = 0.01;
    CHECK(messageOf(recipe) == folder / "a.csv: a split of 0.01 leaves none "
                                        "of 10 items to train on");
  }

  TEST_CASE("a file of its own is the test part") {
    TempFolder folder;
    folder.write("train.csv", rows(10));
    folder.write("test.csv", rows(4));
    DataRecipe recipe = csv("train.csv");
    recipe.testPath = "test.csv";
    Result<DataSplit> split = loadData(recipe, folder.path.string());
    REQUIRE(split);
    CHECK(split->train.items.size() == 10);
    CHECK(split->test.items.size() == 4);
    CHECK(split->test.data->source == folder / "test.csv");
    recipe.label.reset();
    recipe.testPath = folder.write("wide.csv", "1,2,3\n");
    CHECK(loadData(recipe, folder.path.string()).fault().message ==
          folder / "wide.csv: expected \"features\" of shape [2] as in " +
              (folder / "train.csv") + ", found [3]");
  }

  TEST_CASE("the fingerprint tells other data, other shapes, same data") {
    TempFolder folder;
    DataRecipe recipe = csv(folder.write("a.csv", rows(10)));
    uint32_t print = loadData(recipe, "")->fingerprint;
    recipe.path = folder.write("b.csv", rows(10));
    CHECK(loadData(recipe, "")->fingerprint == print);
    recipe.path = folder.write("c.csv", "7" + rows(10));
    CHECK(loadData(recipe, "")->fingerprint != print);
    recipe = csv(folder / "a.csv");
    recipe.shape = {1, 1};
    CHECK(loadData(recipe, "")->fingerprint != print);
  }
}

TEST_SUITE("transforms") {
  TEST_CASE("scale, offset and shape of features") {
    TempFolder folder;
    DataRecipe recipe = csv(folder.write("a.csv", "16,1,8,4,2\n"));
    recipe.label = 1;
    recipe.split = 1.0;
    recipe.scale = 1.0 / 16;
    recipe.offset = -0.5;
    recipe.shape = {2, 1, 2};
    Result<DataSplit> split = loadData(recipe, "");
    REQUIRE(split);
    CHECK(split->train.data->find("features")->batchItemShape() ==
          std::vector<int64_t>{2, 1, 2});
    CHECK(itemOf(split->train, "features", 0) ==
          std::vector<double>{0.5, 0, -0.25, -0.375});
    CHECK(itemOf(split->train, "label", 0) == std::vector<double>{1});
    recipe.shape = {3};
    CHECK(messageOf(recipe) == folder / "a.csv: expected a shape of 4 elements "
                                        "for an item of [4], found [3]");
  }

  TEST_CASE("standardizing measures the train part only") {
    TempFolder folder;
    DataRecipe recipe = csv(folder.write("a.csv", "1,0,5\n3,0,5\n100,0,7\n"));
    recipe.splitOrder = SplitOrder::File;
    recipe.split = 0.67;
    recipe.standardize = true;
    Result<DataSplit> split = loadData(recipe, "");
    REQUIRE(split);
    // Train features (1, 5) and (3, 5): mean (2, 5), deviation (1, none).
    CHECK(itemOf(split->train, "features", 0) == std::vector<double>{-1, 0});
    CHECK(itemOf(split->train, "features", 1) == std::vector<double>{1, 0});
    CHECK(itemOf(split->test, "features", 2) == std::vector<double>{98, 2});
  }

  TEST_CASE("one-hot labels") {
    TempFolder folder;
    DataRecipe recipe = csv(folder.write("a.csv", rows(5)));
    recipe.oneHot = 3;
    recipe.split = 1.0;
    Result<DataSplit> split = loadData(recipe, "");
    REQUIRE(split);
    CHECK(itemOf(split->train, "label", 4) == std::vector<double>{0, 1, 0});
    CHECK(!checkColumn(split->train, {"label", ElementType::F32}));
    recipe.oneHot = 2;
    split = loadData(recipe, "");
    REQUIRE(split);
    std::sort(split->train.items.begin(), split->train.items.end());
    MaybeFault fault = checkColumn(split->train, {"label", ElementType::F32});
    REQUIRE(fault);
    CHECK(fault->message == folder / "a.csv: expected a class for one_hot (0 "
                                     "to 1) as f32 in item 2 of column "
                                     "\"label\", found 2");
  }

  TEST_CASE("numbers that a type cannot hold are named") {
    TempFolder folder;
    DataRecipe recipe = csv(folder.write("a.csv", "1,1\n2.5,300\n70000,2\n"));
    recipe.splitOrder = SplitOrder::File;
    recipe.split = 1.0;
    Result<DataSplit> split = loadData(recipe, "");
    REQUIRE(split);
    auto messageFor = [&](const char *column, ElementType type) {
      MaybeFault fault = checkColumn(split->train, {column, type});
      return fault ? fault->message : "";
    };
    CHECK(messageFor("features", ElementType::F32) == "");
    CHECK(messageFor("features", ElementType::I64) ==
          folder / "a.csv: expected a whole number as i64 in item 1 of column "
                   "\"features\", found 2.5");
    CHECK(messageFor("features", ElementType::F16) ==
          folder / "a.csv: expected a number in its range as f16 in item 2 of "
                   "column \"features\", found 70000");
    CHECK(messageFor("label", ElementType::I8) ==
          folder / "a.csv: expected a number in its range as i8 in item 1 of "
                   "column \"label\", found 300");
    CHECK(messageFor("label", ElementType::I32) == "");
    CHECK(messageFor("next", ElementType::I32) ==
          folder / "a.csv: expected a column \"next\", found \"features\", "
                   "\"label\"");
  }
}

TEST_SUITE("arrays as data sets") {
  TEST_CASE("idx images and labels") {
    TempFolder folder;
    DataRecipe recipe;
    recipe.format = DataFormat::Idx;
    recipe.path = folder.write(
        "x", "\0\0\x08\x03\0\0\0\x02\0\0\0\x01\0\0\0\x02\x00\xff\x01\x02"s);
    recipe.labelPath = folder.write("y", "\0\0\x08\x01\0\0\0\x02\x07\x03"s);
    recipe.split = 1.0;
    recipe.scale = 1.0 / 255;
    Result<DataSplit> split = loadData(recipe, "");
    REQUIRE(split);
    CHECK(split->train.data->find("features")->batchItemShape() ==
          std::vector<int64_t>{1, 2});
    CHECK(itemOf(split->train, "features", 0) == std::vector<double>{0, 1});
    CHECK(itemOf(split->train, "label", 1) == std::vector<double>{3});
    folder.write("y", "\0\0\x08\x01\0\0\0\x01\x07"s);
    CHECK(messageOf(recipe) ==
          folder / "y: expected 2 items as in " + (folder / "x") + ", found 1");
  }

  TEST_CASE("no items, no elements, no leading extent") {
    TempFolder folder;
    DataRecipe recipe;
    recipe.format = DataFormat::Npy;
    recipe.path = folder / "x.npy";
    REQUIRE(!writeNpy(recipe.path, {ElementType::F32, {0, 2}, {}}));
    CHECK(messageOf(recipe) == folder / "x.npy: expected items, found none");
    REQUIRE(!writeNpy(recipe.path, {ElementType::F32, {2, 0}, {}}));
    CHECK(messageOf(recipe) == folder / "x.npy: expected items with elements, "
                                        "found the shape [2, 0]");
    REQUIRE(!writeNpy(recipe.path, {ElementType::U8, {}, {std::byte{1}}}));
    CHECK(messageOf(recipe) ==
          folder / "x.npy: expected an array whose leading extent counts "
                   "items, found a single number");
  }
}

TEST_SUITE("text") {
  TEST_CASE("windows of bytes, and the bytes after them") {
    TempFolder folder;
    DataRecipe recipe;
    recipe.format = DataFormat::Text;
    recipe.path = folder.write("a.txt", "abcdefghij");
    recipe.window = 3;
    recipe.split = 0.67;
    Result<DataSplit> split = loadData(recipe, "");
    REQUIRE(split);
    // Three windows fit with a next byte each: abc, def, ghi.
    CHECK(split->train.items == std::vector<uint32_t>{0, 1});
    CHECK(split->test.items == std::vector<uint32_t>{2});
    CHECK(itemOf(split->train, "tokens", 1) ==
          std::vector<double>{100, 101, 102});
    CHECK(itemOf(split->train, "next", 1) ==
          std::vector<double>{101, 102, 103});
    CHECK(itemOf(split->test, "next", 2) == std::vector<double>{104, 105, 106});
    recipe.window = 10;
    CHECK(messageOf(recipe) == folder / "a.txt: expected at least 11 tokens "
                                        "for a window of 10, found 10");
  }

  TEST_CASE("characters are numbered by code point") {
    TempFolder folder;
    DataRecipe recipe;
    recipe.format = DataFormat::Text;
    recipe.tokenizer = Tokenizer::Chars;
    recipe.path = folder.write("a.txt", "baé€😀b");
    recipe.window = 5;
    recipe.split = 1.0;
    Result<DataSplit> split = loadData(recipe, "");
    REQUIRE(split);
    CHECK(split->train.data->find("tokens")->names ==
          std::vector<std::string>{"a", "b", "é", "€", "😀"});
    CHECK(itemOf(split->train, "tokens", 0) ==
          std::vector<double>{1, 0, 2, 3, 4});
    CHECK(itemOf(split->train, "next", 0) ==
          std::vector<double>{0, 2, 3, 4, 1});
    recipe.testPath = folder.write("t.txt", "ab€ébab");
    split = loadData(recipe, "");
    REQUIRE(split);
    CHECK(itemOf(split->test, "tokens", 0) ==
          std::vector<double>{0, 1, 3, 2, 1});
    folder.write("t.txt", "abcbab");
    CHECK(messageOf(recipe) == folder / "t.txt: expected characters that the "
                                        "train text has, found \"c\" (offset "
                                        "2)");
  }

  TEST_CASE("text that is no UTF-8 says where") {
    // Stray, truncated, overlong, surrogate, too great.
    for (const char *bad : {"\x80", "\xc3", "\xc3(", "\xc0\xaf", "\xe0\x80\xaf",
                            "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff"}) {
      TempFolder folder;
      DataRecipe recipe;
      recipe.format = DataFormat::Text;
      recipe.tokenizer = Tokenizer::Chars;
      recipe.window = 1;
      recipe.path = folder.write("a.txt", "ab"s + bad);
      CHECK(messageOf(recipe).find(
                folder / "a.txt: expected UTF-8 text, found the byte ") == 0);
      CHECK(messageOf(recipe).ends_with("(offset 2)"));
    }
  }
}
