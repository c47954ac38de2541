// RUN: asgc-opt %s --plan-to-spirv | FileCheck %s

// One tile cannot fill a device: 64 groups each sum a part of the depth, 128 of
// 8192, into a workspace that is the operand after the step's. A second shader
// adds the parts in order, and only then comes the activation.
// CHECK-LABEL: spirv.module @deep PhysicalStorageBuffer64
// CHECK-DAG: %[[SIZE:.*]] = spirv.Constant 128 : i64
// CHECK: spirv.IMul %{{.*}}, %[[SIZE]] : i64
// CHECK-NOT: spirv.GL.FMax
// CHECK: spirv.Store "PhysicalStorageBuffer" {{.*}} : f32
// CHECK-LABEL: spirv.module @deep.combine
// CHECK: spirv.Constant 64 : i64
// CHECK: spirv.mlir.loop
// CHECK: spirv.FAdd
// CHECK: spirv.FOrdLessThan
// CHECK: spirv.Store "PhysicalStorageBuffer" {{.*}} : f32

// With enough tiles there is one launch.
// CHECK-NOT: spirv.module @wide.combine
plan.program @f
    inputs("a" %a : tensor<6x8192xf32>, "b" %b : tensor<8192x25xf32>,
           "u" %u : tensor<1024x64xf32>, "v" %v : tensor<64x1024xf32>)
    outputs("c" %c : tensor<6x25xf32>, "w" %w : tensor<1024x1024xf32>) {
  plan.matmul "deep" batch [] m_n_k [6, 25, 8192] strides [8192, 1], [25, 1], [25, 1]
      offsets [0, 0, 0] act relu (%a, %b) -> %c
      : tensor<6x8192xf32>, tensor<8192x25xf32> -> tensor<6x25xf32>
  plan.matmul "wide" batch [] m_n_k [1024, 1024, 64] strides [64, 1], [1024, 1], [1024, 1]
      offsets [0, 0, 0] act none (%u, %v) -> %w
      : tensor<1024x64xf32>, tensor<64x1024xf32> -> tensor<1024x1024xf32>
}
