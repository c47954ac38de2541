//===- MatmulTest.cpp - Matrix products against plain loops ---------------===//
#include "Harness.h"
#include <algorithm>
#include <doctest/doctest.h>
#include <set>

using namespace asgc::test;

namespace {

double activate(int32_t activation, double x) {
  switch (activation) {
  case ASGC_ACT_RELU:
    return std::max(x, 0.0);
  case ASGC_ACT_TANH:
    return std::tanh(x);
  case ASGC_ACT_GELU_ERF:
    return x * 0.5 * (1 + std::erf(x / std::sqrt(2.0)));
  case ASGC_ACT_GELU_TANH:
    return 0.5 * x *
           (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  case ASGC_ACT_SIGMOID:
    return 1 / (1 + std::exp(-x));
  case ASGC_ACT_SILU:
    return x / (1 + std::exp(-x));
  default:
    return x;
  }
}

struct Product {
  asgc_matmul_desc desc{};
  bool bias = false, residual = false, inPlace = false;
  int64_t sizeA = 1, sizeB = 1, sizeC = 1; ///< elements that strides reach

  int64_t batchSize() const {
    int64_t size = 1;
    for (int i = 0; i < desc.batch_rank; ++i)
      size *= desc.batch[i];
    return size;
  }
};

/// Strides of `rank` extents in the order `order` (innermost first), each
/// padded by `pad`; returns the number of elements they reach.
int64_t layOut(asgc_dim *strides, const std::vector<int64_t> &extents,
               const std::vector<int> &order, int64_t pad) {
  int64_t stride = 1;
  for (int dim : order) {
    strides[dim] = stride;
    stride = std::max<int64_t>(stride * extents[size_t(dim)], 1) + pad;
  }
  return stride;
}

struct Case {
  int64_t m, n, k;
  std::vector<int64_t> batch = {};
  int32_t a = ASGC_F32, b = ASGC_F32, c = ASGC_F32;
  int32_t activation = ASGC_ACT_NONE;
};

/// The product of a case with row-major operands.
Product plain(const Case &test) {
  Product product;
  asgc_matmul_desc &d = product.desc;
  d.dtype_a = test.a;
  d.dtype_b = test.b;
  d.dtype_c = test.c;
  d.m = test.m;
  d.n = test.n;
  d.k = test.k;
  d.activation = test.activation;
  d.b_variable = -1;
  d.batch_rank = int32_t(test.batch.size());
  std::vector<int> order;
  for (int i = d.batch_rank + 1; i >= 0; --i)
    order.push_back(i);
  auto extents = [&](int64_t rows, int64_t columns) {
    std::vector<int64_t> all = test.batch;
    all.push_back(rows);
    all.push_back(columns);
    return all;
  };
  for (int i = 0; i < d.batch_rank; ++i)
    d.batch[i] = test.batch[size_t(i)];
  product.sizeA = layOut(d.a_strides, extents(d.m, d.k), order, 0);
  product.sizeB = layOut(d.b_strides, extents(d.k, d.n), order, 0);
  product.sizeC = layOut(d.c_strides, extents(d.m, d.n), order, 0);
  return product;
}

/// Like plain, with dims in any order, gaps, and repeated operands.
Product scrambled(const Case &test, std::mt19937 &random) {
  Product product = plain(test);
  asgc_matmul_desc &d = product.desc;
  const int rank = d.batch_rank + 2;
  auto pick = [&](int bound) { return int(random() % unsigned(bound)); };
  auto scramble = [&](asgc_dim *strides, int64_t rows, int64_t columns) {
    std::vector<int64_t> all = test.batch;
    all.push_back(rows);
    all.push_back(columns);
    std::vector<int> order;
    for (int i = rank - 1; i >= 0; --i)
      order.push_back(i);
    if (pick(2))
      std::swap(order[0], order[1]);
    if (pick(3) == 0)
      std::shuffle(order.begin(), order.end(), random);
    return layOut(strides, all, order, pick(3) == 0 ? 1 + pick(5) : 0);
  };
  product.sizeA = scramble(d.a_strides, d.m, d.k);
  product.sizeB = scramble(d.b_strides, d.k, d.n);
  product.sizeC = scramble(d.c_strides, d.m, d.n);
  for (int i = 0; i < d.batch_rank; ++i) {
    if (pick(4) == 0)
      d.a_strides[i] = 0;
    if (pick(3) == 0)
      d.b_strides[i] = 0;
  }
  if (pick(20) == 0)
    d.a_strides[rank - 2] = 0; // every row the same
  return product;
}

int64_t offsetOf(const asgc_matmul_desc &d, const asgc_dim *strides,
                 int64_t batch, int64_t row, int64_t column) {
  int64_t offset =
      row * strides[d.batch_rank] + column * strides[d.batch_rank + 1];
  for (int i = d.batch_rank - 1; i >= 0; --i) {
    offset += batch % d.batch[i] * strides[i];
    batch /= d.batch[i];
  }
  return offset;
}

struct Data {
  Buffer a, b, bias, residual, c;

  Data(const Product &p, std::mt19937 &random)
      : a(p.desc.dtype_a, p.sizeA), b(p.desc.dtype_b, p.sizeB),
        bias(p.desc.dtype_c, p.desc.n), residual(p.desc.dtype_c, p.sizeC),
        c(p.desc.dtype_c, p.sizeC) {
    for (Buffer *buffer : {&a, &b, &bias, &residual, &c})
      buffer->fill(random);
    if (p.inPlace)
      c = residual;
  }
};

asgc_status compute(Harness &harness, const Product &p, Data &data,
                    int32_t kernel = 0, const char *entry = "infer") {
  return harness.run(
      [&](asgc_frame *frame) {
        return asgc_rt_matmul(frame, kernel, &p.desc, data.a.data(),
                              data.b.data(),
                              p.bias ? data.bias.data() : nullptr,
                              p.inPlace    ? data.c.data()
                              : p.residual ? data.residual.data()
                                           : nullptr,
                              data.c.data());
      },
      entry);
}

/// The largest error of data.c in units of what rounding explains.
double worstError(const Product &p, const Data &data) {
  const asgc_matmul_desc &d = p.desc;
  const double unit = d.dtype_c == ASGC_F64    ? 1e-14
                      : d.dtype_c == ASGC_F16  ? 5e-4
                      : d.dtype_c == ASGC_BF16 ? 4e-3
                      : d.dtype_c == ASGC_F32  ? 3e-7
                                               : 0;
  double worst = 0;
  for (int64_t t = 0; t < p.batchSize(); ++t)
    for (int64_t i = 0; i < d.m; ++i)
      for (int64_t j = 0; j < d.n; ++j) {
        double sum = 0, size = 0;
        for (int64_t q = 0; q < d.k; ++q) {
          double term = data.a.get(offsetOf(d, d.a_strides, t, i, q)) *
                        data.b.get(offsetOf(d, d.b_strides, t, q, j));
          sum += term;
          size += std::abs(term);
        }
        const int64_t at = offsetOf(d, d.c_strides, t, i, j);
        if (p.bias)
          sum += data.bias.get(j);
        if (p.residual || p.inPlace)
          sum += data.residual.get(at);
        double expected = activate(d.activation, sum);
        double error = std::abs(data.c.get(at) - expected);
        double allowed =
            unit * (std::abs(expected) + 0.02) +
            (unit > 0 ? 1e-7 * std::sqrt(double(d.k) + 1) * (size + 1) : 0);
        if (d.dtype_c == ASGC_F64)
          allowed = 1e-13 * (size + 1);
        worst = std::max(worst, error == 0    ? 0
                                : allowed > 0 ? error / allowed
                                              : 1e9);
        if (std::isnan(error))
          return INFINITY;
      }
  return worst;
}

std::string describe(const Product &p) {
  const asgc_matmul_desc &d = p.desc;
  std::string text = std::to_string(d.m) + "x" + std::to_string(d.n) + "x" +
                     std::to_string(d.k) + " batch";
  for (int i = 0; i < d.batch_rank; ++i)
    text += " " + std::to_string(d.batch[i]);
  for (const asgc_dim *strides : {d.a_strides, d.b_strides, d.c_strides}) {
    text += " |";
    for (int i = 0; i < d.batch_rank + 2; ++i)
      text += " " + std::to_string(strides[i]);
  }
  return text + " types " + std::to_string(d.dtype_a) +
         std::to_string(d.dtype_b) + std::to_string(d.dtype_c) + " bias " +
         std::to_string(p.bias) + " residual " + std::to_string(p.residual) +
         " in place " + std::to_string(p.inPlace) + " activation " +
         std::to_string(d.activation);
}

/// Runs on 1, 2 and 4 threads, with each instruction set there is: the right
/// numbers, and for each set the same bits.
void check(const Product &p, unsigned seed) {
  INFO(describe(p));
  for (int32_t isa = 1; isa <= ASGC_ISA_COUNT; ++isa) {
    std::vector<char> bits;
    for (int threads : {1, 2, 4}) {
      Harness harness({.threads = threads, .isa = isa});
      if (!harness.program())
        continue; // this CPU lacks it
      std::mt19937 random(seed);
      Data data(p, random);
      const std::vector<char> before = data.c.bytes();
      REQUIRE(compute(harness, p, data) == ASGC_OK);
      if (threads == 1)
        CHECK(worstError(p, data) <= 1);
      else
        CHECK(data.c.bytes() == bits);
      bits = data.c.bytes();
      // What strides skip is not written.
      std::set<int64_t> written;
      for (int64_t t = 0; t < p.batchSize(); ++t)
        for (int64_t i = 0; i < p.desc.m; ++i)
          for (int64_t j = 0; j < p.desc.n; ++j)
            written.insert(offsetOf(p.desc, p.desc.c_strides, t, i, j));
      int64_t spoiled = 0;
      const int64_t size = sizeOfType(p.desc.dtype_c);
      for (int64_t i = 0; threads == 1 && i < data.c.size(); ++i)
        if (!written.count(i))
          spoiled += std::memcmp(&bits[size_t(i * size)],
                                 &before[size_t(i * size)], size_t(size)) != 0;
      CHECK(spoiled == 0);
    }
  }
}

} // namespace

TEST_SUITE("matmul") {
  TEST_CASE("plain products of many sizes") {
    unsigned seed = 1;
    for (Case test :
         {Case{1, 1, 1}, Case{1, 10, 784}, Case{3, 5, 7}, Case{128, 64, 100},
          Case{129, 65, 33}, Case{4, 300, 17}, Case{300, 4, 17},
          Case{500, 1, 64}, Case{1, 500, 64}, Case{64, 200, 1},
          Case{5, 1000, 100}, Case{256, 300, 200}, Case{2, 129, 31}})
      check(plain(test), seed++);
  }

  TEST_CASE("any strides, batch dims, bias, residual and activation") {
    std::mt19937 random(7);
    auto upTo = [&](int64_t bound) {
      return int64_t(random() % uint64_t(bound));
    };
    for (int i = 0; i < 300; ++i) {
      Case test{1 + upTo(i % 3 ? 9 : 70), 1 + upTo(i % 5 ? 20 : 150),
                1 + upTo(i % 4 ? 16 : 90)};
      for (int64_t rank = upTo(4); rank > 0; --rank)
        test.batch.push_back(1 + upTo(3));
      test.activation = int32_t(upTo(7));
      Product p = scrambled(test, random);
      p.bias = upTo(2);
      p.residual = upTo(2);
      p.inPlace = upTo(4) == 0;
      p.residual = p.residual && !p.inPlace;
      check(p, unsigned(i));
    }
  }

  TEST_CASE("f16, bf16, f64, integers and mixtures") {
    std::mt19937 random(11);
    const int32_t types[][3] = {
        {ASGC_F16, ASGC_F16, ASGC_F16},   {ASGC_BF16, ASGC_BF16, ASGC_BF16},
        {ASGC_BF16, ASGC_BF16, ASGC_F32}, {ASGC_F16, ASGC_F32, ASGC_F32},
        {ASGC_F32, ASGC_F16, ASGC_F16},   {ASGC_F64, ASGC_F64, ASGC_F64},
        {ASGC_I8, ASGC_I8, ASGC_I32},     {ASGC_I32, ASGC_I32, ASGC_I32},
        {ASGC_I64, ASGC_I64, ASGC_I64},   {ASGC_BF16, ASGC_F32, ASGC_BF16},
    };
    for (const auto &type : types)
      for (int i = 0; i < 20; ++i) {
        Case test{1 + int64_t(random() % 70), 1 + int64_t(random() % 90),
                  1 + int64_t(random() % 100)};
        if (i % 3 == 0)
          test.batch = {2, 1 + int64_t(random() % 3)};
        test.a = type[0];
        test.b = type[1];
        test.c = type[2];
        const bool real = test.c != ASGC_I32 && test.c != ASGC_I64;
        test.activation = real ? int32_t(random() % 7) : int32_t(random() % 2);
        Product p = i % 2 ? scrambled(test, random) : plain(test);
        p.bias = random() % 2;
        p.inPlace = random() % 3 == 0;
        p.residual = !p.inPlace && random() % 2;
        check(p, unsigned(i));
      }
  }

  TEST_CASE("empty extents") {
    for (Case test : {Case{0, 5, 3}, Case{5, 0, 3}, Case{3, 4, 0}}) {
      Product p = plain(test);
      p.bias = true;
      check(p, 3); // without k, the result is the bias
    }
    Product p = plain({3, 4, 5, {2, 0}});
    check(p, 3);
  }

  TEST_CASE("extents and strides from the run") {
    // m = dims[0], and with it the batch stride of a and c.
    Product p = plain({8, 40, 24, {2}});
    p.desc.m = -1;
    p.desc.a_strides[0] = -2;
    p.desc.c_strides[0] = -3;
    Harness harness({.threads = 2});
    for (int64_t m : {8, 1, 0, 5, 64, 8, 300, 2}) {
      Product now = plain({m, 40, 24, {2}});
      std::mt19937 random(5);
      Data data(now, random);
      const int64_t dims[] = {m, m * 24, m * 40};
      REQUIRE(harness.run([&](asgc_frame *frame) {
        asgc_frame bound = *frame;
        bound.dims = dims;
        return asgc_rt_matmul(&bound, 0, &p.desc, data.a.data(), data.b.data(),
                              nullptr, nullptr, data.c.data());
      }) == ASGC_OK);
      CHECK(worstError(now, data) <= 1);
    }
  }

  TEST_CASE("packed weights are remade when variables change, and only then") {
    for (int threads : {1, 2})
      for (int32_t type : {ASGC_F32, ASGC_BF16, ASGC_F16})
        for (Case test : {Case{16, 300, 70}, Case{64, 200, 129}}) {
          // y = x · Wᵀ with W [n, k].
          test.a = test.b = test.c = type;
          Product p = plain(test);
          p.desc.b_strides[0] = 1;
          p.desc.b_strides[1] = test.k;
          p.desc.b_variable = 0;
          p.bias = true;
          Harness harness({.threads = threads});
          std::mt19937 random(9);
          Data data(p, random);
          // Twice, the second time from the packed copy: the same bits.
          REQUIRE(compute(harness, p, data) == ASGC_OK);
          CHECK(worstError(p, data) <= 1);
          std::vector<char> first = data.c.bytes();
          REQUIRE(compute(harness, p, data) == ASGC_OK);
          CHECK(data.c.bytes() == first);
          // Another number of rows uses the same copy.
          Product fewer = p;
          fewer.desc.m = 7;
          REQUIRE(compute(harness, fewer, data) == ASGC_OK);
          CHECK(worstError(fewer, data) <= 1);
          // A change without a touch is not seen; with one it is.
          data.b.fill(random);
          REQUIRE(compute(harness, p, data) == ASGC_OK);
          CHECK(data.c.bytes() == first);
          asgc_program_touch(harness.program());
          REQUIRE(compute(harness, p, data) == ASGC_OK);
          CHECK(worstError(p, data) <= 1);
          // An entry that assigns variables may change them within itself.
          data.b.fill(random);
          REQUIRE(compute(harness, p, data, 1, "train") == ASGC_OK);
          CHECK(worstError(p, data) <= 1);
          REQUIRE(compute(harness, p, data) == ASGC_OK);
          CHECK(worstError(p, data) <= 1);
        }
  }

  TEST_CASE("a NaN stays one through every activation") {
    for (int32_t activation = 0; activation < 7; ++activation)
      for (int64_t m : {1, 20}) {
        Product p = plain({m, 40, 8});
        p.desc.activation = activation;
        Harness harness;
        std::mt19937 random(1);
        Data data(p, random);
        data.a.set(3, NAN);
        REQUIRE(compute(harness, p, data) == ASGC_OK);
        CHECK(std::isnan(data.c.get(0)));
        CHECK(std::isnan(data.c.get(39)));
      }
  }

  TEST_CASE("relu makes 0 of -0, as 0 is not above 0") {
    for (int32_t isa = 1; isa <= ASGC_ISA_COUNT; ++isa)
      for (int32_t type : {ASGC_F32, ASGC_F64}) {
        Harness harness({.isa = isa});
        if (!harness.program())
          continue;
        Product p = plain({.m = 1,
                           .n = 40,
                           .k = 1,
                           .a = type,
                           .b = type,
                           .c = type,
                           .activation = ASGC_ACT_RELU});
        std::mt19937 random(1);
        Data data(p, random);
        double tiny = type == ASGC_F32 ? 1e-30 : 1e-200; // -tiny² is -0
        data.a.set(0, -tiny);
        for (int64_t i = 0; i < p.desc.n; ++i)
          data.b.set(i, tiny);
        REQUIRE(compute(harness, p, data) == ASGC_OK);
        CHECK_FALSE(std::signbit(data.c.get(0)));
        CHECK_FALSE(std::signbit(data.c.get(39)));
      }
  }

  TEST_CASE("activations are right over their whole range") {
    for (int32_t isa = 1; isa <= ASGC_ISA_COUNT; ++isa)
      for (int32_t activation = 0; activation < 7; ++activation) {
        Harness harness({.isa = isa});
        if (!harness.program())
          continue;
        // 1 x n x 1 with a = 1: c = activation(b).
        Product p = plain({1, 20001, 1});
        p.desc.activation = activation;
        std::mt19937 random(1);
        Data data(p, random);
        data.a.set(0, 1);
        for (int64_t i = 0; i < p.desc.n; ++i)
          data.b.set(i, double(i - 10000) * 0.012);
        REQUIRE(compute(harness, p, data) == ASGC_OK);
        double worst = 0;
        for (int64_t i = 0; i < p.desc.n; ++i) {
          double x = data.b.get(i), y = activate(activation, x);
          worst = std::max(worst, std::abs(data.c.get(i) - y) /
                                      (1e-7 + 4e-7 * std::abs(y)));
        }
        INFO("activation " << activation << " isa " << isa);
        CHECK(worst <= 1);
      }
  }
}
