// RUN: asgc-opt %s --asg-differentiate | FileCheck %s
// RUN: asgc-opt %s --asg-differentiate --mlir-print-debuginfo | FileCheck %s --check-prefix=LOC

module {
  asg.param @w : tensor<4xf32>

  // d(Σ x²)/dx: the two cotangents of mul are summed.
  // CHECK-LABEL: asg.graph @square
  // CHECK-SAME:    (%[[X:.*]]: tensor<4xf32>
  asg.graph @square(%x: tensor<4xf32> {asg.name = "x"}) -> (tensor<4xf32> {asg.name = "dx"}) {
    // CHECK:      %[[ONE:.*]] = asg.constant dense<1.000000e+00> : tensor<f32>
    // CHECK-NEXT: %[[DY:.*]] = asg.broadcast %[[ONE]] dims []
    // CHECK-NEXT: %[[L:.*]] = asg.mul %[[DY]], %[[X]]
    // CHECK-NEXT: %[[R:.*]] = asg.mul %[[DY]], %[[X]]
    // CHECK-NEXT: %[[S:.*]] = asg.add %[[L]], %[[R]]
    // CHECK-NEXT: asg.return %[[S]]
    // LOC: asg.add {{.*}} loc(#[[FUSED:loc.*]])
    // LOC: #[[FUSED]] = loc(fused<"gradient">[#
    %0 = asg.mul %x, %x : tensor<4xf32>
    %1 = asg.reduce_sum %0 axes [0] : (tensor<4xf32>) -> tensor<f32>
    %2 = asg.gradient %1 wrt %x : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
    asg.return %2 : tensor<4xf32>
  }

  // A gradient of a gradient: the inner one is expanded first.
  // CHECK-LABEL: asg.graph @second
  // CHECK-NOT:   asg.gradient
  asg.graph @second(%x: tensor<f32> {asg.name = "x"}) -> (tensor<f32> {asg.name = "ddx"}) {
    // CHECK:     %[[E:.*]] = asg.exp
    // CHECK:     asg.mul %{{.*}}, %[[E]]
    // CHECK:     asg.return
    %0 = asg.exp %x : tensor<f32>
    %1 = asg.gradient %0 wrt %x : (tensor<f32>, tensor<f32>) -> tensor<f32>
    %2 = asg.gradient %1 wrt %x : (tensor<f32>, tensor<f32>) -> tensor<f32>
    asg.return %2 : tensor<f32>
  }

  // Two reads of a variable are one value: both paths count.
  // CHECK-LABEL: asg.graph @reads
  asg.graph @reads() -> (tensor<4xf32> {asg.name = "dw"}) {
    // CHECK:     %[[W:.*]] = asg.read @w
    // CHECK-NOT: asg.read
    // CHECK:     %[[SUM:.*]] = asg.add %{{.*}}, %{{.*}} : tensor<4xf32>
    // CHECK-NEXT: asg.return %[[SUM]]
    %0 = asg.read @w : tensor<4xf32>
    %1 = asg.read @w : tensor<4xf32>
    %2 = asg.mul %0, %1 : tensor<4xf32>
    %3 = asg.reduce_sum %2 axes [0] : (tensor<4xf32>) -> tensor<f32>
    %4 = asg.gradient %3 wrt %0 : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
    asg.return %4 : tensor<4xf32>
  }

  // Only ops between the value and the loss are differentiated: nothing is built
  // for %y or for what only the other result needs.
  // CHECK-LABEL: asg.graph @between
  asg.graph @between(%x: tensor<4xf32> {asg.name = "x"}, %y: tensor<4xf32> {asg.name = "y"})
      -> (tensor<4xf32> {asg.name = "dx"}, tensor<4xf32> {asg.name = "z"}) {
    // CHECK:     asg.tanh
    // CHECK-NOT: asg.cos
    // CHECK-NOT: asg.neg
    // CHECK:     asg.return
    %0 = asg.tanh %x : tensor<4xf32>
    %s = asg.sin %y : tensor<4xf32>
    %1 = asg.sub %0, %s : tensor<4xf32>
    %2 = asg.reduce_sum %1 axes [0] : (tensor<4xf32>) -> tensor<f32>
    %3 = asg.gradient %2 wrt %x : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
    %4 = asg.exp %0 : tensor<4xf32>
    asg.return %3, %4 : tensor<4xf32>, tensor<4xf32>
  }

  // Gradients stop where values are no floats; an unused value is zero if allowed.
  // CHECK-LABEL: asg.graph @stops
  asg.graph @stops(%x: tensor<4xf32> {asg.name = "x"}, %y: tensor<4xf32> {asg.name = "y"})
      -> (tensor<4xf32> {asg.name = "dx"}, tensor<4xf32> {asg.name = "dy"}) {
    // CHECK: %[[Z:.*]] = asg.constant dense<0.000000e+00> : tensor<4xf32>
    // CHECK: %[[ZZ:.*]] = asg.constant dense<0.000000e+00> : tensor<4xf32>
    // CHECK: asg.return %[[Z]], %[[ZZ]]
    %0 = asg.cast %x : tensor<4xf32> to tensor<4xi32>
    %1 = asg.cast %0 : tensor<4xi32> to tensor<4xf32>
    %2 = asg.reduce_sum %1 axes [0] : (tensor<4xf32>) -> tensor<f32>
    %3:2 = asg.gradient %2 wrt %x, %y allow_unused : (tensor<f32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
    asg.return %3#0, %3#1 : tensor<4xf32>, tensor<4xf32>
  }

  // Layers of a graph with gradients are inlined first.
  // CHECK-LABEL: asg.graph @layered
  // CHECK-NOT:   asg.layer
  // CHECK:       asg.return
  asg.graph @layered(%x: tensor<f32> {asg.name = "x"}) -> (tensor<f32> {asg.name = "dx"}) {
    %0 = asg.layer "l" block "b" -> tensor<f32> {
      %1 = asg.exp %x : tensor<f32>
      asg.yield %1 : tensor<f32>
    }
    %2 = asg.gradient %0 wrt %x : (tensor<f32>, tensor<f32>) -> tensor<f32>
    asg.return %2 : tensor<f32>
  }
}
