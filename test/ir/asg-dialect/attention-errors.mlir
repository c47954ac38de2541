// RUN: asgc-opt %s --split-input-file --verify-diagnostics

asg.graph @rank(%q: tensor<3xf32> {asg.name = "q"}) {
  // expected-error @+1 {{'asg.attention' op cannot attend from f32[3] to f32[3] and f32[3]: each is [batch…, sequence, features]}}
  %y, %lse = asg.attention %q, %q, %q scale 1.0 : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<f32>)
  asg.return
}

// -----

asg.graph @batch(%q: tensor<2x3x4xf32> {asg.name = "q"}, %k: tensor<5x3x4xf32> {asg.name = "k"}) {
  // expected-error @+1 {{cannot attend from f32[2, 3, 4] to f32[5, 3, 4] and f32[5, 3, 4]: axis 0 differs}}
  %y, %lse = asg.attention %q, %k, %k scale 1.0 : (tensor<2x3x4xf32>, tensor<5x3x4xf32>, tensor<5x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<2x3xf32>)
  asg.return
}

// -----

asg.graph @depth(%q: tensor<3x4xf32> {asg.name = "q"}, %k: tensor<3x5xf32> {asg.name = "k"}) {
  // expected-error @+1 {{cannot attend from f32[3, 4] to f32[3, 5] and f32[3, 5]: queries and keys have other features}}
  %y, %lse = asg.attention %q, %k, %k scale 1.0 : (tensor<3x4xf32>, tensor<3x5xf32>, tensor<3x5xf32>) -> (tensor<3x5xf32>, tensor<3xf32>)
  asg.return
}

// -----

asg.graph @values(%q: tensor<3x4xf32> {asg.name = "q"}, %v: tensor<2x4xf32> {asg.name = "v"}) {
  // expected-error @+1 {{cannot attend from f32[3, 4] to f32[3, 4] and f32[2, 4]: there is a value for each key}}
  %y, %lse = asg.attention %q, %q, %v scale 1.0 : (tensor<3x4xf32>, tensor<3x4xf32>, tensor<2x4xf32>) -> (tensor<3x4xf32>, tensor<3xf32>)
  asg.return
}

// -----

asg.graph @none(%q: tensor<3x4xf32> {asg.name = "q"}, %k: tensor<0x4xf32> {asg.name = "k"}) {
  // expected-error @+1 {{cannot attend from f32[3, 4] to f32[0, 4] and f32[0, 4]: there is no key}}
  %y, %lse = asg.attention %q, %k, %k scale 1.0 : (tensor<3x4xf32>, tensor<0x4xf32>, tensor<0x4xf32>) -> (tensor<3x4xf32>, tensor<3xf32>)
  asg.return
}

// -----

asg.graph @types(%q: tensor<3x4xf32> {asg.name = "q"}, %k: tensor<3x4xf16> {asg.name = "k"}) {
  // expected-error @+1 {{needs one element type, but has f32[3, 4] and f16[3, 4]}}
  %y, %lse = asg.attention %q, %k, %k scale 1.0 : (tensor<3x4xf32>, tensor<3x4xf16>, tensor<3x4xf16>) -> (tensor<3x4xf32>, tensor<3xf32>)
  asg.return
}

// -----

asg.graph @result(%q: tensor<3x4xf16> {asg.name = "q"}) {
  // expected-error @+1 {{'asg.attention' op gives f32[3], not f16[3]}}
  %y, %lse = asg.attention %q, %q, %q scale 1.0 : (tensor<3x4xf16>, tensor<3x4xf16>, tensor<3x4xf16>) -> (tensor<3x4xf16>, tensor<3xf16>)
  asg.return
}

// -----

asg.graph @grad(%q: tensor<3x4xf32> {asg.name = "q"}, %row: tensor<3xf32> {asg.name = "row"}) {
  // expected-error @+1 {{'asg.attention_grad' op takes f32[3] for delta, not f32[3, 4]}}
  %dq, %dk, %dv = asg.attention_grad %q, %q, %q, %q, %row, %q scale 1.0 : (tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>, tensor<3xf32>, tensor<3x4xf32>) -> (tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>)
  asg.return
}
