// RUN: asgc-opt %s --plan-to-spirv --split-input-file | FileCheck %s

// A group counts how many indices are less, or equal and before; other groups of
// the same launch clear the result. The second launch adds up what equal ones
// bring, four elements at a time.
// CHECK-LABEL: spirv.module @scatter PhysicalStorageBuffer64
// CHECK-COUNT-3: spirv.GlobalVariable @shared_{{.*}} : !spirv.ptr<!spirv.array<256 x i32>, Workgroup>
// CHECK: spirv.mlir.selection
// CHECK: spirv.Store "PhysicalStorageBuffer" {{.*}} ["Aligned", 16] : vector<4xf32>
// CHECK: spirv.SLessThan
// CHECK: spirv.IEqual
// CHECK: spirv.ControlBarrier
// CHECK-LABEL: spirv.module @scatter.combine
// CHECK-NOT: spirv.ControlBarrier
// CHECK-COUNT-4: spirv.Load "PhysicalStorageBuffer" {{.*}} ["Aligned", 16] : vector<4xf32>
// CHECK-COUNT-4: spirv.FAdd {{.*}} : vector<4xf32>
// CHECK: spirv.Store "PhysicalStorageBuffer" {{.*}} ["Aligned", 16] : vector<4xf32>
plan.program @f inputs("x" %x : tensor<100x8xf32>, "i" %i : tensor<100xi64>) outputs("y" %y : tensor<50x8xf32>) {
  plan.scatter_add "scatter" axis 0 batch_dims 0 (%x, %i) -> %y
      : tensor<100x8xf32>, tensor<100xi64> -> tensor<50x8xf32>
}

// -----

// The plan has the pooling: four windows reach over an element.
// CHECK-LABEL: spirv.module @unpool
// CHECK: spirv.mlir.loop
// CHECK-NOT: spirv.mlir.loop
// CHECK-COUNT-4: spirv.Load "PhysicalStorageBuffer" {{.*}} ["Aligned", 4] : i32
// CHECK-NOT: spirv.Load "PhysicalStorageBuffer" {{.*}} : i32
// CHECK-NOT: spirv.mlir.loop
// CHECK: spirv.Store "PhysicalStorageBuffer" {{.*}} : f32
// CHECK: spirv.EntryPoint
plan.program @f
    inputs("x" %x : tensor<1x2x9x9xf32>, "dy" %dy : tensor<1x2x5x5xf32>)
    outputs("y" %y : tensor<1x2x5x5xf32>, "i" %i : tensor<1x2x5x5xi32>, "dx" %dx : tensor<1x2x9x9xf32>) {
  plan.max_pool2d "pool" kernel [3, 3] strides [2, 2] pad [1, 1], [1, 1] dilations [1, 1] (%x) -> %y, %i
      : tensor<1x2x9x9xf32> -> tensor<1x2x5x5xf32>, tensor<1x2x5x5xi32>
  plan.max_unpool2d "unpool" (%dy, %i) -> %dx
      : tensor<1x2x5x5xf32>, tensor<1x2x5x5xi32> -> tensor<1x2x9x9xf32>
}

// -----

// Nobody knows where these indices are from: all outputs are searched.
// CHECK-LABEL: spirv.module @search
// CHECK: %[[ALL:.*]] = spirv.Constant 25 : i64
// CHECK: spirv.mlir.loop
// CHECK: spirv.mlir.loop
// CHECK: spirv.SLessThan {{.*}}, %[[ALL]] : i64
plan.program @f inputs("dy" %dy : tensor<1x2x5x5xf32>, "i" %i : tensor<1x2x5x5xi32>) outputs("dx" %dx : tensor<1x2x9x9xf32>) {
  plan.max_unpool2d "search" (%dy, %i) -> %dx
      : tensor<1x2x5x5xf32>, tensor<1x2x5x5xi32> -> tensor<1x2x9x9xf32>
}
