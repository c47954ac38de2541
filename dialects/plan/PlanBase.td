//===- PlanBase.td - Types and attributes of the plan dialect -------------===//
#ifndef PLAN_BASE
#define PLAN_BASE

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinTypeInterfaces.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Plan_Dialect : Dialect {
  let name = "plan";
  let cppNamespace = "::asgc::plan";
  let summary = "Buffers, kernels and library calls in order: all decisions about a machine";
  let useDefaultTypePrinterParser = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

def Plan_BufferType : TypeDef<Plan_Dialect, "Buffer"> {
  let mnemonic = "buffer";
  let summary = "memory that holds a row-major, contiguous tensor";
  let description = "`!plan.buffer<tensor<4x8xf32>>`; run-time extents as in the tensor type's encoding.";
  let parameters = (ins "::mlir::RankedTensorType":$tensor);
  let assemblyFormat = "`<` $tensor `>`";
  let genVerifyDecl = 1;
}

def Plan_KernelKind : I32EnumAttr<"KernelKind", "the loop structure of a kernel", [
    I32EnumAttrCase<"map", 0>, I32EnumAttrCase<"row", 1>,
    I32EnumAttrCase<"reduce", 2>]> {
  let cppNamespace = "::asgc::plan";
}

def Plan_ReduceKind : I32EnumAttr<"ReduceKind", "how a reduction combines", [
    I32EnumAttrCase<"add", 0>, I32EnumAttrCase<"mul", 1>,
    I32EnumAttrCase<"max", 2>, I32EnumAttrCase<"min", 3>]> {
  let cppNamespace = "::asgc::plan";
}

// asgc_activation of runtime/include/asgc/program.h.
def Plan_Activation : I32EnumAttr<"Activation", "what a contraction applies to its result", [
    I32EnumAttrCase<"none", 0>, I32EnumAttrCase<"relu", 1>,
    I32EnumAttrCase<"tanh", 2>, I32EnumAttrCase<"gelu_erf", 3>,
    I32EnumAttrCase<"gelu_tanh", 4>, I32EnumAttrCase<"sigmoid", 5>,
    I32EnumAttrCase<"silu", 6>]> {
  let cppNamespace = "::asgc::plan";
}

def Plan_StepInterface : OpInterface<"StepInterface"> {
  let cppNamespace = "::asgc::plan";
  let description = [{
    One step of a program: reads some buffers, then writes others. A buffer that
    is both read and written appears in both lists; a workspace is written.
  }];
  let methods = [
    InterfaceMethod<"The buffers read.", "::mlir::SmallVector<::mlir::Value>", "getReadBuffers">,
    InterfaceMethod<"The buffers written.", "::mlir::SmallVector<::mlir::Value>", "getWrittenBuffers">,
    InterfaceMethod<"The name in the profile; unique in the module.", "::llvm::StringRef", "getStepName">];
}

/// Extents, strides and offsets in elements: numbers (i64) or DimExpr texts.
/// Printed `[4, batch, "2*batch"]`.
defvar Plan_Extents = ArrayAttr;

class Plan_Op<string mnemonic, list<Trait> traits = []> : Op<Plan_Dialect, mnemonic, traits>;

#endif
