// RUN: asgc-opt %s --asg-inline-layers | FileCheck %s

// A layer's ops take its place, nested ones too, and keep their order.
// CHECK-LABEL: asg.graph @nested
// CHECK-SAME:    (%[[X:.*]]: tensor<4xf32>
module {
  asg.graph @nested(%x: tensor<4xf32> {asg.name = "x"}) -> (tensor<4xf32> {asg.name = "y"}) {
    // CHECK-NOT: asg.layer
    // CHECK:     %[[A:.*]] = asg.exp %[[X]]
    // CHECK:     %[[B:.*]] = asg.tanh %[[A]]
    // CHECK:     %[[C:.*]] = asg.add %[[B]], %[[X]]
    // CHECK:     asg.return %[[C]]
    %0 = asg.layer "outer" block "b" -> tensor<4xf32> {
      %1 = asg.exp %x : tensor<4xf32>
      %2 = asg.layer "outer.inner" block "c" -> tensor<4xf32> {
        %3 = asg.tanh %1 : tensor<4xf32>
        asg.yield %3 : tensor<4xf32>
      }
      %4 = asg.add %2, %x : tensor<4xf32>
      asg.yield %4 : tensor<4xf32>
    }
    asg.return %0 : tensor<4xf32>
  }

  // A layer may only pass a value through, or several.
  // CHECK-LABEL: asg.graph @through
  // CHECK-SAME:    (%[[Y:.*]]: tensor<4xf32>
  // CHECK-NEXT:  asg.return %[[Y]], %[[Y]]
  asg.graph @through(%x: tensor<4xf32> {asg.name = "x"}) -> (tensor<4xf32> {asg.name = "a"}, tensor<4xf32> {asg.name = "b"}) {
    %0:2 = asg.layer "l" block "b" -> tensor<4xf32>, tensor<4xf32> {
      asg.yield %x, %x : tensor<4xf32>, tensor<4xf32>
    }
    asg.return %0#0, %0#1 : tensor<4xf32>, tensor<4xf32>
  }
}
