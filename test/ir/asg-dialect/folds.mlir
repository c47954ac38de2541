// RUN: asgc-opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: asg.graph @identities
// CHECK-SAME:    (%[[X:.*]]: tensor<2x3xf32>
asg.graph @identities(%x: tensor<2x3xf32> {asg.name = "x"}) -> (tensor<2x3xf32> {asg.name = "y"}) {
  %0 = asg.cast %x : tensor<2x3xf32> to tensor<2x3xf32>
  %1 = asg.reshape %0 : tensor<2x3xf32> to tensor<2x3xf32>
  %2 = asg.transpose %1 perm [0, 1] : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %3 = asg.broadcast %2 dims [0, 1] : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %4 = asg.slice %3 starts [0, -3] strides [1, 1] : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK-NEXT: asg.return %[[X]]
  asg.return %4 : tensor<2x3xf32>
}

// A transpose that only looks like the identity of a type is none.
// CHECK-LABEL: asg.graph @square_transpose
asg.graph @square_transpose(%x: tensor<2x2xf32> {asg.name = "x"}) -> (tensor<2x2xf32> {asg.name = "y"}) {
  // CHECK-NEXT: asg.transpose
  %0 = asg.transpose %x perm [1, 0] : (tensor<2x2xf32>) -> tensor<2x2xf32>
  asg.return %0 : tensor<2x2xf32>
}

// CHECK-LABEL: asg.graph @reshapes
// CHECK-SAME:    (%[[X:.*]]: tensor<2x3xf32>
asg.graph @reshapes(%x: tensor<2x3xf32> {asg.name = "x"}) -> (tensor<3x2xf32> {asg.name = "y"}, tensor<2x3xf32> {asg.name = "z"}) {
  // CHECK-NEXT: %[[Y:.*]] = asg.reshape %[[X]] : tensor<2x3xf32> to tensor<3x2xf32>
  %0 = asg.reshape %x : tensor<2x3xf32> to tensor<6xf32>
  %1 = asg.reshape %0 : tensor<6xf32> to tensor<3x2xf32>
  %2 = asg.reshape %1 : tensor<3x2xf32> to tensor<2x3xf32>
  // CHECK-NEXT: asg.return %[[Y]], %[[X]]
  asg.return %1, %2 : tensor<3x2xf32>, tensor<2x3xf32>
}

// CHECK-LABEL: asg.graph @splats
asg.graph @splats() -> (tensor<4xi8> {asg.name = "y"}) {
  // CHECK-NEXT: %[[Y:.*]] = asg.constant dense<127> : tensor<4xi8>
  %0 = asg.constant dense<300.0> : tensor<f32>
  %1 = asg.broadcast %0 dims [] : (tensor<f32>) -> tensor<2x8xf32>
  %2 = asg.transpose %1 perm [1, 0] : (tensor<2x8xf32>) -> tensor<8x2xf32>
  %3 = asg.slice %2 starts [0, 0] strides [2, 2] : (tensor<8x2xf32>) -> tensor<4x1xf32>
  %4 = asg.reshape %3 : tensor<4x1xf32> to tensor<4xf32>
  %5 = asg.cast %4 : tensor<4xf32> to tensor<4xi8>
  // CHECK-NEXT: asg.return %[[Y]]
  asg.return %5 : tensor<4xi8>
}

// CHECK-LABEL: asg.graph @casts
asg.graph @casts() -> (tensor<5xi32> {asg.name = "y"}, tensor<2xbf16> {asg.name = "z"}, tensor<3xi1> {asg.name = "b"}) {
  // CHECK-DAG: %[[Y:.*]] = asg.constant dense<[2, -2, 2147483647, -2147483648, 0]> : tensor<5xi32>
  // CHECK-DAG: %[[Z:.*]] = asg.constant dense<1.000000e+00> : tensor<2xbf16>
  // CHECK-DAG: %[[B:.*]] = asg.constant dense<[false, true, true]> : tensor<3xi1>
  %0 = asg.constant dense<[2.9, -2.9, 1.0e10, -1.0e10, 0x7FC00000]> : tensor<5xf32>
  %1 = asg.cast %0 : tensor<5xf32> to tensor<5xi32>
  %2 = asg.constant dense<[1.001, 1.0]> : tensor<2xf32>
  %3 = asg.cast %2 : tensor<2xf32> to tensor<2xbf16>
  %4 = asg.constant dense<[0, 5, -1]> : tensor<3xi32>
  %5 = asg.cast %4 : tensor<3xi32> to tensor<3xi1>
  // CHECK: asg.return %[[Y]], %[[Z]], %[[B]]
  asg.return %1, %3, %5 : tensor<5xi32>, tensor<2xbf16>, tensor<3xi1>
}

// A splat of a run-time shape stays a scalar that is repeated.
// CHECK-LABEL: asg.graph @run_time_splat
asg.graph @run_time_splat(%x: tensor<?xf32, #asg.dims<n>> {asg.name = "x"}) -> (tensor<?xf32, #asg.dims<n>> {asg.name = "y"}) dims = {n = 4} {
  // CHECK-NEXT: %[[C:.*]] = asg.constant dense<1.000000e+00> : tensor<f32>
  // CHECK-NEXT: asg.broadcast %[[C]]
  %0 = asg.constant dense<1.0> : tensor<f32>
  %1 = asg.broadcast %0 dims [] : (tensor<f32>) -> tensor<?xf32, #asg.dims<n>>
  asg.return %1 : tensor<?xf32, #asg.dims<n>>
}

// Nothing is carried along an axis of one element.
// CHECK-LABEL: asg.graph @short_scans
// CHECK-SAME: %[[A:.*]]: tensor<3x1xf32> {{.*}}, %[[B:.*]]: tensor<3x1xf32>
asg.graph @short_scans(%a: tensor<3x1xf32> {asg.name = "a"}, %b: tensor<3x1xf32> {asg.name = "b"}) -> (tensor<3x1xf32> {asg.name = "y"}, tensor<3x1xf32> {asg.name = "h"}) {
  %0 = asg.cumsum %a axis 1 : (tensor<3x1xf32>) -> tensor<3x1xf32>
  %1 = asg.linear_scan %a, %b axis 1 : (tensor<3x1xf32>, tensor<3x1xf32>) -> tensor<3x1xf32>
  // CHECK-NEXT: asg.return %[[A]], %[[B]]
  asg.return %0, %1 : tensor<3x1xf32>, tensor<3x1xf32>
}
