// RUN: asgc-opt %s --split-input-file --plan-build | FileCheck %s

// Ops outside of fusions are steps of their own; views are read through.
module {
  asg.param @w : tensor<10x64xf32>
  // CHECK-LABEL: plan.program @unfused dims {batch = 256}
  // CHECK-NEXT:    inputs("x" %[[X:.*]]: tensor<?x64xf32, #asg.dims<batch, 64>>)
  // CHECK-NEXT:    outputs("y" %[[Y:.*]]: tensor<?x10xf32, #asg.dims<batch, 10>>)
  asg.graph @unfused(%x: tensor<?x64xf32, #asg.dims<batch, 64>> {asg.name = "x"})
      -> (tensor<?x10xf32, #asg.dims<batch, 10>> {asg.name = "y"}) dims = {batch = 256} {
    // CHECK: %[[W:.*]] = plan.variable @w
    // CHECK: plan.matmul "unfused.dot" batch [] m_n_k [batch, 10, 64] strides [64, 1], [1, 64], [10, 1]
    // CHECK-SAME: (%[[X]], %[[W]]) -> %[[H:.*]] :
    // CHECK: plan.kernel "unfused.reduce_max" row space [batch, 10] (
    // CHECK-NEXT: %{{.*}} = %[[H]] at [10, 1]
    // CHECK-NEXT: %[[M:.*]] at [1, 0]
    // CHECK: plan.kernel "unfused.sub" map space [batch, 10] (
    // CHECK-NEXT: %{{.*}} = %[[H]] at [10, 1]
    // CHECK-NEXT: %{{.*}} = %[[M]] at [1, 0]
    // CHECK-NEXT: %[[Y]] at [10, 1]
    %w = asg.read @w : tensor<10x64xf32>
    %wt = asg.transpose %w perm [1, 0] : (tensor<10x64xf32>) -> tensor<64x10xf32>
    %h = asg.dot %x, %wt batch [] x [] contract [1] x [0] : (tensor<?x64xf32, #asg.dims<batch, 64>>, tensor<64x10xf32>) -> tensor<?x10xf32, #asg.dims<batch, 10>>
    %m = asg.reduce_max %h axes [1] : (tensor<?x10xf32, #asg.dims<batch, 10>>) -> tensor<?xf32, #asg.dims<batch>>
    %b = asg.broadcast %m dims [0] : (tensor<?xf32, #asg.dims<batch>>) -> tensor<?x10xf32, #asg.dims<batch, 10>>
    %y = asg.sub %h, %b : tensor<?x10xf32, #asg.dims<batch, 10>>
    asg.return %y : tensor<?x10xf32, #asg.dims<batch, 10>>
  }
}

// -----

// Softmax is one kernel over rows.
module {
  // CHECK-LABEL: plan.program @softmax
  // CHECK: plan.kernel "softmax.row" row space [32, 10] (
  // CHECK-NEXT: %[[X:.*]] = %x at [10, 1] : tensor<4x8x10xf32>
  // CHECK-NEXT: %y at [10, 1] : tensor<4x8x10xf32>
  // CHECK-NEXT: %[[M:.*]] = plan.reduce max %[[X]] over [1] : f32
  // CHECK-NEXT: %[[D:.*]] = arith.subf %[[X]], %[[M]] : f32
  // CHECK-NEXT: %[[E:.*]] = math.exp %[[D]] : f32
  // CHECK-NEXT: %[[S:.*]] = plan.reduce add %[[E]] over [1] : f32
  // CHECK-NEXT: %[[Q:.*]] = arith.divf %[[E]], %[[S]] : f32
  // CHECK-NEXT: plan.yield %[[Q]] : f32
  // CHECK-NOT: plan.kernel
  asg.graph @softmax(%x: tensor<4x8x10xf32> {asg.name = "x"})
      -> (tensor<4x8x10xf32> {asg.name = "y"}) dims = {} {
    %y = asg.fusion "row" -> tensor<4x8x10xf32> {
      %m = asg.reduce_max %x axes [2] : (tensor<4x8x10xf32>) -> tensor<4x8xf32>
      %mb = asg.broadcast %m dims [0, 1] : (tensor<4x8xf32>) -> tensor<4x8x10xf32>
      %d = asg.sub %x, %mb : tensor<4x8x10xf32>
      %e = asg.exp %d : tensor<4x8x10xf32>
      %s = asg.reduce_sum %e axes [2] : (tensor<4x8x10xf32>) -> tensor<4x8xf32>
      %sb = asg.broadcast %s dims [0, 1] : (tensor<4x8xf32>) -> tensor<4x8x10xf32>
      %q = asg.div %e, %sb : tensor<4x8x10xf32>
      asg.yield %q : tensor<4x8x10xf32>
    }
    asg.return %y : tensor<4x8x10xf32>
  }
}

// -----

// Equal bodies are one launch, and write the variables in place, after the steps
// that read the old values.
module {
  asg.param @w : tensor<10x64xf32>
  asg.param @b : tensor<10xf32>
  // CHECK-LABEL: plan.program @train
  // CHECK: plan.kernel "train.reduce_sum" reduce space [640]
  // CHECK: plan.update "train.update" [640, 10]
  // CHECK-NEXT: shared(%{{.*}} = %lr : tensor<f32>)
  // CHECK-NEXT: reads(%{{.*}} = [%g : tensor<10x64xf32>, %h : tensor<10xf32>], %{{.*}} = [%w : tensor<10x64xf32>, %b : tensor<10xf32>])
  // CHECK-NEXT: -> ([%w : tensor<10x64xf32>, %b : tensor<10xf32>])
  // CHECK-NOT: plan.copy
  asg.graph @train(%g: tensor<10x64xf32> {asg.name = "g"}, %h: tensor<10xf32> {asg.name = "h"},
                   %lr: tensor<f32> {asg.name = "lr"})
      -> (tensor<f32> {asg.name = "y"}) dims = {} {
    %w = asg.read @w : tensor<10x64xf32>
    %b = asg.read @b : tensor<10xf32>
    %new:2 = asg.fusion "update" -> tensor<10x64xf32>, tensor<10xf32> {
      %s1 = asg.broadcast %lr dims [] : (tensor<f32>) -> tensor<10x64xf32>
      %s2 = asg.broadcast %lr dims [] : (tensor<f32>) -> tensor<10xf32>
      %u1 = asg.mul %s1, %g : tensor<10x64xf32>
      %u2 = asg.mul %s2, %h : tensor<10xf32>
      %v1 = asg.sub %w, %u1 : tensor<10x64xf32>
      %v2 = asg.sub %b, %u2 : tensor<10xf32>
      asg.yield %v1, %v2 : tensor<10x64xf32>, tensor<10xf32>
    }
    asg.assign @w, %new#0 : tensor<10x64xf32>
    asg.assign @b, %new#1 : tensor<10xf32>
    %sum = asg.reduce_sum %w axes [0, 1] : (tensor<10x64xf32>) -> tensor<f32>
    asg.return %sum : tensor<f32>
  }
}

// -----

// A value that needs the variable's old value later, or elsewhere, is copied at
// the end; so is a swap, which needs both.
module {
  asg.state @a : tensor<8xf32> role "state"
  asg.state @b : tensor<8xf32> role "state"
  asg.state @c : tensor<2x4xf32> role "state"
  // CHECK-LABEL: plan.program @swap
  // CHECK: %[[C:.*]] = plan.variable @c
  // CHECK: plan.kernel "swap.neg" map space [2, 4] (
  // CHECK-NEXT: = %[[C]] at [1, 2] : tensor<2x4xf32>
  // CHECK-NEXT: %[[N:.*]] at [4, 1] : tensor<2x4xf32>
  // CHECK: plan.copy "swap.copy" extents [8] strides [1], [1] offsets [0, 0](%b) -> %[[KEPTB:.*]] :
  // CHECK: plan.copy "swap.copy.1" extents [8] strides [1], [1] offsets [0, 0](%a) -> %[[KEPTA:.*]] :
  // CHECK: plan.copy "swap.assign" extents [8] strides [1], [1] offsets [0, 0](%[[KEPTB]]) -> %a :
  // CHECK: plan.copy "swap.assign.1" extents [8] strides [1], [1] offsets [0, 0](%[[KEPTA]]) -> %b :
  // CHECK: plan.copy "swap.assign.2" extents [8] strides [1], [1] offsets [0, 0](%[[N]]) -> %[[C]] :
  asg.graph @swap() -> () dims = {} {
    %a = asg.read @a : tensor<8xf32>
    %b = asg.read @b : tensor<8xf32>
    %c = asg.read @c : tensor<2x4xf32>
    asg.assign @a, %b : tensor<8xf32>
    asg.assign @b, %a : tensor<8xf32>
    %r = asg.reshape %c : tensor<2x4xf32> to tensor<4x2xf32>
    %t = asg.transpose %r perm [1, 0] : (tensor<4x2xf32>) -> tensor<2x4xf32>
    %n = asg.neg %t : tensor<2x4xf32>
    asg.assign @c, %n : tensor<2x4xf32>
    asg.return
  }
}

// -----

// Beside a row, what has one element for each row is written by the same kernel; sums
// over the same run-time dims are one kernel, and so are scalars.
module {
  // CHECK-LABEL: plan.program @beside
  // CHECK: plan.kernel "beside.row" row space [batch, 10] (
  // CHECK: plan.yield %{{.*}}, %{{.*}} : f32, f32
  // CHECK: plan.kernel "beside.reduce" reduce space [batch] (
  // CHECK-COUNT-2: plan.reduce add
  // CHECK: plan.kernel "beside.map" map space [] (
  // CHECK: plan.yield %{{.*}}, %{{.*}} : f32, f32
  // CHECK-NOT: plan.kernel
  // CHECK-NOT: plan.update
  asg.graph @beside(%x: tensor<?x10xf32, #asg.dims<batch, 10>> {asg.name = "x"}, %w: tensor<?xf32, #asg.dims<batch>> {asg.name = "w"})
      -> (tensor<f32> {asg.name = "y"}, tensor<f32> {asg.name = "z"}) dims = {batch = 256} {
    %rows:2 = asg.fusion "row" -> tensor<?xf32, #asg.dims<batch>>, tensor<?xf32, #asg.dims<batch>> {
      %m = asg.reduce_max %x axes [1] : (tensor<?x10xf32, #asg.dims<batch, 10>>) -> tensor<?xf32, #asg.dims<batch>>
      %n = asg.neg %w : tensor<?xf32, #asg.dims<batch>>
      %p = asg.mul %m, %n : tensor<?xf32, #asg.dims<batch>>
      asg.yield %p, %n : tensor<?xf32, #asg.dims<batch>>, tensor<?xf32, #asg.dims<batch>>
    }
    %sums:2 = asg.fusion "reduce" -> tensor<f32>, tensor<f32> {
      %a = asg.reduce_sum %rows#0 axes [0] : (tensor<?xf32, #asg.dims<batch>>) -> tensor<f32>
      %b = asg.reduce_sum %rows#1 axes [0] : (tensor<?xf32, #asg.dims<batch>>) -> tensor<f32>
      asg.yield %a, %b : tensor<f32>, tensor<f32>
    } {segments = 2 : i64}
    %means:2 = asg.fusion "map" -> tensor<f32>, tensor<f32> {
      %d = asg.div %sums#0, %sums#1 : tensor<f32>
      %e = asg.exp %sums#0 : tensor<f32>
      asg.yield %d, %e : tensor<f32>, tensor<f32>
    }
    asg.return %means#0, %means#1 : tensor<f32>, tensor<f32>
  }
}

// -----

// A fusion that only looks at its operand otherwise is a copy to the output, of
// which what is returned is a reshape.
module {
  // CHECK-LABEL: plan.program @tile
  // CHECK-NEXT:    inputs("x" %[[X:.*]]: tensor<2x3xf32>)
  // CHECK-NEXT:    outputs("y" %[[Y:.*]]: tensor<4x6xf32>) {
  // CHECK-NEXT: plan.copy "tile.copy" extents [2, 2, 2, 3] strides [0, 3, 0, 1], [12, 6, 3, 1] offsets [0, 0](%[[X]]) -> %[[Y]]
  // CHECK-NEXT: }
  asg.graph @tile(%x: tensor<2x3xf32> {asg.name = "x"}) -> (tensor<4x6xf32> {asg.name = "y"}) dims = {} {
    %b = asg.fusion "map" -> tensor<2x2x2x3xf32> {
      %r = asg.broadcast %x dims [1, 3] : (tensor<2x3xf32>) -> tensor<2x2x2x3xf32>
      asg.yield %r : tensor<2x2x2x3xf32>
    }
    %y = asg.reshape %b : tensor<2x2x2x3xf32> to tensor<4x6xf32>
    asg.return %y : tensor<4x6xf32>
  }
}

// -----

// Attention reads heads where they lie, and writes its result as it is looked at;
// without a gradient nobody needs the logarithms.
module {
  // CHECK-LABEL: plan.program @attention
  // CHECK: plan.attention "attention.attention" scale 5.000000e-01 causal batch [2] sizes [5, 5, 4, 4](%q at [4, 8, 1] : tensor<5x2x4xf32>, %q at [4, 8, 1] : tensor<5x2x4xf32>, %q at [4, 8, 1] : tensor<5x2x4xf32>) -> (%[[Y:.*]] at [4, 8, 1] : tensor<5x2x4xf32>)
  // CHECK-NEXT: plan.copy {{.*}}(%[[Y]])
  asg.graph @attention(%q: tensor<5x2x4xf32> {asg.name = "q"}) -> (tensor<5x8xf32> {asg.name = "y"}) {
    %0 = asg.transpose %q perm [1, 0, 2] : (tensor<5x2x4xf32>) -> tensor<2x5x4xf32>
    %y, %lse = asg.attention %0, %0, %0 scale 0.5 causal : (tensor<2x5x4xf32>, tensor<2x5x4xf32>, tensor<2x5x4xf32>) -> (tensor<2x5x4xf32>, tensor<2x5xf32>)
    %1 = asg.transpose %y perm [1, 0, 2] : (tensor<2x5x4xf32>) -> tensor<5x2x4xf32>
    %2 = asg.reshape %1 : tensor<5x2x4xf32> to tensor<5x8xf32>
    asg.return %2 : tensor<5x8xf32>
  }
}

// -----

// Coefficients come first in the graph, and second in the step.
// CHECK-LABEL: plan.program @scans
// CHECK: plan.scan "scans.cumsum" axis 0 reverse(%a) -> %[[SUM:.*]] : tensor<5x3xf32> -> tensor<5x3xf32>
// CHECK: plan.scan "scans.linear_scan" axis 0(%[[SUM]] coefficients %a) -> %h
asg.graph @scans(%a: tensor<5x3xf32> {asg.name = "a"}) -> (tensor<5x3xf32> {asg.name = "h"}) {
  %0 = asg.cumsum %a axis 0 reverse : (tensor<5x3xf32>) -> tensor<5x3xf32>
  %1 = asg.linear_scan %a, %0 axis 0 : (tensor<5x3xf32>, tensor<5x3xf32>) -> tensor<5x3xf32>
  asg.return %1 : tensor<5x3xf32>
}
