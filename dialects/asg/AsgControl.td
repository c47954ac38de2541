//===- AsgControl.td - What is decided while a program runs ---------------===//
#ifndef ASG_CONTROL
#define ASG_CONTROL

include "dialects/asg/AsgBase.td"

/// Ops over graphs that are called, not entered: `private` ones, each before the
/// graphs that use it, so that none calls itself. They have no gradient.
class Asg_ControlOp<string mnemonic, list<Trait> traits = []>
    : Asg_Op<mnemonic, !listconcat(traits, [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>])> {
  let category = "structural";
  let hasVerifier = 1;
}

def Asg_LoopOp : Asg_ControlOp<"loop", [AttrSizedOperandSegments]> {
  let summary = "a graph applied to its own results, as often as run time says";
  let description = [{
    ```
    carried = inits
    for i = 0; i < count and condition; i += 1:
      condition, carried, collected[i] = body(i, carried, invariants)
    ```
    Without `count` only the condition ends it, without `condition` only the count,
    and the body then gives no condition. A count below 1 is no step at all.

    Results beyond those of `inits` are collected: each step gives one element of
    their first axis. All have the same extent there, which bounds the number of steps
    as a count does; what no step gave is zero.
  }];
  let formula = "h ← f(i, h, x) while i < n and c";
  let role = "Iteration until something is found or settled, and sequences whose length only the data know.";
  let summaryRu = "граф, применяемый к собственным результатам столько раз, сколько выяснится при выполнении";
  let roleRu = "Итерации до нахождения или сходимости и последовательности, длину которых знают только данные.";
  let example = [{
    asg.graph private @grow(%i: tensor<i64> {asg.name = "i"}, %x: tensor<2xf32> {asg.name = "x"},
        %step: tensor<2xf32> {asg.name = "step"})
        -> (tensor<i1> {asg.name = "goes_on"}, tensor<2xf32> {asg.name = "y"}) {
      %y = asg.add %x, %step : tensor<2xf32>
      %sum = asg.reduce_sum %y axes [0] : (tensor<2xf32>) -> tensor<f32>
      %limit = asg.constant dense<100.0> : tensor<f32>
      %goes_on = asg.compare lt, %sum, %limit : tensor<f32>
      asg.return %goes_on, %y : tensor<i1>, tensor<2xf32>
    }
    asg.graph @f(%n: tensor<i64> {asg.name = "n"}, %x: tensor<2xf32> {asg.name = "x"})
        -> (tensor<2xf32> {asg.name = "y"}) {
      %start = asg.constant dense<true> : tensor<i1>
      %y = asg.loop @grow count %n while %start (%x) with (%x)
        : (tensor<i64>, tensor<i1>, tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
      asg.return %y : tensor<2xf32>
    }
  }];
  let cases = [
    // Only a count; run-time extents, a variable, values that change places.
    [{
      asg.param @w : tensor<3xf32>
      asg.graph private @body(%i: tensor<i64> {asg.name = "i"},
          %a: tensor<?x3xf32, #asg.dims<n, 3>> {asg.name = "a"}, %b: tensor<?x3xf32, #asg.dims<n, 3>> {asg.name = "b"})
          -> (tensor<?x3xf32, #asg.dims<n, 3>> {asg.name = "c"}, tensor<?x3xf32, #asg.dims<n, 3>> {asg.name = "d"}) dims = {n = 5} {
        %w = asg.read @w : tensor<3xf32>
        %wide = asg.broadcast %w dims [1] : (tensor<3xf32>) -> tensor<?x3xf32, #asg.dims<n, 3>>
        %c = asg.add %a, %wide : tensor<?x3xf32, #asg.dims<n, 3>>
        asg.return %b, %c : tensor<?x3xf32, #asg.dims<n, 3>>, tensor<?x3xf32, #asg.dims<n, 3>>
      }
      asg.graph @f(%n: tensor<i64> {asg.name = "count"}, %x: tensor<?x3xf32, #asg.dims<n, 3>> {asg.name = "x"})
          -> (tensor<?x3xf32, #asg.dims<n, 3>> {asg.name = "y"}, tensor<?x3xf32, #asg.dims<n, 3>> {asg.name = "z"}) dims = {n = 5} {
        %t = asg.tanh %x : tensor<?x3xf32, #asg.dims<n, 3>>
        %y:2 = asg.loop @body count %n (%x, %t)
          : (tensor<i64>, tensor<?x3xf32, #asg.dims<n, 3>>, tensor<?x3xf32, #asg.dims<n, 3>>)
          -> (tensor<?x3xf32, #asg.dims<n, 3>>, tensor<?x3xf32, #asg.dims<n, 3>>)
        asg.return %y#0, %y#1 : tensor<?x3xf32, #asg.dims<n, 3>>, tensor<?x3xf32, #asg.dims<n, 3>>
      }
    }],
    // Collected rows of a run-time extent; the condition ends it before the last.
    [{
      asg.graph private @body(%i: tensor<i64> {asg.name = "i"}, %h: tensor<3xf32> {asg.name = "h"},
          %x: tensor<?x3xf32, #asg.dims<n, 3>> {asg.name = "x"})
          -> (tensor<i1> {asg.name = "goes_on"}, tensor<3xf32> {asg.name = "next"}, tensor<3xf32> {asg.name = "row"},
              tensor<i64> {asg.name = "square"}) dims = {n = 5} {
        %row = asg.gather %x, %i axis 0 batch_dims 0 : (tensor<?x3xf32, #asg.dims<n, 3>>, tensor<i64>) -> tensor<3xf32>
        %next = asg.add %h, %row : tensor<3xf32>
        %y = asg.tanh %next : tensor<3xf32>
        %square = asg.mul %i, %i : tensor<i64>
        %limit = asg.constant dense<2> : tensor<i64>
        %goes_on = asg.compare lt, %i, %limit : tensor<i64>
        asg.return %goes_on, %next, %y, %square : tensor<i1>, tensor<3xf32>, tensor<3xf32>, tensor<i64>
      }
      asg.graph @f(%c: tensor<i1> {asg.name = "c"}, %h: tensor<3xf32> {asg.name = "h"},
          %x: tensor<?x3xf32, #asg.dims<n, 3>> {asg.name = "x"})
          -> (tensor<3xf32> {asg.name = "last"}, tensor<?x3xf32, #asg.dims<n, 3>> {asg.name = "rows"},
              tensor<?xi64, #asg.dims<n>> {asg.name = "squares"}) dims = {n = 5} {
        %y:3 = asg.loop @body while %c (%h) with (%x)
          : (tensor<i1>, tensor<3xf32>, tensor<?x3xf32, #asg.dims<n, 3>>)
          -> (tensor<3xf32>, tensor<?x3xf32, #asg.dims<n, 3>>, tensor<?xi64, #asg.dims<n>>)
        asg.return %y#0, %y#1, %y#2 : tensor<3xf32>, tensor<?x3xf32, #asg.dims<n, 3>>, tensor<?xi64, #asg.dims<n>>
      }
    }],
    // A loop in a loop, of integers, by the number of the step.
    [{
      asg.graph private @inner(%j: tensor<i64> {asg.name = "j"}, %s: tensor<i64> {asg.name = "s"}) -> (tensor<i64> {asg.name = "t"}) {
        %t = asg.add %s, %j : tensor<i64>
        asg.return %t : tensor<i64>
      }
      asg.graph private @outer(%i: tensor<i64> {asg.name = "i"}, %s: tensor<i64> {asg.name = "s"}, %n: tensor<i64> {asg.name = "n"})
          -> (tensor<i64> {asg.name = "t"}) {
        %many = asg.add %i, %n : tensor<i64>
        %turned = asg.neg %s : tensor<i64>
        %t = asg.loop @inner count %many (%turned) : (tensor<i64>, tensor<i64>) -> tensor<i64>
        asg.return %t : tensor<i64>
      }
      asg.graph @f(%n: tensor<i64> {asg.name = "n"}) -> (tensor<i64> {asg.name = "y"}) {
        %y = asg.loop @outer count %n (%n) with (%n) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<i64>
        asg.return %y : tensor<i64>
      }
    }]];
  let arguments = (ins FlatSymbolRefAttr:$body, Optional<Asg_Tensor>:$count,
      Optional<Asg_Tensor>:$condition, Variadic<Asg_Tensor>:$inits,
      Variadic<Asg_Tensor>:$invariants);
  let results = (outs Variadic<Asg_Tensor>:$values);
  let assemblyFormat = [{
    $body (`count` $count^)? (`while` $condition^)? ` ` `(` $inits `)`
    (`with` ` ` `(` $invariants^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    mlir::ResultRange getCarried() { return getValues().take_front(getInits().size()); }
    mlir::ResultRange getCollected() { return getValues().drop_front(getInits().size()); }
    /// The most steps that fit what is collected; none if nothing is.
    std::optional<DimExpr> getPlaces();
    /// What each step gives of value `index`.
    mlir::RankedTensorType getStepType(size_t index);
  }];
}

def Asg_IfOp : Asg_ControlOp<"if"> {
  let summary = "one of two graphs, as run time says";
  let description = [{
    Both take the same operands and give results of the same types. Only the chosen one
    is computed; `asg.select` computes both of its operands.
  }];
  let formula = "y = f(x) if c, else g(x)";
  let role = "Work that only some inputs need.";
  let summaryRu = "один из двух графов, какой — выяснится при выполнении";
  let roleRu = "Работа, которая нужна не всем входам.";
  let example = [{
    asg.graph private @twice(%x: tensor<2xf32> {asg.name = "x"}) -> (tensor<2xf32> {asg.name = "y"}) {
      %y = asg.add %x, %x : tensor<2xf32>
      asg.return %y : tensor<2xf32>
    }
    asg.graph private @same(%x: tensor<2xf32> {asg.name = "x"}) -> (tensor<2xf32> {asg.name = "y"}) {
      asg.return %x : tensor<2xf32>
    }
    asg.graph @f(%c: tensor<i1> {asg.name = "c"}, %x: tensor<2xf32> {asg.name = "x"})
        -> (tensor<2xf32> {asg.name = "y"}) {
      %y = asg.if %c then @twice else @same (%x) : (tensor<i1>, tensor<2xf32>) -> tensor<2xf32>
      asg.return %y : tensor<2xf32>
    }
  }];
  let arguments = (ins Asg_BoolTensor:$condition, FlatSymbolRefAttr:$thenBody,
      FlatSymbolRefAttr:$elseBody, Variadic<Asg_Tensor>:$inputs);
  let results = (outs Variadic<Asg_Tensor>:$values);
  let assemblyFormat = [{
    $condition `then` $thenBody `else` $elseBody ` ` `(` $inputs `)` attr-dict
    `:` functional-type(operands, results)
  }];
}

#endif
