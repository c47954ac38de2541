// RUN: asgc-opt %s --plan-assign-memory --remarks=memory 2>&1 | FileCheck %s
// RUN: asgc-opt %s --plan-assign-memory --remarks=fusion 2>&1 | FileCheck %s --check-prefix=OTHER
// RUN: not asgc-opt %s --plan-assign-memory --remarks=memroy 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// OTHER-NOT: remark:
// UNKNOWN: there are no remarks of category 'memroy'; there are fusion, memory

// What lies in the arena where the most is alive, the largest first.
// CHECK: memory-remarks.mlir:[[#@LINE+1]]:1: remark: @main needs an arena of 12.0 KiB (waste 0.0 %); the most is alive in step 2 of 4, 'dot': 12.0 KiB in 3 buffers
plan.program @main inputs("x" %x: tensor<32x32xf32>) outputs("y" %y: tensor<32x32xf32>) {
  // CHECK: memory-remarks.mlir:[[#@LINE+1]]:8: remark: 4.0 KiB of the arena of @main at its peak: {{.*}}f32[32, 32], at byte {{[0-9]+}}, alive in steps 2 to 3, from 'dot' to 'sum'; in no other's place: a product reads its operands more than once
  %a = plan.alloc : tensor<32x32xf32>
  // CHECK: remark: 4.0 KiB {{.*}} alive in steps 0 to 3, from 'tanh' to 'sum'; in no other's place: the step reads nothing of the arena
  %b = plan.alloc : tensor<32x32xf32>
  // CHECK: remark: 4.0 KiB {{.*}} alive in steps 1 to 2, from 'exp' to 'dot'; in no other's place: what the step reads is needed later
  %c = plan.alloc : tensor<32x32xf32>
  plan.kernel "tanh" map space [1024] (%e = %x at [1] : tensor<32x32xf32>) -> (%b at [1] : tensor<32x32xf32>) {
    %r = math.tanh %e : f32
    plan.yield %r : f32
  }
  plan.kernel "exp" map space [1024] (%e = %b at [1] : tensor<32x32xf32>) -> (%c at [1] : tensor<32x32xf32>) {
    %r = math.exp %e : f32
    plan.yield %r : f32
  }
  plan.matmul "dot" batch [] m_n_k [32, 32, 32] strides [32, 1], [32, 1], [32, 1] offsets [0, 0, 0] act none (%c, %c) -> %a : tensor<32x32xf32>, tensor<32x32xf32> -> tensor<32x32xf32>
  plan.kernel "sum" map space [1024] (%e = %a at [1] : tensor<32x32xf32>, %f = %b at [1] : tensor<32x32xf32>) -> (%y at [1] : tensor<32x32xf32>) {
    %r = arith.addf %e, %f : f32
    plan.yield %r : f32
  }
}
