// RUN: asgc-opt %s --plan-to-spirv | FileCheck %s
// RUN: asgc-opt %s --plan-to-spirv | FileCheck %s --check-prefix=NONE

// A group of 128 items owns 64 queries: slices of queries and of keys or values,
// 32 columns of weights, and nothing else in the group's memory. Scores: 4x4 to
// an item, two depths in a turn; sums: 4x16, likewise.
// CHECK-LABEL: spirv.module @forward
// CHECK-DAG: @shared_0 : !spirv.ptr<!spirv.array<272 x vector<4xf32>>, Workgroup>
// CHECK-DAG: @shared_1 : !spirv.ptr<!spirv.array<528 x vector<4xf32>>, Workgroup>
// CHECK-DAG: @shared_2 : !spirv.ptr<!spirv.array<544 x vector<4xf32>>, Workgroup>
// CHECK: "LocalSize", 128, 1, 1
// The gradient is two launches, for queries and for keys; none adds to a number
// of another group.
// CHECK-LABEL: spirv.module @backward
// CHECK: "LocalSize", 128, 1, 1
// CHECK-LABEL: spirv.module @backward.keys
// CHECK: "LocalSize", 128, 1, 1
// NONE-NOT: spirv.Atomic
// NONE-NOT: spirv.EXT.AtomicFAdd
plan.program @f
    inputs("q" %q : tensor<2x100x128xf32>, "row" %row : tensor<2x100xf32>)
    outputs("y" %y : tensor<2x100x128xf32>, "dk" %dk : tensor<2x100x128xf32>, "dv" %dv : tensor<2x100x128xf32>) {
  plan.attention "forward" scale 0.1 causal batch [2] sizes [100, 100, 128, 128]
      (%q at [12800, 128, 1] : tensor<2x100x128xf32>, %q at [12800, 128, 1] : tensor<2x100x128xf32>,
       %q at [12800, 128, 1] : tensor<2x100x128xf32>) -> (%y at [12800, 128, 1] : tensor<2x100x128xf32>)
  plan.attention "backward" backward scale 0.1 batch [2] sizes [100, 100, 128, 128]
      (%q at [12800, 128, 1] : tensor<2x100x128xf32>, %q at [12800, 128, 1] : tensor<2x100x128xf32>,
       %q at [12800, 128, 1] : tensor<2x100x128xf32>, %q at [12800, 128, 1] : tensor<2x100x128xf32>,
       %row at [100, 1] : tensor<2x100xf32>, %row at [100, 1] : tensor<2x100xf32>)
      -> (%y at [12800, 128, 1] : tensor<2x100x128xf32>, %dk at [12800, 128, 1] : tensor<2x100x128xf32>,
          %dv at [12800, 128, 1] : tensor<2x100x128xf32>)
}
