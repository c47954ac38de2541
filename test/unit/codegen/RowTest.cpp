//===- RowTest.cpp - Kernels that reduce along rows -----------------------===//
#include "Harness.h"
#include "Samples.h"

#include <cmath>
#include <doctest/doctest.h>

using namespace asgc;
using namespace asgc::test;

namespace {

constexpr int64_t kColumns[] = {1, 7, 10, 15, 16, 17, 31, 33, 127, 257, 1024};

std::vector<double> softmax(const Tensor &x) {
  int64_t rows = x.dims[0], columns = x.dims[1];
  std::vector<double> y(rows * columns);
  for (int64_t r = 0; r < rows; ++r) {
    const float *row = x.f() + r * columns;
    double most = -INFINITY, sum = 0;
    for (int64_t c = 0; c < columns; ++c)
      most = std::fmax(most, row[c]);
    for (int64_t c = 0; c < columns; ++c)
      sum += std::exp(row[c] - most);
    for (int64_t c = 0; c < columns; ++c)
      y[r * columns + c] = std::exp(row[c] - most) / sum;
  }
  return y;
}

} // namespace

TEST_SUITE("row kernels") {
  TEST_CASE("of several passes: softmax") {
    for (int64_t columns : kColumns) {
      for (int64_t rows : {1, 5, 64}) {
        CAPTURE(rows);
        CAPTURE(columns);
        Compiled compiled(sized(kSoftmaxKernel, rows, columns));
        Tensor x = randomF32({rows, columns}, -9, 9);
        for (auto &outputs :
             runAll(compiled, "f", {x}, {Tensor::f32({rows, columns})}))
          checkClose(outputs[0], softmax(x), 1e-6);
      }
    }
  }

  TEST_CASE("of large logits and infinities") {
    Compiled compiled(sized(kSoftmaxKernel, 3, 40));
    Tensor x = randomF32({3, 40}, -1e4, 1e4);
    x.f()[3] = -INFINITY;
    x.f()[45] = NAN;
    for (auto &outputs : runAll(compiled, "f", {x}, {Tensor::f32({3, 40})})) {
      std::vector<double> want = softmax(x);
      for (int64_t i = 0; i < 120; ++i) {
        bool isNanRow = i / 40 == 1;
        if (isNanRow)
          CHECK(std::isnan(outputs[0].f()[i]));
        else
          CHECK(outputs[0].f()[i] == doctest::Approx(want[i]).epsilon(1e-5));
      }
    }
  }

  TEST_CASE("with a result per row: layer norm backward") {
    for (int64_t columns : kColumns) {
      CAPTURE(columns);
      int64_t rows = 9;
      Compiled compiled(sized(kLayerNormBackwardKernel, rows, columns));
      Tensor x = randomF32({rows, columns}), dy = randomF32({rows, columns}, -1, 1, 2),
             w = randomF32({columns}, 0.5, 1.5, 3);
      std::vector<double> dx, means;
      for (int64_t r = 0; r < rows; ++r) {
        const float *row = x.f() + r * columns, *d = dy.f() + r * columns;
        double mean = 0, var = 0, mg = 0, mgx = 0;
        for (int64_t c = 0; c < columns; ++c)
          mean += row[c] / double(columns);
        for (int64_t c = 0; c < columns; ++c)
          var += (row[c] - mean) * (row[c] - mean) / columns;
        double rstd = 1 / std::sqrt(var + 1e-5);
        for (int64_t c = 0; c < columns; ++c) {
          double g = double(d[c]) * w.f()[c];
          mg += g / columns;
          mgx += g * (row[c] - mean) * rstd / columns;
        }
        for (int64_t c = 0; c < columns; ++c)
          dx.push_back(rstd * (double(d[c]) * w.f()[c] - mg -
                               (row[c] - mean) * rstd * mgx));
        means.push_back(mean);
      }
      for (auto &outputs :
           runAll(compiled, "f", {x, dy, w},
                  {Tensor::f32({rows, columns}), Tensor::f32({rows})})) {
        // A row of one has no spread, so that 1/√ε enlarges all errors.
        checkClose(outputs[0], dx, columns == 1 ? 1e-3 : 2e-5);
        checkClose(outputs[1], means, 1e-6);
      }
    }
  }

  TEST_CASE("find the index of the largest element") {
    const char *text = R"(
      plan.program @f inputs("x" %x : tensor<6x$Cxf32>)
          outputs("i" %y : tensor<6xi64>) {
        plan.kernel "argmax" row space [6, $C]
            (%a = %x at [$C, 1] : tensor<6x$Cxf32>) -> (%y at [1, 0] : tensor<6xi64>) {
          %m = plan.reduce max %a over [1] : f32
          %is = arith.cmpf oeq, %a, %m : f32
          %i = plan.index 1
          %none = arith.constant 9223372036854775807 : i64
          %c = arith.select %is, %i, %none : i64
          %f = plan.reduce min %c over [1] : i64
          plan.yield %f : i64
        }
      }
    )";
    for (int64_t columns : kColumns) {
      CAPTURE(columns);
      Compiled compiled(sized(text, 6, columns));
      Tensor x = randomF32({6, columns});
      for (auto &outputs :
           runAll(compiled, "f", {x}, {Tensor(ASGC_I64, {6})}))
        for (int64_t r = 0; r < 6; ++r) {
          const float *row = x.f() + r * columns;
          CHECK(outputs[0].as<int64_t>()[r] ==
                std::max_element(row, row + columns) - row);
        }
    }
  }

  TEST_CASE("over rows that lie across memory") {
    // Softmax over the first axis of a [C, R] matrix.
    const char *text = R"(
      plan.program @f inputs("x" %x : tensor<$Cx$Rxf32>)
          outputs("y" %y : tensor<$Cx$Rxf32>) {
        plan.kernel "softmax0" row space [$R, $C]
            (%a = %x at [1, $R] : tensor<$Cx$Rxf32>)
            -> (%y at [1, $R] : tensor<$Cx$Rxf32>) {
          %m = plan.reduce max %a over [1] : f32
          %0 = arith.subf %a, %m : f32
          %e = math.exp %0 : f32
          %s = plan.reduce add %e over [1] : f32
          %p = arith.divf %e, %s : f32
          plan.yield %p : f32
        }
      }
    )";
    for (int64_t rows : {1, 3, 16, 70, 133}) {
      int64_t columns = 37;
      CAPTURE(rows);
      Compiled compiled(sized(text, rows, columns));
      Tensor x = randomF32({columns, rows});
      Tensor transposed({ASGC_F32, {rows, columns}});
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < columns; ++c)
          transposed.f()[r * columns + c] = x.f()[c * rows + r];
      std::vector<double> rowsFirst = softmax(transposed), want;
      for (int64_t c = 0; c < columns; ++c)
        for (int64_t r = 0; r < rows; ++r)
          want.push_back(rowsFirst[r * columns + c]);
      for (auto &outputs :
           runAll(compiled, "f", {x}, {Tensor::f32({columns, rows})}))
        checkClose(outputs[0], want, 1e-6);
    }
  }
}
