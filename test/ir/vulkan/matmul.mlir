// RUN: asgc-opt %s --plan-to-spirv | FileCheck %s

// The tile is the largest that the sizes fill: an item of the large product has
// sixteen sums, one of the small product has one. Slices lie in the memory of
// the group.
// CHECK-LABEL: spirv.module @large
// CHECK-DAG: @shared_0 : !spirv.ptr<!spirv.array<1024 x f32>, Workgroup>
// CHECK-DAG: @shared_1 : !spirv.ptr<!spirv.array<1024 x f32>, Workgroup>
// CHECK-COUNT-16: spirv.GL.Fma
// CHECK-NOT: spirv.GL.Fma
// CHECK-LABEL: spirv.module @small
// CHECK-DAG: @shared_0 : !spirv.ptr<!spirv.array<1024 x f32>, Workgroup>
// CHECK: spirv.GL.Fma
// CHECK-NOT: spirv.GL.Fma
plan.program @f
    inputs("a" %a : tensor<1024x64xf32>, "b" %b : tensor<64x1024xf32>)
    outputs("c" %c : tensor<1024x1024xf32>, "d" %d : tensor<4x4xf32>) {
  plan.matmul "large" batch [] m_n_k [1024, 1024, 64] strides [64, 1], [1024, 1], [1024, 1]
      offsets [0, 0, 0] act none (%a, %b) -> %c
      : tensor<1024x64xf32>, tensor<64x1024xf32> -> tensor<1024x1024xf32>
  plan.matmul "small" batch [] m_n_k [4, 4, 64] strides [64, 1], [1024, 1], [4, 1]
      offsets [0, 0, 0] act relu (%a, %b) -> %d
      : tensor<1024x64xf32>, tensor<64x1024xf32> -> tensor<4x4xf32>
}
