// RUN: asgc-opt %s > %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: asgc-opt %t.mlir | diff %t.mlir -
// RUN: asgc-opt %s --mlir-print-op-generic | asgc-opt | diff %t.mlir -
// RUN: asgc-opt %s --mlir-print-debuginfo | asgc-opt | diff %t.mlir -

// Every op prints as it was read.

// CHECK-LABEL: plan.program @infer dims {batch = 64}
// CHECK-NEXT:    inputs("image" %image: tensor<?x64xf32, #asg.dims<batch, 64>>)
// CHECK-NEXT:    outputs("output" %output: tensor<?x10xf32, #asg.dims<batch, 10>>)
// CHECK-NEXT:    arena 5120 lower_bound 4096 waste 1024 {
plan.program @infer dims {batch = 64}
    inputs("image" %image: tensor<?x64xf32, #asg.dims<batch, 64>>)
    outputs("output" %output: tensor<?x10xf32, #asg.dims<batch, 10>>)
    arena 5120 lower_bound 4096 {
  // CHECK-NEXT: %fc.weight = plan.variable @fc.weight : tensor<10x64xf32>
  %w = plan.variable @fc.weight : tensor<10x64xf32>
  // CHECK-NEXT: %[[C:.*]] = plan.constant dense<1.000000e+00> : tensor<10xf32> : tensor<10xf32>
  %c = plan.constant dense<1.0> : tensor<10xf32> : tensor<10xf32>
  // CHECK-NEXT: %[[H:.*]] = plan.alloc offset 64 bytes 1280 alive 0 to 1 from "fc a.asg:1:2" : tensor<?x10xf16, #asg.dims<batch, 10>>
  %h = plan.alloc offset 64 bytes 1280 alive 0 to 1 from "fc a.asg:1:2" : tensor<?x10xf16, #asg.dims<batch, 10>>
  // CHECK-NEXT: plan.alias %[[H]] : tensor<?x10xf16, #asg.dims<batch, 10>> to tensor<?xf16, #asg.dims<"10*batch">>
  %a = plan.alias %h : tensor<?x10xf16, #asg.dims<batch, 10>> to tensor<?xf16, #asg.dims<"10*batch">>
  // CHECK-NEXT: plan.matmul "fc" batch [] m_n_k [batch, 10, 64] strides [64, 1], [1, 64], [10, 1] offsets [0, 0, "2*batch"] act relu(%image, %fc.weight bias %[[C]]) -> %output
  plan.matmul "fc" batch [] m_n_k [batch, 10, 64] strides [64, 1], [1, 64], [10, 1] offsets [0, 0, "2*batch"] act relu (%image, %w bias %c) -> %output : tensor<?x64xf32, #asg.dims<batch, 64>>, tensor<10x64xf32> bias tensor<10xf32> -> tensor<?x10xf32, #asg.dims<batch, 10>>
  // CHECK-NEXT: plan.matmul "res" {{.*}} act none(%image, %fc.weight residual %output) -> %output :
  // CHECK-SAME: tensor<10x64xf32> residual tensor<?x10xf32, #asg.dims<batch, 10>> -> tensor<?x10xf32, #asg.dims<batch, 10>>
  plan.matmul "res" batch [] m_n_k [batch, 10, 64] strides [64, 1], [1, 64], [10, 1] offsets [0, 0, 0] act none (%image, %w residual %output) -> %output : tensor<?x64xf32, #asg.dims<batch, 64>>, tensor<10x64xf32> residual tensor<?x10xf32, #asg.dims<batch, 10>> -> tensor<?x10xf32, #asg.dims<batch, 10>>
  // CHECK-NEXT: plan.matmul "both" {{.*}} act none(%image, %fc.weight bias %[[C]] residual %output) -> %output :
  plan.matmul "both" batch [] m_n_k [batch, 10, 64] strides [64, 1], [1, 64], [10, 1] offsets [0, 0, 0] act none (%image, %w bias %c residual %output) -> %output : tensor<?x64xf32, #asg.dims<batch, 64>>, tensor<10x64xf32> bias tensor<10xf32> residual tensor<?x10xf32, #asg.dims<batch, 10>> -> tensor<?x10xf32, #asg.dims<batch, 10>>
  // CHECK-NEXT: plan.kernel "softmax" row space [batch, 10] (
  // CHECK-NEXT:     %[[X:.*]] = %[[H]] at [10, 1] : tensor<?x10xf16, #asg.dims<batch, 10>>,
  // CHECK-NEXT:     %[[T:.*]] = %[[C]] : tensor<10xf32>) -> (
  // CHECK-NEXT:     %output at [10, 1] offset 3 : tensor<?x10xf32, #asg.dims<batch, 10>>) {
  plan.kernel "softmax" row space [batch, 10] (%x = %h at [10, 1] : tensor<?x10xf16, #asg.dims<batch, 10>>, %t = %c : tensor<10xf32>) -> (%output at [10, 1] offset 3 : tensor<?x10xf32, #asg.dims<batch, 10>>) {
    // CHECK-NEXT: %[[M:.*]] = plan.reduce max %[[X]] over [1] : f32
    %m = plan.reduce max %x over [1] : f32
    // CHECK-NEXT: plan.index 1
    %i = plan.index 1
    // CHECK-NEXT: plan.extent "2*batch"
    %e = plan.extent "2*batch"
    %g = arith.cmpi slt, %i, %e : i64
    %z = arith.constant 0.0 : f32
    // CHECK: plan.load %[[T]][%{{.*}}] if %{{.*}} else %{{.*}} : f32 : tensor<10xf32> -> f32
    %l = plan.load %t[%i] if %g else %z : f32 : tensor<10xf32> -> f32
    %d = arith.subf %l, %m : f32
    %s = plan.reduce add %d over [1] : f32
    %y = arith.divf %d, %s : f32
    plan.yield %y : f32
  }
  %ws = plan.alloc offset 0 bytes 64 alive 2 to 2 : tensor<1x2x10xf32>
  // CHECK: plan.kernel "columns" reduce space [batch, 10]
  // CHECK: ) workspace %{{.*}} : tensor<1x2x10xf32> {
  plan.kernel "columns" reduce space [batch, 10] (%x = %output at [10, 1] : tensor<?x10xf32, #asg.dims<batch, 10>>) -> (%c at [0, 1] : tensor<10xf32>) workspace %ws : tensor<1x2x10xf32> {
    %s = plan.reduce add %x over [0] : f32
    plan.yield %s : f32
  }
  // CHECK: plan.update "sgd" [640, 10]
  // CHECK-NEXT: shared(%[[LR:.*]] = %[[C]] : tensor<10xf32>)
  // CHECK-NEXT: reads(%[[P:.*]] = [%fc.weight : tensor<10x64xf32>, %[[C]] : tensor<10xf32>])
  // CHECK-NEXT: -> ([%fc.weight : tensor<10x64xf32>, %[[C]] : tensor<10xf32>]) {
  plan.update "sgd" [640, 10] shared(%lr = %c : tensor<10xf32>) reads(%p = [%w : tensor<10x64xf32>, %c : tensor<10xf32>]) -> ([%w : tensor<10x64xf32>, %c : tensor<10xf32>]) {
    %y = arith.mulf %p, %lr : f32
    plan.yield %y : f32
  }
  // CHECK: plan.copy "copy" extents [batch] strides [1], [10] offsets [0, 0](%output) -> %output
  plan.copy "copy" extents [batch] strides [1], [10] offsets [0, 0] (%output) -> %output : tensor<?x10xf32, #asg.dims<batch, 10>> -> tensor<?x10xf32, #asg.dims<batch, 10>>
}

// CHECK-LABEL: plan.program @calls
plan.program @calls inputs("x" %x: tensor<2x3x8x8xf32>, "i" %i: tensor<2x3x4x4xi32>, "w" %w: tensor<6x3x3x3xf32>) outputs("y" %y: tensor<2x6x8x8xf32>, "p" %p: tensor<2x3x4x4xf32>) {
  %0 = plan.alloc : tensor<6xf32>
  // CHECK: plan.conv2d "conv" forward strides [1, 1] pad [1, 1], [1, 1] dilations [1, 1] groups 1 act relu(%x, %w bias %{{.*}}) -> %y
  plan.conv2d "conv" forward strides [1, 1] pad [1, 1], [1, 1] dilations [1, 1] groups 1 act relu (%x, %w bias %0) -> %y : tensor<2x3x8x8xf32>, tensor<6x3x3x3xf32>, tensor<6xf32> -> tensor<2x6x8x8xf32>
  // CHECK: plan.max_pool2d "max" kernel [2, 2] strides [2, 2] pad [0, 0], [0, 0] dilations [1, 1](%x) -> %p, %i
  plan.max_pool2d "max" kernel [2, 2] strides [2, 2] pad [0, 0], [0, 0] dilations [1, 1] (%x) -> %p, %i : tensor<2x3x8x8xf32> -> tensor<2x3x4x4xf32>, tensor<2x3x4x4xi32>
  // CHECK: plan.avg_pool2d "avg" kernel [2, 2] strides [2, 2] pad [0, 0], [0, 0] dilations [1, 1] count_include_pad true(%x) -> %p
  plan.avg_pool2d "avg" kernel [2, 2] strides [2, 2] pad [0, 0], [0, 0] dilations [1, 1] count_include_pad true (%x) -> %p : tensor<2x3x8x8xf32> -> tensor<2x3x4x4xf32>
  // CHECK: plan.max_unpool2d "unpool"(%p, %i) -> %x
  plan.max_unpool2d "unpool" (%p, %i) -> %x : tensor<2x3x4x4xf32>, tensor<2x3x4x4xi32> -> tensor<2x3x8x8xf32>
  // CHECK: plan.pool_gather2d "pick"(%x, %i) -> %p
  plan.pool_gather2d "pick" (%x, %i) -> %p : tensor<2x3x8x8xf32>, tensor<2x3x4x4xi32> -> tensor<2x3x4x4xf32>
  %idx = plan.alloc : tensor<5xi64>
  %rows = plan.alloc : tensor<5x3x8x8xf32>
  // CHECK: plan.gather "gather" axis 0 batch_dims 0(%x, %{{.*}}) -> %{{.*}}
  plan.gather "gather" axis 0 batch_dims 0 (%x, %idx) -> %rows : tensor<2x3x8x8xf32>, tensor<5xi64> -> tensor<5x3x8x8xf32>
  // CHECK: plan.scatter_add "scatter" axis 0 batch_dims 0(%{{.*}}, %{{.*}}) -> %x
  plan.scatter_add "scatter" axis 0 batch_dims 0 (%rows, %idx) -> %x : tensor<5x3x8x8xf32>, tensor<5xi64> -> tensor<2x3x8x8xf32>
}

// CHECK-LABEL: plan.program @scans
plan.program @scans dims {n = 9} inputs("x" %x: tensor<4x?xf32, #asg.dims<4, n>>, "c" %c: tensor<4x?xf32, #asg.dims<4, n>>) outputs("y" %y: tensor<4x?xf32, #asg.dims<4, n>>) {
  // CHECK: plan.scan "sum" axis 1 reverse(%x) -> %y : tensor<4x?xf32, #asg.dims<4, n>> -> tensor<4x?xf32, #asg.dims<4, n>>
  plan.scan "sum" axis 1 reverse (%x) -> %y : tensor<4x?xf32, #asg.dims<4, n>> -> tensor<4x?xf32, #asg.dims<4, n>>
  // CHECK: plan.scan "linear" axis 0(%x coefficients %c) -> %y
  plan.scan "linear" axis 0 (%x coefficients %c) -> %y : tensor<4x?xf32, #asg.dims<4, n>>, tensor<4x?xf32, #asg.dims<4, n>> -> tensor<4x?xf32, #asg.dims<4, n>>
}

// CHECK-LABEL: plan.program @attention
plan.program @attention inputs("q" %q: tensor<3x5x4xf16>, "row" %row: tensor<3x5xf32>) outputs("y" %y: tensor<3x5x4xf16>, "lse" %lse: tensor<3x5xf32>) {
  // CHECK: plan.attention "forward" scale 5.000000e-01 causal batch [3] sizes [5, 5, 4, 4](%q at [20, 4, 1] : tensor<3x5x4xf16>, %q at [20, 4, 1] : tensor<3x5x4xf16>, %q at [20, 4, 1] : tensor<3x5x4xf16>) -> (%y at [4, 12, 1] : tensor<3x5x4xf16>, %lse at [5, 1] : tensor<3x5xf32>)
  plan.attention "forward" scale 0.5 causal batch [3] sizes [5, 5, 4, 4] (%q at [20, 4, 1] : tensor<3x5x4xf16>, %q at [20, 4, 1] : tensor<3x5x4xf16>, %q at [20, 4, 1] : tensor<3x5x4xf16>) -> (%y at [4, 12, 1] : tensor<3x5x4xf16>, %lse at [5, 1] : tensor<3x5xf32>)
  // CHECK: plan.attention "backward" backward scale 1.000000e+00 batch [2] sizes [5, 5, 4, 4]
  plan.attention "backward" backward scale 1.0 batch [2] sizes [5, 5, 4, 4] (%q at [20, 4, 1] offset 20 : tensor<3x5x4xf16>, %q at [20, 4, 1] : tensor<3x5x4xf16>, %q at [20, 4, 1] : tensor<3x5x4xf16>, %q at [20, 4, 1] : tensor<3x5x4xf16>, %row at [5, 1] : tensor<3x5xf32>, %row at [5, 1] : tensor<3x5xf32>) -> (%y at [20, 4, 1] : tensor<3x5x4xf16>, %y at [20, 4, 1] : tensor<3x5x4xf16>, %y at [20, 4, 1] : tensor<3x5x4xf16>)
}
