// RUN: asgc-opt %s --plan-to-spirv | FileCheck %s

// Each product has the tile that takes it least time: an item of the large one
// has 8x8 sums, for eight depths in a turn, one of the small one 4x4. Slices lie
// in the memory of the group, lines a quad longer than the tile; what is packed
// comes 16 bytes at a time. The last slice is multiplied after the loop.
// CHECK-LABEL: spirv.module @large
// CHECK-DAG: @shared_0 : !spirv.ptr<!spirv.array<528 x vector<4xf32>>, Workgroup>
// CHECK-DAG: @shared_1 : !spirv.ptr<!spirv.array<528 x vector<4xf32>>, Workgroup>
// CHECK: spirv.Load "PhysicalStorageBuffer" {{.*}} ["Aligned", 16] : vector<4xf32>
// CHECK: spirv.mlir.loop control(DontUnroll)
// CHECK-COUNT-128: spirv.GL.Fma {{.*}} : vector<4xf32>
// CHECK: spirv.mlir.merge
// CHECK-COUNT-128: spirv.GL.Fma {{.*}} : vector<4xf32>
// CHECK-NOT: spirv.GL.Fma
// CHECK: spirv.Store "PhysicalStorageBuffer" {{.*}} ["Aligned", 16] : vector<4xf32>
// CHECK: "LocalSize", 256, 1, 1
// CHECK-LABEL: spirv.module @small
// CHECK-DAG: @shared_0 : !spirv.ptr<!spirv.array<288 x vector<4xf32>>, Workgroup>
// Few slices have one copy of the code, for two depths in a turn.
// CHECK-COUNT-8: spirv.GL.Fma {{.*}} : vector<4xf32>
// CHECK-NOT: spirv.GL.Fma
// relu makes 0 of -0.
// CHECK: spirv.FOrdLessThanEqual
// CHECK: "LocalSize", 64, 1, 1
// Rows of 33 are no runs of four: an item finds elements of a one by one, in a
// loop that has the code for four of them once.
// CHECK-LABEL: spirv.module @odd
// CHECK: spirv.mlir.loop {
// CHECK-COUNT-4: spirv.Load "PhysicalStorageBuffer" {{.*}} ["Aligned", 4] : f32
// CHECK-NOT: spirv.Load "PhysicalStorageBuffer" {{.*}} ["Aligned", 4] : f32
// CHECK: "LocalSize", 256, 1, 1
plan.program @f
    inputs("a" %a : tensor<2048x512xf32>, "b" %b : tensor<512x2048xf32>, "e" %e : tensor<2048x33xf32>)
    outputs("c" %c : tensor<2048x2048xf32>, "d" %d : tensor<4x4xf32>, "f" %f : tensor<2048x2048xf32>) {
  plan.matmul "large" batch [] m_n_k [2048, 2048, 512] strides [512, 1], [2048, 1], [2048, 1]
      offsets [0, 0, 0] act none (%a, %b) -> %c
      : tensor<2048x512xf32>, tensor<512x2048xf32> -> tensor<2048x2048xf32>
  plan.matmul "small" batch [] m_n_k [4, 4, 64] strides [64, 1], [2048, 1], [4, 1]
      offsets [0, 0, 0] act relu (%a, %b) -> %d
      : tensor<2048x512xf32>, tensor<512x2048xf32> -> tensor<4x4xf32>
  plan.matmul "odd" batch [] m_n_k [2048, 2048, 33] strides [33, 1], [2048, 1], [2048, 1]
      offsets [0, 0, 0] act none (%e, %b) -> %f
      : tensor<2048x33xf32>, tensor<512x2048xf32> -> tensor<2048x2048xf32>
}
