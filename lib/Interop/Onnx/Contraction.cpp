//===- Contraction.cpp - Sums of products ---------------------------------===//
#include "lib/Interop/Onnx/Call.h"

#include "llvm/ADT/StringExtras.h"

#include <map>

using namespace mlir;

namespace asgc::interop {

Values importMatMul(Call &call) { return {call.e.matmul(call[0], call[1])}; }

/// y = α · A · B + β · C
Values importGemm(Call &call) {
  Emitter &e = call.e;
  Value a = call[0], b = call[1], c = call[2];
  if (!a || !b)
    return {};
  if (Emitter::rankOf(a) != 2 || Emitter::rankOf(b) != 2)
    return {e.fail("takes matrices")};
  double alpha = call.number("alpha", 1), beta = call.number("beta", 1);
  int64_t aAxis = call.integer("transA", 0) ? 0 : 1;
  int64_t bAxis = call.integer("transB", 0) ? 1 : 0;
  Value y = e.dot(a, b, {}, {}, {aAxis}, {bAxis});
  if (alpha != 1)
    y = e.mul(y, alpha);
  if (c)
    y = e.add(y, beta == 1 ? c : e.mul(c, beta));
  return {y};
}

//===----------------------------------------------------------------------===//
// Einsum
//===----------------------------------------------------------------------===//

namespace {
/// An operand of an equation: a value with a letter for each axis.
struct Labelled {
  Value value;
  std::string labels;
};

/// Letters of `text`, in which "..." stands for `numHidden` capital letters
/// that no equation can name twice.
std::optional<std::string> expand(StringRef text, int64_t numHidden) {
  std::string labels;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("...")) {
      for (int64_t k = 0; k < numHidden; ++k)
        labels += char(1 + k);
      i += 2;
    } else if (llvm::isAlpha(text[i])) {
      labels += text[i];
    } else if (text[i] != ' ') {
      return std::nullopt;
    }
  }
  return labels;
}

/// Keeps the diagonal of axes with the same letter.
void takeDiagonals(Emitter &e, Labelled &x) {
  for (size_t i = 0; i < x.labels.size() && x.value; ++i)
    for (size_t j;
         (j = x.labels.find(x.labels[i], i + 1)) != std::string::npos &&
         x.value;) {
      Extents dims = Emitter::dims(x.value);
      Value isEqual =
          e.compare(asg::Predicate::eq, e.iota(dims, int64_t(i), e.i64()),
                    e.iota(dims, int64_t(j), e.i64()));
      x.value = e.sum(e.select(isEqual, x.value, e.like(x.value, 0)),
                      {int64_t(j)}, false);
      x.labels.erase(j, 1);
    }
}

/// Sums over letters that are not in `kept`.
void sumOthers(Emitter &e, Labelled &x, const std::string &kept) {
  Axes axes;
  std::string rest;
  for (auto [axis, label] : llvm::enumerate(x.labels))
    if (kept.find(label) == std::string::npos)
      axes.push_back(int64_t(axis));
    else
      rest += label;
  if (!axes.empty())
    x.value = e.sum(x.value, axes, false);
  x.labels = rest;
}

/// Hidden axes of extent 1 take the other operand's extent.
void broadcastHidden(Emitter &e, Labelled &x, const Labelled &y) {
  Extents dims = Emitter::dims(x.value);
  for (auto [axis, label] : llvm::enumerate(x.labels)) {
    size_t other = y.labels.find(label);
    if (other != std::string::npos && dims[axis] == DimExpr(1))
      dims[axis] = Emitter::dim(y.value, int64_t(other));
  }
  x.value = e.broadcast(x.value, dims);
}

Labelled product(Emitter &e, Labelled x, Labelled y,
                 const std::string &output) {
  broadcastHidden(e, x, y);
  if (x.value)
    broadcastHidden(e, y, x);
  if (!x.value || !y.value)
    return {};
  Axes xBatch, yBatch, xSum, ySum;
  Labelled result;
  std::string xFree, yFree;
  for (auto [axis, label] : llvm::enumerate(x.labels)) {
    size_t other = y.labels.find(label);
    if (other == std::string::npos) {
      xFree += label;
    } else if (output.find(label) != std::string::npos) {
      xBatch.push_back(int64_t(axis));
      yBatch.push_back(int64_t(other));
      result.labels += label;
    } else {
      xSum.push_back(int64_t(axis));
      ySum.push_back(int64_t(other));
    }
  }
  for (char label : y.labels)
    if (x.labels.find(label) == std::string::npos)
      yFree += label;
  result.labels += xFree + yFree;
  result.value = e.dot(x.value, y.value, xBatch, yBatch, xSum, ySum);
  return result;
}
} // namespace

Values importEinsum(Call &call) {
  Emitter &e = call.e;
  std::string equation = call.text("equation", "");
  auto [left, right] = StringRef(equation).split("->");
  SmallVector<StringRef> terms;
  left.split(terms, ',');
  if (terms.size() != call.size() || call.size() == 0)
    return {e.fail("the equation '" + equation + "' has " +
                   Twine(terms.size()) + " operands")};
  if (call.size() > 2)
    return {e.refuse("equations of more than two operands are not supported")};
  std::vector<Labelled> operands;
  int64_t numHidden = 0;
  for (auto [index, term] : llvm::enumerate(terms)) {
    if (!call[index])
      return {};
    int64_t rank = Emitter::rankOf(call[index]);
    int64_t named =
        llvm::count_if(term, [](char c) { return llvm::isAlpha(c); });
    bool hasDots = term.contains("...");
    auto labels =
        expand(term, hasDots ? std::max<int64_t>(rank - named, 0) : 0);
    if (!labels || int64_t(labels->size()) != rank)
      return {
          e.fail("the term '" + term + "' does not fit rank " + Twine(rank))};
    if (hasDots)
      numHidden = std::max(numHidden, rank - named);
    operands.push_back({call[index], *labels});
  }
  // Hidden axes are counted from the right.
  for (Labelled &operand : operands) {
    int64_t own = llvm::count_if(operand.labels, [](char c) { return c < 32; });
    for (char &label : operand.labels)
      if (label < 32)
        label = char(label + numHidden - own);
  }
  std::string output;
  if (StringRef(equation).contains("->")) {
    auto labels = expand(right, numHidden);
    if (!labels)
      return {e.fail("the equation '" + equation + "' is malformed")};
    output = *labels;
  } else { // all letters that stand once, sorted, after the hidden axes
    std::map<char, int> counts;
    for (const Labelled &operand : operands)
      for (char label : operand.labels)
        ++counts[label];
    for (auto [label, count] : counts)
      if (count == 1 || label < 32)
        output += label;
  }
  for (Labelled &operand : operands)
    takeDiagonals(e, operand);
  for (size_t i = 0; i < operands.size(); ++i)
    sumOthers(e, operands[i],
              output + (operands.size() == 2 ? operands[1 - i].labels : ""));
  if (llvm::any_of(operands, [](const Labelled &x) { return !x.value; }))
    return {};
  Labelled result = operands[0];
  if (operands.size() == 2)
    result = product(e, operands[0], operands[1], output);
  Axes perm;
  for (char label : output) {
    size_t axis = result.labels.find(label);
    if (axis == std::string::npos)
      return {e.fail("the equation '" + equation + "' is malformed")};
    perm.push_back(int64_t(axis));
  }
  if (perm.size() != result.labels.size())
    return {e.fail("the equation '" + equation + "' is malformed")};
  return {e.transpose(result.value, perm)};
}

//===----------------------------------------------------------------------===//
// Det
//===----------------------------------------------------------------------===//

/// The determinant by the first row; `columns` are those still there.
static Value determinant(Emitter &e, Value x, int64_t row,
                         const Axes &columns) {
  int64_t axis = Emitter::rankOf(x) - 2;
  Value sum;
  for (auto [index, column] : llvm::enumerate(columns)) {
    Value term = e.element(e.element(x, axis, row), axis, column);
    Axes rest = columns;
    rest.erase(rest.begin() + index);
    if (!rest.empty())
      term = e.mul(term, determinant(e, x, row + 1, rest));
    sum = !sum ? term : index % 2 ? e.sub(sum, term) : e.add(sum, term);
    if (!sum)
      return {};
  }
  return sum;
}

Values importDet(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  if (!x)
    return {};
  int64_t rank = Emitter::rankOf(x);
  if (rank < 2)
    return {e.fail("takes matrices")};
  auto rows = e.fixedDim(x, rank - 2), columns = e.fixedDim(x, rank - 1);
  if (!rows || !columns)
    return {};
  if (*rows != *columns || *rows < 1)
    return {e.fail("takes square matrices")};
  if (*rows > 4)
    return {e.refuse("matrices of more than 4 x 4 are not supported")};
  Axes all;
  for (int64_t column = 0; column < *columns; ++column)
    all.push_back(column);
  return {determinant(e, x, 0, all)};
}

} // namespace asgc::interop
