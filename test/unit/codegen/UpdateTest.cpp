//===- UpdateTest.cpp - One launch over many tensors ----------------------===//
#include "Harness.h"
#include "Samples.h"

#include <cmath>
#include <doctest/doctest.h>

using namespace asgc;
using namespace asgc::test;

namespace {
// One of many blocks, one of a few, and some of a part of one.
constexpr int64_t kExtents[] = {1, 300001, 17, 10000, 4096, 5};
constexpr size_t kSegments = std::size(kExtents);

/// `BEFORE i: tensor<..>` for each segment, joined with commas.
std::string list(const std::string &prefix, bool named) {
  std::string text;
  for (size_t s = 0; s < kSegments; ++s) {
    std::string name = prefix + std::to_string(s);
    text += s ? ", " : "";
    text += named ? "\"" + name + "\" " : "";
    text += "%" + name + " : tensor<" + std::to_string(kExtents[s]) + "xf32>";
  }
  return text;
}

std::string extents() {
  std::string text;
  for (int64_t extent : kExtents)
    text += (text.empty() ? "" : ", ") + std::to_string(extent);
  return text;
}

std::vector<Tensor> tensors(uint32_t seed) {
  std::vector<Tensor> list;
  for (int64_t extent : kExtents)
    list.push_back(randomF32({extent}, -1, 1, seed++));
  return list;
}
} // namespace

TEST_SUITE("update kernels") {
  TEST_CASE("compute all segments in one launch") {
    std::string text = fill(R"(
      plan.program @f inputs("lr" %lr : tensor<f32>, $PN, $GN) outputs($ON) {
        plan.update "sgd" [$E] shared(%r = %lr : tensor<f32>)
            reads(%a = [$P], %b = [$G]) -> ([$O]) {
          %d = arith.mulf %r, %b : f32
          %n = arith.subf %a, %d : f32
          plan.yield %n : f32
        }
      }
    )", {{"PN", list("p", true)}, {"GN", list("g", true)}, {"ON", list("o", true)},
         {"P", list("p", false)}, {"G", list("g", false)}, {"O", list("o", false)},
         {"E", extents()}});
    Compiled compiled(text);
    std::vector<Tensor> p = tensors(1), g = tensors(50);
    std::vector<Tensor> inputs{Tensor::f32({}, {0.25f})}, shapes;
    inputs.insert(inputs.end(), p.begin(), p.end());
    inputs.insert(inputs.end(), g.begin(), g.end());
    for (int64_t extent : kExtents)
      shapes.push_back(Tensor::f32({extent}));
    for (auto &outputs : runAll(compiled, "f", inputs, shapes))
      for (size_t s = 0; s < kSegments; ++s) {
        std::vector<double> want;
        for (int64_t i = 0; i < kExtents[s]; ++i)
          want.push_back(p[s].f()[i] - 0.25 * g[s].f()[i]);
        checkClose(outputs[s], want, 1e-6);
      }
  }

  TEST_CASE("reduce each segment") {
    for (int64_t room : {0, 7, 64}) {
      CAPTURE(room);
      std::string type = "tensor<1x" + std::to_string(room) + "xf32>";
      std::string outputList, outputNames;
      for (size_t s = 0; s < kSegments; ++s) {
        std::string o = "o" + std::to_string(s);
        outputNames += (s ? ", \"" : "\"") + o + "\" %" + o + " : tensor<f32>";
        outputList += (s ? ", %" : "%") + o + " : tensor<f32>";
      }
      std::string text = fill(R"(
        plan.program @f inputs("k" %k : tensor<f32>, $GN) outputs($ON) arena 4096 {
          $ALLOC
          plan.update "norms" [$E] reduces shared(%c = %k : tensor<f32>)
              reads(%b = [$G]) -> ([$O]) $WS {
            %d = arith.mulf %b, %b : f32
            %s = plan.reduce add %d over [0] : f32
            %n = math.sqrt %s : f32
            %t = arith.mulf %n, %c : f32
            plan.yield %t : f32
          }
        }
      )", {{"ALLOC", room ? "%ws = plan.alloc offset 0 : " + type : ""},
           {"WS", room ? "workspace %ws : " + type : ""},
           {"GN", list("g", true)}, {"ON", outputNames}, {"G", list("g", false)},
           {"O", outputList}, {"E", extents()}});
      Compiled compiled(text);
      std::vector<Tensor> g = tensors(7), inputs{Tensor::f32({}, {3})};
      inputs.insert(inputs.end(), g.begin(), g.end());
      std::vector<Tensor> shapes(kSegments, Tensor::f32({}));
      for (auto &outputs : runAll(compiled, "f", inputs, shapes))
        for (size_t s = 0; s < kSegments; ++s) {
          double sum = 0;
          for (int64_t i = 0; i < kExtents[s]; ++i)
            sum += double(g[s].f()[i]) * g[s].f()[i];
          checkClose(outputs[s], {3 * std::sqrt(sum)}, 1e-5);
        }
    }
  }
}
