//===- AsgInterfaces.td - What passes may ask of an op --------------------===//
#ifndef ASG_INTERFACES
#define ASG_INTERFACES

include "mlir/IR/OpBase.td"

def Asg_GradientInterface : OpInterface<"GradientInterface"> {
  let cppNamespace = "::asgc::asg";
  let description = "An op that knows its vector-Jacobian product.";
  let methods = [InterfaceMethod<[{
      Builds the cotangents of the operands from those of the results.

      `resultGradients` has one value per result; a null value is a zero. The
      answer has one value per operand, of the operand's type; null for an
      operand that is no float tensor, or whose cotangent is zero. Reads only
      this op's operands, results and attributes, and builds only asg ops that
      have a gradient again, so that gradients nest.
    }],
    "::llvm::SmallVector<::mlir::Value>", "buildGradient",
    (ins "::mlir::OpBuilder &":$builder, "::mlir::ValueRange":$resultGradients)>];
}

def Asg_ScalarInterface : OpInterface<"ScalarInterface"> {
  let cppNamespace = "::asgc::asg";
  let description = [{
    An elementwise op: result element i depends on the operands' elements i only.
    Fused kernels apply `buildScalar` at every point, on scalars or on vectors.
  }];
  let methods = [InterfaceMethod<[{
      Builds the op on one point in arith and math. `operands` are scalars (or
      1-D vectors) of the operands' element types; the answer has `resultType`,
      the scalar or vector of the result's element type. bool is i1. f16 and bf16
      arrive widened to f32 (`resultType` too).
    }],
    "::mlir::Value", "buildScalar",
    (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc,
         "::mlir::ValueRange":$operands, "::mlir::Type":$resultType)>];
}

#endif
