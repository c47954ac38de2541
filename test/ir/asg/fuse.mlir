// RUN: asgc-opt %s --split-input-file --asg-fuse --asg-verify | FileCheck %s

// A chain of elementwise ops is one map; a value that others need is written, too.
// CHECK-LABEL: asg.graph @chain
asg.graph @chain(%x: tensor<4x8xf32> {asg.name = "x"}, %b: tensor<8xf32> {asg.name = "b"})
    -> (tensor<4x8xf32> {asg.name = "y"}, tensor<4x8xf32> {asg.name = "z"}) {
  // CHECK-NEXT: %[[F:.*]]:2 = asg.fusion "map" -> tensor<4x8xf32>, tensor<4x8xf32> {
  // CHECK-NEXT:   %[[B:.*]] = asg.broadcast %{{.*}} dims [1]
  // CHECK-NEXT:   %[[A:.*]] = asg.add %{{.*}}, %[[B]]
  // CHECK-NEXT:   %[[E:.*]] = asg.exp %[[A]]
  // CHECK-NEXT:   asg.yield %[[A]], %[[E]]
  // CHECK-NEXT: }
  // CHECK-NEXT: asg.return %[[F]]#0, %[[F]]#1
  %0 = asg.broadcast %b dims [1] : (tensor<8xf32>) -> tensor<4x8xf32>
  %1 = asg.add %x, %0 : tensor<4x8xf32>
  %2 = asg.exp %1 : tensor<4x8xf32>
  asg.return %1, %2 : tensor<4x8xf32>, tensor<4x8xf32>
}

// -----

// Softmax over rows is one kernel.
// CHECK-LABEL: asg.graph @softmax
asg.graph @softmax(%x: tensor<4x8xf32> {asg.name = "x"}) -> (tensor<4x8xf32> {asg.name = "y"}) {
  // CHECK-NEXT: asg.fusion "row" -> tensor<4x8xf32> {
  // CHECK:      asg.reduce_max
  // CHECK:      asg.reduce_sum
  // CHECK:      asg.div
  // CHECK:      }
  // CHECK-NEXT: asg.return
  %m = asg.reduce_max %x axes [1] : (tensor<4x8xf32>) -> tensor<4xf32>
  %mb = asg.broadcast %m dims [0] : (tensor<4xf32>) -> tensor<4x8xf32>
  %c = asg.sub %x, %mb : tensor<4x8xf32>
  %e = asg.exp %c : tensor<4x8xf32>
  %s = asg.reduce_sum %e axes [1] : (tensor<4x8xf32>) -> tensor<4xf32>
  %sb = asg.broadcast %s dims [0] : (tensor<4xf32>) -> tensor<4x8xf32>
  %y = asg.div %e, %sb : tensor<4x8xf32>
  asg.return %y : tensor<4x8xf32>
}

// -----

// Over another axis the same is three kernels: the maximum, the sum, the quotient. The
// exponential is made twice: it is cheaper than to write and read it.
// CHECK-LABEL: asg.graph @columns
asg.graph @columns(%x: tensor<4x8xf32> {asg.name = "x"}) -> (tensor<4x8xf32> {asg.name = "y"}) {
  // CHECK:      asg.fusion "reduce" -> tensor<8xf32>
  // CHECK:      asg.fusion "reduce" -> tensor<8xf32>
  // CHECK:        asg.exp
  // CHECK:      asg.fusion "map" -> tensor<4x8xf32>
  // CHECK-NOT:  asg.fusion
  // CHECK:      asg.return
  %m = asg.reduce_max %x axes [0] : (tensor<4x8xf32>) -> tensor<8xf32>
  %mb = asg.broadcast %m dims [1] : (tensor<8xf32>) -> tensor<4x8xf32>
  %c = asg.sub %x, %mb : tensor<4x8xf32>
  %e = asg.exp %c : tensor<4x8xf32>
  %s = asg.reduce_sum %e axes [0] : (tensor<4x8xf32>) -> tensor<8xf32>
  %sb = asg.broadcast %s dims [1] : (tensor<8xf32>) -> tensor<4x8xf32>
  %y = asg.div %e, %sb : tensor<4x8xf32>
  asg.return %y : tensor<4x8xf32>
}

// -----

// A dot takes in bias, residual and activation; a transposed operand stays a view.
// CHECK-LABEL: asg.graph @epilogue
// CHECK-SAME:    (%[[X:.*]]: tensor<4x8xf32> {{.*}}, %[[W:.*]]: tensor<6x8xf32> {{.*}}, %[[B:.*]]: tensor<6xf32> {{.*}}, %[[R:.*]]: tensor<4x6xf32>
asg.graph @epilogue(%x: tensor<4x8xf32> {asg.name = "x"}, %w: tensor<6x8xf32> {asg.name = "w"}, %b: tensor<6xf32> {asg.name = "b"}, %r: tensor<4x6xf32> {asg.name = "r"})
    -> (tensor<4x6xf32> {asg.name = "y"}) {
  // CHECK-NEXT: %[[T:.*]] = asg.transpose %[[W]]
  // CHECK-NEXT: %[[Y:.*]] = asg.fusion "contraction" -> tensor<4x6xf32> {
  // CHECK-NEXT:   asg.dot %[[X]], %[[T]]
  // CHECK-NEXT:   asg.broadcast %[[B]] dims [1]
  // CHECK-NEXT:   asg.add
  // CHECK-NEXT:   asg.add %{{.*}}, %[[R]]
  // CHECK:        asg.max
  // CHECK-NEXT:   asg.yield
  // CHECK-NEXT: }
  // CHECK-NEXT: asg.return %[[Y]]
  %t = asg.transpose %w perm [1, 0] : (tensor<6x8xf32>) -> tensor<8x6xf32>
  %0 = asg.dot %x, %t batch [] x [] contract [1] x [0] : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32>
  %1 = asg.broadcast %b dims [1] : (tensor<6xf32>) -> tensor<4x6xf32>
  %2 = asg.add %0, %1 : tensor<4x6xf32>
  %3 = asg.add %2, %r : tensor<4x6xf32>
  %zero = asg.constant dense<0.0> : tensor<4x6xf32>
  %4 = asg.max %3, %zero : tensor<4x6xf32>
  asg.return %4 : tensor<4x6xf32>
}

// -----

// relu as the library writes it: 0 at 0, and NaN stays.
// CHECK-LABEL: asg.graph @relu
asg.graph @relu(%x: tensor<4x8xf32> {asg.name = "x"}, %w: tensor<8x6xf32> {asg.name = "w"}) -> (tensor<4x6xf32> {asg.name = "y"}) {
  // CHECK-NEXT: asg.fusion "contraction"
  // CHECK-NOT:  asg.fusion
  // CHECK:      asg.return
  %0 = asg.dot %x, %w batch [] x [] contract [1] x [0] : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32>
  %zero = asg.constant dense<0.0> : tensor<4x6xf32>
  %1 = asg.compare le, %0, %zero : tensor<4x6xf32>
  %2 = asg.select %1, %zero, %0 : tensor<4x6xi1>, tensor<4x6xf32>
  asg.return %2 : tensor<4x6xf32>
}

// -----

// This one makes a 0 of NaN, which no activation of a contraction does.
// CHECK-LABEL: asg.graph @relu_without_nan
asg.graph @relu_without_nan(%x: tensor<4x8xf32> {asg.name = "x"}, %w: tensor<8x6xf32> {asg.name = "w"}) -> (tensor<4x6xf32> {asg.name = "y"}) {
  // CHECK-NEXT: asg.dot
  // CHECK-NEXT: asg.fusion "map"
  %0 = asg.dot %x, %w batch [] x [] contract [1] x [0] : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32>
  %zero = asg.constant dense<0.0> : tensor<4x6xf32>
  %1 = asg.compare gt, %0, %zero : tensor<4x6xf32>
  %2 = asg.select %1, %0, %zero : tensor<4x6xi1>, tensor<4x6xf32>
  asg.return %2 : tensor<4x6xf32>
}

// -----

// Its gradient looks at what it gave, as that is kept for the weight's gradient anyway.
// CHECK-LABEL: asg.graph @relu_and_gradient
asg.graph @relu_and_gradient(%x: tensor<4x8xf32> {asg.name = "x"}, %w: tensor<8x6xf32> {asg.name = "w"}, %v: tensor<6x5xf32> {asg.name = "v"}, %d: tensor<4x5xf32> {asg.name = "d"})
    -> (tensor<4x5xf32> {asg.name = "y"}, tensor<4x6xf32> {asg.name = "dh"}, tensor<6x5xf32> {asg.name = "dv"}) {
  // CHECK-NEXT: %[[H:.*]] = asg.fusion "contraction" -> tensor<4x6xf32> {
  // CHECK-NOT:  asg.fusion
  // CHECK:      asg.fusion "map" -> tensor<4x6xf32> {
  // CHECK:        asg.compare le, %[[H]]
  // CHECK:        asg.select
  %0 = asg.dot %x, %w batch [] x [] contract [1] x [0] : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32>
  %zero = asg.constant dense<0.0> : tensor<4x6xf32>
  %1 = asg.compare le, %0, %zero : tensor<4x6xf32>
  %h = asg.select %1, %zero, %0 : tensor<4x6xi1>, tensor<4x6xf32>
  %y = asg.dot %h, %v batch [] x [] contract [1] x [0] : (tensor<4x6xf32>, tensor<6x5xf32>) -> tensor<4x5xf32>
  %2 = asg.dot %d, %v batch [] x [] contract [1] x [1] : (tensor<4x5xf32>, tensor<6x5xf32>) -> tensor<4x6xf32>
  %dh = asg.select %1, %zero, %2 : tensor<4x6xi1>, tensor<4x6xf32>
  %dv = asg.dot %h, %d batch [] x [] contract [0] x [0] : (tensor<4x6xf32>, tensor<4x5xf32>) -> tensor<6x5xf32>
  asg.return %y, %dh, %dv : tensor<4x5xf32>, tensor<4x6xf32>, tensor<6x5xf32>
}

// -----

// Where nothing else keeps it, the answers, a byte each, are kept.
// CHECK-LABEL: asg.graph @relu_and_mask
asg.graph @relu_and_mask(%x: tensor<4x8xf32> {asg.name = "x"}, %w: tensor<8x6xf32> {asg.name = "w"}, %d: tensor<4x6xf32> {asg.name = "d"})
    -> (tensor<4xf32> {asg.name = "y"}, tensor<4x6xf32> {asg.name = "dh"}) {
  // CHECK-NEXT: %[[X:.*]] = asg.dot
  // CHECK:      asg.compare le, %[[X]]
  %0 = asg.dot %x, %w batch [] x [] contract [1] x [0] : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32>
  %zero = asg.constant dense<0.0> : tensor<4x6xf32>
  %1 = asg.compare le, %0, %zero : tensor<4x6xf32>
  %h = asg.select %1, %zero, %0 : tensor<4x6xi1>, tensor<4x6xf32>
  %y = asg.reduce_max %h axes [1] : (tensor<4x6xf32>) -> tensor<4xf32>
  %dh = asg.select %1, %zero, %d : tensor<4x6xi1>, tensor<4x6xf32>
  asg.return %y, %dh : tensor<4xf32>, tensor<4x6xf32>
}

// -----

// Behind a max pooling the gradient asks what that gave, of which there is less.
// CHECK-LABEL: asg.graph @relu_pooled
asg.graph @relu_pooled(%x: tensor<2x3x6x6xf32> {asg.name = "x"}, %w: tensor<4x3x3x3xf32> {asg.name = "w"}, %d: tensor<2x4x2x2xf32> {asg.name = "d"})
    -> (tensor<2x4x2x2xf32> {asg.name = "y"}, tensor<2x4x4x4xf32> {asg.name = "dx"}) {
  // CHECK-NEXT: %[[H:.*]] = asg.fusion "contraction"
  // CHECK:      %[[Y:.*]], %[[I:.*]] = asg.max_pool2d %[[H]]
  // CHECK-NEXT: %[[D:.*]] = asg.fusion "map" -> tensor<2x4x2x2xf32> {
  // CHECK:        asg.compare le, %[[Y]]
  // CHECK:        asg.select
  // CHECK:      }
  // CHECK-NEXT: %[[DX:.*]] = asg.max_unpool2d %[[D]], %[[I]]
  // CHECK-NEXT: asg.return %[[Y]], %[[DX]]
  %0 = asg.conv2d %x, %w strides [1, 1] pad [0, 0], [0, 0] dilations [1, 1] groups 1 : (tensor<2x3x6x6xf32>, tensor<4x3x3x3xf32>) -> tensor<2x4x4x4xf32>
  %zero = asg.constant dense<0.0> : tensor<2x4x4x4xf32>
  %1 = asg.compare le, %0, %zero : tensor<2x4x4x4xf32>
  %h = asg.select %1, %zero, %0 : tensor<2x4x4x4xi1>, tensor<2x4x4x4xf32>
  %y, %indices = asg.max_pool2d %h kernel [2, 2] strides [2, 2] pad [0, 0], [0, 0] dilations [1, 1] : (tensor<2x4x4x4xf32>) -> (tensor<2x4x2x2xf32>, tensor<2x4x2x2xi32>)
  %2 = asg.max_unpool2d %d, %indices : (tensor<2x4x2x2xf32>, tensor<2x4x2x2xi32>) -> tensor<2x4x4x4xf32>
  %dx = asg.select %1, %zero, %2 : tensor<2x4x4x4xi1>, tensor<2x4x4x4xf32>
  asg.return %y, %dx : tensor<2x4x2x2xf32>, tensor<2x4x4x4xf32>
}

// -----

// GELU is recognized by what it computes, however it is written.
// CHECK-LABEL: asg.graph @gelu
asg.graph @gelu(%x: tensor<4x8xf32> {asg.name = "x"}, %w: tensor<8x6xf32> {asg.name = "w"}) -> (tensor<4x6xf32> {asg.name = "y"}) {
  // CHECK-NEXT: asg.fusion "contraction"
  // CHECK-NOT:  asg.fusion
  // CHECK:      asg.return
  %0 = asg.dot %x, %w batch [] x [] contract [1] x [0] : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32>
  %c = asg.constant dense<0.70710678> : tensor<4x6xf32>
  %half = asg.constant dense<0.5> : tensor<4x6xf32>
  %1 = asg.mul %0, %c : tensor<4x6xf32>
  %2 = asg.erf %1 : tensor<4x6xf32>
  %3 = asg.mul %0, %half : tensor<4x6xf32>
  %4 = asg.mul %3, %2 : tensor<4x6xf32>
  %5 = asg.add %4, %3 : tensor<4x6xf32>
  asg.return %5 : tensor<4x6xf32>
}

// -----

// Nearly GELU is not GELU.
// CHECK-LABEL: asg.graph @not_gelu
asg.graph @not_gelu(%x: tensor<4x8xf32> {asg.name = "x"}, %w: tensor<8x6xf32> {asg.name = "w"}) -> (tensor<4x6xf32> {asg.name = "y"}) {
  // CHECK-NEXT: asg.dot
  // CHECK-NEXT: asg.fusion "map"
  %0 = asg.dot %x, %w batch [] x [] contract [1] x [0] : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32>
  %c = asg.constant dense<0.707> : tensor<4x6xf32>
  %half = asg.constant dense<0.5> : tensor<4x6xf32>
  %1 = asg.mul %0, %c : tensor<4x6xf32>
  %2 = asg.erf %1 : tensor<4x6xf32>
  %3 = asg.mul %0, %half : tensor<4x6xf32>
  %4 = asg.mul %3, %2 : tensor<4x6xf32>
  %5 = asg.add %4, %3 : tensor<4x6xf32>
  asg.return %5 : tensor<4x6xf32>
}

// -----

// Two sums over the same axes share a kernel, and what only one of them needs.
// CHECK-LABEL: asg.graph @sums
asg.graph @sums(%x: tensor<4x8xf32> {asg.name = "x"}, %y: tensor<4x8xf32> {asg.name = "y"})
    -> (tensor<8xf32> {asg.name = "a"}, tensor<8xf32> {asg.name = "b"}) {
  // CHECK-NEXT: %[[F:.*]]:2 = asg.fusion "reduce" -> tensor<8xf32>, tensor<8xf32> {
  // CHECK:      asg.mul
  // CHECK:      }
  // CHECK-NEXT: asg.return
  %a = asg.reduce_sum %x axes [0] : (tensor<4x8xf32>) -> tensor<8xf32>
  %0 = asg.mul %x, %y : tensor<4x8xf32>
  %b = asg.reduce_sum %0 axes [0] : (tensor<4x8xf32>) -> tensor<8xf32>
  asg.return %a, %b : tensor<8xf32>, tensor<8xf32>
}

// -----

// The largest element's place is two reductions along the row.
// CHECK-LABEL: asg.graph @arg_max
asg.graph @arg_max(%x: tensor<4x8xf32> {asg.name = "x"}) -> (tensor<4xi64> {asg.name = "y"}) {
  // CHECK-NEXT: asg.fusion "row" -> tensor<4xi64> {
  // CHECK:      asg.reduce_max
  // CHECK:      asg.reduce_min
  // CHECK:      }
  // CHECK-NEXT: asg.return
  %0 = asg.arg_max %x axis 1 : (tensor<4x8xf32>) -> tensor<4xi64>
  asg.return %0 : tensor<4xi64>
}

// -----

// Kernels that would need each other are not made: %1 stands on both sides of the dot.
// CHECK-LABEL: asg.graph @cycle
asg.graph @cycle(%x: tensor<4x4xf32> {asg.name = "x"}) -> (tensor<4x4xf32> {asg.name = "y"}) {
  // CHECK-NEXT: %[[A:.*]] = asg.fusion "map"
  // CHECK:      %[[D:.*]] = asg.dot %[[A]], %[[A]]
  // CHECK-NEXT: asg.fusion "map"
  // CHECK:      asg.mul %[[A]], %[[D]]
  %1 = asg.exp %x : tensor<4x4xf32>
  %2 = asg.dot %1, %1 batch [] x [] contract [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %3 = asg.mul %1, %2 : tensor<4x4xf32>
  %4 = asg.tanh %3 : tensor<4x4xf32>
  asg.return %4 : tensor<4x4xf32>
}

// -----

// A cheap value is computed again behind the dot instead of being kept: what it is
// made of is read from memory either way.
// CHECK-LABEL: asg.graph @recompute
// CHECK-SAME:    (%[[X:.*]]: tensor<4x4xf32>
asg.graph @recompute(%x: tensor<4x4xf32> {asg.name = "x"}) -> (tensor<4x4xf32> {asg.name = "y"}) {
  // CHECK-NEXT: %[[A:.*]] = asg.fusion "map" -> tensor<4x4xf32> {
  // CHECK:      %[[D:.*]] = asg.dot
  // CHECK-NEXT: asg.fusion "map" -> tensor<4x4xf32> {
  // CHECK-NEXT:   %[[N:.*]] = asg.neg %[[X]]
  // CHECK-NEXT:   asg.mul %[[N]], %[[D]]
  %1 = asg.neg %x : tensor<4x4xf32>
  %2 = asg.exp %1 : tensor<4x4xf32>
  %3 = asg.dot %2, %2 batch [] x [] contract [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %4 = asg.mul %1, %3 : tensor<4x4xf32>
  asg.return %4 : tensor<4x4xf32>
}

// -----

// Views: a transposed and a sliced input are read at affine indices; padding, too.
// CHECK-LABEL: asg.graph @views
asg.graph @views(%x: tensor<4x8xf32> {asg.name = "x"}, %y: tensor<9x4xf32> {asg.name = "y"}, %z: tensor<6x4xf32> {asg.name = "z"})
    -> (tensor<8x4xf32> {asg.name = "a"}) {
  // CHECK-NEXT: asg.fusion "map" -> tensor<8x4xf32> {
  // CHECK-DAG:  asg.transpose
  // CHECK-DAG:  asg.slice
  // CHECK-DAG:  asg.pad
  // CHECK:      }
  // CHECK-NEXT: asg.return
  %0 = asg.transpose %x perm [1, 0] : (tensor<4x8xf32>) -> tensor<8x4xf32>
  %1 = asg.slice %y starts [1, 0] strides [1, 1] : (tensor<9x4xf32>) -> tensor<8x4xf32>
  %2 = asg.pad %z low [1, 0] high [1, 0] interior [0, 0] value 0.0 : (tensor<6x4xf32>) -> tensor<8x4xf32>
  %3 = asg.add %0, %1 : tensor<8x4xf32>
  %4 = asg.mul %3, %2 : tensor<8x4xf32>
  asg.return %4 : tensor<8x4xf32>
}

// -----

// What a library call or an output needs of constants and repetitions, kernels make.
// CHECK-LABEL: asg.graph @loose
asg.graph @loose(%x: tensor<4xf32> {asg.name = "x"}) -> (tensor<4x8xf32> {asg.name = "a"}, tensor<8xf32> {asg.name = "b"}, tensor<4x1xf32> {asg.name = "c"}) {
  // CHECK-DAG: asg.fusion "map" -> tensor<4x8xf32>
  // CHECK-DAG: asg.fusion "map" -> tensor<8xf32>
  // CHECK-DAG: asg.reshape %{{.*}} : tensor<4xf32> to tensor<4x1xf32>
  %0 = asg.broadcast %x dims [0] : (tensor<4xf32>) -> tensor<4x8xf32>
  %1 = asg.constant dense<2.0> : tensor<8xf32>
  %2 = asg.broadcast %x dims [0] : (tensor<4xf32>) -> tensor<4x1xf32>
  asg.return %0, %1, %2 : tensor<4x8xf32>, tensor<8xf32>, tensor<4x1xf32>
}

// -----

// Sources are shown by each view for itself: one iota is a column and a row.
// CHECK-LABEL: asg.graph @causal
asg.graph @causal(%x: tensor<4x4xf32> {asg.name = "x"}) -> (tensor<4x4xf32> {asg.name = "y"}) {
  // CHECK-NEXT: asg.fusion "map" -> tensor<4x4xf32>
  // CHECK: %[[I:.*]] = asg.iota
  // CHECK: %[[ROW:.*]] = asg.broadcast %[[I]] dims [0]
  // CHECK: %[[J:.*]] = asg.iota
  // CHECK: %[[COLUMN:.*]] = asg.broadcast %[[J]] dims [1]
  // CHECK: asg.compare ge, %[[ROW]], %[[COLUMN]]
  %i = asg.iota axis 0 : tensor<4xi64>
  %row = asg.broadcast %i dims [0] : (tensor<4xi64>) -> tensor<4x4xi64>
  %column = asg.broadcast %i dims [1] : (tensor<4xi64>) -> tensor<4x4xi64>
  %seen = asg.compare ge, %row, %column : tensor<4x4xi64>
  %hidden = asg.constant dense<-1.0> : tensor<4x4xf32>
  %y = asg.select %seen, %x, %hidden : tensor<4x4xi1>, tensor<4x4xf32>
  asg.return %y : tensor<4x4xf32>
}

// -----

// A slice that starts at 0 reads at the coordinates of the whole, but not all of it: what
// others need of the whole is written by a kernel of its own.
// CHECK-LABEL: asg.graph @part_of_an_output
asg.graph @part_of_an_output(%x: tensor<3x10xf32> {asg.name = "x"},
    %y: tensor<3x5xf32> {asg.name = "y"})
    -> (tensor<3x10xf32> {asg.name = "e"}, tensor<3x5xf32> {asg.name = "z"}) {
  // CHECK: asg.fusion "map" -> tensor<3x10xf32> {
  // CHECK: asg.fusion "map" -> tensor<3x5xf32> {
  %0 = asg.exp %x : tensor<3x10xf32>
  %1 = asg.slice %0 starts [0, 0] strides [1, 1] : (tensor<3x10xf32>) -> tensor<3x5xf32>
  %2 = asg.add %1, %y : tensor<3x5xf32>
  asg.return %0, %2 : tensor<3x10xf32>, tensor<3x5xf32>
}

// -----

// CHECK-LABEL: asg.graph @part_of_a_row
asg.graph @part_of_a_row(%x: tensor<3x10xf32> {asg.name = "x"})
    -> (tensor<3xf32> {asg.name = "s"}, tensor<3xf32> {asg.name = "t"}) {
  // CHECK: asg.fusion "row" -> tensor<3xf32> {
  // CHECK: asg.fusion "row" -> tensor<3xf32> {
  %0 = asg.exp %x : tensor<3x10xf32>
  %1 = asg.reduce_sum %0 axes [1] : (tensor<3x10xf32>) -> tensor<3xf32>
  %2 = asg.slice %0 starts [0, 0] strides [1, 1] : (tensor<3x10xf32>) -> tensor<3x5xf32>
  %3 = asg.reduce_sum %2 axes [1] : (tensor<3x5xf32>) -> tensor<3xf32>
  asg.return %1, %3 : tensor<3xf32>, tensor<3xf32>
}

// -----

// The kernel of the gradient computes tanh again, and reads its copy although the
// other kernel writes it.
// CHECK-LABEL: asg.graph @repeated_and_written
asg.graph @repeated_and_written(%x: tensor<5x7xf32> {asg.name = "x"})
    -> (tensor<5x7xf32> {asg.name = "y"}, tensor<7x7xf32> {asg.name = "z"}) {
  // CHECK: asg.fusion "map"
  %0 = asg.tanh %x : tensor<5x7xf32>
  %1 = asg.dot %0, %0 batch [] x [] contract [0] x [0] : (tensor<5x7xf32>, tensor<5x7xf32>) -> tensor<7x7xf32>
  %2 = asg.dot %x, %1 batch [] x [] contract [1] x [0] : (tensor<5x7xf32>, tensor<7x7xf32>) -> tensor<5x7xf32>
  // CHECK: asg.fusion "map" -> tensor<5x7xf32> {
  // CHECK-NOT: asg.fusion "map"
  %3 = asg.mul %2, %0 : tensor<5x7xf32>
  %4 = asg.mul %3, %0 : tensor<5x7xf32>
  %5 = asg.sub %x, %4 : tensor<5x7xf32>
  asg.return %5, %1 : tensor<5x7xf32>, tensor<7x7xf32>
}

// -----

// A running mean joins the sum it follows; what it needs besides is one value a row.
// CHECK-LABEL: asg.graph @running_mean
asg.graph @running_mean(%x: tensor<5x7x3xf32> {asg.name = "x"}, %m: tensor<7xf32> {asg.name = "m"})
    -> (tensor<7xf32> {asg.name = "y"}, tensor<7xf32> {asg.name = "s"}) {
  // CHECK-NEXT: asg.fusion "reduce"
  // CHECK-NOT:  asg.fusion
  // CHECK:      asg.return
  %c = asg.constant dense<0.9> : tensor<7xf32>
  %0 = asg.reduce_sum %x axes [0, 2] : (tensor<5x7x3xf32>) -> tensor<7xf32>
  %1 = asg.mul %m, %c : tensor<7xf32>
  %2 = asg.add %0, %1 : tensor<7xf32>
  asg.return %2, %0 : tensor<7xf32>, tensor<7xf32>
}

// -----

// But not where every point would compute it again.
// CHECK-LABEL: asg.graph @scaled_points
asg.graph @scaled_points(%x: tensor<5x7x3xf32> {asg.name = "x"}, %m: tensor<7xf32> {asg.name = "m"})
    -> (tensor<7xf32> {asg.name = "y"}) {
  // CHECK-NEXT: asg.fusion "map" -> tensor<7xf32>
  // CHECK:      asg.fusion "reduce"
  %0 = asg.exp %m : tensor<7xf32>
  %1 = asg.broadcast %0 dims [1] : (tensor<7xf32>) -> tensor<5x7x3xf32>
  %2 = asg.sub %x, %1 : tensor<5x7x3xf32>
  %3 = asg.reduce_sum %2 axes [0, 2] : (tensor<5x7x3xf32>) -> tensor<7xf32>
  asg.return %3 : tensor<7xf32>
}

// -----

// The sum of two products belongs to the first of them.
// CHECK-LABEL: asg.graph @sum_of_products
asg.graph @sum_of_products(%x: tensor<4x4xf32> {asg.name = "x"})
    -> (tensor<4x4xf32> {asg.name = "y"}) {
  // CHECK-NEXT: %[[B:.*]] = asg.dot
  // CHECK-NEXT: asg.fusion "contraction"
  // CHECK-NEXT:   %[[A:.*]] = asg.dot
  // CHECK-NEXT:   asg.add %[[A]], %[[B]]
  %0 = asg.dot %x, %x batch [] x [] contract [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = asg.dot %x, %x batch [] x [] contract [0] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %2 = asg.add %0, %1 : tensor<4x4xf32>
  asg.return %2 : tensor<4x4xf32>
}

// -----

// What is repeated for two readers at other coordinates stands there for each.
// CHECK-LABEL: asg.graph @two_coordinates
asg.graph @two_coordinates(%x: tensor<4x4xf32> {asg.name = "x"}, %c: tensor<f32> {asg.name = "c"})
    -> (tensor<4x4xf32> {asg.name = "y"}) {
  // CHECK-NEXT: asg.fusion "map"
  // CHECK: asg.broadcast
  // CHECK: asg.broadcast
  // CHECK: asg.yield
  // CHECK-NEXT: }
  // CHECK-NEXT: asg.return
  %0 = asg.broadcast %c dims [] : (tensor<f32>) -> tensor<4x4xf32>
  %1 = asg.mul %x, %0 : tensor<4x4xf32>
  %2 = asg.transpose %1 perm [1, 0] : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %3 = asg.add %2, %0 : tensor<4x4xf32>
  asg.return %3 : tensor<4x4xf32>
}

// -----

// An axis of extent 1 that only one of two results has.
// CHECK-LABEL: asg.graph @unit_axis
asg.graph @unit_axis(%x: tensor<5x7xf32> {asg.name = "x"})
    -> (tensor<1x5x7xf32> {asg.name = "y"}, tensor<5x7xf32> {asg.name = "z"}) {
  // CHECK-NEXT: asg.fusion "map" -> tensor<1x5x7xf32>, tensor<5x7xf32> {
  %0 = asg.reshape %x : tensor<5x7xf32> to tensor<1x5x7xf32>
  %1 = asg.exp %0 : tensor<1x5x7xf32>
  %2 = asg.reshape %1 : tensor<1x5x7xf32> to tensor<5x7xf32>
  %3 = asg.mul %2, %x : tensor<5x7xf32>
  asg.return %1, %3 : tensor<1x5x7xf32>, tensor<5x7xf32>
}

// -----

// A padded tensor that one op reads at two places stands there for each.
// CHECK-LABEL: asg.graph @two_slices
asg.graph @two_slices(%x: tensor<4xf32> {asg.name = "x"}) -> (tensor<4xf32> {asg.name = "y"}) {
  // CHECK-NEXT: asg.fusion "map"
  // CHECK-NEXT:   %[[A:.*]] = asg.pad
  // CHECK-NEXT:   %[[FIRST:.*]] = asg.slice %[[A]] starts [0]
  // CHECK-NEXT:   %[[B:.*]] = asg.pad
  // CHECK-NEXT:   %[[SECOND:.*]] = asg.slice %[[B]] starts [1]
  // CHECK-NEXT:   asg.add %[[FIRST]], %[[SECOND]]
  // CHECK-NEXT:   asg.yield
  // CHECK-NEXT: }
  // CHECK-NEXT: asg.return
  %0 = asg.pad %x low [1] high [0] interior [0] value 0.0 : (tensor<4xf32>) -> tensor<5xf32>
  %1 = asg.slice %0 starts [0] strides [1] : (tensor<5xf32>) -> tensor<4xf32>
  %2 = asg.slice %0 starts [1] strides [1] : (tensor<5xf32>) -> tensor<4xf32>
  %3 = asg.add %1, %2 : tensor<4xf32>
  asg.return %3 : tensor<4xf32>
}

// -----

// Narrow copies of parameters are one kernel; a product that is only widened gives the
// wide sum at once, one with a bias of its own type does not.
// CHECK-LABEL: asg.graph @narrow
asg.param @v : tensor<6x5xf32>
asg.param @w : tensor<4x6xf32>
asg.graph @narrow(%x: tensor<3x4xbf16> {asg.name = "x"}, %b: tensor<5xbf16> {asg.name = "b"})
    -> (tensor<3x6xf32> {asg.name = "y"}, tensor<3x5xf32> {asg.name = "z"}) {
  // CHECK:     %[[N:.*]]:2 = asg.fusion "update" -> tensor<4x6xbf16>, tensor<6x5xbf16>
  // CHECK:     asg.dot
  // CHECK:     asg.fusion "contraction" -> tensor<3x5xbf16>
  // CHECK:     asg.fusion "map" -> tensor<3x5xf32>
  %0 = asg.read @w : tensor<4x6xf32>
  %1 = asg.cast %0 : tensor<4x6xf32> to tensor<4x6xbf16>
  %2 = asg.read @v : tensor<6x5xf32>
  %3 = asg.cast %2 : tensor<6x5xf32> to tensor<6x5xbf16>
  %4 = asg.dot %x, %1 batch [] x [] contract [1] x [0] : (tensor<3x4xbf16>, tensor<4x6xbf16>) -> tensor<3x6xbf16>
  %y = asg.cast %4 : tensor<3x6xbf16> to tensor<3x6xf32>
  %5 = asg.dot %4, %3 batch [] x [] contract [1] x [0] : (tensor<3x6xbf16>, tensor<6x5xbf16>) -> tensor<3x5xbf16>
  %6 = asg.broadcast %b dims [1] : (tensor<5xbf16>) -> tensor<3x5xbf16>
  %7 = asg.add %5, %6 : tensor<3x5xbf16>
  %z = asg.cast %7 : tensor<3x5xbf16> to tensor<3x5xf32>
  asg.return %y, %z : tensor<3x6xf32>, tensor<3x5xf32>
}

// -----

// CHECK-LABEL: asg.graph @widened
asg.graph @widened(%x: tensor<3x4xbf16> {asg.name = "x"}, %w: tensor<4x6xbf16> {asg.name = "w"})
    -> (tensor<3x6xf32> {asg.name = "y"}) {
  // CHECK-NEXT: %[[Y:.*]] = asg.fusion "contraction" -> tensor<3x6xf32> {
  // CHECK-NEXT:   %[[D:.*]] = asg.dot
  // CHECK-NEXT:   %[[C:.*]] = asg.cast %[[D]]
  // CHECK-NEXT:   asg.yield %[[C]]
  %0 = asg.dot %x, %w batch [] x [] contract [1] x [0] : (tensor<3x4xbf16>, tensor<4x6xbf16>) -> tensor<3x6xbf16>
  %y = asg.cast %0 : tensor<3x6xbf16> to tensor<3x6xf32>
  asg.return %y : tensor<3x6xf32>
}

// -----

// Of one point each, but of other shapes, and with nothing in common.
// CHECK-LABEL: asg.graph @points
asg.graph @points(%x: tensor<1xf32> {asg.name = "x"}, %n: tensor<i64> {asg.name = "n"})
    -> (tensor<1xf32> {asg.name = "y"}, tensor<i64> {asg.name = "m"}) {
  // CHECK: asg.fusion
  // CHECK: asg.return
  %y = asg.exp %x : tensor<1xf32>
  %one = asg.constant dense<1> : tensor<i64>
  %m = asg.add %n, %one : tensor<i64>
  asg.return %y, %m : tensor<1xf32>, tensor<i64>
}
