// RUN: asgc-opt %s --plan-to-spirv | FileCheck %s

// A point is found by the number of its group and item, and its operands by
// their addresses in the push constants.
// CHECK-LABEL: spirv.module @chain PhysicalStorageBuffer64 GLSL450
// CHECK: built_in("LocalInvocationIndex")
// CHECK: spirv.mlir.loop
// CHECK: spirv.ConvertUToPtr {{.*}} to !spirv.ptr<f32, PhysicalStorageBuffer>
// CHECK: spirv.FAdd {{.*}} {no_contraction}
// CHECK: spirv.Store "PhysicalStorageBuffer"
// CHECK: spirv.ExecutionMode @main "LocalSize", 256, 1, 1
plan.program @f inputs("x" %x : tensor<100xf32>) outputs("y" %y : tensor<100xf32>) {
  plan.kernel "chain" map space [100] (%a = %x at [1] : tensor<100xf32>)
      -> (%y at [1] : tensor<100xf32>) {
    %0 = arith.addf %a, %a : f32
    plan.yield %0 : f32
  }
}
