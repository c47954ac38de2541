// RUN: asgc-opt %s --plan-build --plan-assign-memory --plan-verify | FileCheck %s

// The arena of what a loop or a branch runs is a buffer of the program that runs
// it, and as large as the largest of them.
module {
  // CHECK-LABEL: plan.program private @step
  // CHECK-SAME:    dims {n = 8}
  // CHECK:         arena 64
  asg.graph private @step(%i: tensor<i64> {asg.name = "i"}, %x: tensor<?xf32, #asg.dims<n>> {asg.name = "x"})
      -> (tensor<i1> {asg.name = "goes_on"}, tensor<?xf32, #asg.dims<n>> {asg.name = "y"}) dims = {n = 8} {
    %sum = asg.reduce_sum %x axes [0] : (tensor<?xf32, #asg.dims<n>>) -> tensor<f32>
    %wide = asg.broadcast %sum dims [] : (tensor<f32>) -> tensor<?xf32, #asg.dims<n>>
    %y = asg.add %x, %wide : tensor<?xf32, #asg.dims<n>>
    %limit = asg.constant dense<9.0> : tensor<f32>
    %goes_on = asg.compare lt, %sum, %limit : tensor<f32>
    asg.return %goes_on, %y : tensor<i1>, tensor<?xf32, #asg.dims<n>>
  }

  // A body that runs another has room for it in its own arena.
  // CHECK-LABEL: plan.program private @outer
  // CHECK:         arena [[$OUTER:[0-9]+]]
  // CHECK:         %[[SPARE:.*]] = plan.alloc {{.*}} : tensor<?xf32
  // CHECK:         %[[ROOM:.*]] = plan.alloc {{.*}} : tensor<64xi8>
  // CHECK:         plan.loop "outer.loop" @step count %k : tensor<i64> while %c : tensor<i1>
  // CHECK-SAME:      (%x : tensor<?xf32, #asg.dims<n>>) with () -> (%y : {{.*}}) spares (%[[SPARE]] : {{.*}}) workspace %[[ROOM]]
  asg.graph private @outer(%k: tensor<i64> {asg.name = "k"}, %c: tensor<i1> {asg.name = "c"}, %x: tensor<?xf32, #asg.dims<n>> {asg.name = "x"})
      -> (tensor<?xf32, #asg.dims<n>> {asg.name = "y"}) dims = {n = 8} {
    %y = asg.loop @step count %k while %c (%x) : (tensor<i64>, tensor<i1>, tensor<?xf32, #asg.dims<n>>) -> tensor<?xf32, #asg.dims<n>>
    asg.return %y : tensor<?xf32, #asg.dims<n>>
  }
  // CHECK-LABEL: plan.program private @none
  // CHECK:         arena 0
  asg.graph private @none(%k: tensor<i64> {asg.name = "k"}, %c: tensor<i1> {asg.name = "c"}, %x: tensor<?xf32, #asg.dims<n>> {asg.name = "x"})
      -> (tensor<?xf32, #asg.dims<n>> {asg.name = "y"}) dims = {n = 8} {
    asg.return %x : tensor<?xf32, #asg.dims<n>>
  }

  // CHECK-LABEL: plan.program @infer
  // CHECK:         %[[ROOM:.*]] = plan.alloc {{.*}} : tensor<[[$OUTER]]xi8>
  // CHECK:         plan.if "infer.if" %c : tensor<i1> then @outer else @none
  // CHECK-SAME:      (%k : tensor<i64>, %c : tensor<i1>, %x : {{.*}}) -> (%y : {{.*}}) workspace %[[ROOM]]
  asg.graph @infer(%k: tensor<i64> {asg.name = "k"}, %c: tensor<i1> {asg.name = "c"}, %x: tensor<?xf32, #asg.dims<n>> {asg.name = "x"})
      -> (tensor<?xf32, #asg.dims<n>> {asg.name = "y"}) dims = {n = 8} {
    %y = asg.if %c then @outer else @none (%k, %c, %x)
      : (tensor<i1>, tensor<i64>, tensor<i1>, tensor<?xf32, #asg.dims<n>>) -> tensor<?xf32, #asg.dims<n>>
    asg.return %y : tensor<?xf32, #asg.dims<n>>
  }
}
