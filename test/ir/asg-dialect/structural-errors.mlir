// RUN: asgc-opt %s --split-input-file --verify-diagnostics

// Graphs, variables, layers and fusions.

asg.graph @f(%x: tensor<3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{differentiates a scalar, not f32[3]}}
  %0 = asg.gradient %x wrt %x : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<f32> {asg.name = "x"}) {
  // expected-error@+1 {{has 2 results for 1 values}}
  %0:2 = asg.gradient %x wrt %x : (tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
  asg.return
}

// -----

asg.graph @f(%x: tensor<f32> {asg.name = "x"}, %y: tensor<3xf32> {asg.name = "y"}) {
  // expected-error@+1 {{gives f32[2] as the gradient of f32[3]}}
  %0 = asg.gradient %x wrt %y : (tensor<f32>, tensor<3xf32>) -> tensor<2xf32>
  asg.return
}

// -----

asg.graph @f() {
  // expected-error@+1 {{names @nothing, which is no param or state}}
  %0 = asg.read @nothing : tensor<3xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{has kind 'weave', not map, row, reduce, update or contraction}}
  %0 = asg.fusion "weave" -> tensor<3xf32> { asg.yield %x : tensor<3xf32> }
  asg.return
}

// -----

asg.graph @f(%x: tensor<3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{returns 0 values from an op with 1 results}}
  %0 = asg.layer "a" block "b" -> tensor<3xf32> { asg.yield }
  asg.return
}

// -----

asg.graph @f(%x: tensor<3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{returns f32[3] as result 0, which is f32[2]}}
  %0 = asg.layer "a" block "b" -> tensor<2xf32> { asg.yield %x : tensor<3xf32> }
  asg.return
}

// -----

asg.graph @f() {
  // expected-error@+1 {{region should have no arguments}}
  "asg.layer"() <{path = "a", block = "b"}> ({ ^bb0(%a: tensor<f32>): asg.yield }) : () -> ()
  asg.return
}

// -----

asg.graph @f() {
  // expected-error@+1 {{does not end with asg.yield}}
  "asg.layer"() <{path = "a", block = "b"}> ({ %0 = asg.iota axis 0 : tensor<2xi32> }) : () -> ()
  asg.return
}

// -----

// expected-error@+1 {{has no dim 'n', which f32[n] names}}
asg.graph @f(%x: tensor<?xf32, #asg.dims<n>> {asg.name = "x"}) {
  asg.return
}

// -----

// expected-error@+1 {{holds tensors with known or named extents, not 'tensor<?xf32>'}}
asg.graph @f(%x: tensor<?xf32> {asg.name = "x"}) {
  asg.return
}

// -----

// expected-error@+1 {{holds tensors with known or named extents, not 'f32'}}
asg.graph @f(%x: f32 {asg.name = "x"}) {
  asg.return
}

// -----

// expected-error@+1 {{holds tensors with known or named extents, not 'tensor<1099511627777xf32>'}}
asg.graph @f(%x: tensor<1099511627777xf32> {asg.name = "x"}) {
  asg.return
}

// -----

// expected-error@+1 {{holds f32[n, n, n], more than 1099511627776 elements when its dims are at their bounds}}
asg.graph @f(%x: tensor<?x?x?xf32, #asg.dims<n, n, n>> {asg.name = "x"}) dims = {n = 1000000} {
  asg.return
}

// -----

// expected-error@+1 {{has no extent n - 9 in f32[n - 9] when its dims are at their bounds}}
asg.graph @f(%x: tensor<?xf32, #asg.dims<"n - 9">> {asg.name = "x"}) dims = {n = 8} {
  asg.return
}

// -----

// expected-error@+1 {{needs a bound between 1 and 2147483647 for dim 'n'}}
asg.graph @f(%x: tensor<?xf32, #asg.dims<n>> {asg.name = "x"}) dims = {n = 0} {
  asg.return
}

// -----

// expected-error@+1 {{has a dim '2*n', which is no name}}
asg.graph @f() dims = {"2*n" = 3} {
  asg.return
}

// -----

// expected-error@+1 {{dim 'n' has two bounds}}
asg.graph @f() dims = {n = 3, n = 4} {
  asg.return
}

// -----

// expected-error@+1 {{has no asg.name for input 0}}
asg.graph @f(%x: tensor<f32>) {
  asg.return
}

// -----

// expected-error@+1 {{has two inputs named 'x'}}
asg.graph @f(%x: tensor<f32> {asg.name = "x"}, %y: tensor<f32> {asg.name = "x"}) {
  asg.return
}

// -----

// expected-error@+1 {{has no asg.name for output 0}}
asg.graph @f(%x: tensor<f32> {asg.name = "x"}) -> tensor<f32> {
  asg.return %x : tensor<f32>
}

// -----

// expected-error@+1 {{does not end with asg.return}}
asg.graph @f(%x: tensor<f32> {asg.name = "x"}) {
  %0 = asg.exp %x : tensor<f32>
}

// -----

asg.graph @f(%x: tensor<3xf32> {asg.name = "x"}) -> (tensor<2xf32> {asg.name = "y"}) {
  // expected-error@+1 {{returns f32[3] as result 0, which is f32[2]}}
  asg.return %x : tensor<3xf32>
}

// -----

asg.graph @f(%x: tensor<3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{returns 1 values from an op with 0 results}}
  asg.return %x : tensor<3xf32>
}

// -----

// expected-error@+1 {{malformed extent 'n +'}}
asg.graph @f(%x: tensor<?xf32, #asg.dims<"n +">> {asg.name = "x"}) dims = {n = 2} {
  asg.return
}

// -----

// expected-error@+1 {{the type has 1 dims, its encoding 2}}
asg.graph @f(%x: tensor<?xf32, #asg.dims<n, 3>> {asg.name = "x"}) dims = {n = 2} {
  asg.return
}

// -----

// expected-error@+1 {{a type without run-time extents has no encoding}}
asg.graph @f(%x: tensor<3xf32, #asg.dims<3>> {asg.name = "x"}) {
  asg.return
}

// -----

// expected-error@+1 {{extent 4 : i64 of the encoding differs from the type's}}
asg.graph @f(%x: tensor<?x3xf32, #asg.dims<n, 4>> {asg.name = "x"}) dims = {n = 2} {
  asg.return
}

// -----

// expected-error@+1 {{expected an extent: a number, a name, or a quoted expression}}
asg.graph @f(%x: tensor<?xf32, #asg.dims<[]>> {asg.name = "x"}) {
  asg.return
}

// -----

// expected-note@+1 {{it is declared here}}
asg.param @w : tensor<3xf32>
asg.graph @f() {
  // expected-error@+1 {{has f32[2] for variable @w, a f32[3]}}
  %0 = asg.read @w : tensor<2xf32>
  asg.return
}

// -----

// expected-note@+1 {{it is declared here}}
asg.state @s : tensor<3xf32> role "state"
asg.graph @f(%x: tensor<3xf16> {asg.name = "x"}) {
  // expected-error@+1 {{has f16[3] for variable @s, a f32[3]}}
  asg.assign @s, %x : tensor<3xf16>
  asg.return
}

// -----

asg.state @s : tensor<3xf32> role "state"
asg.graph @f(%x: tensor<3xf32> {asg.name = "x"}) {
  // expected-note@+1 {{it is assigned here first}}
  asg.assign @s, %x : tensor<3xf32>
  // expected-error@+1 {{assigns @s a second time}}
  asg.assign @s, %x : tensor<3xf32>
  asg.return
}

// -----

// expected-error@+1 {{holds a tensor with extents known at compile time, not 'tensor<?xf32, #asg.dims<n>>'}}
asg.param @w : tensor<?xf32, #asg.dims<n>>

// -----

// expected-error@+1 {{has role 'weight', not state, optimizer, step or seed}}
asg.state @s : tensor<f32> role "weight"
