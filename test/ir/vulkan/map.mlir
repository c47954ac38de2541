// RUN: asgc-opt %s --plan-to-spirv --split-input-file | FileCheck %s

// A point is found by the number of its group and item, and its operands by
// their addresses in the push constants. Where neighbours lie side by side, an
// item takes four; what is the same for all of them is loaded once.
// CHECK-LABEL: spirv.module @chain PhysicalStorageBuffer64 GLSL450
// CHECK: built_in("LocalInvocationIndex")
// CHECK-NOT: spirv.mlir.loop
// CHECK: spirv.Load "PhysicalStorageBuffer" {{.*}} ["Aligned", 16] : vector<4xf32>
// CHECK: spirv.Load "PhysicalStorageBuffer" {{.*}} ["Aligned", 4] : f32
// CHECK: spirv.FAdd {{.*}} {no_contraction} : vector<4xf32>
// CHECK: spirv.Store "PhysicalStorageBuffer" {{.*}} ["Aligned", 16] : vector<4xf32>
// CHECK: spirv.ExecutionMode @main "LocalSize", 256, 1, 1
plan.program @f inputs("x" %x : tensor<3x100xf32>, "z" %z : tensor<3xf32>) outputs("y" %y : tensor<3x100xf32>) {
  plan.kernel "chain" map space [3, 100] (%a = %x at [100, 1] : tensor<3x100xf32>, %b = %z at [1, 0] : tensor<3xf32>)
      -> (%y at [100, 1] : tensor<3x100xf32>) {
    %0 = arith.addf %a, %b : f32
    plan.yield %0 : f32
  }
}

// -----

// Rows of 99 do not begin at multiples of 16 bytes.
// CHECK-LABEL: spirv.module @odd
// CHECK: spirv.mlir.loop
// CHECK: spirv.FAdd {{.*}} {no_contraction} : f32
plan.program @f inputs("x" %x : tensor<4x99xf32>) outputs("y" %y : tensor<4x99xf32>) {
  plan.kernel "odd" map space [4, 99] (%a = %x at [99, 1] : tensor<4x99xf32>)
      -> (%y at [99, 1] : tensor<4x99xf32>) {
    %0 = arith.addf %a, %a : f32
    plan.yield %0 : f32
  }
}

// -----

// Nor do those of a buffer that is read from its second element on.
// CHECK-LABEL: spirv.module @shifted
// CHECK: spirv.FAdd {{.*}} {no_contraction} : f32
plan.program @f inputs("x" %x : tensor<101xf32>) outputs("y" %y : tensor<100xf32>) {
  plan.kernel "shifted" map space [100] (%a = %x at [1] offset 1 : tensor<101xf32>)
      -> (%y at [1] : tensor<100xf32>) {
    %0 = arith.addf %a, %a : f32
    plan.yield %0 : f32
  }
}

// -----

// What lies across is read by vectors too, and turned in an item's registers.
// That there is a point is asked even where all groups are full: there may be
// groups beyond the last.
// CHECK-LABEL: spirv.module @turned
// CHECK: spirv.SLessThan {{.*}}, %cst512_i64
// CHECK-COUNT-4: spirv.Load "PhysicalStorageBuffer" {{.*}} ["Aligned", 16] : vector<4xf32>
// CHECK-COUNT-4: spirv.CompositeExtract {{.*}}[0 : i32] : vector<4xf32>
// CHECK: spirv.CompositeConstruct
// CHECK-COUNT-4: spirv.Store "PhysicalStorageBuffer" {{.*}} ["Aligned", 16] : vector<4xf32>
// CHECK-NOT: spirv.Store "PhysicalStorageBuffer"
plan.program @f inputs("x" %x : tensor<128x64xf32>) outputs("y" %y : tensor<64x128xf32>) {
  plan.kernel "turned" map space [64, 128] (%a = %x at [1, 64] : tensor<128x64xf32>)
      -> (%y at [128, 1] : tensor<64x128xf32>) {
    %0 = arith.addf %a, %a : f32
    plan.yield %0 : f32
  }
}
