// RUN: asgc-opt %s --asg-mixed-precision | FileCheck %s
// RUN: asgc-opt %s --asg-mixed-precision --asg-mixed-precision | FileCheck %s
// RUN: asgc-opt %s --asg-pipeline | FileCheck %s --check-prefix=WHOLE

// Products are made of narrow values and give one; everything else stays.
// CHECK-LABEL: asg.graph @step
// CHECK-SAME:    (%[[X:.*]]: tensor<?x3xf32, #asg.dims<n, 3>> {asg.name = "x"}, %[[W:.*]]: tensor<2x3xf32>
// CHECK-DAG:     %[[NX:.*]] = asg.cast %[[X]] : {{.*}} to tensor<?x3xbf16, #asg.dims<n, 3>>
// CHECK-DAG:     %[[NW:.*]] = asg.cast %[[W]] : tensor<2x3xf32> to tensor<2x3xbf16>
// CHECK:         %[[D:.*]] = asg.dot %[[NX]], %[[NW]]
// CHECK-SAME:      -> tensor<?x2xbf16, #asg.dims<n, 2>>
// CHECK:         %[[Y:.*]] = asg.cast %[[D]] : {{.*}} to tensor<?x2xf32, #asg.dims<n, 2>>
// CHECK-NEXT:    %[[E:.*]] = asg.exp %[[Y]]
// CHECK-NEXT:    asg.return %[[E]]
// Whole numbers have no narrower type, and nothing is cast twice.
// CHECK-LABEL: asg.graph @numbers
// CHECK-NOT:     asg.cast
// CHECK:         asg.return
// CHECK-LABEL: asg.graph @image
// CHECK-COUNT-2: to tensor<{{.*}}xf16>
// CHECK:         asg.conv2d
// CHECK-SAME:      -> tensor<1x1x2x2xf16>
// CHECK:         asg.cast
// A graph that asks for nothing keeps its products.
// CHECK-LABEL: asg.graph @other
// CHECK-NOT:     asg.cast
// CHECK:         asg.return
// One narrow copy of a tensor serves all of its products, and a product of
// products takes the narrow result as it is.
// WHOLE-LABEL: asg.graph @twice
// WHOLE:         %[[NX:.*]] = asg.fusion "map" -> tensor<3x3xbf16>
// WHOLE:         %[[D:.*]] = asg.dot %[[NX]], %[[NX]]
// WHOLE-NEXT:    asg.fusion "contraction" -> tensor<3x3xf32>
// WHOLE-NEXT:      %[[E:.*]] = asg.dot %[[D]], %[[NX]]
// WHOLE-NEXT:      asg.cast %[[E]]
module {
  asg.graph @step(%x: tensor<?x3xf32, #asg.dims<n, 3>> {asg.name = "x"}, %w: tensor<2x3xf32> {asg.name = "w"})
      -> (tensor<?x2xf32, #asg.dims<n, 2>> {asg.name = "y"}) dims = {n = 4} attributes {asg.precision = bf16} {
    %0 = asg.dot %x, %w batch [] x [] contract [1] x [1]
      : (tensor<?x3xf32, #asg.dims<n, 3>>, tensor<2x3xf32>) -> tensor<?x2xf32, #asg.dims<n, 2>>
    %1 = asg.exp %0 : tensor<?x2xf32, #asg.dims<n, 2>>
    asg.return %1 : tensor<?x2xf32, #asg.dims<n, 2>>
  }
  asg.graph @numbers(%x: tensor<2x3xi8> {asg.name = "x"}, %z: tensor<3xbf16> {asg.name = "z"})
      -> (tensor<2xi32> {asg.name = "y"}, tensor<bf16> {asg.name = "v"}) attributes {asg.precision = bf16} {
    %0 = asg.constant dense<1> : tensor<3xi8>
    %1 = asg.dot %x, %0 batch [] x [] contract [1] x [0] : (tensor<2x3xi8>, tensor<3xi8>) -> tensor<2xi32>
    %2 = asg.dot %z, %z batch [] x [] contract [0] x [0] : (tensor<3xbf16>, tensor<3xbf16>) -> tensor<bf16>
    asg.return %1, %2 : tensor<2xi32>, tensor<bf16>
  }
  asg.graph @image(%x: tensor<1x1x4x4xf32> {asg.name = "x"}, %w: tensor<1x1x3x3xf32> {asg.name = "w"})
      -> (tensor<1x1x2x2xf32> {asg.name = "y"}) attributes {asg.precision = f16} {
    %0 = asg.conv2d %x, %w strides [1, 1] pad [0, 0], [0, 0] dilations [1, 1] groups 1
      : (tensor<1x1x4x4xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x2x2xf32>
    asg.return %0 : tensor<1x1x2x2xf32>
  }
  asg.graph @other(%x: tensor<3x3xf32> {asg.name = "x"}) -> (tensor<3x3xf32> {asg.name = "y"}) {
    %0 = asg.dot %x, %x batch [] x [] contract [1] x [0] : (tensor<3x3xf32>, tensor<3x3xf32>) -> tensor<3x3xf32>
    asg.return %0 : tensor<3x3xf32>
  }
  asg.graph @twice(%x: tensor<3x3xf32> {asg.name = "x"}) -> (tensor<3x3xf32> {asg.name = "y"}) attributes {asg.precision = bf16} {
    %0 = asg.dot %x, %x batch [] x [] contract [1] x [0] : (tensor<3x3xf32>, tensor<3x3xf32>) -> tensor<3x3xf32>
    %1 = asg.dot %0, %x batch [] x [] contract [1] x [0] : (tensor<3x3xf32>, tensor<3x3xf32>) -> tensor<3x3xf32>
    asg.return %1 : tensor<3x3xf32>
  }
}
