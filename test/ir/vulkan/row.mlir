// RUN: asgc-opt %s --plan-to-spirv | FileCheck %s

// A row of 300 is walked by a whole group, which combines in its own memory.
// CHECK-LABEL: spirv.module @norm
// CHECK: spirv.GlobalVariable @shared_0 : !spirv.ptr<!spirv.array<256 x f32>, Workgroup>
// CHECK: spirv.mlir.loop
// CHECK: spirv.ControlBarrier <Workgroup>, <Workgroup>
// CHECK: spirv.mlir.loop
// CHECK: spirv.FDiv
plan.program @f inputs("x" %x : tensor<8x300xf32>) outputs("y" %y : tensor<8x300xf32>) {
  plan.kernel "norm" row space [8, 300] (%a = %x at [300, 1] : tensor<8x300xf32>)
      -> (%y at [300, 1] : tensor<8x300xf32>) {
    %s = plan.reduce add %a over [1] : f32
    %q = arith.divf %a, %s : f32
    plan.yield %q : f32
  }
}
