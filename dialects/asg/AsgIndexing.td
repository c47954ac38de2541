//===- AsgIndexing.td - Elements named by other elements ------------------===//
#ifndef ASG_INDEXING
#define ASG_INDEXING

include "dialects/asg/AsgBase.td"

def Asg_GatherOp : Asg_DifferentiableOp<"gather", [Asg_InferTypes]> {
  let summary = "takes the slices of x that the indices name along an axis";
  let description = [{
    The first `batchDims` axes of x and indices go together. The result's shape is
    x.shape[:axis] + indices.shape[batchDims:] + x.shape[axis + 1:]. An index
    below 0 or beyond the axis is clamped into it. batchDims ≤ axis.
  }];
  let category = "indexing";
  let formula = "y[b, o, i, r] = x[b, o, indices[b, i], r]";
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
  let arguments = (ins Asg_FloatTensor:$x, Asg_IndexTensor:$indices, I64Attr:$axis, I64Attr:$batchDims);
  let results = (outs Asg_FloatTensor:$y);
  let assemblyFormat = [{
    $x `,` $indices `axis` $axis `batch_dims` $batchDims attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif
