// RUN: asgc-opt %s --split-input-file --verify-diagnostics

// Windows over images.

asg.graph @f(%x: tensor<1x2x4x4xf32> {asg.name = "x"}) {
  // expected-error@+1 {{needs 2 entries in kernel, not 1}}
  %0:2 = asg.max_pool2d %x kernel [2] strides [2, 2] pad [0, 0], [0, 0] dilations [1, 1] : (tensor<1x2x4x4xf32>) -> (tensor<1x2x2x2xf32>, tensor<1x2x2x2xi32>)
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x2x4x4xf32> {asg.name = "x"}) {
  // expected-error@+1 {{needs entries of kernel between 1 and 2147483647, not 0}}
  %0:2 = asg.max_pool2d %x kernel [2, 0] strides [2, 2] pad [0, 0], [0, 0] dilations [1, 1] : (tensor<1x2x4x4xf32>) -> (tensor<1x2x2x2xf32>, tensor<1x2x2x2xi32>)
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x2x4x4xf32> {asg.name = "x"}) {
  // expected-error@+1 {{needs entries of strides between 1 and 2147483647, not -2}}
  %0:2 = asg.max_pool2d %x kernel [2, 2] strides [2, -2] pad [0, 0], [0, 0] dilations [1, 1] : (tensor<1x2x4x4xf32>) -> (tensor<1x2x2x2xf32>, tensor<1x2x2x2xi32>)
  asg.return
}

// -----

asg.graph @f(%x: tensor<2x4x4xf32> {asg.name = "x"}) {
  // expected-error@+1 {{takes images [n, c, h, w], not f32[2, 4, 4]}}
  %0:2 = asg.max_pool2d %x kernel [2, 2] strides [2, 2] pad [0, 0], [0, 0] dilations [1, 1] : (tensor<2x4x4xf32>) -> (tensor<1x2x2x2xf32>, tensor<1x2x2x2xi32>)
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x2x4x4xf32> {asg.name = "x"}) {
  // expected-error@+1 {{cannot pool axis 2 of f32[1, 2, 4, 4]: the padding 2 is not below the window's extent 2, so windows of padding alone would appear}}
  %0:2 = asg.max_pool2d %x kernel [2, 2] strides [2, 2] pad [2, 0], [0, 0] dilations [1, 1] : (tensor<1x2x4x4xf32>) -> (tensor<1x2x2x2xf32>, tensor<1x2x2x2xi32>)
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x2x2x4xf32> {asg.name = "x"}) {
  // expected-error@+1 {{cannot pool axis 2 of f32[1, 2, 2, 4]: its extent 2 is shorter than the step between taps, so windows of padding alone could appear}}
  %0:2 = asg.max_pool2d %x kernel [2, 2] strides [2, 2] pad [1, 0], [3, 0] dilations [3, 1] : (tensor<1x2x2x4xf32>) -> (tensor<1x2x2x2xf32>, tensor<1x2x2x2xi32>)
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x2x4x4xf32> {asg.name = "x"}) {
  // expected-error@+1 {{the window is too large}}
  %0:2 = asg.max_pool2d %x kernel [2147483647, 2] strides [2, 2] pad [0, 0], [0, 0] dilations [2, 1] : (tensor<1x2x4x4xf32>) -> (tensor<1x2x2x2xf32>, tensor<1x2x2x2xi32>)
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x2x4x4xf32> {asg.name = "x"}) {
  // expected-error@+1 {{cannot pool axis 3 of f32[1, 2, 4, 4]: the window reaches over 5 elements, the padded image has 4}}
  %0:2 = asg.max_pool2d %x kernel [2, 5] strides [2, 2] pad [0, 0], [0, 0] dilations [1, 1] : (tensor<1x2x4x4xf32>) -> (tensor<1x2x2x2xf32>, tensor<1x2x2x2xi32>)
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x1x65536x65536xf32> {asg.name = "x"}) {
  // expected-error@+1 {{needs planes of 1 to 2147483647 elements, not f32[1, 1, 65536, 65536]}}
  %0:2 = asg.max_pool2d %x kernel [2, 2] strides [2, 2] pad [0, 0], [0, 0] dilations [1, 1] : (tensor<1x1x65536x65536xf32>) -> (tensor<1x2x2x2xf32>, tensor<1x2x2x2xi32>)
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x2x4x4xf32> {asg.name = "x"}) {
  // expected-error@+1 {{gives f32[1, 2, 1, 1], not f32[1, 2, 2, 2]}}
  %0:2 = asg.max_pool2d %x kernel [3, 3] strides [2, 2] pad [0, 0], [0, 0] dilations [1, 1] : (tensor<1x2x4x4xf32>) -> (tensor<1x2x2x2xf32>, tensor<1x2x2x2xi32>)
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x2x2x2xf32> {asg.name = "x"}, %i: tensor<1x2x2x3xi32> {asg.name = "i"}) {
  // expected-error@+1 {{has f32[1, 2, 2, 2] for places i32[1, 2, 2, 3]}}
  %0 = asg.max_unpool2d %x, %i : (tensor<1x2x2x2xf32>, tensor<1x2x2x3xi32>) -> tensor<1x2x4x4xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x2x2x2xf32> {asg.name = "x"}, %i: tensor<1x2x2x2xi32> {asg.name = "i"}) {
  // expected-error@+1 {{keeps batch and channels, and cannot make f32[1, 3, 4, 4] of f32[1, 2, 2, 2]}}
  %0 = asg.max_unpool2d %x, %i : (tensor<1x2x2x2xf32>, tensor<1x2x2x2xi32>) -> tensor<1x3x4x4xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x2x2x2xf32> {asg.name = "x"}, %i: tensor<1x2x2x2xi32> {asg.name = "i"}) {
  // expected-error@+1 {{takes images [n, c, h, w], not f32[2, 4, 4]}}
  %0 = asg.max_unpool2d %x, %i : (tensor<1x2x2x2xf32>, tensor<1x2x2x2xi32>) -> tensor<2x4x4xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x2x4x4xf32> {asg.name = "x"}, %i: tensor<1x3x2x2xi32> {asg.name = "i"}) {
  // expected-error@+1 {{has places i32[1, 3, 2, 2] in planes of f32[1, 2, 4, 4], with another batch or number of channels}}
  %0 = asg.pool_gather2d %x, %i : (tensor<1x2x4x4xf32>, tensor<1x3x2x2xi32>) -> tensor<1x3x2x2xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x2x0x4xf32> {asg.name = "x"}, %i: tensor<1x2x2x2xi32> {asg.name = "i"}) {
  // expected-error@+1 {{needs planes of 1 to 2147483647 elements, not f32[1, 2, 0, 4]}}
  %0 = asg.pool_gather2d %x, %i : (tensor<1x2x0x4xf32>, tensor<1x2x2x2xi32>) -> tensor<1x2x2x2xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x2x4x4xf32> {asg.name = "x"}) {
  // expected-error@+1 {{the padding 2 is not below the window's extent 2}}
  %0 = asg.avg_pool2d %x kernel [2, 2] strides [2, 2] pad [0, 0], [0, 2] count_include_pad true : (tensor<1x2x4x4xf32>) -> tensor<1x2x2x2xf32>
  asg.return
}

// -----

asg.graph @f(%d: tensor<1x2x2x2xf32> {asg.name = "d"}) {
  // expected-error@+1 {{takes f32[1, 2, 3, 3] for dx f32[1, 2, 4, 4], not f32[1, 2, 2, 2]}}
  %0 = asg.avg_pool2d_grad %d kernel [2, 2] strides [1, 1] pad [0, 0], [0, 0] count_include_pad true : (tensor<1x2x2x2xf32>) -> tensor<1x2x4x4xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x1x?x?xf32, #asg.dims<1, 1, h, h>> {asg.name = "x"}, %i: tensor<1x1x2x2xi32> {asg.name = "i"}) dims = {h = 65536} {
  // expected-error@+1 {{needs planes of at most 2147483647 elements when dims are at their bounds, not f32[1, 1, h, h]}}
  %0 = asg.pool_gather2d %x, %i : (tensor<1x1x?x?xf32, #asg.dims<1, 1, h, h>>, tensor<1x1x2x2xi32>) -> tensor<1x1x2x2xf32>
  asg.return
}
