// RUN: asgc-opt %s --split-input-file --verify-diagnostics

// Elementwise ops, and the types that every op keeps to.

asg.graph @f(%x: tensor<2xf32> {asg.name = "x"}, %y: tensor<3xf32> {asg.name = "y"}) {
  // expected-error@+1 {{'asg.add' op requires the same type for all operands and results}}
  %0 = "asg.add"(%x, %y) : (tensor<2xf32>, tensor<3xf32>) -> tensor<2xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<2xf32> {asg.name = "x"}) {
  // expected-error@+1 {{requires the same type for all operands and results}}
  %0 = "asg.exp"(%x) : (tensor<2xf32>) -> tensor<2xf64>
  asg.return
}

// -----

asg.graph @f(%x: tensor<2xi32> {asg.name = "x"}) {
  // expected-error@+1 {{operand #0 must be tensor (run-time extents named, at most 2^40 elements) of}}
  %0 = asg.exp %x : tensor<2xi32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<2xi1> {asg.name = "x"}) {
  // expected-error@+1 {{operand #0 must be tensor (run-time extents named, at most 2^40 elements) of}}
  %0 = asg.add %x, %x : tensor<2xi1>
  asg.return
}

// -----

asg.graph @f(%c: tensor<3xi1> {asg.name = "c"}, %x: tensor<2xf32> {asg.name = "x"}) {
  // expected-error@+1 {{selects f32[2] by bool[3], which has another shape}}
  %0 = asg.select %c, %x, %x : tensor<3xi1>, tensor<2xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<2xf32> {asg.name = "x"}) {
  // expected-error@+1 {{changes the element type only, not f32[2] to i32[3]}}
  %0 = asg.cast %x : tensor<2xf32> to tensor<3xi32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<2xf32> {asg.name = "x"}, %y: tensor<3xf32> {asg.name = "y"}) {
  // expected-error@+1 {{requires all operands to have the same type}}
  %0 = "asg.compare"(%x, %y) <{predicate = 0 : i32}> : (tensor<2xf32>, tensor<3xf32>) -> tensor<2xi1>
  asg.return
}

// -----

asg.graph @f(%x: tensor<2xf32> {asg.name = "x"}) {
  // expected-error@+1 {{gives bool[2], not bool[3]}}
  %0 = "asg.compare"(%x, %x) <{predicate = 0 : i32}> : (tensor<2xf32>, tensor<2xf32>) -> tensor<3xi1>
  asg.return
}

// -----

asg.graph @f() {
  // expected-error@+1 {{has no axis 1 in i32[3]}}
  %0 = asg.iota axis 1 : tensor<3xi32>
  asg.return
}

// -----

asg.graph @f() {
  // expected-error@+1 {{has no axis -1 in i32[3]}}
  %0 = asg.iota axis -1 : tensor<3xi32>
  asg.return
}

// -----

asg.graph @f() {
  // expected-error@+1 {{has extent 'n + m', which is not in normal form}}
  %0 = asg.dim "n + m" : tensor<i64>
  asg.return
}

// -----

asg.graph @f() {
  // expected-error@+1 {{has extent 'n +', which is not in normal form}}
  %0 = asg.dim "n +" : tensor<i64>
  asg.return
}

// -----

asg.graph @f(%x: tensor<?xf32, #asg.dims<n>> {asg.name = "x"}) dims = {n = 8} {
  // expected-error@+1 {{gives a scalar, not i64[2]}}
  %0 = asg.dim "n" : tensor<2xi64>
  asg.return
}

// -----

asg.graph @f(%x: tensor<?xf32, #asg.dims<n>> {asg.name = "x"}) dims = {n = 8} {
  // expected-error@+1 {{names dim 'q', which the graph has not}}
  %0 = asg.dim "q" : tensor<i64>
  asg.return
}

// -----

asg.graph @f() {
  // expected-error@+1 {{needs dense values}}
  %0 = asg.constant dense_resource<none> : tensor<3xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<2xf32> {asg.name = "x"}) {
  // expected-error@+1 {{result #0 must be tensor (run-time extents named, at most 2^40 elements) of}}
  %0 = "asg.neg"(%x) : (tensor<2xf32>) -> tensor<?xf32>
  asg.return
}

// -----

asg.graph @f(%s: tensor<i64> {asg.name = "s"}) {
  // expected-error@+1 {{needs a stream between 0 and 2^32 - 1, not -1}}
  %0 = asg.random_uniform %s, %s stream -1 : tensor<3xf32>
  asg.return
}

// -----

asg.graph @f(%s: tensor<i64> {asg.name = "s"}) {
  // expected-error@+1 {{needs a stream between 0 and 2^32 - 1, not 4294967296}}
  %0 = asg.random_normal %s, %s stream 4294967296 : tensor<3xf32>
  asg.return
}

// -----

asg.graph @f(%s: tensor<i64> {asg.name = "s"}) {
  // expected-error@+1 {{draws at most 2^32 elements, not f32[8589934592]}}
  %0 = asg.random_uniform %s, %s stream 0 : tensor<8589934592xf32>
  asg.return
}

// -----

asg.graph @f(%s: tensor<i32> {asg.name = "s"}) {
  // expected-error@+1 {{operand #0 must be tensor<i64>}}
  %0 = "asg.random_uniform"(%s, %s) <{stream = 0 : i64}> : (tensor<i32>, tensor<i32>) -> tensor<3xf32>
  asg.return
}
