//===- ScalarTest.cpp - Scalar bodies against the interpreter -------------===//
#include "test/ops/Example.h"

#include <doctest/doctest.h>

using namespace asgc;
using namespace asgc::test;

TEST_SUITE("scalars") {}
