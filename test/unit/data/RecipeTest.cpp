//===- RecipeTest.cpp - Recipes as JSON, and their checks -----------------===//
#include "asgc/Recipe.h"

#include <doctest/doctest.h>
#include <limits>

using namespace asgc;

namespace {
/// No field has its default.
Recipe unusual() {
  Recipe r;
  r.model = "dig\"its";
  r.data = {.format = DataFormat::Npz,
            .path = "a",
            .labelPath = "b",
            .testPath = "c",
            .testLabelPath = "d",
            .features = {{0, 3}, {-2, 0}},
            .label = -1,
            .featureNames = {"x", "y"},
            .labelName = "z",
            .header = CsvHeader::Absent,
            .delimiter = ';',
            .featuresKey = "f",
            .labelKey = "l",
            .tokenizer = Tokenizer::Chars,
            .window = 5,
            .split = 0.1,
            .splitOrder = SplitOrder::File,
            .splitSeed = -3,
            .scale = 1.0 / 3,
            .offset = -0.125,
            .standardize = true,
            .shape = {1, 8, 8},
            .oneHot = 10};
  r.inputs = {{"image", "features"}, {"n", "total_steps"}};
  r.batch = 3;
  r.dropLast = true;
  r.shuffle = false;
  r.epochs = 4;
  r.steps = 9007199254740993;
  r.seed = INT64_MIN;
  r.loss = "nll";
  r.metrics = {"accuracy", "top_k"};
  r.evalEveryEpochs = 2;
  r.evalEverySteps = 11;
  r.best = "accuracy";
  r.stop = {"accuracy", 5, MetricMode::Max, 1e-3};
  r.checkpoint = {200, 0, 7};
  r.nonFinite = NonFinitePolicy::Continue;
  r.logEverySteps = 10;
  return r;
}

std::string errorOf(std::string_view json) {
  Recipe recipe = unusual();
  std::string error = recipeFromJson(json, &recipe);
  // A failure leaves the recipe alone.
  CHECK((error.empty() || recipe == unusual()));
  return error;
}
} // namespace

TEST_SUITE("recipe") {
  TEST_CASE("JSON holds every field exactly") {
    Recipe again;
    REQUIRE(recipeFromJson(recipeToJson(unusual()), &again) == "");
    CHECK(again == unusual());
    CHECK(recipeToJson(again) == recipeToJson(unusual()));
    REQUIRE(recipeFromJson("{}", &again) == "");
    CHECK(again == Recipe{});
  }

  TEST_CASE("wrong JSON says which field, expected and found") {
    CHECK(errorOf(R"({"batch": "64"})") ==
          "batch: expected an integer of 64 bits, found \"64\"");
    CHECK(errorOf(R"({"batch": 1e3})") ==
          "batch: expected an integer of 64 bits, found 1000.0");
    CHECK(errorOf(R"({"batch": 9223372036854775808})") ==
          "batch: expected an integer of 64 bits, found 9223372036854775808");
    CHECK(errorOf(R"({"data": {"format": "tsv"}})") ==
          "data.format: expected one of csv, idx, npy, npz, text, found "
          "\"tsv\"");
    CHECK(errorOf(R"({"data": {"features": [{"begin": 0, "stop": 3}]}})") ==
          "data.features[0].stop: expected a field of a recipe, found another "
          "name");
    CHECK(errorOf(R"({"metrics": "accuracy"})") ==
          "metrics: expected a list, found \"accuracy\"");
    CHECK(errorOf("[]") == "the recipe: expected an object, found []");
    CHECK(errorOf("{\"batch\": ").find("parse error") != std::string::npos);
    CHECK(!errorOf(std::string(100000, '[')).empty());
  }

  TEST_CASE("ranges and contradictions") {
    auto verify = [](auto change) {
      Recipe recipe;
      recipe.data.path = "a.csv";
      change(recipe);
      return verifyRecipe(recipe);
    };
    CHECK(verify([](Recipe &) {}) == "");
    CHECK(verify([](Recipe &r) { r.data.path = ""; }) == "data names no file");
    CHECK(verify([](Recipe &r) { r.batch = 0; }) ==
          "batch must be from 1 to 2147483648, got 0");
    CHECK(verify([](Recipe &r) { r.epochs = 0; }) ==
          "epochs or steps must be positive");
    CHECK(verify([](Recipe &r) { r.epochs = -1, r.steps = 5; }) ==
          "epochs must be at least 0, got -1");
    CHECK(verify([](Recipe &r) { r.data.split = 0; }) ==
          "split must be above 0 and at most 1, got 0");
    CHECK(verify([](Recipe &r) {
            r.data.split = std::numeric_limits<double>::quiet_NaN();
          }) == "split must be above 0 and at most 1, got nan");
    CHECK(verify([](Recipe &r) {
            r.data.features = {{3, 3}};
          }) == "features must be a range of columns that rises, got 3..3");
    CHECK(verify([](Recipe &r) {
            r.data.shape = {8, 0};
          }) == "an extent of shape must be at least 1, got 0");
    CHECK(verify([](Recipe &r) { r.data.delimiter = '"'; }) ==
          "delimiter must not be a quote or the end of a line");
    CHECK(verify([](Recipe &r) {
            r.data.header = CsvHeader::Absent;
            r.data.labelName = "kind";
          }) == "columns chosen by name need a header, but header is false");
    CHECK(verify([](Recipe &r) { r.data.testLabelPath = "y"; }) ==
          "test_labels needs test");
    CHECK(verify([](Recipe &r) {
            r.data.labelPath = "y", r.data.testPath = "t";
          }) == "labels needs test_labels beside test");
    CHECK(verify([](Recipe &r) {
            r.data.format = DataFormat::Text;
            r.data.window = 0;
          }) == "window must be at least 1, got 0");
    CHECK(verify([](Recipe &r) { r.stop.patience = -1; }) ==
          "patience must be at least 0, got -1");
    CHECK(verify([](Recipe &r) { r.stop.minDelta = -1; }) ==
          "min_delta must be at least 0, got -1");
  }
}
