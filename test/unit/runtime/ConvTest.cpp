//===- ConvTest.cpp - Convolutions against plain loops --------------------===//
#include "Harness.h"
#include <algorithm>
#include <doctest/doctest.h>

using namespace asgc::test;

namespace {

struct Data {
  Buffer x, w, y, bias;

  Data(const asgc_conv_desc &d, std::mt19937 &random)
      : x(d.dtype, d.n * d.c * d.h * d.w),
        w(d.dtype, d.o * (d.c / d.groups) * d.kh * d.kw),
        y(d.dtype, d.n * d.o * d.oh * d.ow), bias(d.dtype, d.o) {
    for (Buffer *buffer : {&x, &w, &y, &bias})
      buffer->fill(random);
  }
  Buffer &result(int32_t kind) { return kind == 0 ? y : kind == 1 ? x : w; }
};

/// Calls visit(x, w, y) with the places of every product of the convolution.
template <typename Visit>
void forEachProduct(const asgc_conv_desc &d, Visit visit) {
  const int64_t c = d.c / d.groups, o = d.o / d.groups;
  for (int64_t n = 0; n < d.n; ++n)
    for (int64_t f = 0; f < d.o; ++f)
      for (int64_t oh = 0; oh < d.oh; ++oh)
        for (int64_t ow = 0; ow < d.ow; ++ow)
          for (int64_t k = 0; k < c; ++k)
            for (int64_t i = 0; i < d.kh; ++i)
              for (int64_t j = 0; j < d.kw; ++j) {
                int64_t h = oh * d.stride[0] - d.pad_low[0] + i * d.dilation[0];
                int64_t v = ow * d.stride[1] - d.pad_low[1] + j * d.dilation[1];
                if (h < 0 || h >= d.h || v < 0 || v >= d.w)
                  continue;
                visit(((n * d.c + f / o * c + k) * d.h + h) * d.w + v,
                      ((f * c + k) * d.kh + i) * d.kw + j,
                      ((n * d.o + f) * d.oh + oh) * d.ow + ow);
              }
}

double activate(int32_t activation, double x) {
  switch (activation) {
  case ASGC_ACT_RELU:
    return std::max(x, 0.0);
  case ASGC_ACT_GELU_ERF:
    return x * 0.5 * (1 + std::erf(x / std::sqrt(2.0)));
  case ASGC_ACT_SILU:
    return x / (1 + std::exp(-x));
  default:
    return x;
  }
}

/// The largest error of the result in units of what rounding explains.
double worstError(const asgc_conv_desc &d, const Data &data,
                  const Buffer &result, bool bias) {
  std::vector<double> sums(size_t(result.size()), 0), sizes(sums);
  forEachProduct(d, [&](int64_t x, int64_t w, int64_t y) {
    const int64_t to = d.kind == 0 ? y : d.kind == 1 ? x : w;
    const double term = (d.kind == 1 ? 1 : data.x.get(x)) *
                        (d.kind == 2 ? 1 : data.w.get(w)) *
                        (d.kind == 0 ? 1 : data.y.get(y));
    sums[size_t(to)] += term;
    sizes[size_t(to)] += std::abs(term);
  });
  const double unit = d.dtype == ASGC_F16    ? 5e-4
                      : d.dtype == ASGC_BF16 ? 4e-3
                      : d.dtype == ASGC_F64  ? 1e-14
                                             : 4e-7;
  double worst = 0;
  for (int64_t i = 0; i < result.size(); ++i) {
    double expected = sums[size_t(i)];
    if (d.kind == 0) {
      if (bias)
        expected += data.bias.get(i / (d.oh * d.ow) % d.o);
      expected = activate(d.activation, expected);
    }
    const double rounding = d.dtype == ASGC_F64 ? 1e-15 : 2e-7;
    const double error =
        std::abs(result.get(i) - expected) /
        (unit * (std::abs(expected) + 0.1) + rounding * (sizes[size_t(i)] + 1));
    if (std::isnan(error))
      return INFINITY;
    worst = std::max(worst, error);
  }
  return worst;
}

asgc_status compute(Harness &harness, const asgc_conv_desc &d, Data &data,
                    bool bias, Buffer &result, const char *entry = "infer") {
  return harness.run(
      [&](asgc_frame *frame) {
        void *b = bias && d.kind == 0 ? data.bias.data() : nullptr;
        void *first = d.kind == 1 ? data.y.data() : data.x.data();
        void *second = d.kind == 2 ? data.y.data() : data.w.data();
        return asgc_rt_conv2d(frame, 0, &d, first, second, b, result.data());
      },
      entry);
}

std::string describe(const asgc_conv_desc &d) {
  std::string text = "kind " + std::to_string(d.kind) + " dtype " +
                     std::to_string(d.dtype) + " n, c, h, w, o, oh, ow";
  for (int64_t extent : {d.n, d.c, d.h, d.w, d.o, d.oh, d.ow})
    text += " " + std::to_string(extent);
  text += " kernel, stride, low, high, dilation, groups";
  for (int64_t value :
       {d.kh, d.kw, d.stride[0], d.stride[1], d.pad_low[0], d.pad_low[1],
        d.pad_high[0], d.pad_high[1], d.dilation[0], d.dilation[1], d.groups})
    text += " " + std::to_string(value);
  return text;
}

/// Runs all three kinds on 1, 2 and 4 threads: right, and the same bits.
void check(asgc_conv_desc d, bool bias, unsigned seed) {
  for (d.kind = 0; d.kind < 3; ++d.kind) {
    INFO(describe(d));
    std::vector<char> bits;
    for (int threads : {1, 2, 4}) {
      std::mt19937 random(seed);
      Data data(d, random);
      Harness harness({.threads = threads});
      Buffer result = data.result(d.kind);
      REQUIRE(compute(harness, d, data, bias, result) == ASGC_OK);
      if (threads == 1)
        CHECK(worstError(d, data, result, bias) <= 1);
      else
        CHECK(result.bytes() == bits);
      bits = result.bytes();
    }
  }
}

void setOutputs(asgc_conv_desc &d) {
  d.oh = (d.h + d.pad_low[0] + d.pad_high[0] - d.dilation[0] * (d.kh - 1) - 1) /
             d.stride[0] +
         1;
  d.ow = (d.w + d.pad_low[1] + d.pad_high[1] - d.dilation[1] * (d.kw - 1) - 1) /
             d.stride[1] +
         1;
}

struct Case {
  int64_t n, c, h, o, k, stride, pad, groups;
};

asgc_conv_desc square(const Case &test, int32_t dtype = ASGC_F32) {
  asgc_conv_desc d{};
  d.dtype = dtype;
  d.n = test.n;
  d.c = test.c;
  d.h = d.w = test.h;
  d.o = test.o;
  d.kh = d.kw = test.k;
  for (int i = 0; i < 2; ++i) {
    d.stride[i] = test.stride;
    d.pad_low[i] = d.pad_high[i] = test.pad;
    d.dilation[i] = 1;
  }
  d.groups = test.groups;
  d.w_variable = -1;
  setOutputs(d);
  return d;
}

} // namespace

TEST_SUITE("convolution") {
  TEST_CASE("layers of well-known networks, made small") {
    unsigned seed = 1;
    for (Case test :
         {Case{9, 1, 28, 6, 5, 1, 2, 1}, Case{9, 6, 14, 16, 5, 1, 0, 1},
          Case{2, 3, 31, 16, 7, 2, 3, 1}, Case{1, 64, 14, 64, 3, 1, 1, 1},
          Case{2, 64, 14, 32, 1, 1, 0, 1}, Case{2, 32, 14, 48, 1, 2, 0, 1},
          Case{3, 32, 14, 32, 3, 1, 1, 32}, Case{2, 32, 9, 64, 3, 2, 1, 4},
          Case{1, 96, 5, 200, 3, 1, 1, 1}})
      check(square(test), true, seed++);
  }

  TEST_CASE("any stride, padding, dilation, groups and type") {
    std::mt19937 random(21);
    auto pick = [&](int64_t low, int64_t high) {
      return low + int64_t(random() % uint64_t(high - low + 1));
    };
    const int32_t types[] = {ASGC_F32, ASGC_F32,  ASGC_F32,
                             ASGC_F16, ASGC_BF16, ASGC_F64};
    for (int i = 0; i < 150;) {
      asgc_conv_desc d{};
      d.dtype = types[random() % 6];
      d.groups = pick(0, 3) ? 1 : pick(2, 4);
      d.n = pick(1, 5);
      d.c = d.groups * pick(1, i % 4 ? 5 : 20);
      d.o = d.groups * pick(1, i % 4 ? 5 : 40);
      d.h = pick(1, 12);
      d.w = pick(1, 15);
      d.kh = pick(1, 4);
      d.kw = pick(1, 4);
      for (int dim = 0; dim < 2; ++dim) {
        d.stride[dim] = pick(1, 3);
        d.pad_low[dim] = pick(0, 3);
        d.pad_high[dim] = pick(0, 3);
        d.dilation[dim] = pick(1, 2);
      }
      d.w_variable = -1;
      const int32_t activations[] = {ASGC_ACT_NONE, ASGC_ACT_RELU,
                                     ASGC_ACT_GELU_ERF, ASGC_ACT_SILU};
      d.activation = activations[pick(0, 3)];
      if (d.h + d.pad_low[0] + d.pad_high[0] < d.dilation[0] * (d.kh - 1) + 1 ||
          d.w + d.pad_low[1] + d.pad_high[1] < d.dilation[1] * (d.kw - 1) + 1)
        continue;
      setOutputs(d);
      check(d, random() % 2, unsigned(i));
      ++i;
    }
  }

  TEST_CASE("no images") {
    asgc_conv_desc d = square({2, 3, 5, 4, 3, 1, 1, 1});
    d.n = 0;
    check(d, true, 1);
  }

  TEST_CASE("packed weights are remade when variables change") {
    asgc_conv_desc d = square({4, 16, 12, 32, 3, 1, 1, 1});
    for (d.kind = 0; d.kind < 2; ++d.kind) {
      d.w_variable = 0;
      std::mt19937 random(5);
      Data data(d, random);
      Harness harness({.threads = 2});
      Buffer result = data.result(d.kind);
      for (int i = 0; i < 2; ++i) {
        REQUIRE(compute(harness, d, data, true, result) == ASGC_OK);
        CHECK(worstError(d, data, result, true) <= 1);
      }
      const std::vector<char> first = result.bytes();
      data.w.fill(random);
      REQUIRE(compute(harness, d, data, true, result) == ASGC_OK);
      CHECK(result.bytes() == first);
      // Fewer images in between, as with a run-time batch.
      asgc_conv_desc fewer = d;
      fewer.n = 3;
      Data few(fewer, random);
      Buffer fewResult = few.result(d.kind);
      few.w = data.w;
      asgc_program_touch(harness.program());
      REQUIRE(compute(harness, fewer, few, true, fewResult) == ASGC_OK);
      CHECK(worstError(fewer, few, fewResult, true) <= 1);
      REQUIRE(compute(harness, d, data, true, result) == ASGC_OK);
      CHECK(worstError(d, data, result, true) <= 1);
      data.w.fill(random);
      REQUIRE(compute(harness, d, data, true, result, "train") == ASGC_OK);
      CHECK(worstError(d, data, result, true) <= 1);
    }
  }
}
