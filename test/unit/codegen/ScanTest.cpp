//===- ScanTest.cpp - Sums and linear recurrences along an axis -----------===//
#include "Floats.h"
#include "Samples.h"

#include <cstring>
#include <doctest/doctest.h>

using namespace asgc;
using namespace asgc::test;

namespace {

constexpr int64_t kSizes[] = {0, 1, 7, 31, 33, 127, 257, 1025, 5000};

/// Buffers [outer, axis, inner], without inner if that is 1. The axis is known
/// at run time only where `extent` is 0.
struct Scan {
  const char *type = "f32";
  int64_t outer = 1, extent = 0, inner = 1;
  bool hasCoefficients = false, isReverse = false;

  std::vector<int64_t> shape(int64_t axis) const {
    std::vector<int64_t> dims = {outer, axis};
    if (inner != 1)
      dims.push_back(inner);
    return dims;
  }

  Compiled compile() const {
    std::string axis = extent ? std::to_string(extent) : "?";
    std::string end = inner == 1 ? "" : "x" + std::to_string(inner);
    std::string tensor =
        "tensor<" + std::to_string(outer) + "x" + axis + end + "x" + type;
    if (!extent)
      tensor += ", #asg.dims<" + std::to_string(outer) + ", n" +
                (inner == 1 ? "" : ", " + std::to_string(inner)) + ">";
    tensor += ">";
    return Compiled(fill(R"(
      plan.program @f $DIMS inputs("x" %x : $T, "c" %c : $T) outputs("y" %y : $T) {
        plan.scan "scan" axis 1 $REVERSE (%x $WITH) -> %y : $T $AND -> $T
      })",
                         {{"DIMS", extent ? "" : "dims {n = 5000}"},
                          {"REVERSE", isReverse ? "reverse" : ""},
                          {"WITH", hasCoefficients ? "coefficients %c" : ""},
                          {"AND", hasCoefficients ? ", " + tensor : ""},
                          {"T", tensor}}));
  }

  /// Calls `visit` with the place of each element in the order of the scan and
  /// that of the one before it, or -1.
  template <typename Visit> void forEach(int64_t axis, Visit visit) const {
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < inner; ++i) {
        int64_t before = -1;
        for (int64_t step = 0; step < axis; ++step) {
          int64_t t = isReverse ? axis - 1 - step : step;
          int64_t at = (o * axis + t) * inner + i;
          visit(at, before);
          before = at;
        }
      }
  }
};

/// Factors from 0.5 to 1 and of both signs, which no long product overflows.
Tensor randomFactors(const Scan &scan, std::vector<int64_t> shape) {
  Tensor factors = randomTensor(shape, dtypeOf(scan.type), 5);
  std::mt19937 random(7);
  for (int64_t i = 0; i < factors.size(); ++i)
    if (factors.dtype == ASGC_F32) {
      float size = 0.5f + float(random() % 1024) / 2048;
      factors.f()[i] = random() % 4 ? size : -size;
    } else { // some of the largest below 1
      int one = factors.dtype == ASGC_F16 ? 15 << 10 : 127 << 7;
      factors.as<uint16_t>()[i] =
          uint16_t((one - 1 - int(random() % 128)) | int(random() & 1) << 15);
    }
  return factors;
}

/// Numbers of few digits, so that sums of them are exact.
void shorten(Tensor &tensor) {
  for (int64_t i = 0; i < tensor.size(); ++i)
    if (tensor.dtype == ASGC_F32)
      tensor.f()[i] = std::round(tensor.f()[i] * 64) / 64;
    else
      tensor.as<uint16_t>()[i] &=
          uint16_t(tensor.dtype == ASGC_F16 ? ~0x7f : ~0xf);
}

void checkFloats(const Scan &scan, Compiled &compiled, int64_t axis) {
  CAPTURE(scan.type);
  CAPTURE(scan.outer);
  CAPTURE(scan.inner);
  CAPTURE(scan.hasCoefficients);
  CAPTURE(scan.isReverse);
  CAPTURE(axis);
  Tensor x = randomTensor(scan.shape(axis), dtypeOf(scan.type), 3);
  if (!scan.hasCoefficients)
    shorten(x);
  Tensor c = randomFactors(scan, scan.shape(axis));
  std::vector<double> terms = valuesOf(x), factors = valuesOf(c);
  std::vector<double> want(terms.size()), sizes(terms.size());
  scan.forEach(axis, [&](int64_t at, int64_t before) {
    double factor = scan.hasCoefficients ? factors[size_t(at)] : 1;
    auto i = size_t(at), j = size_t(before);
    want[i] = terms[i] + (before < 0 ? 0 : factor * want[j]);
    // What is rounded before an element, as far as it has not died away.
    if (scan.hasCoefficients)
      sizes[i] =
          std::abs(terms[i]) + (before < 0 ? 0 : std::abs(factor) * sizes[j]);
  });
  Tensor y(dtypeOf(scan.type), scan.shape(axis));
  for (auto &outputs : runAll(compiled, "f", {x, c}, {y})) {
    std::vector<double> got = valuesOf(outputs[0]);
    for (size_t i = 0; i < want.size(); ++i) {
      double bound = boundOf(sizes[i], 128, want[i], outputs[0].dtype);
      if (!(std::abs(got[i] - want[i]) <= bound)) {
        CAPTURE(i);
        CAPTURE(bound);
        CHECK(got[i] == want[i]);
        break;
      }
    }
  }
}

void checkSizes(Scan scan) {
  Compiled compiled = scan.compile();
  for (int64_t size : kSizes)
    checkFloats(scan, compiled, size);
}

template <typename T> void checkWhole(Scan scan, int32_t dtype) {
  Compiled compiled = scan.compile();
  std::vector<int64_t> sizes = {scan.extent};
  if (!scan.extent)
    sizes.assign(std::begin(kSizes), std::end(kSizes));
  for (int64_t axis : sizes) {
    CAPTURE(scan.type);
    CAPTURE(scan.inner);
    CAPTURE(axis);
    Tensor x(dtype, scan.shape(axis)), y(dtype, scan.shape(axis));
    std::mt19937_64 random(11);
    for (int64_t i = 0; i < x.size(); ++i)
      x.as<T>()[i] = T(random());
    std::vector<T> want(size_t(x.size()));
    scan.forEach(axis, [&](int64_t at, int64_t before) {
      want[size_t(at)] =
          before < 0 ? x.as<T>()[at] : T(want[size_t(before)] + x.as<T>()[at]);
    });
    for (auto &outputs : runAll(compiled, "f", {x, x}, {y}))
      CHECK(std::memcmp(outputs[0].bytes.data(), want.data(),
                        outputs[0].bytes.size()) == 0);
  }
}

} // namespace

TEST_SUITE("scans") {
  TEST_CASE("along the last axis, whatever its extent at run time") {
    for (const char *type : {"f32", "f16", "bf16"})
      for (bool hasCoefficients : {false, true})
        for (bool isReverse : {false, true})
          checkSizes({.type = type,
                      .outer = 5,
                      .hasCoefficients = hasCoefficients,
                      .isReverse = isReverse});
  }

  TEST_CASE("along an axis that others follow") {
    for (const char *type : {"f32", "f16", "bf16"})
      for (int64_t inner : {3, 8, 70})
        for (bool hasCoefficients : {false, true})
          checkSizes({.type = type,
                      .outer = 2,
                      .inner = inner,
                      .hasCoefficients = hasCoefficients,
                      .isReverse = inner == 8});
  }

  TEST_CASE("of extents known at compile time") {
    for (const char *type : {"f32", "bf16"})
      for (int64_t extent : {4, 31, 64, 1028, 4096})
        for (int64_t inner : {1, 4})
          for (bool isReverse : {false, true}) {
            Scan scan{.type = type,
                      .outer = 3,
                      .extent = extent,
                      .inner = inner,
                      .hasCoefficients = extent != 64,
                      .isReverse = isReverse};
            Compiled compiled = scan.compile();
            checkFloats(scan, compiled, extent);
          }
  }

  TEST_CASE("lines that are cut in chunks") {
    for (const char *type : {"f32", "f16"})
      for (int64_t inner : {1, 3, 8})
        for (bool hasCoefficients : {false, true}) {
          Scan scan{.type = type,
                    .outer = 2,
                    .extent = 70001,
                    .inner = inner,
                    .hasCoefficients = hasCoefficients,
                    .isReverse = inner == 3};
          Compiled compiled = scan.compile();
          checkFloats(scan, compiled, 70001);
        }
    Scan scan{.type = "i64", .outer = 1, .extent = 65536};
    checkWhole<uint64_t>(scan, ASGC_I64);
  }

  TEST_CASE("so many lines that no items share one") {
    for (bool hasCoefficients : {false, true}) {
      Scan scan{.outer = 3,
                .extent = 33,
                .inner = 50000,
                .hasCoefficients = hasCoefficients,
                .isReverse = true};
      Compiled compiled = scan.compile();
      checkFloats(scan, compiled, 33);
    }
  }

  TEST_CASE("sums of whole numbers wrap around") {
    for (int64_t inner : {1, 4, 5}) {
      checkWhole<uint32_t>({.type = "i32", .outer = 3, .inner = inner},
                           ASGC_I32);
      checkWhole<uint64_t>(
          {.type = "i64", .outer = 3, .inner = inner, .isReverse = true},
          ASGC_I64);
    }
  }

  TEST_CASE("infinities and NaN stay from where they stand") {
    for (bool hasCoefficients : {false, true}) {
      Scan scan{.outer = 4, .hasCoefficients = hasCoefficients};
      Compiled compiled = scan.compile();
      int64_t axis = 300;
      Tensor x = randomF32({4, axis}), c = randomF32({4, axis}, 0.9, 1);
      auto at = [&](Tensor &tensor, int64_t row, int64_t place) -> float & {
        return tensor.f()[row * axis + place];
      };
      at(x, 0, 100) = NAN;
      at(x, 1, 50) = INFINITY;
      at(x, 2, 20) = -INFINITY;
      at(x, 2, 200) = INFINITY;
      for (int64_t row = 0; row < 4; ++row) // nobody asks for the first
        at(c, row, 0) = row % 2 ? NAN : INFINITY;
      for (auto &outputs : runAll(compiled, "f", {x, c}, {x}))
        for (int64_t i = 0; i < axis; ++i) {
          CAPTURE(i);
          Tensor &y = outputs[0];
          CHECK(std::isnan(at(y, 0, i)) == (i >= 100));
          CHECK(std::isinf(at(y, 1, i)) == (i >= 50));
          CHECK(std::isinf(at(y, 2, i)) == (i >= 20 && i < 200));
          CHECK(std::isnan(at(y, 2, i)) == (i >= 200));
          CHECK(std::isfinite(at(y, 3, i)));
        }
    }
  }

  TEST_CASE("a result takes the place of what was scanned") {
    for (int64_t inner : {1, 6}) {
      Scan scan{.outer = 3, .inner = inner};
      Compiled compiled(fill(
          R"(
        plan.program @f inputs("x" %x : $T, "c" %c : $T) outputs("y" %y : $T) arena 1048576 {
          %t = plan.alloc offset 64 : $T
          %u = plan.alloc offset 524288 : $T
          plan.copy "in" extents [$N] strides [1], [1] offsets [0, 0] (%x) -> %t : $T -> $T
          plan.copy "factors" extents [$N] strides [1], [1] offsets [0, 0] (%c) -> %u : $T -> $T
          plan.scan "over" axis 1 reverse (%t coefficients %u) -> %t : $T, $T -> $T
          plan.scan "twice" axis 1 (%t coefficients %u) -> %u : $T, $T -> $T
          plan.copy "out" extents [$N] strides [1], [1] offsets [0, 0] (%u) -> %y : $T -> $T
        })",
          {{"N", std::to_string(3 * 4000 * inner)},
           {"T", inner == 1 ? "tensor<3x4000xf32>" : "tensor<3x4000x6xf32>"}}));
      Tensor x = randomF32(scan.shape(4000)), c = x;
      for (int64_t i = 0; i < c.size(); ++i)
        c.f()[i] = 0.25f;
      std::vector<double> first(size_t(x.size())), second(first);
      for (bool isReverse : {true, false}) {
        scan.isReverse = isReverse;
        scan.forEach(4000, [&](int64_t at, int64_t before) {
          auto &to = isReverse ? first : second;
          double term = isReverse ? x.f()[at] : first[size_t(at)];
          to[size_t(at)] = term + (before < 0 ? 0 : 0.25 * to[size_t(before)]);
        });
      }
      for (auto &outputs : runAll(compiled, "f", {x, c}, {x}))
        checkClose(outputs[0], second, 1e-6);
    }
  }

  TEST_CASE("f64 has no code") {
    CHECK(compileErrors(R"(
      plan.program @f inputs("x" %x : tensor<4xf64>) outputs("y" %y : tensor<4xf64>) {
        plan.scan "scan" axis 0 (%x) -> %y : tensor<4xf64> -> tensor<4xf64>
      })")
              .find("uses 'f64', which backends do not compute") !=
          std::string::npos);
  }
}
