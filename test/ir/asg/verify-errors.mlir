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

// -----

module {
  asg.graph @two_maps(%x: tensor<4x4xf32> {asg.name = "x"}) -> (tensor<4x4xf32> {asg.name = "y"}) {
    %0 = asg.fusion "map" -> tensor<4x4xf32> {
      // expected-error@+1 {{'asg.exp' op is read at two different index maps in its fusion}}
      %1 = asg.exp %x : tensor<4x4xf32>
      %2 = asg.transpose %1 perm [1, 0] : (tensor<4x4xf32>) -> tensor<4x4xf32>
      %3 = asg.add %1, %2 : tensor<4x4xf32>
      asg.yield %3 : tensor<4x4xf32>
    }
    asg.return %0 : tensor<4x4xf32>
  }
}

// -----

module {
  asg.graph @two_spaces(%x: tensor<4x8xf32> {asg.name = "x"}) -> (tensor<4xf32> {asg.name = "a"}, tensor<8xf32> {asg.name = "b"}) {
    %0:2 = asg.fusion "reduce" -> tensor<4xf32>, tensor<8xf32> {
      // expected-note@+1 {{the fusion reduces here, too}}
      %1 = asg.reduce_sum %x axes [1] : (tensor<4x8xf32>) -> tensor<4xf32>
      // expected-error@+1 {{reduces another shape or other axes than its fusion}}
      %2 = asg.reduce_sum %x axes [0] : (tensor<4x8xf32>) -> tensor<8xf32>
      asg.yield %1, %2 : tensor<4xf32>, tensor<8xf32>
    }
    asg.return %0#0, %0#1 : tensor<4xf32>, tensor<8xf32>
  }
}

// -----

module {
  asg.graph @no_kernel(%x: tensor<4x4xf32> {asg.name = "x"}) -> (tensor<4x4xf32> {asg.name = "y"}) {
    %0 = asg.fusion "map" -> tensor<4x4xf32> {
      // expected-error@+1 {{'asg.dot' op has no affine index map to its operand}}
      %1 = asg.dot %x, %x batch [] x [] contract [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
      asg.yield %1 : tensor<4x4xf32>
    }
    asg.return %0 : tensor<4x4xf32>
  }
}

// -----

module {
  asg.graph @not_contraction(%x: tensor<4x4xf32> {asg.name = "x"}) -> (tensor<4x4xf32> {asg.name = "y"}) {
    // expected-error@+1 {{does more than bias, residual and activation}}
    %0 = asg.fusion "contraction" -> tensor<4x4xf32> {
      %1 = asg.dot %x, %x batch [] x [] contract [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
      %2 = asg.exp %1 : tensor<4x4xf32>
      asg.yield %2 : tensor<4x4xf32>
    }
    asg.return %0 : tensor<4x4xf32>
  }
}
