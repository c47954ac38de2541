//===- AsgLayout.td - The same elements, arranged otherwise ---------------===//
#ifndef ASG_LAYOUT
#define ASG_LAYOUT

include "dialects/asg/AsgBase.td"

def Asg_ReshapeOp : Asg_DifferentiableOp<"reshape"> {
  let summary = "the same elements in row-major order under another shape";
  let category = "layout";
  let formula = "y = x, seen with other extents";
  let role = "Flattens images for a linear layer, splits features into heads.";
  let summaryRu = "те же элементы в построчном порядке под другой формой";
  let roleRu = "Разворачивает изображения для линейного слоя, делит признаки на головы.";
  let example = [{%y = asg.reshape %x : tensor<2x3x2xf32> to tensor<2x6xf32>}];
  let cases = [
    [{%y = asg.reshape %x : tensor<?x4xf32, #asg.dims<n, 4>> to tensor<2x?xf32, #asg.dims<2, "2*n">>}]];
  let arguments = (ins Asg_Tensor:$x);
  let results = (outs Asg_Tensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `to` type($y)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Asg_TransposeOp : Asg_InferredOp<"transpose"> {
  let summary = "permutes the axes: axis i of the result is axis perm[i] of x";
  let category = "layout";
  let formula = "y[i₀, i₁, …] = x[…], axis k of y = axis perm[k] of x";
  let role = "Brings heads before positions, or turns a weight for a product.";
  let summaryRu = "переставляет оси: ось i результата — это ось perm[i] входа";
  let roleRu = "Ставит головы перед позициями или поворачивает веса для произведения.";
  let example = [{%y = asg.transpose %x perm [1, 0] : (tensor<2x3xf32>) -> tensor<3x2xf32>}];
  let cases = [
    [{%y = asg.transpose %x perm [2, 0, 1] : (tensor<2x3x?xf32, #asg.dims<2, 3, n>>) -> tensor<?x2x3xf32, #asg.dims<n, 2, 3>>}]];
  let arguments = (ins Asg_Tensor:$x, DenseI64ArrayAttr:$perm);
  let results = (outs Asg_Tensor:$y);
  let assemblyFormat = "$x `perm` $perm attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Asg_BroadcastOp : Asg_DifferentiableOp<"broadcast"> {
  let summary = "repeats x along new axes or axes of extent 1";
  let description = [{
    Axis i of x is axis `dims[i]` of the result (strictly rising); its extent is
    the result's, or 1 and then repeated. The other axes of the result are new.
  }];
  let category = "layout";
  let formula = "y[…, i, …] = x[i]";
  let role = "Gives every row the same bias, every element the same factor.";
  let summaryRu = "повторяет x вдоль новых осей или осей размера 1";
  let roleRu = "Даёт каждой строке то же смещение, каждому элементу тот же множитель.";
  let example = [{%y = asg.broadcast %x dims [1] : (tensor<3xf32>) -> tensor<2x3xf32>}];
  let cases = [
    [{%y = asg.broadcast %x dims [0, 2] : (tensor<2x1xf32>) -> tensor<2x3x4xf32>}],
    [{%y = asg.broadcast %x dims [1, 2] : (tensor<1x2xf32>) -> tensor<3x1x2xf32>}]];
  let arguments = (ins Asg_Tensor:$x, DenseI64ArrayAttr:$dims);
  let results = (outs Asg_Tensor:$y);
  let assemblyFormat = "$x `dims` $dims attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Asg_SliceOp : Asg_DifferentiableOp<"slice"> {
  let summary = "every stride-th element from a start, along each axis";
  let description = [{
    The extents are the result type's. A negative start counts from the end of
    its axis (−1 is the last element), for axes known only at run time.
  }];
  let category = "layout";
  let formula = "y[i] = x[start + stride · i]";
  let role = "Picks parts: heads, gates, the last position, a window of a sequence.";
  let summaryRu = "каждый stride-й элемент от начала вдоль каждой оси";
  let roleRu = "Выбирает части: головы, вентили, последнюю позицию, окно последовательности.";
  let example = [{%y = asg.slice %x starts [1, 0] strides [1, 2] : (tensor<3x5xf32>) -> tensor<2x3xf32>}];
  let cases = [
    [{%y = asg.slice %x starts [-1, 0] strides [1, 1] : (tensor<?x3xf32, #asg.dims<n, 3>>) -> tensor<1x3xf32>}],
    [{%y = asg.slice %x starts [1] strides [1] : (tensor<?xf32, #asg.dims<n>>) -> tensor<?xf32, #asg.dims<"n - 1">>}],
    [{%y = asg.slice %x starts [0, 1] strides [2, 1] : (tensor<?x3xf32, #asg.dims<n, 3>>) -> tensor<?x2xf32, #asg.dims<"((n + 1) floordiv 2)", 2>>}]];
  let arguments = (ins Asg_Tensor:$x, DenseI64ArrayAttr:$starts, DenseI64ArrayAttr:$strides);
  let results = (outs Asg_Tensor:$y);
  let assemblyFormat = [{
    $x `starts` $starts `strides` $strides attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Asg_PadOp : Asg_InferredOp<"pad"> {
  let summary = "adds a constant before, after and between elements, along each axis";
  let description = [{
    Extent: low + high + n + (n − 1) · interior (n ≥ 1). low, high and interior
    are not negative.
  }];
  let category = "layout";
  let formula = "y[low + i · (interior + 1)] = x[i], value elsewhere";
  let role = "Keeps the size of an image through a convolution; shifts a sequence.";
  let summaryRu = "добавляет константу до, после и между элементами вдоль каждой оси";
  let roleRu = "Сохраняет размер изображения при свёртке; сдвигает последовательность.";
  let example = [{%y = asg.pad %x low [1, 0] high [0, 2] interior [1, 0] value 0.5 : (tensor<2x3xf32>) -> tensor<4x5xf32>}];
  let cases = [
    [{%y = asg.pad %x low [1] high [2] interior [2] value 0.0 : (tensor<?xf32, #asg.dims<n>>) -> tensor<?xf32, #asg.dims<"3*n + 1">>}],
    [{%y = asg.pad %x low [1] high [0] interior [0] value 7.0 : (tensor<3xi32>) -> tensor<4xi32>}]];
  let arguments = (ins Asg_Tensor:$x, DenseI64ArrayAttr:$low, DenseI64ArrayAttr:$high,
      DenseI64ArrayAttr:$interior, F64Attr:$value);
  let results = (outs Asg_Tensor:$y);
  let assemblyFormat = [{
    $x `low` $low `high` $high `interior` $interior `value` $value attr-dict
    `:` functional-type(operands, results)
  }];
}

def Asg_ConcatOp : Asg_InferredOp<"concat"> {
  let summary = "joins tensors along an axis";
  let category = "layout";
  let formula = "y = [x₀; x₁; …]";
  let role = "Joins features of several branches; appends to a cache.";
  let summaryRu = "соединяет тензоры вдоль оси";
  let roleRu = "Соединяет признаки нескольких ветвей; дописывает в кэш.";
  let example = [{%y = asg.concat %x, %z axis 1 : (tensor<2x1xf32>, tensor<2x3xf32>) -> tensor<2x4xf32>}];
  let cases = [
    [{%y = asg.concat %x, %z, %w axis 0 : (tensor<?xf32, #asg.dims<n>>, tensor<?xf32, #asg.dims<m>>, tensor<?xf32, #asg.dims<n>>) -> tensor<?xf32, #asg.dims<"m + 2*n">>}]];
  let arguments = (ins Variadic<Asg_Tensor>:$xs, I64Attr:$axis);
  let results = (outs Asg_Tensor:$y);
  let assemblyFormat = "$xs `axis` $axis attr-dict `:` functional-type(operands, results)";
}

#endif
