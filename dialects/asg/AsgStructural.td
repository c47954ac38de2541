//===- AsgStructural.td - Entry points, variables, layers, fusions --------===//
#ifndef ASG_STRUCTURAL
#define ASG_STRUCTURAL

include "dialects/asg/AsgBase.td"

class Asg_StructuralOp<string mnemonic, list<Trait> traits = []>
    : Asg_Op<mnemonic, traits> {
  let category = "structural";
}

def Asg_GraphOp : Asg_StructuralOp<"graph", [FunctionOpInterface, IsolatedFromAbove,
    SingleBlock, AffineScope]> {
  let summary = "an entry point: infer, train_step, eval_step, init";
  let description = [{
    `dims` is a dictionary from the name of each run-time dim to its bound. Each
    argument and result has an attribute `asg.name`.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
      TypeAttrOf<FunctionType>:$function_type, DictionaryAttr:$dims,
      OptionalAttr<DictArrayAttr>:$arg_attrs, OptionalAttr<DictArrayAttr>:$res_attrs);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::ArrayRef<::mlir::Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    ::mlir::ArrayRef<::mlir::Type> getResultTypes() { return getFunctionType().getResults(); }
    ::mlir::Region *getCallableRegion() { return &getBody(); }
    /// The name of argument or result `index`, from its attribute `asg.name`.
    ::llvm::StringRef getInputName(unsigned index);
    ::llvm::StringRef getOutputName(unsigned index);
    /// The bound of a run-time dim; null if the graph has none of this name.
    std::optional<int64_t> getDimBound(::llvm::StringRef name);
  }];
}

def Asg_ReturnOp : Asg_StructuralOp<"return", [Terminator, HasParent<"GraphOp">]> {
  let summary = "the results of a graph";
  let arguments = (ins Variadic<Asg_Tensor>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let hasVerifier = 1;
}

def Asg_ParamOp : Asg_StructuralOp<"param", [Symbol]> {
  let summary = "a trained variable";
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<Asg_Tensor>:$type,
      OptionalAttr<StrAttr>:$init, OptionalAttr<StrAttr>:$doc);
  let assemblyFormat = "$sym_name `:` $type (`init` $init^)? (`doc` $doc^)? attr-dict";
  let hasVerifier = 1;
}

def Asg_StateOp : Asg_StructuralOp<"state", [Symbol]> {
  let summary = "a variable that is not trained: running statistics, moments, step, seed";
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<Asg_Tensor>:$type,
      // state, optimizer, step or seed: asgc_variable_role of program.h
      DefaultValuedStrAttr<StrAttr, "state">:$role,
      OptionalAttr<StrAttr>:$init, OptionalAttr<StrAttr>:$doc);
  let assemblyFormat = [{
    $sym_name `:` $type `role` $role (`init` $init^)? (`doc` $doc^)? attr-dict
  }];
  let hasVerifier = 1;
}

def Asg_ReadOp : Asg_StructuralOp<"read", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the value that a variable has when the graph starts";
  let formula = "y = variable";
  let arguments = (ins FlatSymbolRefAttr:$variable);
  let results = (outs Asg_Tensor:$y);
  let assemblyFormat = "$variable attr-dict `:` type($y)";
}

def Asg_AssignOp : Asg_StructuralOp<"assign", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the value that a variable gets when the graph ends";
  let formula = "variable ← value";
  let arguments = (ins FlatSymbolRefAttr:$variable, Asg_Tensor:$value);
  let assemblyFormat = "$variable `,` $value attr-dict `:` type($value)";
}

def Asg_LayerOp : Asg_StructuralOp<"layer", [SingleBlock, RecursiveMemoryEffects, NoRegionArguments]> {
  let summary = "one instance of a block of the language";
  let description = [{
    `path` is the instance path ("body.0.fc1"), `block` the block's name. The
    region captures values from outside; asg-inline-layers removes the op.
  }];
  let arguments = (ins StrAttr:$path, StrAttr:$block, OptionalAttr<DictionaryAttr>:$blockArgs);
  let results = (outs Variadic<Asg_Tensor>:$values);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $path `block` $block (`args` $blockArgs^)? (`->` type($values)^)? $body attr-dict
  }];
  let hasVerifier = 1;
}

def Asg_FusionOp : Asg_StructuralOp<"fusion", [SingleBlock, RecursiveMemoryEffects, NoRegionArguments]> {
  let summary = "ops that become one kernel";
  let description = [{
    `kind` is the template: map, row, reduce or update. The region captures values from
    outside; its ops are elementwise ops, layout ops and reductions.
  }];
  let arguments = (ins StrAttr:$kind);
  let results = (outs Variadic<Asg_Tensor>:$values);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$kind (`->` type($values)^)? $body attr-dict";
  let hasVerifier = 1;
}

def Asg_YieldOp : Asg_StructuralOp<"yield", [Pure, Terminator,
    ParentOneOf<["LayerOp", "FusionOp"]>]> {
  let summary = "the results of a layer or a fusion";
  let arguments = (ins Variadic<Asg_Tensor>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def Asg_GradientOp : Asg_StructuralOp<"gradient", [Pure]> {
  let summary = "derivative of a scalar with respect to values it was computed from";
  let description = [{
    Expanded by asg-differentiate. A value that the loss does not depend on is an
    error there, unless `allowUnused`, which makes it zero.
  }];
  let category = "gradient";
  let formula = "dxᵢ = ∂loss / ∂xᵢ";
  let arguments = (ins Asg_FloatTensor:$loss, Variadic<Asg_FloatTensor>:$wrt, UnitAttr:$allowUnused);
  let results = (outs Variadic<Asg_FloatTensor>:$gradients);
  let assemblyFormat = [{
    $loss `wrt` $wrt (`allow_unused` $allowUnused^)? attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif
