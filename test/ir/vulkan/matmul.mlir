// RUN: asgc-opt %s --plan-to-spirv | FileCheck %s

// The tile is the largest that the sizes fill; its slices lie in the memory of
// the group.
// CHECK-LABEL: spirv.module @large
// CHECK-DAG: @shared_0 : !spirv.ptr<!spirv.array<1024 x f32>, Workgroup>
// CHECK-DAG: @shared_1 : !spirv.ptr<!spirv.array<1024 x f32>, Workgroup>
// CHECK: spirv.GL.Fma
// CHECK-LABEL: spirv.module @small
// CHECK-DAG: @shared_0 : !spirv.ptr<!spirv.array<256 x f32>, Workgroup>
// CHECK: spirv.GL.Fma
plan.program @f
    inputs("a" %a : tensor<512x64xf32>, "b" %b : tensor<64x512xf32>)
    outputs("c" %c : tensor<512x512xf32>, "d" %d : tensor<4x4xf32>) {
  plan.matmul "large" batch [] m_n_k [512, 512, 64] strides [64, 1], [512, 1], [512, 1]
      offsets [0, 0, 0] act none (%a, %b) -> %c
      : tensor<512x64xf32>, tensor<64x512xf32> -> tensor<512x512xf32>
  plan.matmul "small" batch [] m_n_k [4, 4, 64] strides [64, 1], [512, 1], [4, 1]
      offsets [0, 0, 0] act relu (%a, %b) -> %d
      : tensor<512x64xf32>, tensor<64x512xf32> -> tensor<4x4xf32>
}
