//===- AttentionMatrices.cpp - Products of an attention by a matrix unit --===//
#include "AttentionMatrices.h"

#include "MatrixContraction.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;
using arith::CmpIPredicate;

namespace {
/// f32 numbers in four words.
constexpr int64_t kNumbers = 4;

Value toFloat(DeviceBuilder &b, Value quad, int64_t lane) {
  return b.cast(Cast::Bits, b.extract(quad, lane), b.f32Type());
}

Value toWord(DeviceBuilder &b, Value number) {
  return b.cast(Cast::Bits, number, b.intType(32));
}

/// `number` / `by` and the rest.
std::pair<Value, Value> split(DeviceBuilder &b, Value number, int64_t by) {
  Value quotient = b.binary(Binary::DivU, number, b.i32(by));
  return {quotient, b.subI(number, b.mulI(quotient, b.i32(by)))};
}
} // namespace

bool AttentionLayout::isEven() const {
  return unit && unit.rows == unit.columns && unit.rows == unit.depth &&
         unit.rows % kPacked == 0 && kColumns % unit.rows == 0 &&
         unit.subgroupSize % unit.rows == 0 && itemsPerRow() <= kNumbers &&
         kColumns % (itemsPerRow() * kPacked) == 0 &&
         factorLine() % itemsPerRow() == 0 && items() >= kColumns;
}

AttentionMatrices::AttentionMatrices(DeviceBuilder &builder,
                                     const AttentionLayout &layout)
    : b(builder), layout(layout),
      array(b.shared(VectorType::get(kNumbers, b.intType(32)),
                     layout.arraySize())),
      subgroup(b.subgroup()) {
  std::tie(itemRow, itemPart) = split(b, b.item(), layout.itemsPerRow());
}

Value AttentionMatrices::firstColumn() const { return columnsFurther(0); }

Value AttentionMatrices::isFirstOfRow() const {
  return b.compare(CmpIPredicate::eq, itemPart, b.i32(0));
}

//===- Slices and factors -------------------------------------------------===//

Values AttentionMatrices::loadRows(const AttentionRows &rows, Value first,
                                   int64_t count) const {
  int64_t perRow = *rows.features.asConstant() / kPacked;
  Value end = narrow(b, b.extent(rows.rows));
  auto quadType = VectorType::get(kNumbers, b.intType(32));
  Value zero = b.join(Values(kNumbers, b.i32(0)));
  Values quads;
  for (int64_t from = 0; from < count * perRow; from += layout.items()) {
    auto [line, quad] = split(b, b.addI(b.item(), b.i32(from)), perRow);
    Value at = b.addI(first, line);
    Value exists = b.compare(CmpIPredicate::slt, at, end);
    Value place = rows.place(b, b.select(exists, at, b.i32(0)),
                             b.mulI(quad, b.i32(kPacked)));
    quads.push_back(b.select(exists, b.load(place, quadType, false, {}), zero));
  }
  return quads;
}

void AttentionMatrices::storeRows(const AttentionRows &rows, int64_t count,
                                  ArrayRef<Value> quads) const {
  int64_t features = *rows.features.asConstant(), perRow = features / kPacked;
  int64_t from = 0;
  for (Value loaded : quads) {
    Value number = b.addI(b.item(), b.i32(from));
    auto [line, quad] = split(b, number, perRow);
    Value place =
        b.addI(b.mulI(line, b.i32(AttentionLayout::sliceLine(features))), quad);
    from += layout.items();
    Value isMine;
    if (from > count * perRow)
      isMine = b.compare(CmpIPredicate::slt, number, b.i32(count * perRow));
    onlyIf(b, isMine, [&] { b.storeShared(array, place, loaded); });
  }
}

void AttentionMatrices::storeSlice(const AttentionRows &rows,
                                   ArrayRef<Value> quads) const {
  storeRows(rows, AttentionLayout::kColumns, quads);
}

Values AttentionMatrices::loadFactors(const AttentionRows &rows,
                                      Value first) const {
  Values quads = loadRows(rows, first, layout.rows());
  b.barrier();
  storeRows(rows, layout.rows(), quads);
  b.barrier();
  int64_t features = *rows.features.asConstant();
  int64_t stride = AttentionLayout::sliceLine(features);
  Value begin = b.mulI(subgroup, b.i32(layout.unit.rows * stride));
  Values factors;
  for (int64_t at = 0; at < features; at += layout.unit.depth)
    factors.push_back(b.loadFactor(DeviceBuilder::Factor::A, layout.element,
                                   array, b.addI(begin, b.i32(at / kPacked)),
                                   stride, false));
  b.barrier();
  return factors;
}

//===- Products -----------------------------------------------------------===//

Value AttentionMatrices::stageOf(Value of) const {
  return b.addI(b.i32(layout.stagesAt()),
                b.mulI(of, b.i32(layout.stageSize())));
}

Value AttentionMatrices::lineOf(int64_t length) const {
  auto [of, line] = split(b, itemRow, layout.unit.rows);
  return b.addI(stageOf(of), b.mulI(line, b.i32(length)));
}

void AttentionMatrices::multiplyTransposed(ArrayRef<Value> factors,
                                           int64_t features) const {
  const MatrixUnit &unit = layout.unit;
  int64_t stride = AttentionLayout::sliceLine(features);
  for (int64_t column = 0; column < AttentionLayout::kColumns;
       column += unit.columns) {
    Value sum = b.zeroSum();
    int64_t at = column * stride;
    for (Value factor : factors) {
      Value slice = b.loadFactor(DeviceBuilder::Factor::B, layout.element,
                                 array, b.i32(at), stride, true);
      sum = b.multiplyAdd(factor, slice, sum);
      at += unit.depth / kPacked;
    }
    b.storeSum(array, b.addI(stageOf(subgroup), b.i32(column / kNumbers)),
               AttentionLayout::kSumLine, sum);
  }
}

Values AttentionMatrices::zeroSums(int64_t features) const {
  return Values(features / layout.unit.columns, b.zeroSum());
}

Values AttentionMatrices::addProducts(ValueRange before,
                                      int64_t features) const {
  const MatrixUnit &unit = layout.unit;
  int64_t stride = AttentionLayout::sliceLine(features);
  Values sums(before);
  for (int64_t column = 0; column < AttentionLayout::kColumns;
       column += unit.depth) {
    Value weights =
        b.loadFactor(DeviceBuilder::Factor::A, layout.element, array,
                     b.addI(stageOf(subgroup), b.i32(column / kPacked)),
                     AttentionLayout::kWeightLine, false);
    int64_t at = column * stride;
    for (Value &sum : sums) {
      Value slice = b.loadFactor(DeviceBuilder::Factor::B, layout.element,
                                 array, b.i32(at), stride, false);
      sum = b.multiplyAdd(weights, slice, sum);
      at += unit.columns / kPacked;
    }
  }
  return sums;
}

//===- Rows of the stage --------------------------------------------------===//

Value AttentionMatrices::columnsFurther(int64_t parts) const {
  Value part = itemPart;
  if (parts > 0) {
    Value count = b.i32(layout.itemsPerRow());
    part = b.addI(part, b.i32(parts));
    part = b.select(b.compare(CmpIPredicate::sge, part, count),
                    b.subI(part, count), part);
  }
  return b.mulI(part, b.i32(layout.columnsPerItem()));
}

Values AttentionMatrices::readSums(int64_t parts) const {
  Value first =
      b.addI(lineOf(AttentionLayout::kSumLine),
             b.binary(Binary::DivU, columnsFurther(parts), b.i32(kNumbers)));
  Values sums;
  for (int64_t i = 0; i < layout.columnsPerItem(); i += kNumbers) {
    Value quad = b.loadShared(array, b.addI(first, b.i32(i / kNumbers)));
    for (int64_t lane = 0; lane < kNumbers; ++lane)
      sums.push_back(toFloat(b, quad, lane));
  }
  return sums;
}

void AttentionMatrices::putWeights(ArrayRef<Value> weights) const {
  Value first = b.addI(lineOf(AttentionLayout::kWeightLine),
                       b.binary(Binary::DivU, firstColumn(), b.i32(kPacked)));
  for (int64_t i = 0; i < std::ssize(weights); i += kPacked) {
    Values halves;
    for (Value weight : weights.slice(i, kPacked))
      halves.push_back(encode(b, weight, layout.element));
    b.storeShared(array, b.addI(first, b.i32(i / kPacked)),
                  b.join(joinHalves(b, halves)));
  }
}

void AttentionMatrices::putFactor(Value factor) const {
  Value quad = b.join(Values(kNumbers, toWord(b, factor)));
  int64_t perItem = layout.factorLine() / layout.itemsPerRow();
  Value first =
      b.addI(b.addI(lineOf(layout.factorLine()), b.i32(layout.factorsAt())),
             b.mulI(itemPart, b.i32(perItem)));
  for (int64_t i = 0; i < perItem; ++i)
    b.storeShared(array, b.addI(first, b.i32(i)), quad);
}

void AttentionMatrices::scaleRows(MutableArrayRef<Value> sums) const {
  Value factors =
      b.loadSum(array, b.addI(stageOf(subgroup), b.i32(layout.factorsAt())),
                layout.factorLine());
  for (Value &sum : sums)
    sum = b.multiplySums(sum, factors);
}

Value AttentionMatrices::addAcrossRow(Value value) const {
  b.barrier();
  b.storeSharedLane(array, itemRow, itemPart, toWord(b, value));
  b.barrier();
  Value quad = b.loadShared(array, itemRow);
  Value sum = toFloat(b, quad, 0);
  for (int64_t part = 1; part < layout.itemsPerRow(); ++part)
    sum = b.addF(sum, toFloat(b, quad, part));
  b.barrier();
  return sum;
}

//===- Statistics of columns ----------------------------------------------===//

Value AttentionMatrices::loadStatistic(const AttentionRows &rows,
                                       Value first) const {
  Value column = split(b, b.item(), AttentionLayout::kColumns).second;
  return rows.loadStatistic(b, b.addI(first, column));
}

void AttentionMatrices::putStatistics(int64_t list, Value number) const {
  Value isMine =
      b.compare(CmpIPredicate::slt, b.item(), b.i32(AttentionLayout::kColumns));
  onlyIf(b, isMine, [&] {
    auto [quad, lane] = split(b, b.item(), kNumbers);
    int64_t begin =
        layout.statisticsAt() + list * AttentionLayout::kColumns / kNumbers;
    b.storeSharedLane(array, b.addI(quad, b.i32(begin)), lane,
                      toWord(b, number));
  });
}

Values AttentionMatrices::readStatistics(int64_t list) const {
  Value first = b.addI(b.i32(layout.statisticsAt() +
                             list * AttentionLayout::kColumns / kNumbers),
                       b.binary(Binary::DivU, firstColumn(), b.i32(kNumbers)));
  Values statistics;
  for (int64_t i = 0; i < layout.columnsPerItem(); i += kNumbers) {
    Value quad = b.loadShared(array, b.addI(first, b.i32(i / kNumbers)));
    for (int64_t lane = 0; lane < kNumbers; ++lane)
      statistics.push_back(toFloat(b, quad, lane));
  }
  return statistics;
}

//===- Results ------------------------------------------------------------===//

/// So many features at a time as there is room for.
void AttentionMatrices::store(const AttentionRows &rows, Value first,
                              ArrayRef<Value> sums) const {
  int64_t columns = layout.unit.columns, count = std::ssize(sums);
  int64_t room = (layout.arraySize() / layout.rows() - 1) * kNumbers / columns;
  Value end = narrow(b, b.extent(rows.rows));
  for (int64_t done = 0; done < count; done += room) {
    int64_t here = std::min(room, count - done);
    int64_t quads = here * columns / kNumbers, stride = quads + 1;
    Value begin = b.mulI(subgroup, b.i32(layout.unit.rows * stride));
    b.barrier();
    for (int64_t i = 0; i < here; ++i)
      b.storeSum(array, b.addI(begin, b.i32(i * columns / kNumbers)), stride,
                 sums[done + i]);
    b.barrier();
    b.loop(b.i64(0), b.i64(layout.rows() * quads), layout.items(), {},
           [&](Value from, ValueRange) -> Values {
             auto place = split(b, b.addI(b.item(), narrow(b, from)), quads);
             Value line = place.first, quad = place.second;
             Value at = b.addI(first, line);
             onlyIf(b, b.compare(CmpIPredicate::slt, at, end), [&] {
               Value raw = b.loadShared(
                   array, b.addI(b.mulI(line, b.i32(stride)), quad));
               Values values;
               for (int64_t lane = 0; lane < kNumbers; ++lane)
                 values.push_back(toFloat(b, raw, lane));
               rows.store(
                   b, at,
                   b.addI(b.mulI(quad, b.i32(kNumbers)), b.i32(done * columns)),
                   values);
             });
             return {};
           });
  }
}
