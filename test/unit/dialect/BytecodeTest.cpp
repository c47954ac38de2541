//===- BytecodeTest.cpp - Versions of asg in bytecode ---------------------===//
#include "asgc/BytecodeGuard.h"
#include "dialects/asg/AsgBytecode.h"
#include "test/unit/dialect/Dialect.h"

#include "mlir/Bytecode/BytecodeWriter.h"

#include <doctest/doctest.h>

using namespace asgc;
using namespace asgc::test;

namespace {
constexpr const char *kTick = R"mlir(
module @m {
  asg.state @n : tensor<i64> role "step"
  asg.graph @infer(%x: tensor<?x2xf32, #asg.dims<batch, 2>> {asg.name = "x"})
      -> (tensor<?x2xf32, #asg.dims<batch, 2>> {asg.name = "y"}) dims = {batch = 4} {
    %y = asg.tanh %x : tensor<?x2xf32, #asg.dims<batch, 2>>
    asg.return %y : tensor<?x2xf32, #asg.dims<batch, 2>>
  }
})mlir";

/// The bytecode of kTick, as a writer of this version would make it.
std::string written(uint64_t version) {
  Reader reader;
  auto module = reader.read(kTick);
  mlir::BytecodeWriterConfig config("asgc test");
  config.setDialectVersion<asg::AsgDialect>(
      std::make_unique<asg::AsgVersion>(version));
  std::string bytes;
  llvm::raw_string_ostream stream(bytes);
  REQUIRE(succeeded(mlir::writeBytecodeToFile(*module, stream, config)));
  return bytes;
}
} // namespace

TEST_SUITE("bytecode of asg") {
  TEST_CASE("the current version is read as it was written") {
    Reader reader;
    std::string text = Reader::print(*reader.read(kTick));
    std::string bytes = written(asg::kCurrentVersion);
    CHECK(!checkBytecode(bytes));
    auto module = reader.read(bytes);
    REQUIRE(module);
    CHECK(Reader::print(*module) == text);
    CHECK(reader.errors == "");
  }

  TEST_CASE("every older version is read") {
    for (uint64_t version = 1; version < asg::kCurrentVersion; ++version)
      CHECK(Reader().read(written(version)));
  }

  TEST_CASE("a newer version is refused with a sentence") {
    Reader reader;
    CHECK(!reader.read(written(asg::kCurrentVersion + 1)));
    CHECK(reader.errors.find("the file holds asg IR of version 2, this asgc "
                             "reads 1 to 1; a newer asgc wrote it") !=
          std::string::npos);
    CHECK(!reader.read(written(0)));
  }

  TEST_CASE("names of extents that do not fit the type are refused") {
    // MLIR reads types from bytecode without asking their encoding.
    for (const char *other : {"batch, 3", "batch_22", "2, batch"}) {
      CAPTURE(other);
      std::string bytes = written(asg::kCurrentVersion);
      size_t place = bytes.find("batch, 2");
      REQUIRE(place != std::string::npos);
      bytes.replace(place, 8, other);
      Reader reader;
      CHECK(!reader.read(bytes));
      CHECK(reader.errors.find("known or named extents") != std::string::npos);
    }
  }
}
