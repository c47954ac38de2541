// RUN: asgc-opt %s --plan-schedule --plan-assign-memory --plan-verify | FileCheck %s
// RUN: asgc-opt %s --plan-assign-memory | FileCheck %s --check-prefix=GIVEN

// Both large buffers would be alive at once in the order given. Each is reduced at
// once instead.
// GIVEN: arena 8256 lower_bound 8256
// CHECK-LABEL: plan.program @main
// CHECK: arena 4160 lower_bound 4160
// CHECK: plan.kernel "large.a"
// CHECK: plan.kernel "sum.a"
// CHECK: plan.kernel "large.b"
// CHECK: plan.kernel "sum.b"
plan.program @main inputs("x" %x: tensor<1024xf32>) outputs("y" %y: tensor<f32>) {
  %a = plan.alloc : tensor<1024xf32>
  %b = plan.alloc : tensor<1024xf32>
  %s = plan.alloc : tensor<f32>
  plan.kernel "large.a" map space [1024] (%e = %x at [1] : tensor<1024xf32>) -> (%a at [1] : tensor<1024xf32>) {
    %r = math.tanh %e : f32
    plan.yield %r : f32
  }
  plan.kernel "large.b" map space [1024] (%e = %x at [1] : tensor<1024xf32>) -> (%b at [1] : tensor<1024xf32>) {
    %r = math.exp %e : f32
    plan.yield %r : f32
  }
  plan.kernel "sum.a" reduce space [1024] (%e = %a at [1] : tensor<1024xf32>) -> (%s at [0] : tensor<f32>) {
    %r = plan.reduce add %e over [0] : f32
    plan.yield %r : f32
  }
  plan.kernel "sum.b" reduce space [1024] (%e = %b at [1] : tensor<1024xf32>, %f = %s at [0] : tensor<f32>) -> (%y at [0] : tensor<f32>) {
    %r = plan.reduce add %e over [0] : f32
    %t = arith.addf %r, %f : f32
    plan.yield %t : f32
  }
}
