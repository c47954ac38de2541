//===- Kernels.h - Vector code for kernels of the plan dialect ------------===//
#ifndef ASGC_KERNELS_H
#define ASGC_KERNELS_H

#include "asgc/DimExpr.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

#include <array>
#include <functional>
#include <memory>

namespace asgc {

/// Instructions with one operand; the type stays.
enum class Unary { NegF, AbsF, Sqrt, Floor, Ceil, Trunc, RoundEven };

/// Instructions with two operands of one type. Integer division traps or is
/// undefined for a divisor of 0 and for the smallest number by -1, as are
/// shifts by the width or more; `Math` below has the total forms.
enum class Binary {
  AddF,
  SubF,
  MulF,
  DivF,
  CopySign,
  AddI,
  SubI,
  MulI,
  DivS,
  DivU,
  RemS,
  RemU,
  And,
  Or,
  Xor,
  Shl,
  ShrS,
  ShrU,
  MinS,
  MaxS,
  MinU,
  MaxU
};

/// Conversions of each element. `FloatToInt` is undefined out of range,
/// `FloatToIntSat` saturates and takes NaN to 0. All signed but `IntToFloatU`.
enum class Cast {
  Bits,
  ExtF,
  TruncF,
  ExtS,
  ExtU,
  TruncI,
  IntToFloatS,
  IntToFloatU,
  FloatToInt,
  FloatToIntSat
};

/// Emits instructions for one machine. The kernel builders and the math
/// expansions are written on it once; a backend implements it.
///
/// A value is a scalar or a vector (`vector<16xf32>`); an instruction takes
/// both and repeats scalars where they meet vectors. A pointer is an opaque
/// value.
class KernelBuilder {
public:
  using Value = mlir::Value;
  using Type = mlir::Type;
  using Values = llvm::SmallVector<Value>;

  explicit KernelBuilder(mlir::OpBuilder &builder, mlir::Location loc)
      : builder(builder), loc(loc) {}
  virtual ~KernelBuilder();

  /// Elements of a vector; 1 while scalar code is emitted.
  int64_t lanes = 1;
  /// Whether products may be joined with the sums that use them. Off in math
  /// expansions, which rely on the roundings they write.
  bool mayContract = false;
  mlir::OpBuilder &builder;
  mlir::Location loc;

  //===- Primitives -------------------------------------------------------===//

  /// A number or truth value.
  virtual Value constant(mlir::TypedAttr value) = 0;
  virtual Value unary(Unary kind, Value x) = 0;
  virtual Value binary(Binary kind, Value x, Value y) = 0;
  virtual Value fma(Value x, Value y, Value z) = 0;
  virtual Value compare(mlir::arith::CmpFPredicate predicate, Value x,
                        Value y) = 0;
  virtual Value compare(mlir::arith::CmpIPredicate predicate, Value x,
                        Value y) = 0;
  virtual Value select(Value condition, Value x, Value y) = 0;
  /// `element` is the scalar type of the result.
  virtual Value cast(Cast kind, Value x, Type element) = 0;
  /// `scalar` in each of `count` lanes.
  virtual Value splat(Value scalar, int64_t count) = 0;
  /// 0, 1, 2, … in the lanes; 0 when `lanes` is 1.
  Value iota(Type element);
  virtual Value extract(Value vector, int64_t lane) = 0;
  /// The first and the second half of the lanes.
  virtual std::pair<Value, Value> halves(Value vector) = 0;
  /// Whether a mask is true anywhere.
  virtual Value any(Value mask) = 0;
  /// x · 2ⁿ for a whole number n (a float) with |n| < 400, rounded once.
  virtual Value scaleByPowerOfTwo(Value x, Value n);
  /// 2ⁿ for a whole number n (a float) with |n| ≤ 126.
  virtual Value powerOfTwo(Value n);

  /// Pointer + `offset` elements of `bytes` bytes.
  virtual Value address(Value pointer, Value offset, int64_t bytes) = 0;
  /// Entry `index` (i64) of a table of pointers.
  virtual Value loadPointer(Value table, Value index) = 0;
  /// Read-only i64 numbers in memory.
  virtual Value table(llvm::ArrayRef<int64_t> numbers) = 0;
  /// An element, or `lanes` elements where `mask` (null: everywhere) is true
  /// and zero elsewhere.
  virtual Value load(Value pointer, Type element, bool isVector,
                     Value mask) = 0;
  virtual void store(Value pointer, Value value, Value mask,
                     bool streaming) = 0;
  /// Asks for the cache line of an address, which need not exist.
  virtual void prefetch(Value pointer, bool forWrite) = 0;
  /// The elements at `offsets` (a vector of i32 or i64, in elements).
  virtual Value gather(Value pointer, Value offsets, Type element) = 0;
  virtual void scatter(Value pointer, Value offsets, Value value,
                       Value mask) = 0;
  /// Whether loads and stores of vectors of `element` can take a mask.
  virtual bool canMask(Type element) = 0;
  /// Whether a vector may be loaded and stored at any multiple of its element's
  /// size, not only of its own.
  virtual bool loadsAnywhere() const { return true; }
  /// Whether there is an instruction that divides integers.
  virtual bool divides() const { return false; }
  /// Whether the address is a multiple of `bytes`, a power of two.
  virtual Value isAligned(Value pointer, int64_t bytes) = 0;
  /// Makes streaming stores visible to other threads.
  virtual void streamingFence() = 0;

  /// for (i = from; i < to; i += step): `body` gets i and the carried values
  /// and returns their next ones. i64 bounds. Returns the values after the
  /// loop. `isRolled`: the body is long enough as it is.
  virtual Values loop(Value from, Value to, int64_t step,
                      mlir::ValueRange carried,
                      llvm::function_ref<Values(Value, mlir::ValueRange)> body,
                      bool isRolled = false) = 0;
  virtual Values branch(Value condition, llvm::function_ref<Values()> then,
                        llvm::function_ref<Values()> otherwise) = 0;

  /// The value of an extent, i64.
  virtual Value extent(const DimExpr &extent) = 0;

  //===- Conveniences -----------------------------------------------------===//

  Type f32Type() { return builder.getF32Type(); }
  Type f64Type() { return builder.getF64Type(); }
  Type intType(unsigned bits) { return builder.getIntegerType(bits); }

  Value f32(double value);
  Value f64(double value);
  Value integer(int64_t value, unsigned bits);
  Value i32(int64_t value) { return integer(value, 32); }
  Value i64(int64_t value) { return integer(value, 64); }
  Value boolean(bool value) { return integer(value, 1); }
  /// A float constant of the type of `like`, which may be a vector.
  Value floatLike(Value like, double value);

  /// The type of one lane.
  static Type elementOf(Value value);
  static int64_t lanesOf(Value value);
  /// `x` as a vector of the builder's lanes (a scalar when lanes is 1).
  Value widen(Value x);
  /// Repeats scalars so that all have the same number of lanes.
  void unify(llvm::MutableArrayRef<Value> values);

  Value addF(Value x, Value y) { return two(Binary::AddF, x, y); }
  Value subF(Value x, Value y) { return two(Binary::SubF, x, y); }
  Value mulF(Value x, Value y) { return two(Binary::MulF, x, y); }
  Value divF(Value x, Value y) { return two(Binary::DivF, x, y); }
  Value addI(Value x, Value y) { return two(Binary::AddI, x, y); }
  Value subI(Value x, Value y) { return two(Binary::SubI, x, y); }
  Value mulI(Value x, Value y) { return two(Binary::MulI, x, y); }
  Value andI(Value x, Value y) { return two(Binary::And, x, y); }
  Value orI(Value x, Value y) { return two(Binary::Or, x, y); }
  Value xorI(Value x, Value y) { return two(Binary::Xor, x, y); }
  Value shl(Value x, Value y) { return two(Binary::Shl, x, y); }
  Value shrS(Value x, Value y) { return two(Binary::ShrS, x, y); }
  Value shrU(Value x, Value y) { return two(Binary::ShrU, x, y); }
  Value negF(Value x) { return unary(Unary::NegF, x); }
  Value absF(Value x) { return unary(Unary::AbsF, x); }

  Value two(Binary kind, Value x, Value y);
  Value three(Value x, Value y, Value z); // x · y + z, rounded once
  Value choose(Value condition, Value x, Value y);
  Value test(mlir::arith::CmpFPredicate predicate, Value x, Value y);
  Value test(mlir::arith::CmpIPredicate predicate, Value x, Value y);

  /// y if either is NaN or x = y, else the smaller or larger: one instruction.
  virtual Value minOrSecond(Value x, Value y);
  virtual Value maxOrSecond(Value x, Value y);
  /// c[0] + c[1] x + c[2] x² + … by Horner's rule.
  Value polynomial(Value x, llvm::ArrayRef<double> coefficients);
};

/// Functions of a scalar or vector f32 as sequences of instructions. Errors in
/// units in the last place are what the tests measure over dense samples; NaN,
/// infinities, zeros and denormals are right everywhere.
class Math {
public:
  using Value = mlir::Value;
  explicit Math(KernelBuilder &builder) : b(builder) {}

  Value exp(Value x);
  Value exp2(Value x);
  Value expm1(Value x);
  Value log(Value x);
  Value log2(Value x);
  Value log10(Value x);
  Value log1p(Value x);
  Value tanh(Value x);
  Value erf(Value x);
  Value sin(Value x);
  Value cos(Value x);
  Value pow(Value x, Value y);       ///< special cases as C's pow
  Value rsqrt(Value x);              ///< 1 / sqrt(x), both rounded
  Value round(Value x);              ///< halves away from zero
  Value remainder(Value x, Value y); ///< C's fmod
  /// x / y where y is a scalar and x a vector: multiplies by 1 / y, corrected.
  Value divideByUniform(Value x, Value y);

  /// NaN if either is NaN.
  Value minimum(Value x, Value y);
  Value maximum(Value x, Value y);

  /// Total integer division: x / 0 = 0 and x mod 0 = 0; the smallest number by
  /// -1 wraps.
  Value divideS(Value x, Value y);
  Value divideU(Value x, Value y);
  Value remainderS(Value x, Value y);
  Value remainderU(Value x, Value y);

  /// Rounds an f32 to the nearest f16 or bf16, ties to even; still an f32.
  Value roundTo(Value x, mlir::Type element);
  /// f32 <-> the 16 bits of a bf16.
  Value bf16Bits(Value x);
  Value fromBf16Bits(Value bits);

private:
  struct Reduced {
    Value r; // x − n·c, |r| ≤ c/2
    Value n; // a whole number, as a float
  };
  struct Logarithm {
    Value exponent; // f32
    Value mantissa; // ln of the rest
  };
  struct Quadrant {
    Value r;        // |r| ≤ π/4
    Value quadrant; // i32
  };
  Reduced reduceExp(Value x);
  Value expOfReduced(const Reduced &reduced);
  Value expPolynomial(Value r);
  Logarithm splitLog(Value x);
  Value logSpecial(Value x, Value result);
  Value log1pPolynomial(Value f);
  Quadrant reduceTrig(Value absX);
  Quadrant reduceHuge(Value absX);
  Value sinOrCos(const Quadrant &quadrant, Value useCos);
  Value log2Wide(Value x);
  Value exp2Wide(Value x);
  Value guardedDivisor(Value x, Value y, bool isSigned);
  Value divideInF64(Value x, Value y, bool isSigned);

  KernelBuilder &b;
};

//===- Kernels ------------------------------------------------------------===//

/// How one launch of a kernel is cut into tasks that may run on any thread. It
/// depends on shapes alone, so that results do not depend on threads, nor on
/// the instruction set.
struct KernelLaunch {
  DimExpr tasks;
  DimExpr pointsPerTask;
  /// A rough estimate, to keep small launches on one thread.
  double nanosecondsPerPoint = 1;
  /// Memory of its own that each thread needs.
  int64_t scratchBytes = 0;
};

/// What the function of a launch gets: see asgc_kernel_fn.
struct KernelArguments {
  mlir::Value buffers; ///< table: the step's operands in order
  mlir::Value begin, end;
  mlir::Value scratch;
};

/// Vector code for one plan.kernel, plan.update or plan.scan.
class VectorKernel {
public:
  virtual ~VectorKernel();

  /// One, or two where partial results are combined.
  llvm::SmallVector<KernelLaunch> launches;

  /// Emits the body of the function that runs tasks [begin, end) of a launch.
  virtual mlir::LogicalResult emit(int64_t launch, KernelBuilder &builder,
                                   const KernelArguments &arguments) = 0;

  /// Analyses `step`, one of these. `boundOf` gives the largest value of an
  /// extent. Null after an error, which is reported at the step.
  static std::unique_ptr<VectorKernel>
  create(mlir::Operation *step,
         std::function<std::optional<int64_t>(const DimExpr &)> boundOf);
};

} // namespace asgc

#endif
