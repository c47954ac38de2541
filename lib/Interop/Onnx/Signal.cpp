//===- Signal.cpp - Windows and Fourier transforms ------------------------===//
#include "lib/Interop/Onnx/Call.h"

#include <cmath>

using namespace mlir;

namespace asgc::interop {

//===----------------------------------------------------------------------===//
// Windows
//===----------------------------------------------------------------------===//

/// a₀ − a₁ cos(2πi / n) + a₂ cos(4πi / n)
static Values window(Call &call, double a0, double a1, double a2) {
  auto size = call.knownNumber(0, "the size");
  if (!size || *size < 0 || *size > double(kMaxTable))
    return {call.e.fail("the size is out of range")};
  int64_t count = int64_t(*size);
  double n = double(call.integer("periodic", 1) ? count : count - 1);
  SmallVector<double> values;
  for (int64_t i = 0; i < count; ++i) {
    double angle = n > 0 ? 2 * M_PI * double(i) / n : 0;
    values.push_back(a0 - a1 * std::cos(angle) + a2 * std::cos(2 * angle));
  }
  Type element = call.elementType(call.integer("output_datatype", 1));
  if (!element)
    return {};
  return {call.e.constant(values, {count}, element)};
}

Values importHannWindow(Call &call) { return window(call, 0.5, 0.5, 0); }
Values importHammingWindow(Call &call) {
  return window(call, 25.0 / 46, 21.0 / 46, 0);
}
Values importBlackmanWindow(Call &call) {
  return window(call, 0.42, 0.5, 0.08);
}

Values importMelWeightMatrix(Call &call) {
  static constexpr StringRef what[] = {"num_mel_bins", "dft_length",
                                       "sample_rate", "lower_edge_hertz",
                                       "upper_edge_hertz"};
  double given[5];
  for (size_t i = 0; i < 5; ++i) {
    auto value = call.knownNumber(i, what[i]);
    if (!value)
      return {};
    given[i] = *value;
  }
  auto [bins, length, rate, lower, upper] = given;
  int64_t rows = int64_t(length) / 2 + 1, columns = int64_t(bins);
  if (rows < 1 || columns < 1 || rate <= 0 || rows > kMaxTable / columns)
    return {call.e.fail("the extents are out of range")};
  auto mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
  double step = (mel(upper) - mel(lower)) / (bins + 2);
  std::vector<int64_t> edges;
  for (int64_t i = 0; i < columns + 2; ++i) {
    double hertz =
        700 * (std::pow(10, (mel(lower) + double(i) * step) / 2595) - 1);
    edges.push_back(std::clamp<int64_t>(
        int64_t(std::floor((length + 1) * hertz / rate)), 0, rows - 1));
  }
  SmallVector<double> values(size_t(rows * columns), 0);
  for (int64_t i = 0; i < columns; ++i) {
    int64_t low = edges[i], centre = edges[i + 1], high = edges[i + 2];
    if (centre == low)
      values[centre * columns + i] = 1;
    for (int64_t j = low; j <= centre && centre > low; ++j)
      values[j * columns + i] = double(j - low) / double(centre - low);
    for (int64_t j = centre; j < high; ++j)
      values[j * columns + i] = double(high - j) / double(high - centre);
  }
  Type element = call.elementType(call.integer("output_datatype", 1));
  if (!element)
    return {};
  return {call.e.constant(values, {rows, columns}, element)};
}

//===----------------------------------------------------------------------===//
// Fourier transforms
//===----------------------------------------------------------------------===//

/// The transform of x along `axis`; the last axis of x and of the result holds
/// the real and, if there is one, the imaginary part.
static Value transform(Emitter &e, Value x, int64_t axis,
                       std::optional<int64_t> wanted, bool isInverse,
                       bool isOneSided) {
  if (!x)
    return x;
  int64_t last = Emitter::rankOf(x) - 1;
  auto extent = e.fixedDim(x, axis), parts = e.fixedDim(x, last);
  if (!extent || !parts)
    return {};
  int64_t n = wanted.value_or(*extent), k = isOneSided ? n / 2 + 1 : n;
  if (axis >= last || (*parts != 1 && *parts != 2) || n < 1 ||
      k > kMaxTable / n)
    return e.fail("the axis, the length or the parts are out of range");
  if (n < *extent) {
    x = e.slice(x, axis, 0, n);
  } else if (n > *extent) {
    Axes low(last + 1, 0), high(low);
    high[axis] = n - *extent;
    x = e.pad(x, low, high, 0);
  }
  SmallVector<double> cosines, sines;
  for (int64_t i = 0; i < k; ++i)
    for (int64_t j = 0; j < n; ++j) {
      double angle = 2 * M_PI * double(i * j % n) / double(n);
      double scale = isInverse ? 1 / double(n) : 1;
      cosines.push_back(std::cos(angle) * scale);
      sines.push_back((isInverse ? std::sin(angle) : -std::sin(angle)) * scale);
    }
  if (!x)
    return x;
  Value cosine = e.constant(cosines, {k, n}, Emitter::elementOf(x));
  Value sine = e.constant(sines, {k, n}, Emitter::elementOf(x));
  auto product = [&](Value part, Value matrix) {
    return e.moveAxis(e.dot(part, matrix, {}, {}, {axis}, {1}), last - 1, axis);
  };
  Value real = e.element(x, last, 0);
  Value re = product(real, cosine), im = product(real, sine);
  if (*parts == 2) {
    Value imaginary = e.element(x, last, 1);
    re = e.sub(re, product(imaginary, sine));
    im = e.add(im, product(imaginary, cosine));
  }
  return re && im ? e.concat({e.unsqueeze(re, {last}), e.unsqueeze(im, {last})},
                             last)
                  : Value();
}

Values importDFT(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  if (!x)
    return {};
  std::optional<int64_t> length;
  if (call.has(1)) {
    auto given = call.knownNumber(1, "dft_length");
    if (!given)
      return {};
    length = int64_t(*given);
  }
  int64_t axis = call.integer("axis", 1);
  if (call.opset >= 20) {
    auto given =
        call.has(2) ? call.knownNumber(2, "the axis") : std::optional(-2.0);
    axis = int64_t(given.value_or(-2));
  }
  auto place = e.axis(axis, Emitter::rankOf(x));
  if (!place || e.hasFailed())
    return {};
  return {transform(e, x, *place, length, call.integer("inverse", 0),
                    call.integer("onesided", 0))};
}

Values importSTFT(Call &call) {
  Emitter &e = call.e;
  Value signal = call[0], window = call[2];
  auto step = call.knownNumber(1, "frame_step");
  if (!signal || !step || Emitter::rankOf(signal) != 3)
    return {e.fail("takes signals of rank 3")};
  auto extent = e.fixedDim(signal, 1);
  std::optional<double> length;
  if (call.has(3))
    length = call.knownNumber(3, "frame_length");
  else if (auto own = window ? e.fixedDim(window, 0) : std::nullopt)
    length = double(*own);
  if (!extent || !length || *step < 1 || *length < 1 ||
      *length > double(*extent))
    return {e.fail("frame_step or frame_length is out of range")};
  int64_t size = int64_t(*length), hop = int64_t(*step),
          frames = (*extent - size) / hop + 1;
  if (frames > kMaxTable / size)
    return {e.refuse("the signal is too long")};
  Value start = e.mul(e.iota({frames, size}, 0, e.i64()), double(hop));
  Value place = e.add(start, e.iota({frames, size}, 1, e.i64()));
  Value cut = e.gather(signal, place, 1); // [batch, frames, size, parts]
  if (window)
    cut = e.mul(cut, e.reshape(window, {1, 1, size, 1}));
  return {
      transform(e, cut, 2, std::nullopt, false, call.integer("onesided", 1))};
}

} // namespace asgc::interop
