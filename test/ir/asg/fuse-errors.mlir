// RUN: asgc-opt %s --split-input-file --verify-diagnostics --asg-fuse

module {
  asg.graph @twice(%x: tensor<f32> {asg.name = "x"}) -> (tensor<f32> {asg.name = "y"}) {
    // expected-error@+1 {{'asg.fusion' op is there already; asg-fuse runs once}}
    %0 = asg.fusion "map" -> tensor<f32> {
      %1 = asg.exp %x : tensor<f32>
      asg.yield %1 : tensor<f32>
    }
    asg.return %0 : tensor<f32>
  }
}

// -----

module {
  asg.graph @layer(%x: tensor<f32> {asg.name = "x"}) -> (tensor<f32> {asg.name = "y"}) {
    // expected-error@+1 {{'asg.layer' op is left; asg-fuse takes legal asg}}
    %0 = asg.layer "l" block "b" -> tensor<f32> {
      asg.yield %x : tensor<f32>
    }
    asg.return %0 : tensor<f32>
  }
}
