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
  let role = "One thing that a compiled model can do: answer, learn a step, judge itself, start afresh.";
  let summaryRu = "точка входа: infer, train_step, eval_step, init";
  let roleRu = "Одно из умений собранной модели: ответить, сделать шаг обучения, оценить себя, начать заново.";
  let example = [{
    asg.param @weight : tensor<3x2xf32> init "zeros()" doc "mixes two features"
    asg.state @step : tensor<i64> role "step"
    asg.graph @step_once(%x: tensor<?x2xf32, #asg.dims<n, 2>> {asg.name = "x"})
        -> (tensor<?x3xf32, #asg.dims<n, 3>> {asg.name = "y"}) dims = {n = 4} {
      %weight = asg.read @weight : tensor<3x2xf32>
      %y = asg.layer "head" block "linear" args {out = 3} -> tensor<?x3xf32, #asg.dims<n, 3>> {
        %dot = asg.dot %x, %weight batch [] x [] contract [1] x [1]
          : (tensor<?x2xf32, #asg.dims<n, 2>>, tensor<3x2xf32>) -> tensor<?x3xf32, #asg.dims<n, 3>>
        asg.yield %dot : tensor<?x3xf32, #asg.dims<n, 3>>
      }
      %one = asg.constant dense<1> : tensor<i64>
      %step = asg.read @step : tensor<i64>
      %next = asg.add %step, %one : tensor<i64>
      asg.assign @step, %next : tensor<i64>
      asg.return %y : tensor<?x3xf32, #asg.dims<n, 3>>
    }
  }];
  let description = [{
    `dims` is a dictionary from the name of each run-time dim to its bound. Each
    argument and result has an attribute `asg.name`. A `private` graph is no entry point
    but what asg.loop and asg.if call; it assigns no variable.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
      TypeAttrOf<FunctionType>:$function_type, DictionaryAttr:$dims,
      OptionalAttr<DictArrayAttr>:$arg_attrs, OptionalAttr<DictArrayAttr>:$res_attrs);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
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
  let role = "Names what a graph gives back.";
  let summaryRu = "результаты графа";
  let roleRu = "Называет то, что возвращает граф.";
  let example = [{
    asg.graph @f(%x: tensor<2xf32> {asg.name = "x"}) -> (tensor<2xf32> {asg.name = "y"}) {
      asg.return %x : tensor<2xf32>
    }
  }];
  let arguments = (ins Variadic<Asg_Tensor>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let hasVerifier = 1;
}

def Asg_ParamOp : Asg_StructuralOp<"param", [Symbol]> {
  let summary = "a trained variable";
  let role = "What training changes: weights, biases, embeddings.";
  let summaryRu = "обучаемая переменная";
  let roleRu = "То, что меняет обучение: веса, смещения, вложения.";
  let example = [{
    asg.param @weight : tensor<2xf32> init "normal(std = 0.02)" doc "scales every feature"
    asg.graph @f() -> (tensor<2xf32> {asg.name = "y"}) {
      %y = asg.read @weight : tensor<2xf32>
      asg.return %y : tensor<2xf32>
    }
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<Asg_Tensor>:$type,
      OptionalAttr<StrAttr>:$init, OptionalAttr<StrAttr>:$doc);
  let assemblyFormat = "$sym_name `:` $type (`init` $init^)? (`doc` $doc^)? attr-dict";
  let hasVerifier = 1;
}

def Asg_StateOp : Asg_StructuralOp<"state", [Symbol]> {
  let summary = "a variable that is not trained: running statistics, moments, step, seed";
  let role = "What a model remembers besides its weights: running statistics, moments, step, seed.";
  let summaryRu = "необучаемая переменная: скользящие статистики, моменты, шаг, зерно";
  let roleRu = "То, что модель помнит кроме весов: скользящие статистики, моменты, шаг, зерно.";
  let example = [{
    asg.state @count : tensor<i64> role "step"
    asg.graph @tick() -> (tensor<i64> {asg.name = "y"}) {
      %count = asg.read @count : tensor<i64>
      %one = asg.constant dense<1> : tensor<i64>
      %next = asg.add %count, %one : tensor<i64>
      asg.assign @count, %next : tensor<i64>
      asg.return %count : tensor<i64>
    }
  }];
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
  let role = "Brings a weight into the computation.";
  let summaryRu = "значение переменной в начале графа";
  let roleRu = "Вводит вес в вычисление.";
  let example = [{
    asg.param @weight : tensor<2xf32> init "normal(std = 0.02)" doc "scales every feature"
    asg.graph @f() -> (tensor<2xf32> {asg.name = "y"}) {
      %y = asg.read @weight : tensor<2xf32>
      asg.return %y : tensor<2xf32>
    }
  }];
  let arguments = (ins FlatSymbolRefAttr:$variable);
  let results = (outs Asg_Tensor:$y);
  let assemblyFormat = "$variable attr-dict `:` type($y)";
}

def Asg_AssignOp : Asg_StructuralOp<"assign", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the value that a variable gets when the graph ends";
  let formula = "variable ← value";
  let role = "Ends a step: the new weights, moments and statistics.";
  let summaryRu = "значение, которое переменная получит в конце графа";
  let roleRu = "Завершает шаг: новые веса, моменты и статистики.";
  let example = [{
    asg.state @count : tensor<i64> role "step"
    asg.graph @tick() -> (tensor<i64> {asg.name = "y"}) {
      %count = asg.read @count : tensor<i64>
      %one = asg.constant dense<1> : tensor<i64>
      %next = asg.add %count, %one : tensor<i64>
      asg.assign @count, %next : tensor<i64>
      asg.return %count : tensor<i64>
    }
  }];
  let arguments = (ins FlatSymbolRefAttr:$variable, Asg_Tensor:$value);
  let assemblyFormat = "$variable `,` $value attr-dict `:` type($value)";
}

def Asg_LayerOp : Asg_StructuralOp<"layer", [SingleBlock, RecursiveMemoryEffects, NoRegionArguments]> {
  let summary = "one instance of a block of the language";
  let role = "Remembers which block of the model text some ops came from, for messages and the viewer.";
  let summaryRu = "один экземпляр блока языка";
  let roleRu = "Помнит, из какого блока текста модели взялись операции, — для сообщений и просмотра.";
  let example = [{
    asg.graph @f(%x: tensor<2xf32> {asg.name = "x"}) -> (tensor<2xf32> {asg.name = "y"}) {
      %y = asg.layer "body.0" block "square" -> tensor<2xf32> {
        %z = asg.mul %x, %x : tensor<2xf32>
        asg.yield %z : tensor<2xf32>
      }
      asg.return %y : tensor<2xf32>
    }
  }];
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
  let role = "Keeps intermediate values in registers instead of memory.";
  let summaryRu = "операции, которые станут одним ядром";
  let roleRu = "Держит промежуточные значения в регистрах, а не в памяти.";
  let example = [{
    asg.graph @f(%x: tensor<2xf32> {asg.name = "x"}) -> (tensor<2xf32> {asg.name = "y"}) {
      %y = asg.fusion "map" -> tensor<2xf32> {
        %z = asg.exp %x : tensor<2xf32>
        %w = asg.add %z, %x : tensor<2xf32>
        asg.yield %w : tensor<2xf32>
      }
      asg.return %y : tensor<2xf32>
    }
  }];
  let description = [{
    The region captures values from outside. `kind` is the template:
    - map: elementwise ops and the views they read through;
    - row: reductions over the innermost axes and everything that shares the rows;
    - reduce: reductions over any axes and what they are computed from;
    - update: equal elementwise programs over different tensors;
    - contraction: one dot or conv2d, then bias, residual and activation.
    The ops of the first four are elementwise ops, layout ops, constants, draws,
    reductions, and gathers of one element a row (`batchDims` = rank of the indices),
    whose first operand is captured. `analyzeFusion` (asgc/Fusion.h) gives the
    iteration space and the index maps, `analyzeContraction` the parts of the fifth.

    `segments` parts of equal length, in order, make up an `update` and may make up a
    `reduce`: the same ops in the same order, over tensors of different shapes read
    and written at the same place, and with the same scalars. A reduction in segments
    joins all elements of its tensor.
  }];
  let arguments = (ins StrAttr:$kind, OptionalAttr<I64Attr>:$segments);
  let results = (outs Variadic<Asg_Tensor>:$values);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$kind (`->` type($values)^)? $body attr-dict";
  let hasVerifier = 1;
}

def Asg_YieldOp : Asg_StructuralOp<"yield", [Pure, Terminator,
    ParentOneOf<["LayerOp", "FusionOp"]>]> {
  let summary = "the results of a layer or a fusion";
  let role = "Names what a layer or a fusion gives back.";
  let summaryRu = "результаты слоя или слияния";
  let roleRu = "Называет то, что возвращает слой или слияние.";
  let example = [{
    asg.graph @f(%x: tensor<2xf32> {asg.name = "x"}) -> (tensor<2xf32> {asg.name = "y"}) {
      %y = asg.fusion "map" -> tensor<2xf32> {
        %z = asg.exp %x : tensor<2xf32>
        %w = asg.add %z, %x : tensor<2xf32>
        asg.yield %w : tensor<2xf32>
      }
      asg.return %y : tensor<2xf32>
    }
  }];
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
  let role = "Asks for the gradient, wherever in the graph: training steps, penalties on gradients.";
  let summaryRu = "производная скаляра по значениям, из которых он вычислен";
  let roleRu = "Запрашивает градиент в любом месте графа: шаги обучения, штрафы на градиент.";
  let example = [{
    %square = asg.mul %x, %x : tensor<3xf32>
    %loss = asg.reduce_sum %square axes [0] : (tensor<3xf32>) -> tensor<f32>
    %dx = asg.gradient %loss wrt %x : (tensor<f32>, tensor<3xf32>) -> tensor<3xf32>
  }];
  let arguments = (ins Asg_FloatTensor:$loss, Variadic<Asg_FloatTensor>:$wrt, UnitAttr:$allowUnused);
  let results = (outs Variadic<Asg_FloatTensor>:$gradients);
  let assemblyFormat = [{
    $loss `wrt` $wrt (`allow_unused` $allowUnused^)? attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif
