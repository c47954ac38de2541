//===- IndexingTest.cpp - Scatter-add, pooling and transpositions ---------===//
#include "Harness.h"

#include <doctest/doctest.h>
#include <random>

using namespace asgc;
using namespace asgc::test;

namespace {

std::string replaceAll(std::string text,
                       std::vector<std::pair<std::string, int64_t>> values) {
  for (const auto &[name, value] : values)
    for (size_t at; (at = text.find("$" + name)) != std::string::npos;)
      text.replace(at, name.size() + 1, std::to_string(value));
  return text;
}

/// A window of pooling, the same along both axes.
struct Window {
  int64_t kernel, stride, pad, dilation;
  int64_t outputs(int64_t extent) const {
    return (extent + 2 * pad - (kernel - 1) * dilation - 1) / stride + 1;
  }
  /// Calls back with the place of each element in the window of (row, column).
  template <typename F>
  void forEach(int64_t row, int64_t column, int64_t h, int64_t w,
               F visit) const {
    for (int64_t i = 0; i < kernel; ++i)
      for (int64_t j = 0; j < kernel; ++j) {
        int64_t y = row * stride - pad + i * dilation;
        int64_t x = column * stride - pad + j * dilation;
        if (y >= 0 && y < h && x >= 0 && x < w)
          visit(y * w + x);
      }
  }
};

const Window kWindows[] = {{3, 2, 1, 1}, {2, 2, 0, 1}, {3, 1, 1, 1},
                           {2, 3, 0, 1}, {2, 1, 1, 2}, {3, 2, 2, 2},
                           {5, 1, 2, 1}};

std::vector<std::pair<std::string, int64_t>> valuesOf(const Window &window,
                                                      int64_t h, int64_t w) {
  return {{"OH", window.outputs(h)},
          {"OW", window.outputs(w)},
          {"H", h},
          {"W", w},
          {"K", window.kernel},
          {"S", window.stride},
          {"P", window.pad},
          {"D", window.dilation}};
}

} // namespace

TEST_SUITE("indexing") {
  TEST_CASE("scatter-add sums up equal indices, in batches") {
    const char *text = R"(
      plan.program @f
          inputs("x" %x : tensor<$Bx$Nx$Rxf32>, "i" %i : tensor<$Bx$Nxi64>)
          outputs("y" %y : tensor<$Bx$Ax$Rxf32>) {
        plan.scatter_add "scatter" axis 1 batch_dims 1 (%x, %i) -> %y
            : tensor<$Bx$Nx$Rxf32>, tensor<$Bx$Nxi64> -> tensor<$Bx$Ax$Rxf32>
      })";
    std::mt19937 random(3);
    for (int64_t batch : {1, 3})
      for (int64_t count : {1, 7, 33, 257})
        for (int64_t inner : {1, 3, 8})
          for (int64_t axis : {1, 5, 300}) {
            CAPTURE(batch);
            CAPTURE(count);
            CAPTURE(inner);
            CAPTURE(axis);
            std::string program = replaceAll(
                text, {{"B", batch}, {"N", count}, {"R", inner}, {"A", axis}});
            CodegenOptions atomic;
            atomic.device.addsAtomically = true;
            Compiled ordered(program), anyOrder(program, atomic);
            Tensor x = randomF32({batch, count, inner});
            Tensor indices(ASGC_I64, {batch, count});
            std::vector<double> want(size_t(batch * axis * inner), 0);
            for (int64_t n = 0; n < batch * count; ++n) {
              int64_t index = int64_t(random() % uint64_t(axis));
              indices.as<int64_t>()[n] = index;
              for (int64_t r = 0; r < inner; ++r)
                want[size_t((n / count * axis + index) * inner + r)] +=
                    x.f()[n * inner + r];
            }
            Tensor y = Tensor::f32({batch, axis, inner});
            checkClose(ordered.run("f", {x, indices}, {y})[0], want, 1e-5);
            checkClose(anyOrder.run("f", {x, indices}, {y})[0], want, 1e-5);
          }
  }

  TEST_CASE("the gradient of max pooling follows the indices") {
    const char *text = R"(
      plan.program @f
          inputs("x" %x : tensor<2x3x$Hx$Wxf32>, "dy" %dy : tensor<2x3x$OHx$OWxf32>)
          outputs("y" %y : tensor<2x3x$OHx$OWxf32>, "i" %i : tensor<2x3x$OHx$OWxi32>,
                  "dx" %dx : tensor<2x3x$Hx$Wxf32>) {
        plan.max_pool2d "pool" kernel [$K, $K] strides [$S, $S] pad [$P, $P], [$P, $P]
            dilations [$D, $D] (%x) -> %y, %i
            : tensor<2x3x$Hx$Wxf32> -> tensor<2x3x$OHx$OWxf32>, tensor<2x3x$OHx$OWxi32>
        plan.max_unpool2d "unpool" (%dy, %i) -> %dx
            : tensor<2x3x$OHx$OWxf32>, tensor<2x3x$OHx$OWxi32> -> tensor<2x3x$Hx$Wxf32>
      })";
    const int64_t h = 9, w = 7;
    for (const Window &window : kWindows) {
      CAPTURE(window.kernel);
      CAPTURE(window.stride);
      CAPTURE(window.dilation);
      Compiled compiled(replaceAll(text, valuesOf(window, h, w)));
      int64_t oh = window.outputs(h), ow = window.outputs(w);
      Tensor x = randomF32({2, 3, h, w}),
             dy = randomF32({2, 3, oh, ow}, -1, 1, 2);
      std::vector<double> y, dx(size_t(6 * h * w), 0);
      for (int64_t o = 0; o < 6 * oh * ow; ++o) {
        int64_t plane = o / (oh * ow) * h * w, best = -1;
        window.forEach(o / ow % oh, o % ow, h, w, [&](int64_t place) {
          if (best < 0 || x.f()[plane + place] > x.f()[plane + best])
            best = place;
        });
        y.push_back(x.f()[plane + best]);
        dx[size_t(plane + best)] += dy.f()[o];
      }
      auto outputs = compiled.run("f", {x, dy},
                                  {Tensor::f32({2, 3, oh, ow}),
                                   Tensor(ASGC_I32, {2, 3, oh, ow}),
                                   Tensor::f32({2, 3, h, w})});
      checkClose(outputs[0], y);
      checkClose(outputs[2], dx);
    }
  }

  TEST_CASE("indices of no element of a plane take nothing and add nothing") {
    Compiled compiled(R"(
      plan.program @f
          inputs("x" %x : tensor<1x2x3x3xf32>, "i" %i : tensor<1x2x2x2xi32>,
                 "dy" %dy : tensor<1x2x2x2xf32>)
          outputs("y" %y : tensor<1x2x2x2xf32>, "dx" %dx : tensor<1x2x3x3xf32>) {
        plan.pool_gather2d "pick" (%x, %i) -> %y
            : tensor<1x2x3x3xf32>, tensor<1x2x2x2xi32> -> tensor<1x2x2x2xf32>
        plan.max_unpool2d "unpool" (%dy, %i) -> %dx
            : tensor<1x2x2x2xf32>, tensor<1x2x2x2xi32> -> tensor<1x2x3x3xf32>
      })");
    Tensor x = randomF32({1, 2, 3, 3}), dy = randomF32({1, 2, 2, 2}, -1, 1, 2);
    Tensor indices(ASGC_I32, {1, 2, 2, 2});
    const int32_t places[8] = {-1, 8, 9, 0, INT32_MIN, INT32_MAX, 4, 1 << 30};
    std::vector<double> y(8, 0), dx(18, 0);
    for (int64_t o = 0; o < 8; ++o) {
      indices.as<int32_t>()[o] = places[o];
      if (places[o] < 0 || places[o] >= 9)
        continue;
      y[size_t(o)] = x.f()[o / 4 * 9 + places[o]];
      dx[size_t(o / 4 * 9 + places[o])] += dy.f()[o];
    }
    auto outputs =
        compiled.run("f", {x, indices, dy},
                     {Tensor::f32({1, 2, 2, 2}), Tensor::f32({1, 2, 3, 3})});
    checkClose(outputs[0], y);
    checkClose(outputs[1], dx);
  }

  TEST_CASE("the gradient of average pooling shares by what was counted") {
    const char *text = R"(
      plan.program @f inputs("dy" %dy : tensor<2x3x$OHx$OWxf32>)
          outputs("dx" %dx : tensor<2x3x$Hx$Wxf32>) {
        plan.avg_pool2d "pool" backward kernel [$K, $K] strides [$S, $S] pad [$P, $P], [$P, $P]
            dilations [$D, $D] count_include_pad COUNTS (%dy) -> %dx
            : tensor<2x3x$OHx$OWxf32> -> tensor<2x3x$Hx$Wxf32>
      })";
    const int64_t h = 9, w = 7;
    for (const Window &window : kWindows)
      for (bool countsPads : {false, true}) {
        CAPTURE(window.kernel);
        CAPTURE(window.stride);
        CAPTURE(window.dilation);
        CAPTURE(countsPads);
        std::string program = replaceAll(text, valuesOf(window, h, w));
        program.replace(program.find("COUNTS"), 6,
                        countsPads ? "true" : "false");
        Compiled compiled(program);
        int64_t oh = window.outputs(h), ow = window.outputs(w);
        Tensor dy = randomF32({2, 3, oh, ow});
        std::vector<double> dx(size_t(6 * h * w), 0);
        for (int64_t o = 0; o < 6 * oh * ow; ++o) {
          int64_t plane = o / (oh * ow) * h * w, count = 0;
          auto forEach = [&](auto visit) {
            window.forEach(o / ow % oh, o % ow, h, w, visit);
          };
          forEach([&](int64_t) { ++count; });
          if (countsPads)
            count = window.kernel * window.kernel;
          forEach([&](int64_t place) {
            dx[size_t(plane + place)] += double(dy.f()[o]) / double(count);
          });
        }
        checkClose(compiled.run("f", {dy}, {Tensor::f32({2, 3, h, w})})[0], dx);
      }
  }

  TEST_CASE("maps read along another dim than they write") {
    const char *text = R"(
      plan.program @f
          inputs("x" %x : tensor<$Cx$Rxf32>, "z" %z : tensor<$Rx$Cxf32>, "b" %b : tensor<$Rxf32>)
          outputs("y" %y : tensor<$Rx$Cxf32>) {
        plan.kernel "turn" map space [$R, $C] (%0 = %x at [1, $R] : tensor<$Cx$Rxf32>,
            %1 = %z at [$C, 1] : tensor<$Rx$Cxf32>, %2 = %b at [1, 0] : tensor<$Rxf32>)
            -> (%y at [$C, 1] : tensor<$Rx$Cxf32>) {
          %3 = arith.mulf %0, %1 : f32
          %4 = arith.addf %3, %2 : f32
          plan.yield %4 : f32
        }
      })";
    for (int64_t rows : {1, 4, 7, 36, 300})
      for (int64_t columns : {1, 8, 33, 260}) {
        CAPTURE(rows);
        CAPTURE(columns);
        Compiled compiled(replaceAll(text, {{"R", rows}, {"C", columns}}));
        Tensor x = randomF32({columns, rows}), b = randomF32({rows}, -1, 1, 3),
               z = randomF32({rows, columns}, -1, 1, 2);
        std::vector<double> want;
        for (int64_t r = 0; r < rows; ++r)
          for (int64_t c = 0; c < columns; ++c)
            want.push_back(double(x.f()[c * rows + r]) *
                               z.f()[r * columns + c] +
                           b.f()[r]);
        checkClose(
            compiled.run("f", {x, z, b}, {Tensor::f32({rows, columns})})[0],
            want);
      }
  }
}
