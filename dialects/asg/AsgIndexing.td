//===- AsgIndexing.td - Elements named by other elements ------------------===//
#ifndef ASG_INDEXING
#define ASG_INDEXING

include "dialects/asg/AsgBase.td"

def Asg_GatherOp : Asg_InferredOp<"gather"> {
  let summary = "takes the slices of x that the indices name along an axis";
  let description = [{
    The first `batchDims` axes of x and indices go together. The result's shape is
    x.shape[:axis] + indices.shape[batchDims:] + x.shape[axis + 1:]. An index
    below 0 or beyond the axis is clamped into it. batchDims ≤ axis.
  }];
  let category = "indexing";
  let formula = "y[b, o, i, r] = x[b, o, indices[b, i], r]";
  let role = "Looks words up in an embedding; picks the score of the right class.";
  let summaryRu = "берёт срезы x, названные индексами вдоль оси";
  let roleRu = "Находит слова в таблице вложений; выбирает оценку верного класса.";
  let example = [{%y = asg.gather %x, %indices axis 0 batch_dims 0 : (tensor<4x3xf32>, tensor<2xi32>) -> tensor<2x3xf32>}];
  let cases = [
    [{%y = asg.gather %x, %indices axis 2 batch_dims 1 : (tensor<2x3x4x2xf32>, tensor<2x3xi64>) -> tensor<2x3x3x2xf32>}],
    [{%y = asg.gather %x, %indices axis 1 batch_dims 1 : (tensor<?x4xf32, #asg.dims<n, 4>>, tensor<?xi32, #asg.dims<n>>) -> tensor<?xf32, #asg.dims<n>>}]];
  let arguments = (ins Asg_Tensor:$x, Asg_IndexTensor:$indices, I64Attr:$axis, I64Attr:$batchDims);
  let results = (outs Asg_Tensor:$y);
  let assemblyFormat = [{
    $x `,` $indices `axis` $axis `batch_dims` $batchDims attr-dict
    `:` functional-type(operands, results)
  }];
}

def Asg_ScatterAddOp : Asg_DifferentiableOp<"scatter_add"> {
  let summary = "adds slices into zeros at the places that the indices name along an axis";
  let description = "The transpose of asg.gather, with the same clamping; sums in index order.";
  let category = "indexing";
  let formula = "y[b, o, indices[b, i], r] += x[b, o, i, r]";
  let role = "The gradient of an embedding: every use of a word adds to its row.";
  let summaryRu = "прибавляет срезы к нулям на местах, названных индексами вдоль оси";
  let roleRu = "Градиент вложений: каждое употребление слова прибавляется к его строке.";
  let example = [{%y = asg.scatter_add %x, %indices axis 0 batch_dims 0 : (tensor<3x2xf32>, tensor<3xi32>) -> tensor<4x2xf32>}];
  let cases = [
    [{%y = asg.scatter_add %x, %indices axis 2 batch_dims 1 : (tensor<2x3x3x2xf32>, tensor<2x3xi64>) -> tensor<2x3x4x2xf32>}]];
  let arguments = (ins Asg_FloatTensor:$x, Asg_IndexTensor:$indices, I64Attr:$axis, I64Attr:$batchDims);
  let results = (outs Asg_FloatTensor:$y);
  let assemblyFormat = [{
    $x `,` $indices `axis` $axis `batch_dims` $batchDims attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif
