//===- NearMissTest.cpp - The name that was meant -------------------------===//
#include "asgc/Support.h"

#include <doctest/doctest.h>

using namespace asgc;

TEST_SUITE("near misses") {
  TEST_CASE("the distance counts edits and swaps") {
    CHECK(editDistance("linear", "linear", 3) == 0);
    CHECK(editDistance("lnear", "linear", 3) == 1);
    CHECK(editDistance("linaer", "linear", 3) == 1);
    CHECK(editDistance("relu", "gelu", 3) == 1);
    CHECK(editDistance("", "abc", 3) == 3);
    CHECK(editDistance("kitten", "sitting", 3) == 3);
    CHECK(editDistance("kitten", "sitting", 2) == 3); // more than 2
  }

  TEST_CASE("a hint is near or absent") {
    std::vector<std::string> names = {"linear", "layer_norm", "gelu", "relu"};
    CHECK(findNearest("linaer", names) == "linear");
    CHECK(findNearest("Linear", names) == "linear");
    CHECK(findNearest("layernorm", names) == "layer_norm");
    CHECK(!findNearest("conv2d", names));
    CHECK(!findNearest("xy", names));
  }

  TEST_CASE("of equally near names the first is taken") {
    CHECK(findNearest("aelu", {"gelu", "relu"}) == "gelu");
  }
}
