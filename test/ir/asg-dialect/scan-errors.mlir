// RUN: asgc-opt %s --split-input-file --verify-diagnostics

asg.graph @f(%x: tensor<4x3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{has no axis 2 in f32[4, 3]}}
  %0 = asg.cumsum %x axis 2 : (tensor<4x3xf32>) -> tensor<4x3xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<f32> {asg.name = "x"}) {
  // expected-error@+1 {{has no axis 0 in f32}}
  %0 = asg.cumsum %x axis 0 : (tensor<f32>) -> tensor<f32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<4xi8> {asg.name = "x"}) {
  // expected-error@+1 {{operand #0 must be}}
  %0 = asg.cumsum %x axis 0 : (tensor<4xi8>) -> tensor<4xi8>
  asg.return
}

// -----

asg.graph @f(%x: tensor<4x3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{gives f32[4, 3], not f32[3, 4]}}
  %0 = asg.cumsum %x axis 0 : (tensor<4x3xf32>) -> tensor<3x4xf32>
  asg.return
}

// -----

asg.graph @f(%a: tensor<3xf32> {asg.name = "a"}, %b: tensor<4x3xf32> {asg.name = "b"}) {
  // expected-error@+1 {{needs coefficients of the shape and type of what is added, but has f32[3] and f32[4, 3]}}
  %0 = asg.linear_scan %a, %b axis 0 : (tensor<3xf32>, tensor<4x3xf32>) -> tensor<4x3xf32>
  asg.return
}

// -----

asg.graph @f(%a: tensor<4xf16> {asg.name = "a"}, %b: tensor<4xf32> {asg.name = "b"}) {
  // expected-error@+1 {{needs coefficients of the shape and type of what is added, but has f16[4] and f32[4]}}
  %0 = asg.linear_scan %a, %b axis 0 : (tensor<4xf16>, tensor<4xf32>) -> tensor<4xf32>
  asg.return
}

// -----

asg.graph @f(%a: tensor<4xf32> {asg.name = "a"}) {
  // expected-error@+1 {{has no axis -1 in f32[4]}}
  %0 = asg.linear_scan %a, %a axis -1 reverse : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  asg.return
}
