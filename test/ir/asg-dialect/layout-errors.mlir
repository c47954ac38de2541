// RUN: asgc-opt %s --split-input-file --verify-diagnostics

// Ops that arrange elements.

asg.graph @f(%x: tensor<2x3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{cannot make f32[7] of f32[2, 3]: 6 elements, not 7}}
  %0 = asg.reshape %x : tensor<2x3xf32> to tensor<7xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<2x3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{needs one element type, but has f32[2, 3] and i32[6]}}
  %0 = asg.reshape %x : tensor<2x3xf32> to tensor<6xi32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<?x4xf32, #asg.dims<n, 4>> {asg.name = "x"}) dims = {n = 8} {
  // expected-error@+1 {{cannot make f32[2*n] of f32[n, 4]: 4*n elements, not 2*n}}
  %0 = asg.reshape %x : tensor<?x4xf32, #asg.dims<n, 4>> to tensor<?xf32, #asg.dims<"2*n">>
  asg.return
}

// -----

asg.graph @f(%x: tensor<2x3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{permutes 1 axes, but has f32[2, 3]}}
  %0 = asg.transpose %x perm [0] : (tensor<2x3xf32>) -> tensor<2xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<2x3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{names axis 0 of f32[2, 3] twice}}
  %0 = asg.transpose %x perm [0, 0] : (tensor<2x3xf32>) -> tensor<2x2xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<2x3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{has no axis 2 in f32[2, 3]}}
  %0 = asg.transpose %x perm [0, 2] : (tensor<2x3xf32>) -> tensor<2x2xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{names 2 axes for f32[3]}}
  %0 = asg.broadcast %x dims [0, 1] : (tensor<3xf32>) -> tensor<3x3xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{has no axis 2 in f32[3, 3]}}
  %0 = asg.broadcast %x dims [2] : (tensor<3xf32>) -> tensor<3x3xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<3x3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{needs its axes in rising order}}
  %0 = asg.broadcast %x dims [1, 0] : (tensor<3x3xf32>) -> tensor<3x3xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{cannot repeat f32[3] to f32[3, 4]: axis 0 has extent 3, axis 1 of the result 4}}
  %0 = asg.broadcast %x dims [1] : (tensor<3xf32>) -> tensor<3x4xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{needs one element type}}
  %0 = asg.broadcast %x dims [1] : (tensor<3xf32>) -> tensor<2x3xf16>
  asg.return
}

// -----

asg.graph @f(%x: tensor<5xf32> {asg.name = "x"}) {
  // expected-error@+1 {{cannot take 3 elements from 3 with stride 1 along axis 0 of f32[5]: the axis is shorter}}
  %0 = asg.slice %x starts [3] strides [1] : (tensor<5xf32>) -> tensor<3xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<5xf32> {asg.name = "x"}) {
  // expected-error@+1 {{cannot take 4 elements from 0 with stride 2 along axis 0 of f32[5]: the axis is shorter}}
  %0 = asg.slice %x starts [0] strides [2] : (tensor<5xf32>) -> tensor<4xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<5xf32> {asg.name = "x"}) {
  // expected-error@+1 {{cannot take 1 elements from -6 with stride 1 along axis 0 of f32[5]: the axis is shorter}}
  %0 = asg.slice %x starts [-6] strides [1] : (tensor<5xf32>) -> tensor<1xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<?xf32, #asg.dims<n>> {asg.name = "x"}) dims = {n = 8} {
  // expected-error@+1 {{cannot take 2 elements from -2 with stride 1 along axis 0 of f32[n]: the axis may be shorter}}
  %0 = asg.slice %x starts [-2] strides [1] : (tensor<?xf32, #asg.dims<n>>) -> tensor<2xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<?xf32, #asg.dims<n>> {asg.name = "x"}) dims = {n = 8} {
  // expected-error@+1 {{cannot take n elements from 0 with stride 2 along axis 0 of f32[n]: the axis may be shorter}}
  %0 = asg.slice %x starts [0] strides [2] : (tensor<?xf32, #asg.dims<n>>) -> tensor<?xf32, #asg.dims<n>>
  asg.return
}

// -----

asg.graph @f(%x: tensor<5xf32> {asg.name = "x"}) {
  // expected-error@+1 {{needs entries of strides between 1 and 2147483647, not 0}}
  %0 = asg.slice %x starts [0] strides [0] : (tensor<5xf32>) -> tensor<5xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<5xf32> {asg.name = "x"}) {
  // expected-error@+1 {{needs 1 entries in strides, not 2}}
  %0 = asg.slice %x starts [0] strides [1, 1] : (tensor<5xf32>) -> tensor<5xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<5xf32> {asg.name = "x"}) {
  // expected-error@+1 {{cannot slice f32[5] to f32[5] with 2 starts}}
  %0 = asg.slice %x starts [0, 0] strides [1] : (tensor<5xf32>) -> tensor<5xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<5xf32> {asg.name = "x"}) {
  // expected-error@+1 {{starts at -9223372036854775807 along axis 0 of f32[5]}}
  %0 = asg.slice %x starts [-9223372036854775807] strides [1] : (tensor<5xf32>) -> tensor<1xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<5xf32> {asg.name = "x"}) {
  // expected-error@+1 {{needs one element type}}
  %0 = asg.slice %x starts [0] strides [1] : (tensor<5xf32>) -> tensor<5xf16>
  asg.return
}

// -----

asg.graph @f(%x: tensor<5xf32> {asg.name = "x"}) {
  // expected-error@+1 {{needs entries of low between 0 and 2147483647, not -1}}
  %0 = asg.pad %x low [-1] high [0] interior [0] value 0.0 : (tensor<5xf32>) -> tensor<4xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<5xf32> {asg.name = "x"}) {
  // expected-error@+1 {{needs 1 entries in high, not 2}}
  %0 = asg.pad %x low [0] high [0, 0] interior [0] value 0.0 : (tensor<5xf32>) -> tensor<5xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<5xf32> {asg.name = "x"}) {
  // expected-error@+1 {{needs entries of interior between 0 and 2147483647, not -2}}
  %0 = asg.pad %x low [0] high [0] interior [-2] value 0.0 : (tensor<5xf32>) -> tensor<5xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<0xf32> {asg.name = "x"}) {
  // expected-error@+1 {{pads between elements along axis 0 of f32[0], which has none}}
  %0 = asg.pad %x low [0] high [0] interior [1] value 0.0 : (tensor<0xf32>) -> tensor<0xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<1099511627776xf32> {asg.name = "x"}) {
  // expected-error@+1 {{makes axis 0 of f32[1099511627776] too large}}
  %0 = asg.pad %x low [0] high [0] interior [2147483647] value 0.0 : (tensor<1099511627776xf32>) -> tensor<5xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<5xf32> {asg.name = "x"}) {
  // expected-error@+1 {{gives f32[6], not f32[5]}}
  %0 = asg.pad %x low [1] high [0] interior [0] value 0.0 : (tensor<5xf32>) -> tensor<5xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<2x3xf32> {asg.name = "x"}, %y: tensor<2x4xf32> {asg.name = "y"}) {
  // expected-error@+1 {{cannot join f32[2, 3] with f32[2, 4] along axis 0}}
  %0 = asg.concat %x, %y axis 0 : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<4x3xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<2x3xf32> {asg.name = "x"}, %y: tensor<3xf32> {asg.name = "y"}) {
  // expected-error@+1 {{cannot join f32[2, 3] with f32[3] along axis 0}}
  %0 = asg.concat %x, %y axis 0 : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<3x3xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<2x3xf32> {asg.name = "x"}, %y: tensor<2x3xf16> {asg.name = "y"}) {
  // expected-error@+1 {{needs one element type, but has f32[2, 3] and f16[2, 3]}}
  %0 = asg.concat %x, %y axis 0 : (tensor<2x3xf32>, tensor<2x3xf16>) -> tensor<4x3xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<2x3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{has no axis 2 in f32[2, 3]}}
  %0 = asg.concat %x axis 2 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  asg.return
}

// -----

asg.graph @f() {
  // expected-error@+1 {{joins at least one tensor}}
  %0 = "asg.concat"() <{axis = 0 : i64}> : () -> tensor<2xf32>
  asg.return
}
