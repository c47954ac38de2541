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
      condition, carried = body(i, carried, invariants)
    ```
    Without `count` only the condition ends it, without `condition` only the count,
    and the body then gives no condition. A count below 1 is no step at all.
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
