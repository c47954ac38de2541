// RUN: asgc-opt %s --plan-to-spirv | FileCheck %s

// A window of one element needs no packing: of planes of 36 halves four
// neighbours lie at a multiple of eight bytes.
// CHECK-NOT: spirv.module @point.pack.matrix
// CHECK-LABEL: spirv.module @point.matrix
// CHECK: spirv.Load "PhysicalStorageBuffer" {{.*}} ["Aligned", 8] : vector<2xi32>
// CHECK: spirv.KHR.CooperativeMatrixMulAdd
// CHECK-LABEL: spirv.module @point PhysicalStorageBuffer64 GLSL450

// Planes of 49 have no such neighbours.
// CHECK-LABEL: spirv.module @odd_point.pack.matrix
// CHECK-LABEL: spirv.module @odd_point.matrix
// CHECK: spirv.KHR.CooperativeMatrixMulAdd

// Of a window with a stride of 2 inputs see every other tap in either direction:
// four products, the depth of each known when the group knows which is its own.
// CHECK-LABEL: spirv.module @strided.pack.matrix
// CHECK-LABEL: spirv.module @strided.matrix
// CHECK-NOT: spirv.mlir.loop
// CHECK: spirv.UDiv
// CHECK: spirv.mlir.loop
// CHECK: spirv.KHR.CooperativeMatrixMulAdd
plan.program @f
    inputs("x" %x : tensor<8x32x6x6xf16>, "w" %w : tensor<48x32x1x1xf16>,
           "u" %u : tensor<8x32x7x7xf16>,
           "g" %g : tensor<8x48x8x8xf16>, "v" %v : tensor<48x32x3x3xf16>)
    outputs("y" %y : tensor<8x48x6x6xf16>, "z" %z : tensor<8x48x7x7xf16>,
            "d" %d : tensor<8x32x16x16xf16>) {
  plan.conv2d "point" forward strides [1, 1] pad [0, 0], [0, 0] dilations [1, 1] groups 1
      act none (%x, %w) -> %y
      : tensor<8x32x6x6xf16>, tensor<48x32x1x1xf16> -> tensor<8x48x6x6xf16>
  plan.conv2d "odd_point" forward strides [1, 1] pad [0, 0], [0, 0] dilations [1, 1] groups 1
      act none (%u, %w) -> %z
      : tensor<8x32x7x7xf16>, tensor<48x32x1x1xf16> -> tensor<8x48x7x7xf16>
  plan.conv2d "strided" input_grad strides [2, 2] pad [1, 1], [0, 0] dilations [1, 1] groups 1
      act none (%g, %v) -> %d
      : tensor<8x48x8x8xf16>, tensor<48x32x3x3xf16> -> tensor<8x32x16x16xf16>
}
