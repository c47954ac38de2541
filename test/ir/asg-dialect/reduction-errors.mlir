// RUN: asgc-opt %s --split-input-file --verify-diagnostics

// Reductions.

asg.graph @f(%x: tensor<2x3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{has no axis 2 in f32[2, 3]}}
  %0 = asg.reduce_sum %x axes [2] : (tensor<2x3xf32>) -> tensor<2xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<2x3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{has no axis -1 in f32[2, 3]}}
  %0 = asg.reduce_max %x axes [-1] : (tensor<2x3xf32>) -> tensor<2xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<2x3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{names axis 1 of f32[2, 3] twice}}
  %0 = asg.reduce_min %x axes [1, 1] : (tensor<2x3xf32>) -> tensor<2xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<2x3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{needs its axes in rising order}}
  %0 = asg.reduce_prod %x axes [1, 0] : (tensor<2x3xf32>) -> tensor<f32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<2x3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{gives f32[2], not f32[3]}}
  %0 = asg.reduce_sum %x axes [1] : (tensor<2x3xf32>) -> tensor<3xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<2x3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{has no axis 2 in f32[2, 3]}}
  %0 = asg.arg_max %x axis 2 : (tensor<2x3xf32>) -> tensor<2xi64>
  asg.return
}

// -----

asg.graph @f(%x: tensor<2x0xf32> {asg.name = "x"}) {
  // expected-error@+1 {{finds no element along axis 1 of f32[2, 0]}}
  %0 = asg.arg_min %x axis 1 : (tensor<2x0xf32>) -> tensor<2xi64>
  asg.return
}

// -----

asg.graph @f(%x: tensor<2x3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{gives i64[2], not i64[3]}}
  %0 = asg.arg_max %x axis 1 : (tensor<2x3xf32>) -> tensor<3xi64>
  asg.return
}
