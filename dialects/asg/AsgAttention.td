//===- AsgAttention.td - Attention as one op -----------------------------===//
#ifndef ASG_ATTENTION
#define ASG_ATTENTION

include "dialects/asg/AsgBase.td"

def Asg_AttentionOp : Asg_InferredOp<"attention"> {
  let summary = "mean of values, weighted by the likeness of queries and keys";
  let description = [{
    q [batch…, m, d], k [batch…, n, d], v [batch…, n, e], y [batch…, m, e]. With
    `causal`, query i looks at the keys j ≤ i only. `lse` [batch…, m] has the logarithm
    of what each query's weights are divided by, all that a gradient needs of them; it
    is f32 also for narrower operands. Values at keys that a query may not look at must
    be finite.

    Models write products and a softmax; asg-attention makes this of them.
  }];
  let category = "contraction";
  let formula = "y = softmax(scale · q · kᵀ) · v";
  let role = "Lets any place of a sequence read any other, without a matrix of weights in memory.";
  let summaryRu = "среднее значений, взвешенное сходством запросов и ключей";
  let roleRu = "Любое место последовательности читает любое другое, без матрицы весов в памяти.";
  let example = [{%y, %lse = asg.attention %q, %k, %v scale 0.5 causal : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<2x3xf32>)}];
  let cases = [
    [{%y, %lse = asg.attention %q, %k, %v scale 1.0 : (tensor<5x3xf32>, tensor<7x3xf32>, tensor<7x2xf32>) -> (tensor<5x2xf32>, tensor<5xf32>)}],
    [{%y, %lse = asg.attention %q, %k, %v scale 0.5 causal : (tensor<2x?x4xf32, #asg.dims<2, n, 4>>, tensor<2x?x4xf32, #asg.dims<2, n, 4>>, tensor<2x?x4xf32, #asg.dims<2, n, 4>>) -> (tensor<2x?x4xf32, #asg.dims<2, n, 4>>, tensor<2x?xf32, #asg.dims<2, n>>)}]];
  let arguments = (ins Asg_FloatTensor:$q, Asg_FloatTensor:$k, Asg_FloatTensor:$v,
      F64Attr:$scale, UnitAttr:$causal);
  let results = (outs Asg_FloatTensor:$y, Asg_FloatTensor:$lse);
  let assemblyFormat = [{
    $q `,` $k `,` $v `scale` $scale (`causal` $causal^)? attr-dict
    `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    /// The results, composed of products and elementwise ops.
    ::llvm::SmallVector<::mlir::Value> expand(::mlir::OpBuilder &builder);
  }];
}

def Asg_AttentionGradOp : Asg_InferredOp<"attention_grad"> {
  let summary = "cotangents of an attention's queries, keys and values";
  let description = [{
    Shapes as in asg.attention, dy as y; delta [batch…, m] is Σ dy · y over the last axis.
    The weights are made again: w = exp(scale · q · kᵀ − lse).
  }];
  let category = "contraction";
  let formula = "dv = wᵀ · dy; ds = w · (dy · vᵀ − delta); dq = scale · ds · k; dk = scale · dsᵀ · q";
  let role = "Sends the gradient of an attention back, without a matrix of weights in memory.";
  let summaryRu = "котангенсы запросов, ключей и значений внимания";
  let roleRu = "Возвращает градиент внимания назад, без матрицы весов в памяти.";
  let example = [{%dq, %dk, %dv = asg.attention_grad %q, %k, %v, %dy, %lse, %delta scale 0.5 causal : (tensor<2x3x2xf32>, tensor<2x3x2xf32>, tensor<2x3x2xf32>, tensor<2x3x2xf32>, tensor<2x3xf32>, tensor<2x3xf32>) -> (tensor<2x3x2xf32>, tensor<2x3x2xf32>, tensor<2x3x2xf32>)}];
  let cases = [
    [{%dq, %dk, %dv = asg.attention_grad %q, %k, %v, %dy, %lse, %delta scale 1.0 : (tensor<3x2xf32>, tensor<4x2xf32>, tensor<4x3xf32>, tensor<3x3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<3x2xf32>, tensor<4x2xf32>, tensor<4x3xf32>)}]];
  let domain = "-1:1";
  let arguments = (ins Asg_FloatTensor:$q, Asg_FloatTensor:$k, Asg_FloatTensor:$v,
      Asg_FloatTensor:$dy, Asg_FloatTensor:$lse, Asg_FloatTensor:$delta,
      F64Attr:$scale, UnitAttr:$causal);
  let results = (outs Asg_FloatTensor:$dq, Asg_FloatTensor:$dk, Asg_FloatTensor:$dv);
  let assemblyFormat = [{
    $q `,` $k `,` $v `,` $dy `,` $lse `,` $delta `scale` $scale (`causal` $causal^)? attr-dict
    `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    /// The results, composed of products and elementwise ops.
    ::llvm::SmallVector<::mlir::Value> expand(::mlir::OpBuilder &builder);
  }];
}

#endif
