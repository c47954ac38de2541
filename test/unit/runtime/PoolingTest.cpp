//===- PoolingTest.cpp - Pooling against plain loops ----------------------===//
#include "Harness.h"
#include <algorithm>
#include <doctest/doctest.h>

using namespace asgc::test;

namespace {

/// Calls visit(place in the plane, or -1 for padding) over a window.
template <typename Visit>
void forWindow(const asgc_pool_desc &d, int64_t oh, int64_t ow, Visit visit) {
  for (int64_t i = 0; i < d.kernel[0]; ++i)
    for (int64_t j = 0; j < d.kernel[1]; ++j) {
      int64_t ih = oh * d.stride[0] - d.pad_low[0] + i * d.dilation[0];
      int64_t iw = ow * d.stride[1] - d.pad_low[1] + j * d.dilation[1];
      bool inside = ih >= 0 && ih < d.h && iw >= 0 && iw < d.w;
      visit(inside ? ih * d.w + iw : -1);
    }
}

int64_t outputExtent(const asgc_pool_desc &d, int i) {
  int64_t input = i == 0 ? d.h : d.w;
  int64_t reach = d.dilation[i] * (d.kernel[i] - 1) + 1;
  return (input + d.pad_low[i] + d.pad_high[i] - reach) / d.stride[i] + 1;
}

asgc_pool_desc randomDesc(std::mt19937 &random, int32_t dtype) {
  auto pick = [&](int64_t low, int64_t high) {
    return low + int64_t(random() % uint64_t(high - low + 1));
  };
  for (;;) {
    asgc_pool_desc d{};
    d.dtype = dtype;
    d.count_include_pad = int32_t(random() % 2);
    d.n = pick(1, 3);
    d.c = pick(1, 4);
    d.h = pick(1, 20);
    d.w = pick(1, 40);
    for (int i = 0; i < 2; ++i) {
      d.kernel[i] = pick(1, 4);
      d.stride[i] = pick(1, 3);
      d.pad_low[i] = pick(0, 3);
      d.pad_high[i] = pick(0, 3);
      d.dilation[i] = pick(1, 2);
    }
    d.oh = outputExtent(d, 0);
    d.ow = outputExtent(d, 1);
    bool fits = true;
    for (int i = 0; i < 2; ++i)
      fits &= (i == 0 ? d.h : d.w) + d.pad_low[i] + d.pad_high[i] >=
              d.dilation[i] * (d.kernel[i] - 1) + 1;
    if (fits)
      return d;
  }
}

double unitOf(int32_t dtype) {
  return dtype == ASGC_F16    ? 5e-4
         : dtype == ASGC_BF16 ? 4e-3
         : dtype == ASGC_F64  ? 1e-14
                              : 1e-6;
}

bool isNear(double got, double expected, int32_t dtype) {
  return got == expected || (std::isnan(got) && std::isnan(expected)) ||
         std::abs(got - expected) <= unitOf(dtype) * (std::abs(expected) + 1);
}

} // namespace

TEST_SUITE("pooling") {
  TEST_CASE("maxima, their places, and the gradient through them") {
    std::mt19937 random(1);
    const int32_t types[] = {ASGC_F32, ASGC_F32, ASGC_F16, ASGC_BF16,
                             ASGC_F64, ASGC_I8,  ASGC_I32};
    for (int round = 0; round < 200; ++round) {
      const int32_t dtype = types[round % 7];
      asgc_pool_desc d = randomDesc(random, dtype);
      const int64_t planes = d.n * d.c, in = d.h * d.w, out = d.oh * d.ow;
      Buffer x(dtype, planes * in), dy(dtype, planes * out);
      x.fill(random);
      dy.fill(random);
      for (int64_t i = 0; i < x.size(); ++i)
        if (random() % 3 == 0)
          x.set(i, 0.5); // equal values: the first one wins
      if (dtype != ASGC_I8 && dtype != ASGC_I32 && round % 2)
        x.set(int64_t(random() % uint64_t(x.size())), NAN);
      for (int threads : {1, 3})
        for (int32_t isa = 1; isa <= ASGC_ISA_COUNT; ++isa) {
          Harness harness({.threads = threads, .isa = isa});
          if (!harness.program())
            continue;
          Buffer y(dtype, planes * out), again(dtype, planes * out),
              taken(dtype, planes * out), dx(dtype, planes * in);
          Buffer indices(ASGC_I32, planes * out);
          dx.fill(random);
          REQUIRE(harness.run([&](asgc_frame *frame) {
            asgc_rt_max_pool2d(frame, 0, &d, x.data(), y.data(),
                               indices.data());
            asgc_rt_max_pool2d(frame, 0, &d, x.data(), again.data(), nullptr);
            asgc_rt_pool_gather2d(frame, 0, &d, x.data(), indices.data(),
                                  taken.data());
            return asgc_rt_max_unpool2d(frame, 0, &d, dy.data(), indices.data(),
                                        dx.data());
          }) == ASGC_OK);
          std::vector<double> sums(size_t(planes * in), 0);
          int wrong = 0;
          for (int64_t p = 0; p < planes; ++p)
            for (int64_t o = 0; o < out; ++o) {
              int64_t place = -1;
              forWindow(d, o / d.ow, o % d.ow, [&](int64_t at) {
                if (at < 0)
                  return;
                double value = x.get(p * in + at);
                if (place < 0 || value > x.get(p * in + place) ||
                    std::isnan(value))
                  place = at;
              });
              const int64_t at = p * out + o;
              wrong += indices.get(at) != double(place);
              if (place >= 0) {
                sums[size_t(p * in + place)] += dy.get(at);
                wrong += !isNear(y.get(at), x.get(p * in + place), ASGC_F64);
                wrong +=
                    !isNear(taken.get(at), x.get(p * in + place), ASGC_F64);
              } else {
                wrong += taken.get(at) != 0;
                wrong += dtype == ASGC_F32 && y.get(at) != -INFINITY;
              }
            }
          wrong += again.bytes() != y.bytes();
          for (int64_t i = 0; i < dx.size(); ++i)
            if (dtype == ASGC_I8)
              wrong += int8_t(dx.get(i)) != int8_t(int64_t(sums[size_t(i)]));
            else
              wrong += !isNear(dx.get(i), sums[size_t(i)], dtype);
          CHECK(wrong == 0);
        }
    }
  }

  TEST_CASE("averages and their gradient") {
    std::mt19937 random(2);
    const int32_t types[] = {ASGC_F32, ASGC_F16, ASGC_BF16, ASGC_F64};
    for (int round = 0; round < 200; ++round) {
      const int32_t dtype = types[round % 4];
      asgc_pool_desc d = randomDesc(random, dtype);
      const int64_t planes = d.n * d.c, in = d.h * d.w, out = d.oh * d.ow;
      Buffer x(dtype, planes * in), dy(dtype, planes * out);
      x.fill(random);
      dy.fill(random);
      std::vector<char> bits;
      for (int threads : {1, 3})
        for (int32_t isa = 1; isa <= ASGC_ISA_COUNT; ++isa) {
          Harness harness({.threads = threads, .isa = isa});
          if (!harness.program())
            continue;
          Buffer y(dtype, planes * out), dx(dtype, planes * in);
          dx.fill(random);
          REQUIRE(harness.run([&](asgc_frame *frame) {
            asgc_rt_avg_pool2d(frame, 0, &d, x.data(), y.data());
            return asgc_rt_avg_pool2d_backward(frame, 0, &d, dy.data(),
                                               dx.data());
          }) == ASGC_OK);
          std::vector<double> sums(size_t(planes * in), 0);
          int wrong = 0;
          for (int64_t p = 0; p < planes; ++p)
            for (int64_t o = 0; o < out; ++o) {
              double sum = 0;
              int64_t inside = 0;
              forWindow(d, o / d.ow, o % d.ow, [&](int64_t at) {
                if (at >= 0) {
                  sum += x.get(p * in + at);
                  ++inside;
                }
              });
              const double count = d.count_include_pad
                                       ? double(d.kernel[0] * d.kernel[1])
                                       : double(inside);
              const int64_t at = p * out + o;
              wrong += !isNear(y.get(at), count > 0 ? sum / count : 0, dtype);
              forWindow(d, o / d.ow, o % d.ow, [&](int64_t place) {
                if (place >= 0)
                  sums[size_t(p * in + place)] += dy.get(at) / count;
              });
            }
          for (int64_t i = 0; i < dx.size(); ++i)
            wrong += !isNear(dx.get(i), sums[size_t(i)], dtype);
          CHECK(wrong == 0);
        }
    }
  }

  TEST_CASE("a type that is none is refused by name") {
    asgc_pool_desc d{};
    d.dtype = ASGC_BOOL;
    d.n = d.c = d.h = d.w = d.oh = d.ow = 1;
    Harness harness;
    char x[8] = {}, y[8] = {};
    CHECK(harness.run([&](asgc_frame *frame) {
      return asgc_rt_avg_pool2d(frame, 0, &d, x, y);
    }) == ASGC_UNSUPPORTED);
    CHECK(harness.error() == "avg_pool2d of dtype bool");
  }
}
