// RUN: asgc-opt %s --split-input-file --verify-diagnostics

// Dots and convolutions.

asg.graph @f(%x: tensor<2x3xf32> {asg.name = "x"}, %y: tensor<4x5xf32> {asg.name = "y"}) {
  // expected-error@+1 {{cannot contract f32[2, 3] with f32[4, 5]: axis 1 of lhs has extent 3, axis 0 of rhs 4}}
  %0 = asg.dot %x, %y batch [] x [] contract [1] x [0] : (tensor<2x3xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<2x3xf32> {asg.name = "x"}, %y: tensor<4x3xf32> {asg.name = "y"}) {
  // expected-error@+1 {{cannot batch f32[2, 3] with f32[4, 3]: axis 0 of lhs has extent 2, axis 0 of rhs 4}}
  %0 = asg.dot %x, %y batch [0] x [0] contract [1] x [1] : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<2x3xf32> {asg.name = "x"}, %y: tensor<3x5xf32> {asg.name = "y"}) {
  // expected-error@+1 {{pairs 2 axes of lhs with 1 of rhs}}
  %0 = asg.dot %x, %y batch [] x [] contract [1, 0] x [0] : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<5xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<2x3xf32> {asg.name = "x"}, %y: tensor<2x3xf32> {asg.name = "y"}) {
  // expected-error@+1 {{names axis 0 of f32[2, 3] twice}}
  %0 = asg.dot %x, %y batch [0] x [0] contract [0] x [1] : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<2x3xf32> {asg.name = "x"}, %y: tensor<3x5xf32> {asg.name = "y"}) {
  // expected-error@+1 {{has no axis 4 in f32[2, 3]}}
  %0 = asg.dot %x, %y batch [] x [] contract [4] x [0] : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<2x5xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<2x3xf32> {asg.name = "x"}, %y: tensor<3x5xf16> {asg.name = "y"}) {
  // expected-error@+1 {{needs one element type, but has f32[2, 3] and f16[3, 5]}}
  %0 = asg.dot %x, %y batch [] x [] contract [1] x [0] : (tensor<2x3xf32>, tensor<3x5xf16>) -> tensor<2x5xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<?xf32, #asg.dims<n>> {asg.name = "x"}, %y: tensor<8xf32> {asg.name = "y"}) dims = {n = 8} {
  // expected-error@+1 {{cannot contract f32[n] with f32[8]: axis 0 of lhs has extent n, axis 0 of rhs 8}}
  %0 = asg.dot %x, %y batch [] x [] contract [0] x [0] : (tensor<?xf32, #asg.dims<n>>, tensor<8xf32>) -> tensor<f32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<1048576x1048576xf32> {asg.name = "x"}, %y: tensor<1048576x1048576xf32> {asg.name = "y"}) {
  // expected-error@+1 {{result #0 must be tensor (run-time extents named, at most 2^40 elements) of}}
  %0 = asg.dot %x, %y batch [] x [] contract [] x [] : (tensor<1048576x1048576xf32>, tensor<1048576x1048576xf32>) -> tensor<1048576x1048576x1048576x1048576xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x2x4x4xf32> {asg.name = "x"}, %w: tensor<3x2x3x3xf32> {asg.name = "w"}) {
  // expected-error@+1 {{needs 2 entries in strides, not 1}}
  %0 = asg.conv2d %x, %w strides [1] pad [0, 0], [0, 0] dilations [1, 1] groups 1 : (tensor<1x2x4x4xf32>, tensor<3x2x3x3xf32>) -> tensor<1x3x2x2xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x2x4x4xf32> {asg.name = "x"}, %w: tensor<3x2x3x3xf32> {asg.name = "w"}) {
  // expected-error@+1 {{needs entries of strides between 1 and 2147483647, not 0}}
  %0 = asg.conv2d %x, %w strides [0, 1] pad [0, 0], [0, 0] dilations [1, 1] groups 1 : (tensor<1x2x4x4xf32>, tensor<3x2x3x3xf32>) -> tensor<1x3x2x2xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x2x4x4xf32> {asg.name = "x"}, %w: tensor<3x2x3x3xf32> {asg.name = "w"}) {
  // expected-error@+1 {{needs entries of padLow between 0 and 2147483647, not -1}}
  %0 = asg.conv2d %x, %w strides [1, 1] pad [-1, 0], [0, 0] dilations [1, 1] groups 1 : (tensor<1x2x4x4xf32>, tensor<3x2x3x3xf32>) -> tensor<1x3x2x2xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x2x4x4xf32> {asg.name = "x"}, %w: tensor<3x2x3x3xf32> {asg.name = "w"}) {
  // expected-error@+1 {{needs entries of padHigh between 0 and 2147483647, not 9223372036854775807}}
  %0 = asg.conv2d %x, %w strides [1, 1] pad [0, 0], [0, 9223372036854775807] dilations [1, 1] groups 1 : (tensor<1x2x4x4xf32>, tensor<3x2x3x3xf32>) -> tensor<1x3x2x2xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x2x4x4xf32> {asg.name = "x"}, %w: tensor<3x2x3x3xf32> {asg.name = "w"}) {
  // expected-error@+1 {{needs entries of dilations between 1 and 2147483647, not 0}}
  %0 = asg.conv2d %x, %w strides [1, 1] pad [0, 0], [0, 0] dilations [1, 0] groups 1 : (tensor<1x2x4x4xf32>, tensor<3x2x3x3xf32>) -> tensor<1x3x2x2xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x2x4x4xf32> {asg.name = "x"}, %w: tensor<3x2x3x3xf32> {asg.name = "w"}) {
  // expected-error@+1 {{needs entries of groups between 1 and 2147483647, not 0}}
  %0 = asg.conv2d %x, %w strides [1, 1] pad [0, 0], [0, 0] dilations [1, 1] groups 0 : (tensor<1x2x4x4xf32>, tensor<3x2x3x3xf32>) -> tensor<1x3x2x2xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x2x4x4xf32> {asg.name = "x"}, %w: tensor<3x2x3x3xf16> {asg.name = "w"}) {
  // expected-error@+1 {{needs one element type, but has f32[1, 2, 4, 4] and f16[3, 2, 3, 3]}}
  %0 = asg.conv2d %x, %w strides [1, 1] pad [0, 0], [0, 0] dilations [1, 1] groups 1 : (tensor<1x2x4x4xf32>, tensor<3x2x3x3xf16>) -> tensor<1x3x2x2xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<2x4x4xf32> {asg.name = "x"}, %w: tensor<3x2x3x3xf32> {asg.name = "w"}) {
  // expected-error@+1 {{cannot convolve f32[2, 4, 4] with f32[3, 2, 3, 3]: images are [n, c, h, w] and filters [o, c / groups, kh, kw]}}
  %0 = asg.conv2d %x, %w strides [1, 1] pad [0, 0], [0, 0] dilations [1, 1] groups 1 : (tensor<2x4x4xf32>, tensor<3x2x3x3xf32>) -> tensor<1x3x2x2xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x?x4x4xf32, #asg.dims<1, n, 4, 4>> {asg.name = "x"}, %w: tensor<3x2x3x3xf32> {asg.name = "w"}) dims = {n = 8} {
  // expected-error@+1 {{channels and filters have extents known at compile time}}
  %0 = asg.conv2d %x, %w strides [1, 1] pad [0, 0], [0, 0] dilations [1, 1] groups 1 : (tensor<1x?x4x4xf32, #asg.dims<1, n, 4, 4>>, tensor<3x2x3x3xf32>) -> tensor<1x3x2x2xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x5x4x4xf32> {asg.name = "x"}, %w: tensor<3x2x3x3xf32> {asg.name = "w"}) {
  // expected-error@+1 {{the images have 5 channels, the filters take 1 groups of 2}}
  %0 = asg.conv2d %x, %w strides [1, 1] pad [0, 0], [0, 0] dilations [1, 1] groups 1 : (tensor<1x5x4x4xf32>, tensor<3x2x3x3xf32>) -> tensor<1x3x2x2xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x4x4x4xf32> {asg.name = "x"}, %w: tensor<3x2x3x3xf32> {asg.name = "w"}) {
  // expected-error@+1 {{the number of filters is no multiple of groups = 2}}
  %0 = asg.conv2d %x, %w strides [1, 1] pad [0, 0], [0, 0] dilations [1, 1] groups 2 : (tensor<1x4x4x4xf32>, tensor<3x2x3x3xf32>) -> tensor<1x3x2x2xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x2x4x4xf32> {asg.name = "x"}, %w: tensor<3x2x0x3xf32> {asg.name = "w"}) {
  // expected-error@+1 {{the filters' extent along axis 2 is zero or too large}}
  %0 = asg.conv2d %x, %w strides [1, 1] pad [0, 0], [0, 0] dilations [1, 1] groups 1 : (tensor<1x2x4x4xf32>, tensor<3x2x0x3xf32>) -> tensor<1x3x2x2xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x2x4x4xf32> {asg.name = "x"}, %w: tensor<3x2x3x3xf32> {asg.name = "w"}) {
  // expected-error@+1 {{the filters' extent along axis 3 is zero or too large}}
  %0 = asg.conv2d %x, %w strides [1, 1] pad [0, 0], [0, 0] dilations [1, 2147483647] groups 1 : (tensor<1x2x4x4xf32>, tensor<3x2x3x3xf32>) -> tensor<1x3x2x2xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x2x4x4xf32> {asg.name = "x"}, %w: tensor<3x2x5x3xf32> {asg.name = "w"}) {
  // expected-error@+1 {{the filter reaches over 5 elements along axis 2, the padded image has 4}}
  %0 = asg.conv2d %x, %w strides [1, 1] pad [0, 0], [0, 0] dilations [1, 1] groups 1 : (tensor<1x2x4x4xf32>, tensor<3x2x5x3xf32>) -> tensor<1x3x2x2xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x2x4x4xf32> {asg.name = "x"}, %w: tensor<3x2x2x2xf32> {asg.name = "w"}) {
  // expected-error@+1 {{gives f32[1, 3, 3, 3], not f32[1, 3, 2, 2]}}
  %0 = asg.conv2d %x, %w strides [1, 1] pad [0, 0], [0, 0] dilations [1, 1] groups 1 : (tensor<1x2x4x4xf32>, tensor<3x2x2x2xf32>) -> tensor<1x3x2x2xf32>
  asg.return
}

// -----

asg.graph @f(%d: tensor<1x3x2x2xf32> {asg.name = "d"}, %w: tensor<3x2x3x3xf32> {asg.name = "w"}) {
  // expected-error@+1 {{takes f32[1, 3, 3, 3] for dx f32[1, 2, 5, 5], not f32[1, 3, 2, 2]}}
  %0 = asg.conv2d_input_grad %d, %w strides [1, 1] pad [0, 0], [0, 0] dilations [1, 1] groups 1 : (tensor<1x3x2x2xf32>, tensor<3x2x3x3xf32>) -> tensor<1x2x5x5xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<1x2x4x4xf32> {asg.name = "x"}, %d: tensor<1x3x2x2xf32> {asg.name = "d"}) {
  // expected-error@+1 {{takes f32[1, 3, 3, 3] for dweight f32[3, 2, 2, 2], not f32[1, 3, 2, 2]}}
  %0 = asg.conv2d_weight_grad %x, %d strides [1, 1] pad [0, 0], [0, 0] dilations [1, 1] groups 1 : (tensor<1x2x4x4xf32>, tensor<1x3x2x2xf32>) -> tensor<3x2x2x2xf32>
  asg.return
}
