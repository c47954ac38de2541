// RUN: asgc-opt %s --asg-inline-branches=all | FileCheck %s --check-prefixes=CHECK,ALL
// RUN: asgc-opt %s --asg-inline-branches | FileCheck %s --check-prefixes=CHECK,SOME

// What nothing calls any more is dropped.
// ALL-NOT: private @twice
// SOME:    private @twice
asg.graph private @twice(%x: tensor<4xf32> {asg.name = "x"}) -> (tensor<4xf32> {asg.name = "y"}) {
  %y = asg.add %x, %x : tensor<4xf32>
  asg.return %y : tensor<4xf32>
}
asg.graph private @same(%x: tensor<4xf32> {asg.name = "x"}) -> (tensor<4xf32> {asg.name = "y"}) {
  asg.return %x : tensor<4xf32>
}
asg.graph private @unused() {
  asg.return
}

// CHECK-NOT:   @unused
// CHECK-LABEL: asg.graph @chosen
// CHECK-SAME:    (%[[C:.*]]: tensor<i1> {{.*}}, %[[X:.*]]: tensor<4xf32>
// ALL:     %[[TWICE:.*]] = asg.add %[[X]], %[[X]]
// ALL:     %[[WIDE:.*]] = asg.broadcast %[[C]]
// ALL:     asg.select %[[WIDE]], %[[TWICE]], %[[X]]
// SOME:    asg.if %[[C]] then @twice else @same
asg.graph @chosen(%c: tensor<i1> {asg.name = "c"}, %x: tensor<4xf32> {asg.name = "x"}) -> (tensor<4xf32> {asg.name = "y"}) {
  %y = asg.if %c then @twice else @same (%x) : (tensor<i1>, tensor<4xf32>) -> tensor<4xf32>
  asg.return %y : tensor<4xf32>
}

// A branch has no gradient, a choice between two values has.
// CHECK-LABEL: asg.graph @differentiated
// CHECK-NOT:   asg.if
// CHECK:       asg.select
// CHECK:       asg.gradient
asg.graph @differentiated(%c: tensor<i1> {asg.name = "c"}, %x: tensor<4xf32> {asg.name = "x"}) -> (tensor<4xf32> {asg.name = "y"}) {
  %y = asg.if %c then @twice else @same (%x) : (tensor<i1>, tensor<4xf32>) -> tensor<4xf32>
  %loss = asg.reduce_sum %y axes [0] : (tensor<4xf32>) -> tensor<f32>
  %dx = asg.gradient %loss wrt %x : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  asg.return %dx : tensor<4xf32>
}
