// RUN: asgc-opt %s --plan-to-spirv --split-input-file | FileCheck %s

// A row of 300 is 75 vectors, one for each of 128 items, which keep them from
// pass to pass and combine what they have in the memory of the group.
// CHECK-LABEL: spirv.module @norm
// CHECK-DAG: spirv.GlobalVariable @shared_0 : !spirv.ptr<!spirv.array<256 x f32>, Workgroup>
// CHECK-DAG: spirv.GlobalVariable @shared_1 : !spirv.ptr<!spirv.array<16 x f32>, Workgroup>
// CHECK-NOT: spirv.mlir.loop
// CHECK: spirv.Load "PhysicalStorageBuffer" {{.*}} : vector<4xf32>
// CHECK-NOT: spirv.Load "PhysicalStorageBuffer"
// CHECK: spirv.ControlBarrier <Workgroup>, <Workgroup>
// CHECK: spirv.ControlBarrier <Workgroup>, <Workgroup>
// CHECK: spirv.FDiv {{.*}} : vector<4xf32>
// CHECK: spirv.Store "PhysicalStorageBuffer" {{.*}} : vector<4xf32>
plan.program @f inputs("x" %x : tensor<8x300xf32>) outputs("y" %y : tensor<8x300xf32>) {
  plan.kernel "norm" row space [8, 300] (%a = %x at [300, 1] : tensor<8x300xf32>)
      -> (%y at [300, 1] : tensor<8x300xf32>) {
    %s = plan.reduce add %a over [1] : f32
    %q = arith.divf %a, %s : f32
    plan.yield %q : f32
  }
}

// -----

// A row of 100000 is too long for that: each pass reads it again.
// CHECK-LABEL: spirv.module @long
// CHECK: spirv.mlir.loop
// CHECK-COUNT-4: spirv.Load "PhysicalStorageBuffer" {{.*}} : vector<4xf32>
// CHECK: spirv.ControlBarrier <Workgroup>, <Workgroup>
// CHECK: spirv.mlir.loop
// CHECK-COUNT-4: spirv.Load "PhysicalStorageBuffer" {{.*}} : vector<4xf32>
// CHECK: spirv.FDiv {{.*}} : vector<4xf32>
plan.program @f inputs("x" %x : tensor<8x100000xf32>) outputs("y" %y : tensor<8x100000xf32>) {
  plan.kernel "long" row space [8, 100000] (%a = %x at [100000, 1] : tensor<8x100000xf32>)
      -> (%y at [100000, 1] : tensor<8x100000xf32>) {
    %s = plan.reduce add %a over [1] : f32
    %q = arith.divf %a, %s : f32
    plan.yield %q : f32
  }
}
