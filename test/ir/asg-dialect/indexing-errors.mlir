// RUN: asgc-opt %s --split-input-file --verify-diagnostics

// Gather and scatter.

asg.graph @f(%x: tensor<4x3xf32> {asg.name = "x"}, %i: tensor<2xi32> {asg.name = "i"}) {
  // expected-error@+1 {{has no axis 2 in f32[4, 3]}}
  %0 = asg.gather %x, %i axis 2 batch_dims 0 : (tensor<4x3xf32>, tensor<2xi32>) -> tensor<2x3xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<4x3xf32> {asg.name = "x"}, %i: tensor<2xi32> {asg.name = "i"}) {
  // expected-error@+1 {{cannot index axis 0 of f32[4, 3] with i32[2]: batch_dims = 1 is not between 0 and the axis and the indices' rank}}
  %0 = asg.gather %x, %i axis 0 batch_dims 1 : (tensor<4x3xf32>, tensor<2xi32>) -> tensor<2x3xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<4x3xf32> {asg.name = "x"}, %i: tensor<i32> {asg.name = "i"}) {
  // expected-error@+1 {{batch_dims = 1 is not between 0 and the axis and the indices' rank}}
  %0 = asg.gather %x, %i axis 1 batch_dims 1 : (tensor<4x3xf32>, tensor<i32>) -> tensor<4xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<4x3xf32> {asg.name = "x"}, %i: tensor<2xi32> {asg.name = "i"}) {
  // expected-error@+1 {{cannot index axis 1 of f32[4, 3] with i32[2]: batch axis 0 has extent 4 and 2}}
  %0 = asg.gather %x, %i axis 1 batch_dims 1 : (tensor<4x3xf32>, tensor<2xi32>) -> tensor<4xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<0x3xf32> {asg.name = "x"}, %i: tensor<2xi32> {asg.name = "i"}) {
  // expected-error@+1 {{cannot index axis 0 of f32[0, 3] with i32[2]: the axis is empty}}
  %0 = asg.gather %x, %i axis 0 batch_dims 0 : (tensor<0x3xf32>, tensor<2xi32>) -> tensor<2x3xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<4x3xf32> {asg.name = "x"}, %i: tensor<2xi32> {asg.name = "i"}) {
  // expected-error@+1 {{gives f32[2, 3], not f32[3]}}
  %0 = asg.gather %x, %i axis 0 batch_dims 0 : (tensor<4x3xf32>, tensor<2xi32>) -> tensor<3xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<4x3xf32> {asg.name = "x"}, %i: tensor<2xf32> {asg.name = "i"}) {
  // expected-error@+1 {{operand #1 must be tensor (run-time extents named, at most 2^40 elements) of 32-bit signless integer or 64-bit signless integer values}}
  %0 = asg.gather %x, %i axis 0 batch_dims 0 : (tensor<4x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<3x3xf32> {asg.name = "x"}, %i: tensor<2xi32> {asg.name = "i"}) {
  // expected-error@+1 {{takes f32[2, 3] to add into f32[4, 3], not f32[3, 3]}}
  %0 = asg.scatter_add %x, %i axis 0 batch_dims 0 : (tensor<3x3xf32>, tensor<2xi32>) -> tensor<4x3xf32>
  asg.return
}
