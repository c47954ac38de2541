// RUN: asgc-opt %s --plan-build --plan-assign-memory | FileCheck %s

// A chain of two maps with a dot between: three steps.
// CHECK-LABEL: plan.program @main
// CHECK: arena 8192 lower_bound 8192
// CHECK: plan.kernel
// CHECK: plan.matmul
// CHECK: plan.kernel
asg.graph @main(%x: tensor<32x32xf32> {asg.name = "x"}) -> (tensor<32x32xf32> {asg.name = "y"}) dims = {} {
  %a = asg.tanh %x : tensor<32x32xf32>
  %b = asg.dot %a, %a batch [] x [] contract [1] x [0] : (tensor<32x32xf32>, tensor<32x32xf32>) -> tensor<32x32xf32>
  %y = asg.exp %b : tensor<32x32xf32>
  asg.return %y : tensor<32x32xf32>
}
