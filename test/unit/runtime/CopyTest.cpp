//===- CopyTest.cpp - Strided copies, gather and scatter ------------------===//
#include "Harness.h"
#include <algorithm>
#include <doctest/doctest.h>

using namespace asgc::test;

namespace {

constexpr int32_t allTypes[] = {ASGC_F32, ASGC_F16, ASGC_BF16, ASGC_I8,
                                ASGC_I32, ASGC_I64, ASGC_BOOL, ASGC_F64};

/// Calls visit(point) for each point of the extents, in order.
void forEachPoint(
    const std::vector<int64_t> &extents,
    const std::function<void(const std::vector<int64_t> &)> &visit) {
  for (int64_t extent : extents)
    if (extent == 0)
      return;
  std::vector<int64_t> point(extents.size(), 0);
  for (;;) {
    visit(point);
    size_t dim = extents.size();
    while (dim > 0 && ++point[dim - 1] == extents[dim - 1])
      point[--dim] = 0;
    if (dim == 0)
      return;
  }
}

int64_t dot(const std::vector<int64_t> &point, const asgc_dim *strides) {
  int64_t offset = 0;
  for (size_t i = 0; i < point.size(); ++i)
    offset += point[i] * strides[i];
  return offset;
}

/// Strides with the dims in random order of memory, and the elements reached.
int64_t randomStrides(const std::vector<int64_t> &extents, asgc_dim *strides,
                      std::mt19937 &random) {
  std::vector<size_t> order(extents.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = order.size() - 1 - i;
  if (random() % 3)
    std::shuffle(order.begin(), order.end(), random);
  int64_t stride = 1;
  for (size_t dim : order) {
    strides[dim] = stride;
    stride = stride * std::max<int64_t>(extents[dim], 1) +
             (random() % 4 == 0 ? int64_t(random() % 3) : 0);
  }
  return stride;
}

void checkCopy(asgc_copy_desc desc, const std::vector<int64_t> &extents,
               int64_t sizeX, int64_t sizeY, std::mt19937 &random) {
  desc.rank = int32_t(extents.size());
  std::copy(extents.begin(), extents.end(), desc.extents);
  Buffer x(desc.dtype, sizeX), y(desc.dtype, sizeY);
  x.fill(random);
  y.fill(random);
  Buffer expected = y;
  forEachPoint(extents, [&](const std::vector<int64_t> &point) {
    expected.set(dot(point, desc.y_strides), x.get(dot(point, desc.x_strides)));
  });
  for (int threads : {1, 3}) {
    for (int32_t isa = 1; isa <= ASGC_ISA_COUNT; ++isa) {
      Harness harness({.threads = threads, .isa = isa});
      if (!harness.program())
        continue;
      Buffer out = y;
      REQUIRE(harness.run([&](asgc_frame *frame) {
        return asgc_rt_copy(frame, 0, &desc, x.data(), out.data());
      }) == ASGC_OK);
      CHECK(out.bytes() == expected.bytes());
    }
  }
}

} // namespace

TEST_SUITE("copy") {
  TEST_CASE("any strides, any type") {
    std::mt19937 random(3);
    for (int i = 0; i < 300; ++i) {
      asgc_copy_desc desc{};
      desc.dtype = allTypes[random() % 8];
      std::vector<int64_t> extents(random() % 5);
      for (int64_t &extent : extents)
        extent = int64_t(random() % (i % 4 ? 7 : 40)) + (i % 9 ? 1 : 0);
      int64_t sizeX = randomStrides(extents, desc.x_strides, random);
      int64_t sizeY = randomStrides(extents, desc.y_strides, random);
      for (size_t dim = 0; dim < extents.size(); ++dim)
        if (random() % 5 == 0)
          desc.x_strides[dim] = 0;
      checkCopy(desc, extents, sizeX, sizeY, random);
    }
  }

  TEST_CASE("large transposes, rows, fills and blocks") {
    std::mt19937 random(4);
    const int64_t rows = 301, columns = 517;
    for (int32_t dtype : {ASGC_F32, ASGC_F16, ASGC_I8, ASGC_F64}) {
      asgc_copy_desc desc{};
      desc.dtype = dtype;
      // A transpose, contiguous on both sides.
      desc.x_strides[0] = 1;
      desc.x_strides[1] = rows;
      desc.y_strides[0] = columns;
      desc.y_strides[1] = 1;
      checkCopy(desc, {rows, columns}, rows * columns, rows * columns, random);
      // [n, h, w, c] -> [n, c, h, w]
      asgc_copy_desc image{};
      image.dtype = dtype;
      const asgc_dim from[] = {20 * 30 * 7, 1, 30 * 7, 7};
      const asgc_dim to[] = {20 * 30 * 7, 20 * 30, 30, 1};
      std::copy(from, from + 4, image.x_strides);
      std::copy(to, to + 4, image.y_strides);
      checkCopy(image, {3, 7, 20, 30}, 3 * 4200, 3 * 4200, random);
      // One contiguous block, and one value everywhere.
      asgc_copy_desc block{};
      block.dtype = dtype;
      block.x_strides[0] = block.y_strides[0] = 1;
      checkCopy(block, {200001}, 200001, 200001, random);
      block.x_strides[0] = 0;
      checkCopy(block, {100001}, 1, 100001, random);
    }
  }

  TEST_CASE("extents and strides from the run") {
    asgc_copy_desc desc{};
    desc.dtype = ASGC_F32;
    desc.rank = 2;
    desc.extents[0] = -1;
    desc.extents[1] = 3;
    desc.x_strides[0] = 1;
    desc.x_strides[1] = -1;
    desc.y_strides[0] = 3;
    desc.y_strides[1] = 1;
    Harness harness;
    for (int64_t n : {0, 1, 5}) {
      std::vector<float> x(size_t(n * 3 + 1)), y(x.size());
      for (size_t i = 0; i < x.size(); ++i)
        x[i] = float(i);
      const int64_t dims[] = {n};
      REQUIRE(harness.run([&](asgc_frame *frame) {
        asgc_frame bound = *frame;
        bound.dims = dims;
        return asgc_rt_copy(&bound, 0, &desc, x.data(), y.data());
      }) == ASGC_OK);
      for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < 3; ++j)
          CHECK(y[size_t(i * 3 + j)] == x[size_t(j * n + i)]);
    }
  }
}

TEST_SUITE("gather and scatter") {
  TEST_CASE("take and add by index, clamped, in order, for any threads") {
    std::mt19937 random(5);
    for (int i = 0; i < 300; ++i) {
      const int64_t limit = i % 10 == 0 ? 200 : 9;
      auto pick = [&](int64_t bound) {
        return 1 + int64_t(random() % uint64_t(bound));
      };
      const int64_t batch = pick(3), outer = pick(3), axis = pick(limit),
                    indices = pick(limit), inner = i % 3 ? pick(limit) : 1;
      asgc_gather_desc desc{};
      desc.dtype = allTypes[random() % 8];
      desc.index_dtype = i % 2 ? ASGC_I32 : ASGC_I64;
      desc.batch = batch;
      desc.outer = outer;
      desc.axis = axis;
      desc.indices = indices;
      desc.inner = inner;
      Buffer index(desc.index_dtype, batch * indices);
      for (int64_t j = 0; j < index.size(); ++j)
        index.set(j, double(int64_t(random() % uint64_t(axis + 2)) - 1));
      Buffer x(desc.dtype, batch * outer * axis * inner);
      Buffer picked(desc.dtype, batch * outer * indices * inner);
      x.fill(random);
      Buffer added(desc.dtype, x.size());
      Buffer expectedPick = picked;
      std::vector<double> sums(size_t(x.size()), 0);
      for (int64_t b = 0; b < batch; ++b)
        for (int64_t o = 0; o < outer; ++o)
          for (int64_t n = 0; n < indices; ++n)
            for (int64_t r = 0; r < inner; ++r) {
              int64_t a = std::clamp<int64_t>(
                  int64_t(index.get(b * indices + n)), 0, axis - 1);
              int64_t from = ((b * outer + o) * axis + a) * inner + r;
              int64_t to = ((b * outer + o) * indices + n) * inner + r;
              expectedPick.set(to, x.get(from));
              sums[size_t(from)] += x.get(from);
            }
      for (int threads : {1, 2, 4}) {
        Harness harness({.threads = threads});
        Buffer out = picked;
        REQUIRE(harness.run([&](asgc_frame *frame) {
          return asgc_rt_gather(frame, 0, &desc, x.data(), index.data(),
                                out.data());
        }) == ASGC_OK);
        CHECK(out.bytes() == expectedPick.bytes());
        if (desc.dtype == ASGC_BOOL)
          continue;
        Buffer sum(desc.dtype, x.size());
        sum.fill(random); // what is there before does not count
        REQUIRE(harness.run([&](asgc_frame *frame) {
          return asgc_rt_scatter_add(frame, 0, &desc, out.data(), index.data(),
                                     sum.data());
        }) == ASGC_OK);
        double worst = 0;
        const double unit = desc.dtype == ASGC_F16    ? 5e-4
                            : desc.dtype == ASGC_BF16 ? 4e-3
                                                      : 1e-5;
        for (int64_t j = 0; j < sum.size(); ++j) {
          Buffer stored(desc.dtype, 1);
          stored.set(0, desc.dtype == ASGC_I8
                            ? double(int8_t(int64_t(sums[size_t(j)])))
                            : sums[size_t(j)]);
          worst = std::max(worst, std::abs(sum.get(j) - stored.get(0)) /
                                      (unit * (std::abs(stored.get(0)) + 1)));
        }
        CHECK(worst <= 1);
        if (threads == 1)
          added = sum;
        else
          CHECK(std::memcmp(sum.data(), added.data(),
                            size_t(sum.size() * sizeOfType(desc.dtype))) == 0);
      }
    }
  }

  TEST_CASE("empty extents") {
    Harness harness;
    float x[4] = {1, 2, 3, 4}, y[4] = {5, 6, 7, 8};
    int32_t index[2] = {0, 1};
    asgc_gather_desc desc{};
    desc.index_dtype = ASGC_I32;
    desc.batch = desc.outer = desc.inner = 1;
    desc.axis = 0;
    desc.indices = 2;
    REQUIRE(harness.run([&](asgc_frame *frame) {
      return asgc_rt_gather(frame, 0, &desc, x, index, y);
    }) == ASGC_OK);
    CHECK(y[0] == 0);
    CHECK(y[1] == 0);
    CHECK(y[2] == 7);
    desc.axis = 2;
    desc.indices = 0;
    REQUIRE(harness.run([&](asgc_frame *frame) {
      return asgc_rt_scatter_add(frame, 0, &desc, x, index, y);
    }) == ASGC_OK);
    CHECK(y[2] == 7);
    CHECK(y[0] == 0);
  }
}
