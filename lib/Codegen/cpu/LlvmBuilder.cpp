//===- LlvmBuilder.cpp - A kernel builder that writes the llvm dialect ----===//
#include "LlvmBuilder.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::cpu;

LlvmBuilder::LlvmBuilder(OpBuilder &builder, Location loc, Isa target,
                         std::function<int64_t(const DimExpr &)> dimIndex)
    : KernelBuilder(builder, loc), target(target),
      dimIndex(std::move(dimIndex)) {
  lanes = target == Isa::Avx512 ? 16 : 8;
}

void LlvmBuilder::enterFunction(Block *block, Value dimTable) {
  entry = block;
  dims = dimTable;
  constants.clear();
  extents.clear();
  builder.setInsertionPointToEnd(entry);
}

//===- Types and constants ------------------------------------------------===//

Type LlvmBuilder::vectorOf(Type element, int64_t count) {
  return count == 1 ? element : VectorType::get({count}, element);
}

Type LlvmBuilder::withElement(Value like, Type element) {
  return vectorOf(element, lanesOf(like));
}

Value LlvmBuilder::constantAttr(Type type, Attribute value) {
  Value &known = constants[{value, type}];
  if (!known) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(entry);
    known = LLVM::ConstantOp::create(builder, loc, type, value);
  }
  return known;
}

Value LlvmBuilder::constant(TypedAttr value) {
  return constantAttr(value.getType(), value);
}

Value LlvmBuilder::splat(Value scalar, int64_t count) {
  if (count == 1)
    return scalar;
  auto type = VectorType::get({count}, scalar.getType());
  Attribute value;
  if (matchPattern(scalar, m_Constant(&value)))
    return constantAttr(type, DenseElementsAttr::get(type, value));
  Value poison = LLVM::PoisonOp::create(builder, loc, type);
  Value first =
      LLVM::InsertElementOp::create(builder, loc, poison, scalar, i32(0));
  SmallVector<int32_t> zeros(count, 0);
  return LLVM::ShuffleVectorOp::create(builder, loc, first, poison, zeros);
}

Value LlvmBuilder::extent(const DimExpr &extent) {
  if (auto value = extent.asConstant())
    return i64(*value);
  Value &known = extents[extent.str()];
  if (known)
    return known;
  OpBuilder::InsertionGuard guard(builder);
  // In front of what is emitted now, also if that stands in the entry block.
  Value index = i64(dimIndex(extent));
  builder.setInsertionPointAfterValue(isa<BlockArgument>(dims) ? index : dims);
  Value place = address(dims, index, 8);
  return known = LLVM::LoadOp::create(builder, loc, intType(64), place);
}

//===- Arithmetic ---------------------------------------------------------===//

Value LlvmBuilder::unary(Unary kind, Value x) {
  switch (kind) {
  case Unary::NegF:
    return LLVM::FNegOp::create(builder, loc, x);
  case Unary::AbsF:
    return LLVM::FAbsOp::create(builder, loc, x);
  case Unary::Sqrt:
    return LLVM::SqrtOp::create(builder, loc, x);
  case Unary::Floor:
    return LLVM::FFloorOp::create(builder, loc, x);
  case Unary::Ceil:
    return LLVM::FCeilOp::create(builder, loc, x);
  case Unary::Trunc:
    return LLVM::FTruncOp::create(builder, loc, x);
  case Unary::RoundEven:
    return LLVM::RoundEvenOp::create(builder, loc, x);
  }
  return {};
}

Value LlvmBuilder::binary(Binary kind, Value x, Value y) {
  auto flags =
      mayContract ? LLVM::FastmathFlags::contract : LLVM::FastmathFlags::none;
  switch (kind) {
  case Binary::AddF:
    return LLVM::FAddOp::create(builder, loc, x, y, flags);
  case Binary::SubF:
    return LLVM::FSubOp::create(builder, loc, x, y, flags);
  case Binary::MulF:
    return LLVM::FMulOp::create(builder, loc, x, y, flags);
  case Binary::DivF:
    return LLVM::FDivOp::create(builder, loc, x, y);
  case Binary::CopySign:
    return LLVM::CopySignOp::create(builder, loc, x, y);
  case Binary::AddI:
    return LLVM::AddOp::create(builder, loc, x, y);
  case Binary::SubI:
    return LLVM::SubOp::create(builder, loc, x, y);
  case Binary::MulI:
    return LLVM::MulOp::create(builder, loc, x, y);
  case Binary::DivS:
    return LLVM::SDivOp::create(builder, loc, x, y);
  case Binary::DivU:
    return LLVM::UDivOp::create(builder, loc, x, y);
  case Binary::RemS:
    return LLVM::SRemOp::create(builder, loc, x, y);
  case Binary::RemU:
    return LLVM::URemOp::create(builder, loc, x, y);
  case Binary::And:
    return LLVM::AndOp::create(builder, loc, x, y);
  case Binary::Or:
    return LLVM::OrOp::create(builder, loc, x, y);
  case Binary::Xor:
    return LLVM::XOrOp::create(builder, loc, x, y);
  case Binary::Shl:
    return LLVM::ShlOp::create(builder, loc, x, y);
  case Binary::ShrS:
    return LLVM::AShrOp::create(builder, loc, x, y);
  case Binary::ShrU:
    return LLVM::LShrOp::create(builder, loc, x, y);
  case Binary::MinS:
    return LLVM::SMinOp::create(builder, loc, x, y);
  case Binary::MaxS:
    return LLVM::SMaxOp::create(builder, loc, x, y);
  case Binary::MinU:
    return LLVM::UMinOp::create(builder, loc, x, y);
  case Binary::MaxU:
    return LLVM::UMaxOp::create(builder, loc, x, y);
  }
  return {};
}

Value LlvmBuilder::fma(Value x, Value y, Value z) {
  return LLVM::FMAOp::create(builder, loc, x, y, z);
}

Value LlvmBuilder::compare(arith::CmpFPredicate predicate, Value x, Value y) {
  // Both enums follow LLVM's numbering.
  return LLVM::FCmpOp::create(builder, loc, withElement(x, intType(1)),
                              static_cast<LLVM::FCmpPredicate>(predicate), x,
                              y);
}

Value LlvmBuilder::compare(arith::CmpIPredicate predicate, Value x, Value y) {
  return LLVM::ICmpOp::create(builder, loc, withElement(x, intType(1)),
                              static_cast<LLVM::ICmpPredicate>(predicate), x,
                              y);
}

Value LlvmBuilder::select(Value condition, Value x, Value y) {
  return x == y ? x : LLVM::SelectOp::create(builder, loc, condition, x, y);
}

Value LlvmBuilder::cast(Cast kind, Value x, Type element) {
  Type type = withElement(x, element);
  if (x.getType() == type)
    return x;
  switch (kind) {
  case Cast::Bits:
    return LLVM::BitcastOp::create(builder, loc, type, x);
  case Cast::ExtF:
    return LLVM::FPExtOp::create(builder, loc, type, x);
  case Cast::TruncF:
    return LLVM::FPTruncOp::create(builder, loc, type, x);
  case Cast::ExtS:
    return LLVM::SExtOp::create(builder, loc, type, x);
  case Cast::ExtU:
    return LLVM::ZExtOp::create(builder, loc, type, x);
  case Cast::TruncI:
    return LLVM::TruncOp::create(builder, loc, type, x);
  case Cast::IntToFloatS:
    return LLVM::SIToFPOp::create(builder, loc, type, x);
  case Cast::IntToFloatU:
    return LLVM::UIToFPOp::create(builder, loc, type, x);
  case Cast::FloatToInt:
    return LLVM::FPToSIOp::create(builder, loc, type, x);
  case Cast::FloatToIntSat:
    return LLVM::CallIntrinsicOp::create(
               builder, loc, type, builder.getStringAttr("llvm.fptosi.sat"), x)
        .getResult(0);
  }
  return {};
}

Value LlvmBuilder::extract(Value vector, int64_t lane) {
  if (!isa<VectorType>(vector.getType()))
    return vector;
  return LLVM::ExtractElementOp::create(builder, loc, vector, i32(lane));
}

std::pair<Value, Value> LlvmBuilder::halves(Value vector) {
  int64_t half = lanesOf(vector) / 2;
  if (half == 1)
    return {extract(vector, 0), extract(vector, 1)};
  SmallVector<int32_t> lower, upper;
  for (int64_t lane = 0; lane < half; ++lane) {
    lower.push_back(lane);
    upper.push_back(lane + half);
  }
  Value poison = LLVM::PoisonOp::create(builder, loc, vector.getType());
  return {LLVM::ShuffleVectorOp::create(builder, loc, vector, poison, lower),
          LLVM::ShuffleVectorOp::create(builder, loc, vector, poison, upper)};
}

Value LlvmBuilder::any(Value mask) {
  if (!isa<VectorType>(mask.getType()))
    return mask;
  unsigned count = lanesOf(mask);
  Value bits = LLVM::BitcastOp::create(builder, loc, intType(count), mask);
  return compare(arith::CmpIPredicate::ne, bits, integer(0, count));
}

/// A call of `llvm.x86.NAME`, whose result is as its first operand.
Value LlvmBuilder::intrinsic(StringRef name, ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(
             builder, loc, operands[0].getType(),
             builder.getStringAttr("llvm.x86." + name), operands)
      .getResult(0);
}

Value LlvmBuilder::scaleByPowerOfTwo(Value x, Value n) {
  if (target != Isa::Avx512 || lanesOf(x) != 16)
    return KernelBuilder::scaleByPowerOfTwo(x, n);
  // vscalefps: the last operands are an all-true mask and "round as usual".
  return intrinsic("avx512.mask.scalef.ps.512",
                   {x, n, x, integer(-1, 16), i32(4)});
}

/// By the name of the instruction: of a comparison and a choice whose result a
/// further choice takes, LLVM makes four instructions instead of two.
Value LlvmBuilder::extremum(bool isMax, Value x, Value y) {
  std::array values{x, y};
  unify(values);
  int64_t count = lanesOf(values[0]);
  if (elementOf(x).isF32() && count == 16 && target == Isa::Avx512)
    return intrinsic(isMax ? "avx512.max.ps.512" : "avx512.min.ps.512",
                     {values[0], values[1], i32(4)}); // rounds as usual
  if (elementOf(x).isF32() && count == 8)
    return intrinsic(isMax ? "avx.max.ps.256" : "avx.min.ps.256", values);
  return isMax ? KernelBuilder::maxOrSecond(x, y)
               : KernelBuilder::minOrSecond(x, y);
}

Value LlvmBuilder::minOrSecond(Value x, Value y) {
  return extremum(false, x, y);
}

Value LlvmBuilder::maxOrSecond(Value x, Value y) {
  return extremum(true, x, y);
}

//===- Memory -------------------------------------------------------------===//

Value LlvmBuilder::address(Value pointer, Value offset, int64_t bytes) {
  Type type = LLVM::LLVMPointerType::get(builder.getContext());
  APInt zero;
  if (matchPattern(offset, m_ConstantInt(&zero)) && zero.isZero())
    return pointer;
  return LLVM::GEPOp::create(builder, loc, type, intType(8 * bytes), pointer,
                             ArrayRef<LLVM::GEPArg>{offset});
}

Value LlvmBuilder::loadPointer(Value table, Value index) {
  Type type = LLVM::LLVMPointerType::get(builder.getContext());
  return LLVM::LoadOp::create(builder, loc, type, address(table, index, 8));
}

Value LlvmBuilder::table(ArrayRef<int64_t> numbers) {
  auto function = mlir::cast<LLVM::LLVMFuncOp>(entry->getParentOp());
  auto type = LLVM::LLVMArrayType::get(intType(64), numbers.size());
  auto tensor = RankedTensorType::get({std::ssize(numbers)}, intType(64));
  std::string name = (function.getName() + ".table").str();
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(function);
    LLVM::GlobalOp::create(builder, loc, type, /*isConstant=*/true,
                           LLVM::Linkage::Internal, name,
                           DenseElementsAttr::get(tensor, numbers));
  }
  return LLVM::AddressOfOp::create(
      builder, loc, LLVM::LLVMPointerType::get(builder.getContext()), name);
}

static int64_t bytesOf(Type element) {
  return std::max<int64_t>(1, element.getIntOrFloatBitWidth() / 8);
}

Value LlvmBuilder::load(Value pointer, Type element, bool isVector,
                        Value mask) {
  int64_t bytes = bytesOf(element);
  Type type = isVector ? vectorOf(element, lanes) : element;
  if (!mask || lanes == 1 || !isVector)
    return LLVM::LoadOp::create(builder, loc, type, pointer, bytes);
  Value zero = LLVM::ZeroOp::create(builder, loc, type);
  return LLVM::MaskedLoadOp::create(builder, loc, type, pointer, mask, zero,
                                    builder.getI32IntegerAttr(bytes), nullptr);
}

void LlvmBuilder::store(Value pointer, Value value, Value mask,
                        bool streaming) {
  int64_t bytes = bytesOf(elementOf(value));
  if (mask && isa<VectorType>(value.getType())) {
    LLVM::MaskedStoreOp::create(builder, loc, value, pointer, mask, bytes);
    return;
  }
  if (streaming && isa<VectorType>(value.getType())) {
    LLVM::StoreOp::create(builder, loc, value, pointer, bytes * lanesOf(value),
                          /*isVolatile=*/false, /*isNonTemporal=*/true);
    return;
  }
  LLVM::StoreOp::create(builder, loc, value, pointer, bytes);
}

void LlvmBuilder::prefetch(Value pointer, bool forWrite) {
  constexpr unsigned kIntoAllCaches = 3, kData = 1;
  LLVM::Prefetch::create(builder, loc, pointer, forWrite, kIntoAllCaches,
                         kData);
}

Value LlvmBuilder::pointers(Value pointer, Value offsets, Type element) {
  Type type = VectorType::get({lanesOf(offsets)},
                              LLVM::LLVMPointerType::get(builder.getContext()));
  return LLVM::GEPOp::create(builder, loc, type, intType(8 * bytesOf(element)),
                             pointer, ArrayRef<LLVM::GEPArg>{offsets});
}

Value LlvmBuilder::gather(Value pointer, Value offsets, Type element) {
  int64_t count = lanesOf(offsets);
  if (count == 1)
    return load(address(pointer, offsets, bytesOf(element)), element, false,
                {});
  Value everywhere = splat(boolean(true), count);
  return LLVM::masked_gather::create(
      builder, loc, vectorOf(element, count),
      pointers(pointer, offsets, element), everywhere, ValueRange(),
      builder.getI32IntegerAttr(bytesOf(element)));
}

void LlvmBuilder::scatter(Value pointer, Value offsets, Value value,
                          Value mask) {
  Type element = elementOf(value);
  if (lanesOf(offsets) == 1)
    return store(address(pointer, offsets, bytesOf(element)), value, {}, false);
  if (!mask)
    mask = splat(boolean(true), lanesOf(offsets));
  LLVM::masked_scatter::create(builder, loc, value,
                               pointers(pointer, offsets, element), mask,
                               builder.getI32IntegerAttr(bytesOf(element)));
}

bool LlvmBuilder::canMask(Type element) {
  return target == Isa::Avx512 || bytesOf(element) >= 4;
}

Value LlvmBuilder::isAligned(Value pointer, int64_t bytes) {
  Value number = LLVM::PtrToIntOp::create(builder, loc, intType(64), pointer);
  return compare(arith::CmpIPredicate::eq, andI(number, i64(bytes - 1)),
                 i64(0));
}

void LlvmBuilder::streamingFence() {
  LLVM::CallIntrinsicOp::create(
      builder, loc, builder.getStringAttr("llvm.x86.sse.sfence"), ValueRange());
}

//===- Control ------------------------------------------------------------===//

KernelBuilder::Values
LlvmBuilder::loop(Value from, Value to, int64_t step, ValueRange carried,
                  function_ref<Values(Value, ValueRange)> body, bool) {
  // Tested at the end, and once before, unless the bounds are constants.
  APInt first, end;
  bool isKnown = matchPattern(from, m_ConstantInt(&first)) &&
                 matchPattern(to, m_ConstantInt(&end));
  if (isKnown && first.sge(end))
    return Values(carried);
  if (isKnown && (first + step).sge(end))
    return body(from, carried);
  Region *region = builder.getInsertionBlock()->getParent();
  SmallVector<Type> types{intType(64)};
  llvm::append_range(types, carried.getTypes());
  SmallVector<Location> locs(types.size(), loc);
  Block *start = builder.getInsertionBlock();
  Block *inside = builder.createBlock(region, region->end(), types, locs);
  Block *after =
      builder.createBlock(region, region->end(), ArrayRef(types).drop_front(),
                          ArrayRef(locs).drop_front());
  Values entering{from};
  llvm::append_range(entering, carried);
  builder.setInsertionPointToEnd(start);
  if (isKnown) {
    LLVM::BrOp::create(builder, loc, entering, inside);
  } else {
    Value runs = compare(arith::CmpIPredicate::slt, from, to);
    LLVM::CondBrOp::create(builder, loc, runs, inside, entering, after,
                           Values(carried));
  }
  builder.setInsertionPointToEnd(inside);
  Value index = inside->getArgument(0);
  Values results = body(index, inside->getArguments().drop_front());
  Value next = addI(index, i64(step));
  Value goesOn = compare(arith::CmpIPredicate::slt, next, to);
  Values again{next};
  llvm::append_range(again, results);
  LLVM::CondBrOp::create(builder, loc, goesOn, inside, again, after, results);
  builder.setInsertionPointToEnd(after);
  return Values(after->getArguments());
}

KernelBuilder::Values LlvmBuilder::branch(Value condition,
                                          function_ref<Values()> then,
                                          function_ref<Values()> otherwise) {
  Region *region = builder.getInsertionBlock()->getParent();
  Block *start = builder.getInsertionBlock();
  Block *whenTrue = builder.createBlock(region, region->end());
  Values yes = then();
  Block *yesEnd = builder.getInsertionBlock();
  Block *whenFalse = builder.createBlock(region, region->end());
  Values no = otherwise();
  Block *noEnd = builder.getInsertionBlock();
  SmallVector<Type> types(ValueRange(yes).getTypes());
  SmallVector<Location> locs(types.size(), loc);
  Block *after = builder.createBlock(region, region->end(), types, locs);
  builder.setInsertionPointToEnd(start);
  LLVM::CondBrOp::create(builder, loc, condition, whenTrue, ValueRange(),
                         whenFalse, ValueRange());
  builder.setInsertionPointToEnd(yesEnd);
  LLVM::BrOp::create(builder, loc, yes, after);
  builder.setInsertionPointToEnd(noEnd);
  LLVM::BrOp::create(builder, loc, no, after);
  builder.setInsertionPointToEnd(after);
  return Values(after->getArguments());
}
