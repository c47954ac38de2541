//===- AsgBase.td - What every asg record says ---------------------------===//
#ifndef ASG_BASE
#define ASG_BASE

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/TensorEncoding.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "dialects/asg/AsgInterfaces.td"

def Asg_Dialect : Dialect {
  let name = "asg";
  let cppNamespace = "::asgc::asg";
  let summary = "Pure, differentiable tensor operations with explicit shapes";
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 1;
}

//===- Types --------------------------------------------------------------===//

def Asg_Float : AnyTypeOf<[F32, F16, BF16, F64]>;
def Asg_Integer : AnyTypeOf<[I8, I32, I64]>;
def Asg_Bool : AnyTypeOf<[I1]>;

/// Every run-time extent is named by `#asg.dims`, a static tensor has no encoding,
/// and the extents are small enough that arithmetic on them cannot overflow.
class Asg_TensorOf<list<Type> types> : RankedTensorOf<types,
    [CPred<"::asgc::asg::hasLegalShape(::llvm::cast<::mlir::RankedTensorType>($_self))">],
    "tensor (run-time extents named, at most 2^40 elements)">;

def Asg_Tensor : Asg_TensorOf<[Asg_Float, Asg_Integer, Asg_Bool]>;
def Asg_FloatTensor : Asg_TensorOf<[Asg_Float]>;
def Asg_NumberTensor : Asg_TensorOf<[Asg_Float, Asg_Integer]>;
def Asg_BoolTensor : Asg_TensorOf<[Asg_Bool]>;
def Asg_BitsTensor : Asg_TensorOf<[Asg_Integer, Asg_Bool]>;
def Asg_IndexTensor : Asg_TensorOf<[I32, I64]>;
def Asg_PlaceTensor : Asg_TensorOf<[I32]>;

//===- Attributes ---------------------------------------------------------===//

def Asg_DimsAttr : AttrDef<Asg_Dialect, "Dims",
    [DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let mnemonic = "dims";
  let summary = "The extents of a tensor type of which some are known at run time";
  let description = [{
    The encoding of a tensor type with run-time extents: one entry per dim, an
    IntegerAttr (i64) or a StringAttr with the canonical text of a `DimExpr`.
    Printed as `#asg.dims<batch, 64>`; an expression that is no plain name is
    quoted: `#asg.dims<"4*batch", 64>`.
  }];
  let parameters = (ins ArrayRefParameter<"::mlir::Attribute">:$dims);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

//===- Records ------------------------------------------------------------===//

// Nodes of a gradient expression besides ops and names. `$dy` is the cotangent
// of the only result; operands and results go by their names.
def none;    // the operand is no float tensor: nothing flows into it
def zero;    // the derivative is zero everywhere that it exists; said on purpose
def id;      // (id $dy): the value itself
def scalar;  // (scalar "0.5", $x): the constant, with the type of $x

/// Base of all ops. Fields are read by asgc-tblgen.
class Asg_Op<string mnemonic, list<Trait> traits = []>
    : Op<Asg_Dialect, mnemonic, traits> {
  // One of: arithmetic, activation, comparison, reduction, contraction,
  // convolution, pooling, layout, indexing, random, structural, gradient.
  string category = "";
  string formula = "";
  string role = "";         // what it is for, in a network
  string summaryRu = "";
  string roleRu = "";
  // IR that parses, prints, runs and differentiates: ops whose undefined %names
  // are inputs, or the whole text of a module if it holds an asg.graph.
  string example = "";
  list<string> cases = [];  // more examples, for the generated tests alone
  // Interval the example's inputs are drawn from in generated tests, where the
  // function is smooth.
  string domain = "-2:2";
  bit smooth = 1;           // second derivatives exist on the domain
  // One dag per operand; empty: C++ in the same-stem .cpp.
  list<dag> gradient = [];
}

/// A pure op without float operands, so without a gradient.
class Asg_PureOp<string mnemonic, list<Trait> traits = []>
    : Asg_Op<mnemonic, !listconcat(traits, [Pure])>;

class Asg_DifferentiableOp<string mnemonic, list<Trait> traits = []>
    : Asg_PureOp<mnemonic, !listconcat(traits,
        [DeclareOpInterfaceMethods<Asg_GradientInterface>])>;

/// Result types follow from operands and attributes by `inferReturnTypes` in the
/// same-stem .cpp. The verifier checks them; MLIR's own check would report every
/// fault a second time, without its cause.
defvar Asg_InferTypes = DeclareOpInterfaceMethods<InferTypeOpInterface,
    ["inferReturnTypes", "refineReturnTypes"]>;

defvar Asg_VerifyInferredTypes = [{
  ::llvm::LogicalResult $cppClass::refineReturnTypes(
      ::mlir::MLIRContext *, ::std::optional<::mlir::Location>,
      ::mlir::ValueRange, ::mlir::DictionaryAttr, ::mlir::OpaqueProperties,
      ::mlir::RegionRange, ::llvm::SmallVectorImpl<::mlir::Type> &) {
    return ::mlir::success();
  }
  ::llvm::LogicalResult $cppClass::verify() {
    return ::asgc::asg::verifyInferredTypes(*this);
  }
}];

/// A differentiable op whose result types are inferred.
class Asg_InferredOp<string mnemonic, list<Trait> traits = []>
    : Asg_DifferentiableOp<mnemonic, !listconcat(traits, [Asg_InferTypes])> {
  let hasVerifier = 1;
  let extraClassDefinition = Asg_VerifyInferredTypes;
}

#endif
