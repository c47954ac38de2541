// RUN: asgc-opt %s --split-input-file --verify-diagnostics

// Loops and branches: what they call, and with what.

asg.graph @f(%n: tensor<i64> {asg.name = "n"}, %x: tensor<3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{calls @nothing, which is no graph}}
  %0 = asg.loop @nothing count %n (%x) : (tensor<i64>, tensor<3xf32>) -> tensor<3xf32>
  asg.return
}

// -----

asg.graph @body(%i: tensor<i64> {asg.name = "i"}, %x: tensor<3xf32> {asg.name = "x"}) -> (tensor<3xf32> {asg.name = "y"}) {
  asg.return %x : tensor<3xf32>
}
asg.graph @f(%n: tensor<i64> {asg.name = "n"}, %x: tensor<3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{calls @body, which is no private graph}}
  %0 = asg.loop @body count %n (%x) : (tensor<i64>, tensor<3xf32>) -> tensor<3xf32>
  asg.return
}

// -----

// Nothing calls itself, by whatever way.
asg.graph private @f(%i: tensor<i64> {asg.name = "i"}, %x: tensor<3xf32> {asg.name = "x"}) -> (tensor<3xf32> {asg.name = "y"}) {
  // expected-error@+1 {{calls @f, which does not stand before the graph}}
  %0 = asg.loop @f count %i (%x) : (tensor<i64>, tensor<3xf32>) -> tensor<3xf32>
  asg.return %0 : tensor<3xf32>
}

// -----

asg.graph @f(%n: tensor<i64> {asg.name = "n"}, %x: tensor<3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{calls @body, which does not stand before the graph}}
  %0 = asg.loop @body count %n (%x) : (tensor<i64>, tensor<3xf32>) -> tensor<3xf32>
  asg.return
}
asg.graph private @body(%i: tensor<i64> {asg.name = "i"}, %x: tensor<3xf32> {asg.name = "x"}) -> (tensor<3xf32> {asg.name = "y"}) {
  asg.return %x : tensor<3xf32>
}

// -----

asg.graph private @body(%i: tensor<i64> {asg.name = "i"}, %x: tensor<3xf32> {asg.name = "x"}) -> (tensor<3xf32> {asg.name = "y"}) {
  asg.return %x : tensor<3xf32>
}
asg.graph @f(%n: tensor<i64> {asg.name = "n"}, %x: tensor<2xf32> {asg.name = "x"}) {
  // expected-error@+1 {{calls @body, whose input 1 is f32[3], not f32[2]}}
  %0 = asg.loop @body count %n (%x) : (tensor<i64>, tensor<2xf32>) -> tensor<2xf32>
  asg.return
}

// -----

// With a condition, the body says whether to go on.
asg.graph private @body(%i: tensor<i64> {asg.name = "i"}, %x: tensor<3xf32> {asg.name = "x"}) -> (tensor<3xf32> {asg.name = "y"}) {
  asg.return %x : tensor<3xf32>
}
asg.graph @f(%c: tensor<i1> {asg.name = "c"}, %x: tensor<3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{calls @body, which has 1 outputs, not 2}}
  %0 = asg.loop @body while %c (%x) : (tensor<i1>, tensor<3xf32>) -> tensor<3xf32>
  asg.return
}

// -----

asg.graph @f(%x: tensor<3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{has no count and no condition, and would never end}}
  %0 = asg.loop @body (%x) : (tensor<3xf32>) -> tensor<3xf32>
  asg.return
}

// -----

asg.graph @f(%n: tensor<2xi64> {asg.name = "n"}, %x: tensor<3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{needs one i64 as its count, not i64[2]}}
  %0 = asg.loop @body count %n (%x) : (tensor<2xi64>, tensor<3xf32>) -> tensor<3xf32>
  asg.return
}

// -----

asg.graph @f(%n: tensor<i64> {asg.name = "n"}, %x: tensor<3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{gives values of other types than those it starts with}}
  %0 = asg.loop @body count %n (%x) : (tensor<i64>, tensor<3xf32>) -> tensor<2xf32>
  asg.return
}

// -----

// A body has the extents of the graph that calls it.
asg.graph private @body(%i: tensor<i64> {asg.name = "i"}, %x: tensor<?xf32, #asg.dims<n>> {asg.name = "x"})
    -> (tensor<?xf32, #asg.dims<n>> {asg.name = "y"}) dims = {n = 4} {
  asg.return %x : tensor<?xf32, #asg.dims<n>>
}
asg.graph @f(%k: tensor<i64> {asg.name = "k"}, %x: tensor<?xf32, #asg.dims<n>> {asg.name = "x"}) dims = {n = 5} {
  // expected-error@+1 {{calls @body, whose dim 'n' the graph has not, or with another bound}}
  %0 = asg.loop @body count %k (%x) : (tensor<i64>, tensor<?xf32, #asg.dims<n>>) -> tensor<?xf32, #asg.dims<n>>
  asg.return
}

// -----

asg.state @s : tensor<3xf32> role "state"
asg.graph private @body(%x: tensor<3xf32> {asg.name = "x"}) -> (tensor<3xf32> {asg.name = "y"}) {
  // expected-error@+1 {{assigns @s in a private graph}}
  asg.assign @s, %x : tensor<3xf32>
  asg.return %x : tensor<3xf32>
}

// -----

// Whoever reads it, directly or not.
asg.state @s : tensor<3xf32> role "state"
asg.graph private @inner(%x: tensor<3xf32> {asg.name = "x"}) -> (tensor<3xf32> {asg.name = "y"}) {
  %s = asg.read @s : tensor<3xf32>
  asg.return %s : tensor<3xf32>
}
asg.graph private @body(%i: tensor<i64> {asg.name = "i"}, %x: tensor<3xf32> {asg.name = "x"}, %c: tensor<i1> {asg.name = "c"})
    -> (tensor<3xf32> {asg.name = "y"}) {
  %y = asg.if %c then @inner else @inner (%x) : (tensor<i1>, tensor<3xf32>) -> tensor<3xf32>
  asg.return %y : tensor<3xf32>
}
asg.graph @f(%n: tensor<i64> {asg.name = "n"}, %c: tensor<i1> {asg.name = "c"}, %x: tensor<3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{calls @body, which reads @s, which the graph assigns}}
  %0 = asg.loop @body count %n (%x) with (%c) : (tensor<i64>, tensor<3xf32>, tensor<i1>) -> tensor<3xf32>
  asg.assign @s, %0 : tensor<3xf32>
  asg.return
}

// -----

asg.graph @f(%c: tensor<2xi1> {asg.name = "c"}, %x: tensor<3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{needs one bool as its condition, not bool[2]}}
  %0 = asg.if %c then @a else @b (%x) : (tensor<2xi1>, tensor<3xf32>) -> tensor<3xf32>
  asg.return
}

// -----

asg.graph private @a(%x: tensor<3xf32> {asg.name = "x"}) -> (tensor<3xf32> {asg.name = "y"}) {
  asg.return %x : tensor<3xf32>
}
asg.graph private @b(%x: tensor<3xf32> {asg.name = "x"}) -> (tensor<f32> {asg.name = "y"}) {
  %0 = asg.reduce_sum %x axes [0] : (tensor<3xf32>) -> tensor<f32>
  asg.return %0 : tensor<f32>
}
asg.graph @f(%c: tensor<i1> {asg.name = "c"}, %x: tensor<3xf32> {asg.name = "x"}) {
  // expected-error@+1 {{calls @b, whose output 0 is f32, not f32[3]}}
  %0 = asg.if %c then @a else @b (%x) : (tensor<i1>, tensor<3xf32>) -> tensor<3xf32>
  asg.return
}
