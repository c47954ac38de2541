//===- ContractionTest.cpp - Products of all floats, and of bytes ---------===//
#include "Floats.h"

#include <doctest/doctest.h>

using namespace asgc;
using namespace asgc::test;

namespace {

/// A product and how its operands lie in memory.
struct Product {
  const char *type = "f16";
  int64_t m = 1, n = 1, k = 1, batch = 0; // 0: none
  bool isATransposed = false, isBTransposed = false;
  bool isBShared = false; ///< by all of the batch
  bool hasBias = false, hasResidual = false;
  const char *activation = "none", *result = "f32";
  bool isSplit = false; ///< matrix units multiply f32
};

std::string text(const Product &p) {
  std::string batch = p.batch ? std::to_string(p.batch) + "x" : "";
  auto tensor = [](std::string prefix, int64_t x, int64_t y, const char *type) {
    return "tensor<" + prefix + std::to_string(x) + "x" + std::to_string(y) +
           "x" + type + ">";
  };
  auto strides = [&](int64_t outer, bool isRepeated, int64_t x, int64_t y) {
    std::string first =
        p.batch ? std::to_string(isRepeated ? 0 : outer) + ", " : "";
    return "[" + first + std::to_string(x) + ", " + std::to_string(y) + "]";
  };
  std::string a = p.isATransposed ? tensor(batch, p.k, p.m, p.type)
                                  : tensor(batch, p.m, p.k, p.type);
  std::string bBatch = p.isBShared ? "" : batch;
  std::string b = p.isBTransposed ? tensor(bBatch, p.n, p.k, p.type)
                                  : tensor(bBatch, p.k, p.n, p.type);
  std::string c = tensor(batch, p.m, p.n, p.result);
  std::string bias = "tensor<" + std::to_string(p.n) + "x" + p.result + ">";
  std::string out =
      "plan.program @f inputs(\"a\" %a : " + a + ", \"b\" %b : " + b;
  if (p.hasBias)
    out += ", \"bias\" %bias : " + bias;
  if (p.hasResidual)
    out += ", \"residual\" %residual : " + c;
  out += ") outputs(\"c\" %c : " + c +
         ") {\n  plan.matmul \"product\" batch [" +
         (p.batch ? std::to_string(p.batch) : "") + "] m_n_k [" +
         std::to_string(p.m) + ", " + std::to_string(p.n) + ", " +
         std::to_string(p.k) + "] strides " +
         strides(p.m * p.k, false, p.isATransposed ? 1 : p.k,
                 p.isATransposed ? p.m : 1) +
         ", " +
         strides(p.k * p.n, p.isBShared, p.isBTransposed ? 1 : p.n,
                 p.isBTransposed ? p.k : 1) +
         ", " + strides(p.m * p.n, false, p.n, 1) + " offsets [0, 0, 0] act " +
         p.activation + " (%a, %b" + (p.hasBias ? " bias %bias" : "") +
         (p.hasResidual ? " residual %residual" : "") + ") -> %c : " + a +
         ", " + b + (p.hasBias ? " bias " + bias : "") +
         (p.hasResidual ? " residual " + c : "") + " -> " + c + "\n}\n";
  return out;
}

void checkProduct(const Product &p) {
  CAPTURE(text(p));
  int64_t count = std::max<int64_t>(p.batch, 1);
  int32_t type = dtypeOf(p.type), resultType = dtypeOf(p.result);
  auto dims = [&](bool hasBatch, int64_t x, int64_t y) {
    return p.batch && hasBatch ? std::vector<int64_t>{p.batch, x, y}
                               : std::vector<int64_t>{x, y};
  };
  std::vector<Tensor> inputs = {
      randomTensor(p.isATransposed ? dims(true, p.k, p.m)
                                   : dims(true, p.m, p.k),
                   type, 1),
      randomTensor(p.isBTransposed ? dims(!p.isBShared, p.n, p.k)
                                   : dims(!p.isBShared, p.k, p.n),
                   type, 2)};
  if (p.hasBias)
    inputs.push_back(randomTensor({p.n}, resultType, 3));
  if (p.hasResidual)
    inputs.push_back(randomTensor(dims(true, p.m, p.n), resultType, 4));
  CodegenOptions options;
  // The units of GPUs, and of lavapipe from Mesa 26 on.
  options.device.matrixUnits = {{16, 16, 16, 32}, {8, 8, 8, 8}};
  options.device.splitsF32 = p.isSplit;
  Compiled compiled(text(p), options);
  Tensor got =
      compiled.run("f", inputs, {Tensor(resultType, dims(true, p.m, p.n))})[0];

  std::vector<double> a = valuesOf(inputs[0]), b = valuesOf(inputs[1]);
  std::vector<double> bias, residual, c = valuesOf(got);
  if (p.hasBias)
    bias = valuesOf(inputs[2]);
  if (p.hasResidual)
    residual = valuesOf(inputs.back());
  int64_t wrong = 0, firstWrong = -1;
  for (int64_t at = 0; at < count * p.m * p.n; ++at) {
    int64_t which = at / (p.m * p.n), row = at / p.n % p.m, column = at % p.n;
    const double *aStart = a.data() + which * p.m * p.k;
    const double *bStart = b.data() + (p.isBShared ? 0 : which * p.k * p.n);
    double sum = 0, size = 0;
    for (int64_t i = 0; i < p.k; ++i) {
      double term =
          aStart[p.isATransposed ? i * p.m + row : row * p.k + i] *
          bStart[p.isBTransposed ? column * p.k + i : i * p.n + column];
      sum += term;
      size += std::abs(term);
    }
    for (double more : {p.hasBias ? bias[size_t(column)] : 0,
                        p.hasResidual ? residual[size_t(at)] : 0}) {
      sum += more;
      size += std::abs(more);
    }
    if (std::string(p.activation) == "relu")
      sum = std::max(sum, 0.0);
    double bound = boundOf(size, p.k, sum, resultType) +
                   (p.isSplit ? splitBoundOf(size) : 0);
    if (!(std::abs(c[size_t(at)] - sum) <= bound)) {
      firstWrong = wrong++ ? firstWrong : at;
      if (wrong == 1) {
        CAPTURE(at);
        CHECK(c[size_t(at)] == sum);
      }
    }
  }
  CHECK_MESSAGE(wrong == 0, wrong, " elements are wrong, the first is ",
                firstWrong);
}

} // namespace

TEST_SUITE("contractions") {
  TEST_CASE("whole tiles") {
    for (const char *type : {"f16", "bf16"}) {
      checkProduct({.type = type, .m = 64, .n = 64, .k = 32});
      checkProduct({.type = type, .m = 128, .n = 192, .k = 96});
      checkProduct({.type = type, .m = 64, .n = 64, .k = 64, .result = type});
    }
  }
  TEST_CASE("sizes that fill no tile") {
    for (int64_t size : {1, 7, 31, 33, 127, 257}) {
      checkProduct({.m = size, .n = size, .k = size});
      checkProduct({.type = "bf16", .m = size, .n = 40, .k = 24});
      checkProduct({.m = 40, .n = size, .k = 72, .result = "f16"});
      checkProduct({.m = 72, .n = 40, .k = size});
    }
  }
  TEST_CASE("operands in every layout") {
    for (bool isATransposed : {false, true})
      for (bool isBTransposed : {false, true})
        for (int64_t odd : {0, 1}) {
          Product p{.m = 72 + odd, .n = 40 + odd, .k = 104 + odd};
          p.isATransposed = isATransposed;
          p.isBTransposed = isBTransposed;
          checkProduct(p);
          p.batch = 3;
          checkProduct(p);
          p.isBShared = true;
          checkProduct(p);
        }
  }
  TEST_CASE("bias, residual and activation") {
    for (const char *type : {"f16", "bf16"})
      for (int64_t odd : {0, 1}) {
        Product p{.type = type, .m = 33, .n = 68 + odd, .k = 48};
        p.hasBias = true;
        checkProduct(p);
        p.hasResidual = true;
        p.activation = "relu";
        checkProduct(p);
        p.result = type;
        checkProduct(p);
      }
  }
  TEST_CASE("few results of long sums") {
    for (const char *type : {"f32", "f16"}) {
      Product p{.type = type, .m = 6, .n = 25, .k = 5003};
      checkProduct(p);
      p.hasBias = true;
      p.activation = "relu";
      checkProduct(p);
      p.batch = 3;
      p.isATransposed = p.isBTransposed = true;
      checkProduct(p);
    }
  }
  TEST_CASE("parts of long sums that are whole slices in runs of four") {
    // A few slices each, many, and a last part that has less than others.
    for (int64_t k : {1024, 65536, 6176})
      for (bool isTransposed : {false, true}) {
        Product p{.type = "f32", .m = 32, .n = 32, .k = k};
        p.isATransposed = p.isBTransposed = isTransposed;
        checkProduct(p);
      }
  }
  TEST_CASE("f32 as three products of bf16") {
    for (bool isTransposed : {false, true}) {
      Product p{.type = "f32", .m = 72, .n = 41, .k = 104, .isSplit = true};
      p.isATransposed = p.isBTransposed = isTransposed;
      checkProduct(p);
      p.batch = 3;
      p.isBShared = true;
      p.hasBias = true;
      checkProduct(p);
    }
    checkProduct({.type = "f32", .m = 256, .n = 128, .k = 64, .isSplit = true});
    checkProduct({.type = "f32", .m = 33, .n = 20, .k = 5003, .isSplit = true});
  }
  TEST_CASE("products of i8 and i32, summed in i32") {
    for (const char *type : {"i8", "i32"}) {
      for (int64_t size : {1, 4, 31, 36, 127}) {
        checkProduct(
            {.type = type, .m = size, .n = size, .k = size, .result = "i32"});
        checkProduct(
            {.type = type, .m = 8, .n = 12, .k = size, .result = "i32"});
      }
      for (bool isATransposed : {false, true})
        for (bool isBTransposed : {false, true}) {
          Product p{.type = type, .m = 36, .n = 40, .k = 52, .result = "i32"};
          p.isATransposed = isATransposed;
          p.isBTransposed = isBTransposed;
          checkProduct(p);
          p.batch = 3;
          p.isBShared = true;
          checkProduct(p);
          p.hasBias = p.hasResidual = true;
          checkProduct(p);
        }
      // Few results: chunks of the sum are added up.
      checkProduct({.type = type, .m = 6, .n = 25, .k = 5003, .result = "i32"});
    }
    checkProduct({.type = "i8", .m = 128, .n = 128, .k = 64, .result = "i32"});
  }
  TEST_CASE("tiles of the largest kind") {
    checkProduct({.m = 1440, .n = 1408, .k = 40, .result = "f16"});
  }
}
