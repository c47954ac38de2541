//===- ConvTest.cpp - Convolutions of all floats, and their gradients -----===//
#include "Floats.h"

#include <doctest/doctest.h>

using namespace asgc;
using namespace asgc::test;

namespace {

struct Convolution {
  const char *type = "f32", *kind = "forward";
  int64_t n = 1, c = 1, h = 1, w = 1, o = 1, kh = 1, kw = 1;
  int64_t stride = 1, pad = 0, dilation = 1, groups = 1;
  bool hasBias = false, isSplit = false;

  int64_t oh() const { return size(h, kh); }
  int64_t ow() const { return size(w, kw); }
  std::vector<int64_t> x() const { return {n, c, h, w}; }
  std::vector<int64_t> weight() const { return {o, c / groups, kh, kw}; }
  std::vector<int64_t> y() const { return {n, o, oh(), ow()}; }

private:
  int64_t size(int64_t extent, int64_t window) const {
    return (extent + 2 * pad - dilation * (window - 1) - 1) / stride + 1;
  }
};

std::string typeOf(const std::vector<int64_t> &dims, const char *element) {
  std::string text = "tensor<";
  for (int64_t dim : dims)
    text += std::to_string(dim) + "x";
  return text + element + ">";
}

int64_t indexOf(const std::vector<int64_t> &dims, int64_t i, int64_t j,
                int64_t k, int64_t l) {
  return ((i * dims[1] + j) * dims[2] + k) * dims[3] + l;
}

void checkConv(const Convolution &v) {
  std::string kind = v.kind;
  bool isForward = kind == "forward", isInput = kind == "input_grad";
  std::vector<int64_t> first = isInput ? v.y() : v.x();
  std::vector<int64_t> second = kind == "weight_grad" ? v.y() : v.weight();
  std::vector<int64_t> out = isForward ? v.y() : isInput ? v.x() : v.weight();
  auto pair = [](int64_t number) {
    return "[" + std::to_string(number) + ", " + std::to_string(number) + "]";
  };
  std::string bias = typeOf({v.o}, v.type);
  std::string text =
      "plan.program @f inputs(\"a\" %a : " + typeOf(first, v.type) +
      ", \"b\" %b : " + typeOf(second, v.type) +
      (v.hasBias ? ", \"bias\" %bias : " + bias : "") +
      ") outputs(\"c\" %c : " + typeOf(out, v.type) +
      ") {\n  plan.conv2d \"conv\" " + kind + " strides " + pair(v.stride) +
      " pad " + pair(v.pad) + ", " + pair(v.pad) + " dilations " +
      pair(v.dilation) + " groups " + std::to_string(v.groups) + " act " +
      (v.hasBias ? "relu" : "none") + " (%a, %b" +
      (v.hasBias ? " bias %bias" : "") + ") -> %c : " + typeOf(first, v.type) +
      ", " + typeOf(second, v.type) + (v.hasBias ? ", " + bias : "") + " -> " +
      typeOf(out, v.type) + "\n}\n";
  CAPTURE(text);
  int32_t type = dtypeOf(v.type);
  std::vector<Tensor> inputs = {randomTensor(first, type, 1),
                                randomTensor(second, type, 2)};
  if (v.hasBias)
    inputs.push_back(randomTensor({v.o}, type, 3));
  CodegenOptions options;
  options.device.matrixUnits = {{16, 16, 16, 32}, {8, 8, 8, 8}};
  options.device.splitsF32 = v.isSplit;
  Compiled compiled(text, options);
  Tensor got = compiled.run("f", inputs, {Tensor(type, out)})[0];

  std::vector<double> a = valuesOf(inputs[0]), b = valuesOf(inputs[1]),
                      c = valuesOf(got);
  std::vector<double> sums(c.size()), sizes(c.size());
  std::vector<int64_t> counts(c.size());
  for (int64_t n = 0; n < v.n; ++n)
    for (int64_t o = 0; o < v.o; ++o)
      for (int64_t oy = 0; oy < v.oh(); ++oy)
        for (int64_t ox = 0; ox < v.ow(); ++ox)
          for (int64_t ci = 0; ci < v.c / v.groups; ++ci)
            for (int64_t ky = 0; ky < v.kh; ++ky)
              for (int64_t kx = 0; kx < v.kw; ++kx) {
                int64_t y = oy * v.stride + ky * v.dilation - v.pad;
                int64_t x = ox * v.stride + kx * v.dilation - v.pad;
                if (y < 0 || y >= v.h || x < 0 || x >= v.w)
                  continue;
                int64_t channel = o / (v.o / v.groups) * (v.c / v.groups) + ci;
                int64_t atX = indexOf(v.x(), n, channel, y, x);
                int64_t atW = indexOf(v.weight(), o, ci, ky, kx);
                int64_t atY = indexOf(v.y(), n, o, oy, ox);
                int64_t atA = isInput ? atY : atX;
                int64_t atB = kind == "weight_grad" ? atY : atW;
                int64_t atC = isForward ? atY : isInput ? atX : atW;
                double term = a[size_t(atA)] * b[size_t(atB)];
                sums[size_t(atC)] += term;
                sizes[size_t(atC)] += std::abs(term);
                ++counts[size_t(atC)];
              }
  int64_t wrong = 0;
  for (size_t i = 0; i < c.size(); ++i) {
    if (v.hasBias) {
      double more =
          valuesOf(inputs[2])[i / size_t(v.oh() * v.ow()) % size_t(v.o)];
      sizes[i] += std::abs(more);
      sums[i] = std::max(0.0, sums[i] + more);
    }
    double bound = boundOf(sizes[i], counts[i], sums[i], type) +
                   (v.isSplit ? splitBoundOf(sizes[i]) : 0);
    if (!(std::abs(c[i] - sums[i]) <= bound) && wrong++ == 0) {
      CAPTURE(i);
      CHECK(c[i] == sums[i]);
    }
  }
  CHECK_MESSAGE(wrong == 0, wrong, " elements are wrong");
}

} // namespace

TEST_SUITE("convolutions") {
  TEST_CASE("kinds, strides, frames and dilations") {
    for (const char *kind : {"forward", "input_grad", "weight_grad"})
      for (const char *type : {"f32", "f16", "bf16"}) {
        Convolution v{.type = type, .kind = kind, .n = 2, .c = 20, .h = 12};
        v.w = 9, v.o = 24, v.kh = 3, v.kw = 3, v.pad = 1;
        checkConv(v);
        v.isSplit = type == std::string("f32");
        checkConv(v);
        v.stride = 2;
        checkConv(v);
        v.dilation = 2, v.kw = 2, v.pad = 2;
        checkConv(v);
      }
  }
  TEST_CASE("windows of one, and channels that share a slice") {
    for (const char *kind : {"forward", "input_grad", "weight_grad"})
      for (bool isSplit : {false, true}) {
        Convolution v{.type = isSplit ? "f32" : "f16", .kind = kind, .n = 4};
        v.isSplit = isSplit;
        v.c = 64, v.h = 8, v.w = 8, v.o = 32;
        checkConv(v);
        v.stride = 2;
        checkConv(v);
        v.c = 3, v.kh = 7, v.kw = 7, v.pad = 3;
        checkConv(v);
      }
  }
  TEST_CASE("bias, activation and groups") {
    for (const char *type : {"f32", "f16"}) {
      Convolution v{.type = type, .n = 3, .c = 16, .h = 7, .w = 7, .o = 40};
      v.kh = 3, v.kw = 3, v.pad = 1, v.hasBias = true;
      checkConv(v);
      v.groups = 8;
      checkConv(v);
    }
  }
}
