// RUN: asgc-opt %s --split-input-file --verify-diagnostics --asg-differentiate

module {
  // expected-note@+1 {{the value comes from here}}
  asg.graph @unused(%x: tensor<4xf32> {asg.name = "x"}, %y: tensor<4xf32> {asg.name = "y"})
      -> (tensor<4xf32> {asg.name = "dy"}) {
    %0 = asg.reduce_sum %x axes [0] : (tensor<4xf32>) -> tensor<f32>
    // expected-error@+2 {{value 0 does not influence the loss, so its gradient would be zero everywhere}}
    // expected-note@+1 {{say allow_unused if zero is meant}}
    %1 = asg.gradient %0 wrt %y : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
    asg.return %1 : tensor<4xf32>
  }
}

// -----

module {
  // expected-note@+1 {{the value comes from here}}
  asg.graph @no_rule(%x: tensor<f32> {asg.name = "x"}) -> (tensor<f32> {asg.name = "dx"}) {
    %0 = asg.exp %x : tensor<f32>
    // expected-error@+1 {{op 'arith.negf' has no gradient rule, and lies between a value and the loss}}
    %1 = arith.negf %0 : tensor<f32>
    // expected-note@+1 {{the gradient is asked for here}}
    %2 = asg.gradient %1 wrt %x : (tensor<f32>, tensor<f32>) -> tensor<f32>
    asg.return %2 : tensor<f32>
  }
}

// -----

module {
  asg.graph @fused(%x: tensor<f32> {asg.name = "x"}) -> (tensor<f32> {asg.name = "dx"}) {
    // expected-error@+1 {{cannot be differentiated through; asg-differentiate runs before asg-fuse}}
    %0 = asg.fusion "map" -> tensor<f32> {
      %1 = asg.exp %x : tensor<f32>
      asg.yield %1 : tensor<f32>
    }
    %2 = asg.gradient %0 wrt %x : (tensor<f32>, tensor<f32>) -> tensor<f32>
    asg.return %2 : tensor<f32>
  }
}

// -----

module {
  // expected-note@+1 {{the value comes from here}}
  asg.graph @integers(%x: tensor<4xf32> {asg.name = "x"}) -> (tensor<4xf32> {asg.name = "dx"}) {
    // expected-error@+1 {{op 'asg.arg_max' has no gradient, and every way from a value to the loss}}
    %0 = asg.arg_max %x axis 0 : (tensor<4xf32>) -> tensor<i64>
    %1 = asg.cast %0 : tensor<i64> to tensor<f32>
    // expected-note@+1 {{the gradient is asked for here}}
    %2 = asg.gradient %1 wrt %x : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
    asg.return %2 : tensor<4xf32>
  }
}
