// RUN: asgc-opt %s --plan-to-spirv | FileCheck %s

// A product of halves has two forms: one for devices with a matrix unit of
// 16x16x16 and subgroups of 32, and one for all. The first needs Vulkan's memory
// model, under which what other items wrote has to be made visible.
// CHECK-LABEL: spirv.module @half.matrix
// CHECK-SAME: PhysicalStorageBuffer64 Vulkan
// CHECK-SAME: VulkanMemoryModel, CooperativeMatrixKHR, Float16
// CHECK-SAME: [SPV_KHR_cooperative_matrix]
// CHECK: @shared_0 : !spirv.ptr<!spirv.array<1184 x vector<4xi32>>, Workgroup>
// CHECK: @subgroup built_in("SubgroupId")
// Four quads of either slice come in 16 bytes at a time.
// CHECK-COUNT-8: spirv.Load "PhysicalStorageBuffer" {{.*}} ["Aligned", 16] : vector<4xi32>
// CHECK-COUNT-8: spirv.Store "Workgroup" {{.*}} ["NonPrivatePointer"] : vector<4xi32>
// CHECK: spirv.ControlBarrier <Workgroup>, <Workgroup>, <AcquireRelease|WorkgroupMemory|MakeAvailable|MakeVisible>
// The next ones are on their way while these are multiplied.
// CHECK: spirv.mlir.loop control(DontUnroll)
// CHECK-COUNT-8: spirv.Load "PhysicalStorageBuffer" {{.*}} ["Aligned", 16] : vector<4xi32>
// CHECK: spirv.KHR.CooperativeMatrixLoad {{.*}} <RowMajor>, <NonPrivatePointer> : {{.*}} -> !spirv.coopmatrix<16x16xf16, Subgroup, MatrixA>
// CHECK: spirv.KHR.CooperativeMatrixLoad {{.*}} <RowMajor>, <NonPrivatePointer> : {{.*}} -> !spirv.coopmatrix<16x16xf16, Subgroup, MatrixB>
// CHECK-COUNT-32: spirv.KHR.CooperativeMatrixMulAdd
// CHECK: spirv.mlir.merge
// CHECK-COUNT-32: spirv.KHR.CooperativeMatrixMulAdd
// CHECK-NOT: spirv.KHR.CooperativeMatrixMulAdd
// CHECK: spirv.KHR.CooperativeMatrixStore
// CHECK: spirv.Store "PhysicalStorageBuffer" {{.*}} ["Aligned", 8] : vector<2xi32>
// CHECK: "LocalSize", 128, 1, 1
// CHECK-LABEL: spirv.module @half PhysicalStorageBuffer64 GLSL450

// Factors of bf16 in the other order: columns of a, rows of b are neighbours.
// CHECK-LABEL: spirv.module @transposed.matrix
// CHECK-SAME: BFloat16TypeKHR, BFloat16CooperativeMatrixKHR
// CHECK-SAME: SPV_KHR_bfloat16
// CHECK: CooperativeMatrixLoad {{.*}} <ColumnMajor>{{.*}}<16x16xbf16, Subgroup, MatrixA>
// CHECK: CooperativeMatrixLoad {{.*}} <ColumnMajor>{{.*}}<16x16xbf16, Subgroup, MatrixB>

// Rows of 33 halves are no multiple of 16 bytes: each element by itself.
// CHECK-LABEL: spirv.module @odd.matrix
// CHECK-NOT: spirv.Load "PhysicalStorageBuffer" {{.*}} ["Aligned", 16]
// CHECK: spirv.Load "PhysicalStorageBuffer" {{.*}} ["Aligned", 2] : i16
// CHECK: CooperativeMatrixMulAdd

// Smaller than the unit, or of other types: one form.
// CHECK-NOT: spirv.module @small.matrix
// CHECK-NOT: spirv.module @single.matrix
plan.program @f
    inputs("a" %a : tensor<2048x512xf16>, "b" %b : tensor<512x1536xf16>,
           "u" %u : tensor<64x256xbf16>, "v" %v : tensor<384x64xbf16>,
           "s" %s : tensor<33x33xf16>, "x" %x : tensor<64x64xf32>)
    outputs("c" %c : tensor<2048x1536xf16>, "w" %w : tensor<256x384xf32>,
            "t" %t : tensor<33x33xf32>, "y" %y : tensor<64x64xf32>,
            "z" %z : tensor<4x33xf32>) {
  plan.matmul "half" batch [] m_n_k [2048, 1536, 512] strides [512, 1], [1536, 1], [1536, 1]
      offsets [0, 0, 0] act none (%a, %b) -> %c
      : tensor<2048x512xf16>, tensor<512x1536xf16> -> tensor<2048x1536xf16>
  plan.matmul "transposed" batch [] m_n_k [256, 384, 64] strides [1, 256], [1, 64], [384, 1]
      offsets [0, 0, 0] act none (%u, %v) -> %w
      : tensor<64x256xbf16>, tensor<384x64xbf16> -> tensor<256x384xf32>
  plan.matmul "odd" batch [] m_n_k [33, 33, 33] strides [33, 1], [33, 1], [33, 1]
      offsets [0, 0, 0] act none (%s, %s) -> %t
      : tensor<33x33xf16>, tensor<33x33xf16> -> tensor<33x33xf32>
  plan.matmul "small" batch [] m_n_k [4, 33, 33] strides [33, 1], [33, 1], [33, 1]
      offsets [0, 0, 0] act none (%s, %s) -> %z
      : tensor<33x33xf16>, tensor<33x33xf16> -> tensor<4x33xf32>
  plan.matmul "single" batch [] m_n_k [64, 64, 64] strides [64, 1], [64, 1], [64, 1]
      offsets [0, 0, 0] act none (%x, %x) -> %y
      : tensor<64x64xf32>, tensor<64x64xf32> -> tensor<64x64xf32>
}
