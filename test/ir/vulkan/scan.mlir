// RUN: asgc-opt %s --plan-to-spirv --split-input-file | FileCheck %s

// The 256 items of a group take two vectors of a line each, join what these do
// in eight rounds, and look at the end at what those before them do.
// CHECK-LABEL: spirv.module @sum PhysicalStorageBuffer64
// CHECK-COUNT-3: spirv.GlobalVariable @shared_{{.*}} : !spirv.ptr<!spirv.array<256 x f32>, Workgroup>
// CHECK-NOT: spirv.GlobalVariable @shared
// CHECK: spirv.mlir.loop
// CHECK-COUNT-2: spirv.Load "PhysicalStorageBuffer" {{.*}} ["Aligned", 16] : vector<4xf32>
// CHECK-COUNT-9: spirv.ControlBarrier <Workgroup>, <Workgroup>
// CHECK-NOT: spirv.ControlBarrier
// CHECK-COUNT-2: spirv.Store "PhysicalStorageBuffer" {{.*}} ["Aligned", 16] : vector<4xf32>
// CHECK: "LocalSize", 256, 1, 1
plan.program @f inputs("x" %x : tensor<4x5000xf32>) outputs("y" %y : tensor<4x5000xf32>) {
  plan.scan "sum" axis 1 (%x) -> %y : tensor<4x5000xf32> -> tensor<4x5000xf32>
}

// -----

// Four lines side by side are a vector; halves are carried in f32. What a run
// does is a product and a sum.
// CHECK-LABEL: spirv.module @linear PhysicalStorageBuffer64
// CHECK-COUNT-6: spirv.GlobalVariable @shared_{{.*}} : !spirv.ptr<!spirv.array<256 x vector<4xf32>>, Workgroup>
// CHECK-COUNT-4: spirv.Load "PhysicalStorageBuffer" {{.*}} ["Aligned", 8] : vector<4xi16>
// CHECK: spirv.GL.Fma {{.*}} : vector<4xf32>
// CHECK-COUNT-6: spirv.ControlBarrier <Workgroup>, <Workgroup>
// CHECK-NOT: spirv.ControlBarrier
// CHECK-COUNT-2: spirv.Store "PhysicalStorageBuffer" {{.*}} ["Aligned", 8] : vector<4xi16>
// CHECK: spirv.EntryPoint
plan.program @f inputs("a" %a : tensor<2x33x64xf16>, "b" %b : tensor<2x33x64xf16>) outputs("h" %h : tensor<2x33x64xf16>) {
  plan.scan "linear" axis 1 (%b coefficients %a) -> %h : tensor<2x33x64xf16>, tensor<2x33x64xf16> -> tensor<2x33x64xf16>
}

// -----

// So many lines that an item walks down its own alone.
// CHECK-LABEL: spirv.module @columns PhysicalStorageBuffer64
// CHECK-NOT: @shared
// CHECK-NOT: spirv.ControlBarrier
// CHECK-COUNT-4: spirv.Load "PhysicalStorageBuffer" {{.*}} ["Aligned", 8] : vector<4xi16>
// CHECK-COUNT-4: spirv.Store "PhysicalStorageBuffer" {{.*}} ["Aligned", 8] : vector<4xi16>
// CHECK: spirv.EntryPoint
plan.program @f inputs("x" %x : tensor<8x1000000xbf16>) outputs("y" %y : tensor<8x1000000xbf16>) {
  plan.scan "columns" axis 0 reverse (%x) -> %y : tensor<8x1000000xbf16> -> tensor<8x1000000xbf16>
}

// -----

// A line alone is cut in chunks: the first launch stores what each does.
// CHECK-LABEL: spirv.module @long.carry PhysicalStorageBuffer64
// CHECK: spirv.mlir.loop
// CHECK: spirv.ControlBarrier
// CHECK: spirv.Store "PhysicalStorageBuffer" {{.*}} ["Aligned", 8] : i64
// CHECK-NOT: spirv.Store "PhysicalStorageBuffer"
// CHECK-LABEL: spirv.module @long PhysicalStorageBuffer64
// CHECK-COUNT-8: spirv.Load "PhysicalStorageBuffer" {{.*}} ["Aligned", 8] : i64
// CHECK-COUNT-2: spirv.Load "PhysicalStorageBuffer" {{.*}} ["Aligned", 16] : vector<4xi64>
// CHECK: spirv.ControlBarrier
// CHECK-COUNT-2: spirv.Store "PhysicalStorageBuffer" {{.*}} ["Aligned", 16] : vector<4xi64>
plan.program @f inputs("x" %x : tensor<65536xi64>) outputs("y" %y : tensor<65536xi64>) {
  plan.scan "long" axis 0 (%x) -> %y : tensor<65536xi64> -> tensor<65536xi64>
}

// -----

// Lines that are not whole vectors are read one by one.
// CHECK-LABEL: spirv.module @odd PhysicalStorageBuffer64
// CHECK-COUNT-8: spirv.Load "PhysicalStorageBuffer" {{.*}} ["Aligned", 4] : i32
// CHECK: spirv.IAdd
// CHECK-COUNT-8: spirv.Store "PhysicalStorageBuffer" {{.*}} ["Aligned", 4] : i32
plan.program @f inputs("x" %x : tensor<4x31xi32>) outputs("y" %y : tensor<4x31xi32>) {
  plan.scan "odd" axis 1 (%x) -> %y : tensor<4x31xi32> -> tensor<4x31xi32>
}
