// RUN: asgc-opt %s --split-input-file --verify-diagnostics --asg-verify

module {
  asg.graph @layer(%x: tensor<f32> {asg.name = "x"}) -> (tensor<f32> {asg.name = "y"}) {
    // expected-error@+1 {{'asg.layer' op is left; asg-inline-layers removes it}}
    %0 = asg.layer "l" block "b" -> tensor<f32> {
      asg.yield %x : tensor<f32>
    }
    asg.return %0 : tensor<f32>
  }
}

// -----

module {
  asg.graph @gradient(%x: tensor<f32> {asg.name = "x"}) -> (tensor<f32> {asg.name = "y"}) {
    // expected-error@+1 {{'asg.gradient' op is left; asg-differentiate expands it}}
    %0 = asg.gradient %x wrt %x : (tensor<f32>, tensor<f32>) -> tensor<f32>
    asg.return %0 : tensor<f32>
  }
}

// -----

module {
  asg.graph @foreign(%x: tensor<f32> {asg.name = "x"}) -> (tensor<f32> {asg.name = "y"}) {
    // expected-error@+1 {{op 'arith.negf' is not of the asg dialect}}
    %0 = arith.negf %x : tensor<f32>
    asg.return %0 : tensor<f32>
  }
}
