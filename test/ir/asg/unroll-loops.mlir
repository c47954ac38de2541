// RUN: asgc-opt %s --asg-unroll-loops=all | FileCheck %s

// CHECK-NOT: private @double
asg.graph private @double(%i: tensor<i64> {asg.name = "i"}, %x: tensor<4xf32> {asg.name = "x"}) -> (tensor<4xf32> {asg.name = "y"}) {
  %y = asg.add %x, %x : tensor<4xf32>
  asg.return %y : tensor<4xf32>
}

// CHECK-LABEL: asg.graph @known
// CHECK-SAME:    (%[[X:.*]]: tensor<4xf32>
// CHECK:     %[[Y:.*]] = asg.add %[[X]], %[[X]]
// CHECK:     %[[Z:.*]] = asg.add %[[Y]], %[[Y]]
// CHECK-NOT: asg.select
// CHECK:     asg.return %[[Z]]
asg.graph @known(%x: tensor<4xf32> {asg.name = "x"}) -> (tensor<4xf32> {asg.name = "y"}) {
  %two = asg.constant dense<2> : tensor<i64>
  %y = asg.loop @double count %two (%x) : (tensor<i64>, tensor<4xf32>) -> tensor<4xf32>
  asg.return %y : tensor<4xf32>
}

// CHECK-LABEL: asg.graph @never
// CHECK-SAME:    (%[[X:.*]]: tensor<4xf32>
// CHECK:     asg.return %[[X]]
asg.graph @never(%x: tensor<4xf32> {asg.name = "x"}) -> (tensor<4xf32> {asg.name = "y"}) {
  %none = asg.constant dense<-3> : tensor<i64>
  %y = asg.loop @double count %none (%x) : (tensor<i64>, tensor<4xf32>) -> tensor<4xf32>
  asg.return %y : tensor<4xf32>
}

// As many steps as the extent may have, taken while it has them.
// CHECK-LABEL: asg.graph @bounded
// CHECK-SAME:    (%[[X:.*]]: tensor<4xf32>
// CHECK:     %[[N:.*]] = asg.dim "n"
// CHECK:     asg.add
// CHECK:     %[[FIRST:.*]] = asg.compare gt, %[[N]]
// CHECK:     asg.select
// CHECK:     asg.add
// CHECK:     asg.compare gt, %[[N]]
// CHECK:     asg.select
// CHECK-NOT: asg.add
asg.graph @bounded(%x: tensor<4xf32> {asg.name = "x"}, %of: tensor<?xf32, #asg.dims<n>> {asg.name = "of"})
    -> (tensor<4xf32> {asg.name = "y"}) dims = {n = 2} {
  %n = asg.dim "n" : tensor<i64>
  %y = asg.loop @double count %n (%x) : (tensor<i64>, tensor<4xf32>) -> tensor<4xf32>
  asg.return %y : tensor<4xf32>
}

// What only the data decide stays.
// CHECK-LABEL: asg.graph @open
// CHECK:     asg.loop @half
asg.graph private @half(%i: tensor<i64> {asg.name = "i"}, %x: tensor<f32> {asg.name = "x"})
    -> (tensor<i1> {asg.name = "goes_on"}, tensor<f32> {asg.name = "y"}) {
  %part = asg.constant dense<0.5> : tensor<f32>
  %y = asg.mul %x, %part : tensor<f32>
  %goes_on = asg.compare gt, %y, %part : tensor<f32>
  asg.return %goes_on, %y : tensor<i1>, tensor<f32>
}
asg.graph @open(%c: tensor<i1> {asg.name = "c"}, %x: tensor<f32> {asg.name = "x"}) -> (tensor<f32> {asg.name = "y"}) {
  %y = asg.loop @half while %c (%x) : (tensor<i1>, tensor<f32>) -> tensor<f32>
  asg.return %y : tensor<f32>
}

// Two steps of three places: a row of zeros behind them.
// CHECK-LABEL: asg.graph @collected
// CHECK:     %[[A:.*]] = asg.reshape
// CHECK:     %[[B:.*]] = asg.reshape
// CHECK:     %[[ZERO:.*]] = asg.constant dense<0.000000e+00> : tensor<1x4xf32>
// CHECK:     asg.concat %[[A]], %[[B]], %[[ZERO]] axis 0
asg.graph private @rows(%i: tensor<i64> {asg.name = "i"}, %x: tensor<4xf32> {asg.name = "x"})
    -> (tensor<4xf32> {asg.name = "y"}, tensor<4xf32> {asg.name = "row"}) {
  %y = asg.add %x, %x : tensor<4xf32>
  asg.return %y, %x : tensor<4xf32>, tensor<4xf32>
}
asg.graph @collected(%x: tensor<4xf32> {asg.name = "x"}) -> (tensor<3x4xf32> {asg.name = "y"}) {
  %two = asg.constant dense<2> : tensor<i64>
  %y:2 = asg.loop @rows count %two (%x) : (tensor<i64>, tensor<4xf32>) -> (tensor<4xf32>, tensor<3x4xf32>)
  asg.return %y#1 : tensor<3x4xf32>
}

// A loop has no gradient, its steps have.
// CHECK-LABEL: asg.graph @differentiated
// CHECK-NOT:   asg.loop
// CHECK:       asg.gradient
asg.graph @differentiated(%x: tensor<4xf32> {asg.name = "x"}) -> (tensor<4xf32> {asg.name = "y"}) {
  %two = asg.constant dense<2> : tensor<i64>
  %y:2 = asg.loop @rows count %two (%x) : (tensor<i64>, tensor<4xf32>) -> (tensor<4xf32>, tensor<3x4xf32>)
  %loss = asg.reduce_sum %y#1 axes [0, 1] : (tensor<3x4xf32>) -> tensor<f32>
  %dx = asg.gradient %loss wrt %x : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  asg.return %dx : tensor<4xf32>
}
